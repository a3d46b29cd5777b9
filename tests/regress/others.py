"""Other users of the machine: what they do runs in child processes that have become these users, which takes root."""

import contextlib
import multiprocessing
import os
import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
import made  # noqa: E402

# No caller and no person of the policy below is this one.
STRANGER = 4242
BOT_A = 4301
BOT_B = 4302
OPERATOR_A = 4401

KEYS = """\
  quick:
    token: main
    object: "pkcs11:object=binance-main"
    profile: binance
    scheme: hmac
    key_id: "quick-key-id"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers]
  slow:
    token: main
    object: "pkcs11:object=binance-rsa"
    profile: binance
    scheme: rsa
    key_id: "slow-key-id"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers]
"""


def policy(bots=(0, BOT_A, BOT_B), operators=(0, OPERATOR_A)):
    callers = {f"bot-{uid}": uid for uid in bots}
    entry = harness.allow("bots", f"[{', '.join(callers)}]", "[quick, slow]", "read, trade, cancel")
    return harness.policy(KEYS, [entry], callers, operators)


@contextlib.contextmanager
def descriptor_limits(agent, soft, hard):
    """Agents that are started meanwhile may have so many files open."""
    program = agent.home / "limited-agent"
    program.write_text(f'#!/bin/sh\nulimit -Sn {soft} && ulimit -Hn {hard} && exec "{harness.AGENT}" "$@"\n')
    program.chmod(0o755)
    before = harness.AGENT
    harness.AGENT = program
    try:
        yield
    finally:
        harness.AGENT = before


class User:
    """A child process with the uid. `work` gets a function that tells us something, and then the arguments. It is ended
    when the block is left."""

    def __init__(self, uid, work, *arguments):
        context = multiprocessing.get_context("fork")
        self.heard, tells = context.Pipe(duplex=False)
        self.process = context.Process(target=self.run, args=(uid, work, tells, *arguments), daemon=True)

    @staticmethod
    def run(uid, work, tells, *arguments):
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        work(tells.send, *arguments)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()

    def hear(self, timeout_s=30.0):
        """The next thing that the child tells."""
        if not self.heard.poll(timeout_s):
            raise AssertionError(f"nothing was heard within {timeout_s} s")
        return self.heard.recv()


def connect(path, kind=socket.SOCK_STREAM, timeout_s=10.0):
    connection = socket.socket(socket.AF_UNIX, kind)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


@unittest.skipUnless(os.getuid() == 0, "only root can act as other users")
class OthersTest(unittest.TestCase):
    """An unlocked agent to which other users can connect, with the policy above."""

    limits = None  # (soft, hard) of open files for the agent
    bots = (0, BOT_A, BOT_B)
    operators = (0, OPERATOR_A)

    def setUp(self):
        harness.require_programs()
        self.agent = harness.Agent()
        self.addCleanup(self.agent.close)
        self.agent.home.chmod(0o755)
        self.agent.policy.write_text(policy(self.bots, self.operators))
        made.take(self.agent, self.make_tokens)
        self.prepare()
        self.start()

    def prepare(self):
        """Prepares what a test needs in addition; runs before the agent starts."""

    def make_tokens(self):
        self.agent.make_token()
        self.agent.import_hmac("binance-main", "hmac-sha256", harness.BINANCE_SECRET)
        self.agent.generate("binance-rsa", "rsa-sha256")

    def start(self):
        with descriptor_limits(self.agent, *self.limits) if self.limits else contextlib.nullcontext():
            self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def children(self, role):
        """The pids of core's children in the role."""
        names = (f"chancery-{role}".encode(), f"--role={role}".encode())
        return {child.pid for child in harness.children_of(self.agent.process.pid) if child.is_running()
                and any(name in child.read("cmdline").split(b"\0") for name in names)}

    def fronts(self):
        return self.children("front")

    @contextlib.contextmanager
    def new_client(self, timeout_s=5.0):
        """A connected client. While the queue of those who connect is full, it tries again."""
        end = time.monotonic() + timeout_s
        with self.agent.client(timeout_s) as client:
            while True:
                try:
                    client.connection.connect()
                    break
                except BlockingIOError:
                    client.close()
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)
            yield client

    def serves_anew(self, order=harness.BINANCE_ORDER, key="quick", timeout_s=5.0):
        """Asks by a connection of its own. Returns the status of the answer; None if there was none in time."""
        try:
            with self.new_client(timeout_s) as client:
                return client.sign(key, order).status
        except (OSError, harness.http.client.HTTPException):
            return None

    def rate(self, seconds, order=harness.BINANCE_ORDER, key="quick"):
        """Requests a second that one kept connection of ours is served."""
        served = 0
        with self.new_client() as client:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                self.assertEqual(client.sign(key, order).status, 200)
                served += 1
        return served / seconds

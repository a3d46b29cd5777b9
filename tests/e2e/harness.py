"""A real agent in a temporary folder, with its tokens, keys, files, sockets and processes.

Every test class gets an agent and a SoftHSM2 token of its own, so tests can run side by side and in any clone. Processes
that are started here are ended here, by process id. $CHANCERY_BUILD is the folder of the programs (default: build/gcc, else
build).
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import os
import pathlib
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import builds
import made
from client import Client
from policies import POLICY, allow, policy, with_key, with_unlock  # noqa: F401, the last four for tests

os.umask(0o022)  # the agent refuses files that a group can write to

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_folder():
    if "CHANCERY_BUILD" in os.environ:
        return pathlib.Path(os.environ["CHANCERY_BUILD"]).resolve()
    gcc = ROOT / "build" / "gcc"
    return gcc if (gcc / "chancery-agent").exists() else ROOT / "build"


BUILD = build_folder()
AGENT = BUILD / "chancery-agent"
CLI = BUILD / "chancery"

SO_PIN = "so-pin-7391"
USER_PIN = "user-pin-4826-hush"
# Published in the documentation of Binance and Kraken, so anyone can check the results.
BINANCE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BINANCE_KEY_ID = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
KRAKEN_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="

BINANCE_ORDER = {
    "method": "POST",
    "path": "/api/v3/order",
    "params": {
        "symbol": "LTCBTC",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "0.1",
        "recvWindow": 5000,
    },
}
KRAKEN_ORDER = {
    "method": "POST",
    "path": "/0/private/AddOrder",
    "params": {"ordertype": "limit", "pair": "XBTUSD", "price": "37500", "type": "buy", "volume": "1.25"},
}
BINANCE_CANCEL = {"method": "DELETE", "path": "/api/v3/order", "params": {"symbol": "LTCBTC", "orderId": 1}}
BINANCE_WITHDRAWAL = {
    "method": "POST",
    "path": "/sapi/v1/capital/withdraw/apply",
    "params": {"coin": "BTC", "address": "bc1qexample", "amount": "1"},
}

AGENT_YAML = """\
socket: run/agent.sock
operator_socket: run/operator.sock
state: state
profiles: {profiles}
policy: policy.yaml
tokens:
  main: {{ module: softhsm2, uri: "pkcs11:token=main", relogin: {relogin}, workers: 2 }}
"""


def require_programs():
    for program in (AGENT, CLI):
        if not program.exists():
            raise unittest.SkipTest(f"{program.name} is not built; run make")


def is_sanitized():
    return builds.is_sanitized(AGENT)


# How long what is sure to happen may take: a sanitized build on a loaded machine needs many times what a release does.
PATIENCE_S = 60.0


def wait_until(is_done, what, timeout_s=PATIENCE_S, pause_s=0.02):
    """`what` is a text, or a function that makes it once it is needed, as of a log that has not been written yet."""
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what() if callable(what) else what}")
        time.sleep(pause_s)


def run_cli(environment, *arguments, wrapper=(), stdin=None, secret=None, secrets_by_option=None, timeout_s=30):
    """Runs `chancery`. `secrets_by_option` maps an option that takes a descriptor to the secret it delivers; `wrapper` is a
    command that runs the one that follows."""
    command = [*wrapper, str(CLI), *map(str, arguments)]
    descriptors = []
    for option, value in (secrets_by_option or {}).items():
        read_end, write_end = os.pipe()
        os.write(write_end, value.encode())
        os.close(write_end)
        descriptors.append(read_end)
        command += [option, str(read_end)]
    given = secret if secret is not None else stdin
    try:
        return subprocess.run(
            command,
            env=environment,
            input=given.encode() if isinstance(given, str) else given or b"",
            capture_output=True,
            pass_fds=descriptors,
            timeout=timeout_s,
            check=False,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


class Process:
    """What /proc says of one process."""

    def __init__(self, pid):
        self.pid = pid

    def read(self, name):
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_bytes()

    def status(self):
        return dict(line.split(":", 1) for line in self.read("status").decode().splitlines())

    def parent(self):
        return int(self.status()["PPid"])

    def started(self):
        """In ticks since the machine's start."""
        return int(self.read("stat").rpartition(b")")[2].split()[19])

    def rss_kib(self):
        return int(self.status()["VmRSS"].split()[0])

    def is_running(self):
        """False if it has ended, even if it is still a zombie."""
        try:
            return self.status()["State"].split()[0] not in ("Z", "X")
        except (FileNotFoundError, ProcessLookupError):
            return False


def children_of(pid):
    """All children, zombies too."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if Process(int(entry)).parent() == pid:
                    found.append(Process(int(entry)))
            except (FileNotFoundError, ProcessLookupError, KeyError):
                continue
    return found


class Agent:
    """An agent and its folder: make(), start(), unlock(), then client(); close() at the end."""

    def __init__(self, relogin=True):
        # Directly under /tmp: the path of a Unix socket holds 107 bytes.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="ch-", dir="/tmp"))
        self.program = None  # another than AGENT
        self.wrapper = []  # a command that its programs are run by, as `nsenter`; it must become the program
        self.socket = self.home / "run" / "agent.sock"
        self.operator_socket = self.home / "run" / "operator.sock"
        self.config = self.home / "agent.yaml"
        self.policy = self.home / "policy.yaml"
        self.state = self.home / "state"
        self.variables = {}  # for the environment of its programs
        self.process = None
        self.starts = 0
        self.write_files(relogin)

    def write_files(self, relogin):
        (self.home / "tokens").mkdir()
        (self.home / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.config.write_text(
            AGENT_YAML.format(profiles=ROOT / "profiles", relogin="true" if relogin else "false")
        )
        self.policy.write_text(
            POLICY.format(uid=os.getuid(), other_uid=os.getuid() + 4242, binance_key_id=BINANCE_KEY_ID)
        )

    def environment(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")}
        environment.update(
            SOFTHSM2_CONF=str(self.home / "softhsm2.conf"),
            CHANCERY_SOCK=str(self.socket),
            CHANCERY_OPERATOR_SOCK=str(self.operator_socket),
        )
        environment.update(self.variables)
        # The leak checker would trace its process, which the agent does not allow. Other errors still end it with a report.
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=0")
        return environment

    # ---- the command line ----

    def cli(self, *arguments, **options):
        return run_cli(self.environment(), *arguments, wrapper=self.wrapper, **options)

    def must(self, *arguments, **options):
        done = self.cli(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(
                f"chancery {' '.join(map(str, arguments))}: exit status {done.returncode}: {done.stderr.decode()}"
            )
        return done.stdout.decode()

    def make_token(self):
        self.must(
            "token", "init", "--module", "softhsm2", "--label", "main",
            secrets_by_option={"--so-pin-fd": SO_PIN, "--pin-fd": USER_PIN},
        )

    def import_hmac(self, label, mechanism, secret, encoding="text"):
        self.must(
            "key", "import", "--module", "softhsm2", "--token", "main", "--label", label,
            "--mechanism", mechanism, "--encoding", encoding,
            secrets_by_option={"--pin-fd": USER_PIN, "--secret-fd": secret},
        )

    def generate(self, label, mechanism):
        """Makes a key pair on the token and returns its public half as PEM."""
        self.must(
            "key", "generate", "--module", "softhsm2", "--token", "main", "--label", label,
            "--mechanism", mechanism, secrets_by_option={"--pin-fd": USER_PIN},
        )
        return self.must(
            "key", "public", "--module", "softhsm2", "--token", "main", "--object", label,
            secrets_by_option={"--pin-fd": USER_PIN},
        )

    def make_usual(self):
        """Makes a token with all the keys that the policy names; returns the public halves as PEM."""
        self.make_token()
        self.make_keys()
        return self.public

    def make_keys(self):
        self.import_hmac("binance-main", "hmac-sha256", BINANCE_SECRET)
        self.import_hmac("kraken-main", "hmac-sha512", KRAKEN_SECRET, "base64")
        self.public = {
            "binance-ed25519": self.generate("binance-ed25519", "ed25519"),
            "binance-rsa": self.generate("binance-rsa", "rsa-sha256"),
        }

    def unlock(self, pin=USER_PIN):
        return self.cli("unlock", "main", secret=pin)

    def lock(self):
        return self.cli("lock", "main")

    def forget_state(self):
        """As if it had never run; only while it is stopped."""
        shutil.rmtree(self.state, ignore_errors=True)
        pathlib.Path(f"{self.state}.trace").unlink(missing_ok=True)

    # ---- the daemon ----

    def start(self, is_waited_for=True):
        self.starts += 1
        with open(self.home / "agent.out", "ab") as out, open(self.home / "agent.err", "ab") as err:
            self.process = subprocess.Popen(
                [*self.wrapper, str(self.program or AGENT), "--config", str(self.config)],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.home,
            )
        if is_waited_for:
            wait_until(self.is_serving, lambda: f"the agent serves; its log:\n{self.log()}")

    def log(self):
        err = self.home / "agent.err"
        return err.read_text(errors="replace") if err.exists() else ""

    def is_serving(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.log()}")
        try:
            with self.client() as client:
                tokens = client.get("/v1/status").json["tokens"]
                return all(token["state"] != "absent" for token in tokens)
        except (OSError, http.client.HTTPException):
            return False

    def is_ready(self):
        try:
            with self.client() as client:
                return client.get("/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def client(self, timeout_s=10.0):
        return Client(self.socket, timeout_s)

    def child(self, role):
        """The child in this role, or None; the newest, since one that core has parted with may take a while to end."""
        wanted = f"chancery-{role}".encode()
        found = []
        for process in children_of(self.process.pid):
            try:
                if process.read("cmdline").split(b"\0")[0] == wanted and process.is_running():
                    found.append((process.started(), process.pid, process))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return max(found)[2] if found else None

    def await_child(self, role, other_than=None, timeout_s=PATIENCE_S):
        """Waits for a child in this role that is not `other_than`, and returns it. A caller that looked it up again might
        find that it has ended."""
        found = []

        def is_there():
            found[:] = [self.child(role)]
            return found[0] is not None and (other_than is None or found[0].pid != other_than.pid)

        wait_until(is_there, f"there is a new {role} process", timeout_s)
        return found[0]

    def processes(self):
        """Core and its children, by role."""
        found = {"core": Process(self.process.pid)}
        for role in ("front", "token"):
            child = self.child(role)
            if child:
                found[role] = child
        return found

    def stop(self, signal_number=signal.SIGTERM, timeout_s=10):
        """Ends the agent and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout_s)
            raise AssertionError(f"the agent did not end within {timeout_s} s") from None

    def stop_all(self, signal_number=signal.SIGTERM):
        """Ends the agent, and waits until its other processes have ended with it."""
        children = children_of(self.process.pid)
        self.stop(signal_number)
        wait_until(lambda: not any(child.is_running() for child in children), "core's children end with it")

    def limit_files(self, size):
        """Core can write no file beyond so many bytes, as on a full disk; "unlimited" ends that."""
        subprocess.run(["prlimit", f"--pid={self.process.pid}", f"--fsize={size}:unlimited"], check=True)

    @contextlib.contextmanager
    def copied_state(self):
        """The state's database; a copy, so that what a crash left is for the agent to mend."""
        with tempfile.TemporaryDirectory(prefix="ch-state-", dir="/tmp") as folder:
            for path in self.state.glob("state.db*"):
                shutil.copy(path, folder)
            with contextlib.closing(sqlite3.connect(pathlib.Path(folder) / "state.db")) as database:
                yield database

    def close(self):
        try:
            if self.process:
                self.stop()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


def prepare_agent(add_cleanup, relogin=True):
    """An agent with its token and the usual keys, not yet started. `add_cleanup` is the test's, or its class's."""
    require_programs()
    agent = Agent(relogin)
    add_cleanup(agent.close)
    agent.public = made.take(agent, agent.make_usual)
    return agent


class AgentTest(unittest.TestCase):
    """Tests that share one unlocked agent; a test that breaks the agent restores it."""

    relogin = True
    is_unlocked = True
    maxDiff = None

    @classmethod
    def prepare(cls):
        """Prepares what a class needs in addition to the usual keys and files; runs before the agent starts."""

    @classmethod
    def setUpClass(cls):
        cls.agent = prepare_agent(cls.addClassCleanup, cls.relogin)
        cls.prepare()
        cls.agent.start()
        if cls.is_unlocked:
            done = cls.agent.unlock()
            if done.returncode != 0:
                raise AssertionError(f"unlock: {done.stderr.decode()}\n{cls.agent.log()}")

    def crash(self):
        """kill -9 of core, and a start after it."""
        self.agent.process.kill()
        self.agent.process.wait()
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def assert_signs(self, key="binance-main", order=None):
        """Asserts that the agent signs; returns the finished request."""
        with self.agent.client() as client:
            answer = client.sign(key, order or BINANCE_ORDER)
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        return answer.json

    def assert_problem(self, answer, status, kind=None):
        """Asserts that the answer is a problem document (RFC 9457) with this status and a sentence as its detail."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get("content-type", "").split(";")[0], "application/problem+json", answer)
        self.assertEqual(answer.json["status"], status, answer)
        self.assertGreater(len(answer.json["detail"]), 10, answer)
        if kind:
            self.assertEqual(answer.json["type"], f"urn:chancery:problem:{kind}", answer)


# ---- the exchanges' rules, written a second time from their documentation ----


def form(text):
    """The fields of a form or query, in order."""
    return urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True)


def split_signature(payload):
    """Binance signs everything before the last parameter, `signature`."""
    signed, _, signature = payload.rpartition("&signature=")
    return signed.encode(), urllib.parse.unquote(signature)


def binance_payload(finished):
    """The parameters of a finished request, which are in its query or in its body."""
    query = urllib.parse.urlsplit(finished["url"]).query
    return query or finished["body"]


def kraken_signature(secret, path, body):
    """API-Sign: HMAC-SHA512, by the decoded secret, of the path and the SHA-256 of nonce and body."""
    nonce = dict(form(body))["nonce"]
    digest = hashlib.sha256((nonce + body).encode()).digest()
    return base64.b64encode(hmac.digest(base64.b64decode(secret), path.encode() + digest, "sha512")).decode()


def openssl_verifies(folder, public_pem, message, signature, *options):
    """Asks the `openssl` program whether `signature` is valid."""
    stem = pathlib.Path(folder) / secrets.token_hex(8)
    public, text, raw = (stem.with_suffix(suffix) for suffix in (".pem", ".txt", ".sig"))
    public.write_text(public_pem)
    text.write_bytes(message)
    raw.write_bytes(signature)
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", text, "-sigfile", raw, *options],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0

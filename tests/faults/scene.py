"""The scene of the scenarios: an agent with two tokens. `main` loads the module at fault; `calm` is a good one, whose bot signs
all the while and must notice nothing of the other's trouble.

Bounds are generous: they tell what recovers from what does not, on a machine that does other things too."""

import http.client
import os
import signal
import threading
import time
import unittest

import harness
import made
from faults import Faults
from harness import BINANCE_ORDER, BINANCE_SECRET, USER_PIN, wait_until

KEY = "binance-main"
BACK_S = 40  # the longest pause between two tries is a few seconds
MISSED_S = 40  # an idle token is asked every few seconds, and has ten to answer
CALM_S = 5.0  # no answer for the calm token takes so long, whatever else this machine does

CONFIG = """\
socket: run/agent.sock
operator_socket: run/operator.sock
state: state
profiles: {profiles}
policy: policy.yaml
tokens:
  main: {{ module: softhsm2, uri: "pkcs11:token=main", relogin: {relogin}{workers} }}
  calm: {{ module: softhsm2, uri: "pkcs11:token=calm", workers: 1 }}
"""

KEY_POLICY = """\
  {name}:
    token: {token}
    object: "pkcs11:object={label}"
    profile: {profile}
    scheme: {scheme}
    key_id: "{name}-id"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers]
"""

# name, token, profile, scheme
KEYS = [
    (KEY, "main", "binance", "hmac"),
    ("binance-ed25519", "main", "binance", "ed25519"),
    ("binance-rsa", "main", "binance", "rsa"),
    ("calm", "calm", "binance", "hmac"),
]


class Agent(harness.Agent):
    survives_removal = True

    def write_files(self, relogin):
        (self.home / "tokens").mkdir()
        (self.home / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.write_config(relogin)
        self.write_policy(KEYS)

    def write_config(self, relogin, workers=", workers: 2"):
        self.config.write_text(CONFIG.format(profiles=harness.ROOT / "profiles", workers=workers,
                                             relogin="true" if relogin else "false"))

    def write_policy(self, keys):
        rows = "".join(KEY_POLICY.format(name=name, label=name, token=token, profile=profile, scheme=scheme)
                       for name, token, profile, scheme in keys)
        entries = [harness.allow(name, "tester", name, "read, trade, cancel") for name, *_ in keys]
        self.policy.write_text(harness.with_unlock(harness.policy(rows, entries), survives_removal=self.survives_removal))

    def make_tokens(self):
        for label in ("main", "calm"):
            self.must("token", "init", "--module", "softhsm2", "--label", label,
                      secrets_by_option={"--so-pin-fd": harness.SO_PIN, "--pin-fd": USER_PIN})
        self.import_hmac(KEY, "hmac-sha256", BINANCE_SECRET)
        self.must("key", "import", "--module", "softhsm2", "--token", "calm", "--label", "calm", "--mechanism", "hmac-sha256",
                  "--encoding", "text", secrets_by_option={"--pin-fd": USER_PIN, "--secret-fd": BINANCE_SECRET})
        self.generate("binance-ed25519", "ed25519")
        self.generate("binance-rsa", "rsa-sha256")


class Bot(threading.Thread):
    """Signs again and again, and keeps what came of it: (when it was asked, status, seconds, body)."""

    def __init__(self, agent, key, order=None, pause_s=0.05, timeout_s=90.0):
        super().__init__(daemon=True)
        self.agent = agent
        self.key = key
        self.order = order or BINANCE_ORDER
        self.pause_s = pause_s
        self.timeout_s = timeout_s
        self.answers = []
        self.is_over = threading.Event()

    def run(self):
        client = None
        while not self.is_over.is_set():
            began = time.monotonic()
            try:
                client = client or self.agent.client(self.timeout_s)
                answer = client.sign(self.key, self.order)
                self.answers.append((began, answer.status, time.monotonic() - began, answer))
            except (OSError, http.client.HTTPException) as broken:
                self.answers.append((began, type(broken).__name__, time.monotonic() - began, None))
                client = None
            self.is_over.wait(self.pause_s)
        if client:
            client.close()

    def statuses(self, since_s=0.0):
        return [status for began, status, _, _ in list(self.answers) if began >= since_s]

    def slowest_s(self):
        return max((seconds for _, _, seconds, _ in self.answers), default=0.0)

    def stop(self):
        self.is_over.set()
        self.join(self.timeout_s)


class Scenario(unittest.TestCase):
    """An agent of its own for each test, unlocked unless the class says otherwise."""

    relogin = True
    is_unlocked = True
    workers = ", workers: 2"

    @classmethod
    def setUpClass(cls):
        harness.require_programs()

    def setUp(self):
        self.agent, self.faults = self.make_agent()
        if self.is_unlocked:
            self.begin()

    def make_agent(self):
        agent = Agent(self.relogin)
        self.addCleanup(agent.close)
        agent.write_config(self.relogin, self.workers)
        made.take(agent, agent.make_tokens)
        return agent, Faults(agent)

    def begin(self):
        """Starts the agent, unlocks both tokens, and lets the calm one's bot sign."""
        self.agent.start()
        self.unlock_both()

    def unlock_both(self):
        self.unlock("main")
        self.unlock("calm")
        self.watch()

    def unlock(self, token="main", pin=USER_PIN):
        done = self.agent.cli("unlock", token, "--wait", secret=pin, timeout_s=90)
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")

    def watch(self):
        """Opens a client, and lets the calm token's bot sign."""
        self.client = self.agent.client(90)
        self.addCleanup(self.client.close)
        calm = Bot(self.agent, "calm")
        calm.start()
        self.addCleanup(self.check_calm, calm)

    def check_calm(self, calm):
        calm.stop()
        self.assertEqual(set(calm.statuses()), {200}, f"the calm token's bot noticed it\n{self.agent.log()}")
        self.assertLess(calm.slowest_s(), CALM_S)
        self.assertEqual(self.faults.violations(), [])
        self.assertEqual(self.faults.pins_sent_again(), [])

    def bot(self, key=KEY, **options):
        bot = Bot(self.agent, key, **options)
        self.addCleanup(bot.stop)
        bot.start()
        return bot

    def sign(self, key=KEY, order=None):
        return self.client.sign(key, order or BINANCE_ORDER)

    def token_state(self, name="main", agent=None):
        return next(token for token in self.status(agent)["tokens"] if token["name"] == name)

    def status(self, agent=None):
        with (agent or self.agent).client() as client:
            return client.get("/v1/status").json

    def kill_token(self, name="main", agent=None):
        os.kill(self.token_process(name, agent).pid, signal.SIGKILL)

    def token_process(self, name="main", agent=None):
        """The newest process of a token; both have the same program, so the module that is mapped tells."""
        found = []
        for process in harness.children_of((agent or self.agent).process.pid):
            try:
                is_token = process.read("cmdline").split(b"\0")[0] == b"chancery-token" and process.is_running()
                is_faulty = b"faulty.so" in process.read("maps")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if is_token and is_faulty == (name == "main"):
                found.append((process.started(), process.pid, process))
        return max(found)[2] if found else None

    # ---- what must hold ----

    def assert_signs(self, key=KEY):
        answer = self.sign(key)
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        return answer

    def assert_comes_back(self, within_s=BACK_S, key=KEY):
        """Signs again within that time; returns how long it took."""
        began = time.monotonic()
        wait_until(lambda: self.sign(key).status == 200, f"it signs again; its log:\n{self.agent.log()}", within_s, 0.1)
        wait_until(self.agent.is_ready, "it is ready", within_s)
        return time.monotonic() - began

    def assert_unavailable(self, answer):
        self.assertEqual((answer.status, answer.json["type"]), (503, "urn:chancery:problem:unavailable"), answer)
        self.assertIn("retry-after", answer.headers)

    def assert_state(self, state, within_s=MISSED_S):
        wait_until(lambda: self.token_state()["state"] == state,
                   f"the token is {state}; it is {self.token_state()}\n{self.agent.log()}", within_s)

"""What the tests of chancery setup share: a folder of their own, the answers, and the whole dialogue."""

import json
import os
import re
import subprocess
import time
import unittest

import codes
import harness
from dialogue import Dialogue, DialogueTest, loud, silent

OK, USAGE, REFUSED, CONFLICT, WRONG_PIN, TOKEN, CONFIG = 0, 2, 3, 5, 8, 9, 10
KEY_ID = harness.BINANCE_KEY_ID
ME = str(os.getuid())

# At a signature of Kraken nothing is confused, and each is good once.
KRAKEN = {"module": "softhsm2", "token": "new", "exchange": "kraken", "key_id": KEY_ID, "bot_may": "read-and-cancel",
          "codes": "no"}


class SetupTest(unittest.TestCase):
    """A folder of its own for each test, and a SoftHSM2 store."""

    @classmethod
    def setUpClass(cls):
        harness.require_programs()

    def setUp(self):
        self.agent = harness.Agent()
        self.addCleanup(self.agent.close)
        self.home = self.agent.home
        self.agent.config.unlink()
        self.agent.policy.unlink()
        self.target = self.home / "target"
        self.environment = {**self.agent.environment(), "CHANCERY_PROFILES": str(harness.ROOT / "profiles")}
        for name in ("CHANCERY_SOCK", "CHANCERY_OPERATOR_SOCK"):
            del self.environment[name]
        self.environment["ASAN_OPTIONS"] = self.environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"

    # ---- what is there ----

    def tokens(self):
        done = self.cli("token", "list", "--module", "softhsm2", "--json")
        return [row["label"] for row in json.loads(done.stdout)["tokens"] if row["initialized"]]

    def keys(self, token="trading"):
        done = self.cli("key", "list", "--module", "softhsm2", "--token", token, "--json", stdin=harness.USER_PIN)
        return sorted(key["label"] for key in json.loads(done.stdout)["keys"])

    def files(self):
        return sorted(str(path.relative_to(self.home)) for path in self.home.rglob("*")
                      if "tokens" not in path.parts and path.name != "softhsm2.conf")

    # ---- commands ----

    def cli(self, *words, **options):
        return harness.run_cli(self.environment, *words, **options)

    def answer(self, answers, *words, secret=harness.KRAKEN_SECRET, pin=harness.USER_PIN, folder=None):
        """Runs it by a file of answers."""
        file = self.home / "answers"
        file.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in answers.items()))
        secrets = {"--pin-fd": pin, "--secret-fd": secret}
        if answers.get("token") == "new":
            secrets["--so-pin-fd"] = harness.SO_PIN
        done = self.cli("setup", folder or self.target, "--answers", file, *words, secrets_by_option=secrets)
        file.unlink()
        for hidden in (harness.SO_PIN, harness.USER_PIN, secret):
            self.assertNotIn(hidden, done.stdout.decode() + done.stderr.decode())
        return done

    def set_up(self, answers, *words, **options):
        done = self.answer(answers, "--json", *words, **options)
        self.assertEqual(done.returncode, OK, done.stderr.decode())
        return json.loads(done.stdout)

    def refuse(self, answers, status, *says, **options):
        before = self.files()
        done = self.answer(answers, **options)
        self.assertEqual((done.returncode, done.stdout), (status, b""), done.stderr)
        for text in says:
            self.assertIn(text, done.stderr.decode())
        self.assertEqual(self.files(), before)
        return done.stderr.decode()

    def start(self):
        """The agent, by what was set up, and only that."""
        self.agent.config = self.target / "agent.yaml"
        self.agent.policy = self.target / "policy.yaml"
        self.agent.socket = self.target / "run" / "agent.sock"
        self.agent.operator_socket = self.target / "run" / "people" / "operator.sock"
        self.agent.start()


class SetupAtTerminalTest(SetupTest, DialogueTest):
    def setUp(self):
        codes.require_oathtool()
        super().setUp()
        self.me = self.name_of_me()

    def name_of_me(self):
        return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()

    def terminal(self, *words, **options):
        self.last = codes.Terminal(self.environment, *words, **options)
        self.addCleanup(self.last.close)
        return self.last

    def new_code(self):
        self.seed = codes.Seed(codes.URI.search(self.last.shown).group())
        self.assertEqual(codes.qr_text(self.last.shown), self.seed.uri)
        return self.seed.code(time.time())

    def what_is_there(self):
        return self.files()

    def relay_prompts(self):
        return [loud("through the relay? [no]: ")]

    def dialogue(self, is_new_token=True):
        token = [
            loud("Number or label [new]: "),
            loud("Label of the new token [trading]: "),
            silent("SO PIN (sets PINs and erases; keep it apart from the user PIN): ", harness.SO_PIN),
            silent("Once more, the same: ", harness.SO_PIN),
            silent("User PIN (unlocks for signing): ", harness.USER_PIN),
            silent("Once more, the same: ", harness.USER_PIN),
        ] if is_new_token else [
            loud("Number or label [trading]: "),
            silent("User PIN: ", harness.USER_PIN),
        ]
        return Dialogue(("setup", str(self.target)), [
            loud("Number, name or path [softhsm2]: "),
            *token,
            loud("Which exchange? Number or name: ", "kraken"),
            loud("its label on the token [kraken-main]: "),
            loud("(Enter: later): ", KEY_ID),
            silent("API secret (a private key on one line): ", harness.KRAKEN_SECRET),
            loud("Number or name [read]: ", "3"),
            loud(f"As which user does it run? [{self.me}]: "),
            *self.relay_prompts(),
            loud("as the exchange spells them? [BTCUSDT]: ", "XBTUSDT, ETHUSDT"),
            loud("Largest order, in USDT [100]: ", "250"),
            loud("All orders of a day, in USDT [1000]: "),
            loud("with limit prices [", "nobody"),
            loud(f"A user [{self.me}]: "),
            loud("besides the PIN? [yes]: "),
            loud("Go on? [yes]: "),
            silent("Code that the app shows: ", self.new_code),
        ])

    def unlock_and_sign(self):
        self.start()
        code = self.seed.code(time.time() + codes.STEP_S)  # the one before is used
        done = self.agent.cli("unlock", "trading", stdin=f"{harness.USER_PIN}\n{code}\n")
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")
        command = re.search(r"chancery (sign .*)", self.last.shown).group(1).split()
        self.assertIn("https://api.kraken.com", self.agent.must(*command))
        with self.agent.client() as client:
            order = {"ordertype": "limit", "pair": "XBTUSDT", "type": "buy", "price": "30000", "volume": "0.005"}
            call = {"method": "POST", "path": "/0/private/AddOrder", "params": order}
            self.assertEqual(client.sign("kraken-main", call).status, 200)
            for name, value in {"volume": "0.01", "type": "sell", "ordertype": "market", "pair": "SOLUSDT"}.items():
                self.assertEqual(client.sign("kraken-main", {**call, "params": {**order, name: value}}).status, 403, name)

"""Every command takes --json; those that change something say what they have done, and to what."""

import json
import pathlib
import re
import unittest

import harness
from cli_sandbox import PIN, SO_PIN, Sandbox
from rules import Agent

ON_TOKEN = ("--module", "softhsm2", "--token", "main")
CONFLICT, NOT_FOUND = 5, 4


class EveryCommand(Sandbox):
    def test_it_takes_json(self):
        commands = re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  +\S", self.ok("--help").out.split("commands:\n")[1])
        self.assertGreater(len(commands), 50)
        for command in commands:
            with self.subTest(command=command):
                self.assertRegex(self.ok(*command.split(), "--help").out, r"(?m)^  --json\b")

    def test_the_manual_says_so(self):
        manual = pathlib.Path(harness.ROOT) / "docs" / "man" / "chancery.1"
        synopsis = manual.read_text().split(".Sh SYNOPSIS\n")[1].split(".Sh DESCRIPTION\n")[0]
        for text in synopsis.split(".Nm\n")[1:]:
            if not text.startswith(".Cm help"):
                self.assertIn("Fl -json", text)

    def test_a_token_that_was_made(self):
        done = self.ok("token", "init", "--label", "demo", "--json", stdin=f"{SO_PIN}\n{PIN}\n")
        self.assertEqual(json.loads(done.out), {"done": "made", "label": "demo"})
        failed = self.run_cli("token", "init", "--label", "demo", "--json", stdin=f"{SO_PIN}\n{PIN}\n")
        self.assertEqual((failed.status, failed.out), (CONFLICT, ""))
        self.assertIn("chancery: ", failed.err)


class Changes(harness.AgentTest):
    def says(self, *words, **options):
        return json.loads(self.agent.must(*words, "--json", **options))

    def on_token(self, *words):
        return self.says(*words, *ON_TOKEN, "--yes", secrets_by_option={"--pin-fd": harness.USER_PIN})

    def sign_status(self):
        with self.agent.client() as client:
            return client.sign("binance-main", harness.BINANCE_ORDER).status

    def test_locks_and_unlocks(self):
        self.addCleanup(self.agent.unlock)
        self.assertEqual(self.says("lock", "main"), {"done": "locked", "token": "main", "note": ""})
        self.assertEqual(self.says("lock", "--all"), {"done": "locked", "token": None, "note": ""})
        self.assertEqual(self.says("unlock", "main", secret=harness.USER_PIN), {"done": "unlocked", "token": "main"})
        self.assertEqual(self.says("lock"), {"done": "locked", "token": None, "note": ""})
        self.assertEqual(self.says("unlock", secret=harness.USER_PIN), {"done": "unlocked", "token": None})

    def test_what_is_confirmed_and_read_again(self):
        self.assertEqual(self.says("reload"), {"done": "reloaded"})
        self.assertEqual(self.says("clock", "confirm"), {"done": "confirmed"})

    def test_a_key_that_was_exchanged(self):
        self.assertEqual(self.sign_status(), 200)
        uri = "pkcs11:object=binance-main"
        self.assertEqual(self.on_token("key", "delete", "--object", "binance-main"), {"done": "deleted", "object": uri})
        self.agent.import_hmac("binance-main", "hmac-sha256", "x" * 64)
        self.agent.must("reload")
        self.assertEqual(self.sign_status(), 403)
        self.assertEqual(self.says("key", "confirm", "binance-main"), {"done": "confirmed", "key": "binance-main"})

    def test_a_key_that_is_retired(self):
        self.agent.import_hmac("old", "hmac-sha256", "x" * 64)
        self.assertEqual(self.on_token("key", "retire", "old", "--config", self.agent.config),
                         {"done": "destroyed", "object": "pkcs11:object=old"})

    def test_a_key_that_is_revoked(self):
        said = self.says("key", "revoke", "binance-rsa", "--reason", "stolen")
        self.assertEqual((said["done"], said["key"], said["key_id"]), ("revoked", "binance-rsa", None))
        self.assertIn("delete the API key now", said["steps"][0])

    def test_a_failure_is_no_json(self):
        done = self.agent.cli("key", "revoke", "no-such-key", "--reason", "stolen", "--json")
        self.assertEqual((done.returncode, done.stdout), (NOT_FOUND, b""))
        self.assertIn(b"chancery: there is no key 'no-such-key'", done.stderr)


class Trading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent.prepare(cls.addClassCleanup)
        cls.agent.write_policy(["maker"], {
            "allow": ["name: trades, caller: maker, key: kraken, classes: [trade, cancel, read], markets: any, unlimited: true"]})
        cls.agent.start()

    def says(self, *words):
        return json.loads(self.agent.must(*words, "--json"))

    def test_a_price_that_is_believed(self):
        self.agent.put_prices(source="second", ETH_USDT="2000")
        self.agent.put_prices(source="second", ETH_USDT="4000")
        self.assertEqual(self.says("prices", "confirm", "second", "ETH/USDT", "4000"),
                         {"done": "confirmed", "source": "second", "pair": "ETH/USDT", "price": "4000"})

    def test_nonces(self):
        self.assertEqual(self.says("nonce", "raise", "kraken", str(2**60)),
                         {"done": "raised", "key": "kraken", "next": 2**60})
        self.assertEqual(self.says("nonce", "reset", "kraken", "0", "--reason", "the clock was ahead"),
                         {"done": "reset", "key": "kraken", "next": 0})


if __name__ == "__main__":
    unittest.main()

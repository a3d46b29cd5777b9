"""A key object that was exchanged under its name is noticed, and used only if an operator says that it was meant to be."""

import unittest

import harness
from harness import wait_until


class Exchanged(harness.AgentTest):
    def setUp(self):
        for key in ("binance-main", "binance-ed25519"):
            self.assertEqual(self.ask(key).status, 200)

    def ask(self, key):
        order = harness.KRAKEN_ORDER if key.startswith("kraken") else harness.BINANCE_ORDER
        with self.agent.client() as client:
            return client.sign(key, order)

    def delete(self, label):
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", label, "--yes",
                        secrets_by_option={"--pin-fd": harness.USER_PIN})

    def confirm(self, key):
        return self.agent.cli("key", "confirm", key)

    def assert_exchanged(self, key):
        answer = self.ask(key)
        self.assert_problem(answer, 403)
        self.assertEqual(answer.json["rule"], "exchanged-key")
        self.assertIn(f"chancery key confirm {key}", answer.json["detail"])

    def assert_confirmed(self, key):
        done = self.confirm(key)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_until(lambda: self.ask(key).status == 200, f"{key} signs")
        self.assertIn(f"accepts the object that key '{key}' has now", self.agent.log())

    def test_an_exchanged_secret_is_not_used_until_it_is_confirmed(self):
        self.delete("binance-main")
        self.agent.import_hmac("binance-main", "hmac-sha256", "x" * 64)
        self.assertEqual(self.agent.cli("reload").returncode, 0)
        self.assert_exchanged("binance-main")
        self.assertEqual(self.agent.stop(), 0)  # the print was kept
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_exchanged("binance-main")
        self.assertEqual(self.ask("binance-ed25519").status, 200)
        self.assert_confirmed("binance-main")
        self.assertEqual(self.agent.cli("reload").returncode, 0)
        self.assertEqual(self.ask("binance-main").status, 200)

    def exchange_kraken(self, secret):
        self.delete("kraken-main")
        self.agent.import_hmac("kraken-main", "hmac-sha512", secret, "base64")
        self.assertEqual(self.agent.cli("reload").returncode, 0)

    def test_the_old_secret_is_known_again(self):
        self.assertEqual(self.ask("kraken-main").status, 200)
        self.exchange_kraken("b3RoZXIg" * 11)
        self.assert_exchanged("kraken-main")
        self.exchange_kraken(harness.KRAKEN_SECRET)
        self.assertEqual(self.ask("kraken-main").status, 200)

    def test_an_exchanged_pair_is_seen_in_the_status(self):
        self.delete("binance-ed25519")
        self.agent.generate("binance-ed25519", "ed25519")
        self.assertEqual(self.agent.cli("reload").returncode, 0)
        with self.agent.client() as client:
            problems = client.get("/v1/status").json["problems"]
        self.assertEqual([problem["key"] for problem in problems], ["binance-ed25519"])
        self.assertIn("not the one that was first used under this name", problems[0]["problem"])
        self.assert_exchanged("binance-ed25519")
        self.assert_confirmed("binance-ed25519")

    def test_there_is_nothing_to_confirm_of_a_key_that_is_the_same(self):
        for key, code, says in (("binance-main", 5, b"nothing to confirm"), ("none", 4, b"there is no key 'none'")):
            done = self.confirm(key)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main()

"""A token that signs wrongly: no bot gets such a signature, and a key that keeps on doing so is not used."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from faults import Faults

KEYS = ("binance-rsa", "binance-ed25519", "binance-main")


class WrongSignatures(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.faults = Faults(cls.agent)

    def setUp(self):
        self.faults.set()
        self.assertEqual(self.agent.cli("reload").returncode, 0)
        for key in KEYS:
            harness.wait_until(lambda key=key: self.ask(key).status == 200, f"{key} signs")

    def ask(self, key):
        with self.agent.client() as client:
            return client.sign(key, harness.BINANCE_ORDER)

    def ask_after_restart(self, key):
        """The answer of a process that is logged in."""
        answers = []
        harness.wait_until(lambda: answers.append(self.ask(key)) or answers[-1].status != 503
                           or "signed wrongly" in answers[-1].json["detail"], "the token is back")
        return answers[-1]

    def fresh_process(self):
        """The first signature of each key is checked, however quick the key is."""
        self.assertEqual(self.agent.cli("reload").returncode, 0)

    def test_one_wrong_signature_is_withheld_and_the_next_is_right(self):
        for key in ("binance-rsa", "binance-ed25519"):
            with self.subTest(key):
                self.fresh_process()
                self.faults.set(f"C_Sign key={key},g1 garbage")
                answer = self.ask(key)
                self.assert_problem(answer, 502)
                self.assertIn("wrong by the key's public half", answer.json["detail"])
                self.assertIn(f"key '{key}': WRONG SIGNATURE", self.agent.log())
                self.assertEqual(self.ask_after_restart(key).status, 200)

    def test_every_signature_of_rsa_is_checked(self):
        for _ in range(5):
            self.assertEqual(self.ask("binance-rsa").status, 200)
        self.faults.set("C_Sign key=binance-rsa,g1 garbage")
        self.assert_problem(self.ask("binance-rsa"), 502)
        self.ask_after_restart("binance-rsa")

    def test_a_key_that_signs_wrongly_again_is_not_used_and_the_others_are(self):
        self.fresh_process()
        self.faults.set("C_Sign key=binance-ed25519 garbage")
        self.assert_problem(self.ask("binance-ed25519"), 502)
        self.assert_problem(self.ask_after_restart("binance-ed25519"), 502)
        answer = self.ask_after_restart("binance-ed25519")
        self.assert_problem(answer, 503)
        self.assertIn("signed wrongly with it, and again in a fresh process", answer.json["detail"])
        self.assertEqual(self.ask_after_restart("binance-main").status, 200)
        with self.agent.client() as client:
            problems = client.get("/v1/status").json["problems"]
        self.assertEqual([problem["key"] for problem in problems], ["binance-ed25519"])

    def test_a_signature_of_the_wrong_size_is_withheld(self):
        for action in ("short=1", "long=1"):
            for key in KEYS:
                with self.subTest(key=key, action=action):
                    self.faults.set(f"C_Sign key={key},g1 {action}")
                    self.assert_problem(self.ask(key), 502)
                    self.assertEqual(self.ask_after_restart(key).status, 200)


if __name__ == "__main__":
    unittest.main()

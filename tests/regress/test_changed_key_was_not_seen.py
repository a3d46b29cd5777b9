"""A key that was deleted and imported again under its label, or imported after the unlock, was not found until the token was
locked and unlocked, and no message said so. Any change of a grant needed a restart; SIGHUP ended the agent."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER, USER_PIN, wait_until


class ChangedKey(harness.AgentTest):
    def sign(self):
        with self.agent.client() as client:
            return client.sign("binance-main", BINANCE_ORDER)

    def rotate(self, secret):
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", "binance-main", "--yes",
                        secrets_by_option={"--pin-fd": USER_PIN})
        self.agent.import_hmac("binance-main", "hmac-sha256", secret)

    def reload(self):
        self.agent.process.send_signal(signal.SIGHUP)

    def test_a_key_that_was_made_anew_is_found(self):
        self.assertEqual(self.sign().status, 200)
        self.rotate("x" * 64)
        self.reload()
        wait_until(lambda: self.sign().status == 403, "the new key is found without a restart or an unlock")
        done = self.agent.cli("key", "confirm", "binance-main")
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}{self.agent.log()}")
        wait_until(lambda: self.sign().status == 200, "the new key signs")

    def test_sighup_does_not_end_the_agent(self):
        self.reload()
        wait_until(lambda: "reloaded" in self.agent.log(), "the log says so")
        self.assertIsNone(self.agent.process.poll())
        self.assertEqual(self.sign().status, 200)


if __name__ == "__main__":
    unittest.main()

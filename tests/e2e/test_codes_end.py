"""An unlock by PIN and code ends as any other does: by its time, a key's before its token's; and codes are for people only."""

import re
import unittest

import codes
import harness

LOCKED = 423


class Ends(codes.CodesTest):
    tokens = "tokens: { main: { unlock: { factors: [pin, code], for: 6s } } }\n"

    def setUp(self):
        super().setUp()
        text = self.agent.policy.read_text()
        text, count = re.subn(r"(?m)^  binance-main:\n", r"\g<0>    unlock: { for: 2s }\n", text)
        self.assertEqual(count, 1, text)
        self.agent.policy.write_text(text)
        self.agent.must("reload")
        self.seed = self.enroll()

    def answer(self, key="binance-main"):
        with self.agent.client() as client:
            return client.sign(key, harness.BINANCE_ORDER)

    def test_the_key_is_locked_first_and_then_the_token(self):
        self.assertEqual(self.unlock(self.fresh_code(self.seed)).returncode, 0)
        self.agent.must("clock", "confirm")
        self.assertEqual(self.answer().status, 200)
        harness.wait_until(lambda: self.answer().status == LOCKED, "the key is locked")
        self.assertEqual(self.state(), "unlocked")
        harness.wait_until(lambda: self.state() == "locked", "the token is locked")
        self.assertNotEqual(self.unlock(None).returncode, 0)  # the PIN alone does not begin it anew
        # What has locked is absent for a moment, while another process takes its place.
        harness.wait_until(lambda: self.state() == "locked", "the token is locked, and its next process is ready")
        self.assertEqual(self.unlock(self.fresh_code(self.seed)).returncode, 0)
        self.assertEqual(self.state(), "unlocked")


if __name__ == "__main__":
    unittest.main()

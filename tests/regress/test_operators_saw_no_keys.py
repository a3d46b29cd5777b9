"""An operator for whom no grant names a key, which is the set-up that the documents recommend, was told "not ready" and "0 of 0 keys
can sign", and by nothing which key it was."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import others


class Operator(others.OthersTest):
    bots = (others.BOT_A,)
    operators = (0,)

    def make_tokens(self):
        self.agent.make_token()
        self.agent.import_hmac("binance-main", "hmac-sha256", harness.BINANCE_SECRET)

    def test_an_operator_is_told_which_key_cannot_sign_and_why(self):
        shown = self.agent.must("status")
        self.assertIn("1 of 2 can sign", shown)
        self.assertRegex(shown, r"slow +.*has no rsa-sha256 key")


if __name__ == "__main__":
    unittest.main()

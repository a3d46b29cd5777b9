"""A request that says no time but a nonce, and this is a time, is not made anew if it is of before the agent's start. At
Bitso the nonce stands within a header, between the key's id and the signature, and was not looked at: an order that was
given up with the agent's last run was signed again."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from wired import WiredTest

BODY = '{"book":"btc_mxn","side":"buy","type":"limit","major":"0.01","price":"100"}'


class Restart(WiredTest):
    profile, classes = "bitso", "trade"

    def order(self, nonce):
        headers = {"Authorization": f"Bitso dummy:{nonce}:dummy", "Content-Type": "application/json"}
        return self.sign("POST", "https://bitso.com/api/v3/orders", BODY, headers)

    def test_a_nonce_within_a_header_is_held_against_the_start(self):
        before = time.time_ns() // 1_000_000
        self.assertEqual(self.order(before).status, 200)
        self.agent.stop()
        self.agent.start()
        self.agent.unlock()
        self.assert_refused(self.order(before), "by its 'Authorization' the request was made before the agent started")
        self.assertEqual(self.order(time.time_ns() // 1_000_000).status, 200)


if __name__ == "__main__":
    unittest.main()

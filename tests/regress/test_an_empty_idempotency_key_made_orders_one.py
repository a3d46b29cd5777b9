"""Two orders whose Idempotency-Key was empty were taken for one by the relay: the second was told the first one's answer, and
was not placed. Noticed by trying it."""

import unittest

from relay_rig import RelayTest


class TestEmptyIdempotencyKey(RelayTest):
    def test_it_is_refused(self):
        for body in ("one", "other"):
            reply = self.call("POST", "/api", body, {"Idempotency-Key": " "})
            self.assertEqual(reply.status, 400)
            self.assertIn("Idempotency-Key is empty", reply.problem["detail"])
        self.assertEqual((self.agent.asked, self.exchange.arrivals), ([], []))


if __name__ == "__main__":
    unittest.main()

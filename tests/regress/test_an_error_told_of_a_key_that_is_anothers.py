"""The relay keeps the shapes of errors that the agent names for a key. While the agent was away, it wrote its errors so for any
bot that named the key, also for one that policy does not let see it: the bot learned at which exchange the key is."""

import unittest

from relay_rig import RelayTest, SHAPES


class AnothersKey(RelayTest):
    def test_an_error_tells_nothing_of_a_key_that_is_anothers(self):
        self.assertEqual(self.call("POST", "/order", "one").status, 200)
        self.agent.judge = lambda *_: False
        mine = self.call("POST", "/order", "two")
        self.assertEqual((mine.status, mine.body.decode()), (503, SHAPES["not-sent"]["body"]))
        theirs = self.call("POST", "/order", "three", port=self.other_port, token=self.other_token)
        self.assertEqual((theirs.status, theirs.headers["Content-Type"]), (503, "application/problem+json"))


if __name__ == "__main__":
    unittest.main()

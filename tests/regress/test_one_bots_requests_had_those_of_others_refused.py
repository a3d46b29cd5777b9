"""While the agent took nothing for a moment, as when its machine was short of time, one bot's large requests filled the connection
that all bots share, and every other bot's request was refused at once. Of more than 256 questions whose answers came too late, the
agent was told of the last 256 alone that what it had signed was not sent."""

import collections
import threading
import unittest

from relay_rig import RelayTest, wait_until
from waiting import Waiting

LARGE = b"x" * 47000
MANY = 300


class SlowAgent(RelayTest):
    def setUp(self):
        """The agent reads nothing while `may_read` is not set."""
        super().setUp()
        self.may_read = threading.Event()
        self.may_read.set()
        take = self.agent.take

        def take_later(*arguments):
            self.may_read.wait(60)
            take(*arguments)
        self.agent.take = take_later
        self.addCleanup(delattr, self.agent, "take")
        self.addCleanup(self.may_read.set)
        self.call("POST", "/api/before", self.id())  # the relay knows that the key has no nonces

    def begin(self, body):
        bots = [self.connect() for _ in range(MANY)]
        for number, bot in enumerate(bots):
            self.addCleanup(bot.close)
            bot.sendall(self.head(f"POST /{self.token}/key-1/api/{number} HTTP/1.1", f"Content-Length: {len(body)}") + body)
        return bots

    def statuses(self, bots):
        return collections.Counter(bot.recv(65536)[:12] for bot in bots)


class TestShortStop(SlowAgent):
    times = {"agent_s": 60}

    def other(self, body="first"):
        return self.call("POST", "/api/other", body, port=self.other_port, token=self.other_token, key="key-2")

    def test_another_bot_waits_as_long_as_the_agent_does(self):
        self.assertEqual(self.other().status, 200)
        self.may_read.clear()
        bots = self.begin(LARGE)
        self.await_state("asking", MANY + 2)
        other = Waiting(self.other, "second")
        self.await_state("asking", MANY + 3)
        self.may_read.set()
        other.join()
        self.assertEqual(other.result.status, 200)
        self.assertEqual(self.statuses(bots), {b"HTTP/1.1 200": MANY})
        before = [question["wire"]["url"] for question in self.agent.asked].index("/api/other", 1)
        self.assertLess(before, MANY // 10)


class TestLongStop(SlowAgent):
    times = {"agent_s": 2}

    def test_what_was_not_asked_is_never_asked(self):
        self.may_read.clear()
        self.assertEqual(self.statuses(self.begin(LARGE)), {b"HTTP/1.1 503": MANY})
        self.may_read.set()
        self.assertEqual(self.call("POST", "/api/after", self.id()).status, 200)
        self.assertLess(len(self.agent.asked), MANY // 10)
        self.assertEqual(len(self.exchange.arrivals), 2)

    def test_all_that_was_signed_too_late_is_told(self):
        self.may_read.clear()
        self.assertEqual(self.statuses(self.begin(b"small")), {b"HTTP/1.1 503": MANY})
        self.may_read.set()
        wait_until(lambda: len(self.agent.asked) == MANY + 1, "all are asked")
        late = {question["relay"]["id"] for question in self.agent.asked[1:]}

        def told_twice():  # when it was late, and when it was signed
            told = collections.Counter(drawn for drawn, end in self.told() if end == {"outcome": "not-sent"})
            return {drawn for drawn, times in told.items() if times == 2}
        wait_until(lambda: told_twice() == late, "all are told")
        self.assertEqual(len(self.exchange.arrivals), 1)


if __name__ == "__main__":
    unittest.main()

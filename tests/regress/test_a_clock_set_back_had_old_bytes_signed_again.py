"""The clock was set back by some seconds while relay and agent did not run. What had been signed was then of a time to come, and
the same bytes were signed once more. So they were if the bot's clock was ahead, and the agent's was set forth and back."""

import time
import unittest

import clocked
from exact_way import EXCHANGES

QUANTITY = "0.0001"
BACK_S = 30
BOT_AHEAD_S = 55
FORTH_S = 400


class AClockSetBack(clocked.ClockedWay):
    def set_clock_back(self):
        """Also by the word of an operator, since the agent doubts it; and by then it is started once more."""
        self.agent.process.kill()
        self.agent.process.wait(40)
        self.set_behind(BACK_S)
        self.agent.start()
        self.agent.must("clock", "confirm")

    def set_clock(self, behind_s):
        """While the agent runs. The price makes it write all that it still knows."""
        self.set_behind(behind_s)
        self.agent.must("clock", "confirm")
        self.assertIn(self.put_prices().status, (200, 204))

    def test_same_bytes_are_sent_once_though_the_clock_was_set_forth_and_back(self):
        made = {exchange: exchange.order(QUANTITY, exchange.own_id("forth"), -BOT_AHEAD_S) for exchange in EXCHANGES.values()}
        for exchange, request in made.items():
            self.assertEqual(self.send(exchange, request)[0], 200, exchange.name)
        self.set_clock(-FORTH_S)
        self.set_clock(0)
        self.kill(("relay", "agent"))
        for exchange, request in made.items():
            self.assertIn("before the agent started", self.send(exchange, request)[1], exchange.name)

    def test_same_bytes_are_sent_once_though_the_clock_was_set_back(self):
        made = {exchange: exchange.order(QUANTITY, exchange.own_id("back")) for exchange in EXCHANGES.values()}
        for exchange, request in made.items():
            self.assertEqual(self.send(exchange, request)[0], 200, exchange.name)
        self.set_clock_back()
        self.kill(("relay", "agent"))
        for exchange, request in made.items():
            answer = self.send(exchange, request)
            self.assertIn("before the agent started", answer[1], exchange.name)
        time.sleep(1)  # HTX names seconds
        for exchange in EXCHANGES.values():
            own_id = exchange.own_id("anew")
            status, text = self.send(exchange, exchange.order(QUANTITY, own_id))
            self.assertNotIn("chancery", text, (exchange.name, status))


if __name__ == "__main__":
    unittest.main()

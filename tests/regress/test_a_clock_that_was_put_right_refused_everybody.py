"""The agent had started by a clock that was an hour ahead. When the clock was put right and an operator confirmed it, all that bots
asked through the relay was of before the start, and was refused for an hour."""

import time
import unittest

import exact_way
import rules
from exact_way import EXCHANGES, PRICE
from loaded import WallClock, require_clocks

QUANTITY = "0.0001"
BACK_S = 3600


class AClockPutRight(exact_way.ExactWay):
    @classmethod
    def setUpClass(cls):
        require_clocks()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.clock = WallClock(cls.agent)

    def setUp(self):
        self.behind_s = 0
        self.clock.set(0)
        super().setUp()

    def put_prices(self):
        """Of the time that the agent has."""
        return rules.Agent.put_prices(self, "first", self.behind_s, BTC_USDT=str(PRICE), BTC_USD=str(PRICE))

    def set_back(self):
        self.behind_s = BACK_S
        self.clock.set(-BACK_S)

    def check_all_are_signed(self):
        """The exchange has another time, and may refuse."""
        self.assertIn(self.put_prices().status, (200, 204))
        time.sleep(1)  # HTX names seconds
        for exchange in EXCHANGES.values():
            status, text = self.send(exchange, exchange.order(QUANTITY, exchange.own_id("right"), BACK_S))
            self.assertNotIn("chancery", text, (exchange.name, status))

    def test_while_the_agent_runs(self):
        self.set_back()
        self.agent.must("clock", "confirm")
        self.check_all_are_signed()

    def test_over_a_restart(self):
        self.agent.process.kill()
        self.agent.process.wait(40)
        self.set_back()
        self.agent.start()
        self.agent.must("clock", "confirm")
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.check_all_are_signed()


if __name__ == "__main__":
    unittest.main()

"""The agent had started by a clock that was an hour ahead. When the clock was put right and an operator confirmed it, all that bots
asked through the relay was of before the start, and was refused for an hour."""

import time
import unittest

import clocked
from exact_way import EXCHANGES

QUANTITY = "0.0001"
BACK_S = 3600


class AClockPutRight(clocked.ClockedWay):
    def check_all_are_signed(self):
        """The exchange has another time, and may refuse."""
        self.assertIn(self.put_prices().status, (200, 204))
        time.sleep(1)  # HTX names seconds
        for exchange in EXCHANGES.values():
            status, text = self.send(exchange, exchange.order(QUANTITY, exchange.own_id("right"), BACK_S))
            self.assertNotIn("chancery", text, (exchange.name, status))

    def test_while_the_agent_runs(self):
        self.set_behind(BACK_S)
        self.agent.must("clock", "confirm")
        self.check_all_are_signed()

    def test_over_a_restart(self):
        self.agent.process.kill()
        self.agent.process.wait(40)
        self.set_behind(BACK_S)
        self.agent.start()
        self.agent.must("clock", "confirm")
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.check_all_are_signed()


if __name__ == "__main__":
    unittest.main()

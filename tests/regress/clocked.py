"""Orders through a relay to exchanges, for an agent whose clock is set."""

import exact_way
import rules
from exact_way import PRICE
from loaded import WallClock, require_clocks


class ClockedWay(exact_way.ExactWay):
    @classmethod
    def setUpClass(cls):
        require_clocks()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.clock = WallClock(cls.agent)

    def setUp(self):
        self.set_behind(0)
        super().setUp()

    def set_behind(self, behind_s):
        """The agent's clock, from now on; the exchange's stays."""
        self.behind_s = behind_s
        self.clock.set(-behind_s)

    def put_prices(self):
        """Of the time that the agent has."""
        return rules.Agent.put_prices(self, "first", self.behind_s, BTC_USDT=str(PRICE), BTC_USD=str(PRICE))

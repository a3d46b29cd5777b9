"""Prices were kept with each ten thousandth decision only. So after a restart a source was believed whatever it said first; or it was
measured by what it had said days before, and held although it had moved slowly."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import rules
from harness import wait_until

ALLOW = "caller: a, key: kraken, classes: [trade], markets: [spot], symbols: [XBTUSDT], types: [limit], limits: [near]"
ENTRIES = {"allow": [f"name: trades, {ALLOW}"], "limit": ['name: near, price_within: "2 %", price_age: 10s']}
KEPT_S = 30  # ten, on a machine that is busy


class Prices(unittest.TestCase):
    def setUp(self):
        self.agent = rules.Agent.prepare(self.addCleanup)
        self.agent.write_policy(["a"], ENTRIES)
        self.agent.start()

    def kept(self):
        """The newest snapshot."""
        with self.agent.copied_state() as database:
            return "".join(row[0] for row in database.execute("SELECT lines FROM snapshot"))

    def put(self, **prices):
        answer = self.agent.put_prices(**prices)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["held"]

    def test_moves_are_measured_over_a_restart(self):
        self.assertEqual(self.put(BTC_USDT="30000", ETH_USDT="2000"), [])
        self.assertEqual(self.put(BTC_USDT="40000", ETH_USDT="1500"), [])
        wait_until(lambda: "\t40000\t" in self.kept() and "\t1500\t" in self.kept(), "prices are kept", KEPT_S, 0.5)
        self.agent.stop()
        self.agent.start()
        self.assertEqual(self.put(BTC_USDT="56000", ETH_USDT="1"), ["BTC/USDT", "ETH/USDT"])


if __name__ == "__main__":
    unittest.main()

"""Binance was taken to refuse parameters that it does not know, at every host, although that is known of /api only. If the
others ignore them, the signature of an order is good for every call there that requires nothing, and a bot that may only
trade could turn the switch for fast withdrawals with it. It was signed without a word."""

import unittest

import harness
from harness import BINANCE_ORDER


class TheSwitch(harness.AgentTest):
    @classmethod
    def prepare(cls):
        policy = cls.agent.policy
        lines = policy.read_text().splitlines(keepends=True)
        policy.write_text("".join(line for line in lines if not line.startswith("    accepts:")))

    def test_an_order_needs_the_classes_of_what_it_opens(self):
        cancel = {"method": "DELETE", "path": "/fapi/v1/order", "params": {"symbol": "LTCBTC", "orderId": 1}}
        with self.agent.client() as client:
            for order in (BINANCE_ORDER, cancel):
                answer = client.sign("binance-main", order)
                self.assert_problem(answer, 403, "refused")
                self.assertEqual(answer.json["rule"], "confusion")


if __name__ == "__main__":
    unittest.main()

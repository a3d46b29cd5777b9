"""Relay and agent were killed, and the bot sent the same bytes once more. HTX's requests name the time by the second, and the
second in which the agent had started passed for one after it; Kraken's have a nonce and no time. Both were placed twice."""

import unittest

import exact_way
from exact_way import EXCHANGES, PRICE

QUANTITY = "0.0001"


class TheSecondOfTheStart(exact_way.ExactWay):
    def test_same_bytes_are_sent_once_though_nobody_knows_of_them_any_more(self):
        made = {exchange: exchange.order(QUANTITY, exchange.own_id("both")) for exchange in EXCHANGES.values()}
        for exchange, request in made.items():
            self.assertEqual(self.send(exchange, request)[0], 200)
        self.kill(("relay", "agent"))
        for exchange, request in made.items():
            answer = self.send(exchange, request)
            self.assertIn("chancery", answer[1], exchange.name)
            self.assertEqual(self.check_books(exchange, answer), exact_way.decimal.Decimal(QUANTITY) * PRICE)


if __name__ == "__main__":
    unittest.main()

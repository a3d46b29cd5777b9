"""A bot whose clock was ahead sent an order, relay and agent were killed, and it sent the same bytes once more. Their own time
was still to come when the agent had started again, so they passed for a request that was made since, and were placed twice."""

import decimal
import unittest

import exact_way
from exact_way import EXCHANGES, PRICE
from ports import free_port

QUANTITY = "0.0001"
AHEAD_S = 30
VALUE = decimal.Decimal(QUANTITY) * PRICE


class ATimeAhead(exact_way.ExactWay):
    @classmethod
    def prepare(cls):
        """With a second caller, who asks through the same relay."""
        super().prepare()
        cls.ports = {"maker": cls.port, "taker": free_port()}
        config = cls.folder / "relay.yaml"
        config.write_text(config.read_text().replace(
            "routes:", f"- {{caller: taker, port: {cls.ports['taker']}, token: token}}\nroutes:", 1))

    @classmethod
    def policy(cls):
        return super().policy().replace("for: [maker]", "for: [maker, taker]") \
            .replace("  feed:", "  taker: { user: daemon }\n  feed:").replace("caller: maker,", "caller: [maker, taker],")

    def made(self, text, ahead_s=AHEAD_S):
        return {exchange: exchange.order(QUANTITY, exchange.own_id(text), -ahead_s) for exchange in EXCHANGES.values()}

    def send_as(self, caller, exchange, request):
        self.port = self.ports[caller]
        try:
            return self.send(exchange, request)
        finally:
            self.port = self.ports["maker"]

    def check_refused(self, exchange, request):
        status, body = self.send(exchange, request)
        self.assertIn("before the agent started", body, (exchange.name, status))

    def test_same_bytes_are_sent_once_also_if_their_time_is_still_to_come(self):
        made = self.made("ahead")
        for exchange, request in made.items():
            self.assertEqual(self.send(exchange, request)[0], 200, exchange.name)
        for _ in range(2):  # what was known from before one start is known from before the next
            self.kill(("relay", "agent"))
            for exchange, request in made.items():
                self.check_refused(exchange, request)
                self.assertEqual(self.check_books(exchange), VALUE)

    def test_only_what_is_not_newer_is_refused_and_of_nobody_else(self):
        binance, okx = EXCHANGES["binance"], EXCHANGES["okx"]
        earlier = binance.order(QUANTITY, "earlier", -AHEAD_S)
        later = binance.order(QUANTITY, "later", -AHEAD_S - 1)
        for request in (later, earlier):  # while the agent runs, the order does not matter
            self.assertEqual(self.send(binance, request)[0], 200)
        self.kill(("relay", "agent"))
        self.assertEqual(self.send_as("taker", binance, binance.order(QUANTITY, "of-another"))[0], 200)
        self.assertEqual(self.send(okx, okx.order(QUANTITY, "other"))[0], 200)
        for request in (later, earlier):
            self.check_refused(binance, request)
        for own_id, ahead_s in (("newest", AHEAD_S + 20), ("newer", AHEAD_S + 10)):
            answer = self.send(binance, binance.order(QUANTITY, own_id, -ahead_s))
            self.assertEqual(answer[0], 200, answer)
        placed = [order["client_id"] for order in self.venue.orders(exchange="binance")]
        self.assertEqual(sorted(placed), ["earlier", "later", "newer", "newest", "of-another"])


if __name__ == "__main__":
    unittest.main()

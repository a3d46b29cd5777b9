"""Bots through the relay and the real agent at the local exchange: what is judged is sent, once, and counted once."""

import decimal
import json
import signal
import threading
import time
import unittest

import whole_way
from harness import BINANCE_KEY_ID
from waiting import Waiting

BOTS = 8


class Whole(whole_way.WholeWay):
    def setUp(self):
        """Each test begins with nothing used."""
        super().setUp()
        self.agent.stop()
        self.agent.forget_state()
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0, self.agent.log())
        self.venue.behave()
        self.venue.reset()

    def book(self):
        return self.venue.book("binance", BINANCE_KEY_ID)

    def problem(self, headers):
        return json.loads(headers["Chancery-Problem"])

    def assert_nothing_twice(self):
        book = self.book()
        self.assertEqual((book["repeats"], book["duplicates"]), (0, 0))
        return decimal.Decimal(book["value_by_quote"].get("BTC", "0"))

    # ---- what an SDK sends ----

    def test_order_is_placed_and_counted(self):
        status, body, _ = self.order(newClientOrderId="o1")
        self.assertEqual(status, 200, (body, self.relay_log()[-500:]))
        self.assertEqual(json.loads(body)["clientOrderId"], "o1")
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_public_call_needs_no_signature(self):
        status, body, _ = self.call("binance-relay", "GET", "/api/v3/time")
        self.assertEqual((status, "serverTime" in json.loads(body)), (200, True))

    def test_read_needs_read_alone(self):
        path = f"/api/v3/account?timestamp={int(time.time() * 1000)}&signature=dummy"
        status, body, headers = self.call("binance-relay", "GET", path, headers={"X-MBX-APIKEY": "dummy"})
        self.assertEqual(status, 200, (body, headers["Chancery-Problem"]))

    # ---- errors ----

    def test_refusal_is_written_as_the_exchange_would(self):
        status, body, headers = self.order(quantity="1000000")
        self.assertIn("code", json.loads(body))
        self.assertEqual((status // 100, self.problem(headers)["rule"]), (4, "day"))

    def test_locked_token_is_an_error_and_no_success(self):
        self.agent.lock()
        status, body, headers = self.order()
        self.assertNotIn(status, (200, 202, 423), body)
        self.assertEqual(self.problem(headers)["type"], "urn:chancery:problem:locked")

    def test_rejection_gives_back_what_policy_lets(self):
        self.venue.misbehave("refuse", exchange="binance", kind="order")
        status, body, _ = self.order()
        self.assertGreaterEqual(status, 400, body)

    # ---- once ----

    def test_same_bytes_are_sent_once_also_by_another_relay(self):
        body = self.write_order(newClientOrderId="same")
        first = self.send_order(body)
        self.assertEqual(self.send_order(body)[:2], first[:2])
        self.end_relay(signal.SIGKILL)
        self.start_relay()
        self.assertEqual(self.send_order(body)[0], 504)
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_idempotency_key_places_one_order(self):
        def place(name):
            return self.call("binance-relay", "POST", "/api/v3/order", self.write_order(newClientOrderId=name), {
                "X-MBX-APIKEY": "dummy", "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "one"})[:2]
        said = [place(f"i{i}") for i in range(3)]
        self.assertEqual((said[0][0], said[1:]), (200, [said[0]] * 2), said)
        self.end_relay(signal.SIGKILL)
        self.start_relay()
        self.assertEqual(place("i3")[0], 504)  # the agent knows of it
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_budget_is_exact_though_connections_die_unanswered(self):
        self.venue.misbehave("close", exchange="binance", reused=True, every=5)
        numbers = iter(range(150))
        lock = threading.Lock()
        statuses = []

        def bot():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                statuses.append(self.order(quantity="0.1", newClientOrderId=f"b{number}")[0])
        for one in [Waiting(bot) for _ in range(BOTS)]:
            one.join()
            self.assertIsNone(one.result)
        self.assertEqual((statuses.count(200) + statuses.count(504), 504 in statuses), (100, True))
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("1"))

    def test_sixteen_bots_on_one_kraken_key_have_no_nonce_refused(self):
        """At an exchange of 50 ms, which it takes before it looks at a request or before it answers, in turns."""
        self.venue.misbehave("delay", exchange="kraken", ms=50, before=True, every=2)
        self.venue.misbehave("delay", exchange="kraken", ms=50)
        order = {"ordertype": "limit", "pair": "XBTUSD", "type": "buy", "volume": "0.0001", "price": "37500"}
        calls = (("Balance", {}), ("AddOrder", order), ("OpenOrders", {}), ("AddOrder", order), ("CancelAll", {}))

        def bot():
            return [(name, *self.kraken(f"/0/private/{name}", **params)) for name, params in calls]
        bots = [Waiting(bot) for _ in range(16)]
        for one in bots:
            one.join()
            for name, status, body, headers in one.result:
                self.assertEqual((status, json.loads(body).get("error")), (200, []), (name, body, headers["Chancery-Problem"]))
        book = self.venue.book("kraken", "kraken-key-id")
        self.assertEqual((book["refused"], book["accepted"]["order"], book["accepted"]["read"], book["accepted"]["cancel"]),
                         ({}, 32, 32, 16))


if __name__ == "__main__":
    unittest.main()

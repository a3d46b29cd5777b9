"""A bot with a budget of 1,000 USDT that was taken over, through the relay at an exchange that never deduplicates: whatever it
writes, however often, the exchange has never accepted more than 1,000 USDT, nor one order twice."""

import collections
import os
import sys
import time
import unittest

import exact_way
import harness
from exact_way import BUDGET, PRICE
from relay_tricks import LARGE, SMALL, tricks

sys.path.insert(0, str(harness.ROOT / "tests" / "venue"))
import load  # noqa: E402

REQUESTS = int(os.environ.get("CHANCERY_RELAY_REQUESTS", "400"))  # to each exchange
CONNECTIONS = 6
# What the exchange refuses in these tests, and why. All else would hide what a bot could have done.
EXPLAINED = {
    "order": "an amendment of an order that is not there",
    "path": "a call that the venue does not play",
    "symbol": "a market that the venue does not have",
    "params": "a value that policy counted, and the exchange does not take",
    "duplicate": "the test's own wish",
}
# What an exchange does to one order, and whether it has taken it. None of it may be taken for a rejection.
TROUBLES = (
    ("close", {}), ("reset", {}), ("answer-then-close", {}), ("truncate", {}), ("garbage", {"handled": True}), ("smuggle", {}),
    ("extra", {}), ("interim", {}), ("chunked", {}), ("gzip", {}), ("until-close", {}), ("headers", {"handled": True}),
    ("status", {"handled": True, "status": 500, "body": "{}"}), ("status", {"handled": True, "status": 502}),
    ("status", {"handled": True, "status": 504}), ("redirect", {"handled": True}), ("redirect", {"handled": True, "status": 302}),
    ("refuse", {"handled": True, "kind_of": "duplicate"}), ("refuse", {"handled": True, "kind_of": "busy"}),
    ("refuse", {"kind_of": "funds"}), ("refuse", {"kind_of": "busy"}), ("hang", {}),
)


class Exact(exact_way.ExactWay):
    def check_refusals(self, exchange):
        refused = self.book(exchange)["refused"]
        self.assertLessEqual(set(refused), set(EXPLAINED), (exchange.name, refused))

    def play_tricks(self, exchange):
        """Whatever the answer: the books must be right after each few of them."""
        statuses = collections.Counter()
        connection = self.connect()
        for n, (what, request) in enumerate(tricks(exchange)):
            for _ in range(2):  # and the same bytes again
                statuses[self.send(exchange, request, connection)[0]] += 1
            if n % 20 == 0:
                self.check_books(exchange, what)
        connection.close()
        accepted = self.check_books(exchange, "all tricks")
        print(exchange.name, n, statuses, accepted, self.used(exchange), self.book(exchange), file=sys.stderr)
        self.check_refusals(exchange)
        return statuses

    def test_tricks(self):
        for statuses in self.on_each(self.play_tricks):
            self.assertGreater(statuses[200], 10, statuses)

    def play_troubles(self, exchange):
        """After each the bot sends the same bytes once more, and the same under its Idempotency-Key with another time."""
        for i, (what, how) in enumerate(TROUBLES):
            self.venue.misbehave(what, exchange=exchange.name, kind="order", times=1, **how)
            own = exchange.own_id(f"trouble-{i}")
            request = exchange.order(SMALL, own).with_headers(Idempotency_Key=own)
            first = self.send(exchange, request)
            again = self.send(exchange, request)
            anew = self.send(exchange, exchange.order(SMALL, own).with_headers(Idempotency_Key=own))
            other = self.send(exchange, exchange.order(LARGE, own).with_headers(Idempotency_Key=own))
            self.check_books(exchange, (what, how, first, again, anew, other))
        self.check_refusals(exchange)

    def test_answers_that_say_nothing_return_nothing(self):
        self.on_each(self.play_troubles)

    def play_hang_ups(self, exchange):
        for i, after_s in enumerate((0, 0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.05)):
            own = exchange.own_id(f"hang-{i}")
            request = exchange.order(SMALL, own).with_headers(Idempotency_Key=own)
            self.send_and_leave(exchange, request, after_s)
            self.send(exchange, request)
            self.send(exchange, exchange.order(SMALL, own).with_headers(Idempotency_Key=own))
            self.check_books(exchange, f"hangs up after {after_s} s")
        self.assertEqual(self.book(exchange)["refused"], {})

    def test_hang_ups(self):
        self.on_each(self.play_hang_ups)

    # ---- many ----

    def begin_troubles(self):
        for exchange in exact_way.EXCHANGES:
            for what, every, how in (("close", 7, {"reused": True}), ("refuse", 31, {"kind_of": "funds"}), ("reset", 41, {}),
                                     ("status", 43, {"handled": True}), ("refuse", 47, {"handled": True, "kind_of": "duplicate"})):
                self.venue.misbehave(what, exchange=exchange, kind="order", every=every, skip=every - 1, **how)

    def flood(self, exchange):
        """A tenth are the same bytes as one of before; if all others were taken, they came to an eighth more than the budget."""
        quantity = f"{BUDGET * 125 / 100 / REQUESTS / PRICE:.8f}"
        made = []

        def make(n):
            if n % 10 == 9:
                return made[-1 - n % 7]
            made.append(exchange.order(quantity, exchange.own_id(f"f-{n}")).raw(self.port, self.prefix(exchange)))
            return made[-1]
        _, _, statuses = load.run(lambda: load.Lane(self.port, "127.0.0.1"), make, REQUESTS, CONNECTIONS)
        return statuses

    def test_many_requests_have_the_budget_and_no_more(self):
        self.begin_troubles()
        began_s = time.monotonic()
        answered = self.on_each(self.flood)
        took_s = time.monotonic() - began_s
        for exchange, statuses in zip(exact_way.EXCHANGES.values(), answered):
            accepted = self.check_books(exchange, statuses)
            book = self.book(exchange)
            print(f"{exchange.name}: {REQUESTS} requests, {book['orders']} orders, {accepted} USDT accepted, {self.used(exchange)} counted, "
                  f"{statuses}", file=sys.stderr)
            self.assertGreaterEqual(accepted, BUDGET * 95 / 100, statuses)
            self.assertEqual(book["refused"], {}, statuses)
        print(f"{took_s:.0f} s", file=sys.stderr)
        self.assertEqual(self.venue.arrivals(verdict="the venue failed"), [])


if __name__ == "__main__":
    unittest.main()

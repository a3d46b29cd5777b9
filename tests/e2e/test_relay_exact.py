"""A bot with a budget of 1,000 USDT that was taken over, through the relay at an exchange that never deduplicates: whatever it
writes, however often, the exchange has never accepted more than 1,000 USDT, nor one order twice."""

import collections
import os
import sys
import unittest

import exact_way
import harness
from exact_way import BUDGET, PRICE
from relay_tricks import LARGE, SMALL, known_attacks, tricks

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

    def play(self, exchange, tried):
        """Whatever the answer: the books must be right after each few of them."""
        statuses = collections.Counter()
        connection = self.connect()
        for n, (what, request) in enumerate(tried):
            for _ in range(2):  # and the same bytes again
                statuses[self.send(exchange, request, connection)[0]] += 1
            if n % 20 == 0:
                self.check_books(exchange, what)
        connection.close()
        self.check_books(exchange, "all tricks")
        self.check_refusals(exchange)
        return statuses

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

    def flood(self, exchange):
        """A tenth are the same bytes as one of before; if all others were taken, they came to an eighth more than what is left."""
        quantity = f"{(BUDGET - self.used(exchange)) * 125 / 100 / REQUESTS / PRICE:.8f}"
        made = []

        def make(n):
            if n % 10 == 9:
                return made[-1 - n % 7]
            made.append(exchange.order(quantity, exchange.own_id(f"f-{n}")).raw(self.port, self.prefix(exchange)))
            return made[-1]
        _, _, statuses = load.run(lambda: load.Lane(self.port, "127.0.0.1"), make, REQUESTS, CONNECTIONS)
        return statuses

    def attack(self, exchange):
        """Tricks while the whole budget is there, as many requests as it takes to use it up, and the large attacks at its end."""
        tried = self.play(exchange, tricks(exchange))
        self.assertGreater(self.book(exchange)["orders"], 15, tried)
        used = self.used(exchange)
        answered = self.flood(exchange)
        self.play(exchange, known_attacks(exchange))
        accepted = self.check_books(exchange, answered)
        book = self.book(exchange)
        self.say(f"{exchange.name}: {book['orders']} orders, {accepted} USDT accepted, {self.used(exchange)} counted ({used} by tricks), "
              f"{book['refused']} refused, {answered}")
        self.assertGreaterEqual(accepted, BUDGET * 95 / 100, (exchange.name, answered))

    def test_tricks_and_many_requests_have_the_budget_and_no_more(self):
        self.begin_troubles()
        self.on_each(self.attack)
        self.assertEqual(self.venue.arrivals(verdict="the venue failed"), [])


if __name__ == "__main__":
    unittest.main()

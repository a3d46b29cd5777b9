"""kill -9 of the relay, the agent or both at random instants, under load at five exchanges: nothing that was sent is sent
again, nothing that was used is returned, and of the budget is lost only what was in flight."""

import decimal
import os
import random
import threading
import time
import unittest

import exact_way
from exact_way import BUDGET, PRICE
from waiting import Waiting

KILLS = int(os.environ.get("CHANCERY_RELAY_KILLS", "40"))
ROWS = (  # who is killed at the Nth time, and so on
    ("relay",), ("relay",), ("agent",), ("relay", "agent"),
)
PLACED = ('"orderId":', '"sCode":"0"', '"status":"ok"', '"txid":')  # one of them is in the answer to an order that was taken
BOTS = 2  # for each exchange
PATIENCE_S = 10  # for which it asks again
# As much as has the budget last as long as the kills do, about: 0.90 USDT for forty.
QUANTITY = f"{decimal.Decimal('0.0012') / KILLS:.8f}"
VALUE = decimal.Decimal(QUANTITY) * PRICE


class Bot:
    """Orders one after the other. One that was not answered it asks for again: with the same bytes, or made anew under the same
    Idempotency-Key. The latter only while one of relay and agent still knows what was sent."""

    def __init__(self, test, exchange, number):
        self.test = test
        self.exchange = exchange
        self.number = number
        self.is_anew = number % 2 == 1
        self.done = 0  # orders that it has finished with, whatever came of them
        self.placed = set()
        self.in_doubt = set()
        self.refused_in_a_row = 0

    def run(self):
        while not self.test.is_over.is_set():
            self.place(self.exchange.own_id(f"{self.number}x{self.done}"))
            self.done += 1

    def make(self, own):
        return self.exchange.order(QUANTITY, own).with_headers(Idempotency_Key=f"{self.exchange.name}-{own}")

    def place(self, own):
        request = self.make(own)
        was_lost = False
        until_s = time.monotonic() + PATIENCE_S
        status, body = self.test.send(self.exchange, request)
        while status in (0, 503) and time.monotonic() < until_s and not self.test.is_over.is_set():
            was_lost = True
            time.sleep(0.01)
            if self.is_anew and self.test.are_both_away:
                break
            request = self.make(own) if self.is_anew else request
            status, body = self.test.send(self.exchange, request)
        if status == 200 and any(mark in body for mark in PLACED):
            self.placed.add(own)
        elif was_lost or not self.is_of_policy(body):
            self.in_doubt.add(own)
        self.refused_in_a_row = self.refused_in_a_row + 1 if self.is_of_policy(body) else 0

    @staticmethod
    def is_of_policy(body):
        return "the value limit" in body


class Crashes(exact_way.ExactWay):
    def setUp(self):
        super().setUp()
        self.is_over = threading.Event()
        self.are_both_away = False

    def await_bots(self, bots):
        """Until each has finished with what it had asked for before, so that nothing is asked for again over two kills."""
        before = [bot.done for bot in bots]
        exact_way.harness.wait_until(lambda: all(bot.done > was + 1 for bot, was in zip(bots, before)), "every bot goes on", 60)
        self.are_both_away = False

    def check_orders(self, exchange, bots):
        """Each order that a bot was told of is in the book, once; what else is there was in doubt."""
        orders = [order["client_id"] for order in self.venue.orders(exchange=exchange.name)]
        self.assertEqual(len(orders), len(set(orders)))
        placed = {own for bot in bots for own in bot.placed}
        in_doubt = {own for bot in bots for own in bot.in_doubt}
        self.assertLessEqual(placed, set(orders))
        self.assertLessEqual(set(orders) - placed, in_doubt)
        return in_doubt

    def test_kills(self):
        self.begin_troubles()
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        bots = [Bot(self, exchange, i) for exchange in exact_way.EXCHANGES.values() for i in range(BOTS)]
        running = [Waiting(bot.run) for bot in bots]
        try:
            for i in range(KILLS):
                who = ROWS[i % len(ROWS)]
                self.are_both_away = len(who) == 2
                self.kill(who)
                self.await_bots(bots)
                for exchange in exact_way.EXCHANGES.values():
                    self.check_books(exchange, f"kill {i}, seed {seed}")
                time.sleep(dice.random() * 0.1)
            self.say(f"{KILLS} kills with {sum(bot.done for bot in bots)} orders")
            exact_way.harness.wait_until(lambda: all(bot.refused_in_a_row > 2 for bot in bots), "the budgets are used up", 600)
        finally:
            self.is_over.set()
            for one in running:
                one.join(60)
        self.assertEqual([one.result for one in running], [None] * len(running))
        for exchange in exact_way.EXCHANGES.values():
            own = [bot for bot in bots if bot.exchange is exchange]
            accepted = self.check_books(exchange, f"seed {seed}")
            in_doubt = self.check_orders(exchange, own)
            self.say(f"{exchange.name}: {KILLS} kills, {accepted} USDT accepted, {self.used(exchange)} counted, {len(in_doubt)} in doubt, "
                  f"{self.book(exchange)['refused']} refused")
            # A kill comes upon one order of each bot at most; and an order may still be asked for when this ends.
            in_flight = VALUE * (KILLS + 1) * BOTS
            self.assertGreater(accepted, BUDGET - in_flight - VALUE, exchange.name)
            self.assertLessEqual(self.used(exchange) - accepted, in_flight, exchange.name)
            self.assertEqual(self.book(exchange)["refused"], {})


if __name__ == "__main__":
    unittest.main()

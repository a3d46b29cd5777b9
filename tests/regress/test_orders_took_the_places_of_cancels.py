"""One bot's orders in flight took all places at the token: of another bot's cancels, three in five were answered with 503. So
did several bots within their shares, also with cancels alone. Now cancels have places of their own, each caller
has a share of them, and who has nothing there has its first few in any case."""

import contextlib
import selectors
import time
import unittest

from others import BOT_A, OthersTest, User, connect
from client import request_bytes
from harness import BINANCE_CANCEL, BINANCE_ORDER

IN_FLIGHT = 700
CANCELS = 60


def keep_in_flight(tell, path, count, asked=BINANCE_ORDER):
    """One request on each of so many connections; whoever is answered asks again, and who is closed comes again."""
    request = request_bytes("slow", asked)
    waiting = selectors.DefaultSelector()
    has_told = False
    while True:
        while len(waiting.get_map()) < count:
            try:
                connection = connect(path)
                connection.sendall(request)
            except OSError:
                break
            waiting.register(connection, selectors.EVENT_READ)
        if not has_told:
            tell(len(waiting.get_map()))
            has_told = True
        for ready, _ in waiting.select(1):
            connection = ready.fileobj
            with contextlib.suppress(OSError):
                if connection.recv(65536):
                    connection.sendall(request)
                    continue
            waiting.unregister(connection)
            connection.close()


class CancelsOfAnother(OthersTest):
    def test_no_cancel_is_refused(self):
        with User(BOT_A, keep_in_flight, self.agent.socket, IN_FLIGHT) as greedy:
            self.assertGreater(greedy.hear(120), 100, self.agent.log())
            with self.new_client(120) as client:
                begun = time.monotonic()
                statuses = [client.sign(key, BINANCE_CANCEL).status for key in ("slow", "quick") for _ in range(CANCELS // 2)]
        print(f"{statuses.count(503)} of {CANCELS} cancels refused, {CANCELS / (time.monotonic() - begun):.0f} a second")
        self.assertEqual(statuses, [200] * CANCELS, self.agent.log())

class PlacesThatAllTook(OthersTest):
    """Each attacker: who, what it asks for, and how much of it is in flight."""

    crowd = tuple(range(4310, 4318))
    bots = (0, *crowd)

    def check_is_served(self, asked, attackers):
        with contextlib.ExitStack() as stack:
            for uid, attack, count in attackers:
                user = stack.enter_context(User(uid, keep_in_flight, self.agent.socket, count, attack))
                self.assertGreaterEqual(user.hear(120), count // 2, self.agent.log())
            time.sleep(1)
            with self.new_client(120) as client:
                answers = [client.sign("quick", asked) for _ in range(CANCELS)]
        self.assertEqual([answer.status for answer in answers], [200] * CANCELS, answers[-1].json)

    def test_cancels_while_some_have_orders_and_some_cancels(self):
        self.check_is_served(BINANCE_CANCEL, [(uid, BINANCE_ORDER if uid % 2 else BINANCE_CANCEL, 110) for uid in self.crowd])

    def test_cancels_while_many_have_cancels(self):
        self.check_is_served(BINANCE_CANCEL, [(uid, BINANCE_CANCEL, 100) for uid in self.crowd])

    def test_orders_while_many_have_orders(self):
        self.check_is_served(BINANCE_ORDER, [(uid, BINANCE_ORDER, 100) for uid in self.crowd])


if __name__ == "__main__":
    unittest.main()

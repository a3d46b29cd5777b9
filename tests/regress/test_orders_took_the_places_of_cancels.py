"""One bot's orders in flight took all places at the token: of another bot's cancels, three in five were answered with 503. Now
cancels have places of their own, and each caller has a share of them."""

import contextlib
import selectors
import time
import unittest

from others import BOT_A, CANCEL, OthersTest, User, connect, request_bytes
from harness import BINANCE_ORDER

IN_FLIGHT = 700
CANCELS = 60


def keep_in_flight(tell, path, count):
    """One order on each of so many connections; whoever is answered asks again, and who is closed comes again."""
    order = request_bytes("slow", BINANCE_ORDER)
    waiting = selectors.DefaultSelector()
    has_told = False
    while True:
        while len(waiting.get_map()) < count:
            try:
                connection = connect(path)
                connection.sendall(order)
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
                    connection.sendall(order)
                    continue
            waiting.unregister(connection)
            connection.close()


class CancelsOfAnother(OthersTest):
    def test_no_cancel_is_refused(self):
        with User(BOT_A, keep_in_flight, self.agent.socket, IN_FLIGHT) as greedy:
            self.assertGreater(greedy.hear(120), 100, self.agent.log())
            with self.new_client(120) as client:
                begun = time.monotonic()
                statuses = [client.sign(key, CANCEL).status for key in ("slow", "quick") for _ in range(CANCELS // 2)]
        print(f"{statuses.count(503)} of {CANCELS} cancels refused, {CANCELS / (time.monotonic() - begun):.0f} a second")
        self.assertEqual(statuses, [200] * CANCELS, self.agent.log())


if __name__ == "__main__":
    unittest.main()

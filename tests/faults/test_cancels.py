"""Cancels on a device that takes a second for each signature, while twenty orders wait."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from faults import Faults

DEVICE_S = 1.0
ORDERS = 20


class Cancels(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.faults = Faults(self.agent)
        self.agent.start()
        self.agent.unlock()
        self.statuses = []

    def order(self):
        with self.agent.client(60) as client:
            self.statuses.append(client.sign("binance-main", harness.BINANCE_ORDER).status)

    def begin_orders(self):
        bots = [threading.Thread(target=self.order) for _ in range(ORDERS)]
        for bot in bots:
            bot.start()
        return bots

    def cancel(self):
        began = time.monotonic()
        with self.agent.client(60) as client:
            answer = client.sign("binance-main", harness.BINANCE_CANCEL)
        self.assertEqual(answer.status, 200, answer)
        return time.monotonic() - began

    def end(self, bots):
        self.faults.set()
        for bot in bots:
            bot.join()
        self.assertEqual(self.statuses, [200] * ORDERS, self.agent.log())

    def test_a_cancel_is_signed_within_two_device_times(self):
        self.faults.set(f"@serial {int(DEVICE_S * 1000)}")
        bots = self.begin_orders()
        time.sleep(2.5 * DEVICE_S)
        for _ in range(3):
            self.assertLess(self.cancel(), 2 * DEVICE_S + 0.3)
        self.end(bots)

    def test_a_cancel_waits_only_for_what_is_inside_the_device_when_a_quick_token_has_become_slow(self):
        """Each of the two workers is inside it, and it serves them in any order."""
        with self.agent.client() as client:
            for _ in range(50):
                client.sign("binance-main", harness.BINANCE_ORDER)
        self.faults.set(f"@serial {int(DEVICE_S * 1000)}")
        bots = self.begin_orders()
        time.sleep(0.3)
        self.assertLess(self.cancel(), 4 * DEVICE_S + 0.3)
        self.assertLess(self.cancel(), 2 * DEVICE_S + 0.3)
        self.end(bots)


if __name__ == "__main__":
    unittest.main()

"""A freeze while a device has work: what it signs after that is withheld, and a cancel passes as soon as the device is back."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from faults import Faults
from harness import BINANCE_CANCEL, BINANCE_ORDER
from waiting import Waiting

DEVICE_S = 2.0
EFFECTIVE_S = 1.0
ORDERS = 6


class Freeze(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        # At Binance a cancel's signature opens these calls, too, which a freeze would not let pass.
        self.agent.policy.write_text(self.agent.policy.read_text().replace(
            "bare-transfers, margin", "bare-transfers, bare-trades, loan-renewal, margin"))
        self.faults = Faults(self.agent)
        self.agent.start()
        self.agent.unlock()
        self.assertEqual(self.sign().status, 200)

    def sign(self, order=BINANCE_ORDER):
        with self.agent.client(90) as client:
            return client.sign("binance-main", order)

    def freeze(self, *options):
        began = time.monotonic()
        self.agent.must("freeze", "--all", "--reason", "it went mad", *options)
        self.assertLess(time.monotonic() - began, EFFECTIVE_S)

    def begin_orders(self):
        orders = [Waiting(self.sign) for _ in range(ORDERS)]
        time.sleep(0.5)
        return orders

    def check_slow(self, words, *options):
        self.faults.set(f"@serial {int(DEVICE_S * 1000)}")
        orders = self.begin_orders()
        self.freeze(*options)
        cancel = Waiting(lambda: self.sign(BINANCE_CANCEL))
        for order in orders:
            order.join(60)
            self.assertEqual((order.result.status, order.result.json["rule"]), (403, "state"), order.result)
        self.assertTrue(any(f"{words} while this was being signed, so it is withheld" in order.result.json["detail"]
                            for order in orders), [order.result for order in orders])
        cancel.join(60)
        self.assertEqual(cancel.result.status, 200, cancel.result)

    def test_what_a_slow_device_signs_later_is_withheld(self):
        self.check_slow("all trading was halted")

    def test_what_a_slow_device_signs_later_is_withheld_unless_it_reduces(self):
        self.check_slow("all trading was set to reducing", "--reducing")

    def test_a_module_that_hangs_holds_no_freeze_up_and_cancels_pass_once_it_is_back(self):
        self.faults.set("C_Sign * hang")
        orders = self.begin_orders()
        self.freeze()
        time.sleep(0.5)
        self.faults.set()
        for order in orders:
            order.join(90)
            self.assertNotEqual(order.result.status, 200, order.result)
        harness.wait_until(lambda: self.sign(BINANCE_CANCEL).status == 200, f"cancels pass again\n{self.agent.log()}", 100, 0.5)
        self.assertEqual(self.sign().json["rule"], "state")


if __name__ == "__main__":
    unittest.main()

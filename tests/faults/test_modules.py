"""Modules that fail at the start, or are particular about it. Numbers in brackets are the scenarios' of the table in README.md."""

import time
import unittest

from scene import Scenario

HELD_S = 5  # long enough for several tries


class Modules(Scenario):
    def test_a_crash_at_the_start_is_tried_again_less_and_less(self):
        """[13]"""
        since_s = time.monotonic()
        self.faults.set("C_Initialize * crash")
        self.kill_token()
        self.assert_state("absent")
        time.sleep(HELD_S)
        tries = len(self.faults.calls("C_Initialize", edge=">", since_s=since_s))
        self.assertIn(tries, range(3, 15))
        self.assert_unavailable(self.sign())
        self.assertEqual(self.faults.pins(since_s), [])
        self.faults.set()
        self.assert_comes_back()

    def test_a_token_that_comes_and_goes_serves_while_it_is_there(self):
        """[28]"""
        bot = self.bot(pause_s=0.02)
        since_s = time.monotonic()
        for _ in range(3):
            self.faults.set("C_Sign * rv=CKR_DEVICE_ERROR")
            time.sleep(1)
            self.faults.set()
            time.sleep(4)
        statuses = bot.statuses(since_s)
        self.assertLessEqual(set(statuses), {200, 503})
        self.assertGreater(statuses.count(200), 2 * statuses.count(503))
        self.assertLess(len(self.faults.pins(since_s)), 20)
        self.assert_comes_back()


class Particular(Scenario):
    """[26]"""

    is_unlocked = False

    def assert_works_with(self, *faults):
        self.faults.set(*faults)
        self.begin()
        self.assert_signs()

    def test_an_rsa_key_where_only_the_plain_mechanism_is_there(self):
        self.assert_works_with("@mechs -CKM_SHA256_RSA_PKCS")
        self.assert_signs("binance-rsa")


if __name__ == "__main__":
    unittest.main()

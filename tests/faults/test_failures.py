"""C_Sign fails: what fails once is that request's own failure, and what fails always has the process started anew. Numbers in brackets are the scenarios' of the table in README.md."""

import time
import unittest

from scene import KEY, Scenario
from waiting import Waiting

# the request's own failure; after a few in a row, the module's
VAGUE = ("CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY", "0x80000042")
# the device's
DEVICE = ("CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED",
          "CKR_CRYPTOKI_NOT_INITIALIZED")
OTHERS_S = 6  # until another worker takes over
KILLED_S = 25  # a job may take ten seconds
HELD_S = 6  # long enough for several tries


class Failures(Scenario):
    def test_a_failure_without_a_reason_is_the_requests_own(self):
        """[1]"""
        process = self.token_process().pid
        for result in VAGUE:
            with self.subTest(result):
                self.faults.set(f"C_Sign 1 rv={result}")
                self.assertEqual([self.sign().status for _ in range(3)], [502, 200, 200])
        self.assertEqual(self.token_process().pid, process)
        self.assertEqual(self.faults.pins(), [1])

    def test_failures_without_a_reason_end_when_the_module_is_well(self):
        """[2]"""
        bot = self.bot()
        since_s = time.monotonic()
        self.faults.set("C_Sign * rv=CKR_GENERAL_ERROR")
        self.assert_state("absent")
        self.assertFalse(self.agent.is_ready())
        self.assert_unavailable(self.sign())
        time.sleep(HELD_S)
        self.faults.set()
        self.assert_comes_back()
        self.assertLessEqual(set(bot.statuses(since_s)), {200, 502, 503})
        self.assertLessEqual(bot.statuses(since_s).count(502), 2 * len(self.faults.pins(since_s)) + 2)

    def test_a_failure_of_the_device_costs_one_answer_and_a_moment(self):
        """[3]"""
        for result in DEVICE:
            with self.subTest(result):
                since_s = time.monotonic()
                self.faults.set(f"C_Sign g1 rv={result}")
                self.assert_unavailable(self.sign())
                self.assert_comes_back()
                self.assertEqual(len(self.faults.pins(since_s)), 1)

    def check_tried_less_and_less(self, fault):
        bot = self.bot()
        since_s = time.monotonic()
        self.faults.set(fault)
        self.assert_state("absent")
        time.sleep(HELD_S)
        self.assertLess(len(self.faults.pins(since_s)), 10)
        self.faults.set()
        self.assert_comes_back()
        self.assertLessEqual(set(bot.statuses(since_s)), {200, 503})

    def test_a_device_that_fails_on_and_on_is_asked_less_and_less(self):
        """[4]"""
        self.check_tried_less_and_less("C_Sign * rv=CKR_DEVICE_ERROR")

    def test_a_signature_that_hangs_is_given_up(self):
        """[6]: others are served meanwhile."""
        for key in (KEY, "binance-ed25519"):
            self.assert_signs(key)
        self.faults.set(f"C_Sign key={KEY} hang")
        hung = Waiting(self.agent_signs, KEY)
        time.sleep(0.3)
        for _ in range(5):
            began = time.monotonic()
            self.assert_signs("binance-ed25519")
            self.assertLess(time.monotonic() - began, OTHERS_S)
        self.assertIsNone(hung.result, "the signature hangs no more")
        self.faults.set(f"C_Sign key={KEY},g2+ hang")  # the one that is there already hangs on
        hung.join(KILLED_S)
        self.assertEqual(getattr(hung.result, "status", hung.result), 503)
        self.faults.set()
        self.assert_comes_back()

    def agent_signs(self, key):
        with self.agent.client(90) as client:
            return client.sign(key, {"method": "GET", "path": "/api/v3/openOrders", "params": {"symbol": "LTCBTC"}})

    def test_a_crash_costs_what_was_there(self):
        """[11]"""
        since_s = time.monotonic()
        self.faults.set("C_Sign g1 crash")
        self.assert_unavailable(self.sign())
        self.assert_comes_back()
        self.assertEqual(len(self.faults.pins(since_s)), 1)

    def test_crashes_on_and_on_are_slowed_down_and_end(self):
        """[11]"""
        self.check_tried_less_and_less("C_Sign * crash")


if __name__ == "__main__":
    unittest.main()

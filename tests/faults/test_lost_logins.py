"""Sessions and logins that end. Numbers in brackets are the scenarios' of the table in README.md."""

import time
import unittest

from harness import wait_until
from scene import BACK_S, Scenario

IDLE_MS = 1500
IDLE_S = IDLE_MS / 1000


class Dropped(Scenario):
    def test_a_login_that_another_program_ended_is_made_again(self):
        """[5]"""
        for event in ("@logout", "@reset"):
            with self.subTest(event):
                since_s = time.monotonic()
                self.faults.set(event)
                self.assert_signs()
                self.assert_comes_back()
                self.assertEqual(len(self.faults.pins(since_s)), 1)

    def test_it_is_noticed_though_nobody_asks(self):
        """[5]"""
        since_s = time.monotonic()
        self.faults.set("@logout")
        wait_until(lambda: len(self.faults.pins(since_s)) == 1, "it is logged in again", BACK_S)
        self.assert_signs()

    def test_a_request_after_an_idle_drop_is_not_lost(self):
        """[19]"""
        self.faults.set(f"@idle {IDLE_MS}")
        for pause_s in (IDLE_S + 0.2, IDLE_S + 0.7, IDLE_S + 4):
            self.assert_signs()
            time.sleep(pause_s)
            self.assert_signs()
            self.assert_signs("binance-rsa")

    def test_sessions_that_were_dropped_while_nobody_was_logged_in(self):
        """[19]"""
        self.agent.must("lock", "main")
        self.faults.set(f"@idle {IDLE_MS}")
        wait_until(self.agent.is_serving, "a locked process is there", BACK_S)
        time.sleep(IDLE_S + 0.5)
        self.unlock()
        self.faults.set()
        self.assert_comes_back()
        self.assert_signs("binance-rsa")

    def test_a_drop_under_load(self):
        """[19]"""
        bot = self.bot()
        since_s = time.monotonic()
        for _ in range(3):
            self.faults.set("@reset")
            time.sleep(2)
        self.faults.set()
        self.assert_comes_back()
        statuses = bot.statuses(since_s)
        self.assertLessEqual(set(statuses), {200, 503})
        self.assertLessEqual(statuses.count(503), 3)


if __name__ == "__main__":
    unittest.main()

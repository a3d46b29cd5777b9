"""A module that failed without saying why failed every request for ever, and the agent said that it was ready; so did one whose
login another program had ended. A re-login that failed for a passing reason forgot the PIN, and a module that died with the PIN got
it again and again, each of which a card may count. Now a fresh process is logged in with the PIN that was kept, unless the PIN
itself may be at fault."""

import os
import pathlib
import signal
import sys
import time
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from harness import BINANCE_ORDER, wait_until
from faults import Faults

VAGUE_FAILURES = 3 # without a signature
BACK_S = 30 # the longest pause between two tries is a few seconds
TRIES = 5
MISSED_S = 60 # it is asked every few seconds, and has ten to answer
TRIES_S = 4 # long enough for several tries


class Failing(unittest.TestCase):
    relogin = True

    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup, relogin=self.relogin)
        self.faults = Faults(self.agent)
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.client = self.agent.client(timeout_s=60)
        self.addCleanup(self.client.close)
        self.assertEqual(self.sign().status, 200)

    def sign(self):
        return self.client.sign("binance-main", BINANCE_ORDER)

    def kill_token(self):
        os.kill(self.agent.child("token").pid, signal.SIGKILL)

    def assert_comes_back(self):
        wait_until(self.agent.is_ready, "it comes back by itself", BACK_S)
        self.assertEqual(self.sign().status, 200)


class Particular(unittest.TestCase):
    def test_a_module_that_takes_no_locks_but_its_own_is_used(self):
        agent = harness.prepare_agent(self.addCleanup)
        Faults(agent).set("@no-custom-mutex")
        agent.start()
        self.assertEqual(agent.unlock().returncode, 0)
        with agent.client() as client:
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)


class WithPin(Failing):
    def test_a_module_that_fails_without_a_reason_is_started_anew(self):
        self.faults.set("C_Sign * rv=CKR_GENERAL_ERROR")
        answers = [self.sign() for _ in range(VAGUE_FAILURES)]
        self.assertEqual([answer.status for answer in answers], [502] * (VAGUE_FAILURES - 1) + [503])
        self.assertEqual({self.sign().status for _ in range(TRIES)}, {503})
        self.assertIn("CKR_GENERAL_ERROR", self.agent.must("status"))
        self.faults.set()
        self.assert_comes_back()

    def test_one_such_failure_is_the_requests_own(self):
        before = self.agent.child("token").pid
        self.faults.set("C_Sign 1 rv=CKR_GENERAL_ERROR")
        self.assertEqual([self.sign().status for _ in range(4)], [502, 200, 200, 200])
        self.assertEqual(self.agent.child("token").pid, before)

    def test_a_bad_request_after_such_failures_is_its_own(self):
        """While nothing had been signed since, whoever could have a request of his own fail ended the process for all."""
        self.faults.set(f"C_Sign 1-{VAGUE_FAILURES} rv=CKR_GENERAL_ERROR")
        before = self.agent.child("token").pid
        self.assertEqual([self.sign().status for _ in range(VAGUE_FAILURES)][-1], 503)
        wait_until(self.agent.is_ready, "it comes back by itself", BACK_S)
        fresh = self.agent.child("token").pid
        self.assertNotEqual(fresh, before)
        self.faults.set("C_Sign 1 rv=CKR_DATA_LEN_RANGE")
        self.assertEqual([self.sign().status for _ in range(2)], [502, 200])
        self.assertEqual(self.agent.child("token").pid, fresh)

    def test_a_login_that_was_lost_is_made_again(self):
        self.faults.set("C_SignInit * rv=CKR_USER_NOT_LOGGED_IN")
        answer = self.sign()
        self.assertEqual((answer.status, answer.json["type"]), (503, "urn:chancery:problem:unavailable"))
        self.assertIn("is being logged in again", answer.json["detail"])
        self.faults.set()
        self.assert_comes_back()

    def test_a_login_that_fails_for_a_passing_reason_is_tried_again(self):
        self.faults.set("C_Login * rv=CKR_DEVICE_ERROR")
        self.kill_token()
        wait_until(lambda: "CKR_DEVICE_ERROR" in self.agent.must("status"), "the status says why", BACK_S)
        self.assertEqual(self.sign().status, 503)
        self.faults.set()
        self.assert_comes_back()

    def test_a_pin_is_sent_once_more_to_a_module_that_died_with_it(self):
        self.faults.set("C_Login * crash")
        since_s = time.monotonic()
        self.kill_token()
        wait_until(lambda: "ended twice in the middle of a login" in self.agent.must("status"), "it is locked", BACK_S)
        time.sleep(TRIES_S)
        self.assertEqual(self.faults.pins(since_s), [1, 1])
        self.assertEqual(self.sign().status, 423)
        self.faults.set()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertEqual(self.sign().status, 200)

    def take_out(self):
        tokens, away = self.agent.home / "tokens", self.agent.home / "away"
        tokens.rename(away)
        tokens.mkdir()
        self.addCleanup(lambda: away.exists() and (tokens.rmdir(), away.rename(tokens)))
        return lambda: (tokens.rmdir(), away.rename(tokens))

    def test_a_token_that_is_taken_out_is_missed_though_nobody_asks(self):
        self.agent.policy.write_text(harness.with_unlock(self.agent.policy.read_text(), survives_removal=True))
        self.agent.must("reload")
        self.agent.must("lock", "main")
        self.assertEqual(self.agent.unlock().returncode, 0)  # that lets the token leave
        put_back = self.take_out()
        wait_until(lambda: not self.agent.is_ready(), "it is missed", MISSED_S)
        self.assertIn("absent", self.agent.must("status"))
        put_back()
        self.assert_comes_back()

    def test_a_module_that_hangs_is_missed_though_nobody_asks(self):
        self.faults.set("C_GetTokenInfo * hang")
        wait_until(lambda: not self.agent.is_ready(), "it is missed", MISSED_S)
        self.faults.set()
        self.assert_comes_back()


class WithoutPin(Failing):
    relogin = False

    def test_a_login_that_was_lost_leaves_it_locked_and_says_so(self):
        self.faults.set("C_SignInit * rv=CKR_USER_NOT_LOGGED_IN")
        self.assertEqual(self.sign().status, 423)
        self.faults.set()
        wait_until(lambda: self.sign().status == 423, "a fresh process is locked", BACK_S)
        self.assertIn("has lost its login", self.agent.must("status"))
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertEqual(self.sign().status, 200)


if __name__ == "__main__":
    unittest.main()

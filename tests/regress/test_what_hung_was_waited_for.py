"""Only jobs had a time limit. A front that hung was never replaced, a module that hung while it was initialised, logged in or
logged out was waited for without end, and a lock failed then, with the token still logged in; idle sessions of an operator
kept a lock out. Now each has a deadline, and a lock succeeds at once, whatever hangs: it ends the process."""

import os
import pathlib
import signal
import socket
import sys
import threading
import time
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from harness import BINANCE_ORDER, wait_until
from faults import Faults
from waiting import Waiting

LOCKED_WITHIN_S = 10  # it takes about half a second
REPLACED_WITHIN_S = 60  # a front: some seconds
GIVEN_UP_WITHIN_S = 75  # a login, or a start: a minute
OPERATORS = 16


def ask_to_sign(agent):
    with agent.client(timeout_s=30) as client:
        return client.sign("binance-main", BINANCE_ORDER)


class Module(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.faults = Faults(cls.agent)

    def setUp(self):
        self.addCleanup(self.faults.set)
        self.faults.set()
        if not self.agent.is_ready():
            self.assert_unlocks()
        self.token = self.agent.child("token")

    def assert_unlocks(self):
        wait_until(self.agent.is_serving, "the token is there")
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_signs()

    def assert_locks_for_sure(self):
        """The lock succeeds at once; the process that may still be logged in is gone; nothing is signed."""
        began = time.monotonic()
        done = self.agent.cli("lock", "main", timeout_s=120)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertLess(time.monotonic() - began, LOCKED_WITHIN_S)
        wait_until(lambda: not self.token.is_running(), "the process that hangs is ended")
        self.assertIn(ask_to_sign(self.agent).status, (423, 503))
        wait_until(lambda: ask_to_sign(self.agent).status == 423, "another process is there, locked")

    def assert_works_again(self):
        self.faults.set()
        self.assert_unlocks()

    def test_a_lock_succeeds_if_the_logout_hangs(self):
        self.faults.set("C_Logout * hang")
        self.assert_locks_for_sure()
        self.assert_works_again()

    def test_a_lock_succeeds_if_the_logout_is_late(self):
        self.faults.set("C_Logout * delay=3000")
        self.assert_locks_for_sure()
        self.assert_works_again()

    def test_a_lock_succeeds_if_the_logout_fails(self):
        for ckr in ("CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR", "CKR_SESSION_HANDLE_INVALID"):
            with self.subTest(ckr):
                self.faults.set(f"C_Logout * rv={ckr}")
                self.assert_locks_for_sure()
                self.assert_works_again()
                self.token = self.agent.child("token")

    def test_a_lock_succeeds_if_a_signature_hangs(self):
        self.faults.set("C_Sign * hang")
        bot = Waiting(ask_to_sign, self.agent)
        time.sleep(0.3)  # so that it hangs there
        self.assert_locks_for_sure()
        bot.join(30)
        self.assertIn(bot.result.status, (423, 503), bot.result)
        self.assert_works_again()

    def test_a_lock_succeeds_if_the_login_hangs(self):
        self.agent.must("lock", "main")
        self.token = self.agent.child("token")
        self.faults.set("C_Login * hang")
        operator = Waiting(self.agent.cli, "unlock", "main", secret=harness.USER_PIN, timeout_s=120)
        time.sleep(0.5)
        self.assert_locks_for_sure()
        operator.join(30)
        self.assertEqual(operator.result.returncode, 6, operator.result)
        self.assertIn(b"token 'main' was locked", operator.result.stderr)
        self.assert_works_again()


class Deadlines(unittest.TestCase):
    """Beside each other, since each takes a minute."""

    def make(self):
        agent = harness.prepare_agent(self.addCleanup)
        faults = Faults(agent)
        agent.start()
        return agent, faults

    def begin_login(self):
        agent, faults = self.make()
        faults.set("C_Login * hang")
        return agent, faults, Waiting(agent.cli, "unlock", "main", secret=harness.USER_PIN, timeout_s=120)

    def begin_start(self):
        agent, faults = self.make()
        self.assertEqual(agent.unlock().returncode, 0)
        faults.set("C_Initialize * hang")
        os.kill(agent.child("token").pid, signal.SIGKILL)
        wait_until(lambda: not agent.is_ready(), "the process is away")
        return agent, faults, agent.await_child("token")

    def check_login(self, agent, faults, operator):
        operator.join(GIVEN_UP_WITHIN_S)
        self.assertEqual(getattr(operator.result, "returncode", None), 7, operator.result)
        self.assertIn(b"it was logging in for more than", operator.result.stderr)
        faults.set()
        wait_until(agent.is_serving, "another process is there")
        self.assertEqual(agent.unlock().returncode, 0)
        self.assertEqual(ask_to_sign(agent).status, 200)

    def check_start(self, agent, faults, starting):
        wait_until(lambda: not starting.is_running(), "what does not start is ended", GIVEN_UP_WITHIN_S, 0.5)
        self.assertEqual(agent.cli("lock", "main").returncode, 0)  # while the next one hangs
        self.assertEqual(ask_to_sign(agent).status, 503)
        faults.set()
        wait_until(agent.is_serving, "another one starts", 30)
        self.assertEqual(agent.unlock().returncode, 0)
        self.assertEqual(ask_to_sign(agent).status, 200)

    def test_a_login_and_a_start_that_hang_are_given_up(self):
        harness.require_programs()
        login, start = self.begin_login(), self.begin_start()
        with self.subTest("a login that hangs"):
            self.check_login(*login)
        with self.subTest("a start that hangs"):
            self.check_start(*start)


class Front(harness.AgentTest):
    def assert_is_replaced(self):
        stopped = self.agent.await_child("front")
        os.kill(stopped.pid, signal.SIGSTOP)
        self.addCleanup(lambda: stopped.is_running() and os.kill(stopped.pid, signal.SIGKILL))
        wait_until(lambda: not stopped.is_running(), "the front that hangs is ended", REPLACED_WITHIN_S)
        wait_until(self.agent.is_ready, "another front serves")
        self.assert_signs()

    def test_an_idle_front_that_hangs_is_replaced(self):
        self.assert_is_replaced()

    def test_a_front_that_hangs_while_it_is_busy_is_replaced(self):
        is_over = threading.Event()
        self.addCleanup(is_over.set)

        def ask_again_and_again():
            while not is_over.is_set():
                try:
                    with self.agent.client(timeout_s=5) as client:
                        while client.sign("binance-main", BINANCE_ORDER) and not is_over.is_set():
                            pass
                except OSError:
                    time.sleep(0.05)

        bots = [Waiting(ask_again_and_again) for _ in range(4)]
        time.sleep(0.3)
        self.assert_is_replaced()
        is_over.set()
        for bot in bots:
            bot.join(30)


class Operators(harness.AgentTest):
    def test_idle_sessions_of_an_operator_do_not_keep_a_lock_out(self):
        sessions = []
        for _ in range(OPERATORS):
            session = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.addCleanup(session.close)
            session.connect(str(self.agent.operator_socket))
            sessions.append(session)
        began = time.monotonic()
        done = self.agent.lock()
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertLess(time.monotonic() - began, LOCKED_WITHIN_S)
        self.assertEqual(self.agent.unlock().returncode, 0)


if __name__ == "__main__":
    unittest.main()

"""Core ended a token process by SIGKILL, whatever it was doing. SoftHSM2 empties a token's file and writes it anew at each
login, so a lock, a reload or a stop at that moment left an empty file, and every key was lost for good. Now core closes the
channel, the process ends after the call that it is in, and it is killed only if that takes long."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from harness import BINANCE_ORDER, USER_PIN, wait_until
from faults import Faults

ROUNDS = 40
LOGIN_MS = 15  # about the time of a login
ENDS_WITHIN_S = 10  # a process that core has parted with: two seconds


def begin_unlock(agent):
    process = subprocess.Popen([str(harness.CLI), "unlock", "main"], env=agent.environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.stdin.write(USER_PIN.encode())
    process.stdin.close()
    return process


class Parting(unittest.TestCase):
    """A call begins, the process is ended, and the call ends nevertheless."""

    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.faults = Faults(self.agent)
        self.agent.start()
        self.token = self.agent.child("token")

    def set_slow(self, call, delay_ms):
        """It takes that long before the real call, and after it."""
        self.since_s = time.monotonic()
        self.faults.set(f"{call} * delay={delay_ms}", f"{call} * after delay={delay_ms}")

    def edges(self, call):
        return [line.edge for line in self.faults.calls(call, edge="", since_s=self.since_s)]

    def begin_login(self, delay_ms):
        self.token = self.agent.child("token")
        self.set_slow("C_Login", delay_ms)
        operator = begin_unlock(self.agent)
        self.addCleanup(operator.wait, 60)
        wait_until(lambda: self.edges("C_Login") == [">"], "the module is asked to log in")

    def assert_call_ended(self, call):
        wait_until(lambda: not self.token.is_running(), "the process has ended", ENDS_WITHIN_S)
        self.assertEqual(self.edges(call), [">", "<"])
        self.faults.set()

    def assert_works(self):
        wait_until(self.agent.is_serving, "a token process is there")
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_lock_lets_the_login_end(self):
        self.begin_login(400)
        self.agent.must("lock", "main")
        self.assertEqual(self.edges("C_Login"), [">"], "the lock waited for the module")
        self.assert_call_ended("C_Login")
        self.assert_works()

    def sign_slowly(self):
        """After slow jobs both workers wait for packets, so that one sees the end of the channel while the other works."""
        self.faults.set("C_Sign * delay=200")
        bots = [threading.Thread(target=self.sign) for _ in range(4)]
        for bot in bots:
            bot.start()
        for bot in bots:
            bot.join()

    def sign(self):
        with self.agent.client() as client:
            client.sign("binance-main", BINANCE_ORDER)

    def test_a_lock_lets_the_login_of_one_worker_end(self):
        self.assert_works()
        self.sign_slowly()
        self.agent.must("lock", "main")
        self.begin_login(400)
        self.agent.must("lock", "main")
        self.assert_call_ended("C_Login")
        self.assert_works()

    def test_a_lock_lets_a_late_logout_end(self):
        self.assert_works()
        self.token = self.agent.child("token")
        self.set_slow("C_Logout", 400)
        self.agent.must("lock", "main")
        self.assert_call_ended("C_Logout")
        self.assert_works()

    def test_a_reload_lets_the_login_end(self):
        self.begin_login(400)
        self.agent.config.write_text(self.agent.config.read_text().replace("workers: 2", "workers: 3"))
        self.agent.process.send_signal(signal.SIGHUP)
        self.assert_call_ended("C_Login")
        self.assertIn("its process is ended", self.agent.log())
        self.assert_works()

    def test_a_stop_lets_the_login_end(self):
        self.begin_login(100)
        self.assertEqual(self.agent.stop(), 0)
        self.assert_call_ended("C_Login")

    def test_a_stop_does_not_wait_for_what_hangs(self):
        self.faults.set("C_Login * hang")
        operator = begin_unlock(self.agent)
        self.addCleanup(operator.wait, 60)
        time.sleep(0.3)
        self.assertEqual(self.agent.stop(), 0)
        wait_until(lambda: not self.token.is_running(), "it ends with the agent")

    def test_what_does_not_end_by_itself_is_killed(self):
        self.begin_login(400)
        os.kill(self.token.pid, signal.SIGSTOP)
        self.addCleanup(lambda: self.token.is_running() and os.kill(self.token.pid, signal.SIGKILL))
        self.agent.must("lock", "main")
        wait_until(lambda: not self.token.is_running(), "the process is killed", ENDS_WITHIN_S)
        self.assertIn(f"process {self.token.pid} did not end by itself; it is killed", self.agent.log())
        self.faults.set()
        self.assert_works()


class Chance(harness.AgentTest):
    """The same with the real module, at random moments of a login."""

    is_unlocked = False

    @classmethod
    def prepare(cls):
        text = cls.agent.config.read_text()  # a lock in the middle of a login leaves the try counted, though the PIN is right
        cls.agent.config.write_text(text.replace("relogin:", "pin_tries: 0, relogin:"))

    def assert_no_file_is_empty(self):
        empty = [str(path) for path in self.agent.home.glob("tokens/*/*.object") if path.stat().st_size == 0]
        self.assertEqual(empty, [])

    def test_a_token_outlives_locks_in_mid_login(self):
        dice = random.Random(20)
        for _ in range(ROUNDS):
            wait_until(self.agent.is_serving, "a token process is there")
            operator = begin_unlock(self.agent)
            time.sleep(dice.random() * 2 * LOGIN_MS / 1000)
            self.agent.must("lock", "main")
            operator.wait(30)
            self.agent.must("lock", "main")
        wait_until(self.agent.is_serving, "a token process is there")
        self.assert_no_file_is_empty()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

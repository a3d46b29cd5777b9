"""A process is stopped (SIGSTOP) while limits count: what was signed is counted once, what was not is counted once at most, and a
restart finds the same."""

import decimal
import http.client
import os
import signal
import threading
import time
import unittest

from burdened import BOTS, PRICE, Agent, order
from harness import children_of, wait_until

KEY = "kraken"
SHORT_S = 1.0  # less than a token may take for a job
BACK_S = 40


class Attempts:
    """What bots asked for, by what came of it: every quantity is asked for once."""

    def __init__(self, agent):
        self.agent = agent
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.signed = self.unknown = decimal.Decimal(0)
        self.count = 0
        self.threads = [threading.Thread(target=self.run, args=(bot,), daemon=True) for bot in BOTS for _ in range(3)]

    def run(self, bot):
        client = None
        while not self.is_over.is_set():
            with self.lock:
                self.count += 1
                quantity = f"0.{self.count:06}1"
            is_signed = False
            try:
                client = client or self.agent.by(bot, BACK_S)
                is_signed = client.sign(KEY, order(KEY, quantity)).status == 200
            except (OSError, http.client.HTTPException, ValueError):
                client = client and client.close()
            with self.lock:
                if is_signed:
                    self.signed += decimal.Decimal(quantity) * PRICE
                else:
                    self.unknown += decimal.Decimal(quantity) * PRICE
            self.is_over.wait(0.001 if is_signed else 0.02)
        if client:
            client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join(2 * BACK_S)


class Stopped(unittest.TestCase):
    def setUp(self):
        self.agent = Agent.prepare(self.addCleanup)
        self.agent.begin()

    def counted(self):
        return self.agent.limits(BOTS[0], KEY)["desk"]

    def children(self, role):
        wanted = f"chancery-{role}".encode()
        return [child.pid for child in children_of(self.agent.process.pid) if child.read("cmdline").split(b"\0")[0] == wanted]

    def stop_and_go(self, find, is_continued):
        """Stops processes under load; returns what was asked for meanwhile."""
        with Attempts(self.agent) as attempts:
            wait_until(lambda: attempts.signed > 0, "the load runs")
            time.sleep(0.3)
            stopped = find()
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(SHORT_S)
            for pid in stopped if is_continued else ():
                os.kill(pid, signal.SIGCONT)
            before = attempts.signed
            wait_until(lambda: attempts.signed > before, "it goes on", BACK_S, 0.1)
        self.assertLessEqual(attempts.signed, self.counted())
        self.assertLessEqual(self.counted(), attempts.signed + attempts.unknown)
        return attempts

    def assert_found_again(self):
        counted = self.counted()
        self.agent.stop_all(signal.SIGKILL)
        self.agent.begin()
        self.assertEqual(self.counted(), counted)

    def test_a_token_process_that_is_continued(self):
        attempts = self.stop_and_go(lambda: self.children("token"), True)
        self.assertEqual(attempts.unknown, 0)
        self.assert_found_again()

    def test_a_token_process_that_stays_so(self):
        attempts = self.stop_and_go(lambda: self.children("token"), False)
        self.assertGreater(attempts.unknown, 0)
        self.assert_found_again()

    def test_core(self):
        attempts = self.stop_and_go(lambda: [self.agent.process.pid], True)
        self.assertEqual(attempts.unknown, 0)
        self.assert_found_again()

    def test_fronts_that_stay_so(self):
        self.stop_and_go(lambda: self.children("front"), False)
        self.assert_found_again()


if __name__ == "__main__":
    unittest.main()

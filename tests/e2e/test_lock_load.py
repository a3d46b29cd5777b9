"""Unlock, lock, and a kill of the token process, over and over, while bots sign with every kind of key.

Says by itself that bots get a signature or are told why not. With a build by SANITIZE=thread it says more: that the threads
of the token process share nothing unguarded (scripts/test threads)."""

import collections
import http.client
import os
import signal
import threading
import time
import unittest

import harness
from harness import BINANCE_ORDER, KRAKEN_ORDER, wait_until

ROUNDS = 8
ORDERS = [
    ("binance-main", BINANCE_ORDER),
    ("binance-ed25519", BINANCE_ORDER),
    ("binance-rsa", BINANCE_ORDER),
    ("kraken-main", KRAKEN_ORDER),
]


class Bots:
    """Two bots for each key; counts answers by HTTP status."""

    def __init__(self, agent):
        self.agent = agent
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.threads = [threading.Thread(target=self.work, args=order, daemon=True) for order in ORDERS * 2]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join(20)

    def note(self, what):
        with self.lock:
            self.counts[what] += 1

    def count(self, what):
        with self.lock:
            return self.counts[what]

    def work(self, key, order):
        with self.agent.client(20) as client:
            while not self.is_over.is_set():
                try:
                    self.note(client.sign(key, order).status)
                except (OSError, http.client.HTTPException) as broken:
                    self.note(type(broken).__name__)
                    client.close()
                    time.sleep(0.01)

    def wait_for_more(self, what):
        before = self.count(what)
        wait_until(lambda: self.count(what) >= before + len(ORDERS), f"more answers {what}: {self.counts}", 20)


class LockUnderLoad(harness.AgentTest):
    def test_lock_and_unlock(self):
        with Bots(self.agent) as bots:
            for _ in range(ROUNDS):
                bots.wait_for_more(200)
                self.assertEqual(self.agent.lock().returncode, 0, self.agent.log())
                bots.wait_for_more(423)
                self.assertEqual(self.agent.unlock().returncode, 0, self.agent.log())
            bots.wait_for_more(200)
        # 503: a job that the lock found at the token.
        self.assertLessEqual(set(bots.counts), {200, 423, 503}, bots.counts)
        self.assert_signs()

    def test_kill_and_log_in_again(self):
        with Bots(self.agent) as bots:
            for _ in range(ROUNDS // 2):
                bots.wait_for_more(200)
                victim = self.agent.await_child("token")
                os.kill(victim.pid, signal.SIGKILL)
                wait_until(lambda: not victim.is_running(), "the token process is dead")
            bots.wait_for_more(200)
        self.assertLessEqual(set(bots.counts), {200, 423, 503}, bots.counts)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

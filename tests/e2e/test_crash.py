"""kill -9 of each process under load: the others go on or come back, and no process is left over."""

import http.client
import os
import signal
import threading
import time
import unittest

import harness
from harness import BINANCE_ORDER, children_of, wait_until

CLIENTS = 4
BACK_WITHIN_S = 1.0


class Load:
    """Bots that sign without pause and reconnect when a connection breaks; records what happened and when."""

    def __init__(self, agent):
        self.agent = agent
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.good = []  # times of answers 200
        self.failed = []  # (time, what)
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: len(self.good) > 20, "the load runs")
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join(15)

    def note(self, status):
        with self.lock:
            now = time.monotonic()
            if status == 200:
                self.good.append(now)
            else:
                self.failed.append((now, status))

    def work(self):
        client = None
        while not self.is_over.is_set():
            try:
                client = client or self.agent.client(5)
                self.note(client.sign("binance-main", BINANCE_ORDER).status)
            except (OSError, http.client.HTTPException) as broken:
                self.note(type(broken).__name__)
                client.close()
                client = None
                time.sleep(0.01)
        if client:
            client.close()

    def good_since(self, since):
        with self.lock:
            return sum(1 for when in self.good if when > since)


class Crash(harness.AgentTest):
    def zombies(self):
        return [child.pid for child in children_of(self.agent.process.pid) if not child.is_running()]

    def kill_under_load(self, role, failures_each):
        """Kills the process in this role; each bot may see at most `failures_each` failed requests."""
        with Load(self.agent) as load:
            victim = self.agent.child(role)
            killed = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            wait_until(lambda: not victim.is_running(), f"{role} is dead")
            dead = time.monotonic()
            wait_until(lambda: load.good_since(dead + 0.02) >= 2 * CLIENTS, f"signing after {role} was killed", 10)
            back_after_s = time.monotonic() - killed
            time.sleep(0.3)
        self.assertLess(back_after_s, BACK_WITHIN_S * (5 if harness.is_sanitized() else 1))
        self.assertEqual([what for when, what in load.failed if when < killed], [])
        self.assertLessEqual(len(load.failed), failures_each * CLIENTS, load.failed)
        new = self.agent.child(role)
        self.assertIsNotNone(new)
        self.assertNotEqual(new.pid, victim.pid)
        self.assertEqual(self.zombies(), [])
        return load

    def test_front_comes_back(self):
        token = self.agent.child("token").pid
        # The request in flight, and a new connection that core passes to the front just as it dies.
        self.kill_under_load("front", failures_each=2)
        self.assertEqual(self.agent.child("token").pid, token)

    def test_token_comes_back_and_logs_in_again(self):
        front = self.agent.child("front").pid
        load = self.kill_under_load("token", failures_each=1)
        self.assertEqual(self.agent.child("front").pid, front)
        # The bots' connections belong to the front, so they never broke.
        self.assertEqual([what for _, what in load.failed if isinstance(what, str)], [])

    def test_core_restarted_serves_again(self):
        children = children_of(self.agent.process.pid)
        self.assertEqual(len(children), 2)
        with Load(self.agent):
            self.agent.process.kill()
            self.agent.process.wait(5)
            wait_until(lambda: not any(child.is_running() for child in children), "core's children end with it", 5)
            self.agent.start()
        # The PIN was in core's memory only; a new core starts locked.
        with self.agent.client() as client:
            self.assert_problem(client.sign("binance-main", BINANCE_ORDER), 423, "locked")
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()
        self.assertEqual(self.zombies(), [])

    def test_nonces_rise_across_a_crash_of_core(self):
        before = self.nonce()
        self.crash()
        self.assertGreater(self.nonce(), before)

    def nonce(self):
        body = self.assert_signs("kraken-main", harness.KRAKEN_ORDER)["body"]
        return int(dict(harness.form(body))["nonce"])

    def test_a_second_agent_leaves_the_first_alone(self):
        second = harness.subprocess.run(
            [str(harness.AGENT), "--config", str(self.agent.config)],
            env=self.agent.environment(), capture_output=True, timeout=10, check=False,
        )
        self.assertEqual(second.returncode, 5, second.stderr)
        self.assertIn(b"state", second.stderr)
        self.assert_signs()

    def test_stop_is_clean(self):
        children = children_of(self.agent.process.pid)
        self.assertEqual(self.agent.stop(), 0)
        self.assertFalse(any(child.is_running() for child in children))
        self.assertFalse(self.agent.socket.exists())
        self.assertFalse(self.agent.operator_socket.exists())
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()


class CrashWithoutRelogin(harness.AgentTest):
    relogin = False

    def test_token_process_comes_back_locked(self):
        victim = self.agent.child("token")
        os.kill(victim.pid, signal.SIGKILL)
        self.agent.await_child("token", other_than=victim, timeout_s=5)

        def is_locked():
            with self.agent.client() as client:
                return client.sign("binance-main", BINANCE_ORDER).status == 423

        wait_until(is_locked, "the token is there and locked", 5)
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

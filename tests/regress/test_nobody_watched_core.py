"""Nothing noticed a core that hung. Now the service manager is told when the agent is ready, that its loop turns, and when
it stops; the test plays the manager."""

import os
import pathlib
import signal
import socket
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

WAIT_S = 30


class Watched(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)

    def listen(self, address):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(WAIT_S)
        manager.bind(address)
        return manager

    def start(self, name, **variables):
        environment = self.agent.environment() | {"NOTIFY_SOCKET": name} | variables
        with mock.patch.object(self.agent, "environment", return_value=environment):
            self.agent.start(is_waited_for=False)

    def next_but(self, manager, state):
        """The next state that is another."""
        said = state
        while said == state:
            said = manager.recv(4096)
        return said

    def assert_whole_life(self, manager):
        self.assertEqual(self.next_but(manager, b"WATCHDOG=1"), b"READY=1", self.agent.log())
        harness.wait_until(self.agent.is_serving, "it serves, as it said")
        self.assertEqual(manager.recv(4096), b"WATCHDOG=1")
        self.assertEqual(self.agent.stop(), 0)
        self.assertEqual(self.next_but(manager, b"WATCHDOG=1"), b"STOPPING=1")

    def test_at_a_path(self):
        path = str(self.agent.home / "notify")
        manager = self.listen(path)
        self.start(path, WATCHDOG_USEC="200000")
        self.assert_whole_life(manager)

    def test_at_an_abstract_address(self):
        name = f"chancery-test-{os.getpid()}-{id(self)}"
        manager = self.listen("\0" + name)
        self.start("@" + name, WATCHDOG_USEC="200000")
        self.assert_whole_life(manager)

    def test_a_core_that_hangs_says_nothing(self):
        path = str(self.agent.home / "notify")
        manager = self.listen(path)
        self.start(path, WATCHDOG_USEC="200000")
        self.assertEqual(self.next_but(manager, b"WATCHDOG=1"), b"READY=1")
        self.agent.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.agent.process.pid, os.WSTOPPED | os.WNOWAIT)
        manager.settimeout(1)
        with self.assertRaises(TimeoutError):
            while True:
                manager.recv(4096)  # what was sent before
        self.agent.process.send_signal(signal.SIGCONT)
        manager.settimeout(WAIT_S)
        self.assertEqual(manager.recv(4096), b"WATCHDOG=1")

    def test_the_watchdog_of_another_process_is_not_fed(self):
        path = str(self.agent.home / "notify")
        manager = self.listen(path)
        self.start(path, WATCHDOG_USEC="200000", WATCHDOG_PID="1")
        self.assertEqual(manager.recv(4096), b"READY=1")
        manager.settimeout(1)
        with self.assertRaises(TimeoutError):
            manager.recv(4096)

    def test_children_cannot_speak_for_it(self):
        path = str(self.agent.home / "notify")
        manager = self.listen(path)
        self.start(path)
        self.assertEqual(manager.recv(4096), b"READY=1")
        for role in ("front", "token"):
            self.assertNotIn(b"NOTIFY_SOCKET", self.agent.await_child(role).read("environ"))

    def test_a_bad_address_is_said_and_harms_nothing(self):
        for name in ("relative", "/", "@", "/nowhere/notify", "/" + "x" * 200):
            with self.subTest(name):
                self.start(name, WATCHDOG_USEC="x")
                harness.wait_until(self.agent.is_serving, "it serves")
                self.assertIn("service manager" if name == "/nowhere/notify" else "NOTIFY_SOCKET", self.agent.log())
                self.assertEqual(self.agent.stop(), 0)

    def test_an_agent_that_cannot_start_is_never_ready(self):
        path = str(self.agent.home / "notify")
        manager = self.listen(path)
        self.agent.config.write_text("tokens: {}\n")
        self.start(path, WATCHDOG_USEC="200000")
        self.assertEqual(self.agent.process.wait(WAIT_S), 10)
        manager.settimeout(0.1)
        with self.assertRaises(TimeoutError):
            manager.recv(4096)


if __name__ == "__main__":
    unittest.main()

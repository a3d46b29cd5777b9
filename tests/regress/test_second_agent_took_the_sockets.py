"""A second agent with a state folder of its own took the sockets of one that ran, answered its bots, and removed the sockets
at its end. Now a socket that somebody listens on is left alone, and nobody removes a socket but its own agent."""

import ctypes
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

IN_ATTRIB = 4  # <sys/inotify.h>


class SecondAgent(harness.AgentTest):
    def write_second(self, **changed):
        """The configuration of an agent with a state folder of its own."""
        fields = {"socket": "run/agent.sock", "operator_socket": "run/operator.sock", "state": "state2"} | changed
        lines = [line for line in self.agent.config.read_text().splitlines() if line.split(":")[0] not in fields]
        path = self.agent.home / "second.yaml"
        path.write_text("\n".join([*(f"{name}: {value}" for name, value in fields.items()), *lines, ""]))
        return path

    def run_second(self, path):
        """Runs it until it ends or has been up for a while; returns its exit status, None if it ran, and its log."""
        with subprocess.Popen(
            [str(harness.AGENT), "--config", str(path)], env=self.agent.environment(), cwd=self.agent.home,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:
            end = time.monotonic() + 20
            while process.poll() is None and time.monotonic() < end and "locked" not in self.states():
                time.sleep(0.05)
            status = process.poll()
            process.terminate()
            return status, process.communicate()[1]

    def states(self):
        """What answers on the bots' socket says of its tokens; the first agent's are unlocked."""
        try:
            with self.agent.client() as client:
                return [token["state"] for token in client.get("/v1/status").json["tokens"]]
        except OSError:
            return []

    def assert_first_serves(self):
        self.assertEqual(self.states(), ["unlocked"])
        self.assert_signs()
        self.assertTrue(self.agent.operator_socket.exists())

    def test_it_does_not_start_on_the_same_sockets(self):
        for name, changed in {
            "both": {},
            "the bots' socket": {"operator_socket": "run2/operator.sock"},
            "the operators' socket": {"socket": "run2/agent.sock"},
            "each for the other": {"socket": "run/operator.sock", "operator_socket": "run/agent.sock"},
            "by way of a link": {"socket": "link/agent.sock", "operator_socket": "link/operator.sock"},
        }.items():
            with self.subTest(shared=name):
                link = self.agent.home / "link"
                if not link.exists():
                    link.symlink_to("run")
                status, log = self.run_second(self.write_second(**changed))
                self.assertEqual(status, 5, log)
                self.assertIn("another agent listens on", log)
                self.assert_first_serves()

    def test_only_its_own_sockets_are_removed(self):
        second = self.write_second(socket="run2/agent.sock", operator_socket="run2/operator.sock")
        process = subprocess.Popen(
            [str(harness.AGENT), "--config", str(second)], env=self.agent.environment(), cwd=self.agent.home,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        operators = self.agent.home / "run2" / "operator.sock"
        harness.wait_until(operators.exists, "the second agent listens")
        operators.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.bind(str(operators))
            process.terminate()
            self.assertEqual(process.wait(20), 0)
            self.assertTrue(operators.exists(), "the socket of another program is left alone")
        operators.unlink()
        self.assertEqual(os.listdir(operators.parent), [])

    def test_a_dead_agents_sockets_are_taken(self):
        self.agent.process.kill()
        self.agent.process.wait(10)
        self.assertTrue(self.agent.socket.exists())
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_first_serves()

    def test_the_mode_is_right_at_once_whatever_the_umask(self):
        """A chmod after bind could be led elsewhere by a link put in between. (Watching a folder shows each chmod in it.)"""
        run = self.agent.socket.parent
        self.assertEqual(self.agent.stop(), 0)
        shutil.rmtree(run)
        run.mkdir()
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.addCleanup(os.close, watch)
        self.assertGreaterEqual(libc.inotify_add_watch(watch, os.fsencode(run), IN_ATTRIB), 0)
        before = os.umask(0o077)
        try:
            self.agent.start()
        finally:
            os.umask(before)
        with self.assertRaises(BlockingIOError, msg="nothing changed a mode"):
            os.read(watch, 4096)
        for path in (self.agent.socket, self.agent.operator_socket):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o666)
        self.assertEqual(self.agent.unlock().returncode, 0)

    def test_a_folder_is_made_with_its_mode(self):
        self.assertEqual(self.agent.stop(), 0)
        shutil.rmtree(self.agent.socket.parent)
        before = os.umask(0o077)
        try:
            self.agent.start()
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(self.agent.socket.parent.stat().st_mode), 0o755)
        self.assertEqual(self.agent.unlock().returncode, 0)


if __name__ == "__main__":
    unittest.main()

"""Core waited for whoever reads its log: when a pipe was full that nobody read, nothing was signed any more. And anybody could
fill it, because each connection that was turned away was a line. Now a line for which there is no room is dropped and counted,
and what strangers can cause is limited to some lines a second, and counted as well."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER, wait_until

POPEN = subprocess.Popen
STRANGER = 4545  # whom the policy does not name
ATTEMPTS = 2000
LINES_A_SECOND = 6  # and how many more there were
BECOME = """
import os, resource, socket, sys
path, kind, count, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 2000))
os.setgroups([]); os.setgid(uid); os.setuid(uid)
"""
KNOCK = BECOME + """
for _ in range(count):
    one = socket.socket(socket.AF_UNIX, kind)
    one.connect(path)
    try:
        one.recv(1)
    except ConnectionError:
        pass
    one.close()
"""
HOLD = BECOME + """
held = []
for _ in range(count):
    held.append(socket.socket(socket.AF_UNIX, kind))
    held[-1].connect(path)
print("held", flush=True)
sys.stdin.read()
"""


def stranger(script, path, kind, count):
    return [sys.executable, "-c", script, str(path), str(int(kind)), str(count), str(STRANGER)]


class Unread(unittest.TestCase):
    def start(self):
        """An agent that logs into a pipe that nobody reads."""
        self.agent = harness.prepare_agent(self.addCleanup)
        self.reader, self.writer = os.pipe()
        self.addCleanup(os.close, self.reader)
        self.addCleanup(os.close, self.writer)

        def unread(command, **options):
            return POPEN(command, **options | {"stderr": self.writer})

        with mock.patch.object(subprocess, "Popen", unread):
            self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)

    def fill(self):
        """Only this end must not wait, so it is opened anew."""
        fd = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    os.write(fd, b"." * size)
            except BlockingIOError:
                pass
        os.close(fd)

    def cause_lines(self, count):
        for _ in range(count):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as session:
                session.connect(str(self.agent.operator_socket))
                session.send(b"no frame at all")

    def drain(self):
        fd = os.open(f"/proc/self/fd/{self.reader}", os.O_RDONLY | os.O_NONBLOCK)
        text = b""
        try:
            while chunk := os.read(fd, 65536):
                text += chunk
        except BlockingIOError:
            pass
        os.close(fd)
        return text.decode()

    def test_a_log_that_nobody_reads_stops_nothing(self):
        self.start()
        self.fill()
        self.cause_lines(20)
        with self.agent.client() as client:
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)
        self.assertEqual(self.agent.cli("lock", "main").returncode, 0)
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.drain()
        harness.wait_until(self.said_how_many, "the next line says how many were dropped")

    def said_how_many(self):
        self.cause_lines(1)  # not each is logged, because so many were
        found = re.search(r"(\d+) lines were dropped, because nobody read the log", self.drain())
        return found and int(found[1]) > 0


@unittest.skipUnless(os.getuid() == 0, "only root can be a stranger")
class Strangers(harness.AgentTest):
    @classmethod
    def prepare(cls):
        os.chmod(cls.agent.home, 0o755)

    def knock(self, path, kind, count):
        """Connects so often, as a stranger, and is turned away each time. Returns how many seconds that took."""
        began = time.monotonic()
        subprocess.run(stranger(KNOCK, path, kind, count), check=True, timeout=120)
        return time.monotonic() - began

    def assert_limited_and_counted(self, path, kind, says):
        time.sleep(1.1)
        self.knock(path, kind, 1)  # and with it how many there were before
        before = len(self.agent.log())
        took_s = self.knock(path, kind, ATTEMPTS)
        time.sleep(1.1)
        self.knock(path, kind, 1)  # and with it how many there were beside those of the last second
        wait_until(lambda: "more like the last ones" in self.agent.log()[before:], "the rest is counted")
        lines = self.agent.log()[before:].splitlines()
        self.assertLess(len(lines), LINES_A_SECOND * (took_s + 4))
        counted = sum(int(number) for number in re.findall(r"and (\d+) more like the last ones", "\n".join(lines)))
        self.assertEqual(sum(says in line for line in lines) + counted, ATTEMPTS + 1)

    def test_operators_that_are_none_do_not_fill_the_log(self):
        self.assert_limited_and_counted(self.agent.operator_socket, socket.SOCK_SEQPACKET, "is not an operator")

    def test_connections_beyond_all_limits_do_not_fill_the_log(self):
        command = stranger(HOLD, self.agent.socket, socket.SOCK_STREAM, 1100)
        with POPEN(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            self.addCleanup(holder.kill)
            self.assertEqual(holder.stdout.readline(), b"held\n")
            self.assert_limited_and_counted(self.agent.socket, socket.SOCK_STREAM, "turned a connection away")
            self.assert_signs()
            holder.stdin.close()


if __name__ == "__main__":
    unittest.main()

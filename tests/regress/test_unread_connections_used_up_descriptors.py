"""A front that did not read of its connections, and said that they were closed, was passed more and more of them, each of
which is a descriptor of core's: soon none was left, and neither other callers nor operators could connect."""

import os
import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import hostile

ATTACK_S = 4.0
DESCRIPTORS_MAX = 1200  # one for each of 1,024 connections, 128 that wait, and some
PAUSE_S = 0.0002


def connect_for_ever(path):
    os.setgroups([])
    os.setuid(hostile.OTHER_UID)
    while True:
        try:
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(1)
            made.connect(str(path))
            made.close()
        except OSError:
            pass
        time.sleep(PAUSE_S)


@unittest.skipUnless(os.getuid() == 0, "only root can be two users")
class UnreadConnections(unittest.TestCase):
    def start_crowd(self, agent):
        pid = os.fork()
        if pid == 0:
            connect_for_ever(agent.socket)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, 9)

    def test_descriptors_are_left(self):
        hostile.require_programs()
        agent = hostile.HostileAgent(front="unread")
        self.addCleanup(agent.close)
        agent.start()
        self.start_crowd(agent)
        end = time.monotonic() + ATTACK_S
        most = 0
        while time.monotonic() < end:
            most = max(most, len(os.listdir(f"/proc/{agent.process.pid}/fd")))
            self.assertEqual(agent.lock().returncode, 0, f"with {most} descriptors open")
            with agent.client() as client:
                self.assertEqual(client.get("/v1/status").status, 200, f"with {most} descriptors open")
        print(f"{most} descriptors at most", file=sys.stderr)
        self.assertLess(most, DESCRIPTORS_MAX)


if __name__ == "__main__":
    unittest.main()

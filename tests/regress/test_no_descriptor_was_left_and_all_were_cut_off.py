"""When a front had no descriptor left, it took the next connection for a broken packet and ended, and every bot was cut off:
with the usual limit of 1,024 open files, connection 1,020 was the end of the other 1,019. Now who is connected stays served, and
who comes then is turned away."""

import http.client
import os
import pathlib
import resource
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from client import Client
from harness import BINANCE_ORDER

OPEN_FILES = 2000  # what the test itself may need
POPEN = subprocess.Popen


class Limit(unittest.TestCase):
    def start(self, limit):
        """An agent with that limit of open files, "SOFT:HARD"."""
        self.agent = harness.prepare_agent(self.addCleanup)

        def limited(command, **options):
            return POPEN(["prlimit", f"--nofile={limit}", *command], **options)

        with mock.patch.object(subprocess, "Popen", limited):
            self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)

    def is_served(self, client):
        try:
            return client.sign("binance-main", BINANCE_ORDER).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def connect(self, count):
        """The clients that were served, of so many; all stay connected."""
        served = []
        for _ in range(count):
            client = Client(self.agent.socket, timeout_s=30)
            self.addCleanup(client.close)
            if self.is_served(client):
                served.append(client)
        return served

    def assert_served(self, limit, connections, at_least):
        self.start(limit)
        front = self.agent.child("front")
        served = self.connect(connections)
        self.assertGreaterEqual(len(served), at_least)
        self.assertLess(len(served), connections)
        self.assertEqual([self.is_served(client) for client in served].count(False), 0, "who was connected is cut off")
        self.assertTrue(front.is_running())
        for client in served[:10]:
            client.close()
        harness.wait_until(lambda: len(self.connect(1)) == 1, "whoever comes when another has left is served")

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < OPEN_FILES:
            self.skipTest("too few files may be open here")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, OPEN_FILES), hard))

    def test_the_usual_limit_of_open_files_is_raised(self):
        self.assert_served("1024:4096", 1100, 500)

    def test_who_is_connected_stays_served_at_the_limit_of_open_files(self):
        self.assert_served("1024:1024", 1100, 400)

    def test_a_small_limit_of_open_files_turns_newcomers_away(self):
        self.assert_served("300:300", 400, 70)


if __name__ == "__main__":
    unittest.main()

"""A token process that stopped reading held core at 100 % of a processor, for ever: with the socket to it full, core went
on giving it jobs that could not leave. Now it gets nothing until it reads, core answers everybody else, and the process
is replaced."""

import os
import pathlib
import signal
import socket
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from client import request_bytes
from harness import BINANCE_ORDER, wait_until

CLIENTS = 480
REPLACED_WITHIN_S = 15.0
STATUS_WITHIN_S = 0.1
LARGE_ORDER = dict(BINANCE_ORDER, params=dict(BINANCE_ORDER["params"], newClientOrderId="x" * 4000))


class TokenStopsReading(harness.AgentTest):
    def ask_all(self):
        bots = []
        for _ in range(CLIENTS):
            bot = socket.socket(socket.AF_UNIX)
            bot.settimeout(REPLACED_WITHIN_S)
            bot.connect(str(self.agent.socket))
            bot.sendall(request_bytes("binance-main", LARGE_ORDER))
            bots.append(bot)
        self.addCleanup(lambda: [bot.close() for bot in bots])
        return bots

    def status_times(self, duration_s):
        times = []
        end = time.monotonic() + duration_s
        with self.agent.client() as client:
            while time.monotonic() < end:
                began = time.monotonic()
                self.assertEqual(client.get("/v1/status").status, 200)
                times.append(time.monotonic() - began)
                time.sleep(0.05)
        return times

    def warm_up(self):
        """Lets core learn that the key's jobs are quick, so that it sends as many ahead as it ever does."""
        with self.agent.client() as client:
            for _ in range(100):
                self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)

    def test_core_answers_others_and_replaces_the_process(self):
        self.warm_up()
        stopped = self.agent.child("token")
        os.kill(stopped.pid, signal.SIGSTOP)
        self.addCleanup(lambda: stopped.is_running() and os.kill(stopped.pid, signal.SIGKILL))
        bots = self.ask_all()
        # The median, because this machine may have other work; core that hangs answers none.
        self.assertLess(statistics.median(self.status_times(2.0)), STATUS_WITHIN_S)
        # What was sent fails; what still waited is signed by the process that takes its place.
        answers = [bot.recv(65536).split(b" ")[1] for bot in bots]
        self.assertEqual(set(answers) - {b"200", b"503"}, set())
        self.assertIn(b"503", answers)
        wait_until(lambda: not stopped.is_running(), "the process that does not end by itself is killed")
        wait_until(self.agent.is_ready, "another process is unlocked", REPLACED_WITHIN_S)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

"""A process is stopped (SIGSTOP) while 480 clients ask for large orders: core answers within a tenth of a second, the other
token's bot notices nothing, and another process takes its place."""

import os
import pathlib
import signal
import socket
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from client import request_bytes
from harness import BINANCE_ORDER, wait_until
from scene import BACK_S, KEY, Scenario

CLIENTS = 480
STATUS_S = 0.1
LOOK_S = 2.0
LOCK_S = 1.0
LARGE_ORDER = dict(BINANCE_ORDER, params=dict(BINANCE_ORDER["params"], newClientOrderId="x" * 4000))


class Crowd:
    def crowd(self):
        """The clients, each with an order that is sent. A front that is stopped does not take them all."""
        order = request_bytes(KEY, LARGE_ORDER)
        clients = []
        for _ in range(CLIENTS):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            try:
                client.connect(str(self.agent.socket))
                client.send(order)
            except BlockingIOError:
                pass
            clients.append(client)
        self.addCleanup(lambda: [client.close() for client in clients])
        return clients

    def stop(self, process):
        os.kill(process.pid, signal.SIGSTOP)
        self.addCleanup(lambda: process.is_running() and os.kill(process.pid, signal.SIGKILL))

    def warm_up(self):
        for _ in range(100):
            self.assert_signs()


class StoppedToken(Crowd, Scenario):
    def test_the_process_of_a_token(self):
        self.warm_up()
        stopped = self.token_process()
        self.stop(stopped)
        self.crowd()
        times = []
        end = time.monotonic() + LOOK_S
        with self.agent.client() as client:
            while time.monotonic() < end:
                began = time.monotonic()
                self.assertEqual(client.get("/v1/status").status, 200)
                times.append(time.monotonic() - began)
                time.sleep(0.05)
        self.assertLess(statistics.median(times), STATUS_S)
        wait_until(lambda: not stopped.is_running(), "the process is ended", BACK_S)
        self.assert_comes_back()


class StoppedFront(Crowd, Scenario):
    """The calm bot is behind the same front, so here operators look on."""

    def watch(self):
        self.client = self.agent.client(90)
        self.addCleanup(self.client.close)

    def test_the_front(self):
        self.warm_up()
        stopped = self.agent.child("front")
        self.stop(stopped)
        self.crowd()
        began = time.monotonic()
        self.agent.must("lock", "main")
        self.assertLess(time.monotonic() - began, LOCK_S + 0.5)
        wait_until(lambda: not stopped.is_running(), "the front is ended", BACK_S)
        self.unlock("main")
        self.client.close()
        self.client = self.agent.client(90)
        self.assert_comes_back()


if __name__ == "__main__":
    unittest.main()

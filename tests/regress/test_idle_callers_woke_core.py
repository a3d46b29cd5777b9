"""A caller that shut its connection down again and again woke core each time, at nobody's cost: core watched its copy of each socket
in the epoll that it sleeps on, and the kernel wakes a sleeper for a change of state that it then does not tell."""

import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import others
from client import request_bytes

SECONDS = 2
WAKES = 400 # a second; thousands before


class Idle(harness.AgentTest):
    def wakes(self):
        return int(harness.Process(self.agent.process.pid).status()["voluntary_ctxt_switches"])

    def test_a_connection_that_is_shut_down_again_and_again_wakes_nobody(self):
        with others.connect(self.agent.socket) as connection:
            connection.sendall(request_bytes("binance-main", harness.BINANCE_ORDER))
            self.assertIn(b" 200 ", connection.recv(4096))
            before, end = self.wakes(), time.monotonic() + SECONDS
            while time.monotonic() < end:
                connection.shutdown(socket.SHUT_RD)
            self.assertLess(self.wakes() - before, WAKES * SECONDS)


if __name__ == "__main__":
    unittest.main()

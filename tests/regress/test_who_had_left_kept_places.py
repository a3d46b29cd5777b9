"""Requests that waited for a token kept their places after their callers had hung up, so that the next requests of these users were
refused until the token was back."""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import others
from client import request_bytes

MOST = 700 # requests; fewer have a place
REFUSED_WITHIN_S = 1.0
FREE_S = 7 # it is looked every half second, and what is stopped is ended after ten


class Left(harness.AgentTest):
    def is_refused(self, connection):
        """False if it waits."""
        connection.settimeout(REFUSED_WITHIN_S)
        try:
            return b" 503 " in connection.recv(4096)
        except TimeoutError:
            return False

    def ask(self):
        connection = others.connect(self.agent.socket)
        connection.sendall(request_bytes("binance-main", harness.BINANCE_ORDER))
        return connection

    def test_their_places_are_free_again(self):
        token = self.agent.child("token").pid
        os.kill(token, signal.SIGSTOP)
        self.addCleanup(os.kill, token, signal.SIGCONT)
        held = [self.ask() for _ in range(MOST)]
        self.assertTrue(self.is_refused(held[-1]))
        for connection in held:
            connection.close()
        end, is_refused = time.monotonic() + FREE_S, True
        while is_refused and time.monotonic() < end:
            with self.ask() as connection:
                is_refused = self.is_refused(connection)
        self.assertFalse(is_refused)


if __name__ == "__main__":
    unittest.main()

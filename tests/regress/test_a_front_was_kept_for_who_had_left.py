"""A front was kept for ever for each caller who had once come. So the callers after the fifteenth shared one, and with it what
it had read of others, though the other fronts had nobody left to serve."""

import unittest

from others import OthersTest, User, connect, harness
from client import request_bytes

FIRST = 5000
COUNT = 20
FRONTS_MAX = 16


def ask_and_stay(tell, path, request):
    connection = connect(path, timeout_s=30)
    connection.sendall(request)
    tell(connection.recv(12))
    connection.recv(1)


class Fronts(OthersTest):
    bots = (0, *range(FIRST, FIRST + COUNT))

    def fronts(self):
        found = set()
        for process in harness.children_of(self.agent.process.pid):
            try:
                if process.read("cmdline").split(b"\0")[0] == b"chancery-front" and process.is_running():
                    found.add(process.pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def test_who_comes_when_others_have_left_has_a_front_of_its_own(self):
        request = request_bytes("quick", harness.BINANCE_ORDER)
        for uid in range(FIRST, FIRST + COUNT - 2):
            with User(uid, ask_and_stay, self.agent.socket, request) as user:
                self.assertEqual(user.hear(), b"HTTP/1.1 200", self.agent.log())
        self.assertLessEqual(len(self.fronts()), FRONTS_MAX)
        with User(FIRST + COUNT - 2, ask_and_stay, self.agent.socket, request) as one:
            self.assertEqual(one.hear(), b"HTTP/1.1 200", self.agent.log())
            before = self.fronts()
            with User(FIRST + COUNT - 1, ask_and_stay, self.agent.socket, request) as other:
                self.assertEqual(other.hear(), b"HTTP/1.1 200", self.agent.log())
                self.assertNotEqual(self.fronts(), before, "they share a front")
        self.assertIn("its caller has left, and another has come", self.agent.log())


if __name__ == "__main__":
    unittest.main()

"""1,100 connections of a user without any grant took all that there were, so no bot could connect; with the usual limit of
1,024 open files the front died over and over, and every bot's connection with it. One who connected and left as fast as
possible slowed the bots to a fortieth. Now each caller has a share of the connections, and strangers a small one; and
who connects too fast waits."""

import contextlib
import unittest

from others import STRANGER, OthersTest, User, connect

HELD = 1100
NEW_BOTS = 20


def hold_connections(tell, path, count):
    """Holds as many as it gets, and replaces those that are closed; tells of the first round."""
    held = {}
    is_first = True
    while True:
        for i in range(count):
            try:
                if i not in held:
                    held[i] = connect(path, timeout_s=0.2)
                    held[i].setblocking(False)
                elif held[i].recv(1) == b"":
                    held.pop(i).close()
            except BlockingIOError:
                pass
            except OSError:
                if i in held:
                    held.pop(i).close()
        if is_first:
            tell("held")
            is_first = False


def connect_and_close(tell, path):
    tell("begun")
    while True:
        with contextlib.suppress(OSError):
            connect(path).close()


class HeldConnections(OthersTest):
    limits = (1024, 20000)

    def test_bots_that_connect_anew_are_served(self):
        fronts = self.fronts()
        with User(STRANGER, hold_connections, self.agent.socket, HELD) as stranger:
            stranger.hear()
            statuses = [self.serves_anew() for _ in range(NEW_BOTS)]
        self.assertEqual(statuses, [200] * NEW_BOTS, self.agent.log())
        self.assertLessEqual(fronts, self.fronts(), "a front died")


class HeldConnectionsAndFewDescriptors(HeldConnections):
    limits = (1024, 1024)


class ConnectAndClose(OthersTest):
    def test_bots_are_served_all_the_while(self):
        """How fast, scripts/bench --floods measures."""
        with User(STRANGER, connect_and_close, self.agent.socket) as stranger:
            stranger.hear()
            for _ in range(4):
                self.assertEqual(self.serves_anew(timeout_s=20), 200)
                self.assertGreater(self.rate(0.7), 0)


if __name__ == "__main__":
    unittest.main()

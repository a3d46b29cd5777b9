"""A stranger that had its share of connections went on connecting. Each refusal was work for core and a line in its log:
34,000 lines in 8 seconds, and the bots were all but shut out. Now who connects too fast waits, and refusals of one kind are
logged once a second."""

import time
import unittest

from others import BOT_A, STRANGER, OthersTest, User, connect

HELD = 64  # more than all strangers may have
SECONDS = 3
LINES_MOST = 200


def hold_and_go_on(tell, path, count):
    held = []
    tell("begun")
    while True:
        try:
            held.append(connect(path))
        except OSError:
            continue
        if len(held) > count:
            held.pop().close()


class RefusedConnections(OthersTest):
    def flood(self, uid):
        before = len(self.agent.log().splitlines())
        for _ in range(3):
            with User(uid, hold_and_go_on, self.agent.socket, HELD) as stranger:
                stranger.hear()
                time.sleep(0.2)
                self.assertEqual(self.serves_anew(timeout_s=20), 200, self.agent.log()[-2000:])
                self.assertGreater(self.rate(SECONDS / 3), 0)
        lines = len(self.agent.log().splitlines()) - before
        print(f"{lines} lines logged")
        self.assertLess(lines, LINES_MOST)

    def test_a_strangers(self):
        self.flood(STRANGER)

    def test_a_bots(self):
        self.flood(BOT_A)


if __name__ == "__main__":
    unittest.main()

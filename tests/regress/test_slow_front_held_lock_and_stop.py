"""A front that asked much and read one packet each 150 ms held core: it waited for that front inside its loop, so that
`chancery lock` failed after 30 seconds and SIGTERM took seven. Core waits for nobody now."""

import pathlib
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import hostile

ATTACK_S = 3


class SlowFront(unittest.TestCase):
    def connect(self, agent, made, is_over):
        while not is_over.is_set():
            bot = socket.socket(socket.AF_UNIX)
            bot.settimeout(1)
            try:
                bot.connect(str(agent.socket))
            except OSError:
                pass
            made.append(bot)
            is_over.wait(0.1)

    def test_an_operator_is_obeyed_all_the_while(self):
        hostile.require_programs()
        agent = hostile.HostileAgent(front="slow", has_honest_front=False)
        self.addCleanup(agent.close)
        agent.start(is_waited_for=False)
        harness.wait_until(lambda: agent.lock().returncode == 0, "operators are answered")
        made, is_over = [], threading.Event()
        bots = threading.Thread(target=self.connect, args=(agent, made, is_over))
        bots.start()
        try:
            time.sleep(ATTACK_S)
            took_lock, done = hostile.timed(agent.lock)
            took_stop, status = hostile.timed(agent.stop, timeout_s=60)
        finally:
            is_over.set()
            bots.join()
            for bot in made:
                bot.close()
        print(f"lock {took_lock:.2f} s, SIGTERM {took_stop:.2f} s", file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(took_lock, hostile.ACTS_WITHIN_S)
        self.assertEqual(status, 0)
        self.assertLess(took_stop, hostile.ACTS_WITHIN_S)


if __name__ == "__main__":
    unittest.main()

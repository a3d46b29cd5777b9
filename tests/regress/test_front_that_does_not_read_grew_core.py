"""A front that asked and did not read its answers had core keep them all: a gigabyte in four seconds, and then every token
was locked because core had ended. Now core stops reading from such a front, and ends it if it goes on."""

import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import hostile

ATTACK_S = 5


class FrontThatDoesNotRead(unittest.TestCase):
    def test_core_does_not_grow(self):
        hostile.require_programs()
        for attack in ("lists", "failures"):
            with self.subTest(attack):
                self.attack(attack)

    def attack(self, attack):
        agent = hostile.HostileAgent(front=attack, has_honest_front=False)
        self.addCleanup(agent.close)
        agent.start(is_waited_for=False)
        harness.wait_until(lambda: agent.lock().returncode == 0, "operators are answered")
        bot = socket.socket(socket.AF_UNIX)
        self.addCleanup(bot.close)
        bot.connect(str(agent.socket))
        end = time.monotonic() + ATTACK_S
        core = harness.Process(agent.process.pid)
        began_kib = most_kib = core.rss_kib()
        while time.monotonic() < end and most_kib < began_kib + hostile.CORE_KIB_MAX:
            most_kib = max(most_kib, core.rss_kib())
            time.sleep(0.02)
        print(f"{attack}: {began_kib} KiB, then {most_kib} KiB", file=sys.stderr)
        self.assertLess(most_kib, began_kib + hostile.CORE_KIB_MAX)


if __name__ == "__main__":
    unittest.main()

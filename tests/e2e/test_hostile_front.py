"""Core against a front that was taken over, as tests/hostile/front.c plays it; tests/e2e/hostile.py says for how long.

The front is that of another user; the test itself has a real one. The token process is a program of tests/hostile/ that
does no wrong and records its jobs: what is not recorded there was not signed."""

import os
import sys
import time
import unittest

import harness
import hostile

ATTACKS = hostile.chosen(["lists", "failures", "orders", "repeats", "unread", "slow", "deaf", "unready", "lies", "spoiled", "random", "rude", "any"])
OWN_ORDERS = ("orders", "repeats", "lies")  # attacks that must have sent orders that are to be signed, or they show nothing


@unittest.skipUnless(os.getuid() == 0, "only root can be two users")
class HostileFront(unittest.TestCase):
    def setUp(self):
        hostile.require_programs()

    def start(self, attack):
        agent = hostile.HostileAgent(front=attack)
        self.addCleanup(agent.close)
        agent.start()
        self.assertEqual(agent.unlock().returncode, 0, agent.log())
        return agent

    def sign(self, agent):
        with agent.client() as client:
            return client.sign("binance-main", harness.BINANCE_ORDER).status

    def change_connections(self, agent, others):
        """Some of the other user's connections end, others come."""
        others += [made for made in (agent.connect_other() for _ in range(3)) if made]
        while len(others) > 4:
            others.pop(0).close()

    def check_once(self, agent, slowest):
        for name, call, arguments in (("status", agent.cli, ["status"]), ("lock", agent.lock, [])):
            took, done = hostile.timed(call, *arguments)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}\n{agent.log()[-3000:]}")
            slowest[name] = max(slowest.get(name, 0), took)
        self.assertIn(self.sign(agent), (423, 503))  # 503: its process had to be ended
        self.assertEqual(agent.cli("unlock", "--wait", "main", secret=harness.USER_PIN).returncode, 0)
        took, status = hostile.timed(self.sign, agent)
        self.assertEqual(status, 200)
        slowest["sign"] = max(slowest.get("sign", 0), took)

    def attack(self, attack, seconds):
        agent = self.start(attack)
        others, slowest = [], {}
        self.addCleanup(lambda: [made.close() for made in others])
        end = time.monotonic() + seconds
        with hostile.Watch(agent.process.pid) as watch:
            while time.monotonic() < end:
                self.change_connections(agent, others)
                time.sleep(0.3)
                self.check_once(agent, slowest)
            slowest["SIGTERM"], status = hostile.timed(agent.stop)
        self.assertEqual(status, 0, agent.log()[-3000:])
        self.judge(attack, agent, watch, slowest)

    def judge(self, attack, agent, watch, slowest):
        marks = hostile.signed_marks(agent)
        print(f"{attack}: core {watch.peak_kib} KiB at most; at worst {hostile.figures(slowest)}; "
              f"{len(watch.children)} processes, {marks.count('own')} own orders", file=sys.stderr)
        hostile.judge(self, watch, slowest)
        self.assertEqual(set(marks) - {"own"}, set(), "signed for a caller who is not connected")
        if attack in OWN_ORDERS:
            self.assertIn("own", marks)

    def test_core_holds_whatever_a_front_does(self):
        for attack in ATTACKS:
            with self.subTest(attack, seed=hostile.SEED):
                self.attack(attack, hostile.SECONDS / len(ATTACKS))


if __name__ == "__main__":
    unittest.main()

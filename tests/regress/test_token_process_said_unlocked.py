"""Core took the token process's word for whether the token was unlocked: after `lock`, and without any unlock, a process
that said "unlocked" was given jobs again. Now it is core that knows: unlocked is what an operator's login has unlocked."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import hostile

LOOK_S = 2.0


class TokenProcessSaidUnlocked(unittest.TestCase):
    def start(self, attack):
        hostile.require_programs()
        agent = hostile.HostileAgent(token=attack)
        self.addCleanup(agent.close)
        agent.start_listening()
        return agent

    def jobs(self, agent):
        return sum(word == "job" for _, _, word, _ in agent.recorded())

    def assert_locked(self, agent):
        """For a while: it is not shown as unlocked, bots are refused, and the process gets no job."""
        before = self.jobs(agent)
        end = time.monotonic() + LOOK_S
        while time.monotonic() < end:
            self.assertNotEqual(agent.token_state(), "unlocked")
            with agent.client() as client:
                self.assertIn(client.sign("binance-main", harness.BINANCE_ORDER).status, (423, 503))
        self.assertEqual(self.jobs(agent), before)

    def test_without_an_unlock_nothing_is_dispatched(self):
        self.assert_locked(self.start("unlocked"))

    def test_after_a_lock_nothing_is_dispatched(self):
        agent = self.start("relocked")
        harness.wait_until(lambda: agent.token_state() == "locked", "the token is there")
        self.assertEqual(agent.unlock().returncode, 0)
        self.assertEqual(agent.lock().returncode, 0)
        self.assert_locked(agent)


if __name__ == "__main__":
    unittest.main()

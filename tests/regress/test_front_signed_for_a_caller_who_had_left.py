"""A front that did not say that a connection was closed went on speaking for its caller, who had hung up long ago: core knew
of the end of a connection only what the front told. Now core keeps a copy of each connection's socket, and looks itself."""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import hostile

ATTACK_S = 2.0


@unittest.skipUnless(os.getuid() == 0, "only root can be two users")
class CallerWhoHadLeft(unittest.TestCase):
    def count(self, agent, mark):
        return hostile.signed_marks(agent).count(mark)

    def test_nothing_is_signed_for_a_caller_that_has_left(self):
        hostile.require_programs()
        agent = hostile.HostileAgent(front="own")
        self.addCleanup(agent.close)
        agent.start()
        self.assertEqual(agent.unlock().returncode, 0)
        caller = agent.connect_other()
        harness.wait_until(lambda: self.count(agent, "own") > 0, "the front has orders of its caller signed")
        caller.close()
        harness.wait_until(lambda: any(word == "left" for _, _, word, _ in agent.recorded()), "the caller has left")
        time.sleep(ATTACK_S)
        self.assertEqual(self.count(agent, "left"), 0)


if __name__ == "__main__":
    unittest.main()

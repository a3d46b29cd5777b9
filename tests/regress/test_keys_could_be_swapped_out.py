"""The token process's memory was not locked, so a key that SoftHSM2 holds there could be written to a swap device. Now it is
locked; if that is not permitted and the machine has swap, the agent says so."""

import pathlib
import resource
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness


def has_swap():
    return len(pathlib.Path("/proc/swaps").read_text().splitlines()) > 1


class Memory(harness.AgentTest):
    def test_the_token_process_locks_its_memory_or_says_that_it_cannot(self):
        if harness.is_sanitized():
            self.skipTest("with the sanitizers it locks nothing")
        token = self.agent.child("token")
        self.assert_signs()
        limits = resource.prlimit(token.pid, resource.RLIMIT_MEMLOCK)
        locked_kib = int(token.status()["VmLck"].split()[0])
        if limits[0] == resource.RLIM_INFINITY:
            self.assertGreater(locked_kib, 1000)
        elif has_swap():
            self.assertIn("its memory may be written to a swap device", self.agent.must("status"))
        else:
            self.skipTest("nothing can be swapped here, and locked memory is limited")


if __name__ == "__main__":
    unittest.main()

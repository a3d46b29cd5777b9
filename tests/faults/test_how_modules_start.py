"""What modules refuse when they are started, and what must work all the same (fault 26): libp11's second C_Initialize, mutexes
that are not theirs, no reserved string; and one slot at fault among good ones."""

import unittest

import faults
import harness
from harness import AgentTest


class HowModulesStartTest(AgentTest):
    """The agent is started anew for each fault."""

    is_unlocked = False

    @classmethod
    def prepare(cls):
        cls.faults = faults.Faults(cls.agent)

    def start_with(self, *lines):
        self.agent.stop()
        self.faults.log_path.unlink(missing_ok=True)
        self.faults.set(*lines)
        self.addCleanup(self.faults.set)
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{self.agent.log()}")
        self.assert_signs()
        self.assertEqual(self.faults.violations(), [])

    def starts(self):
        return [call.result for call in self.faults.calls("C_Initialize")]

    def test_a_second_start_that_is_refused(self):
        self.start_with("@no-second-init")
        self.assertEqual(self.starts()[0], "CKR_OK")

    def test_mutexes_that_are_refused(self):
        self.start_with("@no-custom-mutex")
        self.assertEqual(self.starts()[:2], ["CKR_CANT_LOCK", "CKR_OK"])

    def test_both(self):
        self.start_with("@no-custom-mutex", "@no-second-init")

    def test_one_bad_slot_among_good_ones(self):
        self.start_with("@bad-slot")
        environment = {**self.agent.environment(), "CHANCERY_MODULE": str(faults.MODULE)}
        done = harness.run_cli(environment, "token", "list")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"main ", done.stdout)

    def test_a_slow_start_is_made_once(self):
        self.start_with("C_Initialize * delay=700")
        self.assertEqual(self.starts(), ["CKR_OK"])

    def test_a_token_whose_slot_is_bad_is_away_and_the_error_says_why(self):
        self.agent.stop()
        self.faults.set("C_GetTokenInfo * rv=CKR_DEVICE_ERROR")
        self.addCleanup(self.faults.set)
        done = harness.run_cli({**self.agent.environment(), "CHANCERY_MODULE": str(faults.MODULE)}, "token", "list")
        self.assertIn(b"CKR_DEVICE_ERROR: the device failed", done.stderr)
        self.agent.start(is_waited_for=False)
        harness.wait_until(lambda: "no token that can be read fits" in self.agent.log(), "the log says it")
        self.assertIn("CKR_DEVICE_ERROR", self.agent.log())
        self.faults.set()
        harness.wait_until(self.agent.is_serving, "it is back")
        self.start_with()


if __name__ == "__main__":
    unittest.main()

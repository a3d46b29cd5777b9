"""An unlock by PIN and one-time code, from the enrolment on the terminal to the signature."""

import unittest

import codes
import harness


class Unlocks(codes.CodesTest):
    def test_first(self):
        seed = self.enroll()
        self.assertNotEqual(self.state(), "unlocked")
        done = self.unlock(self.fresh_code(seed))
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

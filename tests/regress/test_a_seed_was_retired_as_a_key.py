"""'key retire' refuses an object that the policy still names, but looked at keys only: the seed of somebody's one-time codes was
destroyed, and who had the only one could unlock and thaw nothing any more."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import codes
import harness

CONFLICT = 5


class Seeds(codes.CodesTest):
    def test_a_seed_is_not_retired(self):
        seed = self.enroll()
        done = self.agent.cli("key", "retire", "tester-totp", "--yes", "--module", "softhsm2", "--token", "main", "--config",
                              self.agent.config, secrets_by_option={"--pin-fd": harness.USER_PIN})
        self.assertEqual(done.returncode, CONFLICT, done.stderr)
        self.assertIn("is the seed of the codes of 'tester'", done.stderr.decode())
        self.assertEqual(self.unlock(self.fresh_code(seed)).returncode, 0, self.agent.log())


if __name__ == "__main__":
    unittest.main()

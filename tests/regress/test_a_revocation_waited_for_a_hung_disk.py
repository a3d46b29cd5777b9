"""While the disk of the state hung, 'key revoke' said nothing for as long as it did, so that nobody knew whether the key was revoked. It
was; a freeze is answered within two seconds."""

import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from test_a_hung_disk_held_core import move_state

NOT_KEPT = 11


class Revocations(harness.AgentTest):
    @classmethod
    def prepare(cls):
        move_state(cls)

    def is_revoked(self):
        return "for good" in self.agent.must("trading", "list")

    def test_it_is_answered_as_a_freeze_is(self):
        subprocess.run(["fsfreeze", "-f", self.disk], check=True)
        try:
            done = self.agent.cli("key", "revoke", "binance-rsa", "--reason", "stolen", timeout_s=20)
            self.assertEqual(done.returncode, NOT_KEPT, done.stderr)
            self.assertIn("it is in effect, but is not kept yet", done.stderr.decode())
            self.assertTrue(self.is_revoked())
        finally:
            subprocess.run(["fsfreeze", "-u", self.disk], check=True)
        harness.wait_until(self.is_kept, "it is written when the disk takes it")

    def is_kept(self):
        time.sleep(0.1)
        return self.agent.cli("key", "revoke", "binance-rsa", "--reason", "stolen", timeout_s=20).returncode == 0


if __name__ == "__main__":
    unittest.main()

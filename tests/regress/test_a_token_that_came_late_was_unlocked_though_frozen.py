"""Whether a freeze forbids an unattended unlock was looked at when the agent started, not when the token was there. So a token that
came later was unlocked after trading had been frozen, though policy says that no unlock of it survives that."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import USER_PIN, wait_until, with_unlock


class Late(harness.AgentTest):
    is_unlocked = False

    def start_without_token(self, **unlock):
        home = self.agent.home
        credentials = home / "credentials"
        credentials.mkdir(mode=0o700, exist_ok=True)
        pin = credentials / "chancery-pin-main"
        pin.write_text(USER_PIN)
        pin.chmod(0o600)
        self.agent.variables["CREDENTIALS_DIRECTORY"] = str(credentials)
        self.agent.stop()
        sound = self.agent.policy.read_text()
        self.addCleanup(self.agent.policy.write_text, sound)
        self.agent.policy.write_text(with_unlock(sound, unattended=True, **unlock))
        (home / "tokens").rename(home / "away")
        (home / "tokens").mkdir()
        self.agent.start(is_waited_for=False)

    def bring_token(self):
        (self.agent.home / "tokens").rmdir()
        (self.agent.home / "away").rename(self.agent.home / "tokens")

    def test_a_token_that_comes_after_a_freeze_stays_locked(self):
        self.start_without_token(survives_freeze=False)
        wait_until(lambda: self.agent.cli("freeze", "--all", "--reason", "everything").returncode == 0, "all is frozen")
        self.bring_token()
        wait_until(lambda: "not unlocked unattended: trading is frozen" in self.agent.log(), "it is said", 30)
        self.agent.must("thaw", "--all", "--reason", "looked into")
        time.sleep(1)
        self.assertNotIn("unlocking it unattended", self.agent.log())
        self.assertFalse(self.agent.is_ready())
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

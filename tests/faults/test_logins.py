"""Logins at fault: a PIN that was refused is never sent again, one that a module died with once more at most; what passes is tried
again without a person. Numbers in brackets are the scenarios' of the table in README.md."""

import subprocess
import time
import unittest

from harness import USER_PIN, wait_until
from scene import BACK_S, Scenario

NEW_PIN = "another-pin-7714"
HELD_S = 5  # long enough for several tries


class Logins(Scenario):
    def fail_login_again(self, *faults):
        """Has the process start anew while logins are at fault; returns when that was."""
        since_s = time.monotonic()
        self.faults.set(*faults)
        self.kill_token()
        return since_s

    def assert_locked_with(self, *texts):
        self.assert_state("locked")
        wait_until(lambda: all(text in self.agent.must("status") for text in texts),
                   f"the status says {texts}: {self.agent.must('status')}", BACK_S)
        wait_until(lambda: self.sign().status == 423, "bots are told that it is locked", BACK_S)
        self.assertFalse(self.agent.is_ready())

    def assert_unlocks(self, pin=USER_PIN):
        self.faults.set()
        self.faults.note_typed()
        self.unlock(pin=pin)
        self.assert_signs()

    def test_a_module_that_dies_with_the_pin_gets_it_once_more(self):
        """[12]"""
        since_s = self.fail_login_again("C_Login * crash")
        self.assert_locked_with("ended twice in the middle of a login")
        time.sleep(HELD_S)
        self.assertEqual(self.faults.pins(since_s), [1, 1])
        self.assert_unlocks()

    def test_a_module_that_dies_after_a_login_gets_the_pin_once_more(self):
        """[12]: whether the token took it cannot be known."""
        since_s = self.fail_login_again("C_Login * after exit=3")
        self.assert_locked_with("ended twice in the middle of a login")
        time.sleep(HELD_S)
        self.assertEqual(self.faults.pins(since_s), [1, 1])
        self.assert_unlocks()

    def test_a_passing_failure_of_a_login_keeps_the_pin(self):
        """[14]"""
        for result in ("CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_COUNT", "CKR_HOST_MEMORY"):
            with self.subTest(result):
                self.fail_login_again(f"C_Login g1-2 rv={result}")
                self.assert_comes_back()
        since_s = self.fail_login_again("C_Login * rv=CKR_DEVICE_ERROR")
        wait_until(lambda: "CKR_DEVICE_ERROR" in self.agent.must("status"), "the status says why", BACK_S)
        self.assert_unavailable(self.sign())
        time.sleep(HELD_S)
        self.assertLess(len(self.faults.pins(since_s)), 10)  # back-off
        self.faults.set()
        self.assert_comes_back()

    def test_a_refused_pin_is_sent_once_and_forgotten(self):
        """[15]"""
        for result in ("CKR_PIN_INCORRECT", "CKR_PIN_LOCKED", "CKR_PIN_EXPIRED"):
            with self.subTest(result):
                since_s = self.fail_login_again(f"C_Login * rv={result}")
                self.assert_locked_with(result)
                time.sleep(1)
                self.assertEqual(len(self.faults.pins(since_s)), 1)
                self.kill_token()
                self.assert_state("locked")
                self.assertEqual(len(self.faults.pins(since_s)), 1)
                self.assert_unlocks()

    def test_a_pin_that_was_changed_elsewhere_is_tried_once(self):
        """[30]"""
        self.faults.set("@pinmax 3")
        self.change_pin(USER_PIN, NEW_PIN)
        since_s = time.monotonic()
        self.kill_token()
        self.assert_locked_with("CKR_PIN_INCORRECT")
        self.kill_token()
        wait_until(lambda: self.sign().status == 423, "a process is there, locked", BACK_S)
        self.assertEqual(self.faults.pins(since_s), [1])
        self.assert_unlocks(NEW_PIN)

    def change_pin(self, old, new):
        self.run_tool("pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "main", "--login", "--pin",
                       old, "--change-pin", "--new-pin", new)

    def run_tool(self, *command):
        done = subprocess.run(command, env=self.agent.environment(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)


class Locks(Scenario):
    """[17]: a token that was locked is locked, whatever its logout does, and takes no wrong PIN."""

    def assert_is_locked_for_sure(self, *faults):
        self.faults.set(*faults)
        done = self.agent.cli("lock", "main", timeout_s=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.sign().status, (423, 503))
        wait_until(lambda: self.sign().status == 423, "it is locked", BACK_S)
        self.faults.note_typed()
        refused = self.agent.cli("unlock", "main", "--wait", secret="wrong-pin-1234", timeout_s=90)
        self.assertNotEqual(refused.returncode, 0, refused)
        self.assertEqual(self.sign().status, 423)
        self.faults.set()
        self.unlock()
        self.assert_signs()

    def test_a_logout_that_fails(self):
        for result in ("CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID"):
            with self.subTest(result):
                self.assert_is_locked_for_sure(f"C_Logout * rv={result}")

    def test_a_logout_that_hangs(self):
        self.assert_is_locked_for_sure("C_Logout * hang")

    def test_a_logout_that_does_nothing(self):
        self.assert_is_locked_for_sure("C_Logout * rv=CKR_OK")


if __name__ == "__main__":
    unittest.main()

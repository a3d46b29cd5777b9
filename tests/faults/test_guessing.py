"""Two operators share a token that counts wrong PINs. Whatever one of them guesses, and whatever the device does meanwhile,
the other has a try, nobody but who says so uses the token's last one, and a crash makes nobody's wait shorter."""

import os
import pathlib
import signal
import sys
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import codes
import harness
import loaded
from faults import Faults
from waiting import Waiting

REFUSED, LATER, WRONG_PIN = 3, 7, 8
SECOND_UID = os.getuid() + 4242
PEOPLE = {"tester": os.getuid(), "second": SECOND_UID}
WRONG = "wrong-pin-2718"


class Shared(unittest.TestCase):
    """A token that locks itself after three wrong PINs; an unlock takes the PIN alone."""

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest("only root can act as two people")
        self.agent = harness.prepare_agent(self.addCleanup)
        os.chmod(self.agent.home, 0o711)
        people = "".join(f"  {name}: {{ uid: {uid}, roles: [operator] }}\n" for name, uid in PEOPLE.items())
        self.agent.policy.write_text(codes.policy_with_codes(self.agent.policy.read_text(), people))
        self.faults = Faults(self.agent)
        self.clock = loaded.WallClock(self.agent)
        self.ahead_s = 0
        self.set()
        self.agent.start()

    def set(self, *lines):
        self.faults.set("@pinmax 3", *lines)

    def wait_out(self):
        self.ahead_s += 1000
        self.clock.set(self.ahead_s)

    def kill(self):
        self.agent.stop_all(signal.SIGKILL)
        self.agent.start()

    def unlock(self, person, pin=harness.USER_PIN, *words, timeout_s=100):
        uid = PEOPLE[person]
        return harness.run_cli(self.agent.environment(), "unlock", *words, "main", stdin=f"{pin}\n", timeout_s=timeout_s,
                               wrapper=["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"])

    def assert_status(self, done, status, says=""):
        self.assertEqual(done.returncode, status, f"{done.stderr.decode()}\n{self.agent.log()}")
        self.assertIn(says, done.stderr.decode())

    def sent(self):
        """Logins that reached the module, whatever came of them."""
        return len(self.faults.pins())

    def assert_sends_nothing(self, person, pin=WRONG):
        """Also after a kill, and however long the person waits."""
        sent = self.sent()
        for crash in (False, True, False):
            if crash:
                self.kill()
            self.wait_out()
            self.assert_status(self.unlock(person, pin), REFUSED, "1 of your unlocks of token 'main' have failed")
        self.assertEqual(self.sent(), sent)

    def assert_second_can(self):
        """At once: it is not they who wait."""
        self.assert_status(self.unlock("second"), 0)

    def test_one_persons_flood_leaves_the_other_their_try(self):
        self.assert_status(self.unlock("tester", WRONG), WRONG_PIN, "1 of 3 tries are used")
        self.assert_sends_nothing("tester")
        self.assert_second_can()
        self.agent.must("lock", "main")
        self.wait_out()
        self.assert_status(self.unlock("tester", WRONG), WRONG_PIN)  # all began anew

    def test_a_failure_makes_one_wait_and_not_the_other_across_kill_9(self):
        self.faults.set("@pinmax 50")
        for _ in range(5):  # of which each is twice as long as the one before
            self.assert_status(self.unlock("tester", WRONG, "--last-try"), WRONG_PIN)
            self.wait_out()
        self.assert_status(self.unlock("tester", WRONG, "--last-try"), WRONG_PIN)
        sent = self.sent()
        self.kill()
        self.assert_status(self.unlock("tester", harness.USER_PIN, "--last-try"), LATER, "you must wait")
        self.assertEqual(self.sent(), sent)
        self.assert_status(self.unlock("second", harness.USER_PIN, "--last-try"), 0)

    def test_when_both_have_guessed_the_last_try_is_for_who_says_so(self):
        for person in PEOPLE:
            self.assert_status(self.unlock(person, WRONG), WRONG_PIN)
        for person in PEOPLE:
            self.assert_sends_nothing(person, harness.USER_PIN)
        self.assertEqual(self.sent(), 2)
        self.assert_status(self.unlock("second", harness.USER_PIN, "--last-try"), 0)

    def test_a_device_that_dies_in_a_login_counts_against_who_tried(self):
        """It may have looked at the PIN and it may not; in both cases the other has a try."""
        for fault in ("C_Login g1 crash", "C_Login g1 after crash"):
            with self.subTest(fault):
                self.set(fault)
                self.assertNotEqual(self.unlock("tester", WRONG).returncode, 0)
                self.set()
                harness.wait_until(self.agent.is_serving, "another process is there")
                self.assert_sends_nothing("tester")
                self.assert_second_can()
                self.agent.must("lock", "main")

    def test_a_kill_while_the_device_hangs_in_a_login(self):
        self.set("C_Login * hang")
        asked = Waiting(self.unlock, "tester", WRONG)
        harness.wait_until(lambda: self.sent() == 1, "the PIN is at the token")
        self.agent.stop_all(signal.SIGKILL)
        asked.join(100)
        self.set()
        self.agent.start()
        self.assert_sends_nothing("tester")
        self.assert_second_can()

    def test_a_device_that_fails_before_the_pin_costs_nobody_a_try(self):
        self.set("C_Login * rv=CKR_DEVICE_ERROR")
        for _ in range(4):
            self.assertEqual(self.unlock("tester").returncode, 7)
        self.set()
        self.assert_status(self.unlock("tester"), 0)

    def test_a_token_that_is_put_back_is_no_new_one(self):
        self.assert_status(self.unlock("tester", WRONG), WRONG_PIN)
        self.set("@absent")
        self.agent.stop_all()
        self.agent.start(is_waited_for=False)
        harness.wait_until(self.is_away, "the token is missed")
        self.wait_out()
        self.assertNotEqual(self.unlock("tester", WRONG).returncode, 0)
        self.set()
        harness.wait_until(self.agent.is_serving, "it is back")
        self.assert_sends_nothing("tester")
        self.assert_second_can()

    def is_away(self):
        try:
            with self.agent.client() as client:
                return client.get("/v1/status").json["tokens"][0]["state"] == "absent"
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()

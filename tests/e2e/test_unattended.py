"""Unlocks without a person: only where policy says so, with the service manager's credential, once, at the start."""

import os
import time
import unittest

import harness
from harness import BINANCE_ORDER, USER_PIN, wait_until, with_unlock


class Unattended(harness.AgentTest):
    is_unlocked = False

    @classmethod
    def setUpClass(cls):
        cls.agent = harness.prepare_agent(cls.addClassCleanup, cls.relogin)
        cls.sound = cls.agent.policy.read_text()
        cls.credentials = cls.agent.home / "credentials"
        cls.credentials.mkdir(mode=0o700)
        cls.agent.variables["CREDENTIALS_DIRECTORY"] = str(cls.credentials)

    def setUp(self):
        for path in self.credentials.iterdir():
            path.unlink()
        self.addCleanup(self.stop)

    def stop(self):
        if self.agent.process.poll() is None:
            self.agent.stop()

    def start(self, pin=USER_PIN, mode=0o400, **unlock):
        """Starts the agent with a credential and what policy says; returns what it logs from here on."""
        if pin is not None:
            path = self.credentials / "chancery-pin-main"
            path.write_text(pin)
            path.chmod(mode)
        self.agent.policy.write_text(with_unlock(self.sound, **unlock) if unlock else self.sound)
        seen = len(self.agent.log())
        self.agent.start()
        return lambda: self.agent.log()[seen:]

    def sign(self):
        with self.agent.client() as client:
            return client.sign("binance-main", BINANCE_ORDER)

    def token(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["tokens"][0]

    def wait_for_unlock(self, log):
        wait_until(lambda: self.token()["state"] == "unlocked", f"it is unlocked\n{log()}", 10)

    def assert_stays_locked(self):
        time.sleep(1)
        self.assertEqual(self.token()["state"], "locked")
        answer = self.sign()
        self.assertEqual(answer.status, 423)
        return answer.json["detail"]

    def test_policy_says_so_and_it_is_unlocked(self):
        log = self.start(unattended=True)
        self.wait_for_unlock(log)
        self.assertEqual(self.sign().status, 200)
        self.assertIn("token 'main': unlocking it unattended, as the policy says", log())
        self.assertIn("token 'main': unlocked, unattended", log())
        self.assertTrue(self.token()["unattended"])
        self.assertIn("Unlocked unattended, when the agent started: main\n", self.agent.must("status"))
        self.assertNotIn(USER_PIN, log())
        for role, process in self.agent.processes().items():
            if role != "core":
                self.assertNotIn(b"CREDENTIALS_DIRECTORY", process.read("environ"), role)

    def test_it_ends_as_any_other_and_is_not_repeated(self):
        log = self.start(unattended=True, for_="2s")
        self.wait_for_unlock(log)
        wait_until(lambda: self.token()["state"] == "locked", "its time is up", 5)
        self.assertIn("ended after 2s", self.assert_stays_locked())
        self.agent.must("reload")
        self.assert_stays_locked()
        wait_until(lambda: self.agent.unlock().returncode == 0, "a person unlocks it", 5)
        self.assertFalse(self.token()["unattended"])

    def test_without_the_policys_word_the_credential_is_not_even_opened(self):
        os.mkfifo(self.credentials / "chancery-pin-main")  # whoever opened it would hang
        log = self.start(pin=None, for_="1h")
        self.assert_stays_locked()
        self.assertNotIn("unattended", log())
        self.assertFalse(self.token()["unattended"])

    def test_policy_that_says_so_later_has_no_effect_before_the_next_start(self):
        self.start(for_="1h")
        self.agent.policy.write_text(with_unlock(self.sound, unattended=True))
        self.agent.must("reload")
        self.assert_stays_locked()

    def test_an_unattended_start_leaves_a_frozen_token_locked(self):
        self.start(unattended=True)
        wait_until(self.agent.is_ready, "it is unlocked")
        self.agent.must("freeze", "--all", "--reason", "everything")
        self.agent.stop()
        self.start(unattended=True)
        wait_until(self.agent.is_ready, "it is unlocked, since it survives a freeze")
        self.agent.stop()
        log = self.start(unattended=True, survives_freeze=False)
        self.assertIn("trading is frozen, and the policy lets no unlock of this token survive that", log())
        self.agent.must("thaw", "--all", "--reason", "looked into")
        self.assertFalse(self.agent.is_ready())
        self.assertEqual(self.agent.unlock().returncode, 0)

    def test_what_is_wrong_is_said_and_the_agent_goes_on(self):
        for pin, mode, words in ((None, 0, "there is no credential 'chancery-pin-main'"),
                                 (USER_PIN, 0o644, "every user can read"),
                                 (USER_PIN, 0o622, "can be written to"),
                                 ("", 0o600, "empty"),
                                 ("x" * 1000, 0o600, "longer than")):
            with self.subTest(words=words):
                log = self.start(pin, mode, unattended=True)
                self.assertIn("token 'main': not unlocked unattended: ", log())
                self.assertIn(words, self.assert_stays_locked())
                self.assertEqual(self.agent.unlock().returncode, 0)
                self.assertEqual(self.sign().status, 200)
                self.agent.stop()
                (self.credentials / "chancery-pin-main").unlink(missing_ok=True)

    def test_a_wrong_pin_is_tried_once_and_starts_do_not_use_up_the_last_try(self):
        for count in (1, 2):
            log = self.start("wrong-pin", unattended=True)
            wait_until(lambda: "not unlocked unattended" in log(), "it is said", 5)
            self.assertIn(f"{count} of 3 tries are used", self.assert_stays_locked())
            self.agent.stop()
        log = self.start("wrong-pin", unattended=True)
        wait_until(lambda: "not unlocked unattended" in log(), "it is said", 5)
        self.assertIn("may lock itself at the next", log())
        self.agent.must("unlock", "--last-try", "main", secret=USER_PIN)

    def test_policy_check_warns(self):
        self.start(unattended=True)
        said = self.agent.must("policy", "check", str(self.agent.policy), "--profiles", str(harness.ROOT / "profiles"))
        self.assertRegex(said, r"warning: token 'main': it is unlocked without a person .*\[unattended\]")


if __name__ == "__main__":
    unittest.main()

"""A token that is taken out, or another one in its place. Numbers in brackets are the scenarios' of the table in README.md."""

import time
import unittest

from harness import BINANCE_SECRET, SO_PIN, USER_PIN, wait_until
from scene import BACK_S, KEY, KEYS, MISSED_S, Scenario


class Absent(Scenario):
    def take_out(self):
        self.faults.set("@absent")
        return time.monotonic()

    def assert_is_missed(self):
        self.assert_state("absent")
        self.assertFalse(self.agent.is_ready())
        for key in (KEY, "binance-rsa"):
            self.assert_unavailable(self.sign(key))

    def test_it_is_missed_though_nobody_asks_and_comes_back_by_itself(self):
        """[20]"""
        since_s = self.take_out()
        self.assert_is_missed()
        self.assertEqual(self.faults.pins(since_s), [])
        self.faults.set()
        self.assert_comes_back()

    def test_it_is_taken_out_under_load(self):
        """[20]"""
        bots = [self.bot(KEY), self.bot("binance-rsa")]
        since_s = self.take_out()
        self.assert_is_missed()
        time.sleep(1)
        self.faults.set()
        self.assert_comes_back()
        for bot in bots:
            self.assertLessEqual(set(bot.statuses(since_s)), {200, 503})

    def test_it_is_taken_out_and_put_back_again_and_again(self):
        """[20]"""
        for _ in range(5):
            self.take_out()
            self.sign()
            self.faults.set()
            self.sign()
        self.assert_comes_back()


class Locked(Scenario):
    """What policy does not let survive it."""

    def make_agent(self):
        agent, faults = super().make_agent()
        agent.survives_removal = False
        agent.write_policy(KEYS)
        return agent, faults

    def test_a_token_that_was_taken_out_is_locked_when_it_is_back(self):
        """[20]"""
        since_s = time.monotonic()
        self.faults.set("@absent")
        self.assert_state("absent")
        self.faults.set()
        wait_until(lambda: self.sign().status == 423, "it is locked", BACK_S)
        self.assertEqual(self.faults.pins(since_s), [])
        self.assertEqual(self.sign().json["rule"], "unlock-removal")
        self.faults.note_typed()
        self.unlock()
        self.assert_comes_back()


class Another(Scenario):
    def test_the_pin_goes_to_no_token_of_another_name(self):
        """[21]"""
        since_s = time.monotonic()
        self.faults.set("@swap")
        self.assert_state("absent")
        self.assert_unavailable(self.sign())
        self.assertEqual(self.faults.pins(since_s), [])
        self.faults.set()
        self.assert_comes_back()

    def test_a_token_of_the_same_name_gets_the_pin_once_at_most(self):
        """[21]"""
        since_s = time.monotonic()
        self.faults.set("@swap main")
        wait_until(lambda: self.sign().status in (423, 503), "no bot is served", MISSED_S)
        wait_until(lambda: self.sign().status == 423, "it is locked", BACK_S)
        time.sleep(2)
        self.assertLessEqual(len(self.faults.pins(since_s)), 1)
        self.faults.set()
        self.faults.note_typed()
        self.unlock()
        self.assert_comes_back()

    def test_a_token_that_was_made_anew_is_picked_up_with_its_keys(self):
        """[21]: its keys are absent meanwhile, and looked for by themselves."""
        self.agent.must("token", "init", "--module", "softhsm2", "--label", "main", "--erase",
                        secrets_by_option={"--so-pin-fd": SO_PIN, "--pin-fd": USER_PIN})
        self.assertRegex(self.agent.must("token", "list", "--module", "softhsm2"), "(?m)^main ")
        wait_until(lambda: self.sign().status in (404, 503), "the key is missed", MISSED_S)
        self.agent.import_hmac(KEY, "hmac-sha256", BINANCE_SECRET)
        wait_until(lambda: self.sign().status == 200, f"the key is found\n{self.agent.log()}", BACK_S, 0.2)
        self.assertIn(self.sign("binance-rsa").status, (404, 503))


if __name__ == "__main__":
    unittest.main()

"""Unlocks that policy does not let survive a freeze: of keys and of tokens, by operators, the file and the signal; and those that do."""

import signal
import unittest

from harness import BINANCE_CANCEL, wait_until
from test_freeze import FREEZE_FILE
import test_freeze
import test_unlock_ends


class FreezeEnds(test_unlock_ends.Ends):
    """Token 'main' has all keys of the policy."""

    @classmethod
    def prepare(cls):
        test_freeze.Switch.prepare.__func__(cls)

    def setUp(self):
        super().setUp()
        self.addCleanup(test_freeze.Switch.tearDown, self)

    states = test_freeze.Switch.states

    def cancel(self, key="binance-main"):
        return self.client.sign(key, BINANCE_CANCEL)

    def thaw(self, *names):
        self.agent.must("thaw", *names, "--reason", "looked into")

    def freeze(self, *names):
        self.agent.must("freeze", *names, "--reason", "odd orders")

    def assert_token_locked(self):
        def is_locked():
            token = self.token()
            return token["state"] == "locked" and "trading was frozen, which ends this unlock" in token["detail"]

        wait_until(is_locked, "the token is locked, and says why", 10)
        answer = self.cancel()
        self.assert_problem(answer, 423, "locked")
        self.assertEqual(answer.json["rule"], "unlock-freeze")

    def test_an_unlock_survives_a_freeze_unless_policy_says_otherwise(self):
        self.say(for_="1h")
        self.unlock()
        self.freeze("--all")
        self.freeze("binance-main")
        self.assertEqual(self.cancel().status, 200)

    def test_a_freeze_of_all_locks_the_token_and_a_thaw_does_not_unlock_it(self):
        self.say(survives_freeze=False)
        self.unlock()
        self.freeze("--all", "--reducing")
        self.assert_token_locked()
        self.assertIn("token 'main': locked: trading was frozen", self.agent.log())
        self.thaw("--all")
        self.assert_token_locked()
        self.unlock()
        self.assertEqual(self.sign().status, 200)

    def test_it_can_be_unlocked_again_while_it_is_frozen_and_the_next_freeze_locks_it_again(self):
        self.say(survives_freeze=False)
        self.freeze("--all")
        self.unlock()
        self.assertEqual(self.cancel().status, 200)
        self.freeze("--all")
        self.assert_token_locked()

    def test_a_token_is_locked_when_each_of_its_keys_is_frozen(self):
        self.say(survives_freeze=False)
        keys = ["binance-main", "binance-read", "binance-other", "binance-ed25519", "binance-rsa", "kraken-main"]
        self.unlock()
        self.freeze(*keys[:-1])
        self.freeze("caller:tester")
        self.assertEqual(self.cancel().status, 200)
        self.freeze(keys[-1])
        self.assert_token_locked()

    def test_a_freeze_of_a_key_locks_that_key_alone(self):
        self.say("{ survives_freeze: false }")
        self.unlock()
        self.freeze("caller:tester")
        self.assertEqual(self.cancel().status, 200)
        self.freeze("binance-main")
        self.assertEqual(self.cancel().json["rule"], "unlock-freeze")
        self.assertEqual(self.cancel("binance-ed25519").status, 200)
        self.assertEqual(self.token()["state"], "unlocked")
        self.thaw("binance-main", "caller:tester")
        self.assert_locked_by("unlock-freeze")
        self.agent.lock()
        self.unlock()
        self.assertEqual(self.sign().status, 200)

    def test_a_freeze_of_all_locks_that_key_too(self):
        self.say("{ survives_freeze: false }")
        self.unlock()
        self.freeze("--all")
        self.assertEqual(self.cancel().json["rule"], "unlock-freeze")
        self.assertEqual(self.cancel("binance-ed25519").status, 200)

    def test_the_file_and_the_signal_are_freezes(self):
        self.say(survives_freeze=False)
        for freeze in (lambda: self.agent.process.send_signal(signal.SIGUSR1), (self.agent.home / FREEZE_FILE).touch,
                       lambda: self.agent.process.send_signal(signal.SIGUSR1)):
            self.unlock()
            freeze()
            self.assert_token_locked()


if __name__ == "__main__":
    unittest.main()

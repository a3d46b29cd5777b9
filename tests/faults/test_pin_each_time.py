"""A key that takes the PIN for each signature (CKA_ALWAYS_AUTHENTICATE): what the token refuses once is never sent again, however
many signatures are under way."""

import time
import unittest

from harness import wait_until
from scene import BACK_S, Scenario

KEY = "binance-rsa"
MODEL = f"@always-auth {KEY}"


class PinEachTime(Scenario):
    is_unlocked = False
    workers = ", workers: 4"

    def setUp(self):
        super().setUp()
        self.tolerate()
        self.faults.set(MODEL)
        self.begin()

    def tolerate(self):
        object_line = f'    object: "pkcs11:object={KEY}"\n'
        policy = self.agent.policy.read_text()
        self.agent.policy.write_text(policy.replace(object_line, f"{object_line}    tolerate: [CKA_ALWAYS_AUTHENTICATE]\n"))

    def sign_at_once(self, count):
        bots = [self.bot(KEY) for _ in range(count)]
        wait_until(lambda: all(bot.answers for bot in bots), "each has an answer", BACK_S)
        for bot in bots:
            bot.stop()
        return {status for bot in bots for status in bot.statuses()}

    def assert_locked_and_left_alone(self, logins, since_s):
        self.assert_state("locked")
        wait_until(lambda: self.sign(KEY).status == 423, "bots are told that it is locked", BACK_S)
        time.sleep(3)
        self.assertEqual(len(self.faults.calls("C_Login", edge=">", since_s=since_s)), logins)
        self.faults.set(MODEL)
        self.faults.note_typed()
        self.unlock()
        self.assert_signs(KEY)

    def test_the_pin_goes_with_each_signature(self):
        since_s = time.monotonic()
        self.assertEqual(self.sign_at_once(8), {200})
        signatures = len(self.faults.calls("C_Sign", since_s=since_s))
        self.assertEqual(self.faults.pins(since_s), [1] * signatures)
        self.assert_signs()
        self.assertEqual(self.faults.pins(since_s), [1] * signatures)

    def test_a_pin_that_is_refused_is_sent_once_whoever_signs(self):
        since_s = time.monotonic()
        self.faults.set(MODEL, "C_Login * delay=200 rv=CKR_PIN_INCORRECT")
        self.assertLessEqual(self.sign_at_once(16), {423, 503})
        self.assertIn("refused the PIN for a signature", self.token_state()["detail"])
        self.assert_locked_and_left_alone(1, since_s)

    def test_a_pin_that_is_locked_is_not_sent_again(self):
        since_s = time.monotonic()
        self.faults.set(MODEL, "C_Login * rv=CKR_PIN_LOCKED")
        self.assertLessEqual(self.sign_at_once(4), {423, 503})
        self.assert_locked_and_left_alone(1, since_s)

    def test_a_module_that_dies_with_the_pin_gets_it_once_more(self):
        since_s = time.monotonic()
        self.faults.set(MODEL, "C_Login * crash")
        self.assertLessEqual(self.sign_at_once(4), {423, 503})
        self.assert_locked_and_left_alone(2, since_s)

    def test_what_passes_is_tried_again(self):
        for result in ("CKR_DEVICE_ERROR", "CKR_USER_NOT_LOGGED_IN"):
            with self.subTest(result):
                self.faults.set(MODEL, f"C_Login g1 rv={result}")
                self.assertIn(self.sign(KEY).status, (200, 503))
                self.assert_comes_back(key=KEY)


if __name__ == "__main__":
    unittest.main()

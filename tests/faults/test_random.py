"""Faults at random, while bots sign: whatever the token went through, the agent serves afterwards, its state is true, no PIN that was
refused was sent again, and no rule of Cryptoki was broken.

$CHANCERY_FAULTS_SECONDS is how long (60 by default, 600 for a release), $CHANCERY_FAULTS_SEED repeats a run, whose failure shows it."""

import os
import random
import time
import unittest

from harness import USER_PIN, wait_until
from scene import BACK_S, KEY, Scenario

SECONDS = int(os.environ.get("CHANCERY_FAULTS_SECONDS", "60"))
SEED = int(os.environ.get("CHANCERY_FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
HELD_S = (0.2, 3.0)  # how long a set of faults holds
SERVES_S = 90  # a call that hangs may take a minute to be given up

CALLS = ("C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_GetMechanismInfo", "C_OpenSession", "C_GetSessionInfo", "C_Login",
         "C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue", "C_SignInit", "C_Sign")
RESULTS = ("CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY", "CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED",
           "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED", "CKR_SESSION_COUNT",
           "CKR_USER_NOT_LOGGED_IN", "CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID", "CKR_OPERATION_ACTIVE",
           "CKR_BUFFER_TOO_SMALL", "CKR_CRYPTOKI_NOT_INITIALIZED", "0x80000099")
LOGIN_RESULTS = RESULTS + ("CKR_PIN_INCORRECT", "CKR_PIN_LOCKED", "CKR_USER_ALREADY_LOGGED_IN")
MODELS = ("@absent", "@logout", "@reset", "@swap", "@swap main", "@idle 300", "@serial 200", "@latency 5 20", "@sessions 8",
          "@shared-login", "@no-custom-mutex", "@pinmax 5")
STATUSES = {200, 404, 423, 429, 502, 503}


class Dice:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def when(self):
        return self.random.choice(["*", "1", "g1", "g2-4", "3+", "p=0.05", "p=0.3", "key=" + KEY])

    def action(self, call):
        results = LOGIN_RESULTS if call == "C_Login" else RESULTS
        failure = f"rv={self.random.choice(results)}"
        actions = [failure] * 6 + [f"after {failure}", "crash", "after crash", "exit=3", f"delay={self.random.randrange(1, 1500)}"]
        if call == "C_Sign":
            actions += ["short=1", "long=1"]
        if self.random.random() < 0.05:
            actions = ["hang"]
        return self.random.choice(actions)

    def faults(self):
        lines = []
        for _ in range(self.random.randrange(0, 4)):
            call = self.random.choice(CALLS)
            lines.append(f"{call} {self.when()} {self.action(call)}")
        if self.random.random() < 0.5:
            lines.append(self.random.choice(MODELS))
        return lines + [f"@seed {self.random.randrange(1 << 30)}"]

    def held_s(self):
        return self.random.uniform(*HELD_S)


class Random(Scenario):
    def test_faults_at_random(self):
        with self.subTest(f"CHANCERY_FAULTS_SEED={SEED}"):
            self.play(Dice(SEED))

    def play(self, dice):
        bots = [self.bot(key) for key in (KEY, "binance-ed25519", "binance-rsa")]
        end_s = time.monotonic() + SECONDS
        while time.monotonic() < end_s:
            self.faults.set(*dice.faults())
            time.sleep(dice.held_s())
            self.faults.set()
            time.sleep(dice.held_s() / 2)
            self.be_operator()
        self.check_end(bots)

    def be_operator(self):
        """Unlocks what had to be locked, as a person would."""
        if self.token_state()["state"] == "locked" and self.sign().status == 423:
            self.faults.note_typed()
            self.agent.cli("unlock", "main", secret=USER_PIN, timeout_s=90)

    def is_serving(self):
        self.be_operator()
        return all(self.sign(key).status == 200 for key in (KEY, "binance-ed25519", "binance-rsa"))

    def check_end(self, bots):
        self.faults.set()
        wait_until(self.is_serving, f"it serves again\n{self.agent.log()}", SERVES_S, 0.5)
        self.assertEqual(self.token_state()["state"], "unlocked")
        wait_until(self.agent.is_ready, "it is ready", BACK_S)
        for bot in bots:
            bot.stop()
            self.assertLessEqual(set(bot.statuses()), STATUSES)
            self.assertGreater(bot.statuses().count(200), 20)
        self.assertEqual(self.agent.must("lock", "main")[:6], "Locked")
        self.assertEqual(self.sign().status, 423)


if __name__ == "__main__":
    unittest.main()

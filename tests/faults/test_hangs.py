"""[7] [8] A call that hangs is given up after a minute, whichever it is: its process is killed, and another one serves once the module
is well. The scenes stand beside each other, since each takes that minute."""

import time
import unittest

import scene
from harness import USER_PIN, wait_until
from scene import KEY, Scenario
from waiting import Waiting

GIVEN_UP_S = 100  # a start, a login, a search: a minute
ANSWERED_S = 40  # a request that waits for a token that hangs: ten seconds


class Scene:
    """One agent whose module hangs in one call, at an unlock or at the login after a crash."""

    def __init__(self, test, call, is_relogin):
        self.test = test
        self.call = call
        self.is_relogin = is_relogin
        self.agent, self.faults = test.make_agent()

    def __str__(self):
        return f"{self.call} {'after a crash' if self.is_relogin else 'at the unlock'}"

    def unlock(self, token="main"):
        return self.agent.cli("unlock", token, "--wait", secret=USER_PIN, timeout_s=GIVEN_UP_S)

    def sign(self, key=KEY):
        with self.agent.client(ANSWERED_S) as client:
            return client.sign(key, scene.BINANCE_ORDER)

    def begin(self):
        self.agent.start()
        self.test.assertEqual(self.unlock("calm").returncode, 0)
        if self.is_relogin:
            self.test.assertEqual(self.unlock().returncode, 0)
        self.process = self.test.token_process(agent=self.agent)
        self.faults.set(f"{self.call} * hang")
        self.since_s = time.monotonic()
        if self.is_relogin:
            self.test.kill_token(agent=self.agent)
            wait_until(lambda: self.hangs(), f"another process hangs in {self}", 20)
        else:
            self.operator = Waiting(self.unlock)
        self.bot = Waiting(self.sign)

    def hangs(self):
        process = self.test.token_process(agent=self.agent)
        is_new = process is not None and process.pid != self.process.pid
        self.process = process if is_new else self.process
        return is_new

    def check(self):
        test = self.test
        test.assertEqual([self.sign("calm").status for _ in range(3)], [200] * 3)
        self.bot.join(ANSWERED_S)
        test.assertIn(getattr(self.bot.result, "status", self.bot.result), (423, 503))
        wait_until(lambda: not self.process.is_running(), f"it is given up: {self}\n{self.agent.log()}", GIVEN_UP_S, 0.5)
        test.assertEqual(self.sign().status, 503 if self.is_relogin else 423)
        test.assertLessEqual(len(self.faults.pins(self.since_s)), 2)
        self.faults.set()
        if not self.is_relogin:
            self.operator.join(GIVEN_UP_S)
            test.assertEqual(getattr(self.operator.result, "returncode", self.operator.result), 7, self.operator.result)
            test.assertEqual(self.unlock().returncode, 0)
        wait_until(lambda: self.sign().status == 200, f"it signs again: {self}\n{self.agent.log()}", scene.BACK_S, 0.2)
        test.assertEqual(self.sign("calm").status, 200)
        test.assertEqual(self.faults.violations(), [])


class Hangs(Scenario):
    # call, after a crash?
    scenes = [
        ("C_Login", False),
        ("C_Login", True),
        ("C_Initialize", True),
        ("C_GetSlotList", True),
        ("C_OpenSession", True),
        ("C_FindObjectsInit", False),
        ("C_FindObjectsInit", True),
    ]

    def setUp(self):
        """Each scene has an agent of its own."""

    def test_what_hangs_is_given_up(self):
        scenes = [Scene(self, call, is_relogin) for call, is_relogin in self.scenes]
        for one in scenes:
            one.begin()
        for one in scenes:
            with self.subTest(str(one)):
                one.check()


if __name__ == "__main__":
    unittest.main()

"""Unlocks end by themselves: by time, idleness, suspend; per token and per key; and nothing but an operator prolongs one."""

import json
import os
import signal
import time
import unittest

import harness
from harness import BINANCE_ORDER, wait_until, with_unlock
from loaded import Sleep, WallClock

SECONDS = 1000


class Ends(harness.AgentTest):
    is_unlocked = False

    def setUp(self):
        self.sound = self.sound_policy()
        self.client = self.agent.client()
        self.addCleanup(self.client.close)
        self.addCleanup(self.agent.policy.write_text, self.sound)
        self.agent.lock()

    def sound_policy(self):
        return self.agent.policy.read_text()

    def say(self, key_unlock="", **unlock):
        """The policy from here on."""
        text = with_unlock(self.sound, **unlock) if unlock else self.sound
        if key_unlock:
            text = text.replace("  binance-main:\n", f"  binance-main:\n    unlock: {key_unlock}\n", 1)
        self.agent.policy.write_text(text)
        self.agent.must("reload")

    def unlock(self):
        """Tries again while the token's process is exchanged, after an end that nobody waited for."""
        wait_until(lambda: self.agent.unlock().returncode == 0, "it is unlocked", 10)
        return time.time()

    def sign(self, key="binance-main"):
        return self.client.sign(key, BINANCE_ORDER)

    def token(self):
        return self.client.get("/v1/status").json["tokens"][0]

    def assert_locked_by(self, rule, key="binance-main"):
        answer = self.sign(key)
        self.assert_problem(answer, 423, "locked")
        self.assertEqual(answer.json["rule"], rule, answer)
        return answer.json["detail"]


class ByTime(Ends):
    def test_a_token_is_locked_after_its_time_however_busy_it_is(self):
        self.say(for_="3s")
        began = self.unlock()
        statuses = []
        while self.sign().status == 200:
            statuses.append(time.time() - began)
            self.assertLess(statuses[-1], 5)
            time.sleep(0.05)
        self.assertGreater(len(statuses), 10)
        self.assertGreater(statuses[-1], 2.5)
        detail = self.assert_locked_by("unlock-for")
        self.assertIn("its unlock ended after 3s, as 'for' in the policy says; an operator unlocks it with: chancery unlock "
                      "main", detail)
        wait_until(lambda: self.token()["state"] == "locked", "the status says so", 3)
        self.assertIn("ended after 3s", self.token()["detail"])
        self.assertIsNone(self.token()["unlocked_until_ms"])
        self.assertIn("token 'main': locked: its unlock ended after 3s", self.agent.log())
        self.unlock()
        self.assertEqual(self.sign().status, 200)

    def test_the_status_says_until_when(self):
        self.say(for_="1h", idle="10m")
        self.assertIsNone(self.token()["unlocked_until_ms"])
        began = self.unlock()
        until = self.token()
        self.assertEqual(until["unlock_ends_by"], "idle")
        self.assertAlmostEqual(until["unlocked_until_ms"], (began + 600) * SECONDS, delta=3 * SECONDS)
        text = self.agent.must("status")
        self.assertRegex(text, r"TOKEN +STATE +UNLOCKED UNTIL +DETAIL\nmain +unlocked +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(idle\)")
        listed = json.loads(self.agent.must("status", "--json"))["tokens"][0]
        self.assertEqual(listed["unlocked_until_ms"], until["unlocked_until_ms"])
        keys = {key["name"]: key for key in self.client.get("/v1/keys").json["keys"]}
        self.assertEqual(keys["binance-main"]["unlock_ends_by"], "idle")
        self.assertAlmostEqual(keys["binance-main"]["unlocked_until_ms"], (began + 600) * SECONDS, delta=3 * SECONDS)

    def test_what_has_no_end_says_so(self):
        self.say()
        self.unlock()
        self.assertIsNone(self.token()["unlocked_until_ms"])
        self.assertEqual(self.token()["unlock_ends_by"], "")
        self.assertEqual(self.client.get("/v1/status").json["key_unlocks"], [])

    def test_a_token_is_locked_when_nothing_was_signed_for_a_while(self):
        self.say(idle="2s")
        self.unlock()
        for _ in range(7):
            time.sleep(0.6)
            self.assertEqual(self.sign().status, 200)
            self.client.get("/v1/status")
        wait_until(lambda: self.token()["state"] == "locked", "nothing is signed, and it is locked", 4)
        self.assertIn("without a signature, as 'idle' in the policy says", self.assert_locked_by("unlock-idle"))

    def test_refused_requests_are_no_use(self):
        self.say(idle="2s")
        began = self.unlock()
        while self.token()["state"] == "unlocked":
            self.assertEqual(self.client.sign("binance-main", harness.BINANCE_WITHDRAWAL).status, 403)
            self.assertLess(time.time() - began, 5)
            time.sleep(0.1)


class ByKey(Ends):
    def test_a_key_refuses_before_its_token_is_locked(self):
        self.say(key_unlock="{ for: 2s }")
        began = self.unlock()
        listed = self.client.get("/v1/status").json["key_unlocks"]
        self.assertEqual([(row["key"], row["unlock_ends_by"]) for row in listed], [("binance-main", "for")])
        self.assertAlmostEqual(listed[0]["unlocked_until_ms"], (began + 2) * SECONDS, delta=2 * SECONDS)
        self.assertRegex(self.agent.must("status"), r"KEY +UNLOCKED UNTIL\nbinance-main +\d{4}-\S+Z \(for\)")
        self.assertEqual(self.sign().status, 200)
        wait_until(lambda: self.sign().status == 423, "the key is locked", 5)
        detail = self.assert_locked_by("unlock-for")
        self.assertIn("chancery lock main, and then chancery unlock main", detail)
        self.assertEqual(self.sign("binance-ed25519").status, 200)
        self.assertEqual(self.token()["state"], "unlocked")
        problems = {row["key"]: row["problem"] for row in self.client.get("/v1/status").json["problems"]}
        self.assertIn("its unlock ended after 2s", problems["binance-main"])
        self.agent.lock()
        self.unlock()
        self.assertEqual(self.sign().status, 200)

    def test_a_key_is_idle_though_its_token_is_not(self):
        self.say(key_unlock="{ idle: 2s }")
        self.unlock()
        for _ in range(5):
            time.sleep(0.6)
            self.assertEqual(self.sign("binance-ed25519").status, 200)
        self.assert_locked_by("unlock-idle")


class Prolonging(Ends):
    def end_ms(self):
        return self.token()["unlocked_until_ms"]

    def assert_same_end(self, one, other):
        """To the millisecond or two: it is told by the wall clock as it stands when it is asked."""
        self.assertAlmostEqual(one, other, delta=20)

    def test_a_login_with_the_kept_pin_does_not(self):
        self.say(for_="5s")
        began = self.unlock()
        end_ms = self.end_ms()
        victim = self.agent.child("token")
        os.kill(victim.pid, signal.SIGKILL)
        self.agent.await_child("token", other_than=victim, timeout_s=5)
        wait_until(lambda: self.sign().status == 200, "it is logged in again", 5)
        self.assert_same_end(self.end_ms(), end_ms)
        wait_until(lambda: self.sign().status == 423, "it is locked", 8)
        self.assertLess(time.time() - began, 6.5)
        self.assert_locked_by("unlock-for")
        os.kill(self.agent.await_child("token", timeout_s=5).pid, signal.SIGKILL)
        time.sleep(1.5)
        self.assertEqual(self.sign().status, 423, "the PIN was not kept")

    def test_a_policy_with_longer_times_does_not(self):
        self.say(for_="1h", idle="30m")
        self.unlock()
        end_ms = self.end_ms()
        self.say(for_="2h", idle="1h")
        self.assert_same_end(self.end_ms(), end_ms)
        self.say()
        self.assert_same_end(self.end_ms(), end_ms)
        self.agent.lock()
        self.unlock()
        self.assertIsNone(self.end_ms())

    def test_a_policy_with_shorter_times_ends_it_at_once(self):
        self.say(for_="1h")
        self.unlock()
        time.sleep(1.2)
        self.say(for_="1s")
        self.assert_locked_by("unlock-for")

    def test_neither_does_a_policy_without_the_key_in_between(self):
        self.say(key_unlock="{ for: 1h }")
        self.unlock()
        listed = self.client.get("/v1/status").json["key_unlocks"][0]
        self.say(key_unlock="{ for: 1h, idle: 30m }", for_="2h")
        self.say(key_unlock="{ for: 90m }", for_="2h")
        again = self.client.get("/v1/status").json["key_unlocks"][0]
        self.assertEqual(again["unlock_ends_by"], "idle")
        self.assertLess(again["unlocked_until_ms"], listed["unlocked_until_ms"])


class Clocks(Ends):
    @classmethod
    def prepare(cls):
        cls.sleep = Sleep(cls.agent)

    def setUp(self):
        super().setUp()
        self.slept = 0
        self.addCleanup(self.sleep.set, 0)

    def fall_asleep(self, seconds):
        self.slept += seconds
        self.sleep.set(self.slept)

    def test_a_suspend_locks(self):
        self.say(for_="10h")
        self.unlock()
        self.fall_asleep(60)
        detail = self.assert_locked_by("unlock-suspend")
        self.assertIn("the machine was suspended", detail)
        wait_until(lambda: "the machine was suspended" in self.token()["detail"], "the status says so", 3)
        self.unlock()
        self.assertEqual(self.sign().status, 200, "the next unlock begins after it")

    def test_a_suspend_is_noticed_though_nobody_asks(self):
        self.say()
        self.unlock()
        self.fall_asleep(60)
        wait_until(lambda: "token 'main': locked: the machine was suspended" in self.agent.log(), "it is locked", 3)

    def test_policy_can_let_it_sleep_but_the_time_goes_on(self):
        self.say(survives_suspend=True, for_="1h")
        self.unlock()
        self.fall_asleep(1800)
        self.assertEqual(self.sign().status, 200)
        self.fall_asleep(1801)
        self.assert_locked_by("unlock-for")

    def test_a_blink_is_no_suspend(self):
        self.say()
        self.unlock()
        self.fall_asleep(2)
        time.sleep(1)
        self.assertEqual(self.sign().status, 200)


class Set(Ends):
    """Somebody sets the wall clock. While the agent doubts it nothing is signed, which is another matter."""

    @classmethod
    def prepare(cls):
        cls.clock = WallClock(cls.agent)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clock.set, 0)

    def test_a_clock_that_is_put_forward_ends_nothing(self):
        self.say(for_="1h")
        self.unlock()
        self.clock.set(7200)
        time.sleep(1)
        self.assertEqual(self.token()["state"], "unlocked")

    def test_a_clock_that_is_put_back_prolongs_nothing(self):
        self.say(for_="3s")
        self.unlock()
        self.clock.set(-7200)
        wait_until(lambda: self.token()["state"] == "locked", "it is locked all the same", 5)


if __name__ == "__main__":
    unittest.main()

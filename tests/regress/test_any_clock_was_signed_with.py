"""The agent signed with whatever time the clock showed: years ahead, before 1970 (which wrapped around to 2028), before the
agent was built. A clock that was ahead for a moment moved the nonces ahead for good. Now nothing is signed while the clock is in
doubt, all that is asked says why, and it goes on by itself when the clock is right again, or when an operator says that it is."""

import pathlib
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER, KRAKEN_ORDER, wait_until
from loaded import WallClock, require_clocks

DAY_S = 86_400
YEAR_S = 365 * DAY_S
ORDERS = {"binance-main": BINANCE_ORDER, "kraken-main": KRAKEN_ORDER}
NEAR_S = 120

# The clock that is wrong, by so many seconds: what is said of it.
JUMPS = {
    60: "was set ahead by",
    -60: "was set back by",
    DAY_S: "was set ahead by",
    10 * YEAR_S: "was set ahead by",
    -3 * YEAR_S: "was set back by",
    -70 * YEAR_S: "before 1970",
    300 * YEAR_S: "after 2199",
}
STARTS = {
    -3 * YEAR_S: "when this program was built",
    -70 * YEAR_S: "before 1970",
    20 * YEAR_S: "more than five years after",
    300 * YEAR_S: "after 2199",
}


class Clock(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_clocks()

    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.clock = WallClock(self.agent)

    def start(self):
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def sign(self):
        """The answers to a request with a time, and to one with a nonce."""
        with self.agent.client() as client:
            return {key: client.sign(key, order) for key, order in ORDERS.items()}

    def assert_doubted(self, says):
        for key, answer in self.sign().items():
            self.assertEqual(answer.status, 503, f"{key}: {answer}")
            self.assertEqual(answer.json["rule"], "clock")
            self.assertIn(says, answer.json["detail"])
        with self.agent.client() as client:
            self.assertEqual(client.get("/readyz").status, 503)
        self.assertIn(says, self.agent.must("status"))
        wait_until(lambda: says in self.agent.log(), "the log says so")

    def assert_signs(self, ahead_s=0):
        """With the time that the clock shows."""
        now_s = time.time() + ahead_s
        for key, answer in self.sign().items():
            self.assertEqual(answer.status, 200, f"{key}: {answer}")
            query = harness.form(answer.json["body"] or answer.json["url"].partition("?")[2])
            stamp = dict(query).get("timestamp") or dict(query)["nonce"]
            self.assertLess(abs(int(stamp) / 1000 - now_s), NEAR_S, key)


class Jumps(Clock):
    def test_nothing_is_signed_until_a_jump_is_undone(self):
        self.start()
        self.assert_signs()
        for seconds, says in JUMPS.items():
            with self.subTest(seconds=seconds):
                self.clock.set(seconds)
                self.assert_doubted(says)
                self.clock.set(0)
                self.assert_signs()

    def test_a_restart_does_not_make_a_jump_right(self):
        self.start()
        self.assert_signs()
        self.clock.set(DAY_S)
        self.assert_doubted("was set ahead by")
        self.agent.stop()
        self.start()
        self.assert_doubted("was set ahead by")
        self.clock.set(0)
        self.assert_signs()

    def test_a_jump_while_the_agent_did_not_run_is_one(self):
        """As long as the machine is not started anew."""
        self.start()
        self.assert_signs()
        for seconds in (30 * DAY_S, -3600, 60):
            with self.subTest(seconds=seconds):
                self.agent.stop()
                self.clock.set(seconds)
                self.start()
                self.assert_doubted("was set")
        self.agent.must("clock", "confirm")
        self.agent.stop()
        self.start()
        with self.agent.client() as client:
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)

    def test_an_operator_may_say_that_the_clock_is_right(self):
        self.start()
        for seconds in (-3600, 3600):
            self.clock.set(seconds)
            self.assert_doubted("was set")
            self.agent.must("clock", "confirm")
            with self.agent.client() as client:
                self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)
                self.assertEqual(client.get("/readyz").status, 200)

    def test_nobody_can_say_so_of_a_time_that_cannot_be(self):
        self.start()
        self.clock.set(-70 * YEAR_S)
        done = self.agent.cli("clock", "confirm")
        self.assertEqual(done.returncode, 5, done)
        self.assertIn(b"before 1970", done.stderr)
        self.assert_doubted("before 1970")


class Starts(Clock):
    def test_nothing_is_signed_if_the_time_cannot_be_right(self):
        for seconds, says in STARTS.items():
            with self.subTest(seconds=seconds):
                self.clock.set(seconds)
                self.start()
                self.assert_doubted(says)
                self.clock.set(0)
                self.assert_signs()
                self.agent.stop()
                self.agent.forget_state()  # so that no newest time is known at the next start

    def test_a_clock_that_went_back_while_the_machine_did_not_run(self):
        self.start()
        self.assert_signs()
        self.agent.stop()
        with sqlite3.connect(self.agent.state / "state.db") as database:
            database.execute("UPDATE seen_time SET boot_id = 'another'")
        database.close()
        self.clock.set(-3600)
        self.start()
        self.assert_doubted("which the agent has seen already")
        self.clock.set(0)
        self.assert_signs()


class Windows(Clock):
    def test_a_moment_ahead_leaves_nonces_near_the_clock(self):
        """Of Crypto.com, which compares them with its own."""
        text = self.agent.policy.read_text().replace("profile: kraken", "profile: cryptocom")
        self.agent.policy.write_text(text)
        self.start()
        balance = {"method": "POST", "path": "/exchange/v1/private/user-balance", "params": {}}
        with self.agent.client() as client:
            for seconds in (0, 600, 0):
                self.clock.set(seconds)
                answer = client.sign("kraken-main", balance)
                self.assertEqual(answer.status, 503 if seconds else 200, answer)
        nonce = int(answer.json["body"].partition('"nonce":"')[2].partition('"')[0])
        self.assertLess(abs(nonce / 1000 - time.time()), 30)


if __name__ == "__main__":
    unittest.main()

"""A clock that was ahead for some seconds gave all budgets back: while it was in doubt nothing was signed, but what limits had
counted was forgotten by its time, at the next look, sweep, snapshot, reload or start, and stayed so when the clock was right again."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import rules
from harness import wait_until
from loaded import WallClock, require_clocks

DAY_S = 86_400
ALLOW = "caller: a, key: kraken, classes: [trade], markets: [spot], symbols: [XBTUSDT], types: [limit]"
ENTRIES = {
    "allow": [f"name: trades, {ALLOW}, limits: [day, hour]"],
    "limit": ['name: day, volume: "0.1 BTC", per: calendar-day', 'name: hour, volume: "0.1 BTC", per: 1h'],
}
LOOK = "/v1/keys/kraken/limits"


class WrongClock(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_clocks()

    def setUp(self):
        self.agent = rules.Agent.prepare(self.addCleanup)
        self.agent.write_policy(["a"], ENTRIES)
        self.clock = WallClock(self.agent)
        self.start()
        self.assertEqual(self.sign().status, 200)
        self.assert_used_up()

    def start(self):
        self.agent.start()
        self.agent.unlock()

    def sign(self):
        return self.agent.sign("a", "kraken", rules.order())

    def used(self):
        with self.agent.by("a") as client:
            answer = client.get(LOOK)
        self.assertEqual(answer.status, 200, answer)
        return {level["limit"]: level["used"] for level in answer.json["limits"]}

    def assert_used_up(self):
        answer = self.sign()
        self.assertEqual((answer.status, answer.json.get("rule")), (403, "day"), answer)
        self.assertEqual(self.used(), {"day": "0.1", "hour": "0.1"})

    def set_clock(self, seconds):
        self.clock.set(seconds)
        wait_until(lambda: self.agent.must("status").count("this machine's clock was set ahead"), "the clock is in doubt")

    def test_by_a_look(self):
        self.set_clock(2 * DAY_S)
        self.used()
        self.clock.set(0)
        self.assert_used_up()

    def test_by_a_request(self):
        self.set_clock(2 * DAY_S)
        self.assert_used_up()
        self.clock.set(0)
        self.assert_used_up()

    def test_by_a_check(self):
        self.set_clock(2 * DAY_S)
        with self.agent.by("a") as client:
            client.post("/v1/keys/kraken/check", rules.order())
        self.clock.set(0)
        self.assert_used_up()

    def test_by_a_reload(self):
        self.set_clock(2 * DAY_S)
        self.agent.must("reload")
        self.clock.set(0)
        self.assert_used_up()

    def test_by_a_start(self):
        self.agent.stop()
        self.clock.set(2 * DAY_S)
        self.start()
        self.clock.set(0)
        self.assert_used_up()


if __name__ == "__main__":
    unittest.main()

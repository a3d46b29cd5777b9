"""chancery trading, prices, state, limits and decisions, and what asks the agent of policy, against a real agent."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import ROOT  # noqa: E402
from rules import CANCEL, Agent, order  # noqa: E402

ENTRIES = {
    "allow": ["name: trades, caller: maker, key: kraken, classes: [trade, cancel, read], markets: any, limits: [size, day]"],
    "limit": ['name: size, order_value: "5000 USDT"', 'name: day, value: "9000 USDT", per: 24h, by: caller'],
}
REFUSED, USAGE, NOT_FOUND, CONFLICT = 3, 2, 4, 5


class Trading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent.prepare(cls.addClassCleanup)
        cls.agent.write_policy(["maker"], ENTRIES)
        cls.agent.start()
        done = cls.agent.unlock()
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.agent.put_prices(BTC_USDT="30000")

    def json(self, *words, **options):
        return json.loads(self.agent.must(*words, "--json", **options))

    def assert_fails(self, status, words, *command):
        done = self.agent.cli(*command)
        self.assertEqual(done.returncode, status, done)
        self.assertIn(words, done.stderr.decode())

    def own_socket(self):
        return "--socket", str(self.agent.home / "run" / "maker.sock")

    def test_an_operator_halts_and_lets_go_on(self):
        self.assertEqual(self.json("trading", "list"), {"states": []})
        self.agent.must("freeze", "maker", "--reason", "odd orders")
        row, = self.json("trading", "list")["states"]
        self.assertEqual((row["of"], row["name"], row["state"]), ("caller", "maker", "halted"))
        self.assertIn("odd orders", row["why"])
        self.assertIn("halted", self.agent.must("trading", "list"))
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.001")).json["rule"], "state")
        self.assertEqual(self.agent.sign("maker", "kraken", CANCEL).status, 200)
        self.agent.must("thaw", "maker", "--reason", "looked into")
        self.agent.must("freeze", "kraken", "--reducing", "--reason", "moving")
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.001")).json["rule"], "state")
        self.agent.must("thaw", "kraken", "--reason", "moved")
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.001")).status, 200)

    def test_prices_are_listed_and_confirmed(self):
        self.agent.put_prices(source="second", ETH_USDT="2000")
        self.agent.put_prices(source="second", ETH_USDT="4000")
        rows = {(row["pair"], row["source"]): row for row in self.json("prices", "list")["prices"]}
        self.assertEqual((rows["BTC/USDT", "test"]["price"], rows["BTC/USDT", "test"]["held"]), ("30000", False))
        self.assertEqual((rows["ETH/USDT", "second"]["price"], rows["ETH/USDT", "second"]["held"]), ("4000", True))
        self.assertRegex(self.agent.must("prices", "list"), r"(?m)^BTC/USDT +test +30000 +20\d\d-\S+Z +no$")
        self.assert_fails(CONFLICT, "4000", "prices", "confirm", "second", "ETH/USDT", "3999.99")
        self.assert_fails(USAGE, "no number", "prices", "confirm", "second", "ETH/USDT", "much")
        self.assert_fails(USAGE, "", "prices", "confirm", "second", "ETH/USDT")
        self.agent.must("prices", "confirm", "second", "ETH/USDT", "4000")
        rows = {(row["pair"], row["source"]): row["held"] for row in self.json("prices", "list")["prices"]}
        self.assertFalse(rows["ETH/USDT", "second"])
        self.assert_fails(CONFLICT, "", "prices", "confirm", "second", "ETH/USDT", "4000")
        self.assert_fails(NOT_FOUND, "", "prices", "confirm", "second", "XRP/USDT", "1")

    def test_there_is_no_state_to_accept(self):
        self.assert_fails(CONFLICT, "", "state", "accept", "--reason", "x")
        self.assert_fails(USAGE, "--reason", "state", "accept")

    def test_limits_are_those_of_the_caller(self):
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.01")).status, 200)
        rows = {row["limit"]: row for row in self.json("limits", "kraken", *self.own_socket())["limits"]}
        self.assertEqual((rows["day"]["control"], rows["day"]["most"], rows["day"]["asset"]), ("value-window", "9000", "USDT"))
        self.assertGreaterEqual(float(rows["day"]["used"]), 300)
        self.assertRegex(self.agent.must("limits", "kraken", *self.own_socket()), r"(?m)^day +value-window +\d+")
        self.assert_fails(REFUSED, "grant", "limits", "okx", *self.own_socket())

    def test_decisions_are_listed_and_judged_again(self):
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.0123")).status, 200)
        self.assertEqual(self.agent.sign("maker", "kraken", order(volume="0.3")).json["rule"], "size")
        rows = self.json("decisions")["decisions"]
        self.assertEqual(sorted({row["kind"] for row in rows} & {"decision", "refusal"}), ["decision", "refusal"])
        last = [row for row in rows if row["kind"] == "decision"][-1]
        self.assertEqual((last["record"]["outcome"], last["record"]["params"]["volume"]), ("allowed", "0.0123"))
        self.assertEqual([row["id"] for row in self.json("decisions", "--after", last["id"] - 1, "--limit", 1)["decisions"]],
                         [last["id"]])
        self.assertIn("trades", self.agent.must("decisions"))
        tighter = self.agent.home / "tighter.yaml"
        tighter.write_text(self.agent.policy.read_text().replace("5000 USDT", "300 USDT"))
        words = ("policy", "replay", "--profiles", str(ROOT / "profiles"), "--policy")
        self.assertEqual(self.json(*words, str(self.agent.policy))["flips"], [])
        flips = self.json(*words, str(tighter))["flips"]
        self.assertIn((last["id"], "refused", "size"), [(row["id"], row["is"], row["rule"]) for row in flips])
        kept = self.agent.home / "decisions.json"
        kept.write_text(json.dumps({"decisions": rows}))
        self.assertEqual(self.json(*words, str(tighter), str(kept))["flips"][-1]["id"], flips[-1]["id"])

    def test_explain_asks_the_agent(self):
        words = [f"{name}={value}" for name, value in order(volume="0.2")["params"].items()]
        found = self.json("policy", "explain", "maker", "kraken", "POST", "/0/private/AddOrder", *words, *self.own_socket())
        self.assertEqual((found["allowed"], found["problem"]["rule"]), (False, "size"))
        out = self.agent.must("policy", "explain", "maker", "kraken", "POST", "/0/private/AddOrder", *words,
                              *self.own_socket())
        self.assertIn("refused by size, maximum-order-value: 6000 USDT is more than 5000 USDT", out)


if __name__ == "__main__":
    unittest.main()

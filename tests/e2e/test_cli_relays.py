"""chancery policy about relays: explain, exposure, test and replay, by files alone."""

import json
import re
import unittest

from cli_sandbox import NOT_FOUND, REFUSED, USAGE, PolicySandbox

POLICY = """\
version: 1
callers:
  maker: { uid: 1001 }
  other: { uid: 1002 }
  relay: { uid: 1003, socket: relay, role: relay, for: [maker] }
people:
  ops: { uid: 1, roles: [operator, admin] }
accounts:
  desk: { prices: none, fees: "0.1 %" }
keys:
  binance: { account: desk, token: t, object: "pkcs11:object=x", profile: binance, scheme: hmac, key_id: "k" }
  kraken: { account: desk, token: t, object: "pkcs11:object=y", profile: kraken, scheme: hmac, key_id: "k", relay: only }
allow:
  - { name: looks, caller: [maker, other], key: binance, classes: [read] }
  - { name: quotes, caller: maker, key: kraken, classes: [trade], markets: [spot], symbols: [XBTUSDT], sides: [BUY], types: [limit],
      limits: [day] }
limit:
  - { name: day, value: "1000 USDT", per: 24h, by: caller, relay_release: "30 %" }
"""
READ = ("binance", "GET", "/api/v3/account")
ORDER = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "30000"}


class Relays(PolicySandbox):
    def setUp(self):
        super().setUp()
        self.write("policy.yaml", POLICY)

    def explain(self, *words, **options):
        return self.json("explain", *words, "--policy", self.path("policy.yaml"), **options)

    def exposure(self, *words):
        return self.json("exposure", *words, "--policy", self.path("policy.yaml"))

    def test_explain(self):
        direct = self.explain("maker", *READ)
        self.assertEqual((direct["allowed"], direct["problem"]["rule"]), (False, "confusion"))
        relayed = self.explain("maker", *READ, "--via", "relay")
        self.assertEqual((relayed["allowed"], relayed["readings"]), (True, 1))
        other = self.explain("other", *READ, "--via", "relay")
        self.assertEqual((other["allowed"], other["problem"]["rule"]), (False, "relay"))
        words = [f"{name}={value}" for name, value in ORDER.items()]
        order = ("maker", "kraken", "POST", "/0/private/AddOrder", *words)
        self.assertEqual(self.explain(*order)["problem"]["rule"], "relay")
        self.assertTrue(self.explain(*order, "--via", "relay")["allowed"])
        self.policy("explain", "maker", *READ, "--via", "nobody", "--policy", self.path("policy.yaml"), status=NOT_FOUND)
        self.policy("explain", "maker", *READ, "--via", "relay", "--socket", self.path("none.sock"), status=USAGE)

    def test_exposure(self):
        relay, maker, every = self.exposure("relay"), self.exposure("maker"), self.exposure("--all")
        self.assertEqual(maker["value"]["day"]["at_most"], [{"amount": "1000", "asset": "USDT"}])
        for found in (relay, every):
            self.assertFalse(found["value"]["day"]["bounded"])
            self.assertEqual(found["value"]["day"]["unbounded_because"],
                             ["allow 'looks': the relay can send its signatures elsewhere, or with other parameters"])
            self.assertEqual(found["value"]["day"]["at_most"], [{"amount": "1300", "asset": "USDT"}])
        ways = {(way["allow"], way["caller"]): way for way in every["ways"]}
        self.assertTrue(ways["looks", "maker"]["by_relay"])
        self.assertIn("trade", ways["looks", "maker"]["good_elsewhere_for"])
        self.assertFalse(ways["looks", "other"]["by_relay"])
        self.assertEqual(ways["quotes", "maker"]["good_elsewhere_for"], [])

    def test_exposure_in_words(self):
        done = self.policy("exposure", "relay", "--policy", self.path("policy.yaml"))
        for text in ("speaks for   maker", "get back 30 % of 'day' a window", "signatures of key binance elsewhere", "without bound"):
            self.assertIn(text, done.out)

    def test_exposure_says_how_often_each_signature_can_be_used(self):
        buys = ("  - { name: buys, caller: [maker, other], key: binance, classes: [trade], markets: [spot], symbols: [BTCUSDT],"
                " sides: [BUY], types: [LIMIT], limits: [day] }\n")
        self.write("policy.yaml", POLICY.replace("limit:\n", buys + "limit:\n"))

        def uses(who):
            out = self.policy("exposure", who, "--policy", self.path("policy.yaml")).out
            return re.findall(r"^  signatures +of key (.*) each can be used (.*?)(?:;.*)?$", out, re.MULTILINE)

        self.assertEqual(uses("relay"), [("kraken", "once"), ("binance", "nobody knows how often")])
        self.assertEqual(uses("--all"), [("kraken", "once"), ("binance (buys)", "nobody knows how often"),
                                         ("binance (buys)", "again while it is valid")])

    def test_cases(self):
        case = "  - {{ name: {0}, caller: {1}, key: binance, call: \"GET /api/v3/account\"{2}, expect: {3} }}\n"
        text = "policy: policy.yaml\ncases:\n" + case.format("a", "maker", ", relay: relay", "allowed") + case.format(
            "b", "maker", "", "{ refused: confusion }") + case.format("c", "other", ", relay: relay", "{ refused: relay }")
        found = self.json("test", self.write("tests.yaml", text))["cases"]
        self.assertTrue(all(row["passed"] for row in found), found)
        wrong = "policy: policy.yaml\ncases:\n" + case.format("a", "maker", ", relay: relay", "refused")
        self.json("test", self.write("tests.yaml", wrong), status=REFUSED)

    def record(self, **changes):
        return {"time": "2026-11-26T10:00:00.000Z", "outcome": "allowed", "uid": 1001, "callers": ["maker"], "key": "kraken",
                "form": "typed", "method": "POST", "path": "/0/private/AddOrder", "params": ORDER, "rule": "quotes", "relay": "relay",
                "relay_id": "0" * 32, **changes}

    def flips(self, *rows):
        path = self.write("decisions", json.dumps({"decisions": rows}))
        return self.json("replay", "--policy", self.path("policy.yaml"), path)["flips"]

    def test_replay(self):
        """Three orders of 300 USDT fit, a fourth does if a relay has given 300 back, and no more comes back."""
        rows = [{"id": i, "kind": "decision", "of": 0, "record": self.record()} for i in (1, 2, 3)]
        fourth = {"id": 9, "kind": "decision", "of": 0, "record": self.record()}
        self.assertEqual(self.flips(*rows), [])
        self.assertEqual([row["rule"] for row in self.flips(*rows, fourth)], ["day"])

        def report(id_, of, event):
            return {"id": id_, "kind": "return", "of": of,
                    "record": {"time": "2026-11-26T10:00:00.000Z", "event": event, "relay": "relay", "uid": 1001}}

        for event in ("not sent", "rejected"):
            self.assertEqual(self.flips(*rows, report(4, 1, event), fourth), [], event)
        self.assertEqual(len(self.flips(*rows, report(4, 1, "answered"), fourth)), 1)
        fifth = {"id": 10, "kind": "decision", "of": 0, "record": self.record()}
        self.assertEqual(len(self.flips(*rows, report(4, 1, "rejected"), report(5, 2, "rejected"), fourth, fifth)), 1)
        direct = self.flips({"id": 1, "kind": "decision", "of": 0, "record": self.record(relay=None)})
        self.assertEqual([row["rule"] for row in direct], ["relay"])


if __name__ == "__main__":
    unittest.main()

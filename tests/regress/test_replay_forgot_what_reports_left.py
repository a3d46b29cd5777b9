"""`policy replay` took what a bot had reported as rejected or closed for what was never signed, whatever `release` said: by the
policy in force, it then allowed what the agent had refused for want of room."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import PolicySandbox  # noqa: E402

POLICY = """\
version: 1
callers: { bot: { uid: 1001 } }
people: { ops: { uid: 1, roles: [operator, admin] } }
prices: { sources: [one, two], at_least: 2, max_move: { by: "10 %", within: 10m } }
accounts: { desk: { reference_error: "0.5 %" } }
keys:
  k: { account: desk, token: t, object: "pkcs11:object=x", profile: kraken, scheme: hmac, key_id: k }
allow:
  - { name: quotes, caller: bot, key: k, classes: [trade], markets: [spot], symbols: [XBTUSDT], types: [limit], limits: [v] }
limit:
  - { name: v, value: "3000 USDT", per: 24h, by: caller, release: "10 %" }
  - { name: open, caller: bot, open_value: "6000 USDT" }
"""


class Replay(PolicySandbox):
    def record(self, number, outcome, price="30000"):
        params = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": price}
        return {"id": number, "kind": "decision", "of": 0, "record": {
            "time": f"2026-11-26T10:00:0{number}.000Z", "outcome": outcome, "callers": ["bot"], "key": "k", "form": "typed",
            "method": "POST", "path": "/0/private/AddOrder", "params": params, "rule": "v",
            "prices": [{"pair": "BTC/USDT", "price": "3000", "age_ms": 100, "sources": 2}]}}

    def given_back(self, number, of, event):
        return {"id": number, "kind": "return", "of": of, "record": {"time": f"2026-11-26T10:00:0{number}.000Z", "event": event}}

    def flips(self, *rows):
        path = self.write("decisions", json.dumps({"decisions": rows}))
        return [row["id"] for row in self.json("replay", "--policy", self.write("p.yaml", POLICY), path)["flips"]]

    def test_a_rejected_order_gives_back_what_release_lets(self):
        rows = self.record(1, "allowed"), self.given_back(2, 1, "released")
        self.assertEqual(self.flips(*rows, self.record(3, "refused")), [])
        self.assertEqual(self.flips(*rows, self.record(3, "allowed", "3000")), [])
        self.assertEqual(self.flips(*rows, self.record(3, "allowed", "3000"), self.record(4, "refused", "3000")), [])

    def test_a_closed_order_was_placed(self):
        self.assertEqual(self.flips(self.record(1, "allowed"), self.given_back(2, 1, "closed"), self.record(3, "refused")), [])

    def test_what_was_not_signed_counts_for_nothing(self):
        self.assertEqual(self.flips(self.record(1, "allowed"), self.given_back(2, 1, "not signed"), self.record(3, "allowed")), [])


if __name__ == "__main__":
    unittest.main()

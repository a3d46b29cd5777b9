"""An allow whose limits count one side only, or some hours, or look at each order alone, had no warning: the rest was as open
as if it were `unlimited`. And fees that no account stated were exposed as none."""

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
  - { name: v, value: "3000 USDT", per: 24h, by: caller }
  - { name: size, order_value: "3000 USDT" }
  - { name: collar, price_within: "2 %", price_age: 5s }
"""


class Limits(PolicySandbox):
    def codes(self, *change):
        return [row["code"] for row in self.json("check", self.write("p.yaml", POLICY.replace(*change)))["warnings"]]

    def test_what_is_open_is_warned_of(self):
        self.assertNotIn("unbounded", self.codes("x", "x"))
        for change in (("name: v,", "name: v, sides: [BUY],"), ("name: v,", 'name: v, hours: "Mon 09:00-10:00",'),
                       ('name: v, value: "3000 USDT", per: 24h, by: caller', 'name: v, order_value: "3000 USDT"')):
            self.assertIn("unbounded", self.codes(*change))

    def test_fees_that_nobody_states_are_not_none(self):
        found = self.json("exposure", "bot", "--policy", self.write("p.yaml", POLICY))
        self.assertEqual(found["fees"]["day"]["unbounded_because"], ["allow 'quotes': its account states no fees"])
        stated = POLICY.replace('"0.5 %" }', '"0.5 %", fees: "0 %" }')
        found = self.json("exposure", "bot", "--policy", self.write("p.yaml", stated))
        self.assertEqual(found["fees"]["day"]["at_most"], [{"amount": "0", "asset": "USDT"}])


if __name__ == "__main__":
    unittest.main()

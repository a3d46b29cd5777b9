"""A deny of BTCUSDT refuses Kraken's XBTUSDT, and `policy check` said that it denies nothing that is allowed; a limit of it was
taken for one that can never apply. Whoever believed it took the deny away."""

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
deny:
  - { name: d, symbols: [BTCUSDT] }
limit:
  - { name: v, value: "3000 USDT", per: 24h, by: caller }
"""


class Spellings(PolicySandbox):
    def codes(self, text):
        rows = self.json("check", self.write("p.yaml", text))["warnings"]
        return [(row["code"], row["name"]) for row in rows if row["code"] not in ("unpaced", "no-codes")]

    def test_a_deny_in_another_spelling_denies(self):
        for symbol in ("BTCUSDT", "BTC/USDT", '"XXBT*"', '"BTC*"'):
            self.assertEqual(self.codes(POLICY.replace("[BTCUSDT]", f"[{symbol}]")), [("denied", "quotes"), ("never-matches", "v")])
        self.assertIn(("never-matches", "d"), self.codes(POLICY.replace("[BTCUSDT]", "[ETHUSDT]")))

    def test_a_limit_in_another_spelling_applies(self):
        text = POLICY.replace("  - { name: d, symbols: [BTCUSDT] }\n", "  - { name: d, symbols: [ETHUSDT] }\n")
        self.assertEqual(self.codes(text.replace("name: v,", "name: v, symbols: [BTC/USDT],")), [("never-matches", "d")])


if __name__ == "__main__":
    unittest.main()

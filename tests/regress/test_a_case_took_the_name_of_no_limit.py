"""`policy test` took names of limits and of callers that the policy does not have: nothing was used up, nobody was halted, and a
case that was to prove it passed all the same."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import CONFIG, OK, PolicySandbox  # noqa: E402

POLICY = """\
version: 1
callers: { bot: { uid: 1001 } }
people: { ops: { uid: 1, roles: [operator, admin] } }
prices: { sources: [one, two], at_least: 2, max_move: { by: "10 %", within: 10m } }
accounts: { desk: { reference_error: "0.5 %" } }
keys:
  k: { account: desk, token: t, object: "pkcs11:object=x", profile: kraken, scheme: hmac, key_id: k }
allow:
  - { name: quotes, caller: bot, key: k, classes: [trade], markets: [spot], symbols: [XBTUSDT], types: [limit], limits: [v, size] }
limit:
  - { name: v, value: "3000 USDT", per: 24h, by: caller }
  - { name: size, order_value: "3000 USDT" }
"""


class Cases(PolicySandbox):
    def case(self, more, status):
        self.write("p.yaml", POLICY)
        return self.policy("test", self.write("t.yaml", f"""\
policy: p.yaml
prices: {{ BTC/USDT: "30000" }}
cases:
  - name: small
    caller: bot
    key: k
    call: "POST /0/private/AddOrder"
    params: {{ pair: XBTUSDT, type: buy, ordertype: limit, volume: "0.01", price: "30000" }}
    expect: allowed
    {more}
"""), status=status)

    def test_names_are_looked_up(self):
        self.case('used: { v: "100" }', OK)
        self.case("states: { bot: active, k: active }", OK)
        for more, words in (('used: { w: "100" }', "t.yaml:10: the policy has no limit 'w'"),
                            ('used: { size: "100" }', "t.yaml:10: limit 'size' looks at each request by itself"),
                            ("states: { bott: halted }", "t.yaml:10: the policy has no caller and no key 'bott'")):
            self.assertIn(words, self.case(more, CONFIG).err)


if __name__ == "__main__":
    unittest.main()

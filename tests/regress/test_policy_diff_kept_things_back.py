"""`policy diff`, and with it what a reload says, kept back who became an operator, that a key is on another token, the time zone of
a limit and how decisions are kept; called it narrower to take max_move or receive_window away; and a limit under a new name was the
same, though it counts from nothing."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import PolicySandbox  # noqa: E402

POLICY = """\
version: 1
callers: { bot: { uid: 1001 } }
people:
  ops: { uid: 1, roles: [operator, admin] }
  eve: { uid: 2, roles: [auditor] }
prices: { sources: [one, two], at_least: 2, max_move: { by: "10 %", within: 10m } }
accounts: { desk: { reference_error: "0.5 %" } }
conversions: [{ from: USDC, to: USDT, rate: "1", haircut: "1 %" }]
keys:
  k: { account: desk, token: t, object: "pkcs11:object=x", profile: bybit, scheme: hmac, key_id: k, receive_window: 2s }
decisions: { keep: 30d, power_cut_safe: true }
allow:
  - { name: looks, caller: bot, key: k, classes: [read] }
limit:
  - { name: pace, messages: 10, per: 10s }
  - { name: day, messages: 1000, per: calendar-day, time_zone: Europe/Berlin }
"""
CHANGES = (
    ("[auditor]", "[auditor, operator]", "wider     person 'eve' has the roles operator, auditor now"),
    ("{ uid: 2,", "{ uid: 3,", "changed   person 'eve' is another user or group now"),
    ("  eve:", "  bob: { uid: 4, roles: [operator] }\n  eve:", "wider     person 'bob' is new"),
    ("  eve: { uid: 2, roles: [auditor] }\n", "", "narrower  person 'eve' is gone"),
    ("token: t,", "token: u,", "changed   key 'k': token is u now; it was t"),
    (", receive_window: 2s", "", "wider     key 'k': receive_window is gone; it was 2000 ms"),
    (', max_move: { by: "10 %", within: 10m }', "", "wider     policy: max_move of prices is none now; it was 10 %"),
    ('reference_error: "0.5 %"', 'reference_error: "0.5 %", market_slippage: "0 %"',
     "changed   account 'desk': market_slippage is 0 % now; it was none"),
    ('rate: "1"', 'rate: "0.5"',
     "wider     the conversion from USDC to USDT is by a rate of 0.5, haircut 1 % now; it was by a rate of 1, haircut 1 %"),
    ("keep: 30d", "keep: 1d", "changed   decisions are kept for 1d now"),
    ("power_cut_safe: true", "power_cut_safe: false", "changed   decisions are no longer safe from power cuts"),
    ("Europe/Berlin", "Europe/London", "changed   limit 'day' begins its periods in another time zone now"),
    ("messages: 10, per: 10s", "messages: 11, per: 10s",
     "wider     limit 'pace': the message limit is 11 per 10s now; it was 10 per 10s"),
    ("name: pace", "name: speed", "changed   limit 'speed' was 'pace', and counts from nothing under its new name"),
)


class Diff(PolicySandbox):
    def test_each_change_is_said(self):
        old = self.write("old.yaml", POLICY)
        for before, after, line in CHANGES:
            with self.subTest(line):
                self.assertIn(before, POLICY)
                text = POLICY.replace(before, after, 1)
                self.assertIn(line, self.policy("diff", old, self.write("new.yaml", text)).out.splitlines())


if __name__ == "__main__":
    unittest.main()

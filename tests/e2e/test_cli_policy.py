"""chancery policy: check, explain, exposure, diff, test and replay, by files alone."""

import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import CONFIG, NOT_FOUND, OK, REFUSED, ROOT, USAGE, PolicySandbox  # noqa: E402

EXAMPLES = sorted((pathlib.Path(ROOT) / "examples").glob("*.yaml"))
POLICY = """\
version: 1
callers:
  maker: { user: maker-of-elsewhere }
  idle: { uid: 1001 }
  prices: { uid: 1002, role: feed }
people:
  ops: { uid: 1, roles: [operator, admin] }
prices: { sources: [one, two], at_least: 2, max_move: { by: "10 %", within: 10m } }
accounts:
  desk: { reference_error: "0.5 %", fees: "0.1 %" }
keys:
  main: { account: desk, token: t, object: "pkcs11:object=x", profile: kraken, scheme: hmac, key_id: "k" }
allow:
  - { name: quotes, caller: maker, key: main, endpoints: ["POST /0/private/AddOrder"], markets: [spot],
      symbols: [XBTUSDT, ETHUSDT], types: [limit], limits: [size, collar, loss, day] }
  - { name: looks, caller: maker, key: main, classes: [read] }
limit:
  - { name: size, order_value: "5000 USDT" }
  - { name: collar, price_within: "2 %", price_age: 5s }
  - { name: loss, loss: "2000 USDT", per: 24h, by: caller }
  - { name: day, value: "1200000 USDT", per: 24h, by: caller }
  - { name: pace, caller: maker, messages: 100, per: 10s }
"""
ORDER = {"pair": "XBTUSDT", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "29900"}
CASE = """\
  - name: {name}
    caller: maker
    key: main
    call: "POST /0/private/AddOrder"
    params: {{ pair: XBTUSDT, type: buy, ordertype: limit, volume: "{volume}", price: "29900" }}
    expect: {expect}
"""


class Policy(PolicySandbox):
    def setUp(self):
        super().setUp()
        self.write("policy.yaml", POLICY)

    def changed(self, *changes):
        text = POLICY
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        return self.write("changed.yaml", text)


class Check(Policy):
    def codes(self, path):
        return [row["code"] for row in self.json("check", path)["warnings"]]

    def test_a_sound_policy_has_no_warning_but_an_idle_caller_and_no_codes(self):
        self.assertEqual(self.codes(self.path("policy.yaml")), ["no-allow", "no-codes"])

    def test_who_could_fill_the_disk_is_warned_of(self):
        path = self.changed(("  - { name: pace, caller: maker, messages: 100, per: 10s }\n", ""))
        self.assertIn("unpaced", self.codes(path))

    def test_a_warning_has_file_and_line(self):
        path = self.changed(("limits: [size, collar, loss, day]", "unlimited: true"))
        warning = self.json("check", path)["warnings"][0]
        self.assertEqual((warning["code"], warning["name"], warning["file"], warning["line"]),
                         ("unlimited", "quotes", path, 14))
        self.assertIn(f"{path}:14: warning: allow 'quotes': ", self.policy("check", path).out)

    def test_strict_takes_no_warning(self):
        self.policy("check", self.path("policy.yaml"), "--strict", status=REFUSED)
        self.policy("check", self.changed(("  idle: { uid: 1001 }\n", "")), "--strict", status=REFUSED)
        self.policy("check", self.changed(("  idle: { uid: 1001 }\n", ""), ("roles: [operator, admin] }",
                    "roles: [operator, admin], totp: \"pkcs11:object=ops-totp\" }")), "--strict")

    def test_mistakes_are_shown_with_their_line(self):
        for old, new, line, words in (
                ("version: 1", "version: 2", 1, "version"), ("  - { name: size,", "  - { name: Size,", 18, "Size"),
                ("symbols: [XBTUSDT, ETHUSDT]", "symbols: [XBT-USDT]", 15, "XBT-USDT"),
                ("limits: [size, collar, loss, day]", "limits: [sise]", 15, "sise"),
                ("profile: kraken", "profile: kraken9", 12, "kraken9")):
            path = self.changed((old, new))
            done = self.policy("check", path, status=CONFIG)
            self.assertRegex(done.err, rf"^chancery: {re.escape(path)}:{line}: .*{words}")

    def test_a_policy_is_found_by_its_agent(self):
        config = self.write("agent.yaml", "policy: policy.yaml\ntokens:\n  t: { module: x, uri: y }\n")
        self.policy("check", "--config", config)
        self.write("agent.yaml", "policy: policy.yaml\ntokens:\n  other: { module: x, uri: y }\n")
        self.assertIn("key 'main'", self.policy("check", "--config", config, status=CONFIG).err)
        self.policy("check", status=CONFIG, env={**self.env, "CHANCERY_CONFIG": self.path("nothing.yaml")})

    def test_examples_load(self):
        self.assertEqual(len(EXAMPLES), 5)
        for path in EXAMPLES:
            self.assertNotIn("never-matches", self.codes(str(path)), path.name)


class Explain(Policy):
    def explain(self, *more, caller="maker", key="main", prices="BTC/USDT=29880", **order):
        words = [f"{name}={value}" for name, value in {**ORDER, **order}.items()]
        return self.json("explain", caller, key, "POST", "/0/private/AddOrder", *words, "--policy",
                         self.path("policy.yaml"), *(["--price", prices] if prices else []), *more)

    def test_what_is_allowed_and_by_what(self):
        found = self.explain()
        self.assertTrue(found["allowed"])
        lines = {row["entry"]: row for row in found["lines"]}
        self.assertEqual({name: row["verdict"] for name, row in lines.items()},
                         {"quotes": "matches", "looks": "does not match", "size": "holds", "collar": "holds",
                          "loss": "holds", "day": "holds", "pace": "holds"})
        self.assertIn("0 USDT + 2990 USDT of 1200000 USDT", lines["day"]["text"])
        self.assertIn("buy 0.1 BTC at 29900 USDT", found["meaning"])

    def test_what_is_refused_and_by_what(self):
        for change, rule in (({"volume": "1"}, "size"), ({"price": "31000"}, "collar"), ({"prices": None}, "collar"),
                             ({"pair": "XBTEUR"}, "allow"), ({"ordertype": "market"}, "allow"),
                             ({"caller": "idle"}, "grant")):
            found = self.explain(**change)
            self.assertFalse(found["allowed"])
            self.assertEqual(found["problem"]["rule"], rule, found)

    def test_what_cannot_be_judged(self):
        base = ["main", "POST", "/0/private/AddOrder", "--policy", self.path("policy.yaml")]
        self.policy("explain", "nobody", *base, status=NOT_FOUND)
        self.policy("explain", "maker", "other", *base[1:], status=NOT_FOUND)
        self.policy("explain", "maker", "main", "POST", "/nothing", *base[3:], status=NOT_FOUND)
        self.policy("explain", "maker", *base, "--price", "BTC=1", status=USAGE)
        self.policy("explain", "maker", *base, "--at", "noon", status=USAGE)
        self.policy("explain", "maker", *base, "pair", status=USAGE)

    def test_words(self):
        done = self.policy("explain", "maker", "main", "POST", "/0/private/AddOrder",
                           *(f"{n}={v}" for n, v in {**ORDER, "volume": "1"}.items()), "--policy",
                           self.path("policy.yaml"), "--price", "BTC/USDT=29880")
        self.assertIn("refused by size, maximum-order-value: 29900 USDT is more than 5000 USDT", done.out)


class Exposure(Policy):
    def exposure(self, *words):
        return self.json("exposure", *words, "--policy", self.path("policy.yaml"))

    def test_figures(self):
        found = self.exposure("maker")
        self.assertEqual(found["value"]["day"]["at_most"], [{"amount": "1200000", "asset": "USDT"}])
        self.assertEqual(found["loss"]["day"]["at_most"], [{"amount": "2000", "asset": "USDT"}])
        self.assertEqual(found["loss"]["day"]["limits"], ["loss"])
        self.assertEqual(found["fees"]["day"]["at_most"], [{"amount": "1200", "asset": "USDT"}])
        self.assertEqual(self.exposure("idle")["ways"], [])

    def test_words(self):
        out = self.policy("exposure", "maker", "--policy", self.path("policy.yaml")).out
        for line in ("If maker is taken over, until somebody stops it:",
                     "  can trade    ETHUSDT and XBTUSDT, spot, account desk, key main (quotes)",
                     "  placed value 1,200,000 USDT in an hour, 1,200,000 USDT a day (by day)",
                     "  signatures   of key main each can be used once"):
            self.assertIn(line + "\n", out)
        self.assertRegex(out, r"(?m)^  cannot +withdraw, transfer, borrow, trade contracts, ")

    def test_all_adds_up(self):
        self.changed(("caller: maker, key: main, end", "caller: [maker, idle], key: main, end"))
        found = self.json("exposure", "--all", "--policy", self.path("changed.yaml"))
        self.assertEqual(found["value"]["day"]["at_most"], [{"amount": "2400000", "asset": "USDT"}])

    def test_what_is_not_bounded_says_why(self):
        self.changed(("limits: [size, collar, loss, day]", "unlimited: true"), ("limit:\n", """\
  - { name: other, caller: idle, key: main, endpoints: ["POST /0/private/AddOrder"], markets: [spot],
      symbols: [XBTUSDT], limits: [size, collar, loss, day] }
limit:
"""))
        found = self.json("exposure", "maker", "--policy", self.path("changed.yaml"))
        self.assertFalse(found["loss"]["day"]["bounded"])
        self.assertEqual(found["loss"]["day"]["unbounded_because"], ["allow 'quotes': it is unlimited"])
        self.policy("exposure", "maker", "--all", "--policy", self.path("policy.yaml"), status=USAGE)
        self.policy("exposure", "nobody", "--policy", self.path("policy.yaml"), status=NOT_FOUND)

    def test_examples_lose_a_bounded_amount(self):
        for path in EXAMPLES:
            found = self.json("exposure", "--all", "--policy", str(path))
            for what in ("value", "loss", "fees"):
                self.assertTrue(found[what]["day"]["bounded"], (path.name, found[what]))


class Diff(Policy):
    def test_directions_and_callers(self):
        path = self.changed(("[XBTUSDT, ETHUSDT]", "[XBTUSDT, SOLUSDT]"), ('"2000 USDT"', '"3000 USDT"'))
        out = self.policy("diff", self.path("policy.yaml"), path).out.splitlines()
        self.assertEqual(out, [
            "wider     maker: allow 'quotes' now takes symbols: SOLUSDT",
            "wider     maker: limit 'loss': the loss budget is 3000 USDT per 1d now; it was 2000 USDT per 1d",
            "narrower  maker: allow 'quotes' no longer takes symbols: ETHUSDT",
            "same      idle, prices"])

    def test_nothing(self):
        found = self.json("diff", self.path("policy.yaml"), self.path("policy.yaml"))
        self.assertEqual(found, {"differences": [], "same": ["maker", "idle", "prices"]})
        path = self.changed(("  idle: { uid: 1001 }\n", ""), ("people:", "  idle: { uid: 1001 }\npeople:"))
        self.assertEqual(self.json("diff", self.path("policy.yaml"), path)["differences"], [])

    def test_a_policy_that_does_not_load(self):
        self.policy("diff", self.path("policy.yaml"), self.changed(("version: 1", "version: 9")), status=CONFIG)


class Test(Policy):
    def run_cases(self, *cases, status=OK, head=""):
        text = 'policy: policy.yaml\nprices: { BTC/USDT: "29880" }\n' + head + "cases:\n" + "".join(cases)
        return self.json("test", self.write("tests.yaml", text), status=status)["cases"]

    def test_cases_pass_and_fail(self):
        found = self.run_cases(
            CASE.format(name="small", volume="0.1", expect="allowed"),
            CASE.format(name="large", volume="1", expect="{ refused: size }"),
            CASE.format(name="large again", volume="1", expect="refused"))
        self.assertEqual([row["passed"] for row in found], [True, True, True])
        found = self.run_cases(
            CASE.format(name="small", volume="0.1", expect="refused"),
            CASE.format(name="large", volume="1", expect="{ refused: day }"),
            CASE.format(name="large again", volume="1", expect="allowed"), status=REFUSED)
        self.assertEqual([(row["passed"], row["rule"]) for row in found],
                         [(False, None), (False, "size"), (False, "size")])

    def test_what_is_used_counts(self):
        found = self.run_cases(
            CASE.format(name="just", volume="0.1", expect="allowed") + '    used: { day: "1197010" }\n',
            CASE.format(name="too much", volume="0.1", expect="{ refused: day }") + '    used: { day: "1197011" }\n',
            CASE.format(name="halted", volume="0.1", expect="{ refused: state }") + "    states: { maker: halted }\n")
        self.assertTrue(all(row["passed"] for row in found), found)

    def test_a_wrong_file(self):
        for text, words in (("cases: []\n", "case"), ("case: []\n", "case"),
                            ("policy: policy.yaml\ncases:\n" + CASE.format(name="x", volume="1", expect="maybe"), "expect"),
                            ("policy: policy.yaml\ncases:\n" + CASE.format(name="x", volume="1", expect="allowed")
                             .replace("caller: maker", "caller: nobody"), "nobody")):
            done = self.run_cli("policy", "test", self.write("tests.yaml", text))
            self.assertIn(done.status, (CONFIG, NOT_FOUND), done)
            self.assertIn(words, done.err)


class Replay(Policy):
    def record(self, outcome="allowed", **changes):
        return {"time": "2026-11-26T10:00:00.000Z", "outcome": outcome, "uid": 1, "callers": ["maker"], "key": "main",
                "form": "typed", "method": "POST", "path": "/0/private/AddOrder", "params": ORDER, "rule": "quotes",
                "prices": [{"pair": "BTC/USDT", "price": "29880", "age_ms": 100, "sources": 2}], **changes}

    def replay(self, *records, **options):
        path = self.write("decisions", "".join(json.dumps(record) + "\n" for record in records))
        return self.json("replay", "--policy", self.path("policy.yaml"), path, **options)

    def test_what_flips(self):
        found = self.replay(self.record(), self.record(params={**ORDER, "volume": "1"}),
                            self.record(outcome="refused", rule="size", why="then"),
                            self.record(outcome="bad-input"), {"event": "started"})
        self.assertEqual((found["judged"], found["same"], found["skipped"]), (3, 1, 0))
        self.assertEqual([(row["was"], row["is"], row["rule"]) for row in found["flips"]],
                         [("allowed", "refused", "size"), ("refused", "allowed", "size")])

    def test_limits_count_in_their_order_and_what_was_given_back_does_not(self):
        self.changed(("1200000 USDT", "7000 USDT"))
        rows = [{"id": i, "kind": "decision", "of": 0, "record": self.record()} for i in (1, 2, 3)]
        path = self.write("decisions", json.dumps({"decisions": rows}))
        found = self.json("replay", "--policy", self.path("changed.yaml"), path)
        self.assertEqual([(row["id"], row["rule"]) for row in found["flips"]], [(3, "day")])
        rows.append({"id": 4, "kind": "return", "of": 1, "record": {}})
        path = self.write("decisions", json.dumps({"decisions": rows}))
        self.assertEqual(self.json("replay", "--policy", self.path("changed.yaml"), path)["flips"], [])

    def test_what_cannot_be_read(self):
        self.policy("replay", "--policy", self.path("policy.yaml"), self.path("nothing"), status=11)
        self.policy("replay", "--policy", self.path("policy.yaml"), self.write("decisions", "{\n"), status=USAGE)
        self.policy("replay", self.path("policy.yaml"), status=USAGE)
        found = self.replay(self.record(params=None), self.record(time="noon"))
        self.assertEqual((found["judged"], found["skipped"]), (0, 2))


if __name__ == "__main__":
    unittest.main()

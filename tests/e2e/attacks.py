"""What a stolen bot tries, told to an agent: a table of attacks, each with a caller, limits and a budget of its own.

An attack has rows, one for an exchange's key; a row is a sequence of requests, each of which must be signed, or refused by
the rule that is named. So each row has the honest order beside the attack: without it, the refusal would say nothing.
"""

import os
import unittest

import rules

GOOD = None
BUILT_IN = ("allow", "class", "confusion", "grant", "state", "raw", "receive_window")
SHA256 = ("okx", "bitvavo", "coinbase-exchange", "deribit", "bitget", "bybit", "binance", "phemex", "mexc")
SHA512 = ("kraken", "kraken-futures", "gate")
WITH_PASSPHRASE = ("okx", "coinbase-exchange", "bitget")
CLAMPED = ("bybit", "bitvavo", "mexc")
ACCEPTS = {
    "bybit": "[key-deletion, demo-account, loan-offer-cancellation, bare-trades, spread-orders, copy-trading, contract-orders, "
             "amendments]",
    "binance": "[fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, margin-orders, usdm-orders, coinm-orders, "
               "options-orders, portfolio-orders, loan-renewal, cut-values]",
    "mexc": "[margin-orders, risk-level, cut-values]",
}
HEAD = """\
version: 1
people:
  tester: {{ uid: {uid}, roles: [operator, admin, approver] }}
prices: {{ sources: [first, second, third], max_move: {{ by: "50 %", within: 10m }} }}
accounts:
  desk: {{ prices: median, reference_error: "0.5 %" }}
  slips: {{ prices: median, reference_error: "0.5 %", market_slippage: "3 %" }}
  shared: {{ prices: median, reference_error: "0.5 %" }}
conversions:
  - {{ from: USD, to: USDT, rate: "1", haircut: "0 %" }}
  - {{ from: USDC, to: USDT, rate: "1", haircut: "0 %" }}
  - {{ from: EUR, to: USDT, rate: "1", haircut: "0 %" }}
keys:
"""


def key_line(name, profile, account="desk", more=", assume_uses: 1"):
    """A key of policy. They share two secrets: policy does not care."""
    label = "kraken-main" if profile in SHA512 else "binance-main"
    passphrase = ", passphrase: p" if profile in WITH_PASSPHRASE else ""
    accepts = f", accepts: {ACCEPTS[profile]}" if profile in ACCEPTS else ""
    return (f'  {name}: {{ account: {account}, token: main, object: "pkcs11:object={label}", profile: {profile}, scheme: hmac, '
            f"key_id: {name}{passphrase}{accepts}{more} }}\n")


def all_keys():
    """Each exchange; and with another account, or with as many uses of a signature as its profile says."""
    for profile in (*SHA256, *SHA512):
        yield key_line(profile, profile)
        yield key_line(f"{profile}-slips", profile, "slips")
        yield key_line(f"{profile}-uses", profile, more="")
        if profile in CLAMPED:
            yield key_line(f"{profile}-clamped", profile, more=", receive_window: 1s")
        yield key_line(f"{profile}-one", profile, "shared")
        yield key_line(f"{profile}-two", profile, "shared")


class Attack:
    """`limits` maps short names to what a limit says; `allow` is what the caller's allows say besides. A step is a request,
    what becomes of it, and perhaps another key or caller."""

    def __init__(self, limits, *rows, allow="markets: any", others=None, calls=()):
        self.limits = limits
        self.rows = rows
        self.allow = allow
        self.others = others or {}
        self.calls = calls  # more callers of the same kind

    def keys(self):
        named = [(key, *(by[0].get("key", key) for _, _, *by in steps if by)) for key, *steps in self.rows]
        return dict.fromkeys(key for keys in named for key in keys)

    def entries(self, name):
        """Lines of policy by verb."""
        found = {"allow": [], "limit": [], "more": [], **{verb: [text.replace("CASE", name) for text in texts]
                                              for verb, texts in self.others.items()}}
        names = ", ".join(f"{name}.{limit}" for limit in self.limits)
        paid = f"limits: [{names}]" if names else "unlimited: true"
        callers = ", ".join((name, *self.calls))
        for key in self.keys():
            allow = self.allow[key] if isinstance(self.allow, dict) else self.allow
            whose = f"caller: [{callers}], key: {key}"
            found["allow"] += [f"name: {name}.{key}, {whose}, classes: [trade], {allow}, {paid}",
                               f"name: {name}.{key}.rest, {whose}, classes: [read, cancel]"]
            if key.startswith("deribit"):  # a log-on has the same signature
                found["allow"].append(f"name: {name}.{key}.session, {whose}, classes: [session]")
        found["allow"] += found.pop("more", [])
        found["limit"] += [f"name: {name}.{limit}, {text.replace('CASE', name)}" for limit, text in self.limits.items()]
        return found


def refused(rule, control=None, **says):
    """By the attack's own limit of that short name, or by a rule that is built in."""
    return {"rule": rule, **({"control": control} if control else {}), **says}


class Agent(rules.Agent):
    def make(self):
        self.make_token()
        self.import_hmac("binance-main", "hmac-sha256", rules.harness.BINANCE_SECRET)
        self.import_hmac("kraken-main", "hmac-sha512", rules.harness.KRAKEN_SECRET, "base64")

    def write_attacks(self, attacks):
        uid = os.getuid()
        verbs = {}
        for name, attack in attacks.items():
            for verb, texts in attack.entries(name).items():
                verbs.setdefault(verb, []).extend(texts)
        callers = [caller for name, attack in attacks.items() for caller in (name, *attack.calls)]
        lines = [HEAD.format(uid=uid), *all_keys(), "callers:\n", f"  feed: {{ uid: {uid}, socket: feed, role: feed }}\n"]
        lines += [f"  {name}: {{ uid: {uid}, socket: {name} }}\n" for name in callers]
        for verb, texts in verbs.items():
            lines += [f"{verb}:\n", *(f"  - {{ {text} }}\n" for text in texts)]
        self.policy.write_text("".join(lines))


class AttackTest(unittest.TestCase):
    """An agent for the attacks of a table."""

    maxDiff = None
    attacks = {}

    @classmethod
    def setUpClass(cls):
        cls.agent = Agent.prepare(cls.addClassCleanup)
        cls.agent.write_attacks(cls.attacks)
        cls.agent.start()
        done = cls.agent.unlock()
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.agent.put_prices("first", BTC_USDT="30000", BTC_USDC="30000", BTC_USD="30000", BTC_EUR="30000")

    def play(self, name):
        for key, *steps in self.attacks[name].rows:
            for number, (request, says, *by) in enumerate(steps):
                who = {"caller": name, "key": key, **(by[0] if by else {})}
                with self.subTest(name, key=who["key"], request=number):
                    self.assert_answer(self.agent.sign(who["caller"], who["key"], request), name, says)

    def assert_answer(self, answer, name, says):
        if says is GOOD:
            self.assertEqual(answer.status, 200, answer)
            return
        status = says.get("status", 403)
        self.assertEqual(answer.status, status, answer)
        rule = says.get("rule")
        wanted = {**says, "status": status, "rule": rule if rule in BUILT_IN or rule is None else f"{name}.{rule}"}
        self.assertEqual({member: answer.json.get(member) for member in wanted}, wanted, answer.json["detail"])

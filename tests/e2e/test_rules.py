"""Each kind of rule lets through what it should and refuses what it should, with the rule and its figures."""

import unittest

from rules import BALANCE, CANCEL, Agent, leverage, market, order, spend, swap, withdrawal

TRADE = "classes: [trade], markets: any"


class Case:
    """What an `allow` for a caller of its own says, the other entries, and requests: (key, request, what a refusal says)."""

    def __init__(self, allow, others, *requests):
        self.allow = allow
        self.others = others
        self.requests = requests


def asked(name, approvals=0, code=False, of=()):
    """Nothing but people is in the way."""
    return {"status": 202, "answer": {"needs": {
        "approvals": approvals, "code": code, "delay_s": 0, "of": list(of), "rules": [name]}}}


def limited(limit, *requests, allow=TRADE, more=""):
    """One limit called as the case; the requests are for Kraken's key, if they do not say otherwise."""
    requests = [request if isinstance(request[0], str) else ("kraken", *request) for request in requests]
    return Case(f"{allow}, limits: [CASE, plenty]", {"limit": [f"name: CASE, {limit}{more}"]}, *requests)


GOOD = None
CASES = {
    "order-value": limited(
        'order_value: "5000 USDT"', (order(), GOOD),
        (order(volume="0.2"), {"control": "maximum-order-value", "limit": "5000 USDT", "asked": "6000 USDT"}),
        (order(type="sell", price="1", volume="0.2"), {"control": "maximum-order-value", "asked": "6000 USDT"})),
    "order-volume": limited(
        'order_volume: "0.1 BTC"', (order(), GOOD),
        (order(volume="0.10000001"), {"control": "maximum-order-volume", "limit": "0.1 BTC", "asked": "0.10000001 BTC"})),
    "collar": limited(
        'price_within: "2 %", price_age: 1h', (order(price="30600"), GOOD), (order(type="sell", price="29400"), GOOD),
        (order(price="30600.1"), {"control": "price-collar"}),
        (order(type="sell", price="29399.9"), {"control": "price-collar"}),
        (order(ordertype="stop-loss-limit", price="20000", price2="30000"), {"control": "price-collar"})),
    "loss": limited(
        'loss: "100 USDT", per: 1h, by: caller', (order(price="29000"), GOOD), (order(price="30500"), GOOD),
        (order(price="30500"), {"control": "loss-budget", "limit": "100 USDT"})),
    "value": limited(
        'value: "6000 USDT", per: 1h, by: caller', (order(), GOOD), (order(), GOOD),
        (order(volume="0.0001"), {"control": "value-window", "limit": "6000 USDT", "left": "0 USDT"})),
    "volume": limited(
        'volume: "0.2 BTC", per: calendar-day, by: caller', (order(), GOOD), (order(), GOOD),
        (order(volume="0.0001"), {"control": "volume-window", "left": "0 BTC"})),
    "orders": limited(
        "orders: 2, per: 1h, by: caller", (order(), GOOD), (order(), GOOD),
        (order(), {"status": 429, "control": "order-count", "limit": "2", "left": "0"})),
    "messages": limited(
        "messages: 2, per: 1h, by: caller", (order(), GOOD), (order(), GOOD),
        (order(), {"status": 429, "control": "message-limit", "limit": "2"})),
    "in-all": limited(
        'value: "3000 USDT", per: ever, by: caller', (order(), GOOD), (order(), {"control": "value-window"})),
    "open-value": limited(
        'open_value: "3000 USDT", by: caller', (order(), GOOD), (order(), {"control": "open-value"})),
    "same-order": limited(
        "same_order: { at_most: 2, within: 1h }", (order(), GOOD), (order(), GOOD),
        (order(), {"control": "repeated-execution"}), (order(volume="0.2"), {"rule": "state"}), ("kraken", CANCEL, GOOD),
        allow="classes: [trade, cancel], markets: any"),
    "leverage": limited(
        'leverage: "5"', ("okx", leverage("5"), GOOD), ("okx", leverage("6"), {"control": "maximum-leverage"})),
    "conversion": limited(
        'order_value: "3030 USDT"', (order(pair="XBTUSDC"), GOOD), (order(pair="XBTUSDC", volume="0.11"), {"asked": "3333 USDT"})),
    "no-conversion": limited('order_value: "3000 EUR"', (order(), {"control": "maximum-order-value"})),
    "then": limited(
        'value: "3000 USDT", per: 1h, by: caller, then: halted, until: operator', (order(volume="0.2"), {"rule": "then"}),
        (order(), GOOD), (order(), {"rule": "then"}), (order(volume="0.00001"), {"rule": "state"}), ("kraken", CANCEL, GOOD),
        allow="classes: [trade, cancel], markets: any"),
    "contracts": limited(
        'order_value: "1000 USDT"', ("okx", swap(sz="3"), GOOD),
        ("okx", swap(sz="4"), {"control": "maximum-order-value", "asked": "1200 USDT"})),
    "quote-quantity": limited(
        'order_value: "1000 USDT"', ("okx", spend("1000"), GOOD), ("okx", spend("1001"), {"control": "maximum-order-value", "asked": "1001 USDT"}),
        allow=f"{TRADE}, types: [market]"),
    "closing": limited(
        'value: "300 USDT", per: 1h, by: caller, then: reducing, until: operator, closing: "600 USDT"',
        ("okx", swap(), GOOD), ("okx", swap(), {"rule": "closing"}), ("okx", swap(), {"rule": "state"}),
        ("okx", swap(reduceOnly=True, side="sell"), GOOD), ("okx", swap(reduceOnly=True, side="sell"), GOOD),
        ("okx", swap(reduceOnly=True, side="sell"), {"rule": "closing"})),
    "amount": Case(
        "classes: [withdraw], to: [cold], limits: [amount]", {"limit": ['name: amount, amount: "1 BTC", per: 24h, by: address']},
        ("okx", withdrawal(), GOOD), ("okx", withdrawal(amt="0.6"), {"control": "amount-window", "left": "0.5 BTC"}),
        ("okx", withdrawal(toAddr="bc1qother"), {"rule": "allow"}), ("okx", withdrawal(chain="BTC-Lightning"), {"rule": "allow"})),
    "uses": limited(
        "orders: 10, per: 1h, by: caller", ("okx-uses", swap(), {"control": "order-count"}), ("okx", swap(), GOOD)),
    "market": limited('order_value: "5000 USDT"', (market(), {"rule": "allow"})),
    "market-named": limited(
        'loss: "100 USDT", per: 1h, by: caller', (market(), {"control": "loss-budget"}),
        ("kraken-slips", market(volume="0.01"), GOOD), allow=f"{TRADE}, types: [market]"),
    "symbols": Case(
        'key: kraken, classes: [trade], markets: [spot], symbols: ["XBT*"], unlimited: true', {},
        ("kraken", order(), GOOD), ("kraken", order(pair="xbtusdt"), GOOD), ("kraken", order(pair="ETHUSDT"), {"rule": "allow"})),
    "sides": Case(f"{TRADE}, sides: [BUY], unlimited: true", {},
                  ("kraken", order(), GOOD), ("kraken", order(type="sell"), {"rule": "allow"})),
    "times": Case(f"{TRADE}, time_in_force: [IOC], unlimited: true", {},
                  ("kraken", order(timeinforce="IOC"), GOOD), ("kraken", order(), {"rule": "allow"})),
    "markets": Case("classes: [trade], markets: [spot], unlimited: true", {},
                    ("okx", swap(instId="BTC-USDT", tdMode="cash"), GOOD), ("okx", swap(), {"rule": "allow"})),
    "deny": Case(f"{TRADE}, unlimited: true", {"deny": ["name: deny, caller: CASE, symbols: [ETHUSDT]"]},
                 ("kraken", order(), GOOD), ("kraken", order(pair="ETHUSDT"), {"rule": "deny"}),
                 ("kraken", {"method": "POST", "path": "/0/private/EditOrder", "params": {"txid": "O1", "pair": "XBTUSDT"}}, GOOD)),
    "deny-setting": Case(f"{TRADE}, unlimited: true", {"deny": ["name: deny-setting, caller: CASE, settings: [leverage]"]},
                         ("okx", swap(), GOOD), ("okx", leverage("2"), {"rule": "deny-setting"})),
    "hours": Case(f'{TRADE}, hours: "Mon-Sun 00:00-24:00 Europe/Berlin", unlimited: true', {}, ("kraken", order(), GOOD)),
    "closed": Case(f'{TRADE}, hours: "Mon-Sun 00:00-00:01 Pacific/Kiritimati", unlimited: true', {},
                   ("kraken", order(), {"rule": "allow"})),
    "expired": Case(f"{TRADE}, expires: 2026-01-01, unlimited: true", {}, ("kraken", order(), {"rule": "allow"})),
    "endpoints": Case('endpoints: ["POST /0/private/AddOrder"], markets: any, unlimited: true', {},
                      ("kraken", order(), GOOD), ("kraken", CANCEL, {"rule": "class"}), ("kraken", BALANCE, {"rule": "class"})),
    "code": Case(f"{TRADE}, unlimited: true", {"require": ["name: code, caller: CASE, classes: [trade], code: true"]},
                 ("kraken", order(), asked("code", code=True))),
    "approvals": Case(
        f"{TRADE}, unlimited: true",
        {"require": ['name: approvals, caller: CASE, classes: [trade], above: "5000 USDT", approvals: 1, of: [tester], within: 1h']},
        ("kraken", order(), GOOD), ("kraken", order(volume="0.2"), asked("approvals", approvals=1, of=["tester"]))),
    "validity": limited("validity: 2s", ("bybit", {
        "method": "POST", "path": "/v5/order/create",
        "params": {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "1"}}, GOOD),
        ("okx", swap(), {"control": "maximum-validity"}), allow="classes: [read, trade, cancel], markets: any"),
}


# For the tests that follow the table.
CASES |= {
    "again-value": limited('value: "6000 USDT", per: 1h, by: caller'),
    "again-orders": limited("orders: 2, per: 1h, by: caller"),
    "again-messages": limited("messages: 2, per: 1h, by: caller", more=", caller: CASE"),
    "again-same": limited("same_order: { at_most: 2, within: 1h }"),
}


class Rules(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.agent = Agent.prepare(cls.addClassCleanup)
        entries = {"allow": [], "deny": [], "limit": ["name: plenty, orders: 1000000, per: 1h, by: caller"], "require": []}
        for name, case in CASES.items():
            key = "" if "key:" in case.allow else "key: any, "
            entries["allow"].append(f"name: allow-{name}, caller: {name}, {key}{case.allow.replace('CASE', name)}")
            for verb, texts in case.others.items():
                entries[verb] += [text.replace("CASE", name) for text in texts]
        cls.agent.write_policy(CASES, entries)
        cls.agent.start()
        done = cls.agent.unlock()
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.agent.put_prices(BTC_USDT="30000", BTC_USDC="30000", ETH_USDT="2000")

    def assert_refused(self, answer, name, says):
        status = says.get("status", 403)
        self.assertEqual(answer.status, status, answer)
        wanted = says["answer"] if status == 202 else {"rule": name, "status": status, **says}
        self.assertEqual({member: answer.json.get(member) for member in wanted}, wanted)

    def test_each_kind_of_rule(self):
        for name, case in CASES.items():
            for number, (key, request, says) in enumerate(case.requests):
                with self.subTest(name, request=number):
                    answer = self.agent.sign(name, key, request)
                    if says is GOOD:
                        self.assertEqual(answer.status, 200, answer)
                    else:
                        self.assert_refused(answer, name, says)

    def test_a_window_says_when_to_come_back(self):
        for name in ("again-value", "again-orders", "again-messages"):
            with self.subTest(name):
                for _ in range(3):
                    answer = self.agent.sign(name, "kraken", order())
                self.assertNotEqual(answer.status, 200)
                self.assertTrue(3000 < int(answer.headers["retry-after"]) <= 3661, answer.headers)

    def test_an_operator_lets_a_caller_go_on(self):
        for _ in range(3):
            self.agent.sign("again-same", "kraken", order(volume="0.3"))
        self.assertEqual(self.agent.sign("again-same", "kraken", order(volume="0.4")).json["rule"], "state")
        self.agent.must("thaw", "again-same", "--reason", "looked at it")
        self.assertEqual(self.agent.sign("again-same", "kraken", order(volume="0.4")).status, 200)

if __name__ == "__main__":
    unittest.main()

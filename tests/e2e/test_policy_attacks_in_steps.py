"""Attacks that take more than one request, key or caller: each is refused by the rule that is there for it, on several
exchanges, and the honest version is signed."""

import json
import subprocess
import unittest

import harness
from attack_orders import PLACE, changed, contract, mix, okx, post, swap
from attacks import GOOD, Agent, Attack, AttackTest, refused

A_DAY = "per: 24h, by: [caller, key]"
STATE = refused("state")
CLOSE = 'price_within: "5 %", price_age: 5s'
COLLAR = refused("near", "price-collar")


def own(name):
    """A pair of the test's own at each exchange, so that its prices are its own."""
    return {"kraken": f"{name}USDT", "okx": f"{name}-USDT", "gate": f"{name}_USDT", "bitget": f"{name}USDT"}


def rows(name):
    """An order at 100 in that pair."""
    return [(key, PLACE[key](quantity="1", price="100", pair=pair)) for key, pair in own(name).items()]


def withdrawal(asset):
    return post("/0/private/Withdraw", asset=asset, key="cold", amount="0.7")


ATTACKS = {
    # The account's budget is one, whatever key is used; the keys' own windows are apart.
    "second": Attack(
        {"all": 'value: "6000 USDT", per: 24h, by: [account, symbol]', "own": 'value: "6000 USDT", per: 24h, by: [key, symbol]'},
        *[(f"{key}-one", (PLACE[key](), GOOD), (PLACE[key](), GOOD, {"key": f"{key}-two"}),
           (PLACE[key](quantity="0.0001"), refused("all", "value-window", left="0 USDT"), {"key": f"{key}-two"}),
           (PLACE[key](quantity="0.0001"), refused("all", "value-window", left="0 USDT")))
          for key in ("kraken", "okx", "bitvavo", "coinbase-exchange")]),
    # Two stolen bots buy and sell from each other: each spends its own budget and the account's; nothing is netted.
    "bots": Attack(
        {"own": 'value: "6000 USDT", per: 24h, by: [caller, key]', "all": 'value: "9000 USDT", per: 24h, by: [account, key]'},
        *[(key, (PLACE[key]("buy"), GOOD), (PLACE[key]("buy"), GOOD),
           (PLACE[key]("buy", "0.01"), refused("own", "value-window", left="0 USDT")),
           (PLACE[key]("sell"), GOOD, {"caller": "other-bot"}),
           (PLACE[key]("sell", "0.01"), refused("all", "value-window", left="0 USDT"), {"caller": "other-bot"}))
          for key in ("kraken", "okx", "gate", "deribit", "bitget")],
        calls=("other-bot",)),
    # A signature that can be sent again counts as often as the exchange would take it.
    "again": Attack(
        {"count": f"orders: 20, {A_DAY}"},
        *[(key, (PLACE[key](), GOOD), (PLACE[key](), refused("count", "order-count"), {"key": f"{key}-uses"}))
          for key in ("okx", "bitvavo", "coinbase-exchange", "bybit", "binance", "deribit")],
        *[(f"{key}-uses", (PLACE[key](), GOOD)) for key in ("kraken",)]),
    "again-value": Attack(
        {"day": f'value: "10000000 USDT", {A_DAY}'},
        *[(f"{key}-uses", *[(PLACE[key](quantity="0.001"), GOOD)] * 2,
           (PLACE[key](quantity=large), refused("day", "value-window")))
          for key, large in (("bitvavo", "0.4"), ("coinbase-exchange", "0.4"), ("okx", "0.03"), ("bybit", "0.06"))],
        ("kraken-uses", (PLACE["kraken"](quantity="0.4"), GOOD))),  # a nonce is good once
    # The longer it is valid, the more often it can be sent: policy says how long.
    "longer": Attack(
        {"count": f"orders: 10000, {A_DAY}"},
        *[(f"{key}-clamped", (PLACE[key](), GOOD), (PLACE[key](**{window: 5000}), refused("receive_window")),
           (PLACE[key](**{window: 1000}), GOOD, {"key": f"{key}-uses"}))
          for key, window in (("bybit", "recv_window"), ("bitvavo", "window"), ("mexc", "recvWindow"))]),
    # Who says that its orders were rejected gets back no more than policy lets it.
    "rejected": Attack(
        {"day": f'value: "6000 USDT", {A_DAY}'}, *[(key, (PLACE[key](), GOOD)) for key in ("kraken", "okx", "gate", "deribit")]),
    "returned": Attack(
        {"day": f'value: "6000 USDT", {A_DAY}, release: "60 %"'},
        *[(key, (PLACE[key](), GOOD)) for key in ("kraken", "okx", "gate", "deribit")]),
    # Kraken has several names for bitcoin: who may not withdraw it may not by any of them, and all count as one.
    "named": Attack(
        {},
        ("kraken", *[(withdrawal(asset), says) for asset, says in (
            ("XETH", GOOD), ("ETH", refused("two")), ("XBT", refused("no-bitcoin")),
            ("XXBT", refused("no-bitcoin")), ("BTC", refused("no-bitcoin")), ("xbt", refused("no-bitcoin")))]),
        others={"more": ["name: CASE.out, caller: CASE, key: kraken, classes: [withdraw], to: any, unlimited: true"],
                "deny": ["name: CASE.no-bitcoin, caller: CASE, assets: [XBT]"],
                "limit": ['name: CASE.two, caller: CASE, amount: "1 ETH", per: 24h, by: [caller, asset]']}),
    # While reducing: a flag that the exchange ignores in hedge mode reduces nothing, nor does one on spot.
    "hedge": Attack(
        {"day": f'value: "3000 USDT", {A_DAY}, then: reducing, until: operator, closing: "600000 USDT"'},
        ("okx", (swap(), GOOD), (swap(), refused("day")), (swap(), STATE), (swap("sell", reduceOnly=True, posSide="net"), GOOD),
         (swap("sell", reduceOnly=True, posSide="long"), STATE), (swap("buy", reduceOnly=True, posSide="long"), STATE),
         (okx(reduceOnly=True), STATE)),
        ("bitget", (mix("sell", reduceOnly="YES"), GOOD), (mix("buy", reduceOnly="YES", tradeSide="open"), STATE),
         (mix("buy"), STATE)),
        ("phemex", (contract("sell", reduceOnly=True), GOOD), (contract("buy", reduceOnly=True, posSide="Long"), STATE),
         (contract("buy"), STATE)),
        ("kraken", (PLACE["kraken"]("sell"), STATE), (PLACE["kraken"]("sell", reduce_only=True), STATE),
         (post("/0/private/CancelOrder", txid="O1"), GOOD))),
    "stale": Attack(
        {"day": f'value: "9000 USDT", {A_DAY}', "near": CLOSE},
        *[(key, (order, GOOD)) for key, order in rows("LTC")], allow="markets: any, types: [limit, market]"),
    "step": Attack({"near": CLOSE.replace("5s", "1h")}, *[(key, (order, GOOD)) for key, order in rows("XRP")]),
    "drift": Attack({"near": CLOSE.replace("5s", "1h")}, *[(key, (order, GOOD)) for key, order in rows("ADA")]),
    "liar": Attack({"near": CLOSE.replace("5s", "1h")}, *[(key, (order, GOOD)) for key, order in rows("SOL")]),
}
IN_STEPS = ("rejected", "returned", "stale", "step", "drift", "liar")


class Attacks(AttackTest):
    attacks = ATTACKS

    def each(self, name, says, **changes):
        """The order of each row, with another price or as another type."""
        for key, (order, _) in ATTACKS[name].rows:
            with self.subTest(name, key=key, **changes):
                price = "px" if key == "okx" else "price"
                made = changed(order, **{price: changes["price"]}) if "price" in changes else order
                self.assert_answer(self.agent.sign(name, key, made), name, says)

    def put(self, source="first", age_s=0, **prices):
        answer = self.agent.put_prices(source, age_s, **prices)
        self.assertIn(answer.status, (200, 204), answer)
        return answer

    def test_attacks(self):
        for name in ATTACKS:
            if name not in IN_STEPS:
                self.play(name)

    def release(self, caller, answer):
        with self.agent.by(caller) as client:
            return client.post(f"/v1/reservations/{answer.json['reservation']}/release", {"outcome": "rejected"})

    def test_a_lie_about_rejected_orders_returns_nothing(self):
        for key, (order, _) in ATTACKS["rejected"].rows:
            with self.subTest(key):
                signed = [self.agent.sign("rejected", key, order) for _ in range(2)]
                for answer in signed:
                    self.assert_answer(answer, "rejected", GOOD)
                    self.assertEqual(self.release("rejected", answer).json.get("returned", []), [])
                self.assert_answer(self.agent.sign("rejected", key, order), "rejected", refused("day", left="0 USDT"))

    def test_a_lie_about_rejected_orders_returns_as_much_as_policy_lets_it(self):
        for key, (order, _) in ATTACKS["returned"].rows:
            with self.subTest(key):
                answers = []
                while len(answers) < 9:
                    answer = self.agent.sign("returned", key, order)
                    if answer.status != 200:
                        break
                    answers.append(answer)
                    other = self.release("rejected", answer)
                    self.assertNotEqual(other.status, 200, "it is somebody else's")
                    self.release("returned", answer)
                    self.release("returned", answer)  # again
                self.assertEqual(len(answers), 3, "60 % of 6000 USDT are one order of 3000")
                self.assert_answer(answer, "returned", refused("day", "value-window"))

    def test_who_buys_does_not_say_what_it_costs(self):
        with self.agent.by("liar") as client:
            at = {"source": "first", "prices": [{"pair": "BTC/USDT", "price": "1", "time_ms": 1}]}
            answer = client.request("PUT", "/v1/prices", json.dumps(at).encode(), {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 403, answer)

    def test_nothing_is_bought_at_the_market_while_the_price_is_stale(self):
        """A market order counts by the reference, and it may not be old."""
        def sell(key, pair):
            return {"kraken": lambda: PLACE["kraken"]("sell", "1", None, pair, ordertype="market"),
                    "okx": lambda: okx("sell", "1", None, pair, ordType="market"),
                    "gate": lambda: PLACE["gate"]("sell", "1", None, pair, type="market", time_in_force="ioc"),
                    "bitget": lambda: PLACE["bitget"]("sell", "1", None, pair, orderType="market")}[key]()
        self.put(age_s=20, LTC_USDT="100")
        stale = refused("day", "value-window")
        for key, pair in own("LTC").items():
            with self.subTest(key, price="stale"):
                answer = self.agent.sign("stale", key, sell(key, pair))
                self.assert_answer(answer, "stale", stale)
                self.assertIn("LTC/USDT is too old", answer.json["detail"])
        self.each("stale", stale)
        for key, pair in own("LTC").items():
            with self.subTest(key, price="fresh"):
                self.put(LTC_USDT="100")
                self.assert_answer(self.agent.sign("stale", key, sell(key, pair)), "stale", GOOD)

    def test_a_price_that_jumps_is_held(self):
        self.put(XRP_USDT="100")
        self.each("step", GOOD)
        self.put(XRP_USDT="300")
        self.each("step", COLLAR, price="300")
        self.each("step", COLLAR)  # what the source said before does not count either
        done = self.agent.cli("prices", "confirm", "first", "XRP/USDT", "300")
        if b"no such command" in done.stderr:
            self.skipTest("chancery has no command for it")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.each("step", GOOD, price="300")

    def test_a_price_that_drifts_is_held(self):
        for price in ("100", "115", "130", "145"):
            self.put(ADA_USDT=price)
        self.each("drift", GOOD, price="145")
        self.put(ADA_USDT="160")
        self.each("drift", COLLAR, price="160")
        self.put(ADA_USDT="100")
        self.each("drift", COLLAR, price="100")

    def test_one_source_that_lies_moves_no_median_of_three(self):
        for source in ("first", "second", "third"):
            self.put(source, SOL_USDT="100")
        self.put("second", SOL_USDT="149")  # as far as the guard lets it
        self.each("liar", GOOD)
        self.each("liar", COLLAR, price="149")
        self.each("liar", COLLAR, price="110")


class Typos(unittest.TestCase):
    """A limit whose symbol the exchange does not spell so would never hold anything: the policy does not load. Where an
    exchange's symbols can be anything of that form, a listing tells."""

    # good, spelled in a way that the exchange does not have, and what only a listing can tell
    SYMBOLS = {"kraken": ("XBTUSDT", "XBTUSTD", "XBTEUR"), "okx": ("BTC-USDT", "BTC_USDT", "BTC-USTD"),
               "bitvavo": ("BTC-EUR", "BTCEUR", "BTC-EUT"), "coinbase-exchange": ("BTC-USD", "BTC/USD", "BTC-UDS"),
               "deribit": ("BTC-PERPETUAL", "BTC/PERPETUAL", "BTC-PERPETUEL"), "gate": ("BTC_USDT", "BTC-USDT", "BTC_USTD"),
               "kraken-futures": ("PF_XBTUSD", "PF_BTC", "PF_XBTEUR"), "binance": ("BTCUSDT", "BTC-USDT", "BTCUSTD")}

    def setUp(self):
        harness.require_programs()

    def check(self, key, verb, symbol, listed=""):
        agent = Agent()
        self.addCleanup(agent.close)
        limit = f", symbols: [{symbol}]" if verb == "limit" else ""
        deny = [f"name: CASE.deny, key: {key}, symbols: [{symbol}]"] if verb == "deny" else []
        agent.write_attacks({"typo": Attack(
            {"size": f"orders: 10, per: 1h, by: caller{limit}, key: {key}"}, (key, (PLACE[key](), GOOD)),
            others={"deny": deny} if deny else {})})
        if listed:
            agent.policy.write_text(agent.policy.read_text() + f"listings: {{ {key}: [{listed}] }}\n")
        return subprocess.run([str(harness.AGENT), "--config", str(agent.config), "--check"], env=agent.environment(),
                              capture_output=True, timeout=10, check=False, text=True)

    def test_a_typo_in_a_symbol_does_not_load(self):
        for key, (good, bad, unlisted) in self.SYMBOLS.items():
            cases = [("limit", good, "", True), ("limit", good, good, True), ("limit", bad, "", False), ("deny", bad, "", False),
                     ("limit", unlisted, good, False)]
            for verb, symbol, listed, is_good in cases:
                with self.subTest(key, verb=verb, symbol=symbol, listed=listed):
                    done = self.check(key, verb, symbol, listed)
                    self.assertEqual(done.returncode == 0, is_good, done.stderr)
                    if not is_good:
                        self.assertRegex(done.stderr, f"policy.yaml:[0-9]+: .*'{symbol}'")


if __name__ == "__main__":
    unittest.main()

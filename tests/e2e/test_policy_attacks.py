"""The attacks that policy exists for: each is refused by the rule that is there for it, on several exchanges, and the honest
version of the same order is signed."""

import unittest

from attack_orders import (NAMES, PLACE, amend, batch, binance, bitget, bitvavo, bracket, bybit, changed, contract, deribit,
                           dollars, futures, gate, get, kraken, leverage, mix, okx, phemex, post, stated, stop_limit,
                           swap, trailing, usdm)
from attacks import GOOD, Attack, AttackTest, refused

SPOT = ("kraken", "okx", "bitvavo", "coinbase-exchange", "gate", "bitget", "bybit", "binance", "deribit")
THIN = {"kraken": "NANOUSDT", "okx": "NANO-USDT", "bitvavo": "NANO-EUR", "coinbase-exchange": "NANO-USD", "gate": "NANO_USDT",
        "bitget": "NANOUSDT", "bybit": "NANOUSDT", "binance": "NANOUSDT", "deribit": "NANO_USDC"}
NEAR = 'price_within: "2 %", price_age: 1h'
SIZE = 'order_value: "5000 USDT"'
A_DAY = "per: 24h, by: [caller, key]"
TOO_LARGE = refused("size", "maximum-order-value")
TOO_FAR = refused("near", "price-collar")
NO_ALLOW = refused("allow")


def on_each(keys, *steps):
    """The same steps at each exchange: each is a function of the exchange's order, and what becomes of it."""
    return [(key, *((make(PLACE[key]), says) for make, says in steps)) for key in keys]


def types(*names):
    return f"markets: any, types: [{', '.join(names)}]"


def amendments(key, unsaid=True):
    """An honest order, then what an amendment could make of it."""
    market = {"category": "linear"} if key == "bybit" else {}
    place = contract if key == "phemex" else PLACE[key]
    steps = [(place(**{NAMES[key]: f"a-{key}"}, **market), GOOD)]
    if unsaid:
        steps += [(amend(key, price="60000"), TOO_LARGE), (amend(key, price="30100"), GOOD)]
    return (key, *steps, (amend(key, quantity="1", price="30000"), TOO_LARGE), (amend(key, quantity="0.11", price="30000"), GOOD),
            (amend(key, quantity="0.11", price="30000", order="another"), NO_ALLOW))


BRACKETS = ("kraken", "okx", "phemex", "deribit")
STOPS = ("kraken", "kraken-futures", "okx", "deribit", "bitvavo", "coinbase-exchange", "bybit", "binance")
BATCHES = ("kraken", "okx", "gate", "bitget", "deribit")
STATED = ("okx", "bitvavo", "coinbase-exchange", "gate", "bitget", "bybit", "binance")
NO_QUANTITY = refused("day", "value-window", fact="quantity")

NO_NUMBER = {"status": 400}
SIGNED = ("-0.1", -1)  # a price may be below zero, at Deribit
TEXTS = (*SIGNED, "+0.1", "1e-1", "1E5", "0,1", "\u0661", "\uff11", " 0.1", "0.1 ", "0.1\n", "0.1\u200b", "0x1", "0.1.0", "",
         "NaN", "Infinity", "1_0", "00.2", "000.1", ".1", "1.", "-0", 0.1, 1e2, True, ["0.1"], {"a": 1}, "9" * 40, "0." + "0" * 40 + "1")
ATTACKS = {
    # Sell to oneself for nothing: in the pair that is traded, and in one that nobody else trades.
    "thin": Attack(
        {"near": NEAR},
        *on_each(SPOT, (lambda place: place(), GOOD), (lambda place: place("sell"), GOOD),
                 (lambda place: place("sell", price="1"), TOO_FAR), (lambda place: place(price="60000"), TOO_FAR)),
        *[(key, (PLACE[key]("sell", "1000", "0.0001", pair=THIN[key]), TOO_FAR), (PLACE[key]("sell", "0.1"), GOOD))
          for key in SPOT]),
    "thin-loss": Attack(
        {"loss": f'loss: "200 USDT", {A_DAY}'},
        *on_each(SPOT, (lambda place: place("sell", price="1", quantity="0.01"), refused("loss", "loss-budget")),
                 (lambda place: place(price="40000", quantity="0.05"), refused("loss", "loss-budget")),
                 (lambda place: place("sell", quantity="0.05"), GOOD)),
        *[(key, (PLACE[key]("sell", "1000", "0.0001", pair=THIN[key]), refused("loss", "loss-budget")),
           (PLACE[key](price="29000"), GOOD)) for key in SPOT]),
    # What is sold counts by what it is worth, not by the price that the thief writes; without a reference nobody knows.
    "thin-value": Attack(
        {"day": f'value: "9000 USDT", {A_DAY}'},
        *on_each(SPOT, (lambda place: place("sell", price="0.01", quantity="1"), refused("day", asked="30000 USDT")),
                 (lambda place: place("sell"), GOOD)),
        *[(key, (PLACE[key]("sell", "1000", "0.0001", pair=THIN[key]), refused("day", "value-window")), (PLACE[key](), GOOD))
          for key in SPOT]),
    "thin-symbols": Attack(
        {"size": SIZE},
        *[(key, (PLACE[key]("sell", "1000", "0.0001", pair=THIN[key]), NO_ALLOW), (PLACE[key](), GOOD)) for key in THIN],
        allow={key: f"markets: any, symbols: [{pair}]" for key, pair in (
            ("kraken", "XBTUSDT"), ("okx", "BTC-USDT"), ("bitvavo", "BTC-EUR"), ("coinbase-exchange", "BTC-USD"),
            ("gate", "BTC_USDT"), ("bitget", "BTCUSDT"), ("bybit", "BTCUSDT"), ("binance", "BTCUSDT"), ("deribit", "BTC_USDC"))}),
    "many-small": Attack(
        {"size": SIZE, "day": f'value: "9000 USDT", {A_DAY}'},
        *on_each((*SPOT, "kraken-futures"), *[(lambda place: place(), GOOD)] * 3,
                 (lambda place: place(quantity="0.0001"), refused("day", "value-window", left="0 USDT")))),
    "many": Attack(
        {"count": "orders: 3, per: 1h, by: [caller, key]"},
        *on_each((*SPOT, "kraken-futures"), *[(lambda place: place(quantity="0.0001"), GOOD)] * 3,
                 (lambda place: place(quantity="0.0001"), refused("count", "order-count", status=429)))),
    "stated": Attack(
        {"size": SIZE},
        *[(key, (stated(key, "buy", "5000"), GOOD), (stated(key, "buy", "5001"), {**TOO_LARGE, "asked": "5001 USDT"}))
          for key in STATED],
        # What it takes to sell for so much, nobody bounds.
        *[(key, (stated(key, "sell", "100"), TOO_LARGE), (stated(key, "buy", "100"), GOOD)) for key in
          ("bitvavo", "coinbase-exchange", "binance", "okx", "bybit")],
        allow=types("limit", "market")),
    "batch": Attack(
        {"size": SIZE, "day": f'value: "9000 USDT", {A_DAY}'},
        *[(key, (batch(key, "0.1", "0.1"), GOOD), (batch(key, "0.001", "0.2"), TOO_LARGE),
           (batch(key, "0.06", "0.06"), refused("day", "value-window", left="3000 USDT")), (batch(key, "0.05", "0.05"), GOOD))
          for key in BATCHES]),
    "replace": Attack(
        {"size": SIZE},
        ("binance", *[({**binance(quantity=quantity, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=5),
                        "path": "/api/v3/order/cancelReplace"}, says) for quantity, says in (("0.1", GOOD), ("1", TOO_LARGE))]),
        amendments("bitget", unsaid=False), amendments("phemex", unsaid=False)),
    "amend": Attack({"size": SIZE}, *[amendments(key) for key in ("kraken", "okx", "bitvavo", "bybit", "deribit")]),
    "trigger": Attack(
        {"near": NEAR},
        *[(key, (stop_limit(key, "buy", "30500", "30400"), GOOD), (stop_limit(key, "buy", "60000", "30400"), TOO_FAR),
           (stop_limit(key, "buy", "30500", "60000"), TOO_FAR), (stop_limit(key, "sell", "1", "29700"), TOO_FAR),
           (stop_limit(key, "sell", "29600", "29700"), GOOD)) for key in STOPS],
        allow=types("stop-limit")),
    "trailing": Attack(
        {"loss": f'loss: "100 USDT", {A_DAY}'},
        *[(key, (trailing(key, "0.01"), refused("loss", "loss-budget")), (PLACE.get(key, mix)(quantity="0.01"), GOOD))
          for key in ("kraken-futures", "okx", "bitget", "deribit")],
        *[(f"{key}-slips", (trailing(key, "0.01"), GOOD), (trailing(key, "0.2"), refused("loss", "loss-budget")))
          for key in ("kraken-futures", "okx", "bitget", "deribit")],
        allow=types("limit", "trailing")),
    "untyped": Attack(  # an allow that names no types covers none without a price
        {"size": SIZE},
        *[(key, (trailing(key, "0.01"), NO_ALLOW), (PLACE.get(key, mix)(quantity="0.01"), GOOD))
          for key in ("kraken-futures", "okx", "bitget", "deribit")],
        *[(key, (stated(key, "buy", "10"), NO_ALLOW), (PLACE[key](), GOOD)) for key in STATED]),
    "bracket": Attack(
        {"near": NEAR},
        *[(key, (bracket(key, "29450"), GOOD), (bracket(key, "1"), TOO_FAR)) for key in BRACKETS],
        allow=types("limit", "stop-limit")),
    # The small order is honest; what it brings along is not.
    "bracket-size": Attack(
        {"size": SIZE},
        ("okx", *[(swap(attachAlgoOrds=[{"tpTriggerPx": "30500", "tpOrdPx": "30400", "sz": size}]), says)
                  for size, says in (("10", GOOD), ("1000", TOO_LARGE))]),
        ("deribit", *[(deribit(pair="BTC_USDC-PERPETUAL", linked_order_type="one_triggers_other", otoco_config=[
            {"direction": "sell", "amount": size, "type": "take_limit", "trigger_price": "30500", "price": "30400",
             "trigger": "mark_price"}]), says) for size, says in (("0.1", GOOD), ("10", TOO_LARGE))]),
        ("binance", *[(post("/api/v3/orderList/oto", {
            "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "30000", "workingQuantity": "0.1",
            "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "31000",
            "pendingQuantity": size, "pendingTimeInForce": "GTC"}), says) for size, says in (("0.1", GOOD), ("10", TOO_LARGE))]),
        allow=types("limit", "take-profit-limit")),
    "leverage": Attack(
        {"lever": 'leverage: "5"'},
        *[(key, (leverage(key, "100"), refused("lever", "maximum-leverage")), (leverage(key, "5"), GOOD),
           (leverage(key, "0"), refused("lever", "maximum-leverage")), (order, GOOD))
          for key, order in (("okx", swap()), ("gate", dollars("buy", "1")), ("kraken-futures", futures()),
                             ("bybit", bybit(category="linear")), ("binance", usdm()), ("bitget", mix()))],
        ("kraken", (kraken(leverage="6"), refused("lever", "maximum-leverage")), (kraken(leverage="5"), GOOD)),
        ("phemex", (leverage("phemex", "-100"), refused("lever", "maximum-leverage")), (leverage("phemex", "5"), GOOD))),
    "no-leverage": Attack(
        {"size": SIZE},
        *[(key, (leverage(key, "2"), refused("no-setting")), (order, GOOD))
          for key, order in (("okx", swap()), ("kraken-futures", futures()), ("bybit", bybit(category="linear")),
                             ("binance", usdm()), ("bitget", mix()))],
        others={"deny": ["name: CASE.no-setting, caller: CASE, settings: [leverage]"]}),
    "close": Attack(
        {"day": f'value: "9000 USDT", {A_DAY}'},
        ("okx-slips", (post("/api/v5/trade/close-position", instId="BTC-USDT-SWAP", mgnMode="cross", posSide="short"),
                       NO_QUANTITY),
         (swap(reduceOnly=True), GOOD)),
        ("deribit-slips", (get("/api/v2/private/close_position", instrument_name="BTC-PERPETUAL", type="market"), NO_QUANTITY),
         (deribit("sell", "3000", pair="BTC-PERPETUAL", reduce_only=True), GOOD)),
        ("gate-slips", (dollars("buy", "0", "0", close=True), NO_QUANTITY), (gate(), GOOD)),
        ("bitget-slips", (post("/api/v2/mix/order/close-positions", productType="USDT-FUTURES", symbol="BTCUSDT",
                               holdSide="long"), NO_QUANTITY), (mix("sell", reduceOnly="YES"), GOOD)),
        ("binance-slips", (usdm("sell", None, None, type="STOP_MARKET", stopPrice="29000", closePosition="true", timeInForce=None),
                           NO_QUANTITY), (usdm("sell", reduceOnly="true"), GOOD)),
        allow=types("limit", "market", "stop")),
    "borrow": Attack(
        {"size": SIZE},
        ("okx", (swap(quickMgnType="auto_borrow"), NO_ALLOW), (swap(quickMgnType="manual"), GOOD)),
        ("gate", (gate(account="cross_margin", auto_borrow=True), NO_ALLOW), (gate(account="cross_margin"), GOOD)),
        ("bitget", *[(post("/api/v2/margin/crossed/place-order", symbol="BTCUSDT", side="buy", orderType="limit", price="30000",
                           baseSize="0.1", force="gtc", loanType=loan), says)
                     for loan, says in (("autoLoan", NO_ALLOW), ("normal", GOOD))]),
        ("binance", *[({**binance(sideEffectType=effect), "path": "/sapi/v1/margin/order"}, says)
                      for effect, says in (("MARGIN_BUY", NO_ALLOW), ("AUTO_BORROW_REPAY", NO_ALLOW),
                                           ("NO_SIDE_EFFECT", GOOD))])),
    "lend": Attack(  # by an allow of its own, and then an amount that nobody knows passes no limit
        {"size": SIZE},
        ("okx", (swap(quickMgnType="auto_borrow"), GOOD), (swap(quantity="100", quickMgnType="auto_borrow"), TOO_LARGE)),
        ("gate", (gate(account="cross_margin", auto_borrow=True), GOOD),
         (gate(quantity="1", account="cross_margin", auto_borrow=True), TOO_LARGE)),
        ("binance", ({**binance(sideEffectType="MARGIN_BUY"), "path": "/sapi/v1/margin/order"}, GOOD),
         ({**binance(quantity="1", sideEffectType="MARGIN_BUY"), "path": "/sapi/v1/margin/order"}, TOO_LARGE)),
        allow="markets: any, items: [order, borrow]"),
    "units": Attack(
        {"size": SIZE},
        ("okx", (swap(quantity="10"), GOOD), (swap(quantity="17"), {**TOO_LARGE, "asked": "5100 USDT"})),
        ("kraken-futures", (futures(quantity="5000", pair="PI_XBTUSD"), GOOD),
         (futures(quantity="5001", pair="PI_XBTUSD"), {**TOO_LARGE, "asked": "5001 USDT"}),
         (futures(quantity="0.2"), {**TOO_LARGE, "asked": "6000 USDT"})),
        ("deribit", (deribit(quantity="5000", pair="BTC-PERPETUAL"), GOOD),
         (deribit(quantity="5010", pair="BTC-PERPETUAL"), {**TOO_LARGE, "asked": "5010 USDT"}),
         (deribit(quantity="0.2"), {**TOO_LARGE, "asked": "6000 USDT"})),
        ("gate", (dollars(quantity="1000"), GOOD), (dollars(quantity="2000"), {**TOO_LARGE, "asked": "6000 USDT"})),
        ("bybit", (bybit(quantity="5000", pair="BTCUSD", category="inverse"), GOOD),
         (bybit(quantity="5001", pair="BTCUSD", category="inverse"), {**TOO_LARGE, "asked": "5001 USDT"}),
         (bybit(quantity="0.2", category="linear"), {**TOO_LARGE, "asked": "6000 USDT"}))),
    "units-volume": Attack(
        {"volume": 'order_volume: "0.1 BTC"'},
        ("okx", (swap(quantity="10"), GOOD), (swap(quantity="11"), refused("volume", "maximum-order-volume", asked="0.11 BTC"))),
        # A dollar's worth is more coins at a lower price.
        ("kraken-futures", (futures(quantity="3000", pair="PI_XBTUSD"), GOOD),
         (futures(quantity="3000", price="15000", pair="PI_XBTUSD"), refused("volume", "maximum-order-volume", asked="0.2 BTC"))),
        ("deribit", (deribit(quantity="3000", pair="BTC-PERPETUAL"), GOOD),
         (deribit(quantity="3000", price="15000", pair="BTC-PERPETUAL"), refused("volume", asked="0.2 BTC"))),
        ("bybit", (bybit(quantity="3000", pair="BTCUSD", category="inverse"), GOOD),
         (bybit(quantity="3000", price="15000", pair="BTCUSD", category="inverse"), refused("volume", asked="0.2 BTC")))),
    # What an exchange could read in another way than the agent is no number here.
    # Another spelling of a pair is the same pair, for what narrows and for what counts by symbol.
    "spelled": Attack(
        {"pair": 'value: "6000 USDT", per: 24h, by: [caller, key, symbol]'},
        *[(key, *[(PLACE[key](pair=pair), GOOD) for pair in pairs[:2]],
           *[(PLACE[key](pair=pair, quantity="0.001"), refused("pair", "value-window", left="0 USDT")) for pair in pairs])
          for key, pairs in (("kraken", ("XBTUSDT", "XBT/USDT", "BTC/USDT", "BTCUSDT", "btc/usdt")),
                             ("okx", ("BTC-USDT", "btc-usdt")), ("gate", ("BTC_USDT", "btc_usdt")))],
        ("bitget", (bitget(), GOOD), (post("/api/spot/v1/trade/orders", symbol="BTCUSDT_SPBL", side="buy", orderType="limit",
                                           force="normal", quantity="0.1", price="30000"), GOOD),
         (bitget(quantity="0.001"), refused("pair", "value-window", left="0 USDT")))),
    "denied": Attack(
        {"size": SIZE},
        *[(key, (PLACE[key](), GOOD), *[(PLACE[key](pair=pair, quantity="0.001"), refused("pair")) for pair in pairs])
          for key, pairs in (("kraken", ("ETHUSDT", "ETH/USDT", "eth/usdt", "ethusdt", "XETHZUSD", "ETHUSDT.d")),
                             ("okx", ("ETH-USDT", "eth-usdt")), ("gate", ("ETH_USDT", "eth_usdt")), ("bitget", ("ETHUSDT",)))],
        others={"deny": ["name: CASE.pair, caller: CASE, symbols: [ETHUSDT, ETH-USDT, ETH_USDT]"]}),
    "signs": Attack(
        {"size": SIZE},
        *on_each((*SPOT, "kraken-futures"), (lambda place: place(), GOOD), (lambda place: place(quantity="0.10000"), GOOD),
                 *[(lambda place, text=text: place(quantity=text), NO_NUMBER) for text in TEXTS],
                 *[(lambda place, text=text: place(price=text), NO_NUMBER) for text in TEXTS if text not in SIGNED],
                 (lambda place: place(quantity="9" * 38), TOO_LARGE), (lambda place: place(price="9" * 38), TOO_LARGE),
                 (lambda place: place(quantity=1), {**TOO_LARGE, "asked": "30000 USDT"}),
                 *[(lambda place, text=text: place(quantity=text), {**TOO_LARGE, "fact": "quantity"}) for text in ("0", "0.00")],
                 (lambda place: place(price="0"), refused("allow", fact="price")))),
    "sides": Attack(  # the sign of the quantity is the side
        {"size": SIZE},
        ("gate", (dollars("buy", "1000"), GOOD), (dollars("sell", "1000"), NO_ALLOW), (dollars("buy", "+1000"), NO_NUMBER),
         (dollars("sell", "-1000"), NO_NUMBER), (dollars("sell", "0"), NO_NUMBER)),
        ("deribit", (deribit("buy"), GOOD), (deribit("buy", "-0.1"), NO_NUMBER), (deribit("sell"), NO_ALLOW),
         (deribit(price="-30000"), TOO_LARGE)),
        ("bitvavo", (bitvavo("buy"), GOOD), (bitvavo("buy", "-0.1"), NO_NUMBER), (bitvavo("sell"), NO_ALLOW)),
        allow="markets: any, sides: [buy]"),
    "scales": Attack(
        {"size": SIZE},
        ("phemex", (phemex(), GOOD), (phemex("100000000"), {**TOO_LARGE, "asked": "30000 USDT"}),
         (phemex(price="30000000000000"), {**TOO_LARGE, "asked": "30000 USDT"}),
         (phemex("1e8"), NO_NUMBER), (phemex("-10000000"), NO_NUMBER), (phemex("+10000000"), NO_NUMBER),
         (phemex("0.1"), NO_NUMBER), (phemex("010000000"), NO_NUMBER)),
        ("okx", (okx(quantity="0.1"), GOOD), (swap(quantity="0.1"), GOOD), (okx(quantity="10"), TOO_LARGE)),
        ("kraken-futures", (futures(), GOOD), (futures(quantity="0.1", pair="PI_XBTUSD"), GOOD),
         (futures(quantity="5"), TOO_LARGE))),
}


class Attacks(AttackTest):
    attacks = ATTACKS

    def test_attacks(self):
        for name in ATTACKS:
            self.play(name)

    def test_each_attack_is_on_three_exchanges_beside_what_is_honest(self):
        for name, attack in ATTACKS.items():
            with self.subTest(name):
                self.assertGreaterEqual(len({key.removesuffix("-slips") for key, *_ in attack.rows}), 3)
                for key, *steps in attack.rows:
                    self.assertTrue(any(says is GOOD for _, says, *_ in steps), key)
                    self.assertTrue(any(says is not GOOD for _, says, *_ in steps), key)


if __name__ == "__main__":
    unittest.main()

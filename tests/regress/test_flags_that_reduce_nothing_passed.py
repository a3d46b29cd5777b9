"""Orders that open a position passed for ones that reduce: at BingX and Poloniex by a reduceOnly beside a side of the position,
where that side says what reduces; at BingX by a closePosition beside a type that it is not for; at Bitfinex by a flag that
closes a position if there is one. And a limit on leverage let orders of contracts at Bitfinex name none, which have ten then.
Besides, an allow without `types` is for orders that have a price, but covered those that take theirs from the book."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANCERY = pathlib.Path(os.environ.get("CHANCERY_BUILD", ROOT / "build")) / "chancery"
PROFILES = {
    "bingx": "scheme: hmac, assume_uses: 1, accepts: [spot-orders, swap-positions, coin-swap-orders, copy-trading, "
             "dual-currency]",
    "poloniex": "scheme: hmac, assume_uses: 1",
    "bitfinex": "scheme: hmac",
    "whitebit": "scheme: hmac",
    "upbit": "scheme: hs256, accepts: [withdrawal-cancellation]",
    "binance": "scheme: hmac, assume_uses: 1, accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, "
               "spot-orders, margin-orders, coinm-orders, options-orders, portfolio-orders, cut-values]",
}
POLICY = """\
version: 1
people: {{ ops: {{ uid: 1, roles: [operator] }} }}
callers: {{ bot: {{ uid: 2 }} }}
accounts: {{ desk: {{ prices: none }} }}
keys:
{keys}
allow:
  - {{ name: orders, caller: bot, key: any, classes: [trade], markets: [spot, margin, linear], limits: [lever, count] }}
  - {{ name: rest, caller: bot, key: any, classes: [read, cancel] }}
limit:
  - {{ name: lever, leverage: "5" }}
  - {{ name: count, orders: 100, per: 1h }}
"""
SWAP = {"symbol": "BTC-USDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "30000"}
CONTRACT = {"symbol": "BTC_USDT_PERP", "side": "BUY", "type": "LIMIT", "px": "30000", "sz": "1"}
DERIVATIVE = {"type": "LIMIT", "symbol": "tBTCF0:USTF0", "amount": "1", "price": "30000", "lev": 5}
CALLS = {"bingx": "POST /openApi/swap/v2/trade/order", "poloniex": "POST /v3/trade/order",
         "bitfinex": "POST /v2/auth/w/order/submit", "whitebit": "POST /api/v4/order/new", "upbit": "POST /v1/orders",
         "binance": "POST /fapi/v1/order"}
GOOD = "allowed"
STATE = {"refused": "state"}
# Of a caller who may only reduce.
REDUCING = [
    ("bingx", {**SWAP, "positionSide": "BOTH", "reduceOnly": True}, GOOD),
    ("bingx", {**SWAP, "positionSide": "LONG", "reduceOnly": True}, STATE),
    ("bingx", {**SWAP, "reduceOnly": True}, STATE),
    ("bingx", {**SWAP, "positionSide": "BOTH", "closePosition": True}, STATE),
    ("poloniex", {**CONTRACT, "reduceOnly": True}, GOOD),
    ("poloniex", {**CONTRACT, "reduceOnly": True, "posSide": "BOTH"}, GOOD),
    ("poloniex", {**CONTRACT, "reduceOnly": True, "posSide": "LONG"}, STATE),
    ("bitfinex", {**DERIVATIVE, "flags": 1024}, GOOD),
    ("bitfinex", {**DERIVATIVE, "flags": 512}, STATE),
]
BOOK = {"market": "BTC_USDT", "side": "buy", "amount": "1", "price": "30000"}
SALE = {"market": "USDT-BTC", "side": "ask", "ord_type": "limit", "volume": "1", "price": "30000"}
BEST = {"market": "USDT-BTC", "side": "ask", "ord_type": "best", "volume": "1", "time_in_force": "ioc"}
MATCHED = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "1", "timeInForce": "GTC", "price": "30000"}
ACTIVE = [
    ("bitfinex", DERIVATIVE, GOOD),
    ("bitfinex", {**DERIVATIVE, "lev": 6}, {"refused": "lever"}),
    ("bitfinex", {name: value for name, value in DERIVATIVE.items() if name != "lev"}, {"refused": "lever"}),
    ("bitfinex", {"type": "LIMIT", "symbol": "tBTCUSD", "amount": "1", "price": "30000"}, GOOD),
    ("whitebit", BOOK, GOOD),
    ("whitebit", {**BOOK, "bboRole": "2"}, {"refused": "allow"}),
    ("upbit", SALE, GOOD),
    ("upbit", BEST, {"refused": "allow"}),
    ("binance", MATCHED, GOOD),
    ("binance", {**{name: value for name, value in MATCHED.items() if name != "price"}, "priceMatch": "OPPONENT_20"},
     {"refused": "allow"}),
]


def cases():
    for state, rows in (("reducing", REDUCING), ("active", ACTIVE)):
        for number, (key, params, expect) in enumerate(rows):
            yield {"name": f"{state} {number}: {key}", "caller": "bot", "key": key, "call": CALLS[key], "params": params,
                   "states": {"bot": state}, "expect": expect}


class Flags(unittest.TestCase):
    def test_what_may_open_a_position_does_not_reduce(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = "\n".join(f'  {name}: {{ account: desk, token: t, object: "pkcs11:object=x", profile: {name}, key_id: k, '
                             f"{more} }}" for name, more in PROFILES.items())
            policy = pathlib.Path(folder, "policy.yaml")
            policy.write_text(POLICY.format(keys=keys))
            tests = pathlib.Path(folder, "tests.yaml")
            tests.write_text(json.dumps({"policy": str(policy), "cases": list(cases())}))
            done = subprocess.run([CHANCERY, "policy", "test", tests, "--profiles", ROOT / "profiles"], capture_output=True,
                                  text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

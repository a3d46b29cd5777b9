"""What opens a position at the exchange could be prepared to flatten a key, and passed while it was reducing: orders of OKX's
options with reduceOnly, which is documented for margin, futures and swaps alone; closeFraction beside a size there; and at
Binance an amendment that says reduceOnly, and closePosition beside a quantity or a type that it is not for."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANCERY = pathlib.Path(os.environ.get("CHANCERY_BUILD", ROOT / "build")) / "chancery"
KEYS = {
    "okx": "scheme: hmac, passphrase: p",
    "binance": "scheme: hmac, accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, spot-orders, "
               "margin-orders, coinm-orders, options-orders, portfolio-orders, cut-values, loan-renewal]",
}
POLICY = """\
version: 1
people: {{ ops: {{ uid: 1, roles: [operator] }} }}
callers: {{ bot: {{ uid: 2 }} }}
keys:
  k: {{ token: t, object: "pkcs11:object=x", profile: {profile}, key_id: k, {more}, flatten: [{request}] }}
allow:
  - {{ name: looks, caller: bot, key: any, classes: [read, cancel] }}
"""
CALL = "BTC-USD-261225-60000-C"
SWAP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "1"}
OPTION = {**SWAP, "instId": CALL, "ordType": "limit", "px": "0.05"}
STOP = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "conditional", "slTriggerPx": "1", "slOrdPx": "-1"}
CLOSE = {"symbol": "BTCUSDT", "side": "BUY", "type": "STOP_MARKET", "stopPrice": "30000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
AMENDED = {"symbol": "BTCUSDT", "side": "BUY", "orderId": 1, "quantity": "1", "price": "30000"}
ROWS = [
    # profile, call, parameters, whether it may be prepared
    ("okx", "POST /api/v5/trade/order", {**SWAP, "reduceOnly": True}, True),
    ("okx", "POST /api/v5/trade/order", {**OPTION, "reduceOnly": True}, False),
    ("okx", "POST /api/v5/trade/order-algo", {**STOP, "sz": "1", "reduceOnly": True}, True),
    ("okx", "POST /api/v5/trade/order-algo", {**STOP, "instId": CALL, "sz": "1", "reduceOnly": True}, False),
    ("okx", "POST /api/v5/trade/order-algo", {**STOP, "closeFraction": "1"}, True),
    ("okx", "POST /api/v5/trade/order-algo", {**STOP, "closeFraction": "1", "sz": "1"}, False),
    ("okx", "POST /api/v5/trade/order-algo", {**STOP, "closeFraction": "1", "instId": CALL}, False),
    ("binance", "POST /fapi/v1/order", {**MARKET, "reduceOnly": True}, True),
    ("binance", "POST /fapi/v1/order", {**MARKET, "closePosition": True}, False),
    ("binance", "POST /fapi/v1/order", {**CLOSE, "closePosition": True}, True),
    ("binance", "POST /fapi/v1/order", {**CLOSE, "closePosition": True, "quantity": "1"}, False),
    ("binance", "POST /fapi/v1/order", {**CLOSE, "closePosition": False, "quantity": "1"}, False),
    ("binance", "PUT /fapi/v1/order", {**AMENDED, "reduceOnly": True}, False),
]


class Flatten(unittest.TestCase):
    def test_what_may_open_a_position_cannot_be_prepared(self):
        for profile, call, params, is_good in ROWS:
            with self.subTest(profile=profile, call=call, params=params), tempfile.TemporaryDirectory() as folder:
                method, path = call.split(" ")
                policy = pathlib.Path(folder, "policy.yaml")
                request = json.dumps({"method": method, "path": path, "params": params})
                policy.write_text(POLICY.format(profile=profile, more=KEYS[profile], request=request))
                done = subprocess.run([CHANCERY, "policy", "check", policy, "--profiles", ROOT / "profiles"],
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0 if is_good else 10, done.stdout + done.stderr)
                if not is_good:
                    self.assertIn("what flattens only cancels", done.stderr)


if __name__ == "__main__":
    unittest.main()

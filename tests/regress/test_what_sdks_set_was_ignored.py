"""What SDKs let a bot set is honoured or refused: the receive window of Bybit, MEXC and Bitvavo, and Kraken's otp. A string
of an SDK with another window than the default was "not a call that the profile lists"."""

import hmac
import os
import pathlib
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from forms import compact, now_ms
from harness import BINANCE_SECRET, KRAKEN_ORDER

KEY = """\
  {name}:
    token: main
    object: "pkcs11:object=binance-main"
    profile: {name}
    scheme: hmac
    key_id: "{name}-id"
"""
NAMES = {"bybit": "recv_window", "mexc": "recvWindow", "bitvavo": "window"}
CALLS = {
    "bybit": {"method": "GET", "path": "/v5/order/realtime", "params": {"category": "linear"}},
    "mexc": {"method": "GET", "path": "/api/v3/openOrders", "params": {"symbol": "BTCUSDT"}},
    "bitvavo": {"method": "GET", "path": "/v2/balance", "params": {"symbol": "BTC"}},
}
DEFAULTS = {"bybit": "5000", "mexc": "5000", "bitvavo": "10000"}


def signature(text):
    return hmac.digest(BINANCE_SECRET.encode(), text.encode(), "sha256").hex()


class Settings(harness.AgentTest):
    @classmethod
    def prepare(cls):
        policy = cls.agent.policy
        text = policy.read_text()
        for name in NAMES:
            text = harness.with_key(text, KEY.format(name=name),
                                    harness.allow(name, "tester", name, "read, trade, cancel, account, keys"))
        policy.write_text(text)

    def sign(self, key, document):
        with self.agent.client() as client:
            return client.sign(key, document)

    def with_window(self, name, value):
        call = CALLS[name]
        return self.sign(name, {**call, "params": {**call["params"], NAMES[name]: value}})

    def window_sent(self, name, answer):
        """The window in a finished request, whose signature is checked where it covers the window."""
        self.assertEqual(answer.status, 200, answer)
        headers = {header.lower(): value for header, value in answer.json["headers"].items()}
        query = urllib.parse.urlsplit(answer.json["url"]).query
        if name == "mexc":
            signed, _, given = query.partition("&signature=")
            self.assertEqual(given, signature(signed))
            return urllib.parse.parse_qs(query)["recvWindow"][0]
        if name == "bybit":
            window = headers["x-bapi-recv-window"]
            self.assertEqual(headers["x-bapi-sign"], signature(headers["x-bapi-timestamp"] + "bybit-id" + window + query))
            self.assertNotIn("window", query)
            return window
        self.assertNotIn("window", query)
        return headers["bitvavo-access-window"]

    def test_the_receive_window_is_the_bots_or_the_default(self):
        for name in NAMES:
            with self.subTest(name):
                self.assertEqual(self.window_sent(name, self.sign(name, CALLS[name])), DEFAULTS[name])
                for value in (20000, "20000", 1, 60000):
                    self.assertEqual(self.window_sent(name, self.with_window(name, value)), str(value))

    def test_a_receive_window_that_is_none_is_refused(self):
        for name in NAMES:
            for value in (0, -1, 60001, 100000, "", "5s", "05000", "5000.0", True, [5000]):
                with self.subTest(name, value=value):
                    self.assert_problem(self.with_window(name, value), 400, "bad-input")

    def test_an_sdks_string_may_have_another_window(self):
        params = compact({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "1"})
        for window in ("5000", "20000", "1", "60000"):
            for text in (f"{now_ms()}bybit-id{window}category=linear&symbol=BTCUSDT", f"{now_ms()}bybit-id{window}{params}"):
                with self.subTest(text):
                    answer = self.sign("bybit", {"string": text})
                    self.assertIn(answer.status, (200, 403), answer)
                    if answer.status == 200:
                        self.assertEqual(answer.json["signature"], signature(text))
                    else:
                        self.assertEqual(answer.json["rule"], "confusion")
            text = f"symbol=BTCUSDT&recvWindow={window}&timestamp={now_ms()}"
            answer = self.sign("mexc", {"string": text, "method": "GET", "path": "/api/v3/openOrders"})
            self.assertIn(answer.status, (200, 403), answer)
        for window in ("0", "60001", "99999", "100000", "05000"):
            with self.subTest(window):
                text = f"{now_ms()}bybit-id{window}category=linear"
                self.assert_problem(self.sign("bybit", {"string": text}), 400, "bad-input")

    def test_krakens_otp_is_part_of_what_is_signed(self):
        with_otp = {**KRAKEN_ORDER, "params": {**KRAKEN_ORDER["params"], "otp": "123456"}}
        answer = self.sign("kraken-main", with_otp)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(urllib.parse.parse_qs(answer.json["body"])["otp"], ["123456"])


if __name__ == "__main__":
    unittest.main()

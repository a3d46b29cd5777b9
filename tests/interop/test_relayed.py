"""Python's http.client and requests through chancery-relay and the agent at the local exchange: requests as the exchange's
documents have them, without key, nonce and signature."""

import http.client
import json
import os
import pathlib
import time
import unittest
import urllib.parse

import counted
import requests

BASE = json.loads(os.environ["RELAYS"])["tester"]
TOKEN = pathlib.Path(os.environ["RELAY_TOKEN"]).read_text()
FORM = "application/x-www-form-urlencoded"


def now_ms():
    return int(time.time() * 1000)


def now_iso():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def by_form(path, fields, headers=None):
    return "POST", path, {"Content-Type": FORM, **(headers or {})}, urllib.parse.urlencode(fields)


def by_json(path, members, headers):
    return "POST", path, {"Content-Type": "application/json", **headers}, json.dumps(members)


# For each exchange: what reads, and what places an order; each makes a request anew, since times must be now.
CALLS = {
    "binance": (
        lambda: ("GET", f"/api/v3/account?timestamp={now_ms()}", {}, None),
        lambda: by_form("/api/v3/order", {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                                          "quantity": "0.01", "price": "29000", "timestamp": now_ms()}),
    ),
    "bybit": (
        lambda: ("GET", "/v5/account/wallet-balance?accountType=UNIFIED", {"X-BAPI-TIMESTAMP": str(now_ms())}, None),
        lambda: by_json("/v5/order/create", {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                                             "qty": "0.01", "price": "29000"}, {"X-BAPI-TIMESTAMP": str(now_ms())}),
    ),
    "okx": (
        lambda: ("GET", "/api/v5/account/balance", {"OK-ACCESS-TIMESTAMP": now_iso()}, None),
        lambda: by_json("/api/v5/trade/order", {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit",
                                                "sz": "0.01", "px": "29000"}, {"OK-ACCESS-TIMESTAMP": now_iso()}),
    ),
    "kraken": (
        lambda: by_form("/0/private/Balance", {}),
        lambda: by_form("/0/private/AddOrder", {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01",
                                                "price": "29000"}),
    ),
    "bitstamp": (
        lambda: ("POST", "/api/v2/account_balances/", {"X-Auth-Timestamp": str(now_ms())}, None),
        lambda: by_form("/api/v2/buy/btcusd/", {"amount": "0.01", "price": "29000"}, {"X-Auth-Timestamp": str(now_ms())}),
    ),
}  # fmt: skip


def ask_venue(method, path, document=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["VENUE_CONTROL"]), timeout=60)
    try:
        connection.request(method, f"/_venue/{path}", None if document is None else json.dumps(document))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def by_http_client(url, method, headers, body):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(method, url[url.index(parts.netloc) + len(parts.netloc):], body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Clients(unittest.TestCase):
    def setUp(self):
        self.session = requests.Session()
        self.session.trust_env = False
        self.addCleanup(self.session.close)

    def by_requests(self, url, method, headers, body):
        answer = self.session.request(method, url, headers=headers, data=body, timeout=60)
        return answer.status_code, answer.text

    def read_and_trade(self, exchange):
        ask_venue("POST", "reset", {})
        for call in CALLS[exchange]:
            for client in (by_http_client, self.by_requests):  # their headers differ, so the second is no repetition
                method, path, headers, body = call()
                status, text = client(f"{BASE}/{TOKEN}/{exchange}-trading{path}", method, headers, body)
                self.assertEqual(status, 200, text)
        arrivals = ask_venue("GET", f"arrivals?exchange={exchange}")["arrivals"]
        self.assertEqual([arrival["verdict"] for arrival in arrivals], ["accepted"] * 4)
        self.assertEqual(len(ask_venue("GET", f"orders?exchange={exchange}")["orders"]), 2)


for name in CALLS:
    setattr(Clients, f"test_{name}", lambda self, name=name: self.read_and_trade(name))


if __name__ == "__main__":
    counted.main()

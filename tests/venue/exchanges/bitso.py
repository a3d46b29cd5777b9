"""Bitso, V3.

https://docs.bitso.com/bitso-api/docs/create-signed-requests : HMAC-SHA256 in hex of nonce, method, path with query, and body.
A nonce must be above all that came before it.
"""

import re

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text
from signing import mac

MARKETS = [Market(f"{base}_{quote}".lower(), base, quote) for base in ("BTC", "ETH") for quote in ("MXN", "USD", "USDT")]
AUTHORIZATION = re.compile(r"Bitso ([^:]+):(\d+):([0-9a-f]+)\Z")


def failure(code, message, status=400):
    return status, {"success": False, "error": {"code": code, "message": message}}


class Bitso(Exchange):
    NAME = "bitso"
    HOSTS = ("bitso.com", "api.bitso.com", "stage.bitso.com")
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure("0201", "Invalid Nonce or Invalid Credentials", 401),
        "signature": failure("0201", "Invalid Nonce or Invalid Credentials", 401),
        "nonce": failure("0201", "Invalid Nonce or Invalid Credentials", 401),
        "params": failure("0301", "Invalid parameter: {why}"),
        "symbol": failure("0301", "Unknown OrderBook"),
        "order": failure("0303", "Order not found", 404),
        "path": failure("0101", "{why}", 404),
        "funds": failure("0343", "Available balance is not enough"),
        "duplicate": failure("0305", "origin_id is already in use"),
        "limit": failure("0205", "Too many requests", 429),
        "permission": failure("0204", "You do not have access to this resource", 403),
        "busy": failure("0202", "Service unavailable", 503),
        "other": failure("0301", "{why}"),
    }

    @staticmethod
    def make_id(number):
        return f"venue{number:011}"

    def check(self, call):
        request = call.request
        read = AUTHORIZATION.match(request.headers.get("authorization", ""))
        if not read:
            raise Refusal("signature", "Authorization")
        key_id, nonce, signature = read.groups()
        key = self.key_named(call, key_id)
        self.check_signature(signature, mac("sha256", key.secret, nonce + request.method + request.target + request.body))
        self.check_nonce(call, int(nonce))
        call.params = fields(request.query) | json_body(request.body)

    def wrap(self, call, result):
        return {"success": True, "payload": result}

    def order(self, call):
        kind = call.need("type")
        price = call.need_number("price") if kind == "limit" else None
        order = self.place(
            call, self.market(call.need("book")), call.need("side"), kind, call.number("major"), price, call.number("minor"),
            call.params.get("origin_id"),
        )  # fmt: skip
        return {"oid": order.id}

    def cancel_order(self, call):
        return [self.cancel(call, call.values["id"]).id]

    def cancel_all(self, call):
        return [order.id for order in self.cancel_open(call)]

    def opened(self, call):
        wanted = call.params.get("book")
        return [
            {
                "book": order.market.id, "original_amount": text(order.amount), "unfilled_amount": text(order.amount),
                "original_value": text(order.value), "created_at": "2026-01-01T00:00:00+0000",
                "updated_at": "2026-01-01T00:00:00+0000",
                "price": text(order.price), "oid": order.id, "side": order.side, "status": "open", "type": order.kind,
            }
            for order in self.open_orders(call)
            if wanted in (None, order.market.id)
        ]  # fmt: skip

    def withdraw(self, call):
        call.need_number("amount")
        return {"wid": str(call.now_ms), "status": "pending"}

    def balance(self, call):
        return {"balances": [
            {"currency": name, "total": n, "locked": "0", "available": n} for name, n in (("btc", "10"), ("mxn", "1000000"))
        ]}  # fmt: skip

    def books(self, call):
        return [
            {
                "book": market.id, "minimum_amount": "0.00001", "maximum_amount": "1000", "minimum_price": "1",
                "tick_size": "0.01",
                "maximum_price": "100000000", "minimum_value": "1", "maximum_value": "1000000000", "default_chart": "candle",
                "fees": {"flat_rate": {"maker": "0.5", "taker": "0.65"}, "structure": []},
            }
            for market in MARKETS
        ]  # fmt: skip

    def catalogues(self, call):
        return {"currencies": {"metadata": [
            {"code": name, "full_name": name, "precision": 8, "type": "crypto"} for name in ("btc", "eth", "mxn", "usd", "usdt")
        ]}}  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("book"))
        price = text(price_of(market))
        return {
            "high": price, "last": price, "created_at": "2026-01-01T00:00:00+00:00", "book": market.id, "volume": "1",
            "vwap": price, "low": price, "ask": price, "bid": price, "change_24": "0",
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method   path                             kind        act
        ("GET",    "/api/v3/available_books",       "public",   books),
        ("GET",    "/api/v3/available_books/",      "public",   books),
        ("GET",    "/api/v3/catalogues",            "public",   catalogues),
        ("GET",    "/api/v3/ticker",                "public",   ticker),
        ("GET",    "/api/v3/ticker/",               "public",   ticker),
        ("GET",    "/api/v3/balance",               "read",     balance),
        ("GET",    "/api/v3/balance/",              "read",     balance),
        ("GET",    "/api/v3/open_orders",           "read",     opened),
        ("GET",    "/api/v3/open_orders/",          "read",     opened),
        ("POST",   "/api/v3/orders",                "order",    order),
        ("POST",   "/api/v3/orders/",               "order",    order),
        ("DELETE", "/api/v3/orders/all",            "cancel",   cancel_all),
        ("DELETE", "/api/v3/orders/all/",           "cancel",   cancel_all),
        ("DELETE", "/api/v3/orders/{id}",           "cancel",   cancel_order),
        ("DELETE", "/api/v3/orders/{id}/",          "cancel",   cancel_order),
        ("POST",   "/api/v3/crypto_withdrawal",     "withdraw", withdraw),
        ("POST",   "/api/v3/withdrawals",           "withdraw", withdraw),
        ("POST",   "/api/v3/{coin}_withdrawal",     "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitso]

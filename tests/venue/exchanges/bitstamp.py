"""Bitstamp, V2.

https://www.bitstamp.net/api/#section/What-is-API/Authentication : HMAC-SHA256 in hex of "BITSTAMP " and key, method, host,
path, query, content type, nonce, time, version and body. A nonce is a UUID that was not used within the 150 seconds in which
a request is good; without a body, no content type is sent.
"""

import re

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, text
from signing import mac

MARKETS = [Market(f"{base}{quote}".lower(), base, quote) for base in ("BTC", "ETH") for quote in ("USD", "EUR", "USDT")]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def failure(code, reason, status=403):
    return status, {"status": "error", "reason": reason, "code": code}


def order_failure(reason):
    return 200, {"status": "error", "reason": {"__all__": [reason]}}


class Bitstamp(Exchange):
    NAME = "bitstamp"
    HOSTS = ("www.bitstamp.net", "sandbox.bitstamp.net")
    MARKETS = MARKETS
    WINDOW_MS = AHEAD_MS = 150000
    REFUSALS = {
        "key": failure("API0001", "API key not found"),
        "signature": failure("API0005", "Invalid signature"),
        "nonce": failure("API0004", "Invalid nonce"),
        "time": failure("API0017", "Timestamp not in range"),
        "params": order_failure("{why}"),
        "symbol": failure("API0012", "Invalid currency pair", 404),
        "order": (200, {"error": "Order not found"}),
        "path": failure("API0013", "{why}", 404),
        "funds": order_failure("You need more USD to open that order. Check your account balance for details."),
        "duplicate": order_failure("Duplicate client order id"),
        "limit": failure("400.002", "Request rate limit exceeded.", 400),
        "permission": failure("API0011", "No permission found"),
        "busy": failure("API0020", "Temporarily unavailable", 503),
        "other": order_failure("{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        word, _, key_id = headers.get("x-auth", "").partition(" ")
        key = self.key_named(call, key_id)
        content_type = headers.get("content-type", "")
        if (content_type == "") != (request.body == "") or headers.get("x-auth-version") != "v2" or word != "BITSTAMP":
            raise Refusal("signature", "Content-Type, version or X-Auth")
        nonce, moment = headers.get("x-auth-nonce", ""), headers.get("x-auth-timestamp", "")
        payload = "".join((
            headers["x-auth"], request.method, request.host, request.target, content_type, nonce, moment, "v2", request.body,
        ))  # fmt: skip
        self.check_signature(headers.get("x-auth-signature", "").lower(), mac("sha256", key.secret, payload))
        self.check_time(call, moment)
        if not UUID.match(nonce):
            raise Refusal("nonce", "it is no UUID")
        self.check_unused(call, nonce)
        call.params = fields(request.body)

    # ---- orders ----

    def order(self, call):
        verbs = call.request.path.split("/")
        side, kind = verbs[3], verbs[4] if len(verbs) == 7 else "limit"
        amount, cost = call.need_number("amount"), None
        price = call.need_number("price") if kind == "limit" else None
        if kind == "instant" and side == "buy":
            amount, cost = None, amount
        kind = "market" if kind in ("market", "instant") else kind
        market = self.market(call.values["pair"])
        return self.shown(self.place(call, market, side, kind, amount, price, cost, call.params.get("client_order_id")))

    @staticmethod
    def shown(order):
        return {
            "id": order.id, "market": f"{order.market.base}/{order.market.quote}", "type": 0 if order.side == "buy" else 1,
            "datetime": "2026-01-01 00:00:00.000000", "price": text(order.price), "amount": text(order.amount),
            "client_order_id": order.client_id, "currency_pair": f"{order.market.base}/{order.market.quote}",
        }  # fmt: skip

    def cancel_order(self, call):
        return self.shown(self.cancel(call, call.params.get("id"), call.params.get("client_order_id"))) | {"status": "Canceled"}

    def cancel_all(self, call):
        return {"success": True, "canceled": [self.shown(order) for order in self.cancel_open(call)]}

    def replace(self, call):
        old = self.cancel(call, call.params.get("id"), call.params.get("orig_client_order_id"))
        amount, price = call.need_number("amount"), call.need_number("price")
        return self.shown(self.place(call, old.market, old.side, old.kind, amount, price, None,
            call.params.get("client_order_id")))

    def opened(self, call):
        return [self.shown(order) for order in self.open_orders(call)]

    def withdraw(self, call):
        call.need_number("amount")
        return {"id": call.now_ms}

    def balances(self, call):
        return [
            {"currency": name, "total": n, "available": n, "reserved": "0"} for name, n in (("btc", "10"), ("usd", "1000000"))
        ]

    # ---- public ----

    def markets_listed(self, call):
        return [
            {
                "name": f"{market.base}/{market.quote}", "description": f"{market.base} / {market.quote}",
                "market_symbol": market.id, "base_currency": market.base,
                "counter_currency": market.quote, "base_decimals": 8, "counter_decimals": 5, "minimum_order_value": "1",
                "minimum_order_amount": "0.00001", "maximum_order_amount": None, "maximum_order_value": None,
                "trading": "Enabled", "instant_order_counter_decimals": 2, "market_type": "SPOT",
                "instant_and_market_orders": "Enabled",
            }
            for market in MARKETS
        ]  # fmt: skip

    def ticker(self, call):
        market = self.market(call.values["pair"])
        price = text(price_of(market))
        return {
            "timestamp": str(call.now_ms // 1000), "open": price, "high": price, "low": price, "last": price, "volume": "1",
            "vwap": price, "bid": price, "ask": price, "side": "0", "open_24": price, "percent_change_24": "0",
            "pair": f"{market.base}/{market.quote}",
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method path                                 kind        act
        ("GET",  "/api/v2/markets/",                  "public",   markets_listed),
        ("GET",  "/api/v2/ticker/{pair}/",            "public",   ticker),
        ("POST", "/api/v2/account_balances/",         "read",     balances),
        ("POST", "/api/v2/open_orders/all/",          "read",     opened),
        ("GET",  "/api/v2/open_orders/",              "read",     opened),
        ("POST", "/api/v2/buy/{pair}/",               "order",    order),
        ("POST", "/api/v2/sell/{pair}/",              "order",    order),
        ("POST", "/api/v2/buy/market/{pair}/",        "order",    order),
        ("POST", "/api/v2/sell/market/{pair}/",       "order",    order),
        ("POST", "/api/v2/buy/instant/{pair}/",       "order",    order),
        ("POST", "/api/v2/sell/instant/{pair}/",      "order",    order),
        ("POST", "/api/v2/replace_order/",            "order",    replace),
        ("POST", "/api/v2/cancel_order/",             "cancel",   cancel_order),
        ("POST", "/api/v2/cancel_all_orders/",        "cancel",   cancel_all),
        ("POST", "/api/v2/transfer-to-main/",         "transfer", Exchange.empty),
        ("POST", "/api/v2/withdrawal/open/",          "withdraw", withdraw),
        ("POST", "/api/v2/{coin}_withdrawal/",        "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitstamp]

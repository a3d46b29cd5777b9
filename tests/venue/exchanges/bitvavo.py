"""Bitvavo, V2.

https://docs.bitvavo.com/docs/rest-api/#authentication : HMAC-SHA256 in hex of time, method, path with query, and body. A
request is good for as long as Bitvavo-Access-Window says, ten seconds by default.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, uuid_of
from signing import mac

MARKETS = [Market(f"{base}-EUR", base, "EUR") for base in ("BTC", "ETH", "XRP", "DOGE")]


def failure(code, message, status=400):
    return status, {"errorCode": code, "error": message}


class Bitvavo(Exchange):
    NAME = "bitvavo"
    HOSTS = ("api.bitvavo.com",)
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure(305, "No active API key found.", 403),
        "signature": failure(309, "The signature is invalid.", 403),
        "time": failure(304, "Authentication must be made within the time window.", 403),
        "params": failure(205, "{why} parameter is invalid."),
        "symbol": failure(205, "market parameter is invalid."),
        "order": failure(240,
        "No order found. Please be aware that simultaneously updating the same order may return this error.", 404),
        "path": failure(110, "Invalid endpoint.", 404),
        "funds": failure(216, "You do not have sufficient balance to complete this operation."),
        "duplicate": failure(205, "clientOrderId is not unique."),
        "limit": failure(105, "Your IP or API key has been banned for not respecting the rate limit.", 429),
        "permission": failure(308, "The API key does not have permission to perform this action.", 403),
        "busy": failure(101, "Unknown error. The operation may or may not have succeeded.", 503),
        "other": failure(205, "{why}"),
    }
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("bitvavo-access-key"))
        self.check_type(call, "application/json")
        moment = headers.get("bitvavo-access-timestamp", "")
        payload = moment + request.method + request.target + request.body
        self.check_signature(headers.get("bitvavo-access-signature"), mac("sha256", key.secret, payload))
        window = headers.get("bitvavo-access-window", "10000")
        if not window.isdigit() or not 100 <= int(window) <= 60000:
            raise Refusal("time", "the window must be between 100 and 60000")
        self.check_time(call, moment, int(window))
        call.params = fields(request.query) | json_body(request.body)

    def order(self, call):
        kind = call.need("orderType")
        price = call.need_number("price") if kind == "limit" else call.number("price", call.number("triggerAmount"))
        call.need("operatorId")
        order = self.place(
            call, self.market(call.need("market")), call.need("side"), kind, call.number("amount"), price,
            call.number("amountQuote"), call.params.get("clientOrderId"),
        )  # fmt: skip
        return self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "orderId": order.id, "clientOrderId": order.client_id, "market": order.market.id, "created": order.time_ms,
            "updated": order.time_ms, "status": {"open": "new"}.get(order.state, order.state), "side": order.side,
            "orderType": order.kind, "amount": text(order.amount), "amountRemaining": text(order.amount),
            "price": text(order.price),
            "onHold": "0", "onHoldCurrency": "EUR", "filledAmount": "0", "filledAmountQuote": "0", "feePaid": "0",
            "feeCurrency": "EUR", "fills": [], "selfTradePrevention": "decrementAndCancel", "visible": True,
            "timeInForce": "GTC", "postOnly": False,
        }  # fmt: skip

    def update(self, call):
        order = self.find(call, call.params.get("orderId"), call.params.get("clientOrderId"))
        call.books.amend(order, call.number("amount"), call.number("price"))
        return self.shown(order)

    def cancel_order(self, call):
        self.market(call.need("market"))
        return {"orderId": self.cancel(call, call.params.get("orderId"), call.params.get("clientOrderId")).id}

    def cancel_all(self, call):
        return [{"orderId": order.id} for order in self.cancel_open(call)]

    def opened(self, call):
        wanted = call.params.get("market")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"success": True, "symbol": call.params.get("symbol"), "amount": call.params["amount"]}

    def balance(self, call):
        return [{"symbol": name, "available": n, "inOrder": "0"} for name, n in (("BTC", "10"), ("EUR", "1000000"))]

    def account(self, call):
        return {"fees": {"taker": "0.0025", "maker": "0.0015", "volume": "0"}, "capabilities": ["buy", "sell"]}

    def time(self, call):
        return {"time": call.now_ms, "timeNs": call.now_ms * 1000000}

    def markets_listed(self, call):
        return [
            {
                "market": market.id, "status": "trading", "base": market.base, "quote": "EUR", "pricePrecision": "5",
                "minOrderInBaseAsset": "0.00001", "minOrderInQuoteAsset": "1", "maxOrderInBaseAsset": "1000000",
                "maxOrderInQuoteAsset": "10000000", "quantityDecimals": "8", "notionalDecimals": "2", "tickSize": "0.01",
                "orderTypes": ["market", "limit"],
            }
            for market in MARKETS
        ]  # fmt: skip

    def assets(self, call):
        return [
            {"symbol": name, "name": name, "decimals": 8, "depositFee": "0", "depositStatus": "OK", "withdrawalFee": "0",
             "withdrawalMinAmount": "0.1", "withdrawalStatus": "OK", "networks": ["Mainnet"]}
            for name in ("BTC", "ETH", "EUR")
        ]  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("market"))
        price = text(price_of(market))
        return {
            "market": market.id, "open": price, "high": price, "low": price, "last": price, "volume": "1", "volumeQuote": "1",
            "bid": price, "bidSize": "1", "ask": price, "askSize": "1", "timestamp": call.now_ms,
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method   path                 kind        act
        ("GET",    "/v2/time",          "public",   time),
        ("GET",    "/v2/markets",       "public",   markets_listed),
        ("GET",    "/v2/assets",        "public",   assets),
        ("GET",    "/v2/ticker/24h",    "public",   ticker),
        ("GET",    "/v2/account",       "read",     account),
        ("GET",    "/v2/balance",       "read",     balance),
        ("GET",    "/v2/ordersOpen",    "read",     opened),
        ("POST",   "/v2/order",         "order",    order),
        ("PUT",    "/v2/order",         "amend",    update),
        ("DELETE", "/v2/order",         "cancel",   cancel_order),
        ("DELETE", "/v2/orders",        "cancel",   cancel_all),
        ("POST",   "/v2/withdrawal",    "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitvavo]

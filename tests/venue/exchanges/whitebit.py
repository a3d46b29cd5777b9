"""WhiteBIT, V4.

https://docs.whitebit.com/private/http-auth/ : the body names path and nonce; X-TXC-PAYLOAD is its base64, and
X-TXC-SIGNATURE the HMAC-SHA512 in hex of that. A nonce must be above all that came before it, unless the body has nonceWindow.
"""

import base64

from books import Market, price_of
from exchanges.base import Exchange, Refusal, json_body, text
from signing import mac, same

SPOT = [Market(f"{base}_USDT", base, "USDT") for base in ("BTC", "ETH")]


def failure(code, message, status=422, **errors):
    return status, {"code": code, "message": message, "errors": errors}


class Whitebit(Exchange):
    NAME = "whitebit"
    HOSTS = ("whitebit.com",)
    MARKETS = SPOT
    WINDOW_MS = AHEAD_MS = 5000
    REFUSALS = {
        "key": failure(0, "Unauthorized request.", 401),
        "signature": failure(0, "Unauthorized request.", 401),
        "nonce": failure(0, "Invalid nonce.", 401),
        "time": failure(0, "Invalid nonce.", 401),
        "params": failure(30, "Validation failed", param=["{why}"]),
        "symbol": failure(30, "Validation failed", market=["Market is not available."]),
        "order": failure(2, "Inner validation failed", order_id=["Unexecuted order was not found."]),
        "path": failure(0, "{why}", 404),
        "funds": failure(10, "Inner validation failed", amount=["Not enough balance."]),
        "duplicate": failure(30, "Validation failed", clientOrderId=["This client order id is already used."]),
        "limit": failure(0, "Too many requests.", 429),
        "permission": failure(0, "This action is unauthorized.", 403),
        "busy": failure(0, "Service unavailable", 503),
        "other": failure(30, "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("x-txc-apikey"))
        self.check_type(call, "application/json")
        payload = base64.b64encode(request.body.encode()).decode()
        if not same(headers.get("x-txc-payload"), payload):
            raise Refusal("signature", "the payload is not the body")
        self.check_signature(headers.get("x-txc-signature"), mac("sha512", key.secret, payload))
        sent = json_body(request.body)
        if sent.pop("request", None) != request.path:
            raise Refusal("signature", "request is not the path")
        nonce = sent.pop("nonce", None)
        if sent.pop("nonceWindow", False):
            self.check_time(call, nonce)
            self.check_unused(call, str(nonce))
        elif not str(nonce).isdigit():
            raise Refusal("nonce", "no number")
        else:
            self.check_nonce(call, int(nonce))
        call.params = sent

    # ---- orders ----

    def order(self, call):
        verb = call.request.path.rpartition("/")[2]
        kind = {"new": "limit", "stop_limit": "limit", "market": "market", "stock_market": "market"}.get(verb, verb)
        amount, cost = call.need_number("amount"), None
        price = call.need_number("price") if kind == "limit" else call.number("activation_price")
        if verb == "market" and "collateral" not in call.request.path and call.need("side") == "buy":
            amount, cost = None, amount  # in money
        market = self.market(call.need("market"))
        order = self.place(call, market, call.need("side"), kind, amount, price, cost, call.params.get("clientOrderId"))
        return self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "orderId": order.number, "clientOrderId": order.client_id, "market": order.market.id, "side": order.side,
            "type": order.kind, "timestamp": order.time_ms / 1000, "dealMoney": "0", "dealStock": "0",
            "amount": text(order.amount),
            "takerFee": "0.001", "makerFee": "0.001", "left": text(order.amount), "dealFee": "0", "price": text(order.price),
            "postOnly": False, "ioc": False,
        }  # fmt: skip

    def cancel_order(self, call):
        self.market(call.need("market"))
        return self.shown(self.cancel(call, call.params.get("orderId"), call.params.get("clientOrderId")))

    def cancel_all(self, call):
        self.cancel_open(call)
        return []

    def opened(self, call):
        wanted = call.params.get("market")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return []

    # ---- reads ----

    def balance(self, call):
        return {"BTC": {"available": "10", "freeze": "0"}, "USDT": {"available": "1000000", "freeze": "0"}}

    def main_balance(self, call):
        return {"BTC": {"main_balance": "10"}, "USDT": {"main_balance": "1000000"}}

    # ---- public ----

    def time(self, call):
        return {"time": call.now_ms // 1000}

    def markets_listed(self, call):
        return [
            {
                "name": market.id, "stock": market.base, "money": market.quote, "stockPrec": "6", "moneyPrec": "4",
                "feePrec": "4",
                "makerFee": "0.1", "takerFee": "0.1", "minAmount": "0.00001", "minTotal": "1", "tradesEnabled": True,
                "isCollateral": False, "type": "spot",
            }
            for market in SPOT
        ]  # fmt: skip

    def ticker(self, call):
        price = text(price_of(self.market(call.need("market"))))
        return {"success": True, "message": "", "result": {
            "bid": price, "ask": price, "open": price, "high": price, "low": price, "last": price, "volume": "1", "deal": "1",
            "change": "0",
        }}  # fmt: skip

    # fmt: off
    ROUTES = [
        # method path                                     kind       act
        ("GET",  "/api/v4/public/time",                   "public",  time),
        ("GET",  "/api/v4/public/markets",                "public",  markets_listed),
        ("GET",  "/api/v4/public/assets",                 "public",  Exchange.empty),
        ("GET",  "/api/v1/public/ticker",                 "public",  ticker),
        ("POST", "/api/v4/trade-account/balance",         "read",    balance),
        ("POST", "/api/v4/main-account/balance",          "read",    main_balance),
        ("POST", "/api/v4/main-account/fee",              "read",    Exchange.nothing),
        ("POST", "/api/v4/orders",                        "read",    opened),
        ("POST", "/api/v4/order/new",                     "order",   order),
        ("POST", "/api/v4/order/market",                  "order",   order),
        ("POST", "/api/v4/order/stock_market",            "order",   order),
        ("POST", "/api/v4/order/stop_limit",              "order",   order),
        ("POST", "/api/v4/order/stop_market",             "order",   order),
        ("POST", "/api/v4/order/cancel",                  "cancel",  cancel_order),
        ("POST", "/api/v4/order/cancel/all",              "cancel",  cancel_all),
        ("POST", "/api/v4/main-account/transfer",         "transfer", Exchange.nothing),
        ("POST", "/api/v4/main-account/withdraw",         "withdraw", withdraw),
        ("POST", "/api/v4/main-account/withdraw-pay",     "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Whitebit]

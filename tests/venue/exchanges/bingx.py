"""BingX: spot, linear and inverse swaps.

https://bingx-api.github.io/docs/#/en-us/spot/authentication.html : HMAC-SHA256 in hex of the parameters (of the query, or of
a JSON body), sorted by name and without encoding. timestamp may be as old as recvWindow says.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text
from http1 import Answer
from signing import mac

SPOT = [Market(f"{base}-USDT", base, "USDT") for base in ("BTC", "ETH")]
SWAP = [Market(f"{base}-USDT", base, "USDT", "linear") for base in ("BTC", "ETH")]
INVERSE = [Market("BTC-USD", "BTC", "USD", "inverse", "100")]
BY_PART = {"spot": SPOT, "swap": SWAP, "cswap": INVERSE}


def failure(code, message, status=200):
    return status, {"code": code, "msg": message, "timestamp": 0}


class Bingx(Exchange):
    NAME = "bingx"
    HOSTS = ("open-api.bingx.com", "open-api-vst.bingx.com", "open-api.bingx.pro")
    REFUSALS = {
        "key": failure(100413, "Incorrect apiKey"),
        "signature": failure(100001, "Signature verification failed"),
        "time": failure(100421, "Null timestamp or timestamp mismatch"),
        "params": failure(109400, "invalid parameters: {why}"),
        "symbol": failure(109425, "symbol not exist"),
        "order": failure(109421, "order not exist"),
        "path": failure(100400, "this api is not exist"),
        "funds": failure(101204, "Insufficient margin"),
        "duplicate": failure(101400, "clientOrderID duplicate"),
        "limit": failure(100410, "rate limited", 429),
        "permission": failure(100419, "permission denied"),
        "busy": failure(100500, "Internal system error", 500),
        "other": failure(109400, "{why}"),
    }

    def check(self, call):
        request = call.request
        key = self.key_named(call, request.headers.get("x-bx-apikey"))
        is_json = request.headers.get("content-type", "").startswith("application/json") and request.body
        given = fields(request.query) | (json_body(request.body) if is_json else fields(request.body))
        signature = given.pop("signature", None)
        payload = "&".join(f"{name}={given[name]}" for name in sorted(given))
        self.check_signature(signature, mac("sha256", key.secret, payload))
        self.check_time(call, given.get("timestamp"), int(given.get("recvWindow", 5000)))
        call.params = given

    def wrap(self, call, result):
        return {"code": 0, "msg": "", "debugMsg": "", "timestamp": call.now_ms, "data": result}

    def here(self, call):
        for market in BY_PART[call.request.path.split("/")[2]]:
            if market.id == call.params.get("symbol"):
                return market
        raise Refusal("symbol", f"{call.params.get('symbol')!r} is not traded here")

    # ---- orders ----

    def order(self, call):
        market = self.here(call)
        kind = call.need("type")
        price = call.need_number("price") if kind == "LIMIT" else call.number("price", call.number("stopPrice"))
        name = call.params.get("newClientOrderId") or call.params.get("clientOrderID") or call.params.get("clientOrderId")
        order = self.place(
            call, market, call.need("side"), kind, call.number("quantity"), price, call.number("quoteOrderQty"), name
        )  # fmt: skip
        if market in INVERSE:  # without an envelope
            return Answer(self.shown(order) | {"timestamp": call.now_ms})
        return {"order": self.shown(order)} if market in SWAP else self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "symbol": order.market.id, "orderId": order.number, "clientOrderID": order.client_id, "price": text(order.price),
            "origQty": text(order.amount), "executedQty": "0", "cummulativeQuoteQty": "0", "stopPrice": "0",
            "status": {"open": "NEW", "filled": "FILLED", "canceled": "CANCELED"}[order.state], "type": order.kind.upper(),
            "side": order.side.upper(), "time": order.time_ms, "updateTime": order.time_ms, "transactTime": order.time_ms,
        } | ({} if order.market in SPOT else {"positionSide": "BOTH", "reduceOnly": False, "avgPrice": "0"})  # fmt: skip

    def cancel_order(self, call):
        self.here(call)
        name = call.params.get("clientOrderID") or call.params.get("clientOrderId")
        shown = self.shown(self.cancel(call, call.params.get("orderId"), name))
        return {"order": shown} if "/swap/" in call.request.path else shown

    def cancel_all(self, call):
        return {"orders": [self.shown(order) for order in self.cancel_open(call)]}

    def opened(self, call):
        markets = BY_PART[call.request.path.split("/")[2]]
        wanted = call.params.get("symbol")
        orders = [o for o in self.open_orders(call) if o.market in markets and wanted in (None, o.market.id)]
        return {"orders": [self.shown(order) for order in orders]}

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": str(call.now_ms)}

    # ---- reads ----

    def spot_balance(self, call):
        return {"balances": [{"asset": name, "free": n, "locked": "0"} for name, n in (("BTC", "10"), ("USDT", "1000000"))]}

    def swap_balance(self, call):
        asset = "USDT" if "/swap/" in call.request.path else "BTC"
        return [{
            "userId": "1", "asset": asset, "balance": "1000", "equity": "1000", "availableMargin": "1000", "usedMargin": "0",
            "maxWithdrawAmount": "1000", "freezedMargin": "0",
        }]  # fmt: skip

    def uid(self, call):
        return {"uid": "1"}

    def restrictions(self, call):
        codes = {"read": [2], "trade": [1, 3], "withdraw": [5]}
        return {"apiKey": call.key.id, "permissions": [code for name in call.key.may for code in codes[name]],
                "ipAddresses": list(call.key.ips), "note": "venue"}  # fmt: skip

    # ---- public ----

    def time(self, call):
        return {"serverTime": call.now_ms}

    def symbols(self, call):
        return {"symbols": [
            {
                "symbol": market.id, "minQty": 0.00001, "maxQty": 100, "minNotional": 1, "maxNotional": 1000000, "status": 1,
                "tickSize": 0.01, "stepSize": 0.000001, "apiStateSell": True, "apiStateBuy": True, "timeOnline": 0,
                "offTime": 0,
            }
            for market in SPOT
        ]}  # fmt: skip

    def contracts(self, call):
        if "/cswap/" in call.request.path:
            return [{"symbol": m.id, "pricePrecision": 1, "minTickSize": "100", "minTradeValue": "100", "minQty": "1",
                "status": 1,
                     "timeOnline": 1} for m in INVERSE]  # fmt: skip
        return [
            {
                "contractId": "100", "symbol": market.id, "size": "0.0001", "quantityPrecision": 4, "pricePrecision": 1,
                "feeRate": 0.0005, "tradeMinLimit": 1, "currency": "USDT", "asset": market.base, "status": 1,
                "apiStateOpen": "true", "apiStateClose": "true", "tradeMinQuantity": 0.0001, "tradeMinUSDT": 2,
            }
            for market in SWAP
        ]  # fmt: skip

    def ticker(self, call):
        market = self.here(call)
        price = text(price_of(market))
        row = {
            "symbol": market.id, "openPrice": price, "highPrice": price, "lowPrice": price, "lastPrice": price, "volume": "1",
            "quoteVolume": "1", "openTime": call.now_ms - 86400000, "closeTime": call.now_ms, "bidPrice": price, "bidQty": "1",
            "askPrice": price, "askQty": "1", "priceChangePercent": "0", "priceChange": "0",
        }  # fmt: skip
        return row if market in SWAP else [row]

    # fmt: off
    ROUTES = [
        # method   path                                        kind       act
        ("GET",    "/openApi/swap/v2/server/time",             "public",  time),
        ("GET",    "/openApi/spot/v1/server/time",             "public",  time),
        ("GET",    "/openApi/spot/v1/common/symbols",          "public",  symbols),
        ("GET",    "/openApi/swap/v2/quote/contracts",         "public",  contracts),
        ("GET",    "/openApi/cswap/v1/market/contracts",       "public",  contracts),
        ("GET",    "/openApi/spot/v1/ticker/24hr",             "public",  ticker),
        ("GET",    "/openApi/swap/v2/quote/ticker",            "public",  ticker),
        ("GET",    "/openApi/cswap/v1/market/ticker",          "public",  ticker),
        ("GET",    "/openApi/v1/account/apiPermissions",       "read",    restrictions),
        ("GET",    "/openApi/account/v1/uid",                  "read",    uid),
        ("GET",    "/openApi/swap/v2/user/balance",            "read",    swap_balance),
        ("GET",    "/openApi/wallets/v1/capital/config/getall", "read",   Exchange.nothing),
        ("GET",    "/openApi/spot/v1/account/balance",         "read",    spot_balance),
        ("GET",    "/openApi/swap/v3/user/balance",            "read",    swap_balance),
        ("GET",    "/openApi/cswap/v1/user/balance",           "read",    swap_balance),
        ("GET",    "/openApi/spot/v1/trade/openOrders",        "read",    opened),
        ("GET",    "/openApi/swap/v2/trade/openOrders",        "read",    opened),
        ("GET",    "/openApi/cswap/v1/trade/openOrders",       "read",    opened),
        ("POST",   "/openApi/spot/v1/trade/order",             "order",   order),
        ("POST",   "/openApi/swap/v2/trade/order",             "order",   order),
        ("POST",   "/openApi/cswap/v1/trade/order",            "order",   order),
        ("POST",   "/openApi/spot/v1/trade/cancel",            "cancel",  cancel_order),
        ("DELETE", "/openApi/swap/v2/trade/order",             "cancel",  cancel_order),
        ("DELETE", "/openApi/cswap/v1/trade/cancelOrder",      "cancel",  cancel_order),
        ("POST",   "/openApi/spot/v1/trade/cancelOpenOrders",  "cancel",  cancel_all),
        ("DELETE", "/openApi/swap/v2/trade/allOpenOrders",     "cancel",  cancel_all),
        ("POST",   "/openApi/swap/v2/trade/leverage",          "settings", Exchange.empty),
        ("POST",   "/openApi/wallets/v1/capital/withdraw/apply", "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bingx]

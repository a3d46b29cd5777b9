"""Bitget, V2: spot and mix (contracts).

https://www.bitget.com/api-doc/common/signature : base64 of HMAC-SHA256 of time, method, path, the query before it was
encoded, and body. The time may be thirty seconds off.
"""

import urllib.parse

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from signing import mac, same

SPOT = [Market(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
LINEAR = [Market(f"{base}USDT", base, "USDT", "linear") for base in ("BTC", "ETH")]
INVERSE = [Market("BTCUSD", "BTC", "USD", "linear")]  # its size is in the base as well
BY_PRODUCT = {"USDT-FUTURES": LINEAR, "COIN-FUTURES": INVERSE, "USDC-FUTURES": []}


def failure(code, message, status=400):
    return status, {"code": str(code), "msg": message, "requestTime": 0, "data": None}


class Bitget(Exchange):
    NAME = "bitget"
    HOSTS = ("api.bitget.com",)
    WINDOW_MS = AHEAD_MS = 30000
    REFUSALS = {
        "key": failure(40006, "Invalid ACCESS_KEY"),
        "signature": failure(40009, "sign signature error"),
        "passphrase": failure(40012, "apikey/password is incorrect"),
        "time": failure(40008, "Request timestamp expired"),
        "params": failure(40017, "Parameter verification failed {why}"),
        "symbol": failure(40034, "Parameter symbol does not exist"),
        "order": failure(43001, "The order does not exist"),
        "path": failure(40404, "Request URL NOT FOUND", 404),
        "funds": failure(43012, "Insufficient balance"),
        "duplicate": failure(43118, "clientOrderId duplicate"),
        "limit": failure(429, "Too Many Requests", 429),
        "permission": failure(40014, "Incorrect permissions, need spot orders write permissions"),
        "busy": failure(40725, "service return an error", 503),
        "other": failure(40017, "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("access-key"))
        if not same(headers.get("access-passphrase"), key.passphrase):
            raise Refusal("passphrase", "the pass phrase does not fit")
        self.check_type(call, "application/json")
        query = f"?{urllib.parse.unquote(request.query)}" if request.query else ""
        moment = headers.get("access-timestamp", "")
        wanted = mac("sha256", key.secret, moment + request.method + request.path + query + request.body, "base64")
        self.check_signature(headers.get("access-sign"), wanted)
        self.check_time(call, moment)
        call.params = fields(request.query) if request.method == "GET" else json_body(request.body)

    def wrap(self, call, result):
        return {"code": "00000", "msg": "success", "requestTime": call.now_ms, "data": result}

    # ---- orders ----

    def here(self, call):
        markets = BY_PRODUCT.get(call.need("productType").upper(), []) if "/mix/" in call.request.path else SPOT
        for market in markets:
            if market.id == call.params.get("symbol"):
                return market
        raise Refusal("symbol", f"{call.params.get('symbol')!r} is not traded here")

    def one(self, call):
        market = self.here(call)
        kind = call.need("orderType")
        amount, cost = call.need_number("size"), None
        price = call.need_number("price") if kind == "limit" else call.number("triggerPrice")
        if market.kind == "spot" and kind == "market" and call.need("side") == "buy":
            amount, cost = None, amount  # the size of a market order to buy is in the quote
        return self.place(call, market, call.need("side"), kind, amount, price, cost, call.params.get("clientOid"))

    def order(self, call):
        order = self.one(call)
        return {"orderId": order.id, "clientOid": order.client_id}

    def batch(self, call):
        common = {name: value for name, value in call.params.items() if name != "orderList"}
        made = [self.one(with_params(call, common | part)) for part in call.need("orderList")]
        return {"successList": [{"orderId": o.id, "clientOid": o.client_id} for o in made], "failureList": []}

    def cancel_order(self, call):
        self.here(call)
        order = self.cancel(call, call.params.get("orderId"), call.params.get("clientOid"))
        return {"orderId": order.id, "clientOid": order.client_id}

    def cancel_replace(self, call):
        old = self.cancel(call, call.params.get("orderId"), call.params.get("clientOid"))
        amount, price = call.number("size", old.amount), call.number("price", old.price)
        order = self.place(call, old.market, old.side, old.kind, amount, price, None, call.params.get("newClientOid"))
        return {"orderId": order.id, "clientOid": order.client_id, "success": "success", "msg": None}

    def spot_opened(self, call):
        wanted = call.params.get("symbol")
        return [
            self.shown(order) | {"priceAvg": text(order.price)}
            for order in self.open_orders(call)
            if order.market in SPOT and wanted in (None, order.market.id)
        ]

    def mix_opened(self, call):
        markets = BY_PRODUCT.get(call.need("productType").upper(), [])
        wanted = call.params.get("symbol")
        found = [
            self.shown(order) | {"price": text(order.price), "marginCoin": "USDT", "posMode": "one_way_mode"}
            for order in self.open_orders(call)
            if order.market in markets and wanted in (None, order.market.id)
        ]
        return {"entrustedList": found, "endId": ""}

    @staticmethod
    def shown(order):
        return {
            "orderId": order.id, "clientOid": order.client_id, "symbol": order.market.id, "side": order.side,
            "orderType": order.kind, "size": text(order.amount), "baseVolume": "0", "quoteVolume": "0", "status": "live",
            "force": "gtc", "cTime": str(order.time_ms), "uTime": str(order.time_ms), "enterPointSource": "API",
        }  # fmt: skip

    def withdraw(self, call):
        call.need("address")
        call.need_number("size")
        return {"orderId": str(call.now_ms), "clientOid": ""}

    # ---- reads ----

    def assets(self, call):
        return [
            {"coin": name, "available": n, "frozen": "0", "locked": "0", "limitAvailable": "0", "uTime": str(call.now_ms)}
            for name, n in (("BTC", "10"), ("USDT", "1000000"))
        ]  # fmt: skip

    def mix_accounts(self, call):
        return [{"marginCoin": "USDT", "locked": "0", "available": "1000000", "accountEquity": "1000000",
            "maxTransferOut": "1"}]

    def info(self, call):
        codes = {"read": ["coor", "cpor", "stor"], "trade": ["coow", "cpow", "stow"], "withdraw": ["wwow"]}
        authorities = [code for name in call.key.may for code in codes[name]]
        return {"userId": "1", "ips": ",".join(call.key.ips), "authorities": authorities, "traderType": "not_trader"}

    def unified_info(self, call):
        names = {"read": "uta_mgt_read", "trade": "uta_trade", "withdraw": "withdraw"}
        return {"userId": "1", "ips": ",".join(call.key.ips), "permissions": [names[name] for name in call.key.may]}

    def unified(self, call):
        return self.refusal("permission", "")  # as an account of the older kind answers

    # ---- public ----

    def time(self, call):
        return {"serverTime": str(call.now_ms)}

    def coins(self, call):
        return [
            {"coinId": name, "coin": name, "transfer": "true", "chains": [{
                "chain": name, "needTag": "false", "withdrawable": "true", "rechargeable": "true", "withdrawFee": "0.001",
                "extraWithdrawFee": "0", "depositConfirm": "1", "withdrawConfirm": "1", "minDepositAmount": "0.001",
                "minWithdrawAmount": "0.001", "withdrawMinScale": "8",
            }]}
            for name in ("BTC", "ETH", "USDT")
        ]  # fmt: skip

    def symbols(self, call):
        return [
            {
                "symbol": market.id, "baseCoin": market.base, "quoteCoin": market.quote, "minTradeAmount": "0",
                "status": "online",
                "maxTradeAmount": "10000", "takerFeeRate": "0.002", "makerFeeRate": "0.002", "pricePrecision": "5",
                "quantityPrecision": "6", "quotePrecision": "6", "minTradeUSDT": "1",
            }
            for market in SPOT
        ]  # fmt: skip

    def contracts(self, call):
        return [
            {
                "symbol": market.id, "baseCoin": market.base, "quoteCoin": market.quote, "takerFeeRate": "0.0006",
                "makerFeeRate": "0.0002", "supportMarginCoins": ["USDT" if market in LINEAR else "BTC"], "minTradeNum": "0.001",
                "priceEndStep": "5", "volumePlace": "3", "pricePlace": "1", "sizeMultiplier": "0.001",
                "symbolType": "perpetual",
                "symbolStatus": "normal", "minTradeUSDT": "5", "minLever": "1", "maxLever": "125", "launchTime": "",
            }
            for market in BY_PRODUCT.get(call.need("productType").upper(), [])
        ]  # fmt: skip

    def ticker(self, call):
        market = self.here(call)
        price = text(price_of(market))
        return [{
            "symbol": market.id, "lastPr": price, "askPr": price, "bidPr": price, "bidSz": "1", "askSz": "1", "high24h": price,
            "low24h": price, "open": price, "ts": str(call.now_ms), "change24h": "0", "baseVolume": "1", "quoteVolume": "1",
        }]  # fmt: skip

    # fmt: off
    ROUTES = [
        # method path                                       kind       act
        ("GET",  "/api/v2/public/time",                     "public",  time),
        ("GET",  "/api/v2/spot/public/coins",               "public",  coins),
        ("GET",  "/api/v2/spot/public/symbols",             "public",  symbols),
        ("GET",  "/api/v2/spot/market/tickers",             "public",  ticker),
        ("GET",  "/api/v2/mix/market/contracts",            "public",  contracts),
        ("GET",  "/api/v2/mix/market/ticker",               "public",  ticker),
        ("GET",  "/api/v2/margin/currencies",               "public",  Exchange.nothing),
        ("GET",  "/api/v3/account/settings",                "read",    unified),
        ("GET",  "/api/v3/account/info",                    "read",    unified_info),
        ("GET",  "/api/v2/spot/account/info",               "read",    info),
        ("GET",  "/api/v2/spot/account/assets",             "read",    assets),
        ("GET",  "/api/v2/mix/account/accounts",            "read",    mix_accounts),
        ("GET",  "/api/v2/spot/trade/unfilled-orders",      "read",    spot_opened),
        ("GET",  "/api/v2/mix/order/orders-pending",        "read",    mix_opened),
        ("POST", "/api/v2/spot/trade/place-order",          "order",   order),
        ("POST", "/api/v2/spot/trade/batch-orders",         "order",   batch),
        ("POST", "/api/v2/spot/trade/cancel-replace-order", "order",   cancel_replace),
        ("POST", "/api/v2/mix/order/place-order",           "order",   order),
        ("POST", "/api/v2/mix/order/batch-place-order",     "order",   batch),
        ("POST", "/api/v2/mix/order/place-plan-order",      "order",   order),
        ("POST", "/api/v2/spot/trade/cancel-order",         "cancel",  cancel_order),
        ("POST", "/api/v2/mix/order/cancel-order",          "cancel",  cancel_order),
        ("POST", "/api/v2/spot/wallet/transfer",            "transfer", Exchange.empty),
        ("POST", "/api/v2/spot/wallet/withdrawal",          "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitget]

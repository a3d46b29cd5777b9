"""MEXC: spot (V3) and contracts (V1).

https://www.mexc.com/api-docs/spot-v3/general-info#signed : as at Binance, HMAC-SHA256 in hex of query and body.
https://www.mexc.com/api-docs/futures/integration-guide : HMAC-SHA256 in hex of key, time, and the query sorted by name or the
body.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text
from exchanges.binance import unsigned
from signing import mac

SPOT = [Market(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
CONTRACTS = [Market("BTC_USDT", "BTC", "USDT", "linear", "0.0001"), Market("ETH_USDT", "ETH", "USDT", "linear", "0.01")]
SIDES = {"1": "buy", "2": "buy", "3": "sell", "4": "sell"}  # open long, close short, open short, close long


def failure(code, message, status=400):
    return status, {"success": False, "code": code, "msg": message, "message": message}


class Mexc(Exchange):
    NAME = "mexc"
    HOSTS = ("api.mexc.com", "www.mexc.com", "contract.mexc.com")
    MARKETS = SPOT + CONTRACTS
    REFUSALS = {
        "key": failure(10072, "Api key info invalid"),
        "signature": failure(700002, "Signature for this request is not valid."),
        "time": failure(700003, "Timestamp for this request is outside of the recvWindow."),
        "params": failure(700004, "Param {why}"),
        "symbol": failure(30014, "invalid symbol"),
        "order": failure(-2011, "Unknown order sent."),
        "path": failure(404, "{why}", 404),
        "funds": failure(30004, "Insufficient position"),
        "duplicate": failure(30029, "Duplicate client order id"),
        "limit": failure(510, "Too many requests", 429),
        "permission": failure(700007, "No permission to access the endpoint."),
        "busy": failure(500, "Internal error", 500),
        "other": failure(33333, "{why}"),
    }

    def check(self, call):
        request = call.request
        if not request.path.startswith("/api/v3/"):
            self.check_contract(call)
            return
        key = self.key_named(call, request.headers.get("x-mexc-apikey"))
        query, in_query = unsigned(request.query)
        body, in_body = unsigned(request.body)
        if (in_query is None) == (in_body is None):
            raise Refusal("signature", "one signature must stand at the end")
        self.check_signature(in_query or in_body, mac("sha256", key.secret, query + body))
        call.params = fields(query) | fields(body)
        window = int(call.params.get("recvWindow") or 5000)
        if window > 60000:
            raise Refusal("params", "recvWindow is above 60000")
        self.check_time(call, call.need("timestamp"), window)

    def check_contract(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("apikey"))
        self.check_type(call, "application/json")
        names = [part.split("=")[0] for part in request.query.split("&")]
        if names != sorted(names):
            raise Refusal("signature", "the query is not sorted")
        moment = headers.get("request-time", "")
        self.check_signature(headers.get("signature"), mac("sha256", key.secret,
            key.id + moment + request.query + request.body))
        self.check_time(call, moment, int(headers.get("recv-window", 10)) * 1000)
        body = json_body(request.body)
        call.params = body if isinstance(body, list) else fields(request.query) | body

    def wrap(self, call, result):
        if call.request.path.startswith("/api/v3/"):
            return result
        return {"success": True, "code": 0, "data": result}

    # ---- spot ----

    def order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.need("type")
        price = None if kind == "MARKET" else call.need_number("price")
        order = self.place(
            call, market, call.need("side"), kind, call.number("quantity"), price, call.number("quoteOrderQty"),
            call.params.get("newClientOrderId"),
        )  # fmt: skip
        return self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "symbol": order.market.id, "orderId": order.id, "orderListId": -1, "clientOrderId": order.client_id,
            "price": text(order.price), "origQty": text(order.amount), "executedQty": "0", "cummulativeQuoteQty": "0",
            "status": {"open": "NEW", "filled": "FILLED", "canceled": "CANCELED"}[order.state], "type": order.kind.upper(),
            "side": order.side.upper(), "time": order.time_ms, "updateTime": order.time_ms, "transactTime": order.time_ms,
            "isWorking": True,
        }  # fmt: skip

    def test_order(self, call):
        return {}

    def cancel_order(self, call):
        self.market(call.need("symbol"))
        return self.shown(self.cancel(call, call.params.get("orderId"), call.params.get("origClientOrderId")))

    def cancel_all(self, call):
        return [self.shown(order) for order in self.cancel_open(call, self.market(call.need("symbol")))]

    def opened(self, call):
        market = self.market(call.need("symbol"))
        return [self.shown(order) for order in self.open_orders(call, market)]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": str(call.now_ms)}

    def account(self, call):
        rows = [{"asset": name, "free": n, "locked": "0"} for name, n in (("BTC", "10"), ("USDT", "1000000"))]
        return {"canTrade": True, "canWithdraw": False, "accountType": "SPOT", "balances": rows, "permissions": ["SPOT"]}

    # ---- contracts ----

    def contract_order(self, call):
        market = self.market(call.need("symbol"))
        kind = "market" if str(call.need("type")) in ("5", "6") else "limit"
        price = call.need_number("price") if kind == "limit" else None
        side = SIDES.get(str(call.need("side")), "")
        order = self.place(call, market, side, kind, call.need_number("vol"), price, None, call.params.get("externalOid"))
        return {"orderId": order.id, "ts": call.now_ms}

    def contract_cancel(self, call):
        return [{"orderId": self.cancel(call, id).id, "errorCode": 0, "errorMsg": "success"} for id in call.params]

    def contract_opened(self, call):
        wanted = call.values.get("symbol") or call.params.get("symbol")
        return [
            {
                "orderId": order.id, "symbol": order.market.id, "price": float(order.price or 0), "vol": float(order.amount),
                "side": 1 if order.side == "buy" else 3, "orderType": 1, "category": 1, "dealAvgPrice": 0, "dealVol": 0,
                "state": 2, "externalOid": order.client_id, "createTime": order.time_ms, "updateTime": order.time_ms,
            }
            for order in self.open_orders(call)
            if order.market in CONTRACTS and wanted in (None, order.market.id)
        ]  # fmt: skip

    def contract_assets(self, call):
        return [{"currency": "USDT", "positionMargin": 0, "availableBalance": 1000000, "frozenBalance": 0, "equity": 1000000}]

    # ---- public ----

    def time(self, call):
        return {"serverTime": call.now_ms}

    def exchange_info(self, call):
        return {"timezone": "CST", "serverTime": call.now_ms, "symbols": [
            {
                "symbol": market.id, "status": "1", "baseAsset": market.base, "baseAssetPrecision": 8,
                "quoteAsset": market.quote,
                "quotePrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
                "permissions": ["SPOT"], "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"], "baseSizePrecision": "0.00001",
                "quoteAmountPrecision": "1", "maxQuoteAmount": "4000000", "makerCommission": "0", "takerCommission": "0.0005",
            }
            for market in SPOT
        ]}  # fmt: skip

    def details(self, call):
        return [
            {
                "symbol": market.id, "baseCoin": market.base, "quoteCoin": market.quote, "settleCoin": market.quote,
                "contractSize": float(market.size), "minLeverage": 1, "maxLeverage": 200, "priceScale": 1, "volScale": 0,
                "priceUnit": 0.1, "volUnit": 1, "minVol": 1, "maxVol": 1000000, "takerFeeRate": 0.0002, "makerFeeRate": 0,
                "state": 0,
                "apiAllowed": True,
            }
            for market in CONTRACTS
        ]  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("symbol"))
        price = text(price_of(market))
        return {
            "symbol": market.id, "priceChange": "0", "priceChangePercent": "0", "lastPrice": price, "bidPrice": price,
            "bidQty": "1", "askPrice": price, "askQty": "1", "openPrice": price, "highPrice": price, "lowPrice": price,
            "volume": "1", "quoteVolume": "1", "openTime": call.now_ms, "closeTime": call.now_ms,
        }  # fmt: skip

    def contract_ticker(self, call):
        market = self.market(call.need("symbol"))
        price = float(price_of(market))
        return {"symbol": market.id, "lastPrice": price, "bid1": price, "ask1": price, "timestamp": call.now_ms}

    # fmt: off
    ROUTES = [
        # method   path                                             kind       act
        ("GET",    "/api/v3/time",                                  "public",  time),
        ("GET",    "/api/v3/exchangeInfo",                          "public",  exchange_info),
        ("GET",    "/api/v3/ticker/24hr",                           "public",  ticker),
        ("GET",    "/api/v3/capital/config/getall",                 "read",    Exchange.nothing),
        ("GET",    "/api/v3/account",                               "read",    account),
        ("GET",    "/api/v3/openOrders",                            "read",    opened),
        ("POST",   "/api/v3/order/test",                            "read",    test_order),
        ("POST",   "/api/v3/order",                                 "order",   order),
        ("DELETE", "/api/v3/order",                                 "cancel",  cancel_order),
        ("DELETE", "/api/v3/openOrders",                            "cancel",  cancel_all),
        ("POST",   "/api/v3/capital/transfer",                      "transfer", Exchange.empty),
        ("POST",   "/api/v3/capital/withdraw",                      "withdraw", withdraw),
        ("GET",    "/api/v1/contract/ping",                         "public",  time),
        ("GET",    "/api/v1/contract/detail",                       "public",  details),
        ("GET",    "/api/v1/contract/ticker",                       "public",  contract_ticker),
        ("GET",    "/api/v1/private/account/assets",                "read",    contract_assets),
        ("GET",    "/api/v1/private/order/list/open_orders",        "read",    contract_opened),
        ("GET",    "/api/v1/private/order/list/open_orders/{symbol}", "read",  contract_opened),
        ("POST",   "/api/v1/private/order/create",                  "order",   contract_order),
        ("POST",   "/api/v1/private/order/submit",                  "order",   contract_order),
        ("POST",   "/api/v1/private/order/cancel",                  "cancel",  contract_cancel),
    ]
    # fmt: on


EXCHANGES = [Mexc]

"""KuCoin: spot and futures.

https://www.kucoin.com/docs-new/authentication : base64 of HMAC-SHA256 of time, method, path with query, and body; with key
version 2 and later the pass phrase is sent as its own HMAC. The time may be five seconds off.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, uuid_of
from signing import mac, same

SPOT = [Market(f"{base}-USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
FUTURES = [Market("XBTUSDTM", "BTC", "USDT", "linear", "0.001"), Market("ETHUSDTM", "ETH", "USDT", "linear", "0.01")]


def failure(code, message, status=200):
    return status, {"code": str(code), "msg": message}


class Kucoin(Exchange):
    NAME = "kucoin"
    HOSTS = ("api.kucoin.com", "api-futures.kucoin.com", "api-broker.kucoin.com", "api.kucoin.eu")
    MARKETS = SPOT + FUTURES
    AHEAD_MS = 5000
    REFUSALS = {
        "key": failure(400003, "KC-API-KEY not exists", 401),
        "signature": failure(400005, "Invalid KC-API-SIGN", 401),
        "time": failure(400002, "KC-API-TIMESTAMP Invalid", 401),
        "params": failure(400100, "Parameter Error: {why}", 400),
        "symbol": failure(900001, "Symbol not exists"),
        "order": failure(400100, "The order cannot be canceled."),
        "path": failure(404000, "{why}", 404),
        "funds": failure(200004, "Balance insufficient!"),
        "duplicate": failure(400100, "The clientOid has been used."),
        "limit": failure(429000, "Too Many Requests", 429),
        "permission": failure(400007, "Access denied --> Require more permission.", 403),
        "busy": failure(500000, "Internal Server Error", 500),
        "other": failure(400100, "{why}"),
    }

    @staticmethod
    def make_id(number):
        return uuid_of(number).replace("-", "")[8:]

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("kc-api-key"))
        self.check_type(call, "application/json")
        if headers.get("kc-api-key-version") not in ("2", "3"):
            raise Refusal("signature", "KC-API-KEY-VERSION")
        if not same(headers.get("kc-api-passphrase"), mac("sha256", key.secret, key.passphrase, "base64")):
            raise Refusal("signature", "the pass phrase does not fit")
        moment = headers.get("kc-api-timestamp", "")
        wanted = mac("sha256", key.secret, moment + request.method + request.target + request.body, "base64")
        self.check_signature(headers.get("kc-api-sign"), wanted)
        self.check_time(call, moment)
        call.params = fields(request.query) | json_body(request.body)

    def wrap(self, call, result):
        return {"code": "200000", "data": result}

    # ---- orders ----

    def is_futures(self, call):
        return "futures" in call.request.host

    def order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.params.get("type", "limit")
        price = call.need_number("price") if kind == "limit" else None
        amount = call.need_number("size") if self.is_futures(call) else call.number("size")
        order = self.place(call, market, call.need("side"), kind, amount, price, call.number("funds"), call.need("clientOid"))
        return {"orderId": order.id, "clientOid": order.client_id}

    def cancel_order(self, call):
        order = self.cancel(call, call.values["id"])
        return {"cancelledOrderIds": [order.id], "orderId": order.id}

    def cancel_by_name(self, call):
        order = self.cancel(call, client_id=call.values["name"])
        return {"cancelledOrderIds": [order.id], "cancelledOrderId": order.id, "clientOid": order.client_id}

    def cancel_all(self, call):
        return {"cancelledOrderIds": [order.id for order in self.cancel_open(call)]}

    def shown(self, order):
        return {
            "id": order.id, "symbol": order.market.id, "opType": "DEAL", "type": order.kind, "side": order.side,
            "price": text(order.price), "size": text(order.amount), "funds": "0", "dealFunds": "0", "dealSize": "0", "fee": "0",
            "feeCurrency": "USDT", "clientOid": order.client_id, "timeInForce": "GTC", "postOnly": False, "isActive": True,
            "active": True, "cancelExist": False, "createdAt": order.time_ms, "tradeType": "TRADE", "status": "open",
            "filledSize": 0, "filledValue": "0", "settleCurrency": "USDT", "reduceOnly": False, "leverage": "1",
        }  # fmt: skip

    def opened(self, call):
        wanted = call.params.get("symbol")
        markets = FUTURES if self.is_futures(call) else SPOT
        orders = [self.shown(o) for o in self.open_orders(call) if o.market in markets and wanted in (None, o.market.id)]
        if call.request.path.endswith("/active"):
            return orders
        return {"currentPage": 1, "pageSize": 50, "totalNum": len(orders), "totalPage": 1, "items": orders}

    def withdraw(self, call):
        call.need_number("amount")
        return {"withdrawalId": str(call.now_ms)}

    # ---- reads ----

    def is_high_frequency(self, call):
        return True

    def mode(self, call):
        return {"selfAccountMode": "CLASSIC"}

    def accounts(self, call):
        kind = call.params.get("type", "trade")
        return [
            {"id": name, "currency": name, "type": kind, "balance": n, "available": n, "holds": "0"}
            for name, n in (("BTC", "10"), ("USDT", "1000000"))
        ]  # fmt: skip

    def overview(self, call):
        return {
            "currency": call.params.get("currency", "USDT"), "accountEquity": 1000000, "availableBalance": 1000000,
            "marginBalance": 1000000, "unrealisedPNL": 0, "positionMargin": 0, "orderMargin": 0, "frozenFunds": 0,
        }  # fmt: skip

    def key_info(self, call):
        return {"remark": "venue", "apiKey": call.key.id, "uid": 1, "isMaster": True,
                "permission": ",".join({"read": "General", "trade": "Spot,Futures",
                "withdraw": "Withdrawal"}[m] for m in call.key.may),
                "ipWhitelist": ",".join(call.key.ips), "expiredAt": call.key.expires_ms or -1}  # fmt: skip

    # ---- public ----

    def time(self, call):
        return call.now_ms

    def symbols(self, call):
        return [
            {
                "symbol": market.id, "name": market.id, "baseCurrency": market.base, "quoteCurrency": market.quote,
                "feeCurrency": "USDT", "market": "USDS", "baseMinSize": "0.00001", "quoteMinSize": "0.1",
                "baseMaxSize": "10000", "quoteMaxSize": "99999999", "baseIncrement": "0.00000001",
                "quoteIncrement": "0.000001", "priceIncrement": "0.00001", "enableTrading": True, "isMarginEnabled": False,
            }
            for market in SPOT
        ]  # fmt: skip

    def contracts(self, call):
        return [
            {
                "symbol": market.id, "type": "FFWCSX", "baseCurrency": market.id.split("USDT")[0], "quoteCurrency": "USDT",
                "settleCurrency": "USDT", "maxOrderQty": 1000000, "maxPrice": 1000000, "lotSize": 1, "tickSize": 0.1,
                "multiplier": float(market.size), "makerFeeRate": 0.0002, "takerFeeRate": 0.0006, "isInverse": False,
                "status": "Open", "expireDate": None, "maxLeverage": 100, "nextFundingRateTime": 1, "firstOpenDate": 1,
            }
            for market in FUTURES
        ]  # fmt: skip

    def currencies(self, call):
        return [
            {"currency": name, "name": name, "fullName": name, "precision": 8, "chains": [], "isMarginEnabled": False}
            for name in ("BTC", "ETH", "USDT")
        ]  # fmt: skip

    def all_tickers(self, call):
        return {"time": call.now_ms, "ticker": [{"symbol": m.id, "makerFeeRate": "0.001", "takerFeeRate": "0.001",
                "makerCoefficient": "1", "takerCoefficient": "1", "last": text(price_of(m))} for m in SPOT]}  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("symbol"))
        price = text(price_of(market))
        if self.is_futures(call):
            return {
                "symbol": market.id, "price": price, "size": 1, "bestBidPrice": price, "bestBidSize": 1, "bestAskPrice": price,
                "bestAskSize": 1, "ts": call.now_ms * 1000000,
            }  # fmt: skip
        return {
            "time": call.now_ms, "symbol": market.id, "buy": price, "sell": price, "changeRate": "0", "changePrice": "0",
            "high": price, "low": price, "vol": "1", "volValue": "1", "last": price, "averagePrice": price,
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method   path                                     kind       act
        ("GET",    "/api/v1/timestamp",                     "public",  time),
        ("GET",    "/api/v1/symbols",                       "public",  symbols),
        ("GET",    "/api/v2/symbols",                       "public",  symbols),
        ("GET",    "/api/v3/currencies",                    "public",  currencies),
        ("GET",    "/api/v1/market/allTickers",             "public",  all_tickers),
        ("GET",    "/api/v1/market/stats",                  "public",  ticker),
        ("GET",    "/api/v1/contracts/active",              "public",  contracts),
        ("GET",    "/api/v1/ticker",                        "public",  ticker),
        ("GET",    "/api/v1/user/api-key",                  "read",    key_info),
        ("GET",    "/api/ua/v1/account/mode",               "read",    mode),
        ("GET",    "/api/v1/hf/accounts/opened",            "read",    is_high_frequency),
        ("GET",    "/api/v1/accounts",                      "read",    accounts),
        ("GET",    "/api/v1/account-overview",              "read",    overview),
        ("GET",    "/api/v3/margin/symbols",                "read",    Exchange.empty),
        ("GET",    "/api/v1/isolated/symbols",              "read",    Exchange.nothing),
        ("GET",    "/api/v1/orders",                        "read",    opened),
        ("GET",    "/api/v1/hf/orders/active",              "read",    opened),
        ("POST",   "/api/v1/orders",                        "order",   order),
        ("POST",   "/api/v1/hf/orders",                     "order",   order),
        ("POST",   "/api/v1/hf/orders/sync",                "order",   order),
        ("DELETE", "/api/v1/orders/{id}",                   "cancel",  cancel_order),
        ("DELETE", "/api/v1/orders",                        "cancel",  cancel_all),
        ("DELETE", "/api/v1/hf/orders/{id}",                "cancel",  cancel_order),
        ("DELETE", "/api/v1/order/client-order/{name}",     "cancel",  cancel_by_name),
        ("DELETE", "/api/v1/hf/orders/client-order/{name}", "cancel",  cancel_by_name),
        ("DELETE", "/api/v1/orders/client-order/{name}",    "cancel",  cancel_by_name),
        ("POST",   "/api/v1/accounts/universal-transfer",   "transfer", Exchange.empty),
        ("POST",   "/api/v3/withdrawals",                   "withdraw", withdraw),
        ("POST",   "/api/v1/withdrawals",                   "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Kucoin]

"""Poloniex: spot, and futures V3.

https://api-docs.poloniex.com/spot/api/ "Authentication": base64 of HMAC-SHA256 of method, path, and the query with
signTimestamp, sorted by name, or requestBody and signTimestamp. Here the time may be as old as recvWindow says, or 5 s.
"""

from books import Market, price_of
from exchanges.base import Exchange, fields, json_body, text, with_params
from signing import mac

SPOT = [Market(f"{base}_USDT", base, "USDT") for base in ("BTC", "ETH")]
FUTURES = [Market("BTC_USDT_PERP", "BTC", "USDT", "linear", "0.001")]


def failure(code, message, status=400):
    return status, {"code": code, "message": message, "msg": message}


class Poloniex(Exchange):
    NAME = "poloniex"
    HOSTS = ("api.poloniex.com",)
    MARKETS = SPOT + FUTURES
    REFUSALS = {
        "key": failure(401, "Unauthorized: invalid key", 401),
        "signature": failure(401, "Unauthorized: signature", 401),
        "time": failure(401, "Unauthorized: timestamp", 401),
        "params": failure(21601, "Invalid parameter: {why}"),
        "symbol": failure(21604, "Invalid symbol"),
        "order": failure(24105, "Order not found", 404),
        "path": failure(404, "{why}", 404),
        "funds": failure(21301, "Insufficient balance"),
        "duplicate": failure(21709, "Client order id repeat"),
        "limit": failure(429, "Too many requests", 429),
        "permission": failure(403, "Forbidden", 403),
        "busy": failure(500, "Internal System Error", 500),
        "other": failure(21600, "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("key"))
        self.check_type(call, "application/json")
        moment = headers.get("signtimestamp", "")
        time = f"signTimestamp={moment}"
        if request.body:
            covered = f"requestBody={request.body}&{time}"
        else:
            covered = "&".join(sorted([*filter(None, request.query.split("&")), time], key=lambda part: part.split("=")[0]))
        payload = f"{request.method}\n{request.path}\n{covered}"
        self.check_signature(headers.get("signature"), mac("sha256", key.secret, payload, "base64"))
        self.check_time(call, moment, int(headers.get("recvwindow", 5000)))
        body = json_body(request.body)
        call.params = body if isinstance(body, list) else fields(request.query) | body

    def wrap(self, call, result):
        return {"code": 200, "msg": "", "data": result} if call.request.path.startswith("/v3/") else result

    # ---- spot ----

    def one(self, call):
        kind = call.params.get("type", "MARKET")
        price = None if kind == "MARKET" else call.need_number("price")
        market = self.market(call.need("symbol"))
        name = call.params.get("clientOrderId")
        return self.place(call, market, call.need("side"), kind, call.number("quantity"), price, call.number("amount"), name)

    def order(self, call):
        order = self.one(call)
        return {"id": order.id, "clientOrderId": order.client_id}

    def batch(self, call):
        made = [self.one(with_params(call, part)) for part in call.params]
        return [{"id": order.id, "clientOrderId": order.client_id} for order in made]

    @staticmethod
    def named(call):
        """An id in the path, or "cid:" and the client's."""
        name = call.values["id"]
        return {"client_id": name[4:]} if name.startswith("cid:") else {"order_id": name}

    def replace(self, call):
        old = self.cancel(call, **self.named(call))
        amount, price = call.number("quantity", old.amount), call.number("price", old.price)
        order = self.place(call, old.market, old.side, old.kind, amount, price, None, call.params.get("clientOrderId"))
        return {"id": order.id, "clientOrderId": order.client_id}

    def cancel_order(self, call):
        order = self.cancel(call, **self.named(call))
        return {"orderId": order.id, "clientOrderId": order.client_id, "state": "PENDING_CANCEL", "code": 200, "message": ""}

    def cancel_all(self, call):
        return [{"orderId": order.id, "state": "PENDING_CANCEL", "code": 200} for order in self.cancel_open(call)]

    def opened(self, call):
        wanted = call.params.get("symbol")
        return [
            {
                "id": order.id, "clientOrderId": order.client_id, "symbol": order.market.id, "state": "NEW",
                "accountType": "SPOT",
                "side": order.side.upper(), "type": order.kind.upper(), "timeInForce": "GTC", "quantity": text(order.amount),
                "price": text(order.price), "avgPrice": "0", "amount": "0", "filledQuantity": "0", "filledAmount": "0",
                "createTime": order.time_ms, "updateTime": order.time_ms,
            }
            for order in self.open_orders(call)
            if order.market in SPOT and wanted in (None, order.market.id)
        ]  # fmt: skip

    def balances(self, call):
        rows = [
            {"currencyId": name, "currency": name, "available": n, "hold": "0"} for name, n in (("BTC", "10"), ("USDT",
                "1000000"))
        ]
        return [{"accountId": "1", "accountType": "SPOT", "balances": rows}]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"withdrawalRequestsId": call.now_ms}

    # ---- futures ----

    def futures_order(self, call):
        kind = call.need("type")
        price = call.need_number("px") if kind != "MARKET" else None
        market = self.market(call.need("symbol"))
        order = self.place(call, market, call.need("side"), kind, call.need_number("sz"), price, None,
            call.params.get("clOrdId"))
        return {"ordId": order.id, "clOrdId": order.client_id}

    def futures_cancel(self, call):
        order = self.cancel(call, call.params.get("ordId"), call.params.get("clOrdId"))
        return {"ordId": order.id, "clOrdId": order.client_id}

    def futures_opened(self, call):
        wanted = call.params.get("symbol")
        return [
            {
                "symbol": order.market.id, "side": order.side.upper(), "type": order.kind.upper(), "ordId": order.id,
                "clOrdId": order.client_id, "mgnMode": "CROSS", "posSide": "BOTH", "px": text(order.price),
                "sz": text(order.amount), "lever": "1", "state": "NEW", "timeInForce": "GTC", "reduceOnly": False, "avgPx": "0",
                "execQty": "0", "execAmt": "0", "cTime": order.time_ms, "uTime": order.time_ms,
            }
            for order in self.open_orders(call)
            if order.market in FUTURES and wanted in (None, order.market.id)
        ]  # fmt: skip

    def futures_balance(self, call):
        row = {"ccy": "USDT", "eq": "1000000", "avail": "1000000", "im": "0", "mm": "0"}
        return {"state": "NORMAL", "eq": "1000000", "uTime": call.now_ms, "details": [row]}

    # ---- public ----

    def time(self, call):
        return {"serverTime": call.now_ms}

    def currencies(self, call):
        return [
            {"id": at, "coin": name, "delisted": False, "tradeEnable": True, "name": name, "networkList": [],
                "supportCollateral": False,
             "supportBorrow": False}
            for at, name in enumerate(("BTC", "ETH", "USDT"))
        ]  # fmt: skip

    def markets_listed(self, call):
        return [
            {
                "symbol": market.id, "baseCurrencyName": market.base, "quoteCurrencyName": market.quote, "state": "NORMAL",
                "displayName": f"{market.base}/{market.quote}", "visibleStartTime": 1, "tradableStartTime": 1,
                "symbolTradeLimit": {
                    "symbol": market.id, "priceScale": 2, "quantityScale": 6, "amountScale": 2, "minQuantity": "0.000001",
                    "minAmount": "1", "highestBid": "0", "lowestAsk": "0",
                },
            }
            for market in SPOT
        ]  # fmt: skip

    def instruments(self, call):
        return [
            {
                "symbol": market.id, "bAsset": ".PXBTUSDT", "bCcy": market.base, "qCcy": "USDT", "sCcy": "USDT",
                "visibleStartTime": "1",
                "tradableStartTime": "1", "pxScale": "0.01", "lotSz": 1, "minSz": 1, "ctVal": market.size, "status": "OPEN",
                "oDate": "1", "maxPx": "1000000", "minPx": "0.01", "maxQty": "1000000", "minQty": "1", "maxLever": "100",
                "lever": "10",
                "ctType": "LINEAR", "alias": "", "tSz": "0.01", "tFee": "0.0005", "mFee": "0.0001", "limitMaxQty": "100000",
            }
            for market in FUTURES
        ]  # fmt: skip

    def ticker(self, call):
        market = self.market(call.values["symbol"])
        price = text(price_of(market))
        return {
            "symbol": market.id, "open": price, "low": price, "high": price, "close": price, "quantity": "1", "amount": "1",
            "tradeCount": 1, "startTime": 1, "closeTime": call.now_ms, "displayName": "", "dailyChange": "0", "bid": price,
            "bidQuantity": "1", "ask": price, "askQuantity": "1", "ts": call.now_ms, "markPrice": price,
        }  # fmt: skip

    def futures_tickers(self, call):
        rows = []
        for market in FUTURES:
            price = text(price_of(market))
            rows.append({"s": market.id, "o": price, "l": price, "h": price, "c": price, "qty": "1", "amt": "1", "tC": 1,
                "sT": 1,
                         "cT": call.now_ms, "dc": "0", "bPx": price, "bSz": "1", "aPx": price, "aSz": "1",
                         "mPx": price})  # fmt: skip
        return rows

    # fmt: off
    ROUTES = [
        # method   path                            kind       act
        ("GET",    "/timestamp",                   "public",  time),
        ("GET",    "/v2/currencies",               "public",  currencies),
        ("GET",    "/markets",                     "public",  markets_listed),
        ("GET",    "/markets/{symbol}/ticker24h",  "public",  ticker),
        ("GET",    "/v3/market/allInstruments",    "public",  instruments),
        ("GET",    "/v3/market/tickers",           "public",  futures_tickers),
        ("GET",    "/accounts/balances",           "read",    balances),
        ("GET",    "/orders",                      "read",    opened),
        ("GET",    "/v3/account/balance",          "read",    futures_balance),
        ("GET",    "/v3/trade/order/opens",        "read",    futures_opened),
        ("POST",   "/orders",                      "order",   order),
        ("POST",   "/orders/batch",                "order",   batch),
        ("PUT",    "/orders/{id}",                 "order",   replace),
        ("POST",   "/v3/trade/order",              "order",   futures_order),
        ("DELETE", "/orders/{id}",                 "cancel",  cancel_order),
        ("DELETE", "/orders",                      "cancel",  cancel_all),
        ("DELETE", "/v3/trade/order",              "cancel",  futures_cancel),
        ("POST",   "/accounts/transfer",           "transfer", Exchange.empty),
        ("POST",   "/v2/wallets/withdraw",         "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Poloniex]

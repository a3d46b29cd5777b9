"""Bybit, V5.

https://bybit-exchange.github.io/docs/v5/guide#authentication : HMAC-SHA256 in hex (or RSA in base64) of time, key, window,
and the query of a GET or the body of a POST. A request is good if server_time - recv_window <= timestamp < server_time + 1 s.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, iso, json_body, text, with_params
from signing import from_base64, mac

SPOT = [Market(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
LINEAR = [Market(f"{base}USDT", base, "USDT", "linear") for base in ("BTC", "ETH")]
INVERSE = [Market("BTCUSD", "BTC", "USD", "inverse")]
BY_CATEGORY = {"spot": SPOT, "linear": LINEAR, "inverse": INVERSE, "option": []}


def failure(code, message, status=200):
    return status, {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 0}


class Bybit(Exchange):
    NAME = "bybit"
    HOSTS = (
        "api.bybit.com", "api.bytick.com", "api-testnet.bybit.com", "api-demo.bybit.com", "api.bybit.eu", "api.bybit.nl",
        "api.bybit.kz", "api.bybit-tr.com", "api.bybit.tr", "api.bybit.id", "api.bybitgeorgia.ge", "api.bybit.ae",
        "api.manepa.jp", "api-testnet.manepa.jp",
    )  # fmt: skip
    HEADERS = ("X-Bapi-Limit: 600", "X-Bapi-Limit-Status: 599")
    REFUSALS = {
        "key": failure(10003, "API key is invalid."),
        "signature": failure(10004, "error sign! please check your signature generation algorithm."),
        "time": failure(10002, "invalid request, please check your server timestamp or recv_window param. {why}"),
        "params": failure(10001, "params error: {why}"),
        "symbol": failure(10001, "params error: symbol invalid"),
        "order": failure(170213, "Order does not exist."),
        "path": failure(10000, "{why}", 404),
        "funds": failure(170131, "Insufficient balance."),
        "duplicate": failure(170141, "Duplicate clientOrderId."),
        "limit": failure(10006, "Too many visits. Exceeded the API Rate Limit."),
        "permission": failure(10005, "Permission denied, please check your API key permissions."),
        "busy": failure(10016, "Internal server error.", 503),
        "other": failure(10001, "{why}"),
    }

    def check(self, call):
        headers = call.request.headers
        key = self.key_named(call, headers.get("x-bapi-api-key"))
        self.check_type(call, "application/json")
        window = headers.get("x-bapi-recv-window", "5000")
        covered = call.request.query if call.request.method == "GET" else call.request.body
        payload = headers.get("x-bapi-timestamp", "") + key.id + window + covered
        given = headers.get("x-bapi-sign", "")
        if key.scheme == "hmac":
            self.check_signature(given, mac("sha256", key.secret, payload))
        elif not key.public_key.verifies("sha256", payload, from_base64(given) or b""):
            raise Refusal("signature", "it does not fit")
        if not window.isdigit():
            raise Refusal("params", "recv_window")
        self.check_time(call, headers.get("x-bapi-timestamp"), int(window))
        call.params = fields(call.request.query) if call.request.method == "GET" else json_body(call.request.body)

    def wrap(self, call, result):
        return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": call.now_ms}

    # ---- orders ----

    def here(self, call):
        category = call.need("category")
        for market in BY_CATEGORY.get(category, ()):
            if market.id == call.params.get("symbol"):
                return market
        raise Refusal("symbol", f"{call.params.get('symbol')!r} is not traded in {category!r}")

    def one(self, call):
        market = self.here(call)
        side, kind = call.need("side"), call.need("orderType")
        amount = call.need_number("qty")
        price = call.need_number("price") if kind == "Limit" else call.number("triggerPrice")
        cost = None
        is_market = kind == "Market" and market.kind == "spot"
        # A market order to buy on spot names an amount of the quote, if it does not say otherwise.
        if is_market and call.params.get("marketUnit", "quoteCoin" if side == "Buy" else "baseCoin") == "quoteCoin":
            amount, cost = None, amount
        return self.place(call, market, side, kind, amount, price, cost, call.params.get("orderLinkId"))

    def create(self, call):
        order = self.one(call)
        return {"orderId": order.id, "orderLinkId": order.client_id}

    def create_batch(self, call):
        category = call.need("category")
        made = [self.one(with_params(call, part | {"category": category})) for part in call.need("request")]
        return {"list": [{"category": category, "orderId": each.id, "orderLinkId": each.client_id} for each in made]}

    def amend(self, call):
        self.here(call)
        order = self.find(call, call.params.get("orderId"), call.params.get("orderLinkId"))
        call.books.amend(order, call.number("qty"), call.number("price"))
        return {"orderId": order.id, "orderLinkId": order.client_id}

    def amend_batch(self, call):
        category = call.need("category")
        return {"list": [self.amend(with_params(call, part | {"category": category})) for part in call.need("request")]}

    def cancel_order(self, call):
        self.here(call)
        order = self.cancel(call, call.params.get("orderId"), call.params.get("orderLinkId"))
        return {"orderId": order.id, "orderLinkId": order.client_id}

    def cancel_all(self, call):
        orders = [order for order in self.open_orders(call) if order.market in BY_CATEGORY[call.need("category")]]
        for order in orders:
            order.state = "canceled"
        return {"list": [{"orderId": order.id, "orderLinkId": order.client_id} for order in orders], "success": "1"}

    def opened(self, call):
        category = call.need("category")
        orders = [order for order in self.open_orders(call) if order.market in BY_CATEGORY[category]]
        orders = [order for order in orders if call.params.get("symbol") in (None, order.market.id)]
        return {"category": category, "nextPageCursor": "", "list": [self.shown(order) for order in orders]}

    @staticmethod
    def shown(order):
        return {
            "orderId": order.id, "orderLinkId": order.client_id, "symbol": order.market.id, "side": order.side.capitalize(),
            "orderType": order.kind.capitalize(), "price": text(order.price), "qty": text(order.amount), "avgPrice": "",
            "orderStatus": {"open": "New", "filled": "Filled", "canceled": "Cancelled"}[order.state], "cumExecQty": "0",
            "cumExecValue": "0", "cumExecFee": "0", "leavesQty": text(order.amount), "timeInForce": "GTC",
            "createdTime": str(order.time_ms), "updatedTime": str(order.time_ms), "reduceOnly": False, "triggerPrice": "",
        }  # fmt: skip

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": str(call.now_ms)}

    # ---- reads ----

    def query_api(self, call):
        key = call.key
        may_trade = "trade" in key.may
        return {
            "id": "1", "note": "venue", "apiKey": key.id, "readOnly": int(not may_trade), "secret": "", "type": 1,
            "ips": list(key.ips) or ["*"], "permissions": {
                "Spot": ["SpotTrade"] if may_trade else [], "ContractTrade": ["Order", "Position"] if may_trade else [],
                "Wallet": ["AccountTransfer", *(["Withdraw"] if "withdraw" in key.may else [])],
            },
            "unified": 0, "uta": 1, "userID": 1, "isMaster": True, "deadlineDay": 90,
            "expiredAt": iso(key.expires_ms or 4070908800000)[:19] + "Z",
        }  # fmt: skip

    def account_info(self, call):
        return {"unifiedMarginStatus": 5, "marginMode": "REGULAR_MARGIN", "updatedTime": str(call.now_ms)}

    def wallet(self, call):
        coins = {"BTC": "10", "USDT": "1000000"}
        rows = [{"coin": name, "walletBalance": n, "equity": n, "locked": "0", "free": n} for name, n in coins.items()]
        return {"list": [{"accountType": "UNIFIED", "totalEquity": "1000000", "coin": rows}]}

    def empty_list(self, call):
        return {"list": [], "rows": [], "nextPageCursor": ""}

    # ---- public ----

    def time(self, call):
        return {"timeSecond": str(call.now_ms // 1000), "timeNano": f"{call.now_ms}000000"}

    def instruments(self, call):
        category = call.need("category")
        if call.params.get("status") == "PreLaunch":
            return {"category": category, "list": [], "nextPageCursor": ""}
        rows = [self.described(market) for market in BY_CATEGORY[category]]
        return {"category": category, "list": rows, "nextPageCursor": ""}

    @staticmethod
    def described(market):
        described = {
            "symbol": market.id, "baseCoin": market.base, "quoteCoin": market.quote, "status": "Trading",
            "lotSizeFilter": {
                "basePrecision": "0.000001", "quotePrecision": "0.0000001", "minOrderQty": "0.00001", "maxOrderQty": "100",
                "minOrderAmt": "1", "maxOrderAmt": "4000000", "qtyStep": "0.001",
            },
            "priceFilter": {"tickSize": "0.01", "minPrice": "0.01", "maxPrice": "1000000"},
        }  # fmt: skip
        if market.kind != "spot":
            described |= {
                "contractType": "LinearPerpetual" if market.kind == "linear" else "InversePerpetual",
                "settleCoin": market.quote if market.kind == "linear" else market.base, "launchTime": "1585526400000",
                "deliveryTime": "0", "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
            }  # fmt: skip
        return described

    def tickers(self, call):
        category = call.need("category")
        markets = [market for market in BY_CATEGORY[category] if call.params.get("symbol") in (None, market.id)]
        rows = []
        for market in markets:
            price = text(price_of(market))
            rows.append({
                "symbol": market.id, "lastPrice": price, "bid1Price": price, "bid1Size": "1", "ask1Price": price,
                "ask1Size": "1", "prevPrice24h": price, "price24hPcnt": "0", "highPrice24h": price, "lowPrice24h": price,
                "turnover24h": "1", "volume24h": "1",
            })  # fmt: skip
        return {"category": category, "list": rows}

    # fmt: off
    ROUTES = [
        # method  path                             kind       act
        ("GET",  "/v5/market/time",               "public",  time),
        ("GET",  "/v5/market/instruments-info",   "public",  instruments),
        ("GET",  "/v5/market/tickers",            "public",  tickers),
        ("GET",  "/v5/user/query-api",            "read",    query_api),
        ("GET",  "/v5/account/info",              "read",    account_info),
        ("GET",  "/v5/account/wallet-balance",    "read",    wallet),
        ("GET",  "/v5/asset/coin/query-info",     "read",    empty_list),
        ("GET",  "/v5/order/realtime",            "read",    opened),
        ("GET",  "/v5/order/history",             "read",    empty_list),
        ("GET",  "/v5/execution/list",            "read",    empty_list),
        ("GET",  "/v5/position/list",             "read",    empty_list),
        ("POST", "/v5/order/create",              "order",   create),
        ("POST", "/v5/order/create-batch",        "order",   create_batch),
        ("POST", "/v5/order/amend",               "amend",   amend),
        ("POST", "/v5/order/amend-batch",         "amend",   amend_batch),
        ("POST", "/v5/order/cancel",              "cancel",  cancel_order),
        ("POST", "/v5/order/cancel-all",          "cancel",  cancel_all),
        ("POST", "/v5/position/set-leverage",     "settings", Exchange.empty),
        ("POST", "/v5/asset/transfer/inter-transfer", "transfer", Exchange.empty),
        ("POST", "/v5/asset/withdraw/create",     "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bybit]

"""Binance: spot and wallet, USD-M and COIN-M futures.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security : HMAC-SHA256 in hex of query and body
without a separator, without the signature itself, which is taken to stand last; RSA (PKCS #1, SHA-256) and Ed25519 in base64,
percent-encoded.
"""

import re
import urllib.parse

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from signing import from_base64, mac

SPOT = [Market(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "LTC", "XRP", "DOGE", "SHIB")]
SPOT += [Market("LTCBTC", "LTC", "BTC"), Market("BTCUSDC", "BTC", "USDC")]
USDM = [Market(f"{base}USDT", base, "USDT", "linear") for base in ("BTC", "ETH")]
COINM = [Market("BTCUSD_PERP", "BTC", "USD", "inverse", "100"), Market("ETHUSD_PERP", "ETH", "USD", "inverse", "10")]
# What is traded under a path, and the first label of its hosts; portfolio margin has all three.
BY_PATH = {"/api/": SPOT, "/sapi/": SPOT, "/fapi/": USDM, "/dapi/": COINM, "/papi/v1/um/": USDM, "/papi/v1/cm/": COINM,
           "/papi/v1/margin/": SPOT}  # fmt: skip
HOST_OF = {"sapi": "api"}


def traded(path):
    for prefix, markets in BY_PATH.items():
        if path.startswith(prefix):
            return markets
    return []


# What POST /api/v3/order takes; others are error -1104.
ORDER_PARAMS = {
    "symbol", "side", "type", "timeInForce", "quantity", "quoteOrderQty", "price", "newClientOrderId", "strategyId",
    "strategyType", "stopPrice", "trailingDelta", "icebergQty", "newOrderRespType", "selfTradePreventionMode", "pegPriceType",
    "pegOffsetValue", "pegOffsetType", "recvWindow", "timestamp",
}  # fmt: skip


def unsigned(text):
    """A query or body without the signature at its end, and the signature."""
    head, _, tail = text.rpartition("&")
    if tail.startswith("signature="):
        return head, urllib.parse.unquote(tail[len("signature=") :])
    return text, None


class Binance(Exchange):
    NAME = "binance"
    HOSTS = (
        "api.binance.com", "fapi.binance.com", "dapi.binance.com", "eapi.binance.com", "papi.binance.com",
        "testnet.binance.vision", "testnet.binancefuture.com", "demo-api.binance.com", "demo-fapi.binance.com",
        "demo-dapi.binance.com", "api.binance.us",
    )  # fmt: skip
    MARKETS = SPOT
    HEADERS = ("X-MBX-USED-WEIGHT-1M: 12", "X-MBX-ORDER-COUNT-10S: 1")
    REFUSALS = {
        "key": (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
        "signature": (400, {"code": -1022, "msg": "Signature for this request is not valid."}),
        "time": (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}),
        "params": (400, {"code": -1102, "msg": "Mandatory parameter was not sent, was empty/null, or malformed: {why}"}),
        "symbol": (400, {"code": -1121, "msg": "Invalid symbol."}),
        "order": (400, {"code": -2011, "msg": "Unknown order sent."}),
        "path": (404, {"code": -5000, "msg": "Path {why}"}),
        "funds": (400, {"code": -2010, "msg": "Account has insufficient balance for requested action."}),
        "duplicate": (400, {"code": -2010, "msg": "Duplicate order sent."}),
        "limit": (429, {"code": -1003, "msg": "Too many requests; please use the websocket for live updates."}),
        "permission": (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
        "busy": (503, {"code": -1008, "msg": "Server is currently overloaded with other requests. Please try again."}),
        "other": (400, {"code": -1000, "msg": "An unknown error occurred while processing the request: {why}"}),
    }

    # ---- the rule ----

    def check(self, call):
        request = call.request
        key = self.key_named(call, request.headers.get("x-mbx-apikey"))
        self.check_type(call, "application/x-www-form-urlencoded")
        query, in_query = unsigned(request.query)
        body, in_body = unsigned(request.body)
        signature = in_body or in_query
        if not signature or (in_query and in_body):
            raise Refusal("signature", "one signature must stand at the end")
        self.check_payload(key, query + body, signature)
        call.params = fields(body) | fields(query)  # of a name in both, the query's value holds
        self.check_window(call)
        part = request.path.split("/")[1]
        if not any(label.endswith(HOST_OF.get(part, part)) or "testnet" in label for label in request.host.split(".")[:2]):
            raise Refusal("path", f"{request.path} is not at {request.host}")

    def check_window(self, call):
        """Times are in milliseconds or microseconds; the window is in milliseconds, and may have three decimals."""
        window, moment = call.params.get("recvWindow") or "5000", call.need("timestamp")
        if not re.fullmatch(r"\d+(\.\d{1,3})?", window) or float(window) > 60000:
            raise Refusal("params", f"recvWindow is {window!r}")
        if not re.fullmatch(r"\d{13}(\d{3})?", moment):
            raise Refusal("time", f"{moment!r} is no time here")
        self.check_moment(call, int(moment[:13]), float(window))

    def check_payload(self, key, payload, signature):
        if key.scheme == "hmac":
            self.check_signature(signature.lower(), mac("sha256", key.secret, payload))  # case does not matter in an HMAC
            return
        raw = from_base64(signature)
        hash_name = {"rsa": "sha256", "ed25519": None}[key.scheme]
        if raw is None or not key.public_key.verifies(hash_name, payload, raw):
            raise Refusal("signature", "it does not fit")

    # ---- helpers ----

    def here(self, call):
        """The market that is meant: spot, USD-M and COIN-M use the same names."""
        wanted = call.need("symbol")
        for market in traded(call.request.path):
            if market.id == wanted:
                return market
        raise Refusal("symbol", f"{wanted!r} is not traded here")

    def shown(self, order):
        amount = text(order.amount)
        is_done = order.state == "filled"
        futures = {"closePosition": False, "reduceOnly": False, "positionSide": "BOTH", "avgPrice": "0"}
        return (futures if order.market.kind != "spot" else {}) | {
            "symbol": order.market.id,
            "orderId": order.number,
            "orderListId": -1,
            "clientOrderId": order.client_id,
            "price": text(order.price),
            "origQty": amount,
            "executedQty": amount if is_done else "0",
            "cummulativeQuoteQty": text(order.value) if is_done else "0",
            "status": {"open": "NEW", "filled": "FILLED", "canceled": "CANCELED"}[order.state],
            "timeInForce": "GTC",
            "type": order.kind.upper(),
            "side": order.side.upper(),
            "transactTime": order.time_ms,
            "time": order.time_ms,
            "updateTime": order.time_ms,
            "isWorking": True,
        }

    # ---- orders ----

    def one(self, call, params):
        """One order of these parameters."""
        call = call if params is call.params else with_params(call, params)
        price = call.number("price", call.number("stopPrice"))
        kind = call.need("type")
        if kind == "LIMIT":
            call.need("price")
            call.need("timeInForce")
        return self.place(
            call, self.here(call), call.need("side"), kind, call.number("quantity"), price,
            call.number("quoteOrderQty"), params.get("newClientOrderId") or params.get("clientAlgoId"),
        )  # fmt: skip

    def order(self, call):
        unknown = set(call.params) - ORDER_PARAMS if call.request.path.startswith("/api/") else ()
        if unknown:
            raise Refusal("params", f"unknown: {', '.join(unknown)}")
        return self.shown(self.one(call, call.params))

    def algo_order(self, call):
        order = self.one(call, call.params | {"stopPrice": call.params.get("triggerPrice")})
        return self.shown(order) | {"algoId": order.number, "clientAlgoId": order.client_id, "algoStatus": "NEW"}

    def batch(self, call):
        orders = json_body(call.need("batchOrders"))
        return [self.shown(self.one(call, order)) for order in orders]

    def amend_batch(self, call):
        return [self.amend(with_params(call, part)) for part in json_body(call.need("batchOrders"))]

    def order_list(self, call):
        """Lists are counted as their dearest leg, which is what can fill."""
        price = max((value for value in (call.number(name) for name in (
            "price", "workingPrice", "abovePrice", "belowPrice", "pendingPrice", "aboveStopPrice", "belowStopPrice")) if value),
            default=None)  # fmt: skip
        amount = call.number("quantity", call.number("workingQuantity", call.number("pendingQuantity")))
        side = call.params.get("side") or call.params.get("workingSide")
        order = self.place(call, self.here(call), side, "list", amount, price, None, call.params.get("listClientOrderId"))
        return {"orderListId": order.number, "symbol": order.market.id, "orders": [], "orderReports": [self.shown(order)]}

    def test_order(self, call):
        return {}

    def cancel_order(self, call):
        self.here(call)
        return self.shown(self.cancel(call, call.params.get("orderId"), call.params.get("origClientOrderId")))

    def cancel_all(self, call):
        orders = self.open_orders(call, self.here(call))
        for order in orders:
            order.state = "canceled"
        return [self.shown(order) for order in orders] if call.request.path.startswith("/api/") else {"code": 200,
            "msg": "done"}

    def amend(self, call):
        order = self.find(call, call.params.get("orderId"), call.params.get("origClientOrderId"))
        call.books.amend(order, call.number("quantity", call.number("newQty")), call.number("price"))
        return self.shown(order)

    def cancel_replace(self, call):
        old = self.cancel(call, call.params.get("cancelOrderId"), call.params.get("cancelOrigClientOrderId"))
        new = self.one(call, call.params)
        return {
            "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS",
            "cancelResponse": self.shown(old), "newOrderResponse": self.shown(new),
        }  # fmt: skip

    def opened(self, call):
        market = self.here(call) if call.params.get("symbol") else None
        markets = traded(call.request.path)
        return [self.shown(order) for order in self.open_orders(call, market) if order.market in markets]

    def order_status(self, call):
        order = call.key.orders.get(call.params.get("orderId"))
        order = order or call.key.by_client_id.get(call.params.get("origClientOrderId"))
        if order is None:
            raise Refusal("order", "it does not exist")
        return self.shown(order)

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": f"withdrawal-{call.now_ms}"}

    # ---- reads ----

    def account(self, call):
        assets = {"BTC": "10", "ETH": "100", "USDT": "1000000"}
        return {
            "makerCommission": 10, "takerCommission": 10, "canTrade": True, "canWithdraw": True, "canDeposit": True,
            "updateTime": call.now_ms, "accountType": "SPOT", "uid": 1, "permissions": ["SPOT"],
            "balances": [{"asset": name, "free": free, "locked": "0"} for name, free in assets.items()],
        }  # fmt: skip

    def futures_account(self, call):
        asset = "USDT" if call.request.path.startswith("/fapi") else "BTC"
        row = {
            "asset": asset, "walletBalance": "1000", "crossWalletBalance": "1000", "availableBalance": "1000",
            "marginBalance": "1000", "initialMargin": "0", "maintMargin": "0", "maxWithdrawAmount": "1000", "balance": "1000",
        }  # fmt: skip
        if call.request.path.endswith("/balance"):
            return [row]
        return {"assets": [row], "positions": [], "canTrade": True, "updateTime": call.now_ms}

    def restrictions(self, call):
        key = call.key
        return {
            "ipRestrict": bool(key.ips), "createTime": call.now_ms, "enableReading": True, "enableFutures": "trade" in key.may,
            "enableWithdrawals": "withdraw" in key.may, "enableInternalTransfer": "withdraw" in key.may,
            "enableSpotAndMarginTrading": "trade" in key.may, "permitsUniversalTransfer": False,
        } | ({"tradingAuthorityExpirationTime": key.expires_ms} if key.expires_ms else {})  # fmt: skip

    # ---- public ----

    def time(self, call):
        return {"serverTime": call.now_ms}

    def exchange_info(self, call):
        markets = traded(call.request.path)
        return {"timezone": "UTC", "serverTime": call.now_ms, "symbols": [self.described(m, call) for m in markets]}

    def described(self, market, call):
        described = {
            "symbol": market.id, "status": "TRADING", "contractStatus": "TRADING", "baseAsset": market.base,
            "quoteAsset": market.quote, "baseAssetPrecision": 8, "quotePrecision": 8, "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT"],
            "isSpotTradingAllowed": True, "isMarginTradingAllowed": True, "permissions": ["SPOT"], "permissionSets": [["SPOT"]],
            "quoteOrderQtyMarketAllowed": True, "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.00000001", "maxPrice": "1000000", "tickSize": "0.00000001"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
                {"filterType": "NOTIONAL", "minNotional": "1", "applyMinToMarket": True},
            ],
        }  # fmt: skip
        if market.kind != "spot":
            described |= {
                "pair": market.id.split("_")[0], "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
                "marginAsset": "USDT" if market.kind == "linear" else market.base, "contractSize": int(market.size),
                "pricePrecision": 2, "quantityPrecision": 3,
                "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
            }  # fmt: skip
        return described

    def ticker(self, call):
        market = self.here(call) if call.params.get("symbol") else None
        rows = [self.priced(m, call) for m in traded(call.request.path) if market in (None, m)]
        return rows[0] if market and market not in COINM else rows

    def priced(self, market, call):
        price = text(price_of(market))
        return {
            "symbol": market.id, "price": price, "lastPrice": price, "bidPrice": price, "bidQty": "1", "askPrice": price,
            "askQty": "1", "openPrice": price, "highPrice": price, "lowPrice": price, "volume": "100", "quoteVolume": "100",
            "priceChange": "0", "priceChangePercent": "0", "weightedAvgPrice": price, "openTime": call.now_ms - 86400000,
            "closeTime": call.now_ms, "count": 1, "time": call.now_ms,
        }  # fmt: skip

    def depth(self, call):
        price = text(price_of(self.here(call)))
        return {"lastUpdateId": call.now_ms, "bids": [[price, "1"]] * 5, "asks": [[price, "1"]] * 5}

    def listen_key(self, call):
        return {"listenKey": "listen-to-this"}

    # fmt: off
    ROUTES = [
        # method   path                                    kind       act
        ("GET",    "/api/v3/ping",                         "public",  Exchange.empty),
        ("GET",    "/api/v3/time",                         "public",  time),
        ("GET",    "/api/v3/exchangeInfo",                 "public",  exchange_info),
        ("GET",    "/api/v3/depth",                        "public",  depth),
        ("GET",    "/api/v3/ticker/24hr",                  "public",  ticker),
        ("GET",    "/api/v3/ticker/price",                 "public",  ticker),
        ("GET",    "/api/v3/ticker/bookTicker",            "public",  ticker),
        ("GET",    "/api/v3/account",                      "read",    account),
        ("GET",    "/api/v3/openOrders",                   "read",    opened),
        ("GET",    "/api/v3/allOrders",                    "read",    Exchange.nothing),
        ("GET",    "/api/v3/myTrades",                     "read",    Exchange.nothing),
        ("GET",    "/api/v3/order",                        "read",    order_status),
        ("POST",   "/api/v3/order/test",                   "read",    test_order),
        ("POST",   "/api/v3/order",                        "order",   order),
        ("POST",   "/api/v3/sor/order",                    "order",   order),
        ("POST",   "/api/v3/order/cancelReplace",          "order",   cancel_replace),
        ("POST",   "/api/v3/order/oco",                    "order",   order_list),
        ("POST",   "/api/v3/orderList/oco",                "order",   order_list),
        ("POST",   "/api/v3/orderList/oto",                "order",   order_list),
        ("POST",   "/api/v3/orderList/otoco",              "order",   order_list),
        ("PUT",    "/api/v3/order/amend/keepPriority",     "amend",   amend),
        ("DELETE", "/api/v3/order",                        "cancel",  cancel_order),
        ("DELETE", "/api/v3/openOrders",                   "cancel",  cancel_all),
        ("GET",    "/sapi/v1/account/apiRestrictions",     "read",    restrictions),
        ("GET",    "/sapi/v1/capital/config/getall",       "read",    Exchange.nothing),
        ("GET",    "/sapi/v1/capital/deposit/hisrec",      "read",    Exchange.nothing),
        ("GET",    "/sapi/v1/capital/withdraw/history",    "read",    Exchange.nothing),
        ("GET",    "/sapi/v1/margin/allPairs",             "keyed",   Exchange.nothing),
        ("GET",    "/sapi/v1/margin/isolated/allPairs",    "read",    Exchange.nothing),
        ("POST",   "/api/v3/orderList/opo",                "order",   order_list),
        ("POST",   "/api/v3/orderList/opoco",              "order",   order_list),
        ("POST",   "/sapi/v1/margin/order",                "order",   order),
        ("POST",   "/sapi/v1/margin/order/oco",            "order",   order_list),
        ("POST",   "/sapi/v1/margin/order/oto",            "order",   order_list),
        ("POST",   "/sapi/v1/margin/order/otoco",          "order",   order_list),
        ("DELETE", "/sapi/v1/margin/order",                "cancel",  cancel_order),
        ("POST",   "/sapi/v1/capital/withdraw/apply",      "withdraw", withdraw),
        ("POST",   "/sapi/v1/asset/transfer",              "transfer", Exchange.empty),
        ("POST",   "/sapi/v1/account/enableFastWithdrawSwitch", "settings", Exchange.empty),
        ("GET",    "/fapi/v1/ping",                        "public",  Exchange.empty),
        ("GET",    "/fapi/v1/time",                        "public",  time),
        ("GET",    "/fapi/v1/exchangeInfo",                "public",  exchange_info),
        ("GET",    "/fapi/v1/depth",                       "public",  depth),
        ("GET",    "/fapi/v1/ticker/24hr",                 "public",  ticker),
        ("GET",    "/fapi/v1/ticker/price",                "public",  ticker),
        ("GET",    "/fapi/v1/ticker/bookTicker",           "public",  ticker),
        ("GET",    "/fapi/v2/account",                     "read",    futures_account),
        ("GET",    "/fapi/v3/account",                     "read",    futures_account),
        ("GET",    "/fapi/v2/balance",                     "read",    futures_account),
        ("GET",    "/fapi/v3/balance",                     "read",    futures_account),
        ("GET",    "/fapi/v1/openOrders",                  "read",    opened),
        ("GET",    "/fapi/v1/order",                       "read",    order_status),
        ("POST",   "/fapi/v1/order",                       "order",   order),
        ("POST",   "/fapi/v1/algoOrder",                   "order",   algo_order),
        ("POST",   "/fapi/v1/batchOrders",                 "order",   batch),
        ("PUT",    "/fapi/v1/batchOrders",                 "amend",   amend_batch),
        ("PUT",    "/fapi/v1/order",                       "amend",   amend),
        ("DELETE", "/fapi/v1/order",                       "cancel",  cancel_order),
        ("DELETE", "/fapi/v1/allOpenOrders",               "cancel",  cancel_all),
        ("POST",   "/fapi/v1/leverage",                    "settings", Exchange.empty),
        ("POST",   "/fapi/v1/listenKey",                   "keyed",   listen_key),
        ("GET",    "/dapi/v1/time",                        "public",  time),
        ("GET",    "/dapi/v1/exchangeInfo",                "public",  exchange_info),
        ("GET",    "/dapi/v1/ticker/24hr",                 "public",  ticker),
        ("GET",    "/dapi/v1/account",                     "read",    futures_account),
        ("GET",    "/dapi/v1/balance",                     "read",    futures_account),
        ("GET",    "/dapi/v1/openOrders",                  "read",    opened),
        ("POST",   "/dapi/v1/order",                       "order",   order),
        ("POST",   "/dapi/v1/algoOrder",                   "order",   algo_order),
        ("POST",   "/dapi/v1/batchOrders",                 "order",   batch),
        ("PUT",    "/dapi/v1/batchOrders",                 "amend",   amend_batch),
        ("PUT",    "/dapi/v1/order",                       "amend",   amend),
        ("DELETE", "/dapi/v1/order",                       "cancel",  cancel_order),
        ("POST",   "/papi/v1/um/order",                    "order",   order),
        ("POST",   "/papi/v1/um/algo/order",               "order",   algo_order),
        ("POST",   "/papi/v1/um/conditional/order",        "order",   order),
        ("PUT",    "/papi/v1/um/order",                    "amend",   amend),
        ("POST",   "/papi/v1/cm/order",                    "order",   order),
        ("POST",   "/papi/v1/cm/conditional/order",        "order",   order),
        ("PUT",    "/papi/v1/cm/order",                    "amend",   amend),
        ("POST",   "/papi/v1/margin/order",                "order",   order),
        ("POST",   "/papi/v1/margin/order/oco",            "order",   order_list),
    ]
    # fmt: on


EXCHANGES = [Binance]

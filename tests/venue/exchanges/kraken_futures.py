"""Kraken Futures.

https://docs.kraken.com/api/docs/guides/futures-rest : base64 of HMAC-SHA512, with the secret decoded from base64, of SHA-256
of the parameters as sent, the nonce if there is one, and the path without /derivatives. Nonces may be out of order "for a brief period", so only one that comes twice is refused here.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, iso, json_body, uuid_of, with_params
from http1 import Answer
from signing import from_base64, hashed, mac

LINEAR = [Market("PF_XBTUSD", "BTC", "USD", "linear"), Market("PF_ETHUSD", "ETH", "USD", "linear")]
INVERSE = [Market("PI_XBTUSD", "BTC", "USD", "inverse")]


def failure(code, status=200):
    return status, {"result": "error", "error": code, "serverTime": "2026-01-01T00:00:00.000Z"}


class KrakenFutures(Exchange):
    NAME = "kraken-futures"
    HOSTS = ("futures.kraken.com", "demo-futures.kraken.com")
    MARKETS = LINEAR + INVERSE
    REFUSALS = {
        "key": failure("authenticationError"),
        "signature": failure("authenticationError"),
        "nonce": failure("nonceDuplicate"),
        "time": failure("nonceBelowThreshold"),
        "params": failure("invalidArgument: {why}"),
        "path": failure("notFound", 404),
        "symbol": failure("invalidArgument: symbol"),
        "order": (200, {"result": "success", "cancelStatus": {"status": "notFound"}, "serverTime": "2026-01-01T00:00:00.000Z"}),
        "funds": (200, {"result": "success", "sendStatus": {"status": "insufficientAvailableFunds"},
                        "serverTime": "2026-01-01T00:00:00.000Z"}),
        "duplicate": (200, {"result": "success", "sendStatus": {"status": "clientOrderIdAlreadyExist"},
                            "serverTime": "2026-01-01T00:00:00.000Z"}),
        "limit": failure("apiLimitExceeded"),
        "permission": failure("accountInactive"),
        "busy": failure("unavailable", 503),
        "other": failure("unknown error: {why}"),
    }  # fmt: skip
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("apikey"))
        self.check_type(call, "application/x-www-form-urlencoded")
        nonce = headers.get("nonce", "")
        path = request.path.removeprefix("/derivatives")
        covered = hashed("sha256", request.query + request.body + nonce + path)
        self.check_signature(headers.get("authent"), mac("sha512", from_base64(key.secret), covered, "base64"))
        if nonce:
            if not nonce.isdigit():
                raise Refusal("nonce", "no number")
            self.check_unused(call, nonce)
        call.params = fields(request.query)
        for name, value in fields(request.body).items():
            if name in call.params:
                raise Refusal("params", f"{name} comes twice")
            call.params[name] = value

    def wrap(self, call, result):
        return {"result": "success", "serverTime": iso(call.now_ms), **result}

    # ---- orders ----

    def one(self, call):
        kind = call.need("orderType")
        price = call.number("limitPrice", call.number("stopPrice"))
        if kind in ("lmt", "post", "ioc", "fok") and price is None:
            raise Refusal("params", "limitPrice")
        amount = call.need_number("size")
        market = self.market(call.need("symbol").upper())
        kind = {"mkt": "market"}.get(kind, kind)
        return self.place(call, market, call.need("side"), kind, amount, price, None, call.params.get("cliOrdId"))

    def event(self, order):
        shown = {
            "orderId": order.id, "cliOrdId": order.client_id or None, "type": "lmt", "symbol": order.market.id.lower(),
            "side": order.side, "quantity": float(order.amount), "filled": 0, "limitPrice": float(order.price or 0),
            "reduceOnly": False, "timestamp": iso(order.time_ms), "lastUpdateTimestamp": iso(order.time_ms),
        }  # fmt: skip
        if order.state != "filled":
            return {"type": "PLACE", "order": shown, "reducedQuantity": None}
        return {
            "type": "EXECUTION", "executionId": order.id, "price": float(price_of(order.market)), "amount": float(order.amount),
            "orderPriorExecution": shown | {"type": "mkt"}, "orderPriorEdit": None, "takerReducedQuantity": None,
        }  # fmt: skip

    def order(self, call):
        order = self.one(call)
        return {"sendStatus": {
            "order_id": order.id, "status": "placed", "receivedTime": iso(call.now_ms), "orderEvents": [self.event(order)],
        }}  # fmt: skip

    def batch(self, call):
        done = []
        for part in json_body(call.need("json")).get("batchOrder", ()):
            if part.get("order") == "send":
                order = self.one(with_params(call, part))
                done.append({"status": "placed", "order_id": order.id, "order_tag": part.get("order_tag")})
            elif part.get("order") == "cancel":
                order = self.cancel(call, part.get("order_id"), part.get("cliOrdId"))
                done.append({"status": "cancelled", "order_id": order.id})
            else:
                order = self.find(call, part.get("order_id"), part.get("cliOrdId"))
                part = with_params(call, part)
                call.books.amend(order, part.number("size"), part.number("limitPrice"))
                done.append({"status": "edited", "order_id": order.id})
        return {"batchStatus": done}

    def edit(self, call):
        order = self.find(call, call.params.get("orderId"), call.params.get("cliOrdId"))
        call.books.amend(order, call.number("size"), call.number("limitPrice"))
        return {"editStatus": {"status": "edited", "orderId": order.id, "receivedTime": iso(call.now_ms), "orderEvents": []}}

    def cancel_order(self, call):
        order = self.cancel(call, call.params.get("order_id"), call.params.get("cliOrdId"))
        return {"cancelStatus": {"status": "cancelled", "order_id": order.id, "receivedTime": iso(call.now_ms)}}

    def cancel_all(self, call):
        found = [{"order_id": order.id} for order in self.cancel_open(call)]
        return {"cancelStatus": {"status": "cancelled", "cancelledOrders": found, "orderEvents": []}}

    def opened(self, call):
        return {"openOrders": [
            {
                "order_id": order.id, "symbol": order.market.id, "side": order.side, "orderType": "lmt", "status": "untouched",
                "limitPrice": float(order.price or 0), "unfilledSize": float(order.amount), "filledSize": 0,
                "reduceOnly": False,
                "receivedTime": iso(order.time_ms), "lastUpdateTime": iso(order.time_ms), "cliOrdId": order.client_id or None,
            }
            for order in self.open_orders(call)
        ]}  # fmt: skip

    # ---- reads ----

    def accounts(self, call):
        flex = {"type": "multiCollateralMarginAccount", "currencies": {
            "USD": {"quantity": 1000000, "value": 1000000, "collateral": 1000000, "available": 1000000}}}  # fmt: skip
        return {"accounts": {"flex": flex, "cash": {"type": "cashAccount", "balances": {"xbt": 10}}}}

    def key_check(self, call):
        return Answer({"allowedCidrBlocks": [f"{ip}/32" for ip in call.key.ips]})

    def fees(self, call):
        return {"feeSchedules": []}

    def withdraw(self, call):
        call.need_number("amount")
        return {}

    # ---- public ----

    def instruments(self, call):
        return {"instruments": [
            {
                "symbol": market.id, "type": "flexible_futures" if market.kind == "linear" else "futures_inverse",
                "underlying": "", "tickSize": 0.5, "contractSize": 1, "tradeable": True, "impactMidSize": 1,
                "maxPositionSize": 1000000, "openingDate": "2022-03-22T00:00:00.000Z", "contractValueTradePrecision": 4,
                "marginLevels": [], "base": "BTC", "quote": "USD", "pair": "BTC:USD",
            }
            for market in self.MARKETS
        ]}  # fmt: skip

    def row(self, market, call):
        price = float(price_of(market))
        return {
            "tag": "perpetual", "symbol": market.id, "pair": "XBT:USD", "markPrice": price, "bid": price, "bidSize": 1,
            "ask": price, "askSize": 1, "vol24h": 1, "last": price, "lastTime": iso(call.now_ms), "lastSize": 1,
            "open24h": price, "openInterest": 1, "indexPrice": price, "suspended": False,
        }  # fmt: skip

    def tickers(self, call):
        return {"tickers": [self.row(market, call) for market in self.MARKETS]}

    def ticker(self, call):
        return {"ticker": self.row(self.market(call.values["symbol"].upper()), call)}

    # fmt: off
    ROUTES = [
        # method path                                     kind        act
        ("GET",  "/derivatives/api/v3/instruments",       "public",   instruments),
        ("GET",  "/derivatives/api/v3/tickers",           "public",   tickers),
        ("GET",  "/derivatives/api/v3/tickers/{symbol}",  "public",   ticker),
        ("GET",  "/derivatives/api/v3/feeschedules",      "public",   fees),
        ("GET",  "/api/auth/v1/api-keys/v3/check",        "read",     key_check),
        ("GET",  "/derivatives/api/v3/accounts",          "read",     accounts),
        ("GET",  "/derivatives/api/v3/openorders",        "read",     opened),
        ("POST", "/derivatives/api/v3/sendorder",         "order",    order),
        ("POST", "/derivatives/api/v3/batchorder",        "order",    batch),
        ("POST", "/derivatives/api/v3/editorder",         "amend",    edit),
        ("POST", "/derivatives/api/v3/cancelorder",       "cancel",   cancel_order),
        ("POST", "/derivatives/api/v3/cancelallorders",   "cancel",   cancel_all),
        ("PUT",  "/derivatives/api/v3/leveragepreferences", "settings", Exchange.empty),
        ("POST", "/derivatives/api/v3/transfer",          "transfer", Exchange.empty),
        ("POST", "/derivatives/api/v3/withdrawal",        "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [KrakenFutures]

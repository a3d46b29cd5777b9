"""Phemex: spot, and contracts settled in USDT.

https://phemex-docs.github.io/#rest-request-header : HMAC-SHA256 in hex of path, the query without encoding, expiry in
seconds, and body. An expiry is at most a minute and a half away here. On spot, prices and amounts are scaled by 10^8.
"""

import decimal
import urllib.parse

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, uuid_of
from signing import mac

SPOT = [Market(f"s{base}USDT", base, "USDT") for base in ("BTC", "ETH")]
PERPETUAL = [Market(f"{base}USDT", base, "USDT", "linear") for base in ("BTC", "ETH")]
SCALE = decimal.Decimal(10) ** 8


def failure(code, message, status=200):
    return status, {"code": code, "msg": message, "data": None}


def scaled(number):
    return int((number or 0) * SCALE)


class Phemex(Exchange):
    NAME = "phemex"
    HOSTS = ("api.phemex.com", "testnet-api.phemex.com", "vapi.phemex.com")
    MARKETS = SPOT + PERPETUAL
    WINDOW_MS = 90000
    REFUSALS = {
        "key": failure(401, "401 Request Unauthorized", 401),
        "signature": failure(401, "401 Insufficient privilege", 401),
        "time": failure(401, "401 Request Expired", 401),
        "params": failure(39996, "Invalid parameter: {why}"),
        "symbol": failure(6001, "invalid argument: symbol"),
        "order": failure(10002, "OM_ORDER_NOT_FOUND"),
        "path": failure(404, "{why}", 404),
        "funds": failure(11074, "TE_NO_ENOUGH_AVAILABLE_BALANCE"),
        "duplicate": failure(10001, "OM_DUPLICATE_ORDERID"),
        "limit": failure(429, "Too many requests", 429),
        "permission": failure(403, "403 Forbidden", 403),
        "busy": failure(500, "internal error", 503),
        "other": failure(6001, "{why}"),
    }
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("x-phemex-access-token"))
        expiry = headers.get("x-phemex-request-expiry", "")
        payload = request.path + urllib.parse.unquote(request.query) + expiry + request.body
        self.check_signature(headers.get("x-phemex-request-signature"), mac("sha256", key.secret, payload))
        if not expiry.isdigit() or len(expiry) != 10:
            raise Refusal("time", f"{expiry!r} is no expiry here")
        # It is as old as the expiry has come near: at 0 s left, 90 s.
        self.check_moment(call, int(expiry) * 1000 - self.WINDOW_MS)
        call.params = fields(request.query) | json_body(request.body)

    def wrap(self, call, result):
        if "/md/" in call.request.path:
            return {"error": None, "id": 0, "result": result}
        return {"code": 0, "msg": "", "data": result}

    # ---- spot ----

    def spot_order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.need("ordType")
        numbers = {name: call.number(name) for name in ("baseQtyEv", "quoteQtyEv", "priceEp")}
        base, quote, price = (value if value is None else value / SCALE for value in numbers.values())
        if kind == "Limit" and price is None:
            raise Refusal("params", "priceEp")
        base, quote = (None, quote) if call.params.get("qtyType") == "ByQuote" else (base, None)
        return self.spot_shown(self.place(call, market, call.need("side"), kind, base, price, quote,
            call.params.get("clOrdID")))

    @staticmethod
    def spot_shown(order):
        return {
            "orderID": order.id, "clOrdID": order.client_id, "symbol": order.market.id, "side": order.side.capitalize(),
            "ordType": order.kind.capitalize(), "priceEp": scaled(order.price), "baseQtyEv": scaled(order.amount),
            "quoteQtyEv": 0, "leavesBaseQtyEv": scaled(order.amount), "cumBaseQtyEv": 0, "cumQuoteQtyEv": 0, "cumFeeEv": 0,
            "feeCurrency": "USDT", "ordStatus": {"open": "New", "filled": "Filled", "canceled": "Canceled"}[order.state],
            "createTimeNs": order.time_ms * 1000000, "timeInForce": "GoodTillCancel", "qtyType": "ByBase", "stopPxEp": 0,
            "avgPriceEp": 0, "trigger": "UNSPECIFIED",
        }  # fmt: skip

    def spot_cancel(self, call):
        self.market(call.need("symbol"))
        return self.spot_shown(self.cancel(call, call.params.get("orderID"), call.params.get("clOrdID")))

    def spot_opened(self, call):
        market = self.market(call.need("symbol"))
        return [self.spot_shown(order) for order in self.open_orders(call, market)]

    def wallets(self, call):
        return [
            {"currency": name, "balanceEv": n * 10**8, "lockedTradingBalanceEv": 0, "lockedWithdrawEv": 0,
                "lastUpdateTimeNs": 1}
            for name, n in (("BTC", 10), ("USDT", 1000000))
        ]

    # ---- contracts ----

    def order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.need("ordType")
        price = call.need_number("priceRp") if kind == "Limit" else call.number("priceRp", call.number("stopPxRp"))
        amount = call.need_number("orderQtyRq")
        return self.shown(self.place(call, market, call.need("side"), kind, amount, price, None, call.params.get("clOrdID")))

    @staticmethod
    def shown(order):
        return {
            "orderID": order.id, "clOrdID": order.client_id, "symbol": order.market.id, "side": order.side.capitalize(),
            "orderType": order.kind.capitalize(), "ordType": order.kind.capitalize(), "priceRp": text(order.price),
            "orderQtyRq": text(order.amount), "leavesQtyRq": text(order.amount), "cumQtyRq": "0", "cumValueRv": "0",
            "ordStatus": {"open": "New", "filled": "Filled", "canceled": "Canceled"}[order.state], "reduceOnly": False,
            "actionTimeNs": order.time_ms * 1000000, "timeInForce": "GoodTillCancel", "closedPnlRv": "0", "execStatus": "New",
            "stopPxRp": "0",
        }  # fmt: skip

    def replace(self, call):
        order = self.find(call, call.params.get("orderID"), call.params.get("origClOrdID"))
        call.books.amend(order, call.number("orderQtyRq"), call.number("priceRp"))
        return self.shown(order)

    def cancel_order(self, call):
        self.market(call.need("symbol"))
        return self.shown(self.cancel(call, call.params.get("orderID"), call.params.get("clOrdID")))

    def cancel_all(self, call):
        return [order.id for order in self.cancel_open(call, self.market(call.need("symbol")))]

    def opened(self, call):
        orders = self.open_orders(call, self.market(call.need("symbol")))
        if not orders:
            return {"rows": [], "nextPageArg": ""}
        return {"rows": [self.shown(order) for order in orders], "nextPageArg": ""}

    def positions(self, call):
        account = {"currency": "USDT", "accountBalanceRv": "1000000", "totalUsedBalanceRv": "0", "status": 0}
        return {"account": account, "positions": []}

    def withdraw(self, call):
        call.need("address")
        return {"id": str(call.now_ms), "status": "Processing"}

    # ---- public ----

    def time(self, call):
        return {"serverTime": call.now_ms}

    def products(self, call):
        common = {"priceScale": 8, "ratioScale": 8, "valueScale": 8, "quoteCurrency": "USDT", "settleCurrency": "USDT",
                  "status": "Listed", "makerFeeRateEr": 10000, "takerFeeRateEr": 60000}  # fmt: skip
        spot = [
            common | {
                "symbol": market.id, "type": "Spot", "displaySymbol": f"{market.base} / USDT", "baseCurrency": market.base,
                "baseTickSize": f"0.000001 {market.base}", "quoteTickSize": "0.01 USDT", "minOrderValue": "1 USDT",
                "maxOrderValue": "5,000,000 USDT", "maxBaseOrderSize": f"1,000 {market.base}", "defaultTakerFee": "0.001",
                "defaultMakerFee": "0.001", "listTime": 1,
            }
            for market in SPOT
        ]  # fmt: skip
        perpetual = [
            common | {
                "symbol": market.id, "type": "PerpetualV2", "priceScale": 0, "valueScale": 0,
                "displaySymbol": f"{market.base} / USDT", "baseCurrency": market.base,
                "contractUnderlyingAssets": market.base, "contractSize": "1", "qtyStepSize": "0.001", "tickSize": "0.1",
                "maxOrderQty": "1000", "maxLeverage": 100, "listTime": 1,
            }
            for market in PERPETUAL
        ]  # fmt: skip
        currencies = [
            {"currency": name, "name": name, "code": at, "valueScale": 8, "minValueEv": 1, "maxValueEv": 10**18,
                "status": "Listed"}
            for at, name in enumerate(("BTC", "ETH", "USDT"))
        ]
        return {
            "currencies": currencies, "products": spot, "perpProductsV2": perpetual, "riskLimits": [], "riskLimitsV2": [],
            "leverages": [],
        }  # fmt: skip

    def spot_ticker(self, call):
        market = self.market(call.need("symbol"))
        price = scaled(price_of(market))
        return {
            "askEp": price, "bidEp": price, "highEp": price, "lastEp": price, "lowEp": price, "openEp": price,
            "symbol": market.id,
            "timestamp": call.now_ms * 1000000, "turnoverEv": 1, "volumeEv": 1,
        }  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("symbol"))
        price = text(price_of(market))
        return {
            "closeRp": price, "highRp": price, "indexRp": price, "lowRp": price, "markRp": price, "openRp": price,
            "symbol": market.id, "timestamp": call.now_ms * 1000000, "turnoverRv": "1", "volumeRq": "1",
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method   path                                           kind       act
        ("GET",    "/public/time",                                "public",  time),
        ("GET",    "/public/products",                            "public",  products),
        ("GET",    "/v1/exchange/public/products",                "public",  Exchange.nothing),
        ("GET",    "/exchange/public/products",                   "public",  Exchange.nothing),
        ("GET",    "/v1/md/spot/ticker/24hr",                     "public",  spot_ticker),
        ("GET",    "/md/spot/ticker/24hr",                        "public",  spot_ticker),
        ("GET",    "/md/v2/ticker/24hr",                          "public",  ticker),
        ("GET",    "/spot/wallets",                               "read",    wallets),
        ("GET",    "/g-accounts/accountPositions",                "read",    positions),
        ("GET",    "/spot/orders",                                "read",    spot_opened),
        ("GET",    "/g-orders/activeList",                        "read",    opened),
        ("POST",   "/spot/orders",                                "order",   spot_order),
        ("PUT",    "/spot/orders/create",                         "order",   spot_order),
        ("POST",   "/g-orders",                                   "order",   order),
        ("PUT",    "/g-orders/create",                            "order",   order),
        ("PUT",    "/g-orders/replace",                           "amend",   replace),
        ("DELETE", "/spot/orders",                                "cancel",  spot_cancel),
        ("DELETE", "/spot/orders/all",                            "cancel",  cancel_all),
        ("DELETE", "/g-orders/cancel",                            "cancel",  cancel_order),
        ("DELETE", "/g-orders/all",                               "cancel",  cancel_all),
        ("PUT",    "/g-positions/leverage",                       "settings", Exchange.empty),
        ("POST",   "/assets/transfer",                            "transfer", Exchange.empty),
        ("POST",   "/phemex-withdraw/wallets/api/createWithdraw", "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Phemex]

"""OKX, V5.

https://www.okx.com/docs-v5/en/#overview-rest-authentication : base64 of HMAC-SHA256 of time, method, path with query, and
body. The time is in ISO format with milliseconds, and a request is refused if it is thirty seconds off.
"""

import calendar
import re
import time as clock

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from signing import mac, same

SPOT = [Market(f"{base}-USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
SWAP = [
    Market("BTC-USDT-SWAP", "BTC", "USDT", "linear", "0.01"),
    Market("ETH-USDT-SWAP", "ETH", "USDT", "linear", "0.1"),
    Market("BTC-USD-SWAP", "BTC", "USD", "inverse", "100"),
]
ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z\Z")


def failure(code, message, status=200):
    return status, {"code": str(code), "msg": message, "data": []}


def order_failure(code, message):
    """Refused orders come in the data, beside code 1."""
    part = {"clOrdId": "", "ordId": "", "tag": "", "sCode": str(code), "sMsg": message}
    return 200, {"code": "1", "msg": "All operations failed", "data": [part]}


class Okx(Exchange):
    NAME = "okx"
    HOSTS = ("www.okx.com", "openapi.okx.com", "eea.okx.com", "us.okx.com", "app.okx.com", "my.okx.com")
    MARKETS = SPOT + SWAP
    WINDOW_MS = AHEAD_MS = 30000
    REFUSALS = {
        "key": failure(50111, "Invalid OK-ACCESS-KEY", 401),
        "signature": failure(50113, "Invalid Sign", 401),
        "passphrase": failure(50105, "Request header OK-ACCESS-PASSPHRASE incorrect.", 401),
        "time": failure(50102, "Timestamp request expired", 401),
        "params": failure(51000, "Parameter {why} error"),
        "symbol": order_failure(51001, "Instrument ID does not exist"),
        "order": order_failure(51400, "Cancellation failed as the order does not exist."),
        "path": failure(404, "{why}", 404),
        "funds": order_failure(51008, "Order placement failed due to insufficient balance."),
        "duplicate": order_failure(51016, "Duplicated client order ID"),
        "limit": failure(50011, "Requests too frequent", 429),
        "permission": failure(50120, "API key doesn't have permission to use this function", 401),
        "busy": failure(50001, "Service temporarily unavailable. Try again later", 503),
        "other": failure(51000, "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("ok-access-key"))
        if not same(headers.get("ok-access-passphrase"), key.passphrase):
            raise Refusal("passphrase", "the pass phrase does not fit")
        self.check_type(call, "application/json")
        moment = headers.get("ok-access-timestamp", "")
        wanted = mac("sha256", key.secret, moment + request.method + request.target + request.body, "base64")
        self.check_signature(headers.get("ok-access-sign"), wanted)
        read = ISO.match(moment)
        if not read:
            raise Refusal("time", f"{moment!r} is no time here")
        seconds = calendar.timegm(clock.strptime(read[1], "%Y-%m-%dT%H:%M:%S"))
        self.check_moment(call, seconds * 1000 + int(read[2]))
        call.params = fields(request.query) if request.method == "GET" else json_body(request.body)

    def wrap(self, call, result):
        return {"code": "0", "msg": "", "data": result}

    # ---- orders ----

    def one(self, call):
        market = self.market(call.need("instId"))
        call.need("tdMode")
        side, kind = call.need("side"), call.need("ordType")
        amount = call.need_number("sz")
        is_market = kind == "market"
        price = None if is_market else call.number("px", call.number("orderPx", call.number("triggerPx")))
        if price is None and kind in ("limit", "post_only", "fok", "ioc"):
            raise Refusal("params", "px")
        cost = None
        target = call.params.get("tgtCcy") or ("quote_ccy" if side == "buy" else "base_ccy")
        if market.kind == "spot" and is_market and target == "quote_ccy":
            amount, cost = None, amount
        return self.place(
            call, market, side, kind, amount, price, cost, call.params.get("clOrdId") or call.params.get("algoClOrdId")
        )  # fmt: skip

    @staticmethod
    def done(call, order):
        return {
            "ordId": order.id, "clOrdId": order.client_id, "tag": "", "ts": str(call.now_ms), "sCode": "0", "sMsg": "",
        }  # fmt: skip

    def order(self, call):
        return [self.done(call, self.one(call))]

    def algo_order(self, call):
        order = self.one(call)
        return [{"algoId": order.id, "algoClOrdId": order.client_id, "sCode": "0", "sMsg": ""}]

    def batch(self, call):
        return [self.done(call, self.one(with_params(call, part))) for part in call.params]

    def amend(self, call):
        order = self.find(call, call.params.get("ordId"), call.params.get("clOrdId"))
        call.books.amend(order, call.number("newSz"), call.number("newPx"))
        return [self.done(call, order)]

    def amend_batch(self, call):
        return [self.amend(with_params(call, part))[0] for part in call.params]

    def cancel_order(self, call):
        self.market(call.need("instId"))
        return [self.done(call, self.cancel(call, call.params.get("ordId"), call.params.get("clOrdId")))]

    def cancel_batch(self, call):
        return [self.cancel_order(with_params(call, part))[0] for part in call.params]

    def opened(self, call):
        wanted = call.params.get("instId")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    @staticmethod
    def shown(order):
        return {
            "instType": "SPOT" if order.market.kind == "spot" else "SWAP", "instId": order.market.id, "ordId": order.id,
            "clOrdId": order.client_id, "px": text(order.price, ""), "sz": text(order.amount, ""), "ordType": order.kind,
            "side": order.side, "state": {"open": "live"}.get(order.state, order.state), "accFillSz": "0", "avgPx": "",
            "fee": "0", "feeCcy": "", "cTime": str(order.time_ms), "uTime": str(order.time_ms), "tdMode": "cash",
            "reduceOnly": "false",
        }  # fmt: skip

    def withdraw(self, call):
        call.need("toAddr")
        call.need_number("amt")
        return [{"wdId": str(call.now_ms), "ccy": call.params.get("ccy"), "amt": call.params["amt"]}]

    # ---- reads ----

    def balance(self, call):
        rows = [
            {"ccy": name, "eq": n, "availEq": n, "availBal": n, "cashBal": n, "frozenBal": "0", "bal": n, "uTime": "1"}
            for name, n in (("BTC", "10"), ("USDT", "1000000"))
        ]  # fmt: skip
        if call.request.path == "/api/v5/asset/balances":
            return rows
        return [{"uTime": str(call.now_ms), "totalEq": "1000000", "details": rows}]

    def config(self, call):
        may = ",".join({"read": "read_only"}.get(name, name) for name in call.key.may)
        ip = ",".join(call.key.ips)
        return [{"acctLv": "2", "posMode": "net_mode", "uid": "1", "perm": may, "ip": ip, "label": "venue"}]

    # ---- public ----

    def time(self, call):
        return [{"ts": str(call.now_ms)}]

    def instruments(self, call):
        wanted = call.need("instType")
        return [self.described(market) for market in {"SPOT": SPOT, "SWAP": SWAP}.get(wanted, ())]

    @staticmethod
    def described(market):
        is_spot = market.kind == "spot"
        return {
            "instType": "SPOT" if is_spot else "SWAP", "instId": market.id, "baseCcy": market.base if is_spot else "",
            "quoteCcy": market.quote if is_spot else "", "settleCcy": {"linear": market.quote,
            "inverse": market.base}.get(market.kind, ""),
            "uly": "" if is_spot else f"{market.base}-{market.quote}",
            "instFamily": "" if is_spot else f"{market.base}-{market.quote}",
            "ctVal": "" if is_spot else market.size, "ctMult": "" if is_spot else "1", "ctType": "" if is_spot else market.kind,
            "tickSz": "0.0001" if is_spot else "0.1", "lotSz": "0.00000001" if is_spot else "0.01", "minSz": "0.00001",
            "state": "live", "lever": "10",
            "listTime": "1597026383085", "expTime": "", "category": "1", "maxLmtSz": "9999", "maxMktSz": "9999", "optType": "",
            "stk": "", "alias": "",
        }  # fmt: skip

    def tickers(self, call):
        wanted = call.params.get("instId")
        rows = []
        for market in self.MARKETS:
            if wanted in (None, market.id):
                price = text(price_of(market))
                rows.append({
                    "instType": "SPOT" if market.kind == "spot" else "SWAP", "instId": market.id, "last": price, "lastSz": "1",
                    "askPx": price, "askSz": "1", "bidPx": price, "bidSz": "1", "open24h": price, "high24h": price,
                    "low24h": price, "volCcy24h": "1", "vol24h": "1", "ts": str(call.now_ms), "sodUtc0": price,
                    "sodUtc8": price,
                })  # fmt: skip
        return rows

    # fmt: off
    ROUTES = [
        # method  path                                kind       act
        ("GET",  "/api/v5/public/time",              "public",  time),
        ("GET",  "/api/v5/public/instruments",       "public",  instruments),
        ("GET",  "/api/v5/market/ticker",            "public",  tickers),
        ("GET",  "/api/v5/market/tickers",           "public",  tickers),
        ("GET",  "/api/v5/account/balance",          "read",    balance),
        ("GET",  "/api/v5/account/config",           "read",    config),
        ("GET",  "/api/v5/asset/balances",           "read",    balance),
        ("GET",  "/api/v5/asset/currencies",         "read",    Exchange.nothing),
        ("GET",  "/api/v5/account/positions",        "read",    Exchange.nothing),
        ("GET",  "/api/v5/trade/orders-pending",     "read",    opened),
        ("GET",  "/api/v5/trade/orders-history",     "read",    Exchange.nothing),
        ("GET",  "/api/v5/trade/fills",              "read",    Exchange.nothing),
        ("POST", "/api/v5/trade/order",              "order",   order),
        ("POST", "/api/v5/trade/batch-orders",       "order",   batch),
        ("POST", "/api/v5/trade/order-algo",         "order",   algo_order),
        ("POST", "/api/v5/trade/amend-order",        "amend",   amend),
        ("POST", "/api/v5/trade/amend-batch-orders", "amend",  amend_batch),
        ("POST", "/api/v5/trade/cancel-order",       "cancel",  cancel_order),
        ("POST", "/api/v5/trade/cancel-batch-orders", "cancel", cancel_batch),
        ("POST", "/api/v5/account/set-leverage",     "settings", Exchange.nothing),
        ("POST", "/api/v5/asset/transfer",           "transfer", Exchange.nothing),
        ("POST", "/api/v5/asset/withdrawal",         "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Okx]

"""Bitfinex, V2.

https://docs.bitfinex.com/docs/rest-auth : HMAC-SHA384 in hex of "/api", path, nonce and body. A nonce must be above all
that came before it.
"""

from books import Market, NotANumber, number, price_of
from exchanges.base import Exchange, Refusal, json_body
from signing import mac

MARKETS = [Market(f"t{base}USD", base, "USD") for base in ("BTC", "ETH", "XRP")]
CODES = ("BTC", "ETH", "XRP", "USD")


def failure(code, message, status=500):
    return status, ["error", code, message]


class Bitfinex(Exchange):
    NAME = "bitfinex"
    HOSTS = ("api.bitfinex.com", "api-pub.bitfinex.com")
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure(10100, "apikey: invalid"),
        "signature": failure(10100, "apikey: digest invalid"),
        "nonce": failure(10114, "nonce: small"),
        "params": failure(10020, "{why}: invalid"),
        "symbol": failure(10020, "symbol: invalid"),
        "order": failure(10001, "Order not found."),
        "path": failure(10000, "{why}", 404),
        "funds": failure(10001, "Invalid order: not enough exchange balance"),
        "duplicate": failure(10001, "Invalid order: cid duplicate"),
        "limit": failure(11010, "ratelimit: error", 429),
        "permission": failure(10100, "apikey: permission invalid"),
        "busy": failure(20060, "temporarily_unavailable", 503),
        "other": failure(10001, "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("bfx-apikey"))
        self.check_type(call, "application/json")
        nonce = headers.get("bfx-nonce", "")
        self.check_signature(headers.get("bfx-signature"), mac("sha384", key.secret,
            f"/api{request.path}{nonce}{request.body}"))
        if not nonce.isdigit() or len(nonce) > 16:
            raise Refusal("nonce", f"{nonce!r} is no nonce here")
        self.check_nonce(call, int(nonce))
        call.params = json_body(request.body)

    # ---- orders ----

    @staticmethod
    def shown(order):
        amount = float(order.amount) * (-1 if order.side == "sell" else 1)
        status = {"open": "ACTIVE", "filled": "EXECUTED", "canceled": "CANCELED"}[order.state]
        left = 0 if order.state == "filled" else amount
        return [
            order.number, None, order.number, order.market.id, order.time_ms, order.time_ms, left, amount, order.kind.upper(),
            None, None, None, 0, status, None, None, float(order.price or 0), 0, 0, 0, None, None, None, 0, 0, None, None, None,
            "API>BFX", None, None, {},
        ]  # fmt: skip

    @staticmethod
    def notice(call, kind, value):
        return [call.now_ms, kind, None, None, value, None, "SUCCESS", "Submitted."]

    def order(self, call):
        signed = str(call.need("amount"))
        try:
            amount = number(signed.removeprefix("-"), "amount")
        except NotANumber as error:
            raise Refusal("params", str(error)) from None
        kind = call.need("type")
        price = None if "MARKET" in kind else call.need_number("price")
        side = "sell" if signed.startswith("-") else "buy"
        order = self.place(call, self.market(call.need("symbol")), side, kind, amount, price, None, call.params.get("cid"))
        return self.notice(call, "on-req", [self.shown(order)])

    def update(self, call):
        order = self.find(call, str(call.need("id")))
        amount = str(call.params.get("amount") or order.amount).removeprefix("-")
        call.books.amend(order, number(amount, "amount"), call.number("price"))
        return self.notice(call, "ou-req", self.shown(order))

    def cancel_order(self, call):
        order = self.cancel(call, call.params.get("id"), call.params.get("cid"))
        return self.notice(call, "oc-req", self.shown(order))

    def cancel_multi(self, call):
        return self.notice(call, "oc_multi-req", [self.shown(order) for order in self.cancel_open(call)])

    def opened(self, call):
        wanted = call.values.get("symbol")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need("address")
        return self.notice(call, "acc_wd-req", [call.now_ms, None, "bitcoin", None, "exchange", call.params.get("amount"),
            None, None, 0])

    # ---- reads ----

    def wallets(self, call):
        return [["exchange", name, n, 0, n, None, None] for name, n in (("BTC", 10), ("USD", 1000000))]

    def permissions(self, call):
        may = {name: int(name in call.key.may) for name in ("trade", "withdraw")}
        return [["account", 0, 0], ["orders", 1, may["trade"]], ["wallets", 1, 0], ["withdraw", 0, may["withdraw"]]]

    # ---- public ----

    def configuration(self, call):
        """Lists by label, in the order in which they are asked for."""
        pairs = [market.id[1:] for market in MARKETS]
        row = [None, None, None, "0.00001", "1000", None, None, None, 0.2, 0.1]
        known = {
            "pub:info:pair": [[pair, row] for pair in pairs],
            "pub:list:currency": list(CODES),
            "pub:list:pair:exchange": pairs,
            "pub:list:pair:margin": [],
            "pub:map:tx:method": [["BITCOIN", ["BTC"]]],
        }
        return [known.get(label, []) for label in call.values["labels"].split(",")]

    def ticker(self, call):
        price = float(price_of(self.market(call.values["symbol"])))
        return [price, 1, price, 1, 0, 0, price, 1, price, price]

    def status(self, call):
        return [1]

    # fmt: off
    ROUTES = [
        # method path                                  kind       act
        ("GET",  "/v2/platform/status",                "public",  status),
        ("GET",  "/v2/conf/{labels}",                  "public",  configuration),
        ("GET",  "/v2/ticker/{symbol}",                "public",  ticker),
        ("POST", "/v2/auth/r/permissions",             "read",    permissions),
        ("POST", "/v2/auth/r/wallets",                 "read",    wallets),
        ("POST", "/v2/auth/r/orders",                  "read",    opened),
        ("POST", "/v2/auth/r/orders/{symbol}",         "read",    opened),
        ("POST", "/v2/auth/w/order/submit",            "order",   order),
        ("POST", "/v2/auth/w/order/update",            "amend",   update),
        ("POST", "/v2/auth/w/order/cancel",            "cancel",  cancel_order),
        ("POST", "/v2/auth/w/order/cancel/multi",      "cancel",  cancel_multi),
        ("POST", "/v2/auth/w/transfer",                "transfer", Exchange.nothing),
        ("POST", "/v2/auth/w/withdraw",                "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitfinex]

"""BitMEX.

https://www.bitmex.com/app/apiKeysUsage : HMAC-SHA256 in hex of method, path with query, expiry in seconds, and body. Here an
expiry is at most a minute away.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, iso, json_body, uuid_of
from signing import mac

MARKETS = [Market("XBTUSD", "BTC", "USD", "inverse"), Market("XBTUSDT", "BTC", "USDT", "linear", "0.000001")]
OTHER_CODES = {"BTC": "XBT"}


def failure(message, name="HTTPError", status=400):
    return status, {"error": {"message": message, "name": name}}


class Bitmex(Exchange):
    NAME = "bitmex"
    HOSTS = ("www.bitmex.com", "testnet.bitmex.com")
    MARKETS = MARKETS
    WINDOW_MS = 60000
    REFUSALS = {
        "key": failure("Invalid API Key.", status=401),
        "signature": failure("Signature not valid.", status=401),
        "time": failure("This request has expired - `expires` is in the past.", status=401),
        "params": failure("{why}"),
        "symbol": failure("symbol is invalid"),
        "order": (200, [{"error": "Not Found", "ordStatus": "Rejected"}]),
        "path": failure("Not Found", status=404),
        "funds": failure("Account has insufficient Available Balance", "ValidationError"),
        "duplicate": failure("Duplicate clOrdID"),
        "limit": failure("Rate limit exceeded, retry in 1 seconds.", "RateLimitError", 429),
        "permission": failure("Access Denied", status=403),
        "busy": failure("The system is currently overloaded. Please try again later.", status=503),
        "other": failure("{why}"),
    }
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("api-key"))
        self.check_type(call, "application/json")
        expiry = headers.get("api-expires", "")
        payload = request.method + request.target + expiry + request.body
        self.check_signature(headers.get("api-signature"), mac("sha256", key.secret, payload))
        if not expiry.isdigit() or len(expiry) != 10:
            raise Refusal("time", f"{expiry!r} is no expiry here")
        self.check_moment(call, int(expiry) * 1000 - self.WINDOW_MS)
        call.params = fields(request.query) | json_body(request.body)

    def order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.params.get("ordType", "Limit")
        price = call.need_number("price") if kind == "Limit" else call.number("price", call.number("stopPx"))
        amount = call.need_number("orderQty")
        return self.shown(self.place(call, market, call.need("side"), kind, amount, price, None, call.params.get("clOrdID")))

    @staticmethod
    def shown(order):
        return {
            "orderID": order.id, "clOrdID": order.client_id, "symbol": order.market.id, "side": order.side.capitalize(),
            "orderQty": int(order.amount), "price": float(order.price or 0), "ordType": order.kind.capitalize(),
            "timeInForce": "GoodTillCancel", "ordStatus": {"open": "New", "filled": "Filled",
            "canceled": "Canceled"}[order.state],
            "leavesQty": int(order.amount), "cumQty": 0, "avgPx": 0, "execInst": "", "timestamp": iso(order.time_ms),
            "transactTime": iso(order.time_ms), "workingIndicator": True, "stopPx": None,
        }  # fmt: skip

    def amend(self, call):
        order = self.find(call, call.params.get("orderID"), call.params.get("origClOrdID"))
        call.books.amend(order, call.number("orderQty"), call.number("price"))
        return self.shown(order)

    def cancel_order(self, call):
        ids, names = call.params.get("orderID") or [], call.params.get("clOrdID") or []
        ids = [ids] if isinstance(ids, str) else ids
        names = [names] if isinstance(names, str) else names
        orders = [self.cancel(call, id) for id in ids] + [self.cancel(call, client_id=name) for name in names]
        return [self.shown(order) for order in orders]

    def cancel_all(self, call):
        return [self.shown(order) for order in self.cancel_open(call)]

    def listed(self, call):
        wanted = call.params.get("symbol")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need("address")
        return {"transactID": uuid_of(call.now_ms % 10**9), "transactStatus": "Pending", "amount": call.params.get("amount")}

    def margin(self, call):
        rows = [
            {"account": 1, "currency": name, "marginBalance": n, "availableMargin": n, "walletBalance": n}
            for name, n in (("XBt", 1000000000), ("USDt", 1000000000000))
        ]
        return rows if call.params.get("currency") == "all" else rows[0]

    def api_keys(self, call):
        return [self.described_key(call)]

    def own_api_key(self, call):
        return self.described_key(call)

    @staticmethod
    def described_key(call):
        return {"id": call.key.id, "name": "venue", "cidr": (call.key.ips or ["0.0.0.0/0"])[0],
                "permissions": [{"trade": "order"}.get(name, name) for name in call.key.may if name != "read"], "enabled": True}

    # ---- public ----

    def front(self, call):
        return {"name": "BitMEX API", "version": "2.0.0", "timestamp": call.now_ms}

    def assets(self, call):
        return [
            {"asset": asset, "currency": currency, "majorCurrency": asset, "name": asset, "currencyType": "Crypto",
                "scale": scale,
             "enabled": True, "isMarginCurrency": True, "minDepositAmount": 1, "minWithdrawalAmount": 1,
             "maxWithdrawalAmount": 10**12,
             "networks": []}
            for asset, currency, scale in (("XBT", "XBt", 8), ("USDT", "USDt", 6))
        ]  # fmt: skip

    def instruments(self, call):
        wanted = call.params.get("symbol")
        return [self.described(market, call) for market in MARKETS if wanted in (None, market.id)]

    @staticmethod
    def described(market, call):
        price = float(price_of(market))
        is_inverse = market.kind == "inverse"
        return {
            "symbol": market.id, "rootSymbol": "XBT", "state": "Open", "typ": "FFWCSX", "listing": "2016-05-13T12:00:00.000Z",
            "expiry": None, "underlying": "XBT", "quoteCurrency": market.quote,
            "settlCurrency": "XBt" if is_inverse else "USDt",
            "positionCurrency": "USD" if is_inverse else "XBT",
            "underlyingToPositionMultiplier": None if is_inverse else 1000000,
            "underlyingToSettleMultiplier": -100000000 if is_inverse else None, "quoteToSettleMultiplier": None,
            "isInverse": is_inverse, "isQuanto": False, "multiplier": -100000000 if is_inverse else 1, "lotSize": 100,
            "tickSize": 0.5, "maxOrderQty": 10000000, "maxPrice": 1000000, "initMargin": 0.01, "takerFee": 0.0005,
            "makerFee": 0.0002, "prevPrice24h": price, "lastPrice": price, "highPrice": price, "lowPrice": price,
            "bidPrice": price, "askPrice": price, "markPrice": price, "vwap": price, "homeNotional24h": 1,
            "foreignNotional24h": 1,
            "timestamp": iso(call.now_ms),
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method   path                              kind       act
        ("GET",    "/api/v1/instrument",             "public",  instruments),
        ("GET",    "/api/v1/instrument/active",      "public",  instruments),
        ("GET",    "/api/v1/wallet/assets",          "public",  assets),
        ("GET",    "/api/v1",                        "public",  front),
        ("GET",    "/api/v1/apiKey",                 "read",    api_keys),
        ("GET",    "/api/v1/apiKey/self",            "read",    own_api_key),
        ("GET",    "/api/v1/user/margin",            "read",    margin),
        ("GET",    "/api/v1/order",                  "read",    listed),
        ("POST",   "/api/v1/order",                  "order",   order),
        ("PUT",    "/api/v1/order",                  "amend",   amend),
        ("DELETE", "/api/v1/order",                  "cancel",  cancel_order),
        ("DELETE", "/api/v1/order/all",              "cancel",  cancel_all),
        ("POST",   "/api/v1/position/leverage",      "settings", Exchange.empty),
        ("POST",   "/api/v1/user/requestWithdrawal", "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Bitmex]

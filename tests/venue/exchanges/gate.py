"""Gate, V4: spot and USDT futures.

https://www.gate.com/docs/developers/apiv4/en/#apiv4-signed-request-requirements : HMAC-SHA512 in hex of five lines: method,
path, the query without encoding, SHA-512 of the body, and the time in seconds, which may be a minute off.
"""

import urllib.parse

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from signing import hashed, mac

SPOT = [Market(f"{base}_USDT", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
FUTURES = [Market("BTC_USDT", "BTC", "USDT", "linear", "0.0001"), Market("ETH_USDT", "ETH", "USDT", "linear", "0.01")]


def failure(label, message, status=400):
    return status, {"label": label, "message": message}


class Gate(Exchange):
    NAME = "gate"
    HOSTS = ("api.gateio.ws", "api-testnet.gateapi.io", "api.gateeu.com", "api.gate.us", "fx-api.gateio.ws")
    WINDOW_MS = AHEAD_MS = 60000
    REFUSALS = {
        "key": failure("INVALID_KEY", "Invalid key provided", 401),
        "signature": failure("INVALID_SIGNATURE", "Signature mismatch", 401),
        "time": failure("REQUEST_EXPIRED", "gap between request Timestamp and server time exceeds 60", 403),
        "params": failure("INVALID_PARAM_VALUE", "{why}"),
        "symbol": failure("INVALID_CURRENCY_PAIR", "Invalid currency pair"),
        "order": failure("ORDER_NOT_FOUND", "Order not found", 404),
        "path": failure("NOT_FOUND", "{why}", 404),
        "funds": failure("BALANCE_NOT_ENOUGH", "Not enough balance"),
        "duplicate": failure("INVALID_PARAM_VALUE", "Duplicate text"),
        "limit": failure("TOO_MANY_REQUESTS", "Request Rate limit Exceeded", 429),
        "permission": failure("FORBIDDEN", "Your key doesn't have the permission", 403),
        "busy": failure("SERVER_ERROR", "Internal server error", 503),
        "other": failure("INVALID_REQUEST", "{why}"),
    }

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("key"))
        self.check_type(call, "application/json")
        moment = headers.get("timestamp", "")
        body = hashed("sha512", request.body).hex()
        payload = "\n".join((request.method, request.path, urllib.parse.unquote(request.query), body, moment))
        self.check_signature(headers.get("sign"), mac("sha512", key.secret, payload))
        self.check_time(call, moment, unit_ms=1000)
        body = json_body(request.body)
        call.params = body if isinstance(body, list) else fields(request.query) | body

    # ---- spot orders ----

    def spot_market(self, call):
        for market in SPOT:
            if market.id == call.need("currency_pair"):
                return market
        raise Refusal("symbol", f"{call.params['currency_pair']!r} is not traded here")

    def one(self, call):
        kind = call.params.get("type", "limit")
        amount, cost = call.need_number("amount"), None
        price = None if kind == "market" else call.need_number("price")
        if kind == "market" and call.need("side") == "buy":
            amount, cost = None, amount
        return self.place(call, self.spot_market(call), call.need("side"), kind, amount, price, cost, call.params.get("text"))

    def order(self, call):
        return self.shown(self.one(call))

    def batch(self, call):
        return [self.shown(self.one(with_params(call, part))) | {"succeeded": True} for part in call.params]

    def amend(self, call):
        order = self.find(call, call.values["id"])
        call.books.amend(order, call.number("amount"), call.number("price"))
        return self.shown(order)

    def cancel_order(self, call):
        self.spot_market(call)
        return self.shown(self.cancel(call, call.values["id"]))

    def cancel_all(self, call):
        return [self.shown(order) for order in self.cancel_open(call)]

    def opened(self, call):
        wanted = call.params.get("currency_pair")
        orders = [o for o in self.open_orders(call) if o.market in SPOT and wanted in (None, o.market.id)]
        if call.request.path.endswith("/orders"):
            return [self.shown(order) for order in orders]
        pairs = {order.market.id for order in orders}
        return [
            {"currency_pair": pair, "total": 1, "orders": [self.shown(o) for o in orders if o.market.id == pair]}
            for pair in pairs
        ]

    @staticmethod
    def shown(order):
        amount = text(order.amount if order.amount is not None else order.value)
        status = {"open": "open", "filled": "closed", "canceled": "cancelled"}[order.state]
        return {
            "id": order.id, "text": order.client_id or "apiv4", "currency_pair": order.market.id, "status": status,
            "type": order.kind, "account": "spot", "side": order.side, "amount": amount, "price": text(order.price),
            "time_in_force": "gtc", "left": amount if order.state != "filled" else "0", "filled_total": "0", "fee": "0",
            "fee_currency": order.market.base, "create_time_ms": order.time_ms, "update_time_ms": order.time_ms,
            "create_time": str(order.time_ms // 1000), "update_time": str(order.time_ms // 1000), "finish_as": status,
        }  # fmt: skip

    # ---- futures ----

    def futures_market(self, name):
        for market in FUTURES:
            if market.id == name:
                return market
        raise Refusal("symbol", f"{name!r} is not traded here")

    def futures_order(self, call):
        size = str(call.need("size"))
        side = "sell" if size.startswith("-") else "buy"
        part = with_params(call, call.params | {"size": size.removeprefix("-")})
        price = part.number("price") if str(part.params.get("price", "0")).strip("0.") else None
        kind = "market" if price is None else "limit"
        market = self.futures_market(call.need("contract"))
        order = self.place(call, market, side, kind, part.need_number("size"), price, None, call.params.get("text"))
        return self.futures_shown(order)

    @staticmethod
    def futures_shown(order):
        size = int(order.amount) * (-1 if order.side == "sell" else 1)
        is_open = order.state == "open"
        return {
            "id": order.number, "user": 1, "contract": order.market.id, "create_time": order.time_ms / 1000, "size": size,
            "left": size if is_open else 0, "price": text(order.price), "fill_price": "0", "tif": "gtc" if is_open else "ioc",
            "text": order.client_id or "api", "status": "open" if is_open else "finished", "is_reduce_only": False,
        } | ({} if is_open else {"finish_as": "filled" if order.state == "filled" else "cancelled",
            "finish_time": order.time_ms / 1000})  # fmt: skip

    def futures_cancel(self, call):
        return self.futures_shown(self.cancel(call, call.values["id"]))

    def futures_opened(self, call):
        wanted = call.params.get("contract")
        return [
            self.futures_shown(o) for o in self.open_orders(call) if o.market in FUTURES and wanted in (None, o.market.id)
        ]

    # ---- reads ----

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": f"w{call.now_ms}", "amount": call.params["amount"], "status": "REQUEST", "timestamp": "1", "chain": "BTC"}

    def detail(self, call):
        return {"user_id": 1, "ip_whitelist": list(call.key.ips), "key": {"mode": 1}, "tier": 0}

    def main_keys(self, call):
        right = {"wallet": "withdraw", "withdrawal": "withdraw", "spot": "trade", "futures": "trade"}
        perms = [{"name": name, "read_only": needed not in call.key.may} for name, needed in right.items()]
        return [{"key": call.key.id, "perms": perms, "ip_whitelist": list(call.key.ips), "state": 1, "mode": 1}]

    def accounts(self, call):
        return [{"currency": name, "available": n, "locked": "0"} for name, n in (("BTC", "10"), ("USDT", "1000000"))]

    def futures_accounts(self, call):
        return {"currency": "USDT", "total": "1000000", "available": "1000000", "unrealised_pnl": "0", "user": 1}

    # ---- public ----

    def time(self, call):
        return {"server_time": call.now_ms}

    def currencies(self, call):
        return [{"currency": name, "name": name, "delisted": False, "trade_disabled": False, "chains": []} for name in ("BTC",
            "ETH", "USDT")]

    def pairs(self, call):
        return [
            {
                "id": market.id, "base": market.base, "quote": market.quote, "fee": "0.2", "min_base_amount": "0.00001",
                "min_quote_amount": "1", "amount_precision": 6, "precision": 5, "trade_status": "tradable", "sell_start": 0,
                "buy_start": 0,
            }
            for market in SPOT
        ]  # fmt: skip

    def contracts(self, call):
        if call.values["settle"] != "usdt":
            return []
        return [
            {
                "name": market.id, "type": "direct", "quanto_multiplier": market.size, "leverage_min": "1",
                "leverage_max": "100",
                "mark_price": text(price_of(market)), "order_price_round": "0.1", "order_price_deviate": "0.5",
                "order_size_min": 1, "order_size_max": 1000000, "taker_fee_rate": "0.0005", "maker_fee_rate": "0.0002",
                "funding_rate_indicative": "0", "in_delisting": False, "status": "trading", "create_time": 1,
            }
            for market in FUTURES
        ]  # fmt: skip

    def row(self, market, name):
        price = text(price_of(market))
        return {
            name: market.id, "last": price, "lowest_ask": price, "highest_bid": price, "change_percentage": "0",
            "base_volume": "1", "quote_volume": "1", "high_24h": price, "low_24h": price,
        }  # fmt: skip

    def tickers(self, call):
        return [self.row(m, "currency_pair") for m in SPOT if call.params.get("currency_pair") in (None, m.id)]

    def futures_tickers(self, call):
        return [self.row(m, "contract") for m in FUTURES if call.params.get("contract") in (None, m.id)]

    # fmt: off
    ROUTES = [
        # method   path                                     kind       act
        ("GET",    "/api/v4/spot/time",                     "public",  time),
        ("GET",    "/api/v4/spot/currencies",               "public",  currencies),
        ("GET",    "/api/v4/spot/currency_pairs",           "public",  pairs),
        ("GET",    "/api/v4/margin/currency_pairs",         "public",  Exchange.nothing),
        ("GET",    "/api/v4/spot/tickers",                  "public",  tickers),
        ("GET",    "/api/v4/futures/{settle}/contracts",    "public",  contracts),
        ("GET",    "/api/v4/futures/{settle}/tickers",      "public",  futures_tickers),
        ("GET",    "/api/v4/delivery/{settle}/contracts",   "public",  Exchange.nothing),
        ("GET",    "/api/v4/options/underlyings",           "public",  Exchange.nothing),
        ("GET",    "/api/v4/account/detail",                "read",    detail),
        ("GET",    "/api/v4/account/main_keys",             "read",    main_keys),
        ("GET",    "/api/v4/spot/accounts",                 "read",    accounts),
        ("GET",    "/api/v4/futures/{settle}/accounts",     "read",    futures_accounts),
        ("GET",    "/api/v4/spot/open_orders",              "read",    opened),
        ("GET",    "/api/v4/spot/orders",                   "read",    opened),
        ("GET",    "/api/v4/futures/{settle}/orders",       "read",    futures_opened),
        ("POST",   "/api/v4/spot/orders",                   "order",   order),
        ("POST",   "/api/v4/spot/batch_orders",             "order",   batch),
        ("POST",   "/api/v4/futures/{settle}/orders",       "order",   futures_order),
        ("PATCH",  "/api/v4/spot/orders/{id}",              "amend",   amend),
        ("DELETE", "/api/v4/spot/orders/{id}",              "cancel",  cancel_order),
        ("DELETE", "/api/v4/spot/orders",                   "cancel",  cancel_all),
        ("DELETE", "/api/v4/futures/{settle}/orders/{id}",  "cancel",  futures_cancel),
        ("POST",   "/api/v4/futures/{settle}/positions/{contract}/leverage", "settings", Exchange.empty),
        ("POST",   "/api/v4/wallet/transfers",              "transfer", Exchange.empty),
        ("POST",   "/api/v4/withdrawals",                   "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Gate]

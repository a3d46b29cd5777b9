"""Coinbase: Advanced Trade (coinbase) and the exchange for institutions (coinbase-exchange).

https://docs.cdp.coinbase.com/get-started/authentication/jwt-authentication : a token (ES256 or EdDSA) that names method, host
and path, and lives for two minutes. https://docs.cdp.coinbase.com/exchange/rest-api/authentication : base64 of HMAC-SHA256,
with the secret decoded from base64, of time in seconds, method, path with query, and body; the time may be 30 s off.
"""

from books import Market, NotANumber, number, price_of
from exchanges.base import Exchange, Refusal, fields, iso, json_body, text, uuid_of
from signing import BadToken, der_of, from_base64, mac, read_token, same

MARKETS = [Market(f"{base}-{quote}", base, quote) for base in ("BTC", "ETH") for quote in ("USD", "USDT", "EUR")]


def failure(code, message, status):
    return status, {"error": code, "error_details": message, "message": message}


class Coinbase(Exchange):
    NAME = "coinbase"
    HOSTS = ("api.coinbase.com", "api-sandbox.coinbase.com")
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure("Unauthorized", "Unauthorized", 401),
        "signature": failure("Unauthorized", "Unauthorized", 401),
        "time": failure("Unauthorized", "Unauthorized", 401),
        "params": failure("INVALID_ARGUMENT", "{why}", 400),
        "symbol": failure("INVALID_ARGUMENT", "unknown product", 400),
        "order": failure("NOT_FOUND", "order not found", 404),
        "path": failure("NOT_FOUND", "{why}", 404),
        "funds": (200, {"success": False, "error_response": {
            "error": "INSUFFICIENT_FUND", "message": "Insufficient balance in source account", "error_details": "",
            "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND"}}),
        "duplicate": (200, {"success": False, "error_response": {
            "error": "DUPLICATE_CLIENT_ORDER_ID", "message": "duplicate client order id", "error_details": ""}}),
        "limit": failure("rate_limit_exceeded", "Too many errors", 429),
        "permission": failure("PERMISSION_DENIED", "Missing required scopes", 403),
        "busy": failure("internal_server_error", "Internal server error", 503),
        "other": failure("unknown", "{why}", 400),
    }  # fmt: skip
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            header, claims, signed, signature = read_token(token)
        except BadToken as error:
            raise Refusal("signature", str(error)) from None
        key = self.key_named(call, header.get("kid"))
        self.check_type(call, "application/json")
        if scheme != "Bearer" or header.get("typ") != "JWT" or not header.get("nonce"):
            raise Refusal("signature", "Bearer, typ or nonce")
        algorithm, hash_name = {"es256": ("ES256", "sha256"), "eddsa": ("EdDSA", None)}[key.scheme]
        raw = der_of(signature) if algorithm == "ES256" else signature
        if header.get("alg") != algorithm or not key.public_key.verifies(hash_name, signed, raw):
            raise Refusal("signature", "it does not fit")
        if claims.get("sub") != key.id or claims.get("iss") not in ("cdp", "coinbase-cloud"):
            raise Refusal("signature", "sub or iss")
        if (claims.get("uri") or (claims.get("uris") or [None])[0]) != f"{request.method} {request.host}{request.path}":
            raise Refusal("signature", "uri")
        if not 0 < claims.get("exp", 0) - claims.get("nbf", 0) <= 120:
            raise Refusal("time", "it does not live for two minutes")
        self.check_moment(call, claims["nbf"] * 1000, 120_000)
        call.params = json_body(request.body) if request.body else fields(request.query)

    # ---- orders ----

    def order(self, call):
        market = self.market(call.need("product_id"))
        client_id = call.need("client_order_id")
        ((kind, how),) = call.need("order_configuration").items()
        amounts = {name: self.amount(how, name) for name in ("base_size", "quote_size", "limit_price", "stop_price")}
        is_market = kind.startswith("market")
        order = self.place(
            call, market, call.need("side"), "market" if is_market else "limit", amounts["base_size"],
            amounts["limit_price"] or amounts["stop_price"], amounts["quote_size"], client_id,
        )  # fmt: skip
        order.kind = kind
        order.state = "filled" if is_market else "open"
        shown = {"order_id": order.id, "product_id": market.id, "side": order.side.upper(), "client_order_id": client_id}
        return {"success": True, "success_response": shown, "order_configuration": {kind: how}}

    @staticmethod
    def amount(how, name):
        try:
            return number(how[name], name) if how.get(name) else None
        except NotANumber as error:
            raise Refusal("params", str(error)) from None

    def cancel_batch(self, call):
        found = []
        for order_id in call.need("order_ids"):
            order = call.key.orders.get(order_id)
            is_open = order is not None and order.state == "open"
            if is_open:
                order.state = "canceled"
            reason = "UNKNOWN_CANCEL_FAILURE_REASON" if is_open else "UNKNOWN_CANCEL_ORDER"
            found.append({"success": is_open, "failure_reason": reason, "order_id": order_id})
        return {"results": found}

    def edit(self, call):
        call.books.amend(self.find(call, call.need("order_id")), call.number("size"), call.number("price"))
        return {"success": True, "errors": []}

    def listed(self, call):
        wanted = call.params.get("product_id") or call.params.get("product_ids")
        orders = [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]
        return {"orders": orders, "has_next": False, "cursor": "", "sequence": "0"}

    @staticmethod
    def shown(order):
        how = {"base_size": text(order.amount), "limit_price": text(order.price), "post_only": False}
        return {
            "order_id": order.id, "product_id": order.market.id, "user_id": "1", "order_configuration": {order.kind: how},
            "side": order.side.upper(), "client_order_id": order.client_id, "status": "OPEN",
            "time_in_force": "GOOD_UNTIL_CANCELLED", "created_time": iso(order.time_ms), "completion_percentage": "0",
            "filled_size": "0", "average_filled_price": "0", "fee": "", "number_of_fills": "0", "filled_value": "0",
            "total_fees": "0", "order_type": "LIMIT", "product_type": "SPOT",
        }  # fmt: skip

    def withdraw(self, call):
        return {"data": {"id": uuid_of(call.now_ms % 10**9), "type": call.params.get("type", "send"), "status": "pending"}}

    # ---- reads ----

    def accounts(self, call):
        rows = [
            {
                "uuid": uuid_of(at), "name": f"{name} Wallet", "currency": name, "active": True, "default": True, "ready": True,
                "available_balance": {"value": value, "currency": name}, "type": "ACCOUNT_TYPE_CRYPTO",
                "hold": {"value": "0", "currency": name},
            }
            for at, (name, value) in enumerate((("BTC", "10"), ("USD", "1000000"), ("USDT", "1000000")))
        ]  # fmt: skip
        return {"accounts": rows, "has_next": False, "cursor": "", "size": len(rows)}

    def accounts_v2(self, call):
        rows = [
            {
                "id": row["uuid"], "name": row["name"], "type": "wallet", "primary": True, "allow_deposits": True,
                "currency": {"code": row["currency"], "name": row["currency"]},
                "balance": {"amount": row["available_balance"]["value"], "currency": row["currency"]},
            }
            for row in self.accounts(call)["accounts"]
        ]  # fmt: skip
        return {"pagination": {"next_uri": None, "limit": 250}, "data": rows}

    def permissions(self, call):
        return {"can_view": True, "can_trade": "trade" in call.key.may, "can_transfer": "withdraw" in call.key.may,
            "portfolio_uuid": uuid_of(1)}

    def summary(self, call):
        return {"fee_tier": {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"}}

    # ---- products ----

    def products(self, call):
        if call.params.get("product_type") == "FUTURE":
            return {"products": [], "num_products": 0}
        return {"products": [self.product(market) for market in MARKETS], "num_products": len(MARKETS)}

    @staticmethod
    def product(market):
        price = text(price_of(market))
        return {
            "product_id": market.id, "price": price, "base_currency_id": market.base, "quote_currency_id": market.quote,
            "product_type": "SPOT", "base_increment": "0.00000001", "quote_increment": "0.01", "price_increment": "0.01",
            "base_min_size": "0.00001", "base_max_size": "1000", "quote_min_size": "1", "quote_max_size": "10000000",
            "is_disabled": False, "trading_disabled": False, "status": "online", "volume_24h": "1", "new": False,
            "price_percentage_change_24h": "0", "alias_to": [], "view_only": False,
        }  # fmt: skip

    def ticker(self, call):
        price = text(price_of(self.market(call.values["id"])))
        trade = {"trade_id": "1", "product_id": call.values["id"], "price": price, "size": "1", "time": iso(call.now_ms)}
        return {"trades": [trade], "best_bid": price, "best_ask": price}

    def time(self, call):
        return {"iso": iso(call.now_ms), "epochSeconds": str(call.now_ms // 1000), "epochMillis": str(call.now_ms)}

    def time_v2(self, call):
        return {"data": {"iso": iso(call.now_ms), "epoch": call.now_ms // 1000}}

    def currencies(self, call):
        if "crypto" in call.request.path:
            return {"data": [{"asset_id": uuid_of(1), "code": "BTC", "name": "Bitcoin", "exponent": 8, "type": "crypto"}]}
        return {"data": [{"id": "USD", "name": "US Dollar", "min_size": "0.01"}]}

    def rates(self, call):
        return {"data": {"currency": "USD", "rates": {"BTC": "0.0000333", "EUR": "1"}}}

    # fmt: off
    ROUTES = [
        # method path                                             kind      act
        ("GET",  "/v2/time",                                      "public", time_v2),
        ("GET",  "/v2/currencies",                                "public", currencies),
        ("GET",  "/v2/currencies/crypto",                         "public", currencies),
        ("GET",  "/v2/exchange-rates",                            "public", rates),
        ("GET",  "/v2/accounts",                                  "read",   accounts_v2),
        ("POST", "/v2/accounts/{account}/transactions",           "withdraw", withdraw),
        ("GET",  "/api/v3/brokerage/time",                        "public", time),
        ("GET",  "/api/v3/brokerage/market/products",             "public", products),
        ("GET",  "/api/v3/brokerage/market/products/{id}/ticker", "public", ticker),
        ("GET",  "/api/v3/brokerage/products",                    "read",   products),
        ("GET",  "/api/v3/brokerage/products/{id}/ticker",        "read",   ticker),
        ("GET",  "/api/v3/brokerage/transaction_summary",         "read",   summary),
        ("GET",  "/api/v3/brokerage/key_permissions",             "read",   permissions),
        ("GET",  "/api/v3/brokerage/accounts",                    "read",   accounts),
        ("GET",  "/api/v3/brokerage/orders/historical/batch",     "read",   listed),
        ("POST", "/api/v3/brokerage/orders",                      "order",  order),
        ("POST", "/api/v3/brokerage/orders/edit",                 "amend",  edit),
        ("POST", "/api/v3/brokerage/orders/batch_cancel",         "cancel", cancel_batch),
    ]
    # fmt: on


def message(words, status=400):
    return status, {"message": words}


class CoinbaseExchange(Exchange):
    NAME = "coinbase-exchange"
    HOSTS = ("api.exchange.coinbase.com", "api-public.sandbox.exchange.coinbase.com")
    MARKETS = MARKETS
    WINDOW_MS = AHEAD_MS = 30000
    REFUSALS = {
        "key": message("Invalid API Key", 401),
        "signature": message("invalid signature", 401),
        "passphrase": message("Invalid Passphrase", 401),
        "time": message("request timestamp expired", 401),
        "symbol": message("Product not found", 404),
        "order": message("order not found", 404),
        "path": message("Route not found: {why}", 404),
        "funds": message("Insufficient funds"),
        "duplicate": message("duplicate client_oid"),
        "limit": message("Public rate limit exceeded", 429),
        "permission": message("Forbidden", 403),
        "busy": message("Internal server error", 503),
        "other": message("{why}"),
    }
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        headers = request.headers
        key = self.key_named(call, headers.get("cb-access-key"))
        if not same(headers.get("cb-access-passphrase"), key.passphrase):
            raise Refusal("passphrase", "the pass phrase does not fit")
        self.check_type(call, "application/json")
        moment = headers.get("cb-access-timestamp", "")
        wanted = mac("sha256", from_base64(key.secret), moment + request.method + request.target + request.body, "base64")
        self.check_signature(headers.get("cb-access-sign"), wanted)
        whole, _, _ = moment.partition(".")
        self.check_time(call, whole, unit_ms=1000)
        call.params = fields(request.query) | json_body(request.body)

    def order(self, call):
        market = self.market(call.need("product_id"))
        kind = call.params.get("type", "limit")
        price = call.need_number("price") if kind == "limit" else call.number("stop_price")
        order = self.place(
            call, market, call.need("side"), kind, call.number("size"), price, call.number("funds"),
                call.params.get("client_oid")
        )  # fmt: skip
        return self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "id": order.id, "product_id": order.market.id, "side": order.side, "type": order.kind, "price": text(order.price),
            "size": text(order.amount), "time_in_force": "GTC", "post_only": False, "created_at": iso(order.time_ms),
            "fill_fees": "0", "filled_size": "0", "executed_value": "0", "status": "open", "settled": False,
            "client_oid": order.client_id,
        }  # fmt: skip

    def cancel_order(self, call):
        name = call.values["id"]
        return self.cancel(call, name).id

    def cancel_by_name(self, call):
        return self.cancel(call, client_id=call.values["id"]).id

    def cancel_all(self, call):
        return [order.id for order in self.cancel_open(call)]

    def listed(self, call):
        wanted = call.params.get("product_id")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need_number("amount")
        return {"id": uuid_of(call.now_ms % 10**9), "amount": call.params["amount"], "currency": call.params.get("currency")}

    def accounts(self, call):
        return [
            {"id": uuid_of(at), "currency": name, "balance": n, "hold": "0", "available": n, "trading_enabled": True}
            for at, (name, n) in enumerate((("BTC", "10"), ("USD", "1000000"), ("USDT", "1000000")))
        ]  # fmt: skip

    def products(self, call):
        return [
            {
                "id": market.id, "base_currency": market.base, "quote_currency": market.quote, "quote_increment": "0.01",
                "base_increment": "0.00000001", "display_name": market.id.replace("-", "/"), "min_market_funds": "1",
                "status": "online", "trading_disabled": False, "post_only": False, "limit_only": False, "cancel_only": False,
            }
            for market in MARKETS
        ]  # fmt: skip

    def currencies(self, call):
        return [
            {"id": name, "name": name, "min_size": "0.00000001", "status": "online", "max_precision": "0.00000001",
             "details": {"type": "crypto"}, "supported_networks": []}
            for name in ("BTC", "ETH", "USD", "USDT", "EUR")
        ]  # fmt: skip

    def ticker(self, call):
        price = text(price_of(self.market(call.values["id"])))
        return {
            "ask": price, "bid": price, "volume": "1", "trade_id": 1, "price": price, "size": "1", "time": iso(call.now_ms),
        }  # fmt: skip

    def stats(self, call):
        price = text(price_of(self.market(call.values["id"])))
        return {"open": price, "high": price, "low": price, "last": price, "volume": "1"}

    def time(self, call):
        return {"iso": iso(call.now_ms), "epoch": call.now_ms / 1000}

    # fmt: off
    ROUTES = [
        # method   path                                kind       act
        ("GET",    "/time",                            "public",   time),
        ("GET",    "/products",                        "public",   products),
        ("GET",    "/currencies",                      "public",   currencies),
        ("GET",    "/products/{id}/ticker",            "public",   ticker),
        ("GET",    "/products/{id}/stats",             "public",   stats),
        ("GET",    "/accounts",                        "read",     accounts),
        ("GET",    "/orders",                          "read",     listed),
        ("GET",    "/fills",                           "read",     Exchange.nothing),
        ("POST",   "/orders",                          "order",    order),
        ("DELETE", "/orders",                          "cancel",   cancel_all),
        ("DELETE", "/orders/{id}",                     "cancel",   cancel_order),
        ("DELETE", "/orders/client:{id}",              "cancel",   cancel_by_name),
        ("POST",   "/withdrawals/crypto",              "withdraw", withdraw),
        ("POST",   "/withdrawals/payment-method",      "withdraw", withdraw),
        ("POST",   "/withdrawals/coinbase-account",    "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Coinbase, CoinbaseExchange]

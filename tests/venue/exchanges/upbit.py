"""Upbit.

https://global-docs.upbit.com/reference/auth : a token (HS256 or HS512) with the key, a nonce that is used once, and the
SHA-512 of the parameters as an unencoded query, those of the body included. A token has no time.
"""

import urllib.parse

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, iso, json_body, text, uuid_of
from signing import BadToken, hashed, mac, read_token

MARKETS = [Market(f"{quote}-{base}", base, quote) for base in ("BTC", "ETH") for quote in ("KRW", "USDT")]


def failure(name, message, status=400):
    return status, {"error": {"name": name, "message": message}}


class Upbit(Exchange):
    NAME = "upbit"
    HOSTS = ("api.upbit.com", "sg-api.upbit.com", "id-api.upbit.com", "th-api.upbit.com")
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure("invalid_access_key", "invalid access key", 401),
        "signature": failure("jwt_verification", "Failed to verify Jwt token.", 401),
        "nonce": failure("nonce_used", "This nonce has already been used.", 401),
        "params": failure("validation_error", "{why}"),
        "symbol": failure("market_does_not_exist", "market does not exist", 404),
        "order": failure("order_not_found", "order not found", 404),
        "path": failure("not_found", "{why}", 404),
        "funds": failure("insufficient_funds_bid", "insufficient funds"),
        "duplicate": failure("invalid_parameter", "identifier is already used"),
        "limit": failure("too_many_requests", "too many requests", 429),
        "permission": failure("out_of_scope", "no permission", 401),
        "busy": failure("server_error", "server error", 500),
        "other": failure("validation_error", "{why}"),
    }
    make_id = staticmethod(uuid_of)

    def check(self, call):
        request = call.request
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            header, claims, signed, signature = read_token(token)
        except BadToken as error:
            raise Refusal("signature", str(error)) from None
        key = self.key_named(call, claims.get("access_key"))
        self.check_type(call, "application/json")
        if scheme != "Bearer" or header.get("alg") not in ("HS256", "HS512"):
            raise Refusal("signature", "Bearer or alg")
        wanted = mac(f"sha{header['alg'][2:]}", key.secret, signed, "base64url")
        self.check_signature(token.rpartition(".")[2], wanted)
        call.params = fields(request.query) | json_body(request.body)
        if request.body:
            query = "&".join(f"{name}={value}" for name, value in json_body(request.body).items())
        else:
            query = urllib.parse.unquote(request.query)
        if query:
            if claims.get("query_hash_alg", "SHA512") != "SHA512":
                raise Refusal("signature", "query_hash_alg")
            self.check_signature(claims.get("query_hash"), hashed("sha512", query).hex())
        if not claims.get("nonce"):
            raise Refusal("nonce", "none")
        self.check_unused(call, claims["nonce"])

    def order(self, call):
        kind = call.need("ord_type")
        side = {"bid": "buy", "ask": "sell"}.get(call.need("side"), "")
        amount, price, cost = call.number("volume"), call.number("price"), None
        if kind == "limit" and (price is None or amount is None):
            raise Refusal("params", "price and volume")
        if kind == "price" or (kind == "best" and side == "buy"):
            amount, price, cost = None, None, call.need_number("price")
        order = self.place(call, self.market(call.need("market")), side, kind, amount, price, cost,
            call.params.get("identifier"))
        if kind in ("price", "best", "market"):
            order.state = "filled"
        return self.shown(order)

    @staticmethod
    def shown(order):
        return {
            "uuid": order.id, "side": "bid" if order.side == "buy" else "ask", "ord_type": order.kind,
            "price": text(order.price),
            "state": {"open": "wait", "filled": "done", "canceled": "cancel"}[order.state], "market": order.market.id,
            "created_at": iso(order.time_ms), "volume": text(order.amount), "remaining_volume": text(order.amount),
            "reserved_fee": "0", "remaining_fee": "0", "paid_fee": "0", "locked": "0", "executed_volume": "0",
            "trades_count": 0,
            "trades": [], "identifier": order.client_id or None,
        }  # fmt: skip

    def cancel_order(self, call):
        return self.shown(self.cancel(call, call.params.get("uuid"), call.params.get("identifier")))

    def opened(self, call):
        wanted = call.params.get("market")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need_number("amount")
        return {"type": "withdraw", "uuid": uuid_of(call.now_ms % 10**9), "currency": call.params.get("currency"),
                "state": "submitted", "amount": call.params["amount"], "fee": "0", "created_at": iso(call.now_ms)}  # fmt: skip

    def accounts(self, call):
        return [
            {"currency": name, "balance": n, "locked": "0", "avg_buy_price": "0", "unit_currency": "KRW"}
            for name, n in (("KRW", "1000000000"), ("BTC", "10"))
        ]  # fmt: skip

    def keys(self, call):
        return [{"access_key": call.key.id, "expire_at": iso(call.key.expires_ms or 4070908800000)}]

    def markets_listed(self, call):
        return [{"market": market.id, "korean_name": market.base, "english_name": market.base} for market in MARKETS]

    def tickers(self, call):
        rows = []
        for name in call.need("markets").split(","):
            price = float(price_of(self.market(name)))
            rows.append({
                "market": name, "trade_timestamp": call.now_ms, "opening_price": price, "high_price": price, "low_price": price,
                "trade_price": price, "prev_closing_price": price, "change": "EVEN", "signed_change_price": 0,
                "signed_change_rate": 0, "trade_volume": 1, "acc_trade_price_24h": 1, "acc_trade_volume_24h": 1,
                "timestamp": call.now_ms,
            })  # fmt: skip
        return rows

    # fmt: off
    ROUTES = [
        # method   path                    kind        act
        ("GET",    "/v1/market/all",       "public",   markets_listed),
        ("GET",    "/v1/ticker",           "public",   tickers),
        ("GET",    "/v1/accounts",         "read",     accounts),
        ("GET",    "/v1/api_keys",         "read",     keys),
        ("GET",    "/v1/orders/open",      "read",     opened),
        ("POST",   "/v1/orders",           "order",    order),
        ("DELETE", "/v1/order",            "cancel",   cancel_order),
        ("POST",   "/v1/withdraws/coin",   "withdraw", withdraw),
        ("POST",   "/v1/withdraws/krw",    "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Upbit]

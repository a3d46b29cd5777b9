"""Deribit, V2, over REST.

https://docs.deribit.com/articles/authentication "Signature credentials": HMAC-SHA256 in hex of time, nonce, method, path
with query, and body, one a line; in the header Authorization. Here the time may be a minute off.
"""

import re

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body
from signing import mac

MARKETS = [
    Market("BTC_USDC", "BTC", "USDC"),
    Market("ETH_USDC", "ETH", "USDC"),
    Market("BTC_USDC-PERPETUAL", "BTC", "USDC", "linear"),
    Market("BTC-PERPETUAL", "BTC", "USD", "inverse"),
]
AUTHORIZATION = re.compile(r"deri-hmac-sha256 id=([^,]+),ts=(\d+),sig=([0-9a-f]+),nonce=([0-9A-Za-z]+)\Z")


def failure(code, message, status=400):
    return status, {"jsonrpc": "2.0", "error": {"message": message, "code": code}, "testnet": False}


class Deribit(Exchange):
    NAME = "deribit"
    HOSTS = ("www.deribit.com", "test.deribit.com")
    MARKETS = MARKETS
    WINDOW_MS = AHEAD_MS = 60000
    REFUSALS = {
        "key": failure(13004, "invalid_credentials", 401),
        "signature": failure(13004, "invalid_credentials", 401),
        "time": failure(13004, "invalid_credentials", 401),
        "params": failure(-32602, "Invalid params: {why}"),
        "symbol": failure(-32602, "Invalid params: instrument_name"),
        "order": failure(11044, "not_open_order"),
        "path": failure(-32601, "Method not found"),
        "funds": failure(10009, "not_enough_funds"),
        "duplicate": failure(10019, "duplicate label"),
        "limit": failure(10028, "too_many_requests", 429),
        "permission": failure(13021, "forbidden", 403),
        "busy": failure(13028, "temporarily_unavailable", 503),
        "other": failure(11029, "invalid_arguments: {why}"),
    }

    def check(self, call):
        request = call.request
        read = AUTHORIZATION.match(request.headers.get("authorization", ""))
        if not read:
            raise Refusal("signature", "Authorization")
        key_id, moment, signature, nonce = read.groups()
        key = self.key_named(call, key_id)
        payload = f"{moment}\n{nonce}\n{request.method}\n{request.target}\n{request.body}\n"
        self.check_signature(signature, mac("sha256", key.secret, payload))
        self.check_time(call, moment)
        call.params = fields(request.query) | json_body(request.body).get("params", {})

    def wrap(self, call, result):
        return {"jsonrpc": "2.0", "result": result, "usIn": call.now_ms * 1000, "usOut": call.now_ms * 1000, "testnet": False}

    # ---- orders ----

    def order(self, call):
        market = self.market(call.need("instrument_name"))
        kind = call.params.get("type", "limit")
        price = call.number("price", call.number("trigger_price"))
        if kind == "limit":
            call.need("price")
        side = call.request.path.rpartition("/")[2]
        order = self.place(call, market, side, kind, call.need_number("amount"), price, None, call.params.get("label"))
        return {"trades": [], "order": self.shown(order)}

    @staticmethod
    def shown(order):
        return {
            "order_id": order.id, "instrument_name": order.market.id, "direction": order.side, "order_type": order.kind,
            "order_state": {"canceled": "cancelled"}.get(order.state, order.state), "price": float(order.price or 0),
            "amount": float(order.amount), "filled_amount": 0, "average_price": 0, "label": order.client_id, "api": True,
            "time_in_force": "good_til_cancelled", "creation_timestamp": order.time_ms, "last_update_timestamp": order.time_ms,
            "post_only": False, "reduce_only": False, "commission": 0, "replaced": False, "max_show": float(order.amount),
        }  # fmt: skip

    def edit(self, call):
        order = self.find(call, call.params.get("order_id"), call.params.get("label"))
        call.books.amend(order, call.number("amount"), call.number("price"))
        return {"trades": [], "order": self.shown(order)}

    def cancel_order(self, call):
        return self.shown(self.cancel(call, call.need("order_id")))

    def cancel_all(self, call):
        return len(self.cancel_open(call))

    def opened(self, call):
        wanted = call.params.get("instrument_name")
        return [self.shown(order) for order in self.open_orders(call) if wanted in (None, order.market.id)]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": call.now_ms, "state": "unconfirmed", "amount": float(call.params["amount"])}

    # ---- reads ----

    def summary(self, call):
        rows = [
            {"currency": name, "equity": n, "balance": n, "available_funds": n, "maintenance_margin": 0, "margin_balance": n}
            for name, n in (("BTC", 10), ("USDC", 1000000))
        ]
        return {"summaries": rows} if call.request.path.endswith("summaries") else rows[0]

    # ---- public ----

    def time(self, call):
        return call.now_ms

    def currencies(self, call):
        return [
            {"currency": name, "currency_long": name, "coin_type": "BITCOIN", "fee_precision": 4, "withdrawal_fee": 0,
             "min_withdrawal_fee": 0, "decimals": 8}
            for name in ("BTC", "ETH", "USDC")
        ]  # fmt: skip

    def instruments(self, call):
        wanted = call.params.get("currency", "any")
        return [
            {
                "instrument_name": market.id, "kind": "spot" if market.kind == "spot" else "future", "is_active": True,
                "base_currency": market.base, "quote_currency": market.quote, "counter_currency": market.quote,
                "settlement_currency": {"spot": None, "linear": market.quote, "inverse": market.base}[market.kind],
                "settlement_period": "perpetual", "expiration_timestamp": 32503708800000, "creation_timestamp": 1,
                "min_trade_amount": 10 if market.kind == "inverse" else 0.0001, "tick_size": 0.5, "contract_size": 1,
                "taker_commission": 0.0005, "maker_commission": 0, "max_leverage": 50,
            }
            for market in MARKETS
            if wanted in ("any", market.base)
        ]  # fmt: skip

    def ticker(self, call):
        market = self.market(call.need("instrument_name"))
        price = float(price_of(market))
        return {
            "timestamp": call.now_ms, "instrument_name": market.id, "last_price": price, "best_bid_price": price,
            "best_bid_amount": 1, "best_ask_price": price, "best_ask_amount": 1, "mark_price": price, "index_price": price,
            "stats": {"high": price, "low": price, "volume": 1}, "state": "open",
        }  # fmt: skip

    # fmt: off
    ROUTES = [
        # method path                                                kind       act
        ("GET",  "/api/v2/public/get_time",                          "public",  time),
        ("GET",  "/api/v2/public/get_currencies",                    "public",  currencies),
        ("GET",  "/api/v2/public/get_instruments",                   "public",  instruments),
        ("GET",  "/api/v2/public/ticker",                            "public",  ticker),
        ("GET",  "/api/v2/private/get_account_summary",              "read",    summary),
        ("GET",  "/api/v2/private/get_account_summaries",            "read",    summary),
        ("GET",  "/api/v2/private/get_open_orders_by_currency",      "read",    opened),
        ("GET",  "/api/v2/private/get_open_orders_by_instrument",    "read",    opened),
        ("GET",  "/api/v2/private/get_open_orders",                  "read",    opened),
        ("GET",  "/api/v2/private/buy",                              "order",   order),
        ("GET",  "/api/v2/private/sell",                             "order",   order),
        ("GET",  "/api/v2/private/edit",                             "amend",   edit),
        ("GET",  "/api/v2/private/edit_by_label",                    "amend",   edit),
        ("GET",  "/api/v2/private/cancel",                           "cancel",  cancel_order),
        ("GET",  "/api/v2/private/cancel_all",                       "cancel",  cancel_all),
        ("GET",  "/api/v2/private/submit_transfer_between_subaccounts", "transfer", Exchange.empty),
        ("GET",  "/api/v2/private/withdraw",                         "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Deribit]

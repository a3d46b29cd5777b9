"""Crypto.com Exchange, V1.

https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#digital-signature : HMAC-SHA256 in hex of method, id, key, the
parameters (names and values joined without a separator, sorted by name, inside objects and lists too), and nonce, which is
the time; here it may be a minute off.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, json_body, text
from signing import mac

SPOT = [Market(f"{base}_{quote}", base, quote) for base in ("BTC", "ETH") for quote in ("USDT", "USD")]
SWAPS = [Market("BTCUSD-PERP", "BTC", "USD", "linear")]


def failure(code, message, status=400):
    return status, {"code": code, "message": message}


def joined(value):
    if isinstance(value, dict):
        return "".join(name + joined(value[name]) for name in sorted(value))
    if isinstance(value, list):
        return "".join(joined(part) for part in value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


class Cryptocom(Exchange):
    NAME = "cryptocom"
    HOSTS = ("api.crypto.com", "deriv-api.crypto.com", "uat-api.3ona.co")
    MARKETS = SPOT + SWAPS
    WINDOW_MS = AHEAD_MS = 60000
    REFUSALS = {
        "key": failure(40101, "Unauthorized", 401),
        "signature": failure(40101, "Unauthorized", 401),
        "time": failure(40102, "Nonce value differs by more than 60 seconds"),
        "params": failure(40004, "Missing or invalid argument: {why}"),
        "symbol": failure(30003, "INSTRUMENT_NOT_FOUND"),
        "order": failure(316, "NO_ACTIVE_ORDER"),
        "path": failure(40003, "{why}", 404),
        "funds": failure(306, "INSUFFICIENT_AVAILABLE_BALANCE", 500),
        "duplicate": failure(50001, "DUPLICATE_CLORDID"),
        "limit": failure(42901, "RATE_LIMIT", 429),
        "permission": failure(10003, "IP_ILLEGAL", 401),
        "busy": failure(50001, "ERR_INTERNAL", 500),
        "other": failure(40001, "{why}"),
    }

    def check(self, call):
        self.check_type(call, "application/json")
        sent = json_body(call.request.body)
        key = self.key_named(call, sent.get("api_key"))
        method = sent.get("method", "")
        if not call.request.path.endswith(f"/{method}"):
            raise Refusal("params", "method")
        payload = f"{method}{sent.get('id', '')}{key.id}{joined(sent.get('params', {}))}{sent.get('nonce', '')}"
        self.check_signature(sent.get("sig"), mac("sha256", key.secret, payload))
        self.check_time(call, sent.get("nonce"))
        call.params = sent.get("params", {})

    def wrap(self, call, result):
        return {"id": 1, "method": call.request.path.split("/v1/")[1], "code": 0, "result": result}

    # ---- orders ----

    def one(self, call):
        kind = call.need("type")
        price = call.need_number("price") if "LIMIT" in kind else None
        market = self.market(call.need("instrument_name"))
        return self.place(
            call, market, call.need("side"), kind, call.number("quantity"), price, call.number("notional"),
            call.params.get("client_oid"),
        )  # fmt: skip

    def order(self, call):
        order = self.one(call)
        return {"order_id": order.id, "client_oid": order.client_id}

    def cancel_order(self, call):
        order = self.cancel(call, call.params.get("order_id"), call.params.get("client_oid"))
        return {"order_id": order.id, "client_oid": order.client_id}

    def cancel_all(self, call):
        self.cancel_open(call)
        return None

    def amend(self, call):
        order = self.find(call, call.params.get("order_id"), call.params.get("orig_client_oid"))
        call.books.amend(order, call.number("new_quantity"), call.number("new_price"))
        return {"order_id": order.id, "client_oid": order.client_id}

    def opened(self, call):
        wanted = call.params.get("instrument_name")
        return {"data": [
            {
                "account_id": "1", "order_id": order.id, "client_oid": order.client_id, "order_type": "LIMIT", "exec_inst": [],
                "time_in_force": "GOOD_TILL_CANCEL", "side": order.side.upper(), "quantity": text(order.amount),
                "avg_price": "0",
                "limit_price": text(order.price), "cumulative_quantity": "0", "cumulative_value": "0", "cumulative_fee": "0",
                "status": "ACTIVE", "instrument_name": order.market.id, "fee_instrument_name": "USD",
                "create_time": order.time_ms, "update_time": order.time_ms,
            }
            for order in self.open_orders(call)
            if wanted in (None, order.market.id)
        ]}  # fmt: skip

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"id": call.now_ms, "amount": call.params["amount"], "fee": 0, "symbol": call.params.get("currency"),
                "address": call.params["address"], "create_time": call.now_ms}  # fmt: skip

    # ---- reads ----

    def balance(self, call):
        rows = [
            {"instrument_name": name, "quantity": n, "reserved_qty": "0", "market_value": n}
            for name, n in (("BTC", "10"), ("USDT", "1000000"))
        ]
        return {"data": [{"total_available_balance": "1000000", "instrument_name": "USD", "position_balances": rows}]}

    def networks(self, call):
        return {"update_time": call.now_ms, "currency_map": {}}

    # ---- public ----

    def instruments(self, call):
        return {"data": [
            {
                "symbol": market.id, "inst_type": "CCY_PAIR" if market in SPOT else "PERPETUAL_SWAP",
                "display_name": f"{market.base}/{market.quote}", "base_ccy": market.base, "quote_ccy": market.quote,
                "quote_decimals": 2, "quantity_decimals": 5, "price_tick_size": "0.01", "qty_tick_size": "0.00001",
                "max_leverage": "50", "tradable": True, "expiry_timestamp_ms": 0, "contract_size": "1",
                "underlying_symbol": f"{market.base}{market.quote}-INDEX",
            }
            for market in self.MARKETS
        ]}  # fmt: skip

    def tickers(self, call):
        wanted = call.params.get("instrument_name")
        rows = []
        for market in self.MARKETS:
            if wanted in (None, market.id):
                price = text(price_of(market))
                rows.append({"i": market.id, "h": price, "l": price, "a": price, "v": "1", "vv": "1", "c": "0", "b": price,
                             "k": price, "t": call.now_ms})  # fmt: skip
        return {"data": rows}

    # fmt: off
    ROUTES = [
        # method path                                            kind       act
        ("GET",  "/exchange/v1/public/get-instruments",          "public",  instruments),
        ("GET",  "/exchange/v1/public/get-tickers",              "public",  tickers),
        ("POST", "/exchange/v1/private/user-balance",            "read",    balance),
        ("POST", "/exchange/v1/private/get-currency-networks",   "read",    networks),
        ("POST", "/exchange/v1/private/get-open-orders",         "read",    opened),
        ("POST", "/exchange/v1/private/create-order",            "order",   order),
        ("POST", "/exchange/v1/private/amend-order",             "amend",   amend),
        ("POST", "/exchange/v1/private/cancel-order",            "cancel",  cancel_order),
        ("POST", "/exchange/v1/private/cancel-all-orders",       "cancel",  cancel_all),
        ("POST", "/exchange/v1/private/create-subaccount-transfer", "transfer", Exchange.empty),
        ("POST", "/exchange/v1/private/create-withdrawal",       "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Cryptocom]

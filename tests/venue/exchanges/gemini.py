"""Gemini.

https://docs.gemini.com/rest/authentication : everything is in the header X-GEMINI-PAYLOAD, in base64, and the signature is
its HMAC-SHA384 in hex. A nonce must be above all that came before it.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text
from http1 import Answer
from signing import from_base64, mac

MARKETS = [Market(f"{base}{quote}".lower(), base, quote) for base in ("BTC", "ETH") for quote in ("USD", "EUR")]


def failure(reason, message, status=400):
    return status, {"result": "error", "reason": reason, "message": message}


class Gemini(Exchange):
    NAME = "gemini"
    HOSTS = ("api.gemini.com", "api.sandbox.gemini.com", "exchange.gemini.com")
    MARKETS = MARKETS
    REFUSALS = {
        "key": failure("InvalidSignature", "InvalidSignature"),
        "signature": failure("InvalidSignature", "InvalidSignature"),
        "nonce": failure("InvalidNonce", "Nonce has not increased since your last call to the Gemini API."),
        "params": failure("MissingOrInvalidField", "{why}"),
        "symbol": failure("InvalidSymbol", "Received a symbol that is not traded"),
        "order": failure("OrderNotFound", "Order not found", 404),
        "path": failure("EndpointNotFound", "{why}", 404),
        "funds": failure("InsufficientFunds", "Failed to place order due to insufficient funds", 406),
        "duplicate": failure("DuplicateOrder", "client_order_id is in use"),
        "limit": failure("RateLimit", "Requests were made too frequently", 429),
        "permission": failure("MissingRole", "To access this endpoint, you need the role Trader", 403),
        "busy": failure("System", "We are experiencing technical issues", 500),
        "other": failure("InvalidRequest", "{why}"),
    }

    def check(self, call):
        headers = call.request.headers
        key = self.key_named(call, headers.get("x-gemini-apikey"))
        payload = headers.get("x-gemini-payload", "")
        self.check_signature(headers.get("x-gemini-signature"), mac("sha384", key.secret, payload))
        raw = from_base64(payload)
        if raw is None:
            raise Refusal("params", "the payload is no base64")
        sent = json_body(raw.decode("utf-8", "replace"))
        if sent.pop("request", None) != call.request.path:
            raise Refusal("path", "request is not the path")
        nonce = str(sent.pop("nonce", ""))
        if not nonce.isdigit():
            raise Refusal("nonce", "no number")
        self.check_nonce(call, int(nonce))
        call.params = sent

    def read_public(self, call):
        call.params = {} if call.request.path == "/" else fields(call.request.query)

    def order(self, call):
        market = self.market(call.need("symbol").lower())
        kind = call.need("type")
        price = None if "market" in kind else call.need_number("price")
        amount = call.need_number("amount")
        return self.shown(self.place(call, market, call.need("side"), kind, amount, price, None,
            call.params.get("client_order_id")))

    @staticmethod
    def shown(order):
        return {
            "order_id": order.id, "id": order.id, "symbol": order.market.id, "exchange": "gemini",
            "avg_execution_price": "0.00",
            "side": order.side, "type": order.kind, "timestamp": str(order.time_ms // 1000), "timestampms": order.time_ms,
            "is_live": order.state == "open", "is_cancelled": order.state == "canceled", "is_hidden": False,
            "was_forced": False, "executed_amount": "0", "client_order_id": order.client_id, "options": [],
            "price": text(order.price), "original_amount": text(order.amount), "remaining_amount": text(order.amount),
        }  # fmt: skip

    def cancel_order(self, call):
        return self.shown(self.cancel(call, str(call.need("order_id"))))

    def cancel_all(self, call):
        return {"result": "ok", "details": {"cancelledOrders": [order.number for order in self.cancel_open(call)]}}

    def opened(self, call):
        return [self.shown(order) for order in self.open_orders(call)]

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return {"address": call.params["address"], "amount": call.params["amount"], "withdrawalId": str(call.now_ms)}

    def balances(self, call):
        return [
            {"type": "exchange", "currency": name, "amount": n, "available": n, "availableForWithdrawal": n}
            for name, n in (("BTC", "10"), ("USD", "1000000"))
        ]  # fmt: skip

    def account(self, call):
        return {"account": {"accountName": "Primary", "shortName": "primary", "type": "exchange"}, "users": []}

    def roles(self, call):
        may = call.key.may
        return {
            "isAuditor": False, "isFundManager": "withdraw" in may, "isTrader": "trade" in may, "isAccountAdmin": False,
        }  # fmt: skip

    # ---- public ----

    def symbols(self, call):
        return [market.id for market in MARKETS]

    def details(self, call):
        market = self.market(call.values["symbol"].lower())
        return {
            "symbol": market.id.upper(), "base_currency": market.base, "quote_currency": market.quote, "tick_size": 1e-8,
            "quote_increment": 0.01, "min_order_size": "0.00001", "status": "open", "wrap_enabled": False,
        }  # fmt: skip

    def ticker(self, call):
        market = self.market(call.values["symbol"].lower())
        price = text(price_of(market))
        return {
            "bid": price, "ask": price, "last": price,
            "volume": {market.base: "1", market.quote: "1", "timestamp": call.now_ms},
        }  # fmt: skip

    def page(self, call):
        """The web page in which ccxt looks for currencies."""
        data = {
            "tradingPairs": [[market.id.upper(), 2, 8, "0.00001", 10, True] for market in MARKETS],
            "currencies": [["BTC", "Bitcoin", 1, 8, 0, 8, 8, False, None, "bitcoin"], ["USD", "Dollar", 2, 2, 2, 2, 2, True,
            "$", None]],
            "networks": [["bitcoin", "BTC", "Bitcoin"]],
        }
        return Answer(b'<html><script id="currencyData">' + Answer(data).body + b"</script></html>")

    # fmt: off
    ROUTES = [
        # method path                            kind        act
        ("GET",  "/",                            "public",   page),
        ("GET",  "/v1/symbols",                  "public",   symbols),
        ("GET",  "/v1/symbols/details/{symbol}", "public",   details),
        ("GET",  "/v1/pubticker/{symbol}",       "public",   ticker),
        ("POST", "/v1/balances",                 "read",     balances),
        ("POST", "/v1/account",                  "read",     account),
        ("POST", "/v1/roles",                    "read",     roles),
        ("POST", "/v1/orders",                   "read",     opened),
        ("POST", "/v1/order/new",                "order",    order),
        ("POST", "/v1/order/cancel",             "cancel",   cancel_order),
        ("POST", "/v1/order/cancel/all",         "cancel",   cancel_all),
        ("POST", "/v1/withdraw/{currency}",      "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Gemini]

"""Kraken, spot.

https://docs.kraken.com/api/docs/guides/spot-rest-auth : base64 of HMAC-SHA512, with the secret decoded from base64, of the
path and SHA-256 of nonce and body. A nonce must be above all that came before it, in the order in which requests arrive.
"""

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from signing import from_base64, hashed, mac

ASSETS = {"XXBT": "XBT", "XETH": "ETH", "XXDG": "XDG", "XXRP": "XRP", "ZUSD": "USD", "ZEUR": "EUR", "USDT": "USDT"}
CODES = {"XXBT": "BTC", "XETH": "ETH", "XXRP": "XRP", "XXDG": "DOGE"}
PAIRS = {
    # id: (other name, base, quote)
    "XXBTZUSD": ("XBTUSD", "XXBT", "ZUSD"), "XETHZUSD": ("ETHUSD", "XETH", "ZUSD"), "XBTUSDT": ("XBTUSDT", "XXBT", "USDT"),
    "ETHUSDT": ("ETHUSDT", "XETH", "USDT"), "XXBTZEUR": ("XBTEUR", "XXBT", "ZEUR"), "XDGUSDT": ("XDGUSDT", "XXDG", "USDT"),
}  # fmt: skip
MARKETS = {id: Market(id, CODES[base], ASSETS[quote]) for id, (_, base, quote) in PAIRS.items()}


def failure(message, status=200):
    return status, {"error": [message]}


class Kraken(Exchange):
    NAME = "kraken"
    HOSTS = ("api.kraken.com",)
    REFUSALS = {
        "key": failure("EAPI:Invalid key"),
        "signature": failure("EAPI:Invalid signature"),
        "nonce": failure("EAPI:Invalid nonce"),
        "time": failure("EAPI:Invalid nonce"),
        "params": failure("EGeneral:Invalid arguments:{why}"),
        "symbol": failure("EQuery:Unknown asset pair"),
        "order": failure("EOrder:Unknown order"),
        "path": failure("EGeneral:Unknown method", 404),
        "funds": failure("EOrder:Insufficient funds"),
        "duplicate": failure("EOrder:Duplicate client order id"),
        "limit": failure("EAPI:Rate limit exceeded"),
        "permission": failure("EGeneral:Permission denied"),
        "busy": failure("EService:Unavailable", 503),
        "other": failure("EGeneral:Internal error"),
    }

    @staticmethod
    def make_id(number):
        return f"OVENUE-{number // 100000:05}-{number % 100000:06}"

    def check(self, call):
        request = call.request
        key = self.key_named(call, request.headers.get("api-key"))
        is_json = request.headers.get("content-type", "").startswith("application/json")
        params = json_body(request.body) if is_json else fields(request.body)
        if request.method == "GET":
            params = fields(request.query)
        nonce = str(params.pop("nonce", request.headers.get("api-nonce", "")))
        secret = key.cache.get("secret") or key.cache.setdefault("secret", from_base64(key.secret))
        covered = request.target if request.method == "GET" else request.path
        wanted = mac("sha512", secret, covered.encode() + hashed("sha256", nonce + request.body), "base64")
        self.check_signature(request.headers.get("api-sign"), wanted)
        if not nonce.isdigit() or int(nonce) >= 2**64:
            raise Refusal("nonce", f"{nonce!r} is no nonce here")
        self.check_nonce(call, int(nonce))
        call.params = params

    def wrap(self, call, result):
        return {"error": [], "result": result}

    # ---- orders ----

    def here(self, name):
        for id, (other, base, quote) in PAIRS.items():
            if name in (id, other, f"{ASSETS[base]}/{ASSETS[quote]}", f"{CODES[base]}/{ASSETS[quote]}"):
                return MARKETS[id]
        raise Refusal("symbol", f"{name!r} is not traded here")

    def one(self, call):
        market = self.here(call.need("pair"))
        kind = call.need("ordertype")
        amount = call.need_number("volume")
        price = None
        if kind not in ("market", "settle-position"):
            limit = "price2" if call.params.get("price2") else "price"
            call.need(limit)
            is_relative = str(call.params[limit])[0] in "+-#" or str(call.params[limit]).endswith("%")
            price = None if is_relative else call.number(limit)
        cost = None
        if "viqc" in (call.params.get("oflags") or ""):
            amount, cost = None, amount
        if str(call.params.get("validate", "")).lower() in ("true", "1"):
            return None
        return self.place(call, market, call.need("type"), kind, amount, price, cost, call.params.get("cl_ord_id"))

    def add_order(self, call):
        order = self.one(call)
        described = {"order": f"{call.params['type']} {call.params['volume']} {call.params['pair']}"}
        return {"descr": described} | ({"txid": [order.id]} if order else {})

    def add_batch(self, call):
        parts = [part | {"pair": call.need("pair")} for part in self.listed(call)]
        made = [self.one(with_params(call, part)) for part in parts]
        return {"orders": [{"txid": order.id, "descr": {"order": ""}} for order in made if order]}

    @staticmethod
    def listed(call):
        """The orders of a batch: a JSON list, or fields orders[0][price] of a form."""
        orders = call.params.get("orders")
        if isinstance(orders, list):
            return orders
        found = {}
        for name, value in call.params.items():
            if name.startswith("orders["):
                number, member = name[len("orders[") : -1].split("][", 1)
                found.setdefault(int(number), {})[member] = value
        return [found[number] for number in sorted(found)]

    def amend(self, call):
        order = self.find(call, call.params.get("txid"), call.params.get("cl_ord_id"))
        call.books.amend(order, call.number("order_qty"), call.number("limit_price"))
        return {"amend_id": f"A{order.id}"}

    def edit(self, call):
        old = self.cancel(call, call.params.get("txid"), call.params.get("cl_ord_id"))
        price = call.number("price", old.price)
        new = self.place(call, old.market, old.side, old.kind, call.number("volume", old.amount), price)
        return {"txid": new.id, "originaltxid": old.id, "status": "ok", "descr": {"order": ""}}

    def cancel_order(self, call):
        self.cancel(call, call.params.get("txid"), call.params.get("cl_ord_id"))
        return {"count": 1}

    def cancel_all(self, call):
        orders = self.open_orders(call)
        for order in orders:
            order.state = "canceled"
        return {"count": len(orders)}

    def opened(self, call):
        return {"open": {order.id: self.shown(order) for order in self.open_orders(call)}}

    @staticmethod
    def shown(order):
        return {
            "refid": None, "userref": 0, "cl_ord_id": order.client_id, "status": order.state, "opentm": order.time_ms / 1000,
            "descr": {
                "pair": PAIRS[order.market.id][0], "type": order.side, "ordertype": order.kind, "price": text(order.price),
                "price2": "0", "leverage": "none", "order": "", "close": "",
            },
            "vol": text(order.amount), "vol_exec": "0", "cost": "0", "fee": "0", "price": "0", "misc": "", "oflags": "fciq",
        }  # fmt: skip

    def withdraw(self, call):
        call.need("key")
        call.need_number("amount")
        return {"refid": f"VENUE-{call.now_ms}"}

    # ---- reads ----

    def balance(self, call):
        return {"ZUSD": "1000000.0000", "XXBT": "10.0000000000", "USDT": "1000000.0"}

    def balance_more(self, call):
        return {name: {"balance": value, "hold_trade": "0"} for name, value in self.balance(call).items()}

    def key_info(self, call):
        return {
            "apiKey": call.key.id, "apiKeyName": "venue", "permissions": [
                "query-funds", *(["modify-trades", "close-trades"] if "trade" in call.key.may else []),
                *(["withdraw-funds"] if "withdraw" in call.key.may else []),
            ],
            "ipAllowlist": list(call.key.ips), "nonceWindow": "0",
            "validUntil": str(call.key.expires_ms // 1000) if call.key.expires_ms else "0",
        }  # fmt: skip

    def closed(self, call):
        return {"closed": {}, "trades": {}, "count": 0}

    # ---- public ----

    def time(self, call):
        return {"unixtime": call.now_ms // 1000, "rfc1123": ""}

    def status(self, call):
        return {"status": "online", "timestamp": ""}

    def assets(self, call):
        return {
            id: {"aclass": "currency", "altname": name, "decimals": 10, "display_decimals": 5, "status": "enabled"}
            for id, name in ASSETS.items()
        }  # fmt: skip

    def pairs(self, call):
        return {
            id: {
                "altname": other, "wsname": f"{ASSETS[base]}/{ASSETS[quote]}", "aclass_base": "currency", "base": base,
                "aclass_quote": "currency", "quote": quote, "lot": "unit", "cost_decimals": 5, "pair_decimals": 5,
                "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.26]],
                "fees_maker": [[0, 0.16]], "fee_volume_currency": "ZUSD", "ordermin": "0.00005", "costmin": "0.5",
                "tick_size": "0.00001", "status": "online",
            }
            for id, (other, base, quote) in PAIRS.items()
        }  # fmt: skip

    def ticker(self, call):
        asked = call.params.get("pair")
        markets = [self.here(name) for name in asked.split(",")] if asked else MARKETS.values()
        found = {}
        for market in markets:
            price = text(price_of(market))
            found[market.id] = {
                "a": [price, "1", "1.000"], "b": [price, "1", "1.000"], "c": [price, "0.1"], "v": ["1", "1"], "p": [price,
                price],
                "t": [1, 1], "l": [price, price], "h": [price, price], "o": price,
            }  # fmt: skip
        return found

    # fmt: off
    ROUTES = [
        # method  path                          kind       act
        ("GET",  "/0/public/Time",             "public",  time),
        ("GET",  "/0/public/SystemStatus",     "public",  status),
        ("GET",  "/0/public/Assets",           "public",  assets),
        ("GET",  "/0/public/AssetPairs",       "public",  pairs),
        ("GET",  "/0/public/Ticker",           "public",  ticker),
        ("POST", "/0/private/Balance",         "read",    balance),
        ("POST", "/0/private/BalanceEx",       "read",    balance_more),
        ("POST", "/0/private/GetApiKeyInfo",   "read",    key_info),
        ("POST", "/0/private/OpenOrders",      "read",    opened),
        ("POST", "/0/private/ClosedOrders",    "read",    closed),
        ("POST", "/0/private/TradesHistory",   "read",    closed),
        ("POST", "/0/private/QueryOrders",     "read",    Exchange.empty),
        ("POST", "/0/private/AddOrder",        "order",   add_order),
        ("POST", "/0/private/AddOrderBatch",   "order",   add_batch),
        ("POST", "/0/private/AmendOrder",      "amend",   amend),
        ("POST", "/0/private/EditOrder",       "order",   edit),
        ("POST", "/0/private/CancelOrder",     "cancel",  cancel_order),
        ("POST", "/0/private/CancelAll",       "cancel",  cancel_all),
        ("POST", "/0/private/WalletTransfer",  "transfer", Exchange.empty),
        ("POST", "/0/private/Withdraw",        "withdraw", withdraw),
    ]
    # fmt: on


EXCHANGES = [Kraken]

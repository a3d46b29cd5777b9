"""What the venue remembers: every request that arrived, and for each key the orders, nonces and counts.

The books never deduplicate and never say no for want of funds: what reaches them is accepted and counted, so that they
show what a real exchange could have been made to do.
"""

import collections
import decimal
import functools
import itertools
import re
import time

NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,2})?\Z")
PLAIN_NUMBER = re.compile(r"\d+(\.\d+)?\Z")
PRICES = {"BTC": "30000", "ETH": "2000", "LTC": "80", "XRP": "0.5", "DOGE": "0.1", "SHIB": "0.00002"}
# How many of a quote's units a dollar is.
QUOTES = {"USDT": "1", "USD": "1", "USDC": "1", "EUR": "1", "KRW": "1300", "MXN": "17", "BTC": str(1 / 30000)}

# A market of one exchange. `size` is how much of the base a contract is (spot: 1); of an inverse contract, how many
# dollars.
Market = collections.namedtuple("Market", "id base quote kind size", defaults=("spot", "1"))

# The kinds of calls. Those in EFFECTS change something at the exchange.
EFFECTS = {"order", "amend", "cancel", "withdraw", "transfer", "settings"}


@functools.lru_cache(maxsize=None)
def price_of(market):
    if market.kind == "inverse":
        return decimal.Decimal(PRICES[market.base])
    return decimal.Decimal(PRICES[market.base]) * decimal.Decimal(QUOTES[market.quote])


class NotANumber(ValueError):
    pass


def number(value, name):
    """A positive number from a request. Exponents are taken: which exchange refuses them was not looked up, and to refuse one
    that an exchange takes would hide what it could have been made to do."""
    if isinstance(value, bool) or not isinstance(value, (str, int, decimal.Decimal)):
        raise NotANumber(f"{name} is {value!r}")
    text = str(value)
    found = decimal.Decimal(text) if NUMBER.match(text) else None
    if not found:
        raise NotANumber(f"{name} is {text!r}")
    return found


class Order:
    __slots__ = ("number", "id", "market", "side", "kind", "amount", "price", "value", "client_id", "state", "time_ms", "key")

    def shown(self):
        shown = {name: getattr(self, name) for name in self.__slots__ if name not in ("market", "key")}
        return shown | {"symbol": self.market.id, "market": self.market.kind, "key": self.key.id}


class Key:
    """A key on file, with its books. `may` says what calls about the key tell: of read, trade, withdraw; `ips` are the
    addresses that it is bound to there, and `expires_ms` when it ends, or None. `hosts` are the only ones that know it, or
    None. `is_demo` is for exchanges where a header says which account is meant."""

    def __init__(self, exchange, key_id, scheme="hmac", secret=None, passphrase=None, public_key=None, may=("read", "trade"),
                 ips=(), expires_ms=None, hosts=None, is_demo=False):  # fmt: skip
        self.exchange = exchange
        self.id = key_id
        self.scheme = scheme
        self.secret = secret
        self.passphrase = passphrase
        self.public_key = public_key
        self.may = may
        self.ips = ips
        self.expires_ms = expires_ms
        self.hosts = hosts
        self.is_demo = is_demo
        self.cache = {}  # what an exchange's rule derives from the secret
        self.clear()

    def clear(self):
        self.orders = {}
        self.by_client_id = {}
        self.counts = collections.Counter()
        self.value = decimal.Decimal(0)
        self.value_by_quote = collections.defaultdict(decimal.Decimal)
        self.nonce = -1
        self.used = set()  # nonces that may not be used twice, in any order
        self.refused = collections.Counter()
        self.sent = set()  # the requests with effects, as Python's hashes

    def summary(self):
        return {
            "exchange": self.exchange,
            "key": self.id,
            "orders": len(self.orders),
            "open": sum(order.state == "open" for order in self.orders.values()),
            "value": self.value,
            "value_by_quote": dict(self.value_by_quote),
            "accepted": dict(self.counts),
            "refused": dict(self.refused),
            "duplicates": self.counts["duplicates"],
            "repeats": self.counts["repeats"],
            "withdrawals": self.counts["withdraw"],
        }


class Arrival:
    """One request. `verdict` is "accepted", "public", "refused: …", "unknown call" or what the misbehaviour was that kept
    the venue from looking at it."""

    __slots__ = ("n", "time_ms", "exchange", "request", "kind", "key", "verdict", "misbehaviour", "status", "is_repeat", "left")

    def shown(self, is_raw=False):
        request = self.request
        shown = {
            "n": self.n,
            "time_ms": self.time_ms,
            "exchange": self.exchange,
            "host": request.host,
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "body": request.body,
            "connection": request.connection,
            "nth": request.nth,
            "faults": request.faults,
            "kind": self.kind,
            "key": self.key,
            "verdict": self.verdict,
            "misbehaviour": self.misbehaviour,
            "status": self.status,
            "repeat": self.is_repeat,
            "left": self.left,
        }
        if is_raw:
            shown["raw"] = request.raw.decode("latin-1")
        return shown


class Books:
    def __init__(self):
        self.keys = {}
        self.offset_ms = 0
        self.settings = {"keep_arrivals": True, "dedupe": False, "check_time": True}
        self.clear()

    def clear(self):
        self.arrivals = []
        self.counted = 0
        self.broken = []
        self.order_numbers = itertools.count(1000000001)
        for key in self.keys.values():
            key.clear()

    def now_ms(self):
        return int(time.time() * 1000) + self.offset_ms

    def add_key(self, key):
        self.keys[key.exchange, key.id] = key

    def arrive(self, exchange, request):
        self.counted += 1
        arrival = Arrival()
        arrival.n = self.counted
        arrival.time_ms = time.time() * 1000
        arrival.exchange = exchange
        arrival.request = request
        arrival.kind = arrival.key = arrival.verdict = arrival.misbehaviour = arrival.status = None
        arrival.is_repeat = arrival.left = False
        if self.settings["keep_arrivals"]:
            self.arrivals.append(arrival)
        return arrival

    # ---- orders ----

    def place(self, key, market, side, kind, amount=None, price=None, cost=None, client_id=None, make_id=str):
        """Accepts an order. The value is in the quote: of `cost` if it is named, else by the price, else by the market's."""
        order = Order()
        order.number = next(self.order_numbers)
        order.id = make_id(order.number)
        order.key = key
        order.market = market
        order.side = side.lower()
        order.kind = kind.lower()
        order.amount = amount
        order.price = price
        order.client_id = client_id or ""
        order.value = value_of(market, amount, price, cost)
        order.state = "filled" if "market" in order.kind else "open"
        order.time_ms = self.now_ms()
        if client_id:
            key.counts["duplicates"] += client_id in key.by_client_id
            key.by_client_id[client_id] = order
        key.orders[order.id] = order
        self.add_value(key, order, order.value)
        return order

    @staticmethod
    def add_value(key, order, value):
        key.value += value
        key.value_by_quote[order.market.quote] += value

    def amend(self, order, amount=None, price=None):
        """An order that has become dearer counts for what it has become."""
        order.amount = amount if amount is not None else order.amount
        order.price = price if price is not None else order.price
        value = value_of(order.market, order.amount, order.price, None)
        if value > order.value:
            self.add_value(order.key, order, value - order.value)
            order.value = value


def value_of(market, amount, price, cost):
    if cost is not None:
        return cost
    if market.kind == "spot":
        return amount * (price if price is not None else price_of(market))
    size = decimal.Decimal(market.size)
    if market.kind == "inverse":
        return amount * size
    return amount * size * (price if price is not None else price_of(market))


def find_order(key, order_id=None, client_id=None):
    """The open order that is meant, or None."""
    order = key.orders.get(str(order_id)) if order_id else key.by_client_id.get(client_id)
    return order if order and order.state == "open" else None


def open_orders(key, market=None):
    return [order for order in key.orders.values() if order.state == "open" and market in (None, order.market)]

"""What all exchanges share: finding the call, and refusing.

An exchange is a class with a table ROUTES, a rule check() and a table REFUSALS. README.md says where the rules come
from. A rule sets `call.key` and `call.params` or raises Refusal. A route's function takes the call and returns what goes
into the exchange's envelope, or an Answer.
"""

import collections
import datetime
import decimal
import json
import re
import traceback
import urllib.parse

import books as books_module
from books import EFFECTS, NotANumber, find_order, open_orders
from http1 import Answer

# `kind` is public, keyed (takes the key id and no signature), read, or one of EFFECTS.
Route = collections.namedtuple("Route", "method path kind act")
# What a refusal can be about. Every exchange has a row for each in REFUSALS, or takes that of "other".
KINDS = (
    "key", "passphrase", "signature", "time", "nonce", "params", "symbol", "order", "path", "funds", "duplicate", "limit", "permission",
    "busy", "other",
)  # fmt: skip


# At OKX and Bitget, demo trading is at the same host, and one of these says so.
DEMO_HEADERS = ("x-simulated-trading", "paptrading")


class Refusal(Exception):
    def __init__(self, kind, why=""):
        super().__init__(f"{kind}: {why}" if why else kind)
        self.kind = kind
        self.why = why


class Call:
    __slots__ = ("request", "books", "route", "values", "params", "key", "now_ms")

    def number(self, name, default=None):
        value = self.params.get(name)
        if value is None or value == "":
            return default
        try:
            found = books_module.number(value, name)
        except NotANumber as error:
            raise Refusal("params", str(error)) from None
        if self.key and not books_module.PLAIN_NUMBER.match(str(value)):
            self.key.counts["exponents"] += 1
        return found

    def need(self, name):
        value = self.params.get(name)
        if value is None or value == "":
            raise Refusal("params", f"{name} is missing")
        return value

    def need_number(self, name):
        self.need(name)
        return self.number(name)


def fields(text, plus=True):
    """The fields of a form or query, decoded; a dict, and a name that comes twice is refused."""
    if not text:
        return {}
    unquote = urllib.parse.unquote_plus if plus else urllib.parse.unquote
    if "%" not in text and "+" not in text:
        unquote = str  # most have nothing to decode, and decoding is slow
    found = {}
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals:
            raise Refusal("params", f"{part!r} is no field")
        name = unquote(name)
        if name in found:
            raise Refusal("params", f"{name} comes twice")
        found[name] = unquote(value)
    return found


def json_body(text):
    """The body, or an empty object. Numbers with a fraction keep their digits."""

    def pairs(listed):
        found = dict(listed)
        if len(found) != len(listed):
            raise Refusal("params", "a member comes twice")
        return found

    if text == "":
        return {}
    try:
        return json.loads(text, parse_float=decimal.Decimal, object_pairs_hook=pairs)
    except ValueError:
        raise Refusal("params", "the body is no JSON") from None


def text(number, default="0"):
    return default if number is None else f"{number:f}"


def uuid_of(number):
    """An order's number as a UUID, at exchanges that write ids so."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def iso(ms):
    """2026-01-31T23:59:59.123Z"""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def with_params(call, params):
    """The same call with other parameters, for one order of several."""
    part = Call()
    for name in Call.__slots__:
        setattr(part, name, getattr(call, name))
    part.params = params
    return part


class Exchange:
    NAME = ""
    HOSTS = ()
    MARKETS = ()
    ROUTES = ()
    REFUSALS = {}
    HEADERS = ()  # of every answer
    WINDOW_MS = 5000  # how old a request may be
    AHEAD_MS = 1000  # how far in the future

    def __init__(self):
        self.exact = {}
        self.patterns = []
        for route in self.ROUTES:
            route = Route(*route)
            if "{" in route.path:
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
                self.patterns.append((route.method, re.compile(pattern + r"\Z"), route))
            else:
                self.exact[route.method, route.path] = route
        self.markets = {market.id: market for market in self.MARKETS}

    # ---- what exchanges override ----

    def check(self, call):
        raise NotImplementedError

    def read_public(self, call):
        call.params = fields(call.request.query)

    def wrap(self, call, result):
        return result

    # How an order's number is written where it is not just digits.
    make_id = str

    def refusal(self, kind, why, call=None):
        """The answer in the exchange's own shape: by default, the row of REFUSALS (status, value), in which "{why}" is
        replaced."""
        status, value = self.REFUSALS.get(kind) or self.REFUSALS["other"]
        text = json.dumps(value).replace("{why}", json.dumps(why or kind)[1:-1])
        return Answer(text.encode(), status, (*self.HEADERS, *(("Retry-After: 1",) if kind == "limit" else ())))

    # ---- for rules ----

    def key_named(self, call, key_id):
        key = call.books.keys.get((self.NAME, key_id))
        if key is None:
            raise Refusal("key", f"{key_id!r} is not on file")
        call.key = key
        headers = call.request.headers
        is_demo = any(headers.get(name) == "1" for name in DEMO_HEADERS)
        if key.is_demo != is_demo or (key.hosts and call.request.host not in key.hosts):
            raise Refusal("key", "the key is of another environment")
        return key

    def check_time(self, call, text, window_ms=None, unit_ms=1):
        text = str(text)
        if len(text) != (10 if unit_ms == 1000 else 13) or not text.isdigit():
            raise Refusal("time", f"{text!r} is no time here")
        self.check_moment(call, int(text) * unit_ms, window_ms)

    def check_moment(self, call, ms, window_ms=None):
        window_ms = self.WINDOW_MS if window_ms is None else window_ms
        age = call.now_ms - ms
        if call.books.settings["check_time"] and not -self.AHEAD_MS < age <= window_ms:
            raise Refusal("time", f"{age} ms old")

    @staticmethod
    def check_signature(given, wanted):
        if not isinstance(given, str) or given != wanted:
            raise Refusal("signature", "it does not fit")

    @staticmethod
    def check_nonce(call, nonce):
        """Strictly greater than the last one that was accepted."""
        if nonce <= call.key.nonce:
            raise Refusal("nonce", f"{nonce} is not above {call.key.nonce}")
        call.key.nonce = nonce

    @staticmethod
    def check_unused(call, nonce):
        if nonce in call.key.used:
            raise Refusal("nonce", f"{nonce} was used before")
        call.key.used.add(nonce)

    @staticmethod
    def check_type(call, wanted):
        given = call.request.headers.get("content-type", "").split(";")[0].strip()
        if call.request.body and given != wanted:
            raise Refusal("params", f"Content-Type is {given!r}")

    # ---- for routes ----

    def market(self, market_id):
        found = self.markets.get(market_id)
        if found is None:
            raise Refusal("symbol", f"{market_id!r} is not traded here")
        return found

    def place(self, call, market, side, kind, amount=None, price=None, cost=None, client_id=None):
        if str(side).lower() not in ("buy", "sell"):
            raise Refusal("params", f"side is {side!r}")
        if call.books.settings["dedupe"] and client_id and client_id in call.key.by_client_id:
            raise Refusal("duplicate", f"client id {client_id!r}")
        if amount is None and cost is None:
            raise Refusal("params", "the amount is missing")
        return call.books.place(call.key, market, side, kind, amount, price, cost, client_id, self.make_id)

    @staticmethod
    def find(call, order_id=None, client_id=None):
        order = find_order(call.key, order_id, client_id)
        if order is None:
            raise Refusal("order", f"no open order {order_id or client_id!r}")
        return order

    def cancel(self, call, order_id=None, client_id=None):
        order = self.find(call, order_id, client_id)
        order.state = "canceled"
        return order

    @staticmethod
    def open_orders(call, market=None):
        return open_orders(call.key, market)

    def cancel_open(self, call, market=None):
        """Cancels all open orders, or those of a market, and returns them."""
        orders = self.open_orders(call, market)
        for order in orders:
            order.state = "canceled"
        return orders

    # Answers that many calls have.

    def nothing(self, call):
        return []

    def empty(self, call):
        return {}

    # ---- the way of a request ----

    def find_route(self, request):
        route = self.exact.get((request.method, request.path))
        if route:
            return route, {}
        for method, pattern, route in self.patterns:
            found = method == request.method and pattern.match(request.path)
            if found:
                return route, {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
        return None, {}

    def answer(self, request, books, arrival):
        """Returns an Answer, and writes the verdict into `arrival`."""
        call = Call()
        call.request = request
        call.books = books
        call.key = None
        call.now_ms = books.now_ms()
        call.route, call.values = self.find_route(request)
        try:
            return self.decide(call, arrival)
        except Refusal as refusal:
            arrival.verdict = f"refused: {refusal}"
            arrival.key = call.key and call.key.id
            if call.key:
                call.key.refused[refusal.kind] += 1
            return self.refusal(refusal.kind, refusal.why, call)
        except Exception:  # noqa: BLE001  (whatever a request did to the venue: the test must hear of it, and the rest go on)
            arrival.verdict = "the venue failed"
            books.broken.append(traceback.format_exc())
            return Answer({"venue": "failed"}, 500)

    def decide(self, call, arrival):
        route = call.route
        if route is None:
            try:
                self.check(call)  # so that it is counted for the key if it is well signed
            except Refusal:
                call.key = None
            raise Refusal("path", f"{call.request.method} {call.request.path} is not played here")
        arrival.kind = route.kind
        if route.kind == "public":
            self.read_public(call)
            arrival.verdict = "public"
        else:
            self.check(call)
            arrival.key = call.key.id
        result = route.act(self, call)
        if route.kind != "public":
            arrival.verdict = "accepted"
            call.key.counts[route.kind] += 1
            if route.kind in EFFECTS:
                arrival.is_repeat = is_repeat(call)
        return result if isinstance(result, Answer) else Answer(self.wrap(call, result), headers=self.HEADERS)


def is_repeat(call):
    """True if the very same request with effects was accepted before."""
    request = call.request
    headers = frozenset(item for item in request.headers.items() if item[0] not in TRANSPORT)
    fingerprint = hash((request.method, request.host, request.target, request.body, headers))
    was = fingerprint in call.key.sent
    call.key.sent.add(fingerprint)
    call.key.counts["repeats"] += was
    return was


TRANSPORT = {
    "accept", "accept-encoding", "accept-language", "connection", "content-length", "expect", "host", "sec-fetch-mode",
    "user-agent",
}  # fmt: skip

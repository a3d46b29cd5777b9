"""What requests mean, by the exchanges' own conventions, as somebody who knows five of them would write it down.

Written from docs/profiles.md (Intent) and the exchanges' documentation, and not from the profiles' code: each exchange
is a class whose methods read one kind of request each (venues_spot.py, venues_contracts.py). A fact is a text or a
number; UNKNOWN; or not there."""

import re
from fractions import Fraction

UNKNOWN = object()

HAS = {
    "order": ("market symbol base quote side type time_in_force quantity price trigger_price leverage reduce_only "
              "close_position client_id order").split(),
    "cancel": "market symbol order".split(),
    "transfer": "asset amount from to".split(),
    "withdrawal": "asset network address tag amount".split(),
    "borrow": "asset amount".split(),
    "setting": "name value symbol".split(),
    "read": [],
}
NEEDS = {
    "order": "market symbol base quote side type".split(),
    "cancel": ["market"],
    "transfer": "asset amount from to".split(),
    "withdrawal": "asset network address amount".split(),
    "borrow": "asset amount".split(),
    "setting": "name value".split(),
    "read": [],
}
HAS_PRICE = {"limit", "limit-maker", "stop-limit", "take-profit-limit", "trailing-limit"}
LACKS_PRICE = {"market", "stop", "take-profit", "trailing", "twap", "vwap"}
HAS_TRIGGER = {"stop", "stop-limit", "take-profit", "take-profit-limit", "trailing", "trailing-limit"}
KIND_OF_CLASS = {"read": "read", "trade": "order", "session": "order", "cancel": "cancel", "transfer": "transfer",
                 "withdraw": "withdrawal", "account": "setting", "keys": "setting"}


def number(text):
    """A decimal; none that is zero is taken for a number, since exchanges take it for none or for all."""
    value = Fraction(text)
    return value if value > 0 else UNKNOWN


class Item:
    """One thing that a request does."""

    def __init__(self, kind, amends=False, **facts):
        self.kind = kind
        self.amends = amends
        self.facts = {name.rstrip("_"): value for name, value in facts.items() if value is not None}
        self.unit = "base"
        self.contract = None  # size and asset
        self.id_name = None  # the parameter by which it is given, or named by, the id that its bot chose
        self.spoken = set()  # of an amendment, the facts that something in the request speaks of

    def get(self, name):
        return self.facts.get(name)

    def known(self, name):
        """The fact, if it is stated."""
        value = self.facts.get(name)
        return None if value is UNKNOWN else value

    def complete(self):
        """Fills in what is unknown because nothing says it."""
        facts = self.facts
        if self.amends:
            self.spoken |= set(facts)
            for name in HAS[self.kind]:
                facts.setdefault(name, UNKNOWN)
            return self
        for name in NEEDS[self.kind]:
            facts.setdefault(name, UNKNOWN)
        if self.kind != "order":
            return self
        if facts.get("close_position") != "yes":
            facts.setdefault("quantity", UNKNOWN)
        kind = facts["type"]
        if kind is UNKNOWN or kind in HAS_PRICE:
            facts.setdefault("price", UNKNOWN)
        if kind is UNKNOWN or kind in HAS_TRIGGER:
            facts.setdefault("trigger_price", UNKNOWN)
        if (kind is UNKNOWN or kind in LACKS_PRICE) and "price" in facts:
            facts["price"] = UNKNOWN
        return self


class Reading:
    def __init__(self, endpoint, class_, items, needs=()):
        self.endpoint = endpoint
        self.class_ = class_
        self.items = [item.complete() for item in items]
        self.needs = set(needs) - {class_}


def maker(kind, post_only):
    """Post only makes a limit order one that only adds; of another type nobody knows what it does."""
    if not post_only:
        return kind
    return "limit-maker" if kind in ("limit", "limit-maker") else UNKNOWN


class Exchange:
    once = False  # a signature can be used once
    rate = None  # orders and seconds
    validity_s = None  # of a signature, if there is no window
    has_window = False

    def validity(self, window_ms):
        """In seconds; None: nobody knows."""
        if self.has_window:
            return Fraction(window_ms or self.window_default, 1000)
        return Fraction(self.validity_s) if self.validity_s else None

    def uses(self, window_ms):
        """How often a signature can be used; None: nobody knows."""
        if self.once:
            return 1
        valid = self.validity(window_ms)
        if valid is None or self.rate is None:
            return None
        count, per = self.rate
        return -(-valid // per) * count

    def read(self, method, path, params):
        call = f"{method} {path}"
        for pattern, handler in self.calls:
            match = re.fullmatch(pattern, call)
            if match:
                return getattr(self, handler)(call, params, *match.groups())
        raise KeyError(call)

"""What a policy says, as data: its limits, the windows that they count in, and all else that it has."""

from fractions import Fraction

import terms
from entries import Entry

MONEY = {"value": "value-window", "volume": "volume-window", "loss": "loss-budget", "open_value": "open-value"}
CONTROLS = {"order_value": "maximum-order-value", "order_volume": "maximum-order-volume", "price_within": "price-collar",
            "amount": "amount-window", "orders": "order-count", "messages": "message-limit",
            "same_order": "repeated-execution", "leverage": "maximum-leverage", "validity": "maximum-validity", **MONEY}


class Limit:
    """What an entry of `limit` counts."""

    def __init__(self, entry, data):
        self.entry = entry
        self.name = entry.name
        self.data = data
        self.field = next(name for name in CONTROLS if name in data)
        self.control = CONTROLS[self.field]
        if self.field == "amount" and "per" not in data:
            self.control = "maximum-amount"
        value = data[self.field]
        self.asset = None
        if self.field in MONEY or self.field in ("order_value", "order_volume", "amount"):
            self.most, self.asset = terms.amount(value)
        elif self.field == "price_within":
            self.most = terms.ratio(value)
            self.age_ns = terms.duration(data["price_age"])
        elif self.field == "same_order":
            self.most = Fraction(value["at_most"])
        elif self.field == "validity":
            self.most = Fraction(terms.duration(value), terms.NS)
        else:
            self.most = Fraction(value)
        self.reserve = data.get("reserve_cancels", 0)
        self.period = terms.Period(value["within"] if self.field == "same_order" else data.get("per"),
                                   data.get("time_zone", "UTC"))
        usual = "caller" if self.field in ("messages", "orders", "same_order") else "account"
        by = data.get("by", usual)
        self.by = [by] if isinstance(by, str) else by
        self.closing = terms.amount(data["closing"])[0] if "closing" in data else None
        self.release = terms.ratio(data["release"]) if "release" in data else Fraction(0)
        self.is_named = False

    def room(self, is_closing, is_cancel):
        """How much the window holds for that kind of charge."""
        if is_closing:
            return self.closing
        return self.most - (0 if is_cancel else self.reserve)


class Policy:
    def __init__(self, data):
        self.data = data
        self.seen = {}
        self.addresses = data.get("addresses", {})
        self.accounts = {}
        for name, account in data.get("accounts", {}).items():
            self.accounts[name] = {key: terms.ratio(value) if key in ("reference_error", "market_slippage") else value
                                   for key, value in account.items()}
        self.keys = data["keys"]
        for name, key in self.keys.items():
            if "account" not in key:
                self.accounts.setdefault(name, {})
        self.entries = {verb: sorted((Entry(verb, one, self) for one in data.get(verb, [])), key=lambda one: one.name)
                        for verb in ("allow", "deny", "limit", "require")}
        self.limits = {entry.name: Limit(entry, entry.data) for entry in self.entries["limit"]}
        for allow in self.entries["allow"]:
            for name in allow.limits:
                self.limits[name].is_named = True
        self.conversions = [{"from": one["from"].upper(), "to": one["to"].upper(),
                             "rate": Fraction(one["rate"]) if "rate" in one else None,
                             "max_age": terms.duration(one["max_age"]) if "max_age" in one else None,
                             "haircut": terms.ratio(one["haircut"]) if "haircut" in one else Fraction(0)}
                            for one in data.get("conversions", [])]
        self.states = {"active": None, "reducing": {"read", "cancel", "trade"}, "halted": {"read", "cancel"}}
        self.keeps_stops = False
        for name, state in data.get("states", {}).items():
            if "classes" in state:
                self.states[name] = set(state["classes"])
            self.keeps_stops = self.keeps_stops or bool(state.get("keep_stops"))

    def account_of(self, key):
        return self.keys[key].get("account", key)


class Level:
    """A window's charges, each until it no longer counts; and what was released of it."""

    def __init__(self):
        self.charges = []  # [amount, end, when, amount as it was]
        self.released = []

    def used(self, now_ns):
        return sum((one[0] for one in self.charges if one[1] is None or now_ns < one[1]), Fraction(0))

    def wait(self, amount, room, now_ns):
        """How long until `amount` fits; None: never."""
        if amount > room:
            return None
        ends = sorted({one[1] for one in self.charges if one[1] is not None and one[1] > now_ns and one[0] > 0})
        for at in [now_ns] + ends:
            if has_room(self.used(at), amount, room):
                return at - now_ns
        return None


def has_room(used, amount, room):
    """A sum that is too long to be counted has none."""
    return used + amount <= room and terms.is_decimal(used + amount)

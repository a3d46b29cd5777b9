"""What one limit says of one item: it holds, it refuses, or it counts so much for somebody."""

from fractions import Fraction

from entries import UNREAD_SPELLINGS, YES, is_address
from readings import UNKNOWN
from worth import Unknown, fact, times


class Counting:
    """The part of the oracle that asks limits."""

    def ask_amounts(self, allow, limits, subject, against):
        """Whoever names limits on amounts names one for each asset: an asset that none of them counts is not open."""
        named = [limit for limit in limits if limit.name in allow.limits and limit.field == "amount"]
        asset = subject.item.known("asset")
        if named and asset is not None and not any(limit.asset == asset.upper() for limit in named):
            against.extend((limit.name, {"control": limit.control}) for limit in named)

    def ask_limit(self, limit, subject, pricing, costs, against):
        """Adds what the item costs, or a refusal."""
        try:
            refusal = self.count(limit, subject, pricing, costs)
        except Unknown as reason:
            refusal = {"unknown": str(reason)}
        if refusal is not None:
            against.append((limit.name, {"control": limit.control, **refusal}))

    def count(self, limit, subject, pricing, costs):
        """Returns figures if the limit refuses."""
        item, field = subject.item, limit.field
        if field == "validity":
            if self.validity is None:
                raise Unknown("validity")
            return {} if self.validity > limit.most else None
        if field == "messages":
            return self.charge(limit, subject, Fraction(1), costs, per_request=True)
        if field == "leverage":
            return self.count_leverage(limit, item)
        if field == "amount":
            return self.count_amount(limit, subject, costs)
        if item.kind != "order":
            return None
        if field == "price_within":
            return self.collar(limit, item, pricing)
        if field == "same_order":
            return self.charge(limit, subject, Fraction(1), costs)
        if field == "orders":
            return self.charge(limit, subject, self.times(Fraction(1)), costs)
        worth = {"order_value": pricing.value, "value": pricing.value, "open_value": pricing.value, "loss": pricing.loss,
                 "order_volume": pricing.volume, "volume": pricing.volume}[field]
        amount = pricing.convert(worth(), limit.asset)
        if field in ("order_value", "order_volume"):
            return {"asked": amount} if amount > limit.most else None
        return self.charge(limit, subject, self.times(amount), costs)

    def times(self, amount):
        if amount == 0:
            return amount
        if self.uses is None:
            raise Unknown("uses")
        return times(amount, Fraction(self.uses))

    def count_leverage(self, limit, item):
        if item.kind == "setting":
            name = item.get("name")
            if name is not None and name is not UNKNOWN and name.replace("_", "-") != "leverage":
                return None
            value = Fraction(fact(item, "value")) if name is not None and name is not UNKNOWN else fact(item, "name")
            return {"asked": value} if value > limit.most else None
        if item.kind != "order" or item.get("leverage") is None:
            return None
        value = fact(item, "leverage")
        return {"asked": value} if value > limit.most else None

    def count_amount(self, limit, subject, costs):
        item = subject.item
        if item.kind not in ("transfer", "withdrawal", "borrow"):
            return None
        if fact(item, "asset").upper() != limit.asset:
            return None
        amount = fact(item, "amount")
        if limit.control == "maximum-amount":
            return {"asked": amount} if amount > limit.most else None
        return self.charge(limit, subject, self.times(amount), costs)

    def collar(self, limit, item, pricing):
        """Not further from the reference than so much of it, above and below."""
        reference = pricing.reference(limit.age_ns)
        for name in ("price", "trigger_price"):
            value = item.get(name)
            if value is UNKNOWN:
                raise Unknown(name)
            if value is not None and abs(value - reference) > limit.most * reference:
                return {"asked": value}
        return None

    def charge(self, limit, subject, amount, costs, per_request=False):
        if amount == 0:
            return None
        item = subject.item
        is_closing = limit.closing is not None and item.kind == "order" and is_reducing(item)
        for scope in self.scopes(limit, subject):
            at = (limit.name, scope, is_closing)
            costs[at] = ("request" if per_request else "item", amount)
        return None

    def scopes(self, limit, subject):
        """Whom or what it is counted for."""
        callers = [None]
        if "caller" in limit.by:
            meant = limit.entry.callers
            callers = [name for name in self.ask["callers"] if meant is None or name in meant]
            if not self.ask["callers"]:
                callers = ["nobody"]  # whom policy does not name shares one count with all of those
        for caller in callers:
            parts = {}
            for name in limit.by:
                parts[name] = self.part(name, caller, subject)
            if limit.field == "same_order":
                parts["same"] = self.same(subject)
            yield tuple(sorted(parts.items()))

    def part(self, name, caller, subject):
        if name == "caller":
            return caller
        if name == "key":
            return self.key
        if name == "account":
            return self.account_name
        item = subject.item
        if name == "address":
            if item.kind not in ("withdrawal", "transfer"):
                return "-"
            for place in sorted(self.policy.addresses):
                if is_address(item, self.policy.addresses[place]) == YES:
                    return "=" + place
            return fact(item, "address" if item.kind == "withdrawal" else "to")
        if name not in subject.has:
            return "-"
        return symbol_of(item) if name == "symbol" else fact(item, name).upper()

    def same(self, subject):
        item = subject.item
        quantity = item.get("quantity")  # none: all of the position
        return (self.account_name, symbol_of(item), fact(item, "side"),
                None if quantity is None else (fact(item, "quantity"), item.unit))


def symbol_of(item):
    """What can be read in two ways may be of either pair."""
    symbol = fact(item, "symbol").upper()
    if symbol in UNREAD_SPELLINGS:
        raise Unknown("symbol")
    return symbol


def is_reducing(item):
    """It can only make a position smaller; spot and margin have no positions."""
    return (item.known("market") in ("linear", "inverse", "option")
            and "yes" in (item.known("reduce_only"), item.known("close_position")))

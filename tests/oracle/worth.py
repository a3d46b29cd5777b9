"""What an item is worth: the formulas of docs/policy.md and of the issue's contract, one after the other, in fractions.

Each function returns a number with its asset, or raises Unknown with the reason."""

from fractions import Fraction

from readings import UNKNOWN
from terms import NS, down, is_decimal, up


class Unknown(Exception):
    """It is not known, so a limit that needs it refuses."""


def fact(item, name):
    value = item.get(name)
    if value is None or value is UNKNOWN:
        raise Unknown(name)
    return value


def times(first, *others):
    """An exact product. Money is counted with 38 digits, and what has more is not known."""
    for other in others:
        first *= other
        if not is_decimal(first):
            raise Unknown("overflow")
    return first


def comes_to(first, *others):
    """What something comes to: money has 18 digits after the point, rounded up."""
    for other in others:
        first = up(first * other)
        if not is_decimal(first):
            raise Unknown("overflow")
    return first


class Prices:
    """The last quote of each source, by pair."""

    def __init__(self, sources, at_least):
        self.sources = sources
        self.at_least = at_least
        self.quotes = {}

    def put(self, source, pair, price, quoted_ns, now_ns):
        old = self.quotes.get((pair, source))
        if quoted_ns > now_ns + 2 * NS or (old is not None and quoted_ns < old[1]):
            return "older"
        self.quotes[pair, source] = (price, quoted_ns)
        return "taken"

    def median(self, base, quote, now_ns, age_ns):
        pair = f"{base}/{quote}"
        fresh = sorted(self.quotes[pair, source][0] for source in self.sources
                       if (pair, source) in self.quotes and now_ns - self.quotes[pair, source][1] <= age_ns
                       and self.quotes[pair, source][1] <= now_ns + 2 * NS)
        if len(fresh) < max(1, self.at_least):
            raise Unknown("reference")
        middle = len(fresh) // 2
        return fresh[middle] if len(fresh) % 2 else (fresh[middle - 1] + fresh[middle]) / 2


class Pricing:
    """How one item is valued by one account, with the collars that hold for it."""

    def __init__(self, item, account, prices, conversions, now_ns, collars):
        self.item = item
        self.account = account
        self.prices = prices
        self.conversions = conversions
        self.now_ns = now_ns
        ages = [age for _, age in collars]
        self.age_ns = min(ages) if ages else 60 * NS
        self.collar = max(within for within, _ in collars) if collars else None

    def reference(self, age_ns=None):
        """Of an account that has `prices: none`, nothing is valued by a reference, but a collar still compares."""
        if age_ns is not None and fact(self.item, "market") == "option":
            raise Unknown("option")  # its price is another than that of what it is an option of
        return self.prices.median(fact(self.item, "base"), fact(self.item, "quote"), self.now_ns,
                                  self.age_ns if age_ns is None else age_ns)

    def has_reference(self):
        return self.account.get("prices", "median") != "none"

    def price(self):
        """None: the order has none."""
        value = self.item.get("price")
        if value is UNKNOWN:
            raise Unknown("price")
        return value

    def slippage(self):
        """How much worse than the reference an order without a price is taken to fill."""
        stated = self.account.get("market_slippage")
        if stated is None:
            stated = self.collar
        if stated is None:
            raise Unknown("slippage")
        return stated

    def worst(self):
        """The smallest price that a quote quantity could be divided by."""
        price, side = self.price(), fact(self.item, "side")
        if not self.has_reference():
            if price is None or side != "sell":
                raise Unknown("prices: none")  # a buy may fill at any better price
            return price
        reference = self.reference()
        if price is not None:
            return min(price, reference)
        if side == "sell":
            return times(reference, 1 - self.slippage())
        return reference

    def contracts(self):
        """A quantity of contracts: how much, and whether that is of the base or of the quote asset."""
        if self.item.contract is None:
            raise Unknown("contract")
        size, asset = self.item.contract
        amount = comes_to(fact(self.item, "quantity"), size)
        if asset == fact(self.item, "base"):
            return amount, "base"
        if asset == fact(self.item, "quote"):
            return amount, "quote"
        raise Unknown("contract")

    def volume(self):
        quantity, unit = fact(self.item, "quantity"), self.item.unit
        if unit == "contracts":
            quantity, unit = self.contracts()
        if unit == "quote":
            quantity = up(quantity / self.worst())
        return quantity, fact(self.item, "base")

    def value(self):
        item = self.item
        quantity, quote = fact(item, "quantity"), fact(item, "quote")
        if item.unit == "contracts":
            quantity, unit = self.contracts()
            if unit == "quote":
                return quantity, quote
        if item.unit == "quote" and fact(item, "side") == "buy":
            return quantity, quote
        price = self.price()
        if not self.has_reference():
            if fact(item, "side") != "buy" or price is None:
                raise Unknown("prices: none")
            return comes_to(self.volume()[0], price), quote
        if item.unit == "quote" and price is None:
            return up(quantity / (1 - self.slippage())), quote
        if price is None:
            return comes_to(self.volume()[0], times(self.reference(), 1 + self.slippage())), quote
        return comes_to(self.volume()[0], max(price, self.reference())), quote

    def loss(self):
        item = self.item
        if fact(item, "market") == "option" or not self.has_reference():
            raise Unknown("reference")
        error = self.account.get("reference_error")
        if error is None:
            raise Unknown("reference_error")
        side, quote, price = fact(item, "side"), fact(item, "quote"), self.price()
        stated = self.account.get("market_slippage")
        if price is None and stated is None:
            return self.whole_loss(side, quote, error)
        reference = self.reference()
        if price is None:
            price = times(reference, 1 + stated if side == "buy" else 1 - stated)
        if side == "buy":
            given = price - down(reference / (1 + error))
        else:
            given = up(reference / (1 - error)) - price
        return comes_to(self.volume()[0], max(Fraction(0), given)), quote

    def whole_loss(self, side, quote, error):
        """Of an order without a price, where nothing says how badly it may fill: all that it spends or sells."""
        if side == "buy" and self.item.unit == "quote":
            return fact(self.item, "quantity"), quote
        if side == "sell" and fact(self.item, "market") == "spot":
            return comes_to(self.volume()[0], up(self.reference() / (1 - error))), quote
        raise Unknown("slippage")

    def convert(self, worth, asset):
        """The same in `asset`."""
        number, of = worth
        if of == asset:
            return number
        for way in self.conversions:
            if way["from"] == of and way["to"] == asset:
                rate = way["rate"]
                if rate is None:
                    rate = self.prices.median(of, asset, self.now_ns, way["max_age"])
                return comes_to(number, times(rate, 1 + way["haircut"]))
        raise Unknown("conversion")

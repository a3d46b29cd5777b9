"""Entries of a policy, and to which items they apply: what docs/policy.md says of selectors."""

import terms
from readings import LACKS_PRICE, UNKNOWN
from venues_spot import Kraken

YES, NO, MAYBE, ELSEWHERE = "yes", "no", "unknown", "not applicable"
CLASSES = "read trade cancel transfer withdraw keys account session".split()
UNREAD_SPELLINGS = ["XXBTZUSD"]
KRAKEN = "POST /0/private/"


def listed(value):
    return None if value is None else [value] if isinstance(value, str) else list(value)


class Subject:
    """An item of a reading, as entries look at it."""

    def __init__(self, reading, item, has):
        self.reading = reading
        self.item = item
        self.has = has

    def ask(self, name, accepts):
        """Does `accepts` take the item's fact of that name?"""
        if name not in self.has:
            return ELSEWHERE
        value = self.item.get(name)
        if value is None or value is UNKNOWN:
            return MAYBE
        return YES if accepts(value) else NO


class Entry:
    def __init__(self, verb, data, policy):
        self.verb = verb
        self.data = data
        self.seen = policy.seen  # how often each selector said what
        self.name = data["name"]
        self.callers = None if data.get("caller", "any") == "any" else listed(data["caller"])
        self.keys = None if data.get("key", "any") == "any" else listed(data["key"])
        self.accounts = listed(data.get("account"))
        self.classes = listed(data.get("classes"))
        self.endpoints = listed(data.get("endpoints"))
        self.hours = terms.Hours(data["hours"]) if "hours" in data else None
        self.expires = terms.expiry(data["expires"]) if "expires" in data else None
        self.markets = listed(data.get("markets"))
        self.to = listed(data.get("to"))
        self.addresses = policy.addresses
        self.limits = data.get("limits", [])
        self.items = listed(data.get("items"))
        if verb == "allow" and self.items is None:
            self.items = "order cancel transfer withdrawal setting read".split()
        self.tests = self.find_tests(data, policy)

    def find_tests(self, data, policy):
        """Selectors that look at one fact, with what they take."""
        def words(name, change):
            values = [change(value) for value in listed(data[name])]
            return lambda value: change(value) in values

        tests = []
        lower = lambda text: text.lower().replace("_", "-")
        if "symbols" in data:
            patterns = [symbol.upper() for symbol in listed(data["symbols"])]
            if self.verb == "allow":
                patterns = self.expand(patterns, policy)
            tests.append(("symbol", lambda value: any(terms.fits(one, value.upper()) for one in patterns)))
        for name, fact in (("sides", "side"), ("types", "type"), ("time_in_force", "time_in_force"), ("settings", "name")):
            if name in data:
                tests.append((fact, words(name, lower)))
        if "assets" in data:
            tests.append(("asset", words("assets", str.upper)))
        return tests

    def expand(self, patterns, policy):
        """A pattern in what widens stands for the symbols of the listings that fit it, and no others."""
        profiles = {policy.keys[name]["profile"] for name in self.keys or policy.keys}
        listings = policy.data.get("listings", {})
        found = [one for one in patterns if "*" not in one]
        for pattern in patterns:
            found += [one.upper() for name in profiles for one in listings.get(name, []) if terms.fits(pattern, one.upper())]
        return found

    def is_for(self, callers, key, account):
        return ((self.callers is None or bool(set(self.callers) & set(callers)))
                and (self.keys is None or key in self.keys)
                and (self.accounts is None or account in self.accounts))

    def holds_now(self, now_ns):
        return ((self.hours is None or self.saw("hours", self.hours.hold(now_ns)))
                and (self.expires is None or self.saw("expires", now_ns < self.expires)))

    def saw(self, name, holds):
        answer = YES if holds else NO
        self.seen[name, answer] = self.seen.get((name, answer), 0) + 1
        return holds

    def is_about(self, reading):
        return ((self.classes is None or self.saw("classes", reading.class_ in self.classes))
                and (self.endpoints is None
                     or self.saw("endpoints", any(terms.fits(one, reading.endpoint) for one in self.endpoints))))

    def goes_to(self, subject):
        """Does the item go to one of the addresses?"""
        if subject.item.kind not in ("withdrawal", "transfer"):
            return ELSEWHERE
        answers = {self.is_address(subject.item, self.addresses[name]) for name in self.to}
        return YES if YES in answers else MAYBE if MAYBE in answers else NO

    def is_address(self, item, address):
        return is_address(item, address)

    def answers(self, subject):
        """What each selector that is given says of the item."""
        found = []
        if self.items is not None:
            found.append(("items", YES if subject.item.kind in self.items else NO))
        if self.markets is not None and self.markets != ["any"]:
            found.append(("markets", subject.ask("market", lambda value: value in self.markets)))
        if self.to is not None and self.to != ["any"]:
            found.append(("to", self.goes_to(subject)))
        found.extend((fact, self.ask(subject, fact, takes)) for fact, takes in self.tests)
        for name, answer in found:
            self.seen[name, answer] = self.seen.get((name, answer), 0) + 1
        return [answer for _, answer in found]

    def ask(self, subject, fact, takes):
        """Kraken takes a pair in several spellings: what narrows means them all, and one that cannot be read may be any."""
        answer = subject.ask(fact, takes)
        if answer == NO and fact == "symbol" and self.verb != "allow" and any(takes(one) for one in spellings(subject)):
            return YES
        is_unread = fact == "symbol" and str(subject.item.get("symbol")).upper() in UNREAD_SPELLINGS
        return MAYBE if answer == NO and is_unread and self.verb != "allow" else answer

    def narrows(self, subject, now_ns):
        return (self.is_about(subject.reading) and self.holds_now(now_ns)
                and all(answer in (YES, MAYBE) for answer in self.answers(subject)))

    def takes_anything(self):
        """Does it say nothing but for whom, for which keys and for which classes?"""
        plain = {"name", "caller", "key", "account", "classes", "markets", "to", "unlimited", "expires", "hours"}
        return (set(self.data) <= plain and self.hours is None and self.markets in (None, ["any"]) and self.to in (None, ["any"]))

    def covers(self, subject, now_ns):
        if not self.is_about(subject.reading) or not self.holds_now(now_ns):
            return False
        item = subject.item
        if item.kind == "cancel" and subject.reading.class_ == "trade":
            return self.covers_cancelled(subject)
        if not all(answer == YES for answer in self.answers(subject)):
            return False
        if item.kind != "order" or "types" in self.data:
            return True
        if self.data.get("unlimited") and self.markets == ["any"]:
            return True
        kind = item.known("type")
        if kind is None or kind in LACKS_PRICE:
            return False
        is_kept = item.amends and item.get("price") is UNKNOWN and "price" not in item.spoken
        return item.known("price") is not None or is_kept

    def covers_cancelled(self, subject):
        """What a cancel-replace cancels is looked at by market and symbol alone."""
        if self.items is not None and "cancel" not in self.items:
            return False
        markets = self.markets in (None, ["any"]) or subject.ask("market", lambda value: value in self.markets) == YES
        return markets and all(subject.ask(fact, takes) == YES for fact, takes in self.tests if fact == "symbol")


def spellings(subject):
    """Each way in which Kraken may write the pair."""
    if not subject.reading.endpoint.startswith(KRAKEN):
        return
    names = [[one, *(name for name, usual in Kraken.names.items() if usual == one)]
             for one in (subject.item.known("base"), subject.item.known("quote"))]
    for base in names[0]:
        for quote in names[1]:
            if base is not None and quote is not None:
                yield from (base + quote, f"{base}/{quote}")


def is_address(item, address):
    """Is that where a withdrawal or a transfer goes? Assets in any case, the rest to the letter."""
    names = ("from", "to") if "from" in address else ("network", "address")
    if item.kind != ("transfer" if "from" in address else "withdrawal"):
        return NO
    answer = YES
    for name in names + ("asset",):
        value, wanted = item.get(name), address.get(name)
        if wanted is None:
            continue
        if value is None or value is UNKNOWN:
            answer = MAYBE
        elif (value.upper() if name == "asset" else value) != (wanted.upper() if name == "asset" else wanted):
            return NO
    if item.kind == "withdrawal":
        tag, wanted = item.get("tag"), address.get("tag")
        if tag is UNKNOWN:
            answer = MAYBE
        elif tag != wanted:
            return NO
    return answer

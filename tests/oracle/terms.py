"""The words of a policy file as exact numbers, and time as policies count it."""

import datetime
import fnmatch
import math
import re
import zoneinfo
from fractions import Fraction

NS = 1_000_000_000
UNITS = {"ms": NS // 1000, "s": NS, "m": 60 * NS, "h": 3600 * NS, "d": 86400 * NS}
NEVER = None  # an end that does not come
QUOTIENT = 10 ** 18  # digits of a quotient that is not exact
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


def up(value):
    """Rounded up to 18 digits after the point."""
    return Fraction(-(-value.numerator * QUOTIENT // value.denominator), QUOTIENT)


def down(value):
    return Fraction(value.numerator * QUOTIENT // value.denominator, QUOTIENT)


def ratio(text):
    return Fraction(text.split()[0]) / 100


def amount(text):
    """"5000 USDT": the number and the asset."""
    digits, asset = text.split()
    return Fraction(digits), asset.upper()


def duration(text):
    digits, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(digits) * UNITS[unit]


def plain(value):
    """As the agent prints a decimal."""
    scaled, digits = value, 0
    while scaled.denominator != 1:
        scaled *= 10
        digits += 1
    text = str(scaled.numerator).rjust(digits + 1, "0")
    return text if digits == 0 else f"{text[:-digits]}.{text[-digits:]}"


def scale(value):
    """How many digits it has after the point."""
    digits, left = 0, value.denominator
    while left != 1:
        left //= math.gcd(left, 10)
        digits += 1
    return digits


def is_decimal(value):
    """Can the agent hold it? At most 38 digits, 36 of them after the point."""
    digits = scale(value)
    return digits <= 36 and value.numerator * 10 ** digits // value.denominator < 10 ** 38


def local(now_ns, zone):
    utc = datetime.datetime.fromtimestamp(now_ns // NS, datetime.timezone.utc)
    return utc.astimezone(zoneinfo.ZoneInfo(zone))


def _ns(moment):
    return int(moment.astimezone(datetime.timezone.utc).timestamp()) * NS


class Period:
    """When something counts until that happens at an instant."""

    def __init__(self, text, zone="UTC"):
        self.text = text
        self.zone = zone
        self.is_sliding = text is not None and re.fullmatch(r"\d+(ms|s|m|h|d)", text) is not None
        if self.is_sliding:
            self.bucket_ns = -(-duration(text) // 60)
            self.ns = self.bucket_ns * 60

    def end(self, now_ns):
        """A sliding window is sixty buckets, and a bucket counts until it lies wholly outside."""
        if self.is_sliding:
            return (now_ns // self.bucket_ns + 1) * self.bucket_ns + self.ns
        if self.text in (None, "ever"):
            return NEVER
        day = local(now_ns, self.zone).date()
        if self.text == "calendar-day":
            after = day + datetime.timedelta(days=1)
        elif self.text == "calendar-week":
            after = day + datetime.timedelta(days=7 - day.weekday())
        else:
            after = (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        return first_instant(after, self.zone)

    def begin(self, now_ns):
        """Of the true window that ends at `now_ns`, without any buckets."""
        if self.is_sliding:
            return now_ns - duration(self.text)
        if self.text in (None, "ever"):
            return -1
        day = local(now_ns, self.zone).date()
        if self.text == "calendar-week":
            day -= datetime.timedelta(days=day.weekday())
        elif self.text == "calendar-month":
            day = day.replace(day=1)
        return first_instant(day, self.zone) - 1


_first = {}


def first_instant(day, zone):
    """When that day is first there: midnight, or what there is instead of it."""
    if (day, zone) not in _first:
        guess = _ns(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc)) // NS
        low, high = guess - 86400 * 2, guess + 86400 * 2  # the local day rises between the two, second by second
        while high - low > 1:
            middle = (low + high) // 2
            if local(middle * NS, zone).date() >= day:
                high = middle
            else:
                low = middle
        _first[day, zone] = high * NS
    return _first[day, zone]


class Hours:
    """"Mon-Fri 09:00-17:30 Europe/Berlin", or a list of these."""

    def __init__(self, texts):
        self.spans = []
        for text in [texts] if isinstance(texts, str) else texts:
            days, times, *zone = text.split()
            named = set()
            for part in days.split(","):
                first, _, last = part.partition("-")
                at = DAYS.index(first)
                stop = DAYS.index(last or first)
                while True:
                    named.add(at)
                    if at == stop:
                        break
                    at = (at + 1) % 7
            begin, finish = (int(time[:2]) * 60 + int(time[3:]) for time in times.split("-"))
            self.spans.append((named, begin, finish, zone[0] if zone else "UTC"))

    def hold(self, now_ns):
        for named, begin, finish, zone in self.spans:
            here = local(now_ns, zone)
            minute = here.hour * 60 + here.minute
            today, yesterday = here.weekday(), (here.weekday() - 1) % 7
            if begin < finish and today in named and begin <= minute < finish:
                return True
            if begin >= finish and (today in named and minute >= begin or yesterday in named and minute < finish):
                return True
        return False


def fits(pattern, text):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def expiry(text):
    """When an allow ends: at the beginning of a date, or at an instant."""
    if "T" not in text:
        text += "T00:00:00Z"
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * NS

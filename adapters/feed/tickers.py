"""What exchanges say of a pair, and how it is read: a row for each exchange.

Everything in an answer is a stranger's. It becomes a price and a time, or BadAnswer says why not; no text of it goes on.
"""

import dataclasses
import datetime
import decimal
import json
import re

# In a way through an answer: the one member of an object, whatever its name; and that name.
ONLY = object()
NAME = object()
PRICE_TEXT_MAX = 40
PRICE_DIGITS_MAX = 18  # before the point and after it; the agent refuses a report with more
# Exact, or an error: the middle of two prices of PRICE_TEXT_MAX has fewer digits than this.
EXACT = decimal.Context(prec=100, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])


@dataclasses.dataclass(frozen=True)
class Exchange:
    base: str  # of its public API
    path: str  # of the ticker of a pair
    bid: list  # the way to each value in the answer
    ask: list
    symbol: list | None  # the way to the pair's name, if there is one
    echo: str  # a pattern of that name
    time: list | None  # the way to when the answer was true, if it says so
    pause_s: float  # between two requests, by the exchange's rate limit
    renames: dict  # assets that the exchange calls otherwise


EXCHANGES = {
    "binance": Exchange("https://api.binance.com", "/api/v3/ticker/bookTicker?symbol={base}{quote}",
                        ["bidPrice"], ["askPrice"], ["symbol"], "{base}{quote}", None, 0.05, {}),
    "kraken": Exchange("https://api.kraken.com", "/0/public/Ticker?pair={base}{quote}",
                       ["result", ONLY, "b", 0], ["result", ONLY, "a", 0], ["result", NAME], "[XZ]?{base}[XZ]?{quote}",
                       None, 1.0, {"BTC": "XBT", "DOGE": "XDG"}),
    "coinbase": Exchange("https://api.exchange.coinbase.com", "/products/{base}-{quote}/book?level=1",
                         ["bids", 0, 0], ["asks", 0, 0], None, "", ["time"], 0.15, {}),
    "okx": Exchange("https://www.okx.com", "/api/v5/market/ticker?instId={base}-{quote}",
                    ["data", 0, "bidPx"], ["data", 0, "askPx"], ["data", 0, "instId"], "{base}-{quote}", ["data", 0, "ts"],
                    0.15, {}),
    "bybit": Exchange("https://api.bybit.com", "/v5/market/tickers?category=spot&symbol={base}{quote}",
                      ["result", "list", 0, "bid1Price"], ["result", "list", 0, "ask1Price"], ["result", "list", 0, "symbol"],
                      "{base}{quote}", ["time"], 0.05, {}),
}


class BadAnswer(Exception):
    """What an exchange answered is no price."""


class NoSuchPair(BadAnswer):
    """The exchange does not know the pair, or not by this name."""


class Slower(BadAnswer):
    """The exchange wants to be left alone for `seconds`; 0: it does not say how long."""

    def __init__(self, status, seconds):
        super().__init__(f"HTTP status {status}: it is asked too often, or overloaded")
        self.seconds = seconds


# ---- reading an answer ----


def refuse_constant(_):
    raise BadAnswer("a number in it is none")


def parse(text):
    """JSON without one binary float: what it writes as a number becomes a Decimal."""
    try:
        return json.loads(text, parse_float=decimal.Decimal, parse_constant=refuse_constant)
    except (ValueError, RecursionError, decimal.InvalidOperation) as error:
        raise BadAnswer("it is not JSON") from error


def follow(way, answer):
    for step in way:
        if step is ONLY and isinstance(answer, dict) and len(answer) == 1:
            (answer,) = answer.values()
        elif step is NAME and isinstance(answer, dict) and len(answer) == 1:
            (answer,) = answer
        elif isinstance(step, str) and isinstance(answer, dict) and step in answer:
            answer = answer[step]
        elif isinstance(step, int) and isinstance(answer, list) and len(answer) > step:
            answer = answer[step]
        else:
            raise BadAnswer("it has no ticker where one is expected")
    return answer


def read_price(value):
    """Plain digits, above zero; as text or as a number of JSON."""
    if isinstance(value, int | decimal.Decimal) and not isinstance(value, bool):
        value = decimal.Decimal(value)
        value = format(value, "f") if abs(value.adjusted()) < PRICE_TEXT_MAX else ""
    is_plain = isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII)
    if not is_plain or len(value) > PRICE_TEXT_MAX:
        raise BadAnswer("a price in it is not a plain number")
    price = decimal.Decimal(value)
    if not price:
        raise BadAnswer("a price in it is zero")
    return price


def middle(bid, ask, spread_max):
    if bid > ask:
        raise BadAnswer("its bid is above its ask")
    if EXACT.subtract(ask, bid) > EXACT.multiply(ask, spread_max):
        raise BadAnswer("its bid and ask are too far from each other to have a middle")
    price = EXACT.normalize(EXACT.multiply(EXACT.add(bid, ask), decimal.Decimal("0.5")))
    if price.adjusted() >= PRICE_DIGITS_MAX or -price.as_tuple().exponent > PRICE_DIGITS_MAX:
        raise BadAnswer("its prices have more digits than a price has")
    return price


def read_time(value):
    """Milliseconds since 1970, from those (as a number or text) or from a time in ISO 8601."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
        return int(value)
    try:
        moment = datetime.datetime.fromisoformat(value)
        return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(milliseconds=1)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadAnswer("the time in it cannot be read") from error


def names_of(exchange, pair):
    """A pair's assets as the exchange calls them, to be put into its path."""
    base, quote = pair.split("/")
    return {"base": exchange.renames.get(base, base), "quote": exchange.renames.get(quote, quote)}


def read_ticker(exchange, pair, text, asked_ms, spread_max):
    """The price, and when it was true. What the exchange says of that counts if it is earlier than our question:
    an answer that a cache has kept, or of an exchange that stands still, must not look fresh."""
    answer = parse(text)
    if exchange.symbol is not None:
        name = follow(exchange.symbol, answer)
        if not isinstance(name, str) or not re.fullmatch(exchange.echo.format(**names_of(exchange, pair)), name):
            raise BadAnswer("it is about another pair")
    price = middle(read_price(follow(exchange.bid, answer)), read_price(follow(exchange.ask, answer)), spread_max)
    time_ms = asked_ms if exchange.time is None else min(asked_ms, read_time(follow(exchange.time, answer)))
    if time_ms <= 0:
        raise BadAnswer("the time in it is none")
    return price, time_ms

"""Misbehaviour on demand: a list of orders that control gives, each for the requests that it names.

`handled` says whether the exchange takes the request before it misbehaves: then an order is in the books although the
client never hears of it.
"""

import gzip
import itertools
import random

from http1 import Answer, head

SELECTORS = ("exchange", "host", "method", "path", "kind", "reused", "skip", "every", "times")
DRIP_MS = 20


def close(act):
    act.connection.close()


def reset(act):
    act.connection.reset()


def answer_then_close(act):
    """Without announcing it, so that the client learns it by its next request."""
    act.connection.send(act.whole)
    act.connection.close_when_sent()


def delay(act):
    """If "before" is set, the server has put off handling the request as well."""
    act.later(lasting_ms(act.order), lambda: act.reply(act.whole))


def lasting_ms(order):
    return order.get("ms", 100) + random.uniform(0, order.get("jitter_ms", 0))


def hang(act):
    """Until the client leaves."""


def status(act):
    act.reply(bytes(Answer(act.get("body", "").encode(), act.get("status", 502), ("X-Venue: status",))))


def refuse(act):
    act.reply(bytes(act.exchange.refusal(act.get("kind_of", "busy"), act.get("why", "as the test wants it"))))


def endless(act):
    act.connection.send(head(200, "Content-Type: application/json", "Transfer-Encoding: chunked"))
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"

    def more():
        if act.connection.is_open:
            if len(act.connection.unsent) < 1 << 20:
                act.connection.send(chunk)
            act.later(act.get("ms", 1), more)

    more()


def headers(act):
    size = act.get("bytes", 1 << 20)
    line = "X-Filler: " + "x" * 1000
    act.reply(head(200, "Content-Length: 2", *([line] * (size // len(line)))) + b"{}")


def redirect(act):
    act.reply(head(act.get("status", 307), f"Location: {act.get('to', 'https://evil.example/')}", "Content-Length: 0"))


def garbage(act):
    act.connection.send(act.get("text", "\0\1\2 not HTTP \r\n\r\n").encode())
    act.connection.close_when_sent()


def truncate(act):
    """Announces more than it sends."""
    act.connection.send(head(200, "Content-Type: application/json", "Content-Length: 1000") + b'{"half":')
    act.connection.close_when_sent()


def drip(act):
    data = memoryview(act.whole)
    size = act.get("bytes", 1)

    def more(at):
        if not act.connection.is_open:
            return
        act.connection.send(bytes(data[at : at + size]))
        if at + size < len(data):
            act.later(act.get("ms", DRIP_MS), lambda: more(at + size))
        else:
            act.connection.finish_later()

    more(0)


def large(act):
    """A list of that many bytes, as market data can be."""
    row = b'["30000.1","0.5"],'
    body = b"[" + row * (act.get("bytes", 8 << 20) // len(row)) + b"0]"
    act.reply(bytes(Answer(body)))


def chunked(act):
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (act.body[:7], act.body[7:]) if part)
    act.reply(head(act.status, "Content-Type: application/json", "Transfer-Encoding: chunked") + parts + b"0\r\n\r\n")


def compressed(act):
    """If the client takes it."""
    if "gzip" not in act.request.headers.get("accept-encoding", ""):
        return act.reply(act.whole)
    return act.reply(bytes(Answer(gzip.compress(act.body), act.status, ("Content-Encoding: gzip",))))


def smuggle(act):
    """Two lengths, and bytes that look like another answer."""
    second = bytes(Answer({"smuggled": True}))
    act.reply(head(200, "Content-Length: 2", f"Content-Length: {2 + len(second)}") + b"{}" + second)


def extra(act):
    """An answer that nobody asked for follows."""
    act.reply(act.whole + bytes(Answer({"unasked": True})))


def interim(act):
    """103 first."""
    act.reply(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + act.whole)


def until_close(act):
    """No length: the end of the connection ends the body."""
    act.connection.send(head(act.status, "Content-Type: application/json", "Connection: close") + act.body)
    act.connection.close_when_sent()


# fmt: off
ACTS = {
    # name               act                 handled, if control does not say
    "close":             (close,             True),
    "reset":             (reset,             True),
    "answer-then-close": (answer_then_close, True),
    "delay":             (delay,             True),
    "hang":              (hang,              True),
    "status":            (status,            False),
    "refuse":            (refuse,            False),
    "endless":           (endless,           False),
    "headers":           (headers,           False),
    "redirect":          (redirect,          False),
    "garbage":           (garbage,           False),
    "truncate":          (truncate,          True),
    "drip":              (drip,              True),
    "large":             (large,             False),
    "chunked":           (chunked,           True),
    "gzip":              (compressed,        True),
    "smuggle":           (smuggle,           True),
    "extra":             (extra,             True),
    "interim":           (interim,           True),
    "until-close":       (until_close,       True),
}
# fmt: on


class Act:
    """One misbehaviour on one request."""

    def __init__(self, order, loop, exchange, request, connection, answer):
        self.order = order
        self.loop = loop
        self.exchange = exchange
        self.request = request
        self.connection = connection
        self.status = answer.status if answer else 200
        self.body = answer.body if answer else b"{}"
        self.whole = bytes(answer or Answer({}))

    def get(self, name, default):
        return self.order.get(name, default)

    def later(self, ms, act):
        self.loop.later(ms, act)

    def reply(self, data):
        self.connection.send(data)
        self.connection.finish_later()


class Troubles:
    def __init__(self):
        self.numbers = itertools.count(1)
        self.orders = []
        self.handshakes = []  # for "certificate" and "no-handshake"

    def add(self, order):
        if order.get("do") in ("certificate", "no-handshake"):
            self.handshakes.append(order)
        elif order.get("do") in ACTS:
            self.orders.append(order)
        else:
            raise ValueError(f"do must be one of {', '.join((*ACTS, 'certificate', 'no-handshake'))}")
        order["id"] = next(self.numbers)
        order["seen"] = order["done"] = 0
        return order["id"]

    def clear(self):
        self.orders.clear()
        self.handshakes.clear()

    def pick(self, exchange, request, kind):
        """The first order that is for this request, which counts as done by that."""
        for order in self.orders:
            if is_for(order, exchange, request, kind) and is_due(order):
                return order
        return None

    def pick_handshake(self, exchange, host):
        for order in self.handshakes:
            if order.get("exchange") in (None, exchange) and order.get("host") in (None, host) and is_due(order):
                return order
        return None


def is_for(order, exchange, request, kind):
    return (
        order.get("exchange") in (None, exchange)
        and order.get("host") in (None, request.host)
        and order.get("method") in (None, request.method)
        and request.path.startswith(order.get("path", "/"))
        and order.get("kind") in (None, kind)
        and (not order.get("reused") or request.nth > 1)
    )


def is_due(order):
    order["seen"] += 1
    if order["seen"] <= order.get("skip", 0) or order["done"] >= order.get("times", float("inf")):
        return False
    if (order["seen"] - order.get("skip", 0) - 1) % order.get("every", 1) != 0:
        return False
    order["done"] += 1
    return True


def perform(order, loop, exchange, request, connection, answer):
    ACTS[order["do"]][0](Act(order, loop, exchange, request, connection, answer))


def is_handled(order):
    return order.get("handled", ACTS[order["do"]][1])

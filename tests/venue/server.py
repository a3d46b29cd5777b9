"""The venue's process: the exchanges behind TLS on one port, told apart by SNI and Host, and control on another."""

import functools
import json
import urllib.parse

import exchanges
import http1
import trouble
from authority import Authority
from books import Books, Key
from http1 import Answer
from loop import Connection, Loop
from signing import PublicKey


class Server:
    def __init__(self, folder):
        self.loop = Loop()
        self.books = Books()
        self.troubles = trouble.Troubles()
        self.exchanges = exchanges.load()
        self.by_host = {host: exchange for exchange in self.exchanges.values() for host in exchange.HOSTS}
        self.authority = Authority(folder)
        self.context = self.authority.context("nobody", ["nobody.example"])
        self.context.sni_callback = self.choose
        self.port = self.control_port = self.h2_port = None

    def start(self, port, control_port):
        self.port = self.loop.listen(port, self.accept)
        self.control_port = self.loop.listen(control_port, self.accept_control)

    def described(self):
        return {
            "port": self.port,
            "control": self.control_port,
            "h2": self.h2_port,
            "authority": str(self.authority.certificate),
            "exchanges": {name: list(exchange.HOSTS) for name, exchange in self.exchanges.items()},
        }

    # ---- the exchanges' port ----

    def accept(self, sock):
        Connection(self.loop, sock, self.handle, self.context, self.note)

    def note(self, why):
        self.books.broken.append(why)

    def choose(self, sock, host, _context):
        """The certificate for the name that the client asks for."""
        exchange = self.by_host.get((host or "").lower())
        if exchange is None:
            self.note(f"no exchange is {host!r}")
            return 112  # unrecognized_name, RFC 6066
        order = self.troubles.pick_handshake(exchange.NAME, host)
        if order and order["do"] == "no-handshake":
            return 80  # internal_error
        wrong = order.get("wrong", "other-host") if order else None
        sock.context = self.authority.context(exchange.NAME, exchange.HOSTS, wrong)
        sock.connection.sni = host.lower()
        return None

    def handle(self, request, connection):
        exchange = self.by_host.get(request.host)
        if exchange is None or self.by_host[connection.sni] is not exchange:
            self.note(f"Host {request.host!r} under the certificate of {connection.sni!r}")
            connection.send(http1.head(421, "Content-Length: 0"))
            connection.finish()
            return
        arrival = self.books.arrive(exchange.NAME, request)
        order = None
        if self.troubles.orders:
            route, _ = exchange.find_route(request)
            arrival.kind = route and route.kind
            order = self.troubles.pick(exchange.NAME, request, arrival.kind)
        if order is None:
            answer = exchange.answer(request, self.books, arrival)
            arrival.status = answer.status
            connection.send(bytes(answer))
            connection.finish()
            return
        self.misbehave(order, exchange, request, connection, arrival)

    def misbehave(self, order, exchange, request, connection, arrival):
        if order["do"] == "delay" and order.get("before"):
            now = {**order, "before": False, "ms": 0, "jitter_ms": 0}
            act = functools.partial(self.misbehave, now, exchange, request, connection, arrival)
            self.loop.later(trouble.lasting_ms(order), act)
            return
        answer = None
        arrival.misbehaviour = order["do"]
        arrival.verdict = "not looked at"
        if trouble.is_handled(order):
            answer = exchange.answer(request, self.books, arrival)
            arrival.status = answer.status

        def left():
            arrival.left = True

        connection.on_gone = left
        trouble.perform(order, self.loop, exchange, request, connection, answer)

    # ---- control ----

    def accept_control(self, sock):
        Connection(self.loop, sock, self.handle_control)

    def handle_control(self, request, connection):
        act = CONTROL.get((request.method, request.path))
        try:
            if act is None:
                raise LookupError(f"no such path; there are {', '.join(' '.join(each) for each in CONTROL)}")
            query = dict(urllib.parse.parse_qsl(request.query))
            given = json.loads(request.body) if request.body else {}
            answer = Answer(act(self, query, given))
        except (LookupError, ValueError, TypeError) as error:
            answer = Answer({"error": str(error)}, 400)
        connection.send(bytes(answer))
        connection.finish()

    def state(self, _query, _given):
        return self.described() | {"arrived": self.books.counted, "broken": self.books.broken}

    def certificate(self, query, _given):
        exchange = self.by_host[query["host"]]
        self.authority.context(exchange.NAME, exchange.HOSTS)
        return self.authority.files(exchange.NAME)

    def add_key(self, _query, given):
        if given["exchange"] not in self.exchanges:
            raise LookupError(f"no exchange {given['exchange']!r}")
        known = {name: value for name, value in given.items() if value is not None}
        if "public_key" in known:
            known["public_key"] = PublicKey(known["public_key"])
        self.books.add_key(Key(**known))
        return {}

    def keys_of(self, query):
        return [
            key
            for key in self.books.keys.values()
            if query.get("exchange") in (None, key.exchange) and query.get("key") in (None, key.id)
        ]

    def show_books(self, query, _given):
        return {"keys": [key.summary() for key in self.keys_of(query)]}

    def show_orders(self, query, _given):
        return {"orders": [order.shown() for key in self.keys_of(query) for order in key.orders.values()]}

    def show_arrivals(self, query, _given):
        since = int(query.get("since", 0))
        wanted = {name: query[name] for name in ("exchange", "kind", "key", "verdict") if name in query}
        return {
            "arrivals": [
                arrival.shown("raw" in query)
                for arrival in self.books.arrivals
                if arrival.n > since and all(getattr(arrival, name) == value for name, value in wanted.items())
            ]
        }

    def reset(self, _query, _given):
        self.books.clear()
        return {}

    def misbehaviours(self, _query, _given):
        return {"misbehaviours": self.troubles.orders + self.troubles.handshakes}

    def add_misbehaviour(self, _query, given):
        return {"id": self.troubles.add(given)}

    def behave(self, _query, _given):
        self.troubles.clear()
        return {}

    def set(self, _query, given):
        for name, value in given.items():
            if name == "offset_ms":
                self.books.offset_ms = int(value)
            elif name in self.books.settings:
                self.books.settings[name] = bool(value)
            else:
                raise LookupError(f"no setting {name!r}; there are offset_ms, {', '.join(self.books.settings)}")
        return self.books.settings | {"offset_ms": self.books.offset_ms}


# fmt: off
CONTROL = {
    ("GET",    "/_venue/state"):     Server.state,
    ("GET",    "/_venue/certificate"): Server.certificate,
    ("POST",   "/_venue/keys"):      Server.add_key,
    ("GET",    "/_venue/books"):     Server.show_books,
    ("GET",    "/_venue/orders"):    Server.show_orders,
    ("GET",    "/_venue/arrivals"):  Server.show_arrivals,
    ("POST",   "/_venue/reset"):     Server.reset,
    ("GET",    "/_venue/misbehave"): Server.misbehaviours,
    ("POST",   "/_venue/misbehave"): Server.add_misbehaviour,
    ("DELETE", "/_venue/misbehave"): Server.behave,
    ("POST",   "/_venue/settings"):  Server.set,
}
# fmt: on

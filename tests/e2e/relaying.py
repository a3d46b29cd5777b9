"""What a relay asks of the agent, as tests ask it in its place: in frames over its own socket, with ids of its own."""

import itertools
import json
import secrets
import socket
import time
import urllib.parse

import frames

# A bot with budgets, a relay that speaks for it, and a bot for whom no relay speaks.
POLICY = """\
version: 1
callers:
  maker: {{ uid: {uid} }}
  taker: {{ uid: {uid}, socket: taker }}
  second: {{ uid: {uid}, socket: second }}
  relay: {{ uid: {uid}, socket: relay, role: relay, for: [maker, taker] }}
  relay2: {{ uid: {uid}, socket: relay2, role: relay, for: [maker] }}
people:
  ops: {{ uid: {uid}, roles: [operator, admin, approver] }}
accounts:
  desk: {{ prices: none }}
allow:
  - {{ name: orders, caller: [maker, taker], key: [binance-relay, kraken-relay], classes: [trade], markets: [spot], symbols: [LTCBTC, XBTUSD], sides: [BUY], types: [LIMIT], limits: [day, pace] }}
  - {{ name: looks, caller: [maker, taker], key: [binance-relay, kraken-relay, binance-direct], classes: [read, cancel] }}
  - {{ name: seconds, caller: second, key: [binance-relay, binance-direct], classes: [read, cancel] }}
  - {{ name: transfers, caller: maker, key: binance-relay, endpoints: ["POST /sapi/v1/asset/transfer"], to: any, unlimited: true }}
limit:
  - {{ name: day, value: "1 BTC", per: 24h, by: caller, relay_release: "50 %" }}
  - {{ name: pace, messages: 1000, per: 24h, by: caller }}
conversions:
  - {{ from: USD, to: BTC, rate: "0.0001", haircut: "0 %" }}
require:
  - {{ name: two-eyes, endpoints: ["POST /sapi/v1/asset/transfer"], approvals: 1, of: [ops], within: 1h }}
keys:
  binance-relay: {{ account: desk, token: main, object: "pkcs11:object=binance-main", profile: binance, scheme: hmac, key_id: "{binance_key_id}", relay: only }}
  binance-direct: {{ account: desk, token: main, object: "pkcs11:object=binance-main", profile: binance, scheme: hmac, key_id: "{binance_key_id}" }}
  kraken-relay: {{ account: desk, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: "kraken-key-id" }}
"""

ACCOUNT = {"method": "GET", "path": "/api/v3/account"}


NO_ID = "0" * 32  # in the shapes of errors: it stands for the request's
FORM_WIRE = 3  # ch_form
STATUSES = frames.statuses()
PATIENCE_S = 10.0
HEADER_BY_EXCHANGE = {"binance": {"X-MBX-APIKEY": "dummy"},
                      "kraken": {"API-Key": "dummy", "API-Sign": "ZHVtbXk=", "Content-Type": "application/x-www-form-urlencoded"}}


def draw():
    """An id, as a relay draws one for each request."""
    return secrets.token_hex(16)


# ---- questions ----

written = {}  # by the agent's start and what is asked: the same document has the same bytes


def wire_of(agent, key, document):
    """A document that says method, path and parameters, as an SDK with a dummy secret would have sent it. The exchange is the
    first word of the key's name."""
    if "wire" in document:
        return document["wire"]
    exchange = key.partition("-")[0]
    exchange = exchange if exchange in HEADER_BY_EXCHANGE else "binance"
    place = (agent.home, agent.starts, exchange, json.dumps(document))
    if place not in written:
        params, now_ms = dict(document.get("params", {})), int(time.time() * 1000)
        if exchange == "kraken":
            params = {"nonce": now_ms, **params}
        else:  # it must be good for as long as a test takes
            params |= {"recvWindow": 60000, "timestamp": now_ms, "signature": "dummy"}
        text = urllib.parse.urlencode(params)
        is_form = document["method"] == "POST"
        written[place] = {"method": document["method"], "url": document["path"] if is_form else f"{document['path']}?{text}",
                          "headers": HEADER_BY_EXCHANGE[exchange], "body": text if is_form else ""}
    return written[place]


def sign_frame(number, key, wire, drawn, caller, repeat_key="", errors=None, **changes):
    """`errors`: the tag of the shapes that the relay has, as it was told."""
    fields = {"key": key, "form": FORM_WIRE, "method": wire["method"], "url": wire["url"], "origin": wire.get("origin", ""),
              "headers": [{"name": name, "value": value} for name, value in wire.get("headers", {}).items()],
              "body": wire.get("body", ""), "repeat_key": repeat_key, "relay_id": drawn, "relay_for": caller,
              "errors_tag": int(errors or "0", 16)}
    return frames.encode("SIGN", number, **{**fields, **changes})


def outcomes_frame(number, outcomes):
    """Of dicts: id, outcome ("answered" or "not-sent"), status and body."""
    return frames.encode("OUTCOMES", number, ends=[
        {"relay_id": one["id"], "is_sent": one["outcome"] == "answered", "status": one.get("status", 0), "body": one.get("body", "")}
        for one in outcomes])


# ---- answers ----


def shape_of(record):
    lines = record["lines"].decode().splitlines(keepends=True)
    assert all(line.endswith("\r\n") and ": " in line for line in lines), record
    return {"status": record["status"], "headers": dict(line[:-2].split(": ", 1) for line in lines), "body": record["body"].decode()}


def signed_document(fields):
    document = {"method": fields["method"].decode(), "url": fields["url"].decode(), "body": fields["body"].decode(),
                "headers": {one["name"].decode(): one["value"].decode() for one in fields["headers"]}, "key": fields["key"].decode()}
    if fields["reservation"]:
        document["reservation"] = str(fields["reservation"])
    if fields["is_public"]:
        assert not fields["errors"] and not fields["has_effects"] and not fields["is_serial"], fields
        return document | {"public": True}
    told = {"effects": fields["has_effects"], "serial": fields["is_serial"]}
    if fields["errors"]:
        not_sent, unknown = map(shape_of, fields["errors"])
        told["errors"] = {"tag": f"{fields['errors_tag']:016x}", "not-sent": not_sent, "unknown": unknown}
    return document | {"relay": told}


def with_texts(document, fields, *names):
    return document | {name: fields[name].decode() for name in names if fields[name]}


def with_exchange_error(document, fields):
    assert len(fields["exchange_error"]) <= 1, fields
    return document | {"exchange_error": shape_of(one) for one in fields["exchange_error"]}


def problem_document(fields):
    """As the agent writes it for bots, with what it says to relays alone."""
    number, rule, message = fields["why"]
    status = STATUSES[number]
    document = {"type": f"urn:chancery:problem:{status['name']}", "title": status["title"], "status": status["http"], "detail": message}
    if rule:
        document["rule"] = rule
    document = with_texts(document, fields, "step", "control", "limit", "asked", "left", "fact", "relay_id")
    if fields["approvals"] or fields["needs_code"] or fields["delay_s"]:
        document["needs"] = {"approvals": fields["approvals"], "code": fields["needs_code"], "delay_s": fields["delay_s"]}
    return with_exchange_error(document, fields)


def request_document(fields):
    needs = {"approvals": fields["approvals"], "code": fields["needs_code"], "delay_s": fields["delay_s"],
             **{name: [one["bytes"].decode() for one in fields[name]] for name in ("of", "rules")}}
    document = {"id": fields["request"], "needs": needs, "given": fields["given"]}
    return with_exchange_error(with_texts(document, fields, "state", "key", "why"), fields)


def outcomes_document(fields):
    return {name: [one["bytes"].decode() for one in fields[name]] for name in ("returned", "unknown")}


class Answer:
    """A frame in the shape of the documents that bots get: `status` is HTTP's, `json` the document."""

    KINDS = {"SIGNED": (200, signed_document), "REQUEST_IS": (202, request_document), "FAILED": (None, problem_document),
             "OUTCOMES_TAKEN": (200, outcomes_document)}

    def __init__(self, name, fields):
        self.name, self.fields = name, fields
        status, document = self.KINDS[name]
        self.json = document(fields)
        self.status = status or self.json["status"]
        self.headers = {"content-type": "application/json" if status else "application/problem+json"}

    def __repr__(self):
        return f"<{self.name} {self.json}>"


# ---- the connection ----


class Link:
    """A stream of frames to the agent's socket, with no more said than is asked for."""

    def __init__(self, path, timeout_s=PATIENCE_S):
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.settimeout(timeout_s)
        self.stream.connect(str(path))
        self.came = b""
        self.frames = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send(self, *packets):
        self.stream.sendall(b"".join(packets))

    def start(self):
        self.send(frames.encode("RELAY_START", version=frames.version()))
        return self

    def next(self):
        """The next frame as (name, id, fields). Raises ConnectionError when the agent has closed."""
        while not self.frames:
            part = self.stream.recv(65536)
            if not part:
                raise ConnectionResetError(f"the agent closed the connection after {self.came!r}")
            self.frames, self.came = frames.decode(self.came + part)
        return self.frames.pop(0)

    def rest(self):
        """All frames until the agent closes."""
        found = []
        try:
            while True:
                found.append(self.next())
        except ConnectionError:
            return found


class Relay:
    """The agent's side of a relay: one connection to the socket of that name, made when something is asked."""

    def __init__(self, agent, socket="relay", caller="maker"):
        self.agent = agent
        self.path = agent.home / "run" / f"{socket}.sock"
        self.caller = caller
        self.link = None
        self.numbers = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.link is not None:
            self.link.close()
        self.link = None

    def ask(self, packet, number):
        """The answer to the question of that number, which is the only one that waits. A connection that broke is not used again."""
        try:
            if self.link is None:
                self.link = Link(self.path).start()
            self.link.send(packet)
            name, answered, fields = self.link.next()
        except OSError:
            self.close()
            raise
        if answered != number:
            raise AssertionError(f"{name} {fields} came for {answered}, and {number} was asked")
        return Answer(name, fields)

    def sign(self, key, document, drawn=None, caller=None, headers=None, **more):
        """Asks for the signature of a bot's request; returns the answer and the id that was drawn for it."""
        drawn, number = drawn or draw(), next(self.numbers)
        repeat_key = (headers or {}).get("Idempotency-Key", "")
        return self.ask(sign_frame(number, key, wire_of(self.agent, key, document), drawn, caller or self.caller, repeat_key, **more),
                        number), drawn

    def tell(self, *outcomes):
        number = next(self.numbers)
        return self.ask(outcomes_frame(number, outcomes), number)

    def not_sent(self, drawn):
        return self.tell({"id": drawn, "outcome": "not-sent"})

    def answered(self, drawn, status, body):
        return self.tell({"id": drawn, "outcome": "answered", "status": status, "body": body})

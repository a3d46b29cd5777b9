"""Five exchanges, each with a bot's budget of 1,000 USDT, through the relay and the real agent at the local exchange, which
never deduplicates: what its books hold against what the agent has counted."""

import concurrent.futures
import datetime
import decimal
import http.client
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

import harness
import rules
import whole_way
from waiting import Waiting

BUDGET = decimal.Decimal(1000)
PRICE = 30000
IS_SHORT = not any(name in os.environ for name in ("CHANCERY_RELAY_REQUESTS", "CHANCERY_RELAY_KILLS"))
POLICY = """\
version: 1
callers:
  maker: {{ uid: {uid} }}
  relay: {{ uid: {uid}, socket: relay, role: relay, for: [maker] }}
  feed: {{ uid: {uid}, socket: feed, role: feed }}
people:
  ops: {{ uid: {uid}, roles: [operator, admin] }}
prices: {{ sources: [first], max_move: {{ by: "50 %", within: 10m }} }}
accounts:
  desk: {{ prices: median, reference_error: "0.5 %", market_slippage: "3 %" }}
allow:
  - {{ name: trades, caller: maker, key: any, classes: [trade], markets: any, types: [{types}], limits: [budget] }}
  - {{ name: looks, caller: maker, key: any, classes: [read, cancel] }}
limit:
  - {{ name: budget, value: "1000 USDT", per: ever, by: [caller, key], relay_release: "50 %" }}
conversions:
  - {{ from: USD, to: USDT, rate: "1", haircut: "0 %" }}
  - {{ from: USDC, to: USDT, rate: "1", haircut: "0 %" }}
keys:
{keys}"""
TYPES = ("limit", "limit-maker", "market", "stop", "stop-limit", "take-profit", "take-profit-limit", "trailing")
FORM = "application/x-www-form-urlencoded"


class Request:
    """As an SDK with a dummy secret would send it: all that a bot can write."""

    def __init__(self, method, path, query="", body="", headers=()):
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.headers = dict(headers)

    def target(self, prefix):
        return f"{prefix}{self.path}" + (f"?{self.query}" if self.query else "")

    def with_headers(self, **more):
        return Request(self.method, self.path, self.query, self.body,
                       {**self.headers, **{name.replace("_", "-"): value for name, value in more.items()}})

    def raw(self, port, prefix):
        """The bytes on the wire."""
        body = self.body.encode()
        lines = [f"{self.method} {self.target(prefix)} HTTP/1.1", f"Host: 127.0.0.1:{port}",
                 *(f"{name}: {value}" for name, value in self.headers.items()), f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def now_ms(ago_s=0):
    return int((time.time() - ago_s) * 1000)


def iso(form, ago_s=0):
    at = datetime.datetime.fromtimestamp(time.time() - ago_s, datetime.timezone.utc)
    return at.strftime(form) if "%f" not in form else at.strftime(form.replace("%f", f"{at.microsecond // 1000:03}"))


def encode(params):
    """A form of names and values, with dots and brackets for what is nested, or of text that is one already."""
    return params if isinstance(params, str) else urllib.parse.urlencode(list(flat(params)))


def flat(params, before=""):
    items = params.items() if isinstance(params, dict) else enumerate(params)
    for name, value in items:
        name = f"{before}[{name}]" if before else str(name)
        if isinstance(value, (dict, list)):
            yield from flat(value, name)
        else:
            yield name, value


def json_text(params):
    return params if isinstance(params, str) else json.dumps(params)


def binance(method, path, params, ago_s=0):
    text = "&".join(part for part in (encode(params), f"timestamp={now_ms(ago_s)}", "signature=dummy") if part)
    headers = {"X-MBX-APIKEY": "dummy", "Content-Type": FORM}
    return Request(method, path, body=text, headers=headers) if method in ("POST", "PUT") else \
        Request(method, path, text, headers={"X-MBX-APIKEY": "dummy"})


def bybit(method, path, params, ago_s=0):
    headers = {"X-BAPI-API-KEY": "dummy", "X-BAPI-TIMESTAMP": now_ms(ago_s), "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": "dummy",
               "Content-Type": "application/json"}
    return Request(method, path, body=json_text(params), headers=headers)


def okx(method, path, params, ago_s=0):
    headers = {"OK-ACCESS-KEY": "dummy", "OK-ACCESS-SIGN": "dummy", "OK-ACCESS-TIMESTAMP": iso("%Y-%m-%dT%H:%M:%S.%fZ", ago_s),
               "OK-ACCESS-PASSPHRASE": "dummy", "Content-Type": "application/json"}
    return Request(method, path, body=json_text(params), headers=headers)


def htx(method, path, params, ago_s=0):
    query = urllib.parse.urlencode({"AccessKeyId": "dummy", "SignatureMethod": "HmacSHA256", "SignatureVersion": "2",
                                    "Timestamp": iso("%Y-%m-%dT%H:%M:%S", ago_s), "Signature": "dummy"})
    return Request(method, path, query, json_text(params), {"Content-Type": "application/json"})


def kraken(method, path, params, ago_s=0):
    """JSON, if the parameters are written as that."""
    if isinstance(params, str) and params.startswith("{"):
        return Request(method, path, body=params, headers={"API-Key": "dummy", "API-Sign": "ZHVtbXk=", "Content-Type": "application/json"})
    text = "&".join(part for part in (f"nonce={int((time.time() - ago_s) * 1e6)}", encode(params)) if part)
    return Request(method, path, body=text, headers={"API-Key": "dummy", "API-Sign": "ZHVtbXk=", "Content-Type": FORM})


class Exchange:
    """`order` are the parameters of a limit order to buy BTC at 30000; `names` says which are its quantity, price and own id."""

    def __init__(self, name, write, path, order, names, secret=harness.BINANCE_SECRET, more=""):
        self.name = name
        self.write = write
        self.path = path
        self.fixed = order
        self.quantity, self.price, self.id = names
        self.secret = secret
        self.more = more
        self.key_id = f"{name}-key-id"

    def params(self, quantity, own_id, **more):
        """None takes a parameter away."""
        found = {**self.fixed, self.quantity: quantity, self.price: str(PRICE), self.id: own_id, **more}
        return {name: value for name, value in found.items() if value is not None}

    def order(self, quantity, own_id, ago_s=0, **more):
        return self.write("POST", self.path, self.params(quantity, own_id, **more), ago_s)

    def own_id(self, text):
        """An id that the exchange takes: OKX has no hyphens in it, Kraken takes eighteen characters."""
        return text.replace("-", "")[-18:]

    def key_line(self):
        label = "kraken-main" if self.name == "kraken" else "binance-main"
        return (f'  {self.name}: {{ account: desk, token: main, object: "pkcs11:object={label}", profile: {self.name}, scheme: hmac, '
                f"key_id: {self.key_id}, relay: only{self.more} }}\n")


EXCHANGES = {exchange.name: exchange for exchange in (
    Exchange("binance", binance, "/api/v3/order", {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"},
             ("quantity", "price", "newClientOrderId")),
    Exchange("bybit", bybit, "/v5/order/create", {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit"},
             ("qty", "price", "orderLinkId")),
    Exchange("okx", okx, "/api/v5/trade/order", {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit"},
             ("sz", "px", "clOrdId"), more=", passphrase: venue-pass"),
    Exchange("htx", htx, "/v1/order/orders/place", {"account-id": "100009", "symbol": "btcusdt", "type": "buy-limit"},
             ("amount", "price", "client-order-id")),
    Exchange("kraken", kraken, "/0/private/AddOrder", {"ordertype": "limit", "type": "buy", "pair": "XBTUSDT"},
             ("volume", "price", "cl_ord_id"), secret=harness.KRAKEN_SECRET),
)}


class ExactWay(whole_way.WholeWay):
    times = "times: {answer_s: 2, connect_s: 3, agent_s: 10}\n"

    @classmethod
    def policy(cls):
        return POLICY.format(uid=os.getuid(), types=", ".join(TYPES),
                             keys="".join(exchange.key_line() for exchange in EXCHANGES.values()))

    @classmethod
    def prepare(cls):
        super().prepare()
        for exchange in EXCHANGES.values():
            more = {"passphrase": "venue-pass"} if exchange.name == "okx" else {}
            cls.venue.add_key(exchange.name, exchange.key_id, secret=exchange.secret, **more)

    def setUp(self):
        """Each test begins with nothing used."""
        super().setUp()
        self.agent.stop()
        self.agent.forget_state()
        self.begin_agent()
        time.sleep(1)  # what HTX names by the second must not be of the second in which the agent started
        is_over = threading.Event()
        feed = Waiting(self.feed, is_over)
        self.addCleanup(feed.join)
        self.addCleanup(is_over.set)
        self.venue.behave()
        self.venue.reset()

    def begin_agent(self):
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, (done.stderr, self.agent.log()[-2000:]))
        self.assertIn(self.put_prices().status, (200, 204))

    def kill(self, who):
        """kill -9 of "relay", "agent" or both, and a start after it."""
        if "relay" in who:
            self.relay.kill()
        if "agent" in who:
            self.agent.process.kill()
        if "relay" in who:
            self.relay.wait(40)
        if "agent" in who:
            self.agent.process.wait(40)
            self.begin_agent()
        if "relay" in who:
            self.start_relay()

    def put_prices(self):
        return rules.Agent.put_prices(self, "first", BTC_USDT=str(PRICE), BTC_USD=str(PRICE), ETH_USDT="2000")

    def feed(self, is_over):
        """A price grows old."""
        while not is_over.wait(5):
            try:
                self.put_prices()
            except (OSError, http.client.HTTPException):
                pass  # the agent is away

    def by(self, socket):
        return rules.Agent.by(self.agent, socket)

    def prefix(self, exchange):
        return f"/{self.token}/{exchange.name}"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, exchange, request, connection=None):
        """Returns the status and the answer's text; 0 if the connection broke."""
        used = connection or self.connect()
        try:
            used.request(request.method, request.target(self.prefix(exchange)), request.body.encode() or None, request.headers)
            answer = used.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            used.close()  # which connects again at the next request
            return 0, repr(error)
        finally:
            if connection is None:
                used.close()

    def send_and_leave(self, exchange, request, after_s):
        """Hangs up that long after the last byte."""
        with socket.create_connection(("127.0.0.1", self.port)) as leaving:
            leaving.sendall(request.raw(self.port, self.prefix(exchange)))
            time.sleep(after_s)

    @staticmethod
    def say(text):
        """Figures, of the long version."""
        if not IS_SHORT:
            print(text, file=sys.stderr)

    def begin_troubles(self):
        """Now and then an order is taken and its answer lost, or says little; or it is rejected, and comes back."""
        for exchange in EXCHANGES:
            for what, every, how in (("close", 7, {"reused": True}), ("refuse", 31, {"kind_of": "funds"}), ("reset", 41, {}),
                                     ("status", 43, {"handled": True}), ("refuse", 47, {"handled": True, "kind_of": "duplicate"})):
                self.venue.misbehave(what, exchange=exchange, kind="order", every=every, skip=every - 1, **how)

    # ---- what is true at any time ----

    def book(self, exchange):
        return self.venue.book(exchange.name, exchange.key_id)

    def used(self, exchange):
        """What the agent has counted."""
        with self.by("agent") as client:
            answer = client.get(f"/v1/keys/{exchange.name}/limits")
            while answer.status == 503:
                time.sleep(0.2)
                answer = client.get(f"/v1/keys/{exchange.name}/limits")
        self.assertEqual(answer.status, 200, answer)
        budget = [level for level in answer.json["limits"] if level["limit"] == "budget"]
        return decimal.Decimal(budget[0]["used"].split()[0]) if budget else decimal.Decimal(0)

    def check_books(self, exchange, what="", duplicates=0):
        """What the exchange has accepted is at most what the agent has counted, at most the budget, and nothing twice. The book
        is read first: what it holds then was counted before it was sent."""
        book = self.book(exchange)
        accepted = decimal.Decimal(str(book["value"]))
        used = self.used(exchange)
        where = (exchange.name, what, book)
        self.assertLessEqual(accepted, used, where)
        self.assertLessEqual(accepted, BUDGET, where)
        self.assertEqual((book["repeats"], book["duplicates"], book["withdrawals"]), (0, duplicates, 0), where)
        return accepted

    def on_each(self, act, *arguments):
        """At all exchanges at once; the first failure is raised."""
        with concurrent.futures.ThreadPoolExecutor(len(EXCHANGES)) as pool:
            return list(pool.map(lambda exchange: act(exchange, *arguments), EXCHANGES.values()))

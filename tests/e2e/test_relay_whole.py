"""Bots through the relay and the real agent at the local exchange: what is judged is sent, once, and counted once."""

import contextlib
import decimal
import json
import signal
import socket
import threading
import time
import unittest

import whole_way
from harness import BINANCE_KEY_ID
from waiting import Waiting

BOTS = 8
# What no bot should send, to where its relay might take it for something else.
KEYS = (b"", b"binance-relay", b"no-such-key", b"x" * 300, b"Binance-Relay", b"a%00b", b"%2e%2e", b"..", b"-", b"'\"", b"a\xc3\xa9", b"\xff", b"a,b",
        b"k" * 15000)
PATHS = (b"", b"/", b"/api/v3/time", b"/~", b"/~main", b"/~main/api/v3/time", b"/~" + b"o" * 300 + b"/x", b"/~MAIN/x", b"/~a%00b/x", b"/~\xff/x",
         b"/https://api.binance.com/api/v3/time", b"/https://" + b"h" * 12000, b"/https%3A%2F%2Fapi.binance.com%2F%00", b"/%00", b"/\xff",
         b"/api/v3/time?a=%ff&b=%00", b"/api/v3/time?\"'\\", b"/" + b"p" * 15000, b"//..//.", b"/api/v3/time?" + b"a=b&" * 3000)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "BREW", "M" * 200, "A!#$%&'*+-.^_`|~Z")
HEADERS = (
    *([b"Idempotency-Key: " + value] for value in (b"", b"k", b"k" * 128, b"k" * 129, b"k" * 9000, b"a b", b"a\tb", b"\xc3\xa9", b"\xff", b"\x7f",
                                                  b"\x01", b"~!@#$%^&*()")),
    [b"Idempotency-Key: a", b"idempotency-key: b"], [b"X" * 12000 + b": a"], [b"X: " + b"v" * 12000], [b"X: \xff"], [b"X: \xc3\xa9"],
    [b"X: a\x01b"], [b"X: a\tb"], [b"X:"], [b": a"], [b"A!#$%&'*+-.^_`|~Z: a"], [b"X Y: a"],
    [b"H%d: v" % i for i in range(60)], [b"H%d: v" % i for i in range(61)], [b"H%d: v" % i for i in range(62)], [b"H%d: v" % i for i in range(200)],
    [b"X: a", b"x: b"], [b"Transfer-Encoding: chunked"], [b"Connection: X", b"X: a"], [b"Content-Type: " + b"t" * 5000],
)
BODIES = (b"", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"a\0b", b"\r\n\t", b"\x01", b"\x7f", b"{" * 40000, b"x" * 47 * 1024,
          b"x" * 48 * 1024, b"x" * (48 * 1024 + 1), b'"' * 48000, b"\xc3\xa9" * 24000, b"a=b&" * 12000)


class Whole(whole_way.WholeWay):
    def setUp(self):
        """Each test begins with nothing used."""
        super().setUp()
        self.agent.stop()
        self.agent.forget_state()
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0, self.agent.log())
        self.venue.behave()
        self.venue.reset()

    def book(self):
        return self.venue.book("binance", BINANCE_KEY_ID)

    def problem(self, headers):
        return json.loads(headers["Chancery-Problem"])

    def assert_nothing_twice(self):
        book = self.book()
        self.assertEqual((book["repeats"], book["duplicates"]), (0, 0))
        return decimal.Decimal(book["value_by_quote"].get("BTC", "0"))

    # ---- what an SDK sends ----

    def test_order_is_placed_and_counted(self):
        status, body, _ = self.order(newClientOrderId="o1")
        self.assertEqual(status, 200, (body, self.relay_log()[-500:]))
        self.assertEqual(json.loads(body)["clientOrderId"], "o1")
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_public_call_needs_no_signature(self):
        status, body, _ = self.call("binance-relay", "GET", "/api/v3/time")
        self.assertEqual((status, "serverTime" in json.loads(body)), (200, True))

    def test_read_needs_read_alone(self):
        path = f"/api/v3/account?timestamp={int(time.time() * 1000)}&signature=dummy"
        status, body, headers = self.call("binance-relay", "GET", path, headers={"X-MBX-APIKEY": "dummy"})
        self.assertEqual(status, 200, (body, headers["Chancery-Problem"]))

    # ---- the connection to the agent, which all bots share ----

    def links(self):
        """Core's ends of the connections by the relay's socket."""
        with open("/proc/net/unix") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        path = str(self.agent.home / "run" / "relay.sock")
        return {row[6] for row in rows if row[5] == "03" and row[7:] == [path]}

    def send_raw(self, method, path, headers, body):
        """The status that the relay answers with, whatever it is sent."""
        lines = [f"{method} ".encode() + path + b" HTTP/1.1", f"Host: 127.0.0.1:{self.port}".encode(),
                 f"Content-Length: {len(body)}".encode(), b"Connection: close", *headers]
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as bot:
            with contextlib.suppress(OSError):
                bot.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            said = bot.recv(65536)
        self.assertTrue(said.startswith(b"HTTP/1.1 "), (lines, said))
        return int(said.split(b" ")[1])

    def test_no_bot_ends_the_connection_of_all(self):
        self.assertEqual(self.order()[0], 200)
        links = self.links()
        self.assertEqual(len(links), 1)
        for key in KEYS:
            for path in PATHS:
                self.send_raw("GET", f"/{self.token}/".encode() + key + path, [], b"")
        start = f"/{self.token}/binance-relay/api/v3/order".encode()
        for method in METHODS:
            self.send_raw(method, start, [], b"")
        for headers in HEADERS:
            self.send_raw("POST", start, headers, self.write_order().encode())
        for body in BODIES:
            self.send_raw("POST", start, [b"Content-Type: application/x-www-form-urlencoded", b"X-MBX-APIKEY: dummy"], body)
        self.assertEqual(self.order(newClientOrderId="after")[0], 200)
        self.assertEqual(self.links(), links)
        self.assertNotIn("has ended", self.relay_log())
        self.assertNotIn("the connection of the relay", self.agent.log())

    # ---- errors ----

    def test_refusal_is_written_as_the_exchange_would(self):
        status, body, headers = self.order(quantity="1000000")
        self.assertIn("code", json.loads(body))
        self.assertEqual((status // 100, self.problem(headers)["rule"]), (4, "day"))

    def test_locked_token_is_an_error_and_no_success(self):
        self.agent.lock()
        status, body, headers = self.order()
        self.assertNotIn(status, (200, 202, 423), body)
        self.assertEqual(self.problem(headers)["type"], "urn:chancery:problem:locked")

    def test_rejection_gives_back_what_policy_lets(self):
        self.venue.misbehave("refuse", exchange="binance", kind="order")
        status, body, _ = self.order()
        self.assertGreaterEqual(status, 400, body)

    # ---- once ----

    def test_same_bytes_are_sent_once_also_by_another_relay(self):
        body = self.write_order(newClientOrderId="same")
        first = self.send_order(body)
        self.assertEqual(self.send_order(body)[:2], first[:2])
        self.end_relay(signal.SIGKILL)
        self.start_relay()
        self.assertEqual(self.send_order(body)[0], 504)
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_idempotency_key_places_one_order(self):
        def place(name):
            return self.call("binance-relay", "POST", "/api/v3/order", self.write_order(newClientOrderId=name), {
                "X-MBX-APIKEY": "dummy", "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "one"})[:2]
        said = [place(f"i{i}") for i in range(3)]
        self.assertEqual((said[0][0], said[1:]), (200, [said[0]] * 2), said)
        self.end_relay(signal.SIGKILL)
        self.start_relay()
        self.assertEqual(place("i3")[0], 504)  # the agent knows of it
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("0.1"))

    def test_budget_is_exact_though_connections_die_unanswered(self):
        self.venue.misbehave("close", exchange="binance", reused=True, every=5)
        numbers = iter(range(150))
        lock = threading.Lock()
        statuses = []

        def bot():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                statuses.append(self.order(quantity="0.1", newClientOrderId=f"b{number}")[0])
        for one in [Waiting(bot) for _ in range(BOTS)]:
            one.join()
            self.assertIsNone(one.result)
        self.assertEqual((statuses.count(200) + statuses.count(504), 504 in statuses), (100, True))
        self.assertEqual(self.assert_nothing_twice(), decimal.Decimal("1"))

    def test_sixteen_bots_on_one_kraken_key_have_no_nonce_refused(self):
        """At an exchange of 50 ms, which it takes before it looks at a request or before it answers, in turns."""
        self.venue.misbehave("delay", exchange="kraken", ms=50, before=True, every=2)
        self.venue.misbehave("delay", exchange="kraken", ms=50)
        order = {"ordertype": "limit", "pair": "XBTUSD", "type": "buy", "volume": "0.0001", "price": "37500"}
        calls = (("Balance", {}), ("AddOrder", order), ("OpenOrders", {}), ("AddOrder", order), ("CancelAll", {}))

        def bot():
            return [(name, *self.kraken(f"/0/private/{name}", **params)) for name, params in calls]
        bots = [Waiting(bot) for _ in range(16)]
        for one in bots:
            one.join()
            for name, status, body, headers in one.result:
                self.assertEqual((status, json.loads(body).get("error")), (200, []), (name, body, headers["Chancery-Problem"]))
        book = self.venue.book("kraken", "kraken-key-id")
        self.assertEqual((book["refused"], book["accepted"]["order"], book["accepted"]["read"], book["accepted"]["cancel"]),
                         ({}, 32, 32, 16))


if __name__ == "__main__":
    unittest.main()

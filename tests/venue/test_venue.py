"""The local exchange does what its README says: it refuses what an exchange would, keeps books, and misbehaves on demand.

That its rules are those of the exchanges is shown by tests/interop/direct.mjs.
"""

import base64
import hashlib
import hmac
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from venue import Venue  # noqa: E402  (beside this file)

SECRET = "s" * 64
HOST = "api.binance.com"


class Client:
    """One connection, and what comes back on it, to the byte."""

    def __init__(self, venue, host=HOST, trust=None):
        context = ssl.create_default_context(cafile=trust or venue.authority)
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", venue.port), timeout=20), server_hostname=host)
        self.host = host

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, method, target, body="", *headers):
        head = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", *headers]
        if body:
            head.append(f"Content-Length: {len(body)}")
        self.sock.sendall(("\r\n".join(head) + "\r\n\r\n" + body).encode())

    def answer(self):
        """Status, headers and body of one answer with a length, None if there is none."""
        data = self.until(b"\r\n\r\n")
        if data is None:
            return None
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            more = self.sock.recv(65536)
            if not more:
                return None
            body += more
        return int(lines[0].split()[1]), headers, body

    def until(self, end):
        data = b""
        while end not in data:
            try:
                more = self.sock.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                return None
            if not more:
                return None
            data += more
        return data

    def everything(self):
        data = b""
        try:
            while more := self.sock.recv(65536):
                data += more
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
        return data

    def ask(self, *request):
        self.send(*request)
        return self.answer()

    def order(self, body=None, *headers):
        return self.ask("POST", "/api/v3/order", body or signed(), *ORDER_HEADERS, *headers)


ORDER_HEADERS = ("X-MBX-APIKEY: id", "Content-Type: application/x-www-form-urlencoded")


def signed(age_ms=0, secret=SECRET, **params):
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "30000",
              **params, "timestamp": int(time.time() * 1000) - age_ms}  # fmt: skip
    text = "&".join(f"{name}={value}" for name, value in params.items() if value is not None)
    return f"{text}&signature={hmac.new(secret.encode(), text.encode(), 'sha256').hexdigest()}"


class VenueTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.venue = Venue()
        cls.addClassCleanup(cls.venue.close)
        cls.venue.add_key("binance", "id", SECRET)

    def setUp(self):
        self.venue.reset()
        self.venue.behave()

    def book(self):
        return self.venue.book("binance", "id")

    def connected(self, **how):
        client = Client(self.venue, **how)
        self.addCleanup(client.sock.close)
        return client


PROFILES = pathlib.Path(__file__).resolve().parents[2] / "profiles"


class Connections(VenueTest):
    def test_every_origin_of_the_profiles_is_played(self):
        for profile in PROFILES.glob("*.yaml"):
            lines = [line for line in profile.read_text().splitlines() if re.search(r"^ +(\w+:|.*origins:).* https://", line)]
            hosts = set(re.findall(r"https://([\w.-]+)", "\n".join(lines)))
            with self.subTest(profile.stem):
                self.assertLessEqual(hosts, set(self.venue.exchanges[profile.stem]))
                self.assertTrue(hosts)

    def test_every_host_has_a_certificate_of_the_authority(self):
        for host in self.venue.hosts:
            with self.subTest(host), Client(self.venue, host):
                pass

    def test_a_wrong_certificate_does_not_verify(self):
        for wrong, why in (
            ("other-host", "Hostname mismatch"), ("other-authority", "unable to get local issuer|self.signed"),
            ("self-signed", "self.signed"), ("expired", "expired"),
        ):  # fmt: skip
            self.venue.misbehave("certificate", wrong=wrong, times=1)
            with self.subTest(wrong), self.assertRaisesRegex(ssl.SSLCertVerificationError, why):
                Client(self.venue)
        Client(self.venue).sock.close()  # once each

    def test_an_unknown_name_gets_no_certificate(self):
        with self.assertRaisesRegex(ssl.SSLError, "UNRECOGNIZED_NAME"):
            Client(self.venue, "api.binance.example")
        self.assertTrue(any("binance.example" in why for why in self.venue.state()["broken"]))

    def test_a_host_that_is_not_the_certificates_is_refused(self):
        client = self.connected()
        client.host = "api.kraken.com"
        self.assertEqual(client.ask("GET", "/0/public/Time")[0], 421)

    def test_doubtful_http_is_refused(self):
        for what, head in {
            "a length beside chunks": "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "a bare line feed": "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "an absolute target": "GET https://api.binance.com/ HTTP/1.1\r\n\r\n",
        }.items():
            with self.subTest(what):
                client = self.connected()
                client.sock.sendall(head.encode())
                self.assertEqual(client.answer()[0], 400)

    def test_what_follows_a_request_is_answered_in_order(self):
        client = self.connected()
        for path in ("time", "ping"):
            client.send("GET", f"/api/v3/{path}")
        self.assertIn(b"serverTime", client.answer()[2])
        self.assertEqual(client.answer()[2], b"{}")

    def test_chunks_are_read(self):
        body = signed()
        client = self.connected()
        client.send("POST", "/api/v3/order", "", *ORDER_HEADERS, "Transfer-Encoding: chunked")
        client.sock.sendall(f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode())
        self.assertEqual(client.answer()[0], 200)

    def test_doubled_headers_are_noted(self):
        self.connected().ask("GET", "/api/v3/time", "", "X-A: 1", "X-A: 2")
        self.assertEqual(self.venue.arrivals()[0]["faults"], ["header x-a twice"])

    def test_http_2_in_front(self):
        with Venue("--h2") as venue:
            venue.add_key("binance", "id", SECRET)
            curl = ["curl", "--silent", "--show-error", "--http2", "--cacert", venue.authority,
                    "--connect-to", f"::127.0.0.1:{venue.h2_port}", "--write-out", "\\n%{http_version} %{http_code}"]  # fmt: skip
            order = [*curl, "--header", "X-MBX-APIKEY: id", "--data", signed(), f"https://{HOST}/api/v3/order"]
            done = subprocess.run(order, capture_output=True, text=True, check=True, timeout=60)
            self.assertTrue(done.stdout.endswith("\n2 200"), done.stdout)
            self.assertEqual(venue.arrivals()[0]["headers"]["x-venue-front"], "h2")
            self.assertEqual(venue.book("binance", "id")["orders"], 1)

    def test_it_ends_with_its_input(self):
        venue = Venue()
        venue.process.stdin.close()
        self.assertEqual(venue.process.wait(timeout=20), 0)
        self.assertFalse(venue.authority.exists())
        venue.close()


class Books(VenueTest):
    def test_orders_are_counted_with_their_value(self):
        client = self.connected()
        self.assertEqual(client.order()[0], 200)
        self.assertEqual(client.order(signed(type="MARKET", price=None, timeInForce=None, quantity="0.5"))[0], 200)
        quote = signed(type="MARKET", price=None, timeInForce=None, quantity=None, quoteOrderQty="12.5")
        self.assertEqual(client.order(quote)[0], 200)
        self.assertEqual(float(self.book()["value"]), 15312.5)
        self.assertEqual(self.book()["orders"], 3)
        self.assertEqual([order["value"] for order in self.venue.orders()], ["300.00", "15000.0", "12.5"])

    def test_a_client_id_that_comes_again_is_accepted_and_counted(self):
        client = self.connected()
        for price in ("30000", "30001"):
            self.assertEqual(client.order(signed(newClientOrderId="a", price=price))[0], 200)
        self.assertEqual((self.book()["orders"], self.book()["duplicates"], self.book()["repeats"]), (2, 1, 0))

    def test_the_same_request_again_is_accepted_and_counted(self):
        body = signed()
        for _ in range(2):  # by another connection
            self.assertEqual(self.connected().order(body)[0], 200)
        self.assertEqual((self.book()["orders"], self.book()["repeats"]), (2, 1))
        self.assertEqual([arrival["repeat"] for arrival in self.venue.arrivals()], [False, True])

    def test_it_deduplicates_if_it_is_told_to(self):
        self.venue.settings(dedupe=True)
        self.addCleanup(self.venue.settings, dedupe=False)
        client = self.connected()
        self.assertEqual(client.order(signed(newClientOrderId="a"))[0], 200)
        self.assertIn(b"Duplicate", client.order(signed(newClientOrderId="a", price="1"))[2])

    def test_amending_raises_the_value(self):
        client = self.connected()
        client.order(signed(newClientOrderId="a"))
        text = f"symbol=BTCUSDT&origClientOrderId=a&newQty=0.02&timestamp={int(time.time() * 1000)}"
        body = f"{text}&signature={hmac.new(SECRET.encode(), text.encode(), 'sha256').hexdigest()}"
        self.assertEqual(client.ask("PUT", "/api/v3/order/amend/keepPriority", body, *ORDER_HEADERS)[0], 200)
        self.assertEqual(self.book()["value"], "600.00")

    def test_what_an_exchange_would_refuse(self):
        for reason, body in {
            "signature": signed(secret="t" * 64),
            "time": signed(age_ms=6000),
            "params": signed(quantity="some"),
            "symbol": signed(symbol="NOSUCH"),
        }.items():
            with self.subTest(reason):
                self.assertEqual(self.connected().order(body)[0], 400)
                self.assertEqual(self.book()["refused"], {reason: 1})
                self.venue.reset()
        unknown = self.connected().ask("POST", "/api/v3/order", signed(), "X-MBX-APIKEY: nobody", ORDER_HEADERS[1])
        self.assertIn(b"-2015", unknown[2])
        self.assertTrue(self.venue.arrivals()[-1]["verdict"].startswith("refused: key"))

    def test_a_call_that_is_not_played_is_counted_if_it_is_well_signed(self):
        client = self.connected()
        for secret in (SECRET, "t" * 64):
            self.assertEqual(client.ask("POST", "/sapi/v1/no/such", signed(secret=secret), *ORDER_HEADERS)[0], 404)
        self.assertEqual(self.book()["refused"], {"path": 1})

    def test_a_key_of_another_environment_is_unknown(self):
        self.venue.add_key("binance", "demo", SECRET, hosts=["demo-api.binance.com"])
        headers = ("X-MBX-APIKEY: demo", ORDER_HEADERS[1])
        self.assertEqual(self.connected().ask("POST", "/api/v3/order", signed(), *headers)[0], 401)
        demo = self.connected(host="demo-api.binance.com")
        self.assertEqual(demo.ask("POST", "/api/v3/order", signed(), *headers)[0], 200)

    def test_the_venues_clock_can_be_off(self):
        self.venue.settings(offset_ms=-60000)
        self.addCleanup(self.venue.settings, offset_ms=0)
        self.assertIn(b"-1021", self.connected().order()[2])
        self.assertEqual(self.connected().order(signed(age_ms=60000))[0], 200)

    def test_what_an_exchange_would_take(self):
        now = int(time.time() * 1000)
        for what, body in {
            "an exponent": signed(quantity="1e-2"),
            "a window with decimals": signed(recvWindow="6000.346"),
            "a signature in upper case": "=".join((*(parts := signed().split("="))[:-1], parts[-1].upper())),
        }.items():
            with self.subTest(what):
                self.assertEqual(self.connected().order(body)[0], 200)
        self.assertEqual(self.book()["accepted"]["exponents"], 1)
        query, body = f"quantity=0.02&timestamp={now}", "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=30000"
        mark = hmac.new(SECRET.encode(), f"{query}{body}".encode(), "sha256").hexdigest()
        target = f"/api/v3/order?{query}"
        self.assertEqual(self.connected().ask("POST", target, f"{body}&signature={mark}", *ORDER_HEADERS)[0], 200)
        self.assertEqual(self.venue.orders()[-1]["amount"], "0.02")

    def test_a_request_that_the_venue_cannot_bear_is_told_and_the_rest_go_on(self):
        self.venue.add_key("bybit", "b", SECRET)
        client = self.connected(host="api.bybit.com")
        text = f"{int(time.time() * 1000)}b5000[1]"
        mark = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
        answer = client.ask("POST", "/v5/order/create", "[1]", "X-BAPI-API-KEY: b", f"X-BAPI-TIMESTAMP: {text[:13]}",
                            "X-BAPI-RECV-WINDOW: 5000", f"X-BAPI-SIGN: {mark}", "Content-Type: application/json")  # fmt: skip
        self.assertEqual(answer[0], 500)
        self.assertEqual(self.venue.arrivals()[-1]["verdict"], "the venue failed")
        self.assertIn("Traceback", self.venue.state()["broken"][-1])
        self.assertEqual(self.connected().order()[0], 200)

    def test_a_nonce_must_rise(self):
        self.venue.add_key("kraken", "k", "c2VjcmV0")
        client = self.connected(host="api.kraken.com")
        for nonce, wanted in ((1001, b'"error":[]'), (1003, b'"error":[]'), (1002, b"Invalid nonce"), (1003, b"Invalid nonce")):
            body = f"nonce={nonce}"
            covered = b"/0/private/Balance" + hashlib.sha256(f"{nonce}{body}".encode()).digest()
            sign = base64.b64encode(hmac.digest(b"secret", covered, "sha512")).decode()
            answer = client.ask("POST", "/0/private/Balance", body, "API-Key: k", f"API-Sign: {sign}",
                                "Content-Type: application/x-www-form-urlencoded")  # fmt: skip
            self.assertIn(wanted, answer[2].replace(b": ", b":"))

    def test_arrivals_have_all_that_was_sent(self):
        body = signed()
        self.connected().order(body, "X-Odd: yes")
        (arrival,) = self.venue.arrivals(raw=1)
        self.assertEqual((arrival["method"], arrival["target"], arrival["body"]), ("POST", "/api/v3/order", body))
        self.assertEqual((arrival["kind"], arrival["verdict"], arrival["nth"]), ("order", "accepted", 1))
        self.assertIn("X-Odd: yes\r\n", arrival["raw"])
        self.assertTrue(arrival["raw"].endswith(body))
        self.assertEqual(self.venue.arrivals(since=arrival["n"]), [])


class Misbehaviour(VenueTest):
    def test_an_order_is_placed_although_nobody_hears_of_it(self):
        for do in ("close", "reset", "truncate"):
            self.venue.misbehave(do, times=1)
            with self.subTest(do), Client(self.venue) as client:
                self.assertIsNone(client.order())
                self.assertEqual(self.book()["orders"], 1)
                self.venue.reset()

    def test_it_is_not_placed_if_the_test_says_so(self):
        self.venue.misbehave("close", handled=False)
        self.assertIsNone(self.connected().order())
        self.assertEqual(self.book()["orders"], 0)
        self.assertEqual(self.venue.arrivals()[0]["verdict"], "not looked at")

    def test_only_reused_connections_only_some_calls_and_only_so_often(self):
        self.venue.misbehave("close", reused=True, kind="order", skip=1, times=1)
        client = self.connected()
        self.assertIsNotNone(client.order())  # its first
        self.assertIsNotNone(client.order())  # skipped
        self.assertIsNotNone(client.ask("GET", "/api/v3/time"))
        self.assertIsNone(client.order())
        second = self.connected()
        self.assertIsNotNone(second.order())
        self.assertIsNotNone(second.order())  # it was once
        self.assertEqual(self.book()["orders"], 5)

    def test_every_so_many(self):
        self.venue.misbehave("status", every=3, status=503, body="busy")
        client = self.connected()
        self.assertEqual([client.ask("GET", "/api/v3/time")[0] for _ in range(6)], [503, 200, 200, 503, 200, 200])

    def test_an_answer_that_never_comes(self):
        self.venue.misbehave("hang", times=1)
        client = self.connected()
        client.send("POST", "/api/v3/order", signed(), *ORDER_HEADERS)
        with self.assertRaises(TimeoutError):
            client.sock.settimeout(0.3)
            client.sock.recv(1)
        client.sock.close()
        deadline = time.monotonic() + 60
        while not self.venue.arrivals()[0]["left"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_an_answer_that_comes_late(self):
        self.venue.misbehave("delay", ms=200, times=1)
        begin = time.monotonic()
        client = self.connected()
        self.assertEqual(client.order()[0], 200)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)
        self.assertEqual(client.order()[0], 200)

    def test_an_exchange_that_is_far_away_looks_at_it_late(self):
        self.venue.misbehave("delay", ms=1500, before=True)
        client = self.connected()
        client.send("POST", "/api/v3/order", signed(), *ORDER_HEADERS)
        while not self.venue.arrivals():
            pass
        self.assertEqual(self.book()["orders"], 0)
        self.assertEqual(client.answer()[0], 200)
        self.assertEqual(self.book()["orders"], 1)

    def test_answers_in_other_clothes(self):
        client = self.connected()
        self.venue.misbehave("drip", times=1, ms=1, bytes=64)
        self.assertEqual(client.ask("GET", "/api/v3/ping")[2], b"{}")
        self.venue.misbehave("interim", times=1)
        client.send("GET", "/api/v3/ping")
        self.assertRegex(client.until(b"\r\n\r\n{}"), rb"^HTTP/1.1 103 [^\0]*\r\n\r\nHTTP/1.1 200 ")
        self.venue.misbehave("chunked", times=1)
        client.send("GET", "/api/v3/ping")
        self.assertTrue(client.until(b"0\r\n\r\n").endswith(b"\r\n2\r\n{}\r\n0\r\n\r\n"))
        self.venue.misbehave("gzip", times=1)
        self.assertEqual(client.ask("GET", "/api/v3/ping", "", "Accept-Encoding: gzip")[1]["content-encoding"], "gzip")
        self.venue.misbehave("large", times=1, bytes=3_000_000)
        self.assertGreater(len(client.ask("GET", "/api/v3/ping")[2]), 2_900_000)
        self.venue.misbehave("redirect", times=1, to="https://evil.example/")
        self.assertEqual(client.ask("GET", "/api/v3/ping")[1]["location"], "https://evil.example/")
        self.venue.misbehave("until-close", times=1)
        client.send("GET", "/api/v3/ping")
        self.assertTrue(client.everything().endswith(b"\r\n\r\n{}"))

    def test_answers_that_are_none(self):
        for do, part in (
            ("garbage", b"not HTTP"), ("smuggle", b"smuggled"), ("extra", b"unasked"), ("headers", b"xxxxxxxx\r\nServer"),
            ("endless", b"4000\r\n" + b" " * 100),
        ):  # fmt: skip
            self.venue.misbehave(do, times=1)
            with self.subTest(do), Client(self.venue) as client:
                client.send("GET", "/api/v3/ping")
                self.assertIsNotNone(client.until(part))

    def test_a_refusal_in_the_exchanges_own_shape(self):
        for kind, wanted in (("funds", b"-2010"), ("busy", b"-1008"), ("limit", b"-1003")):
            self.venue.misbehave("refuse", times=1, kind_of=kind)
            self.assertIn(wanted, self.connected().order()[2])
        self.assertEqual(self.book()["orders"], 0)

    def test_a_word_that_means_nothing_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "do must be one of"):
            self.venue.misbehave("explode")


if __name__ == "__main__":
    unittest.main()

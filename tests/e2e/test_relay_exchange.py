"""chancery-relay: exchanges that misbehave, and names that lead elsewhere."""

import http.client
import time
import unittest

from relay_rig import GROWTH_KIB, HOST, RelayTest, SHAPES, answer, rss_kib, wait_until
from waiting import Waiting

UNKNOWN = (504, SHAPES["unknown"]["body"].encode())
NOT_SENT = (503, SHAPES["not-sent"]["body"].encode())


class ExchangeTest(RelayTest):
    def both(self, reply):
        return reply.status, reply.body

    def assert_told_nothing(self):
        self.assertEqual(self.call("POST", "/api/marker", str(time.time_ns())).status, 200)
        wait_until(self.told, "the marker's outcome")
        self.assertEqual([told["outcome"] for _, told in self.told()], ["answered"])


class TestTimes(ExchangeTest):
    """A good exchange must answer in time here, also on a machine that does other things."""

    times = {"answer_s": 2, "connect_s": 2, "transfer_s": 3}

    def test_hung_exchange_is_unknown_and_nothing_is_told(self):
        self.exchange.plays["/api/hang"] = lambda *_: time.sleep(6)
        hung = Waiting(self.call, "POST", "/api/hang", "hang")
        wait_until(lambda: self.exchange.arrivals, "an arrival")
        self.assertEqual(self.call("GET", "/api/other", port=self.other_port, token=self.other_token).status, 200)
        hung.join()
        self.assertEqual(self.both(hung.result), UNKNOWN)
        again = self.call("POST", "/api/hang", "hang")
        self.assertEqual(self.both(again), UNKNOWN)
        self.assertEqual(len(self.exchange.of("/api/hang")), 1)
        self.assert_told_nothing()

    def test_answer_that_drips_ends_in_time(self):
        def play(stream, _):
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                stream.sendall(b"x")
                time.sleep(0.1)
        self.exchange.plays["/api/drip"] = play
        begun = time.monotonic()
        with self.assertRaises(http.client.IncompleteRead):
            self.call("GET", "/api/drip")
        self.assertLess(time.monotonic() - begun, 8)


class TestExchange(ExchangeTest):
    extra = "answer_mib: 8\n"

    # ---- at most once ----

    def test_reused_connection_that_dies_unanswered_has_one_arrival(self):
        self.exchange.plays["/api/die"] = lambda *_: False
        for method in ("POST", "DELETE", "GET"):
            with self.subTest(method):
                self.exchange.arrivals.clear()
                self.assertEqual(self.call(method, "/api/before", method if method == "POST" else None).status, 200)
                reply = self.call(method, f"/api/die?{method}", "x" if method == "POST" else None)
                self.assertEqual(self.both(reply), UNKNOWN)
                before, died = self.exchange.arrivals
                self.assertEqual(before.connection, died.connection)
                self.assertIn("not sent a second time", reply.problem["detail"])

    def test_reused_connection_that_dies_after_a_part_of_the_head(self):
        def play(stream, _):
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
            return False
        self.exchange.plays["/api/part"] = play
        self.call("POST", "/api/before", "part")
        self.assertEqual(self.both(self.call("POST", "/api/part", "x")), UNKNOWN)
        self.assertEqual(len(self.exchange.of("/api/part")), 1)

    def test_public_call_is_sent_again_on_a_new_connection(self):
        died = []

        def play(stream, arrival):
            died.append(arrival)
            return False if len(died) == 1 else answer()
        self.exchange.plays["/api/ticker"] = play
        self.agent.judge = self.agent.public
        self.call("GET", "/api/before")
        self.assertEqual(self.call("GET", "/api/ticker").status, 200)
        self.assertEqual(len(died), 2)

    def test_bot_that_left_keeps_an_unknown_outcome(self):
        self.exchange.plays["/api/left"] = lambda *_: (time.sleep(0.3), False)[1]
        with self.connect() as stream:
            stream.sendall(self.head(f"POST /{self.token}/key-1/api/left HTTP/1.1", "Content-Length: 4") + b"left")
            wait_until(lambda: self.exchange.arrivals, "an arrival")
        self.await_state("ended", 1)
        self.assert_told_nothing()

    # ---- answers ----

    def test_redirect_is_an_answer_and_is_not_followed(self):
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            self.exchange.plays["/api/there"] = lambda *_: answer(b"", status, "Location: https://second.test/api/here")
            self.assertEqual(self.call("POST", "/api/there", status).status, int(status[:3]))
        self.assertEqual(self.exchange.of("/api/here"), [])

    def test_headers_for_browsers_and_connections_are_kept_back(self):
        self.exchange.plays["/api/h"] = lambda *_: answer(
            b"{}", "200 OK", "Set-Cookie: a=b", "Strict-Transport-Security: max-age=9", "Alt-Svc: h3", "Keep-Alive: timeout=9",
            "Access-Control-Allow-Origin: *", "access-control-allow-headers: *", "Connection: keep-alive, X-Hop", "X-Hop: 1",
            "Chancery-Problem: {}", "Upgrade: h2", "X-RateLimit-Remaining: 5", "Retry-After: 3", "Date: today")
        reply = self.call("GET", "/api/h")
        self.assertEqual({name.lower() for name in reply.headers},
                         {"content-length", "content-type", "x-ratelimit-remaining", "retry-after", "date"})

    def test_header_that_would_inject_is_kept_back(self):
        def play(*_):
            return b"HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nX-C: ok\r\n folded\r\nContent-Length: 2\r\n\r\nhi"
        self.exchange.plays["/api/i"] = play
        reply = self.call("GET", "/api/i")
        self.assertEqual((reply.status, reply.body), (200, b"hi"))
        self.assertEqual((reply.headers["X-B"], reply.headers["X-A"]), (None, None))

    def test_megabytes_of_headers_are_cut(self):
        def play(stream, _):
            stream.sendall(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"x" * 1000) for i in range(3000)))
            return b"Content-Length: 0\r\n\r\n"
        self.exchange.plays["/api/heads"] = play
        reply = self.call("POST", "/api/heads", "x")
        self.assertEqual(self.both(reply), UNKNOWN)
        self.assertIn("head", reply.problem["detail"])

    def test_interim_answers_without_end_are_cut(self):
        def play(stream, _):
            for _ in range(10000):
                stream.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        self.exchange.plays["/api/interim"] = play
        self.assertEqual(self.both(self.call("POST", "/api/interim", "x")), UNKNOWN)

    def test_answer_without_end_is_cut(self):
        def play(stream, _):
            stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                stream.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        self.exchange.plays["/api/endless"] = play
        before = rss_kib(self.relay.pid)
        with self.assertRaises(http.client.IncompleteRead):
            self.call("GET", "/api/endless")
        self.assertLess(rss_kib(self.relay.pid) - before, GROWTH_KIB)

    def test_announced_answer_that_is_too_large(self):
        self.exchange.plays["/api/huge"] = lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
        reply = self.call("POST", "/api/huge", "x")
        self.assertEqual(self.both(reply), UNKNOWN)
        self.assertIn("8 MiB", reply.problem["detail"])

    def test_answer_that_ends_early_is_cut_and_told(self):
        def play(stream, _):
            stream.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\n{\"code\":")
            return False
        self.exchange.plays["/api/short"] = play
        with self.assertRaises(http.client.IncompleteRead):
            self.call("POST", "/api/short", "x")
        self.assertEqual(self.outcome()[1], {"outcome": "answered", "status": 400, "body": ""})
        self.assertEqual(self.both(self.call("POST", "/api/short", "x")), UNKNOWN)

    def test_body_of_more_than_16_kib_is_not_told(self):
        self.exchange.plays["/api/long"] = lambda *_: answer(b"y" * 100000)
        self.assertEqual(len(self.call("POST", "/api/long", "x").body), 100000)
        self.assertEqual(self.outcome()[1]["body"], "")
        self.assertEqual(self.both(self.call("POST", "/api/long", "x")), UNKNOWN)

    def test_bytes_that_are_no_http(self):
        for said in (b"SSH-2.0-x\r\n", b"\0" * 100, b"HTTP/1.1 99999 X\r\n\r\n", b"HTTP/0.9\r\n\r\n"):
            with self.subTest(said):
                self.exchange.plays["/api/junk"] = lambda stream, _: (stream.sendall(said), False)[1]
                self.assertEqual(self.both(self.call("POST", "/api/junk", str(time.time_ns()))), UNKNOWN)

    def test_compressed_answer_is_passed_on_as_it_is(self):
        self.exchange.plays["/api/z"] = lambda *_: answer(b"\x1f\x8bnot really", "200 OK", "Content-Encoding: gzip")
        reply = self.call("GET", "/api/z", headers={"Accept-Encoding": "gzip"})
        self.assertEqual((reply.body, reply.headers["Content-Encoding"]), (b"\x1f\x8bnot really", "gzip"))

    def test_status_and_reason_pass(self):
        for status in (400, 401, 418, 429, 503):
            self.exchange.plays["/api/s"] = lambda *_: answer(b"{}", f"{status} X")
            self.assertEqual(self.call("POST", "/api/s", str(status)).status, status)

    # ---- connections ----

    def test_nobody_listens(self):
        self.agent.judge = lambda question, key: self.agent.sign(question, key, url="https://closed.test/api")
        reply = self.call("POST", "/api", "closed")
        self.assertEqual(self.both(reply), NOT_SENT)
        self.assertEqual(self.outcome()[1], {"outcome": "not-sent"})

    def test_what_was_not_sent_may_come_again(self):
        self.agent.judge = lambda question, key: self.agent.sign(question, key, url="https://closed.test/api")
        self.assertEqual(self.both(self.call("POST", "/api", "again", {"Idempotency-Key": "closed"})), NOT_SENT)
        not_sent = self.agent.asked[0]["relay"]["id"]
        self.agent.judge = lambda *_: (409, {"type": "urn:chancery:problem:already-sent", "relay_id": not_sent})
        self.assertEqual(self.both(self.call("POST", "/api", "again")), NOT_SENT)
        self.agent.judge = self.agent.sign
        self.assertEqual(self.call("POST", "/api", "again", {"Idempotency-Key": "closed"}).status, 200)
        self.assertEqual(len(self.exchange.arrivals), 1)

    def test_host_that_leads_here_is_refused(self):
        for host in ("localhost", "127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f.1"):
            with self.subTest(host):
                self.agent.judge = lambda question, key: self.agent.sign(question, key, url=f"https://{host}:9/api")
                reply = self.call("POST", "/api", host)
                self.assertEqual(self.both(reply), NOT_SENT)
                self.assertIn("private network", reply.problem["detail"])

    def test_name_does_not_matter_once_a_route_says_where(self):
        self.agent.judge = lambda question, key: self.agent.sign(question, key, url=f"https://{HOST.upper()}/api")
        self.assertEqual(self.call("POST", "/api", "upper").status, 200)

    @classmethod
    def config(cls):
        return super().config().replace("answer_mib:", "  closed.test: '127.0.0.1:9'\nanswer_mib:")


class TestStrangeCertificate(RelayTest):
    certificate = "stranger"

    def test_certificate_of_another_authority_has_nothing_sent(self):
        reply = self.call("POST", "/api", "x")
        self.assertEqual((reply.status, reply.body), NOT_SENT)
        self.assertIn("certificate", reply.problem["detail"])
        self.assertEqual(self.exchange.arrivals, [])
        self.assertEqual(self.outcome()[1], {"outcome": "not-sent"})


class TestWrongName(RelayTest):
    @classmethod
    def config(cls):
        return super().config() + f"  third.test: '127.0.0.1:{cls.exchange.port}'\n"

    def test_certificate_of_another_name_has_nothing_sent(self):
        self.agent.judge = lambda question, key: self.agent.sign(question, key, url="https://third.test/api")
        reply = self.call("POST", "/api", "x")
        self.assertEqual((reply.status, reply.body), NOT_SENT)
        self.assertEqual(self.exchange.arrivals, [])


if __name__ == "__main__":
    unittest.main()

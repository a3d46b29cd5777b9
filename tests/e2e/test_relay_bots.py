"""chancery-relay: bots that send what no bot should, or leave."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

from relay_rig import GROWTH_KIB, RELAY, RelayTest, answer, rss_kib, wait_until
from waiting import Waiting


class TestBots(RelayTest):
    # ---- bytes ----

    def test_smuggling_is_refused(self):
        post = f"POST /{self.token}/key-1/api HTTP/1.1"
        smuggled = b"GET /x HTTP/1.1\r\n\r\n"
        for name, data, status in (
                ("two lengths", self.head(post, "Content-Length: 1", "Content-Length: 1") + b"a", 400),
                ("two lengths in one", self.head(post, "Content-Length: 1, 1") + b"a", 400),
                ("a length beside chunks", self.head(post, "Content-Length: 4", "Transfer-Encoding: chunked") + smuggled, 400),
                ("chunks beside a length", self.head(post, "Transfer-Encoding: chunked", "Content-Length: 4") + smuggled, 400),
                ("chunks", self.head(post, "Transfer-Encoding: chunked") + b"0\r\n\r\n", 411),
                ("a length that is none", self.head(post, "Content-Length: +1") + b"a", 400),
                ("a length below zero", self.head(post, "Content-Length: -1"), 400),
                ("a length in hex", self.head(post, "Content-Length: 0x1"), 400),
                ("a length beyond numbers", self.head(post, "Content-Length: 99999999999999999999"), 400),
                ("a bare line feed", self.head().replace(b"\r\nHost", b"\nHost"), 400),
                ("a bare line feed in a value", self.head(None, "A: b\nContent-Length: 5"), 400),
                ("a bare end of the head", self.head().replace(b"\r\n\r\n", b"\n\n"), 400),
                ("a bare carriage return", self.head(None, "A: b\rC: d"), 400),
                ("a NUL", self.head(None, "A: b\0c"), 400),
                ("a folded line", self.head(None, "A: b", " c"), 400),
                ("a blank before the colon", self.head(None, "Content-Length : 5"), 400),
                ("a line without a colon", self.head(None, "Content-Length"), 400),
                ("a header twice", self.head(None, "X-A: 1", "x-a: 1"), 400),
                ("two hosts", self.head(None, f"Host: 127.0.0.1:{self.port}"), 400),
                ("no host", f"GET /{self.token}/key-1/api HTTP/1.1\r\n\r\n".encode(), 400),
                ("an empty line first", b"\r\n" + self.head(), 400),
                ("a value that is not UTF-8", self.head(None, "A: x").replace(b"x", b"\xff"), 400)):
            with self.subTest(name):
                self.assertEqual(self.status_of(data), status)
        self.assertEqual(self.agent.asked, [])

    def test_request_lines_that_are_none_for_a_relay(self):
        path = f"/{self.token}/key-1/api"
        for line, status in (
                (f"GET http://127.0.0.1:{self.port}{path} HTTP/1.1", 400), (f"CONNECT 127.0.0.1:{self.port} HTTP/1.1", 405),
                (f"GET  {path} HTTP/1.1", 400), (f"GET {path}  HTTP/1.1", 400), (f"GET {path} HTTP/1.0", 505),
                (f"GET {path} HTTP/1.1 ", 505), (f"GET {path}", 400), (f"GET {path}\tHTTP/1.1", 400),
                (f"HEAD {path} HTTP/1.1", 501), (f"OPTIONS {path} HTTP/1.1", 501), (f"get {path} HTTP/1.1", 501),
                (f"GET {path}#x HTTP/1.1", 400), (f"GET {path}\xe9 HTTP/1.1", 400), ("GET * HTTP/1.1", 400),
                (f"GET {path} HTTP/2.0", 505), (f"G({path} HTTP/1.1", 400), ("", 400)):
            with self.subTest(line):
                data = f"{line}\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode("latin-1")
                self.assertEqual(self.status_of(data), status)
        self.assertEqual(self.agent.asked, [])

    def test_web_pages_are_refused(self):
        def with_host(host, *headers):
            return "\r\n".join([f"GET /{self.token}/key-1/api HTTP/1.1", f"Host: {host}", "Connection: close",
                                *headers]).encode() + b"\r\n\r\n"
        ours = f"127.0.0.1:{self.port}"
        for host in (f"127.0.0.1:{self.port + 1}", "127.0.0.1", f"evil.example:{self.port}", f"127.0.0.1.nip.io:{self.port}", "",
                     f"localhost:{self.port}x", f"localhost:{self.port}:1", f"x@localhost:{self.port}"):
            with self.subTest(host):
                self.assertEqual(self.status_of(with_host(host)), 403)
        for header in ("Origin: https://evil.example", "Origin: null", "Origin: http://127.0.0.1", "Origin:",
                       "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"):
            with self.subTest(header):
                self.assertEqual(self.status_of(with_host(ours, header)), 403)
        self.assertEqual(self.agent.asked, [])
        for host, *headers in ((ours, "Origin: *"), (f"localhost:{self.port}",), (f"LOCALHOST:{self.port}",),
                               (f"[::1]:{self.port}", "sec-fetch-mode: cors")):
            with self.subTest(host):
                self.assertEqual(self.status_of(with_host(host, *headers)), 200)

    def test_upgrades_and_expectations(self):
        self.assertEqual(self.status_of(self.head(None, "Connection: Upgrade", "Upgrade: websocket")), 501)
        self.assertEqual(self.status_of(self.head(None, "Upgrade: h2c")), 501)
        self.assertEqual(self.status_of(self.head(None, "Connection: close, upgrade")), 501)
        self.assertEqual(self.status_of(self.head(None, "Expect: miracles")), 417)
        with self.connect() as stream:
            stream.sendall(self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Expect: 100-continue", "Content-Length: 2"))
            self.assertEqual(stream.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            stream.sendall(b"ab")
            self.assertTrue(stream.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_sizes(self):
        post = f"POST /{self.token}/key-1/api HTTP/1.1"
        self.assertEqual(self.status_of(self.head(None, "A: " + "x" * 17000)), 431)
        self.assertEqual(self.status_of(self.head(None, *[f"A{i}: x" for i in range(70)])), 431)
        self.assertEqual(self.status_of(self.head(post, f"Content-Length: {48 * 1024 + 1}")), 413)
        self.assertEqual(self.call("POST", "/api", "x" * (48 * 1024)).status, 413)
        self.assertEqual(self.call("POST", "/api", '"' * (47 * 1024)).status, 200)
        self.assertEqual(self.call("POST", "/api", "x" * (47 * 1024)).status, 200)
        self.assertEqual(self.call("POST", "/api", b"\xff").status, 400)
        self.assertEqual(self.call("POST", "/api", b"a\0b").status, 400)
        self.assertEqual(self.call("POST", "/api", '{\n\t"a": "ä"\r\n}'.encode()).status, 200)
        self.assertEqual(self.exchange.arrivals[-1].body, '{\n\t"a": "ä"\r\n}'.encode())

    def test_requests_one_after_the_other_on_a_connection(self):
        one = self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 2")
        last = self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 2", "Connection: close")
        said = self.raw(b"".join(one + b"%02d" % i for i in range(20)) + last + b"20")
        self.assertEqual(said.count(b"HTTP/1.1 200 OK"), 21)
        self.assertEqual([arrival.body for arrival in self.exchange.arrivals], [b"%02d" % i for i in range(21)])

    def test_answer_that_needs_no_body_keeps_the_connection(self):
        self.exchange.plays["/api/none"] = lambda *_: b"HTTP/1.1 204 No Content\r\n\r\n"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for _ in range(2):
            connection.request("GET", f"/{self.token}/key-1/api/none?{_}")
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (204, b""))
        connection.close()

    # ---- leaving ----

    def test_bot_that_leaves_before_the_sending_has_nothing_sent(self):
        started = []
        has_left = threading.Event()

        def judge(question, key):
            if key == "other":
                return 403, {"detail": "no"}
            started.append(question)
            has_left.wait(20)
            return self.agent.sign(question, key)
        self.agent.judge = judge
        stream = self.connect()
        stream.sendall(self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 6") + b"leaves")
        wait_until(lambda: started, "a question")
        stream.close()
        self.call("POST", "/api", "x", key="other")  # the relay has seen by then that the bot is gone
        has_left.set()
        self.assertEqual(self.outcome(), (started[0]["relay"]["id"], {"outcome": "not-sent"}))
        self.assertEqual(self.exchange.arrivals, [])

    def test_bot_that_leaves_the_queue_has_nothing_asked(self):
        self.agent.serial = True
        has_left = threading.Event()
        self.exchange.plays["/api/hold"] = lambda *_: (has_left.wait(20), answer())[1]
        first = Waiting(self.call, "POST", "/api/hold", "hold")
        wait_until(lambda: self.exchange.arrivals, "a request in flight")
        with self.connect() as stream:
            stream.sendall(self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 4") + b"wait")
            self.await_state("queued", 2)
        self.await_state("ended", 1)
        has_left.set()
        first.join()
        self.assertEqual(first.result.status, 200)
        self.assertEqual(self.call("POST", "/api/after", "after").status, 200)
        self.assertEqual(len(self.agent.asked), 2)

    def test_outcome_is_awaited_for_a_bot_that_leaves_after_the_sending(self):
        self.exchange.plays["/api/late"] = lambda *_: (time.sleep(0.4), answer(b"placed"))[1]
        with self.connect() as stream:
            stream.sendall(self.head(f"POST /{self.token}/key-1/api/late HTTP/1.1", "Content-Length: 4") + b"late")
            wait_until(lambda: self.exchange.arrivals, "an arrival")
        self.assertEqual(self.outcome()[1], {"outcome": "answered", "status": 200, "body": "placed"})
        again = self.call("POST", "/api/late", "late", {"Host": f"127.0.0.1:{self.port}"})
        self.assertEqual(again.status, 200)

    def test_reset_in_the_middle_harms_nobody(self):
        self.exchange.plays["/api/big"] = lambda *_: answer(b"x" * 3000000)
        for _ in range(5):
            stream = self.connect()
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.sendall(self.head(f"GET /{self.token}/key-1/api/big?{_} HTTP/1.1"))
            stream.recv(1000)
            stream.close()
        self.assertEqual(len(self.call("GET", "/api/big").body), 3000000)

    # ---- shares ----

    def test_connections_have_a_share(self):
        streams = [self.connect() for _ in range(600)]
        try:
            self.assertEqual(self.call("GET", "/api", port=self.other_port, token=self.other_token).status, 200)
            self.assertEqual(self.call("GET", "/api/more").status, 200)
        finally:
            for stream in streams:
                stream.close()

    # ---- streams ----

    def test_large_answer_streams_through_in_bounded_memory(self):
        part = bytes(range(256)) * 256
        total = 20 * 1024 * 1024

        def play(stream, arrival):
            stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(total // len(part)):
                stream.sendall(b"%x\r\n" % len(part) + part + b"\r\n")
            stream.sendall(b"0\r\n\r\n")
        self.exchange.plays["/api/book"] = play
        before = rss_kib(self.relay.pid)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{self.token}/key-1/api/book")
        response = connection.getresponse()
        time.sleep(1)  # the bot takes nothing meanwhile
        self.assertLess(rss_kib(self.relay.pid) - before, GROWTH_KIB)
        size = 0
        while data := response.read(len(part)):
            self.assertEqual(data, part)
            size += len(data)
        self.assertEqual(size, total)
        self.assertLess(rss_kib(self.relay.pid) - before, GROWTH_KIB)
        connection.close()

    def test_debug_log_names_no_secret(self):
        self.call("POST", "/api/order?secret=in-query", "in-body", {"X-Key": "in-header"})
        for secret in ("in-query", "in-body", "in-header"):
            self.assertNotIn(secret, self.log())


class TestSlow(RelayTest):
    times = {"head_s": 1, "body_s": 1}

    def test_slow_requests_end(self):
        self.assertEqual(self.status_of(self.head()[:-1]), 408)
        self.assertEqual(self.status_of(self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 5") + b"a"), 408)
        self.assertEqual(self.agent.asked, [])


class TestEnd(RelayTest):
    def look_at_relay(self):
        pass

    def test_sigterm_finishes_what_is_in_flight(self):
        self.exchange.plays["/api/slow"] = lambda *_: (time.sleep(0.7), answer(b"done"))[1]
        idle = self.connect()
        waiting = Waiting(self.call, "POST", "/api/slow", "slow")
        wait_until(lambda: self.exchange.arrivals, "an arrival")
        self.relay.send_signal(signal.SIGTERM)
        waiting.join()
        self.assertEqual((waiting.result.status, waiting.result.body), (200, b"done"))
        self.assertEqual(self.relay.wait(10), 0)
        self.assertEqual(idle.recv(10), b"")
        self.assertEqual(self.outcome()[1]["outcome"], "answered")
        self.assertFalse(os.path.exists(self.folder / "bot.sock"))
        idle.close()


class TestTls(RelayTest):
    @classmethod
    def config(cls):
        done = subprocess.run([RELAY.with_name("chancery"), "relay", "certificate", cls.folder], capture_output=True, text=True,
                              env={"ASAN_OPTIONS": "detect_leaks=0"})
        assert done.returncode == 0, done.stderr
        return super().config().replace("token: token}", "token: token, certificate: relay.pem, key: relay.key}")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.context = ssl.create_default_context(cafile=cls.folder / "relay.pem")

    def test_bots_may_speak_tls(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        for i in range(3):
            connection.request("POST", f"/{self.token}/key-1/api", f"{i}" * 20000)
            self.assertEqual(json.loads(connection.getresponse().read()), {"ok": True})
        connection.close()
        self.assertEqual(len(self.exchange.arrivals), 3)

    def test_key_is_the_relays_alone_and_not_overwritten(self):
        key = self.folder / "relay.key"
        before = key.read_bytes()
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        done = subprocess.run([RELAY.with_name("chancery"), "relay", "certificate", self.folder], capture_output=True,
                              env={"ASAN_OPTIONS": "detect_leaks=0"})
        self.assertEqual((done.returncode, key.read_bytes()), (5, before))

    def test_node_trusts_the_certificate(self):
        script = f"fetch('https://localhost:{self.port}/{self.token}/key-1/api').then(async (r) => console.log(r.status, await r.text()))"
        done = subprocess.run(["node", "-e", script], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(self.folder / "relay.pem")})
        self.assertEqual(done.stdout, '200 {"ok":true}\n', done.stderr)

    def test_large_answer_by_tls(self):
        self.exchange.plays["/api/big"] = lambda *_: answer(b"y" * 5000000)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
        connection.request("GET", f"/{self.token}/key-1/api/big")
        self.assertEqual(connection.getresponse().read(), b"y" * 5000000)
        connection.close()

    def test_requests_in_one_record(self):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        with self.context.wrap_socket(raw, server_hostname="localhost") as stream:
            one = self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 1")
            stream.sendall(b"".join(one + b"%d" % i for i in range(5)))
            said = b""
            while said.count(b'{"ok":true}') < 5:
                said += stream.recv(65536)

    def test_plain_bytes_end_the_connection(self):
        with contextlib.suppress(ConnectionResetError):
            self.assertNotIn(b"HTTP/", self.raw(self.head()))
        self.assertEqual(self.agent.asked, [])


if __name__ == "__main__":
    unittest.main()

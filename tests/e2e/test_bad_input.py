"""Whatever arrives at the bots' socket is answered with a 4xx that says why, and the agent goes on signing."""

import http.client
import json
import os
import random
import socket
import unittest

import harness
from harness import BINANCE_ORDER

SIGN = "/v1/keys/binance-main/sign"
GOOD = json.dumps(BINANCE_ORDER).encode()


def order_with(params_text):
    """An order as raw JSON, with additions that json.dumps would not write."""
    return b'{"method":"POST","path":"/api/v3/order","params":' + params_text + b"}"


def params_with(**changes):
    return dict(BINANCE_ORDER, params={**BINANCE_ORDER["params"], **changes})


BAD_BODIES = {
    "nothing": b"",
    "not JSON": b"sign this, please",
    "cut JSON": GOOD[:40],
    "JSON and more": GOOD + b" {}",
    "two documents": GOOD + GOOD,
    "a list": b"[]",
    "a string": b'"order"',
    "a number": b"1",
    "null": b"null",
    "deep lists": b"[" * 20000 + b"]" * 20000,
    "deep params": order_with(b'{"symbol":' + b"[" * 500 + b"]" * 500 + b"}"),
    "deep objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "a parameter twice": order_with(b'{"symbol":"LTCBTC","symbol":"BTCUSDT","side":"BUY","type":"MARKET"}'),
    "a parameter twice, once escaped": order_with(b'{"symbol":"LTCBTC","\\u0073ymbol":"BTCUSDT","side":"BUY"}'),
    "method twice": b'{"method":"POST","method":"GET","path":"/api/v3/order","params":{}}',
    "params twice": b'{"method":"POST","path":"/api/v3/order","params":{},"params":{}}',
    "an unknown member": json.dumps(dict(BINANCE_ORDER, key="x")).encode(),
    "no method": b'{"path":"/api/v3/order","params":{}}',
    "no path": b'{"method":"POST","params":{}}',
    "method a number": b'{"method":1,"path":"/api/v3/order","params":{}}',
    "path a list": b'{"method":"POST","path":["/api/v3/order"],"params":{}}',
    "params a list": order_with(b"[]"),
    "params a string": order_with(b'"symbol=LTCBTC"'),
    "NUL escaped": order_with(b'{"symbol":"LTC\\u0000BTC"}'),
    "NUL escaped in a name": order_with(b'{"sym\\u0000bol":"LTCBTC"}'),
    "NUL escaped in the path": b'{"method":"POST","path":"/api/v3/order\\u0000x","params":{}}',
    "NUL raw": order_with(b'{"symbol":"LTC\x00BTC"}'),
    "NUL after the end": GOOD + b"\x00",
    "UTF-8 cut": order_with(b'{"symbol":"\xc3"}'),
    "UTF-8 overlong": order_with(b'{"symbol":"\xc0\xaf"}'),
    "UTF-8 surrogate": order_with(b'{"symbol":"\xed\xa0\x80"}'),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "half a surrogate pair escaped": order_with(b'{"symbol":"\\ud800"}'),
    "line feed in a value": json.dumps(params_with(symbol="LTC\nBTC")).encode(),
    "delete in a value": json.dumps(params_with(symbol="LTC\x7fBTC")).encode(),
    "quantity a real": order_with(b'{"symbol":"LTCBTC","side":"BUY","type":"MARKET","quantity":1.5}'),
    "quantity an exponent": json.dumps(params_with(quantity="1e3")).encode(),
    "quantity negative": json.dumps(params_with(quantity="-1")).encode(),
    "quantity signed": json.dumps(params_with(quantity="+1")).encode(),
    "quantity with a leading zero": json.dumps(params_with(quantity="01")).encode(),
    "quantity empty": json.dumps(params_with(quantity="")).encode(),
    "quantity words": json.dumps(params_with(quantity="all of it")).encode(),
    "quantity an object": order_with(b'{"quantity":{"$gt":0}}'),
    "quantity a list": order_with(b'{"quantity":["1","2"]}'),
    "quantity a boolean": json.dumps(params_with(quantity=True)).encode(),
    "an integer beyond 64 bits": order_with(b'{"quantity":' + b"9" * 400 + b"}"),
    "an unlisted parameter": json.dumps(params_with(trailingKnife="1")).encode(),
    "an unlisted spelling": json.dumps(params_with(Symbol="LTCBTC")).encode(),
    "an empty name": json.dumps(params_with(**{"": "1"})).encode(),
    "a name with an ampersand": json.dumps(params_with(**{"symbol&side": "1"})).encode(),
    "a required parameter missing": order_with(b"{}"),
    "the agent's own signature": json.dumps(params_with(signature="00")).encode(),
    "too many parameters": order_with(json.dumps({f"p{i}": "1" for i in range(5000)}).encode()),
    "a long value": json.dumps(params_with(symbol="A" * 30000)).encode(),
}

BAD_REQUESTS = {
    # name: (method, path, body, statuses that are right)
    "unknown key": ("POST", "/v1/keys/nobody/sign", GOOD, {403}),
    "key with a slash": ("POST", "/v1/keys/binance/main/sign", GOOD, {404}),
    "key of a NUL": ("POST", "/v1/keys/%00/sign", GOOD, {400, 404}),
    "empty key": ("POST", "/v1/keys//sign", GOOD, {400, 404}),
    "long key": ("POST", "/v1/keys/" + "k" * 2000 + "/sign", GOOD, {400, 404, 414}),
    "unknown path": ("GET", "/v1/secrets", None, {404}),
    "root": ("GET", "/", None, {404}),
    "path above": ("GET", "/v1/../etc/passwd", None, {400, 404}),
    "GET of sign": ("GET", SIGN, None, {405}),
    "DELETE of a key list": ("DELETE", "/v1/keys", None, {405}),
    "POST to status": ("POST", "/v1/status", b"{}", {405}),
    "PUT of sign": ("PUT", SIGN, GOOD, {405}),
    "an invented method": ("BREW", SIGN, GOOD, {400, 405, 501}),
    "endpoint by another method": (
        "POST",
        SIGN,
        json.dumps(dict(BINANCE_ORDER, method="PATCH")).encode(),
        {405},
    ),
    "unknown endpoint": ("POST", SIGN, json.dumps(dict(BINANCE_ORDER, path="/api/v3/none")).encode(), {404}),
    "body of 1 MiB": ("POST", SIGN, b'{"method":"' + b"A" * (1 << 20) + b'"}', {413}),
}

HEAD = b"POST " + SIGN.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
RAW = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "an unknown version": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "length negative": HEAD + b"Content-Length: -5\r\n\r\n" + GOOD,
    "length words": HEAD + b"Content-Length: lots\r\n\r\n" + GOOD,
    "length beyond 64 bits": HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n",
    "length huge": HEAD + b"Content-Length: 99999999999\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 300\r\n\r\n" + GOOD,
    "length and chunks": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size words": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "chunk size huge": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "an unknown transfer encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + GOOD,
    "header without a colon": HEAD + b"no colon here\r\n\r\n",
    "NUL in a header": HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "header of 1 MiB": HEAD + b"X-Long: " + b"a" * (1 << 20) + b"\r\n\r\n",
    "ten thousand headers": HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(10000)) + b"\r\n",
    "target of 256 KiB": b"GET /" + b"a" * (1 << 18) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}

CUT = {
    "nothing": b"",
    "a method": b"POST",
    "a request line": b"POST /v1/keys HTTP/1.1\r\n",
    "half a header": HEAD + b"Content-Le",
    "headers and no body": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:50],
}


class BadInput(harness.AgentTest):
    def setUp(self):
        self.children = {role: process.pid for role, process in self.agent.processes().items()}
        self.addCleanup(self.assert_unharmed)

    def assert_unharmed(self):
        self.assertEqual({role: process.pid for role, process in self.agent.processes().items()}, self.children)
        self.assert_signs()

    def test_bad_bodies_get_a_problem(self):
        for name, body in BAD_BODIES.items():
            with self.subTest(body=name), self.agent.client() as client:
                answer = client.post(SIGN, body)
                self.assertIn(answer.status, (400, 413), f"{name}: {answer}")
                self.assert_problem(answer, answer.status)

    def test_bad_requests_get_a_problem(self):
        for name, (method, path, body, statuses) in BAD_REQUESTS.items():
            with self.subTest(request=name), self.agent.client() as client:
                answer = client.request(method, path, body, {"Content-Type": "application/json"})
                self.assertIn(answer.status, statuses, answer)
                if "json" in answer.headers.get("content-type", ""):
                    self.assert_problem(answer, answer.status)
                else:
                    # The HTTP library itself refuses these, before there is a request to answer.
                    self.assertIn(answer.status, (400, 414, 501), answer)

    def test_the_error_names_a_parameter_given_twice(self):
        with self.agent.client() as client:
            answer = client.post(SIGN, BAD_BODIES["a parameter twice"])
        self.assert_problem(answer, 400, "bad-input")
        self.assertRegex(answer.json["detail"], "twice|duplicate")

    def test_an_unlisted_parameter_is_named(self):
        with self.agent.client() as client:
            answer = client.post(SIGN, BAD_BODIES["an unlisted parameter"])
        self.assert_problem(answer, 400, "bad-input")
        self.assertIn("trailingKnife", answer.json["detail"])

    def test_a_connection_goes_on_after_a_refused_request(self):
        with self.agent.client() as client:
            for name in ("a list", "a parameter twice", "params a string"):
                self.assertEqual(client.post(SIGN, BAD_BODIES[name]).status, 400)
                self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)

    def send_raw(self, data, timeout_s=10.0):
        """Sends bytes and returns the status of the answer, or None if the agent just closes or waits for more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(self.agent.socket))
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before everything was sent
            try:
                response = http.client.HTTPResponse(connection)
                response.begin()
                response.read()
                return response.status
            except (TimeoutError, ConnectionResetError, http.client.HTTPException):
                return None

    def test_broken_http_is_refused(self):
        for name, data in RAW.items():
            with self.subTest(raw=name):
                status = self.send_raw(data)
                self.assertTrue(status in (None, 501, 505) or 400 <= status < 500, status)

    @unittest.skipIf(os.getuid() != 0, "only root may count the descriptors of a process that is not dumpable")
    def test_cut_http_is_dropped(self):
        """A client that disconnects in the middle of a request leaves no descriptor open."""
        front = self.agent.child("front").pid
        before = len(os.listdir(f"/proc/{front}/fd"))
        for name, data in CUT.items():
            with self.subTest(cut=name):
                self.assertIsNone(self.send_raw(data, timeout_s=0.05))
        harness.wait_until(lambda: len(os.listdir(f"/proc/{front}/fd")) <= before, "the connections are closed")

    def test_a_client_that_never_finishes_keeps_nobody_waiting(self):
        idle = []
        try:
            for _ in range(50):
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.connect(str(self.agent.socket))
                connection.sendall(CUT["half a body"])
                idle.append(connection)
            self.assert_signs()
        finally:
            for connection in idle:
                connection.close()

    def test_garbage_never_harms(self):
        chance = random.Random(20240117)
        for _ in range(300):
            data = bytearray(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD)
            for _ in range(chance.randint(1, 12)):
                at = chance.randrange(len(data))
                change = chance.randrange(3)
                if change == 0:
                    data[at] = chance.randrange(256)
                elif change == 1:
                    del data[at : at + chance.randint(1, 20)]
                else:
                    data[at:at] = chance.randbytes(chance.randint(1, 20))
            status = self.send_raw(bytes(data), timeout_s=0.1)
            self.assertTrue(status in (None, 200, 501, 505) or 400 <= status < 500, (status, data))
        for size in (1, 100, 5000, 100000):
            self.send_raw(chance.randbytes(size), timeout_s=0.1)


class BadOperatorInput(harness.AgentTest):
    def test_garbage_on_the_operators_socket_never_harms(self):
        chance = random.Random(20240118)
        packets = [b"", b"\x00", bytes(16), b"\xff" * 16, b"\xff" * 60000]
        packets += [chance.randbytes(chance.randint(1, 4000)) for _ in range(100)]
        for packet in packets:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(10)
                connection.connect(str(self.agent.operator_socket))
                try:
                    connection.sendall(packet)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assert_signs()
        self.assertEqual(self.agent.lock().returncode, 0)
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

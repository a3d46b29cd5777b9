"""The Python client and its companion for requests, against a real agent and a stand-in for the exchange."""

import decimal
import http.server
import json
import os
import pathlib
import socket
import tempfile
import threading
import time
import unittest

import chancery
import chancery_requests
import counted
import requests

KEY = "binance-trading"
HOST = "api.binance.com"
ORDER = {"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1"}
WITHDRAW = "/sapi/v1/capital/withdraw/apply"
WITHDRAWAL = {"coin": "BTC", "address": "bc1q", "amount": "1"}


class SigningWithTheClient(unittest.TestCase):
    def setUp(self):
        self.client = chancery.Client(KEY)
        self.addCleanup(self.client.close)

    def test_order_is_good_by_binances_rule(self):
        finished = self.client.sign("POST", "/api/v3/order", ORDER, HOST)
        self.assertEqual(finished.method, "POST")
        self.assertEqual(finished.url, f"https://{HOST}/api/v3/order")
        counted.assert_good_by_binances_rule(self, finished.headers, finished.body)

    def test_connection_is_kept(self):
        self.client.sign("POST", "/api/v3/order", ORDER, HOST)
        kept = self.client._connection.sock
        self.client.sign("POST", "/api/v3/order", ORDER, HOST)
        self.assertIs(self.client._connection.sock, kept)

    def test_connection_that_was_lost_is_made_again(self):
        self.client.sign("POST", "/api/v3/order", ORDER, HOST)
        self.client._connection.sock.shutdown(socket.SHUT_RDWR)
        self.assertEqual(self.client.sign("POST", "/api/v3/order", ORDER, HOST).method, "POST")

    def test_decimals_and_floats_become_plain_text(self):
        order = ORDER | {"quantity": decimal.Decimal("1E-7"), "price": 0.00001}
        body = self.client.sign("POST", "/api/v3/order", order, HOST).body
        self.assertIn("&quantity=0.0000001&price=0.00001", body)

    def test_infinity_is_refused_before_anything_is_asked(self):
        with self.assertRaises(ValueError):
            self.client.sign("POST", "/api/v3/order", ORDER | {"price": float("inf")}, HOST)

    def test_none_says_where_the_agents_field_goes(self):
        body = self.client.sign("POST", "/api/v3/order", {"timestamp": None} | ORDER, HOST).body
        self.assertTrue(body.startswith("timestamp="), body)

    def test_string_of_another_library_is_signed(self):
        body = self.client.sign("POST", "/api/v3/order", ORDER, HOST).body
        string, _, signature = body.rpartition("&signature=")
        self.assertEqual(self.client.sign_string(string, method="POST", path="/api/v3/order", host=HOST), signature)
        self.assertEqual(self.client.sign_string(string), signature)

    def test_raw_bytes_are_refused_without_the_policys_word(self):
        with self.assertRaises(chancery.Refused):
            self.client.sign_raw(b"anything")

    def test_withdrawal_is_refused_with_the_agents_sentence(self):
        with self.assertRaises(chancery.Refused) as refusal:
            self.client.sign("POST", WITHDRAW, WITHDRAWAL, HOST)
        self.assertEqual(refusal.exception.status, 403)
        self.assertEqual(refusal.exception.rule, "class")
        self.assertIn("withdraw", str(refusal.exception))

    def test_string_of_a_withdrawal_is_refused(self):
        with self.assertRaises(chancery.Refused):
            self.client.sign_string(f"coin=BTC&address=bc1q&amount=1&timestamp={time.time_ns() // 1_000_000}")

    def test_unknown_parameter_is_an_error_not_a_refusal(self):
        with self.assertRaises(chancery.ChanceryError) as error:
            self.client.sign("POST", "/api/v3/order", ORDER | {"nonsense": "1"}, HOST)
        self.assertEqual(error.exception.status, 400)

    def test_unknown_key_is_named(self):
        with chancery.Client("no/such key") as client, self.assertRaises(chancery.ChanceryError) as error:
            client.sign("POST", "/api/v3/order", ORDER)
        self.assertIn(error.exception.status, (400, 404))

    def test_no_agent_is_unavailable(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(chancery.Unavailable):
            chancery.Client(KEY, str(pathlib.Path(folder) / "agent.sock")).sign("GET", "/api/v3/openOrders")


class Loopback(requests.adapters.HTTPAdapter):
    """Sends requests that are meant for an exchange to a server on the loopback."""

    def __init__(self, port):
        super().__init__()
        self.port = port

    def send(self, request, **options):
        self.meant = request.url
        host, _, rest = request.url.removeprefix("https://").partition("/")
        request.url = f"http://127.0.0.1:{self.port}/{rest}"
        request.headers["Host"] = host
        return super().send(request, **options)


class Exchange(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        text = json.dumps({"orderId": 1}).encode()
        self.send_response(self.server.status)
        self.send_header("Location", "https://elsewhere.example/")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class SendingWithRequests(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self.server.requests = []
        self.server.status = 200
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.session = chancery_requests.Session(chancery.Client(KEY))
        self.addCleanup(self.session.close)
        self.session.mount("https://", Loopback(self.server.server_port))

    def test_post_is_sent_as_the_agent_made_it(self):
        answer = self.session.post(f"https://{HOST}/api/v3/order", data=ORDER)
        self.assertEqual(answer.json(), {"orderId": 1})
        method, target, headers, body = self.server.requests[0]
        self.assertEqual((method, target), ("POST", "/api/v3/order"))
        self.assertEqual(headers["Content-Type"], "application/x-www-form-urlencoded")
        counted.assert_good_by_binances_rule(self, headers, body)

    def test_get_takes_parameters_from_params_and_url(self):
        plain = f"https://{HOST}/api/v3/openOrders"
        for target, params in ((plain, {"symbol": "LTCBTC"}), (f"{plain}?symbol=LTCBTC", None)):
            with self.subTest(target=target):
                self.session.get(target, params=params)
                _, target, headers, body = self.server.requests.pop()
                self.assertRegex(target, r"^/api/v3/openOrders\?symbol=LTCBTC&timestamp=\d{13}&signature=")
                self.assertEqual(body, "")
                counted.assert_good_by_binances_rule(self, headers, target.partition("?")[2])

    def test_redirect_is_not_followed(self):
        self.server.status = 307
        answer = self.session.get(f"https://{HOST}/api/v3/openOrders", params={"symbol": "LTCBTC"})
        self.assertEqual(answer.status_code, 307)
        self.assertEqual(len(self.server.requests), 1)

    def test_own_headers_are_sent_too(self):
        self.session.post(f"https://{HOST}/api/v3/order", data=ORDER, headers={"X-Trace": "7"}, timeout=5)
        self.assertEqual(self.server.requests[0][2]["X-Trace"], "7")

    def test_parameter_that_is_given_twice_is_refused(self):
        with self.assertRaises(ValueError):
            self.session.post(f"https://{HOST}/api/v3/order", params={"symbol": "LTCBTC"}, data=ORDER)
        with self.assertRaises(ValueError):
            self.session.get(f"https://{HOST}/api/v3/openOrders?symbol=LTCBTC&symbol=BTCUSDT")

    def test_withdrawal_is_refused_and_not_sent(self):
        with self.assertRaises(chancery.Refused):
            self.session.post(f"https://{HOST}{WITHDRAW}", data=WITHDRAWAL)
        self.assertEqual(self.server.requests, [])


class FindingTheSocket(unittest.TestCase):
    def test_environment_says_where_it_is(self):
        for environment, path in (
            ({"CHANCERY_SOCK": "/a/b.sock", "XDG_RUNTIME_DIR": "/run/user/1"}, "/a/b.sock"),
            ({"XDG_RUNTIME_DIR": "/run/user/1"}, "/run/user/1/chancery/agent.sock"),
            ({}, "/run/chancery/agent.sock"),
        ):
            with self.subTest(environment=environment), unittest.mock.patch.dict(os.environ, environment, clear=True):
                self.assertEqual(chancery.default_socket(), path)


if __name__ == "__main__":
    counted.main()

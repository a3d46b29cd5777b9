"""docs/openapi.yaml and the agent agree on which requests are valid, and on every answer."""

import base64
import json
import re
import time
import unittest

import harness
import openapi
from client import Answer
from harness import BINANCE_ORDER, BINANCE_WITHDRAWAL, KRAKEN_ORDER

SIGN = "/v1/keys/{key}/sign"
CHECK = "/v1/keys/{key}/check"
PRICES = "/v1/prices"
RELEASE = "/v1/reservations/{id}/release"
REQUEST = "/v1/requests/{id}"
FETCH = "/v1/requests/{id}/sign"
CALL = {"method": "POST", "path": "/api/v3/order"}
JSON = {"Content-Type": "application/json"}


def string():
    return f"symbol=LTCBTC&side=BUY&type=MARKET&quantity=1&timestamp={int(time.time() * 1000)}"


def raw(data=b"x"):
    return base64.b64encode(data).decode()


# Requests that the schema rules out, and that the agent refuses whatever the key.
NO_REQUESTS = {
    "nothing": {},
    "a list": [BINANCE_ORDER],
    "text": "sign this, please",
    "null": None,
    "no method": {"path": "/api/v3/order"},
    "no path": {"method": "POST"},
    "a method that is a number": {**BINANCE_ORDER, "method": 1},
    "a path in a list": {**BINANCE_ORDER, "path": ["/api/v3/order"]},
    "a host that is null": {**BINANCE_ORDER, "host": None},
    "params that are text": {**CALL, "params": "symbol=LTCBTC"},
    "params that are null": {**CALL, "params": None},
    "a real": {**CALL, "params": {"quantity": 1.5}},
    "a real within": {**CALL, "params": {"symbol": [{"a": [0.1]}]}},
    "an unknown member": {**BINANCE_ORDER, "comment": "please"},
    "a string and parameters": {"string": "timestamp=1", "params": {}},
    "a string and raw bytes": {"string": "timestamp=1", "raw": raw()},
    "an empty string": {"string": ""},
    "a string that is a number": {"string": 1},
    "raw bytes and a path": {**CALL, "raw": raw()},
    "raw bytes and a host": {"host": "api.binance.com", "raw": raw()},
    "raw bytes that are none": {"raw": ""},
    "raw bytes not in base64": {"raw": "not base64!"},
    "raw bytes without padding": {"raw": "YQ"},
    "raw bytes in base64url": {"raw": "-_-_"},
    "an SDK's request that is text": {"wire": "GET /api/v3/account"},
    "an SDK's request without a URL": {"wire": {"method": "GET"}},
    "an SDK's request without a method": {"wire": {"url": "/api/v3/account"}},
    "an SDK's request and a path": {**CALL, "wire": {"method": "GET", "url": "/api/v3/account"}},
    "an SDK's request with headers in a list": {"wire": {"method": "GET", "url": "/api/v3/account", "headers": []}},
    "an SDK's request with a header that is a number": {"wire": {"method": "GET", "url": "/api/v3/account", "headers": {"A": 1}}},
    "an SDK's request with an unknown member": {"wire": {"method": "GET", "url": "/api/v3/account", "host": "a"}},
}


QUOTE = {"pair": "BTC/USDT", "price": "29880.5", "time_ms": 1764000000000}
REPORT = {"source": "kraken", "prices": [QUOTE]}
# Likewise for reports of prices and of orders.
NO_REPORTS = {
    "nothing": {},
    "a list": [QUOTE],
    "null": None,
    "no source": {"prices": [QUOTE]},
    "no prices": {"source": "kraken"},
    "an empty list": {"source": "kraken", "prices": []},
    "prices by pair": {"source": "kraken", "prices": {"BTC/USDT": "29880.5"}},
    "a source in capitals": {**REPORT, "source": "Kraken"},
    "an empty source": {**REPORT, "source": ""},
    "an unknown member": {**REPORT, "comment": "please"},
    "a price that is a number": {"source": "kraken", "prices": [{**QUOTE, "price": 29880}]},
    "a price that is a real": {"source": "kraken", "prices": [{**QUOTE, "price": 29880.5}]},
    "no price": {"source": "kraken", "prices": [{"pair": "BTC/USDT", "time_ms": 1}]},
    "no time": {"source": "kraken", "prices": [{"pair": "BTC/USDT", "price": "1"}]},
    "a time that is text": {"source": "kraken", "prices": [{**QUOTE, "time_ms": "1764000000000"}]},
    "the time 0": {"source": "kraken", "prices": [{**QUOTE, "time_ms": 0}]},
    "an unknown member of a price": {"source": "kraken", "prices": [{**QUOTE, "size": "1"}]},
    "a second price that is none": {"source": "kraken", "prices": [QUOTE, "29880.5"]},
}
NO_OUTCOMES = {
    "nothing": {},
    "text": "rejected",
    "another outcome": {"outcome": "cancelled"},
    "an outcome in a list": {"outcome": ["rejected"]},
    "an amount": {"outcome": "rejected", "amount": "1 USDT"},
}


def path_of(path):
    """A path of the document, filled in."""
    return path.replace("{key}", "binance-main").replace("{id}", "1")


class Reading(unittest.TestCase):
    """The validator can fail."""

    def test_a_document_that_does_not_fit_is_reported(self):
        schema = {
            "type": "object", "required": ["a"], "additionalProperties": False,
            "properties": {"a": {"type": "integer", "minimum": 1, "maximum": 9}, "b": {"type": "array", "items": {"type": "string"}},
                           "d": {"type": "array", "minItems": 1},
                           "c": {"oneOf": [{"type": "string", "pattern": "^x+$"}, {"type": "string", "minLength": 3}]}},
        }
        for good in ({"a": 1}, {"a": 2, "b": []}, {"a": 1, "d": [0]}, {"a": 1, "b": ["x"], "c": "xx"}, {"a": 1, "c": "yyy"}):
            self.assertEqual(openapi.flaws({}, schema, good), [])
        for bad in (None, [], {}, {"a": 0}, {"a": 10}, {"a": "1"}, {"a": True}, {"a": 1.0}, {"a": 1, "e": 1}, {"a": 1, "d": []}, {"a": 1, "b": [1]},
                    {"a": 1, "b": "x"}, {"a": 1, "c": "y"}, {"a": 1, "c": "xxx"}, {"a": 1, "c": "x\n"}):
            self.assertNotEqual(openapi.flaws({}, schema, bad), [], bad)

    def test_a_keyword_that_is_not_understood_is_an_error(self):
        with self.assertRaises(ValueError):
            openapi.flaws({}, {"type": "string", "maxLength": 3}, "abcd")

    def test_yaml_that_is_not_understood_is_an_error(self):
        for text in ("a: {b: c, d}", "a: [b", "a: &x b", "a: |\n  b", "a: 1\na: 2", "a:\n  b: 1\n    c: 2", "a: 'b' c"):
            with self.assertRaises((ValueError, IndexError, AttributeError), msg=text):
                openapi.Block(text).map(0)


SOLD = {**KRAKEN_ORDER, "params": {**KRAKEN_ORDER["params"], "type": "sell"}}


class Described(harness.AgentTest):
    @classmethod
    def prepare(cls):
        """What is sold on Kraken waits."""
        require = "require:\n  - { name: later, key: kraken-main, classes: [trade], sides: [sell], delay: 1h }\nkeys:\n"
        cls.agent.policy.write_text(cls.agent.policy.read_text().replace("keys:\n", require, 1))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = openapi.load()
        with cls.agent.client() as client:
            client.sign("kraken-main", SOLD)  # request 1

    def response(self, path, method, status):
        responses = self.document["paths"][path][method]["responses"]
        self.assertIn(str(status), {str(each) for each in responses}, f"{method} {path}")
        return openapi.resolve(self.document, next(responses[each] for each in responses if str(each) == str(status)))

    def assert_as_described(self, path, method, answer):
        response = self.response(path, method, answer.status)
        kind = answer.headers["content-type"].split(";")[0]
        self.assertIn(kind, response["content"], answer)
        body = answer.json if "json" in kind else answer.body.decode()
        self.assertEqual(openapi.flaws(self.document, response["content"][kind]["schema"], body), [], answer)
        for name in ("Retry-After", "Allow", "Location"):
            if name.lower() in answer.headers:
                schema = response["headers"][name]["schema"]
                text = answer.headers[name.lower()]
                value = int(text) if schema["type"] == "integer" else text
                self.assertEqual(openapi.flaws(self.document, schema, value), [], answer)

    def sign(self, document, key="binance-main"):
        with self.agent.client() as client:
            answer = client.sign(key, document)
        self.assert_as_described(SIGN, "post", answer)
        return answer

    def send(self, method, path, document):
        with self.agent.client() as client:
            answer = client.request(method.upper(), path_of(path), json.dumps(document).encode(), JSON)
        self.assert_as_described(path, method, answer)
        return answer

    def flaws_of_request(self, document, path=SIGN, method="post"):
        body = self.document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
        return openapi.flaws(self.document, body, document)

    def test_every_answer_to_a_reader_is_as_described(self):
        for path, methods in self.document["paths"].items():
            for method in methods:
                if method == "get":
                    with self.subTest(path=path), self.agent.client() as client:
                        answer = client.get(path_of(path))
                        self.assertEqual(answer.status, 200)
                        self.assert_as_described(path, "get", answer)

    def test_a_method_that_is_not_described_is_refused(self):
        for path, methods in self.document["paths"].items():
            for method in ("get", "post", "put", "delete", "patch"):
                if method not in methods:
                    with self.subTest(path=path, method=method), self.agent.client() as client:
                        answer = client.request(method.upper(), path_of(path), b"{}", JSON)
                        self.assertEqual(answer.status, 405)
                        self.assertEqual(sorted(answer.headers["allow"].lower().split(", ")), sorted(methods))
                        self.assert_as_described(path, next(iter(methods)), answer)

    def test_a_path_that_is_not_described_is_not_there(self):
        described = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z") for path in self.document["paths"]]
        with self.agent.client() as client:
            for path in ("/", "/v1", "/v1/keys/", "/v1/keys/binance-main", "/v1/statuses", "/healthz/", "/v1/prices/",
                         "/v1/reservations", "/v1/reservations/1", "/v1/keys/limits", "/v1/requests", "/v1/requests/1/"):
                self.assertFalse(any(each.match(path) for each in described))
                self.assertEqual(client.get(path).status, 404, path)

    def test_what_is_described_is_signed(self):
        for key, document in (
            ("binance-main", BINANCE_ORDER),
            ("binance-main", {**BINANCE_ORDER, "host": "api.binance.com"}),
            ("binance-main", {**BINANCE_ORDER, "params": {"timestamp": None, **BINANCE_ORDER["params"]}}),
            ("binance-main", {"string": string()}),
            ("binance-main", {**CALL, "string": string()}),
            ("binance-main", {"wire": {"method": "GET", "url": "/api/v3/time"}}),
            ("binance-main", {"wire": {"method": "POST", "url": "/api/v3/order", "body": string() + "&signature=dummy"}}),
            ("binance-main", {"wire": {"method": "POST", "url": "https://api.binance.com/api/v3/order?" + string(), "headers": {}}}),
            ("kraken-main", KRAKEN_ORDER),
        ):
            with self.subTest(key=key, document=document):
                self.assertEqual(self.flaws_of_request(document), [])
                self.assertEqual(self.sign(document, key).status, 200)

    def test_what_is_not_described_is_refused(self):
        for name, document in NO_REQUESTS.items():
            with self.subTest(name):
                self.assertNotEqual(self.flaws_of_request(document), [])
                self.assertEqual(self.sign(document).status, 400)
                self.assertEqual(self.send("post", CHECK, document).status, 400)

    def test_checks_are_as_described_and_sign_nothing(self):
        for document, is_allowed in ((BINANCE_ORDER, True), ({"string": string()}, True), (BINANCE_WITHDRAWAL, False)):
            with self.subTest(document=document):
                self.assertEqual(self.flaws_of_request(document, CHECK), [])
                answer = self.send("post", CHECK, document)
                self.assertEqual((answer.status, answer.json["allowed"]), (200, is_allowed), answer)
                self.assertEqual("problem" in answer.json, not is_allowed)
                self.assertNotIn(b"signature", answer.body)

    def test_a_reservation_that_is_not_there_is_answered_as_described(self):
        self.assertEqual(self.send("post", RELEASE, {"outcome": "rejected"}).status, 404)

    def test_a_request_that_waits_is_as_described(self):
        answer = self.sign(SOLD, "kraken-main")
        self.assertEqual((answer.status, answer.json["id"], answer.headers["location"]), (202, 1, "/v1/requests/1"))
        answer = self.send("post", FETCH, {})
        self.assertEqual((answer.status, answer.json["state"]), (202, "waiting"))
        for body in ({"force": True}, []):
            self.assertEqual(self.send("post", FETCH, body).status, 400)
        another = self.sign({**SOLD, "params": {**SOLD["params"], "volume": "2"}}, "kraken-main").json["url"]
        with self.agent.client() as client:
            for method, path, described, status in (
                    ("DELETE", another, REQUEST, 200), ("GET", another, REQUEST, 200), ("POST", another + "/sign", FETCH, 409),
                    ("GET", another + "?wait_s=61", REQUEST, 400), ("GET", "/v1/requests/99", REQUEST, 404),
                    ("DELETE", "/v1/requests/99", REQUEST, 404), ("POST", "/v1/requests/0/sign", FETCH, 404)):
                with self.subTest(method=method, path=path):
                    answer = client.request(method, path)
                    self.assertEqual(answer.status, status, answer)
                    self.assert_as_described(described, method.lower(), answer)

    def test_reports_that_are_not_described_are_refused(self):
        for method, path, good, bad in (("put", PRICES, REPORT, NO_REPORTS),
                                        ("post", RELEASE, {"outcome": "rejected"}, NO_OUTCOMES)):
            self.assertEqual(self.flaws_of_request(good, path, method), [])
            for name, document in bad.items():
                with self.subTest(name, path=path):
                    self.assertNotEqual(self.flaws_of_request(document, path, method), [])
                    self.assertEqual(self.send(method, path, document).status, 400)

    def test_a_reservations_id_is_a_number(self):
        for name in ("0", "01", "-1", "a", "18446744073709551616"):
            with self.subTest(name), self.agent.client() as client:
                answer = client.post(f"/v1/reservations/{name}/release", {"outcome": "rejected"})
                self.assertEqual(answer.status, 404)
                self.assert_as_described(RELEASE, "post", answer)

    def test_a_query_that_is_not_described_is_refused(self):
        for query in ("limit=0", "limit=1001", "after=", "after=A", "after=QQ==", "pair=BTC/USDT", "limit=1&limit=1"):
            with self.subTest(query), self.agent.client() as client:
                answer = client.get(f"{PRICES}?{query}")
                self.assertEqual(answer.status, 400)
                self.assert_as_described(PRICES, "get", answer)
        with self.agent.client() as client:
            answer = client.request("PUT", PRICES + "?limit=1", json.dumps(REPORT).encode(), JSON)
        self.assertEqual(answer.status, 400)

    def test_refusals_are_as_described(self):
        cases = {
            "bad-input": ({**CALL, "params": {"symbol": ["LTCBTC"]}}, "binance-main", 400, None),
            "class": (BINANCE_WITHDRAWAL, "binance-main", 403, "class"),
            "grant": (BINANCE_ORDER, "binance-other", 403, "grant"),
            "confusion": ({"method": "GET", "path": "/api/v3/openOrders", "params": {"symbol": "LTCBTC"}}, "binance-read", 403, "confusion"),
            "raw": ({"raw": raw()}, "binance-main", 403, "raw"),
            "no such key": (BINANCE_ORDER, "nobody", 403, "grant"),
            "no such endpoint": ({**CALL, "path": "/none"}, "binance-main", 404, None),
            "no such host": ({**BINANCE_ORDER, "host": "evil.example"}, "binance-main", 404, None),
            "no such method": ({**CALL, "method": "PATCH"}, "binance-main", 405, None),
            "too large": ({**CALL, "params": {"symbol": "A" * 60000}}, "binance-main", 413, None),
        }
        for name, (document, key, status, rule) in cases.items():
            with self.subTest(name):
                answer = self.sign(document, key)
                self.assertEqual((answer.status, answer.json.get("rule")), (status, rule), answer)

    def test_a_body_that_is_not_announced_as_json_is_refused_as_described(self):
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/json5"}, {}):
            with self.subTest(headers=headers), self.agent.client() as client:
                answer = client.request("POST", SIGN.replace("{key}", "binance-main"), b"{}", headers)
                self.assertEqual(answer.status, 415, answer)
                self.assert_as_described(SIGN, "post", answer)

    def test_a_body_of_no_length_is_refused_as_described(self):
        with self.agent.client() as client:
            client.connection.putrequest("POST", SIGN.replace("{key}", "binance-main"))
            client.connection.putheader("Content-Type", "application/json")
            client.connection.endheaders()
            answer = Answer(client.connection.getresponse())
        self.assertEqual(answer.status, 411, answer)
        self.assert_as_described(SIGN, "post", answer)

    def test_a_locked_token_answers_as_described(self):
        self.assertEqual(self.agent.lock().returncode, 0)
        try:
            self.assertEqual(self.sign(BINANCE_ORDER).status, 423)
            with self.agent.client() as client:
                answer = client.get("/readyz")
                self.assertEqual(answer.status, 503)
                self.assert_as_described("/readyz", "get", answer)
        finally:
            self.assertEqual(self.agent.unlock().returncode, 0)


if __name__ == "__main__":
    unittest.main()

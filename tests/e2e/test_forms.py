"""Typed requests, and that the forms of a request for a signature are not mixed."""

import base64
import json
import time
import unittest
import urllib.parse

from forms import ODDBALL_PASSPHRASE, FormsTest, binance_signature, compact, oddball_signature, order, put, tiny_signature
from harness import BINANCE_KEY_ID, BINANCE_ORDER


class Requests(FormsTest):
    def assert_oddball_put(self, finished, target, body):
        """Asserts that both signatures of the finished request are those that the exchange computes."""
        self.assertEqual(finished["url"], "https://api.oddball.example" + target)
        self.assertEqual(finished["body"], body)
        headers = finished["headers"]
        expires = int(headers["Odd-Note"]) + (0 if body else 60)
        self.assertLess(abs(expires - 60 - time.time()), 5)
        self.assertEqual(headers["Odd-Sign"], oddball_signature(f"{expires}put{target}{body}"))
        self.assertEqual(headers["Odd-Phrase"], oddball_signature(f"{ODDBALL_PASSPHRASE}odd-id"))

    def test_host_may_be_given_and_must_be_right(self):
        self.assertEqual(self.sign("binance-main", dict(BINANCE_ORDER, host="api.binance.com")).status, 200)
        for host in ("dapi.binance.com", "evil.example", "API.BINANCE.COM", "api.binance.com:443", "api.binance.com.",
                     "https://api.binance.com", "binance.com"):
            with self.subTest(host=host):
                self.assert_problem(self.sign("binance-main", dict(BINANCE_ORDER, host=host)), 404, "not-found")
        self.assert_all_bad("binance-main", {
            "a list": dict(BINANCE_ORDER, host=["api.binance.com"]),
            "null": dict(BINANCE_ORDER, host=None),
            "with a line feed": dict(BINANCE_ORDER, host="api.binance.com\n"),
        })

    def test_the_same_call_at_two_hosts_must_name_one(self):
        self.assert_all_bad("odd", {"no host": put("twin"), "an empty host": put("twin", host="")})
        self.assertIn("host", self.sign("odd", put("twin")).json["detail"])
        for host in ("api.oddball.example", "vault.oddball.example"):
            answer = self.sign("odd", put("twin", host=host))
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json["url"], f"https://{host}/api/v1/twin")
        self.assert_problem(self.sign("odd", put("twin", host="stream.oddball.example")), 404)

    def test_a_signature_that_leaves_the_host_open_needs_the_classes_of_both(self):
        self.assert_refused(self.sign("odd-read", put("twin", host="api.oddball.example")), "confusion")
        self.assert_refused(self.sign("odd-read", put("twin", host="vault.oddball.example")), "class")

    def test_a_path_is_filled_in_and_signed(self):
        for part in ("7", "a-Z0._~:9"):
            answer = self.sign("odd", put("things/" + part, {"level": 3}))
            self.assertEqual(answer.status, 200, answer)
            self.assert_oddball_put(answer.json, f"/api/v1/things/{part}?level=3", "")

    def test_a_path_that_another_could_read_otherwise_is_refused(self):
        for path in ("things/", "things/.", "things/..", "things/7/", "things//7", "things/7%2F8", "things/7%2f..",
                     "things/7?level=3", "things/7;x", "things/7 8", "things/é", "things/{id}", "../v1/things/7"):
            with self.subTest(path=path):
                answer = self.sign("odd", put(path))
                self.assertIn(answer.status, (400, 404), answer)

    def test_a_parameter_of_the_path_is_not_given_again(self):
        self.assert_all_bad("odd", {
            "the same": put("things/7", {"id": "7"}),
            "another": put("things/7", {"id": "8"}),
            "of another type": put("things/BTC/of:x"),
        })

    def test_a_path_that_two_endpoints_fit_needs_the_classes_of_both(self):
        self.assertEqual(self.sign("odd", put("things/all")).status, 200)
        self.assert_refused(self.sign("odd-trade", put("things/all")), "class")
        self.assert_refused(self.sign("odd-account", put("things/all")), "confusion")
        self.assertEqual(self.sign("odd-trade", put("things/any")).status, 200)

    def test_lists_and_objects_come_out_as_json_in_the_bots_order(self):
        orders = [
            {"symbol": "ODD-1", "lot": 3, "exact": "0.50", "tags": ["b", 'quote " and \\', "é"]},
            {"lot": 1, "symbol": "ODD/2"},
        ]
        answer = self.sign("odd", put("things/7", {"note": "x y", "orders": orders, "level": 9, "exact": "2.0"}))
        self.assertEqual(answer.status, 200, answer)
        # `exact` is `bare`: it is given with quotes and written without them.
        body = compact({"note": "x y", "orders": orders, "exact": "2.0"})
        body = body.replace('"0.50"', "0.50").replace('"2.0"', "2.0")
        self.assert_oddball_put(answer.json, "/api/v1/things/7?level=9", body)

    def test_a_list_can_be_the_whole_body(self):
        batch = [{"symbol": "A", "lot": 1}, {"symbol": "B", "lot": 2, "tags": ["t"]}]
        answer = self.sign("odd", put("batch", batch))
        self.assertEqual(answer.status, 200, answer)
        self.assert_oddball_put(answer.json, "/api/v1/batch", compact(batch))
        # Its name is empty, so that parameters of the query can stand beside it.
        answer = self.sign("odd", put("batch", {"level": 3, "": batch}))
        self.assertEqual(answer.status, 200, answer)
        self.assert_oddball_put(answer.json, "/api/v1/batch?level=3", compact(batch))

    def test_lists_in_a_query_are_spelled_as_the_profile_says(self):
        params = {"comma": ["a", "b"], "repeat": ["c", "d"], "brackets": ["e"], "index": ["f", "g"], "note": "x y"}
        answer = self.sign("odd", {"method": "GET", "path": "/api/v1/lists", "params": params})
        self.assertEqual(answer.status, 200, answer)
        query = urllib.parse.urlsplit(answer.json["url"]).query
        sent = urllib.parse.parse_qsl(query)
        self.assertEqual([name for name, _ in sent[-2:]], ["ts", "sig"])
        expected = [("comma", "a,b"), ("repeat", "c"), ("repeat", "d"), ("brackets[]", "e"), ("index[0]", "f"),
                    ("index[1]", "g"), ("note", "x y")]
        self.assertEqual(sent[:-2], expected)
        signed = "&".join(f"{name}={value}" for name, value in sent[:-1])
        self.assertEqual(sent[-1][1], oddball_signature(signed))

    def test_nested_values_are_held_to_their_definitions(self):
        def orders(*items):
            return put("things/7", {"orders": list(items)})

        good = {"symbol": "A", "lot": 1}
        twice = b'{"method":"PUT","path":"/api/v1/things/7","params":{"orders":[{"symbol":"A","lot":1,"lot":2}]}}'
        escaped = twice.replace(b'"lot":2', b'"l\\u006ft":2')
        real = twice.replace(b'"lot":1,"lot":2', b'"lot":1.0')
        self.assert_all_bad("odd", {
            "a member that is not listed": orders({**good, "side": "BUY"}),
            "a member missing": orders({"symbol": "A"}),
            "a member twice": twice,
            "a member twice in two spellings": escaped,
            "a real": real,
            "null": orders({**good, "exact": None}),
            "null for an item": orders(None),
            "no item": orders(),
            "too many items": orders(good, good, good, good, good),
            "text for an object": orders("A"),
            "a list for an object": orders(["A", 1]),
            "an object for a list": put("things/7", {"orders": good}),
            "JSON in text for a list": put("things/7", {"orders": compact([good])}),
            "an object for text": put("things/7", {"note": {"$gt": ""}}),
            "a list for text": put("things/7", {"note": ["a"]}),
            "a boolean for a whole number": orders({**good, "lot": True}),
            "a fraction for a whole number": orders({**good, "lot": "1.5"}),
            "an exponent": orders({**good, "exact": "1e3"}),
            "a symbol with a space": orders({**good, "symbol": "A B"}),
            "a control character": orders({**good, "tags": ["a\nb"]}),
            "empty text": orders({**good, "tags": [""]}),
            "too many items within": orders({**good, "tags": ["a", "b", "c", "d"]}),
            "deeper than any": put("things/7", {"orders": [[[[[["A"]]]]]]}),
            "more values than a request holds": put("batch", [good] * 200),
            "a list where parameters are wanted": put("things/7", [good]),
            "parameters where a list is wanted": put("batch", good),
            "the list by its name in the profile": put("batch", {"batch": [good]}),
            "no list where one is wanted": put("batch"),
            "an empty list": put("batch", []),
        })

    def test_a_list_that_a_query_cannot_hold_apart_is_refused(self):
        def lists(**params):
            return {"method": "GET", "path": "/api/v1/lists", "params": params}

        self.assert_all_bad("odd", {
            "a comma within a list of commas": lists(comma=["a,b", "c"]),
            "an ampersand that is signed undecoded": lists(note="a&ts=1"),
        })

    def test_text_that_is_sent_unencoded_is_refused_where_it_could_be_read_otherwise(self):
        def withdraw(address):
            params = {"coin": "BTC", "address": address, "amount": "1"}
            return {"method": "POST", "path": "/sapi/v1/capital/withdraw/apply", "params": params}

        self.assertEqual(self.sign("binance-all", withdraw("bc1q.example-_~,:/@[]")).status, 200)
        addresses = ("a&amount=2", "a=b", "a b", "a+b", "a%26b", "a#b", "a?b", "a;b", 'a"b', "a\\b", "é")
        self.assert_all_bad("binance-all", {address: withdraw(address) for address in addresses})

    def test_a_log_on_needs_the_class_session(self):
        log_on = {"method": "WS", "path": "/stream"}
        self.assert_refused(self.sign("odd", log_on), "class")
        self.assertIn("session", self.sign("odd", log_on).json["detail"])
        answer = self.sign("odd-session", log_on)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["url"], "wss://stream.oddball.example/stream")
        key_id, at_ms, signature = json.loads(answer.json["body"])["args"]
        self.assertEqual(key_id, "odd-session-id")
        self.assertLess(abs(at_ms / 1000 - time.time()), 5)
        self.assertEqual(signature, oddball_signature(f"GET/stream{at_ms}"))

    def test_a_token_for_log_ons_needs_the_class_session(self):
        answer = self.sign("kraken-main", {"method": "POST", "path": "/0/private/GetWebSocketsToken"})
        self.assert_refused(answer, "class")

    def test_a_read_needs_the_classes_of_all_that_it_opens(self):
        account = {"method": "GET", "path": "/api/v3/account"}
        self.assert_refused(self.sign("binance-bare", account), "confusion")
        self.assertEqual(self.sign("binance-all", account).status, 200)
        # What only this call takes distinguishes it where others refuse it: elsewhere than at Binance.
        self.assert_refused(self.sign("binance-bare", {**account, "params": {"omitZeroBalances": False}}), "confusion")

    def test_policy_accepts_a_confusion_by_name(self):
        """An order's signature may turn Binance's switch for fast withdrawals, if it ignores the order's parameters."""
        answer = self.sign("binance-bare", BINANCE_ORDER)
        self.assert_refused(answer, "confusion")
        self.assertIn("accepts: [fast-withdraw-switch, bare-settings, bare-transfers]", answer.json["detail"])
        self.assertIn("lets callers switch instant, free withdrawals", answer.json["detail"])
        for order in (BINANCE_ORDER, {"method": "GET", "path": "/api/v3/account"}):
            self.assertEqual(self.sign("binance-main", order).status, 200)
            self.assertEqual(self.sign("binance-switch", order).status, 200)
        switch = {"method": "POST", "path": "/sapi/v1/account/enableFastWithdrawSwitch"}
        self.assert_refused(self.sign("binance-switch", switch), "class")

    def test_a_subscription_to_user_data_is_a_log_on_for_keys_that_log_on(self):
        path = "/ws-api/v3/userDataStream.subscribe.signature"
        subscription = {"method": "WS", "path": path, "params": {"apiKey": BINANCE_KEY_ID}}
        answer = self.sign("binance-main", subscription)
        self.assertEqual((answer.status, answer.json["url"]), (200, "wss://ws-api.binance.com/ws-api/v3"))
        message = json.loads(answer.json["body"])
        self.assertEqual(message["method"], "userDataStream.subscribe.signature")
        text = f"apiKey={BINANCE_KEY_ID}&timestamp={message['params']['timestamp']}"
        self.assertEqual(message["params"]["signature"], binance_signature(text))
        self.assert_refused(self.sign("binance-ed25519", subscription), "confusion")
        log_on = {"method": "WS", "path": "/ws-api/v3", "params": {"apiKey": BINANCE_KEY_ID}}
        self.assert_problem(self.sign("binance-main", log_on), 400)
        self.assert_refused(self.sign("binance-ed25519", log_on), "class")

    def test_what_every_signature_of_a_recipe_opens_is_needed_too(self):
        ambiguous = {"method": "GET", "path": "/ambiguous", "params": {"name": "x"}}
        self.assert_refused(self.sign("tiny", ambiguous), "confusion")
        self.assertEqual(self.sign("tiny-session", ambiguous).status, 200)
        as_string = {"method": "GET", "path": "/ambiguous", "string": "/ambiguous?name=x"}
        self.assert_refused(self.sign("tiny", as_string), "confusion")
        self.assert_signature("tiny-session", as_string, tiny_signature("/ambiguous?name=x"))

    def test_a_brokers_call_needs_a_brokers_key(self):
        call = {"method": "POST", "path": "/clients"}
        answer = self.sign("tiny", call)
        self.assert_refused(answer, "kind")
        self.assertIn("broker", answer.json["detail"])
        self.assertEqual(self.sign("tiny-broker", call).status, 200)
        self.assert_refused(self.sign("tiny-broker-read", call), "class")

    def test_a_brokers_call_does_not_confuse_other_keys(self):
        read = {"method": "GET", "path": "/me"}
        self.assertEqual(self.sign("tiny", read).status, 200)
        self.assertEqual(self.sign("tiny-broker", read).status, 200)
        self.assert_refused(self.sign("tiny-broker-read", read), "confusion")
        named = {"method": "GET", "path": "/named", "params": {"name": "x"}}
        self.assertEqual(self.sign("tiny-broker-read", named).status, 200)


class Mixed(FormsTest):
    def test_forms_are_not_mixed(self):
        text = order()
        raw = base64.b64encode(text.encode()).decode()
        call = {"method": "POST", "path": "/api/v3/order"}
        for key in ("binance-main", "binance-raw"):
            self.assert_all_bad(key, {
                "a string and parameters": {**BINANCE_ORDER, "string": text},
                "a string and no parameters": {**call, "string": text, "params": {}},
                "raw and a request": {**BINANCE_ORDER, "raw": raw},
                "raw and a path": {**call, "raw": raw},
                "raw and a method": {"method": "POST", "raw": raw},
                "raw and a host": {"host": "api.binance.com", "raw": raw},
                "raw and parameters": {"params": {}, "raw": raw},
                "raw and a string": {"string": text, "raw": raw},
                "all": {**BINANCE_ORDER, "string": text, "raw": raw},
                "none": {},
                "a string that is a number": {"string": 1},
                "a string that is null": {"string": None},
                "a string in a list": {"string": [text]},
                "a string twice": b'{"string":' + json.dumps(text).encode() + b',"str\\u0069ng":"timestamp=1"}',
                "a form by another name": {"text": text},
                "a form of one's choice": {"string": text, "form": "raw"},
            })

    def test_the_agent_goes_on_after_all_of_this(self):
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

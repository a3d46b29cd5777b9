"""The three forms of a request for a signature: a request, an SDK's string, raw bytes; and what each may not do.

The exchanges are Binance, Kraken and OKX as shipped, the made-up one of tests/profiles/oddball.yaml, and a tiny one
with calls that only brokers' keys can make.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
import shutil
import time
import urllib.parse

import harness
from harness import BINANCE_KEY_ID, BINANCE_ORDER, BINANCE_SECRET, ROOT

ODDBALL_SECRET = hashlib.sha384(b"oddball").hexdigest()
ODDBALL_PASSPHRASE = 'open "sesame" é'
OKX_SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
TINY_SECRET = "tiny-secret-0123456789-0123456789"

# The example in Binance's documentation, without its time.
PUBLISHED = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
PUBLISHED_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"

TINY = """\
name: tiny
title: An exchange with brokers
origins:
  main: https://tiny.example
schemes:
  hmac: { mechanism: hmac-sha256, secret: text, signature: hex }
recipe: signed
recipes:
  signed:
    covers: [params]
    lists:
      all: { fields: [{ name: at, value: "{time_ms}" }] }
    values:
      query: "{all|form}"
    message: "{query}"
    url: "{origin}{path}?{query}&sig={signature}"
  # The exchange accepts the same text as a log-on.
  ambiguous:
    covers: [path, params]
    opens: [session]
    lists:
      all: {}
    values:
      query: "{all|form}"
    message: "{path}?{query}"
    url: "{origin}{path}?{query}&sig={signature}"
params:
  name: { type: text }
endpoints:
  - { call: GET /ambiguous, class: read, recipe: ambiguous, required: [name] }
  - { call: GET /me, class: read }
  - { call: GET /named, class: read, required: [name] }
  - { call: POST /clients, class: account, only_for: broker }
"""

KEY = """\
  {name}:
    token: main
    object: "pkcs11:object={object}"
    profile: {profile}
    scheme: hmac
    key_id: "{name}-id"
{more}    allow:
      - {{ uid: {uid}, classes: [{classes}] }}
"""

ODDBALL_PHRASE = f"    passphrase: {json.dumps(ODDBALL_PASSPHRASE, ensure_ascii=False)}\n"
EVERY_CLASS = "read, trade, cancel, transfer, withdraw, keys, account, session"
KEYS = [
    # name, object, profile, classes, further fields
    ("binance-raw", "binance-main", "binance", EVERY_CLASS, "    raw: true\n"),
    ("binance-half-raw", "binance-main", "binance", EVERY_CLASS.replace("keys, ", ""), "    raw: true\n"),
    ("binance-all", "binance-main", "binance", EVERY_CLASS, ""),
    ("odd", "oddball", "oddball", "read, trade, cancel, transfer, withdraw, account", ODDBALL_PHRASE),
    ("odd-read", "oddball", "oddball", "read", ODDBALL_PHRASE),
    ("odd-trade", "oddball", "oddball", "trade", ODDBALL_PHRASE),
    ("odd-account", "oddball", "oddball", "account", ODDBALL_PHRASE),
    ("odd-session", "oddball", "oddball", "session", ODDBALL_PHRASE),
    ("okx", "okx", "okx", "read, trade, cancel", "    passphrase: phrase\n"),
    ("tiny", "tiny", "tiny", "read, account", ""),
    ("tiny-session", "tiny", "tiny", "read, session", ""),
    ("tiny-broker", "tiny", "tiny", "read, account", "    kinds: [broker]\n"),
    ("tiny-broker-read", "tiny", "tiny", "read", "    kinds: [broker]\n"),
]


def now_ms(offset_s=0.0):
    return int((time.time() + offset_s) * 1000)


def order(offset_s=0.0):
    """The published order as an SDK would sign it now."""
    return f"{PUBLISHED}&timestamp={now_ms(offset_s)}"


def iso(offset_s=0.0):
    at = datetime.datetime.fromtimestamp(now_ms(offset_s) / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def binance_signature(text):
    return hmac.digest(BINANCE_SECRET.encode(), text.encode(), "sha256").hex()


def oddball_signature(text):
    return base64.b64encode(hmac.digest(bytes.fromhex(ODDBALL_SECRET), text.encode(), "sha384")).decode()


def tiny_signature(text):
    return hmac.digest(TINY_SECRET.encode(), text.encode(), "sha256").hex()


def put(path, params=None, **more):
    return {"method": "PUT", "path": "/api/v1/" + path, **({} if params is None else {"params": params}), **more}


class FormsTest(harness.AgentTest):
    @classmethod
    def prepare(cls):
        agent = cls.agent
        agent.import_hmac("oddball", "hmac-sha384", ODDBALL_SECRET, "hex")
        agent.import_hmac("okx", "hmac-sha256", OKX_SECRET)
        agent.import_hmac("tiny", "hmac-sha256", TINY_SECRET)
        folder = agent.home / "profiles"
        folder.mkdir()
        for name in ("profiles/binance", "profiles/kraken", "profiles/okx", "tests/profiles/oddball"):
            shutil.copy(ROOT / f"{name}.yaml", folder)
        (folder / "tiny.yaml").write_text(TINY)
        agent.config.write_text(harness.AGENT_YAML.format(profiles="profiles", relogin="true"))
        keys = "".join(
            KEY.format(name=name, object=token_object, profile=profile, classes=classes, more=more, uid=os.getuid())
            for name, token_object, profile, classes, more in KEYS
        )
        agent.policy.write_text(agent.policy.read_text().replace("operators:", keys + "operators:"))

    def sign(self, key, document):
        with self.agent.client() as client:
            return client.sign(key, document)

    def assert_refused(self, answer, rule):
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], rule, answer)

    def assert_all_bad(self, key, documents):
        """Asserts that each of these (name: document, or raw JSON) is answered with 400."""
        for name, document in documents.items():
            with self.subTest(name):
                self.assert_problem(self.sign(key, document), 400, "bad-input")

    def assert_signature(self, key, document, expected):
        answer = self.sign(key, document)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json, {"signature": expected, "key": key})


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
        self.assert_refused(self.sign("binance-read", account), "confusion")
        self.assert_refused(self.sign("binance-main", account), "confusion")
        self.assertEqual(self.sign("binance-all", account).status, 200)
        for params in ({"omitZeroBalances": False}, {"omitZeroBalances": "true", "recvWindow": 5000}):
            self.assertEqual(self.sign("binance-read", {**account, "params": params}).status, 200)
        # A parameter that every call takes distinguishes nothing.
        self.assert_refused(self.sign("binance-read", {**account, "params": {"recvWindow": 5000}}), "confusion")

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


class Strings(FormsTest):
    def test_the_published_example_is_signed_for_a_caller_who_may_trade(self):
        text = order()
        self.assert_signature("binance-main", {"string": text}, binance_signature(text))

    def test_the_published_example_is_refused_for_a_caller_who_may_read(self):
        self.assert_refused(self.sign("binance-read", {"string": order()}), "class")
        self.assert_refused(self.sign("binance-other", {"string": order()}), "grant")

    def test_a_key_pair_signs_strings_too(self):
        text = order()
        answer = self.sign("binance-ed25519", {"string": text})
        self.assertEqual(answer.status, 200, answer)
        raw = base64.b64decode(answer.json["signature"], validate=True)
        public = self.agent.public["binance-ed25519"]
        self.assertTrue(harness.openssl_verifies(self.agent.home, public, text.encode(), raw))
        self.assertFalse(harness.openssl_verifies(self.agent.home, public, text.encode() + b"0", raw))

    def test_a_withdrawal_is_a_withdrawal_in_any_form(self):
        text = f"coin=BTC&address=bc1qexample&amount=1&timestamp={now_ms()}"
        self.assert_refused(self.sign("binance-main", {"string": text}), "class")
        named = {"string": text, "method": "POST", "path": "/sapi/v1/capital/withdraw/apply"}
        self.assert_refused(self.sign("binance-main", named), "class")

    def test_a_log_on_is_a_log_on_in_any_form(self):
        text = f"apiKey={BINANCE_KEY_ID}&timestamp={now_ms()}"
        answer = self.sign("binance-main", {"string": text})
        self.assert_problem(answer, 403, "refused")
        # Either rule may decide, because the same text deletes a key of the kind `special`.
        self.assertIn(answer.json["rule"], ("class", "kind"))
        okx = {"string": f"{now_ms() // 1000}GET/users/self/verify"}
        self.assert_refused(self.sign("okx", okx), "class")

    def test_without_a_path_all_that_fits_must_be_allowed(self):
        self.assert_refused(self.sign("binance-read", {"string": f"timestamp={now_ms()}"}), "confusion")
        self.assert_refused(self.sign("binance-main", {"string": f"timestamp={now_ms()}"}), "confusion")
        text = f"omitZeroBalances=true&timestamp={now_ms()}"
        self.assert_signature("binance-read", {"string": text}, binance_signature(text))

    def test_a_path_in_words_only_narrows_nothing(self):
        """Binance does not sign the path, so naming a harmless one makes no difference."""
        read = {"method": "GET", "path": "/api/v3/account", "string": f"timestamp={now_ms()}"}
        self.assert_refused(self.sign("binance-read", read), "confusion")
        as_read = {"method": "GET", "path": "/api/v3/account", "string": order()}
        self.assert_problem(self.sign("binance-read", as_read), 400)
        as_order = {"method": "POST", "path": "/api/v3/order", "string": order()}
        self.assertEqual(self.sign("binance-main", as_order).status, 200)

    def test_another_spelling_is_refused(self):
        at = now_ms()
        good = f"symbol=LTCBTC&side=BUY&type=LIMIT&quantity=1&newClientOrderId=a%2Cb&timestamp={at}"
        self.assertEqual(self.sign("binance-main", {"string": good}).status, 200)
        spellings = {
            "lower-case hex": good.replace("%2C", "%2c"),
            "encoded without need": good.replace("LTCBTC", "%4CTCBTC"),
            "a name encoded": good.replace("symbol", "s%79mbol"),
            "not encoded": good.replace("%2C", ","),
            "a plus for a space": good.replace("%2C", "+"),
            "half an encoding": good.replace("%2C", "%2"),
            "an ampersand at the end": good + "&",
            "an ampersand at the start": "&" + good,
            "two ampersands": good.replace("&side", "&&side"),
            "a name without a value": good.replace("&side", "&x&side"),
            "a leading zero": good.replace("quantity=1", "quantity=01"),
            "an exponent": good.replace("quantity=1", "quantity=1e1"),
            "seconds": good.replace(str(at), str(at // 1000)),
            "a time with a zero in front": good.replace(str(at), f"0{at}"),
            "a time with a fraction": good.replace(str(at), f"{at}.0"),
            "no time": good.rpartition("&")[0],
            "a question mark in front": "?" + good,
            "a whole URL": "https://api.binance.com/api/v3/order?" + good,
            "the signature with it": good + "&signature=00",
            "a line feed at the end": good + "\n",
            "a NUL within": good.replace("LTCBTC", "LTC\0BTC"),
            "a path in front": "/api/v3/order" + good,
            "JSON": compact({"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timestamp": str(at)}),
            "nothing": "",
            "no list": "timestamp",
            "not UTF-8": json.dumps({"string": good}).encode().replace(b"LTCBTC", b"LTC\xffBTC"),
        }
        for key in ("binance-main", "binance-raw"):
            self.assert_all_bad(key, {
                name: text if isinstance(text, bytes) else {"string": text} for name, text in spellings.items()
            })

    def test_a_parameter_twice_is_refused(self):
        text = order()
        self.assert_all_bad("binance-main", {
            "another value": {"string": text.replace("&side=BUY", "&side=BUY&side=SELL")},
            "the same value": {"string": text.replace("&side=BUY", "&side=BUY&side=BUY")},
            "in another spelling": {"string": text.replace("&side=BUY", "&side=BUY&s%69de=SELL")},
            "the time": {"string": f"{text}&timestamp={now_ms()}"},
            "the time, stale and fresh": {"string": f"timestamp=1499827319559&{text}"},
        })

    def test_a_parameter_that_no_endpoint_lists_is_refused(self):
        for more in ("&trailingKnife=1", "&Symbol=LTCBTC", "&=1", "&symbol.=1"):
            with self.subTest(more=more):
                self.assert_problem(self.sign("binance-main", {"string": order() + more}), 400)

    def test_a_time_more_than_a_minute_off_is_refused(self):
        for offset_s in (-62, 62, -3600, 86400):
            with self.subTest(offset_s=offset_s):
                answer = self.sign("binance-main", {"string": order(offset_s)})
                self.assert_problem(answer, 400, "bad-input")
        for offset_s in (-50, 50):
            with self.subTest(offset_s=offset_s):
                self.assertEqual(self.sign("binance-main", {"string": order(offset_s)}).status, 200)

    def test_the_published_example_itself_is_stale(self):
        self.assert_problem(self.sign("binance-main", {"string": f"{PUBLISHED}&timestamp=1499827319559"}), 400)

    def test_nonces_are_the_agents(self):
        nonce = now_ms()
        body = f"nonce={nonce}&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
        answers = [
            self.sign("kraken-main", {"string": body}),
            self.sign("kraken-main", {"string": body, "method": "POST", "path": "/0/private/AddOrder"}),
            self.sign("odd", {"string": "GET\napi.oddball.example\n/v1/things\n", "method": "GET",
                              "path": "/api/v1/things"}),
        ]
        for answer in answers:
            self.assert_problem(answer, 400, "bad-input")
            self.assertIn("nonce", answer.json["detail"])

    def okx(self, text, method="GET", path="/api/v5/account/balance", **more):
        return self.sign("okx", {"string": text, "method": method, "path": path, **more})

    def test_a_string_with_its_path_is_signed_where_the_path_is_covered(self):
        query = f"{iso()}GET/api/v5/account/balance?ccy=BTC%2CETH"
        params = {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "1", "px": "2.5"}
        body = f"{iso()}POST/api/v5/trade/order{compact(params)}"
        for text, method, path in (
            (query, "GET", "/api/v5/account/balance"),
            (query.partition("?")[0], "GET", "/api/v5/account/balance"),
            (body, "POST", "/api/v5/trade/order"),
        ):
            signature = base64.b64encode(hmac.digest(OKX_SECRET.encode(), text.encode(), "sha256")).decode()
            self.assert_signature("okx", {"string": text, "method": method, "path": path}, signature)
            with_host = {"string": text, "method": method, "path": path, "host": "www.okx.com"}
            self.assert_signature("okx", with_host, signature)

    def test_a_string_that_is_not_its_paths_is_refused(self):
        text = f"{iso()}GET/api/v5/account/balance?ccy=BTC"
        answers = {
            "another path": self.okx(text, path="/api/v5/account/config"),
            "another method": self.okx(text, method="POST", path="/api/v5/trade/order"),
            "stale": self.okx(text.replace(iso()[:4], "2020", 1)),
            "in local time": self.okx(text.replace("Z", "+00:00", 1)),
            "a parameter of another": self.okx(f"{text}&instId=BTC"),
            "a parameter twice": self.okx(f"{text}&ccy=ETH"),
            "a body as well": self.okx(text + "{}"),
        }
        for name, answer in answers.items():
            with self.subTest(name):
                self.assert_problem(answer, 400, "bad-input")
        self.assert_problem(self.okx(text, path="/api/v5/nothing"), 404)
        self.assert_problem(self.okx(text, host="evil.example"), 404)

    def test_a_withdrawal_with_its_path_is_refused(self):
        body = compact({"ccy": "BTC", "amt": "1", "dest": "4", "toAddr": "bc1qexample"})
        path = "/api/v5/asset/withdrawal"
        self.assert_refused(self.okx(f"{iso()}POST{path}{body}", "POST", path), "class")

    def test_where_the_path_is_covered_it_must_be_given(self):
        text = f"{iso()}GET/api/v5/account/balance"
        self.assert_all_bad("okx", {
            "neither": {"string": text},
            "the method alone": {"string": text, "method": "GET"},
            "an empty path": {"string": text, "method": "GET", "path": ""},
        })


class Raw(FormsTest):
    def raw(self, key, data):
        return self.sign(key, {"raw": base64.b64encode(data).decode()})

    def test_raw_bytes_are_refused_unless_policy_says_raw(self):
        for key in ("binance-main", "binance-read", "kraken-main", "okx", "binance-ed25519"):
            with self.subTest(key=key):
                self.assert_refused(self.raw(key, order().encode()), "raw")

    def test_raw_bytes_of_a_key_without_a_grant_are_refused(self):
        self.assert_refused(self.raw("binance-other", b"x"), "grant")

    def test_raw_bytes_are_refused_to_callers_who_may_not_do_all(self):
        answer = self.raw("binance-half-raw", order().encode())
        self.assert_refused(answer, "confusion")
        self.assertIn("raw bytes need every class", answer.json["detail"])

    def test_raw_bytes_are_signed_where_policy_says_raw(self):
        self.assertEqual(
            self.raw("binance-raw", f"{PUBLISHED}&timestamp=1499827319559".encode()).json,
            {"signature": PUBLISHED_SIGNATURE, "key": "binance-raw"},
        )
        for data in (b"\0", bytes(range(256)), b"a" * 20000):
            answer = self.raw("binance-raw", data)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json["signature"], hmac.digest(BINANCE_SECRET.encode(), data, "sha256").hex())

    def test_raw_is_base64_in_its_one_spelling(self):
        self.assert_all_bad("binance-raw", {
            name: {"raw": text}
            for name, text in {
                "nothing": "", "a digit": "A", "no padding": "YQ", "too much padding": "YWI==", "only padding": "====",
                "padding within": "YQ==YQ==", "bits that nobody reads": "YR==", "base64url": "-_-_", "a space": "YWJj ",
                "spaces within": "YW Jj", "a line feed": "YWJj\n", "words": "not base64!", "hex": "0x6162",
                "a NUL": "YWJj\0",
            }.items()
        } | {"a number": {"raw": 1}, "null": {"raw": None}, "a list": {"raw": ["YWJj"]}})


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
    import unittest

    unittest.main()

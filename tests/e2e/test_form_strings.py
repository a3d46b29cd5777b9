"""An SDK's own string to sign, raw bytes, and what each of them may not do."""

import base64
import hmac
import json
import unittest

import harness
from forms import OKX_SECRET, PUBLISHED, PUBLISHED_SIGNATURE, FormsTest, binance_signature, compact, iso, now_ms, order
from harness import BINANCE_KEY_ID, BINANCE_SECRET


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
        self.assert_refused(self.sign("binance-ed25519", {"string": text}), "class")
        # Keys of other schemes log on nowhere; theirs subscribes.
        self.assert_signature("binance-main", {"string": text}, binance_signature(text))
        okx = {"string": f"{now_ms() // 1000}GET/users/self/verify"}
        self.assert_refused(self.sign("okx", okx), "class")

    def test_without_a_path_all_that_fits_must_be_allowed(self):
        self.assert_refused(self.sign("binance-bare", {"string": f"timestamp={now_ms()}"}), "confusion")
        text = f"omitZeroBalances=true&timestamp={now_ms()}"
        self.assert_signature("binance-read", {"string": text}, binance_signature(text))

    def test_a_path_in_words_only_narrows_nothing(self):
        """Binance does not sign the path, so naming a harmless one makes no difference."""
        read = {"method": "GET", "path": "/api/v3/account", "string": f"timestamp={now_ms()}"}
        self.assert_refused(self.sign("binance-bare", read), "confusion")
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
        self.assert_refused(answer, "class")
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


if __name__ == "__main__":
    unittest.main()

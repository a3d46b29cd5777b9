"""A key's `receive_window` holds for every request, also at exchanges where an ordinary parameter says it."""

import json
import subprocess
import unittest
import urllib.parse

import harness
from forms import PUBLISHED, binance_signature, now_ms
from harness import BINANCE_CANCEL, BINANCE_ORDER

# All that would be open with the end of the request cut off, and so without its window.
ACCEPTS = ("[fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, margin-orders, usdm-orders, coinm-orders, "
           "options-orders, portfolio-orders, loan-renewal, cut-values]")
KEY = """\
  {name}:
    token: main
    object: "pkcs11:object={object}"
    profile: {profile}
    scheme: hmac
    key_id: "{name}-id"
{more}"""
BINANCE = f"    accepts: {ACCEPTS}\n"
KEYS = [
    # name, profile, further fields
    ("free", "binance", BINANCE),
    ("clamped", "binance", BINANCE + "    receive_window: 1s\n"),
    ("wide", "binance", BINANCE + "    receive_window: 10s\n"),
    ("bingx", "bingx", "    receive_window: 2s\n"),
    ("bybit", "bybit", "    receive_window: 1s\n"),
]
CLASSES = "read, trade, cancel, transfer, account, session"
BOOK = {"method": "GET", "path": "/api/v3/openOrders", "params": {"symbol": "LTCBTC"}}
LIMIT = "limit:\n  - { name: soon-over, key: [free, clamped], validity: 2s }\n"


def order(**changes):
    """The published order without its window."""
    params = {**BINANCE_ORDER["params"], "recvWindow": None, **changes}
    return {**BINANCE_ORDER, "params": {name: value for name, value in params.items() if value is not None}}


class Windows(harness.AgentTest):
    @classmethod
    def prepare(cls):
        text = cls.agent.policy.read_text()
        for name, profile, more in KEYS:
            text = harness.with_key(text, KEY.format(name=name, object="binance-main", profile=profile, more=more),
                                    harness.allow(name, "tester", name, CLASSES))
        cls.agent.policy.write_text(text + LIMIT)

    def sign(self, key, document):
        with self.agent.client() as client:
            return client.sign(key, document)

    def assert_too_long(self, answer, says):
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "receive_window", answer)
        self.assertIn(says, answer.json["detail"])

    def sent(self, answer):
        """What was signed, whose signature is checked."""
        self.assertEqual(answer.status, 200, answer)
        payload = answer.json.get("body") or urllib.parse.urlsplit(answer.json["url"]).query
        signed, _, signature = payload.partition("&signature=")
        self.assertEqual(signature, binance_signature(signed))
        return signed

    def test_the_agent_adds_the_window_after_all_other_parameters(self):
        for request in (order(), BOOK, BINANCE_CANCEL):
            names = [*request["params"], "recvWindow", "timestamp"]
            with self.subTest(request["path"]):
                signed = self.sent(self.sign("clamped", request))
                self.assertEqual([name for name, _ in urllib.parse.parse_qsl(signed)], names)
                self.assertIn("&recvWindow=1000&timestamp=", signed)

    def test_the_agent_keeps_to_where_the_bot_wants_the_time(self):
        params = {"timestamp": None, "symbol": "LTCBTC"}
        signed = self.sent(self.sign("clamped", {**BOOK, "params": params}))
        self.assertRegex(signed, "^timestamp=[0-9]+&symbol=LTCBTC&recvWindow=1000$")

    def test_a_shorter_window_is_the_bots(self):
        for value in (1, 999, "1000", "999.5"):
            with self.subTest(value):
                signed = self.sent(self.sign("clamped", order(recvWindow=value)))
                self.assertIn(f"&recvWindow={value}&timestamp=", signed)

    def test_a_longer_window_is_refused(self):
        for value in (1001, "1000.1", 5000, 60000, 0, "0.5"):
            for request in (order(recvWindow=value), {**BOOK, "params": {"symbol": "LTCBTC", "recvWindow": value}}):
                with self.subTest(request["path"], value=value):
                    self.assert_too_long(self.sign("clamped", request), "set recvWindow to at most 1000")

    def test_a_key_without_a_clamp_is_served_as_before(self):
        signed = self.sent(self.sign("wide", order()))
        self.assertNotIn("recvWindow", signed)  # the default is shorter
        self.assertIn("recvWindow=9000", self.sent(self.sign("wide", order(recvWindow=9000))))
        self.assert_too_long(self.sign("wide", order(recvWindow=10001)), "the receive window of 10001 ms")
        self.assertIn("recvWindow=60000", self.sent(self.sign("binance-main", order(recvWindow=60000))))
        self.assertNotIn("recvWindow", self.sent(self.sign("binance-main", order())))

    def test_an_sdks_string_must_have_its_window(self):
        start = PUBLISHED.removesuffix("&recvWindow=5000")
        for text in (f"{start}&recvWindow=1000", f"{start}&recvWindow=700"):
            text += f"&timestamp={now_ms()}"
            answer = self.sign("clamped", {"string": text})
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json["signature"], binance_signature(text))
        for path in ({}, {"method": "POST", "path": "/api/v3/order"}):
            document = {"string": f"{start}&timestamp={now_ms()}", **path}
            self.assert_too_long(self.sign("clamped", document), "without 'recvWindow', Binance takes this request for 5000 ms")
            document["string"] = f"{PUBLISHED}&timestamp={now_ms()}"
            self.assert_too_long(self.sign("clamped", document), "the receive window of 5000 ms is longer than the 1000 ms")

    def test_limits_see_the_clamped_validity(self):
        self.assertEqual(self.sign("clamped", order()).status, 200)
        answer = self.sign("free", order())
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "soon-over", answer)

    def test_other_profiles_are_clamped_too(self):
        book = {"method": "GET", "path": "/openApi/spot/v1/trade/openOrders", "params": {"symbol": "BTC-USDT"}}
        answer = self.sign("bingx", book)
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("recvWindow=2000&", answer.json["url"])
        self.assert_too_long(self.sign("bingx", {**book, "params": {**book["params"], "recvWindow": 3000}}), "of 3000 ms")
        call = {"method": "GET", "path": "/v5/order/realtime", "params": {"category": "linear", "recv_window": 1001}}
        self.assert_too_long(self.sign("bybit", call), "the receive window of 1001 ms")

    def test_a_dry_run_says_the_same(self):
        with self.agent.client() as client:
            body = json.dumps(order(recvWindow=5000)).encode()
            answer = client.request("POST", "/v1/keys/clamped/check", body, {"Content-Type": "application/json"})
        self.assert_too_long(answer, "the receive window of 5000 ms")

    def test_what_the_exchange_fixes_does_not_load(self):
        text = self.agent.policy.read_text()
        more = "    passphrase: p\n    receive_window: 10s\n"
        key = KEY.format(name="okx", object="okx", profile="okx", more=more)
        bad = self.agent.home / "bad.yaml"
        bad.write_text(harness.with_key(text, key, harness.allow("okx", "tester", "okx", "read")))
        config = self.agent.home / "bad-agent.yaml"
        config.write_text(self.agent.config.read_text().replace("policy.yaml", "bad.yaml"))
        done = subprocess.run([harness.AGENT, "--check", "--config", config], env=self.agent.environment(),
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("OKX takes requests for 30000 ms, whatever they say", done.stderr)


if __name__ == "__main__":
    unittest.main()

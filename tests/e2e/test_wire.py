"""The form `wire`: a request as an SDK would have sent it, undone, judged and signed anew."""

import base64
import hmac
import json
import time
import unittest
import urllib.parse

import approving
import harness
from harness import BINANCE_KEY_ID, BINANCE_SECRET, KRAKEN_SECRET

BINANCE = "https://api.binance.com"
ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
LATER = "require:\n  - { name: later, key: kraken-main, classes: [trade], delay: 1ms }\nkeys:\n"


def now_ms(ago_s=0):
    return int((time.time() - ago_s) * 1000)


def binance(body=ORDER, method="POST", path="/api/v3/order", ago_s=0, **headers):
    """As an SDK with a dummy secret sends it."""
    form = f"{body}{'&' if body else ''}timestamp={now_ms(ago_s)}&signature=dummy"
    wire = {"method": method, "url": BINANCE + path, "headers": {"X-MBX-APIKEY": "dummy", "User-Agent": "sdk", **headers}}
    if method == "POST":
        wire["body"] = form
    else:
        wire["url"] += "?" + form
    return {"wire": wire}


def kraken(body="ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25", path="/0/private/AddOrder", **more):
    text = "&".join([f"nonce={now_ms()}", body, *(f"{name}={value}" for name, value in more.items())])
    return {"wire": {"method": "POST", "url": "https://api.kraken.com" + path, "body": text,
                     "headers": {"API-Key": "dummy", "API-Sign": "ZHVtbXk=", "Content-Type": "application/x-www-form-urlencoded"}}}


class Wire(harness.AgentTest):
    def sign(self, key, document, **headers):
        with self.agent.client() as client:
            body = json.dumps(document).encode()
            return client.request("POST", f"/v1/keys/{key}/sign", body, {"Content-Type": "application/json", **headers})

    def assert_refused(self, answer, status, part):
        self.assertEqual(answer.status, status, answer)
        self.assertIn(part, answer.json["detail"])

    def test_an_order_is_signed_anew_with_the_agents_time_and_secret(self):
        begun_ms = now_ms()
        answer = self.sign("binance-main", binance(ago_s=-0.5))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual((answer.json["method"], answer.json["url"]), ("POST", f"{BINANCE}/api/v3/order"))
        self.assertEqual(answer.json["headers"]["X-MBX-APIKEY"], BINANCE_KEY_ID)
        text, _, signature = answer.json["body"].rpartition("&signature=")
        self.assertEqual(signature, hmac.new(BINANCE_SECRET.encode(), text.encode(), "sha256").hexdigest())
        order, _, at = text.rpartition("&timestamp=")
        self.assertEqual(order, ORDER)
        self.assertTrue(begun_ms <= int(at) <= now_ms(), (begun_ms, at))

    def test_it_does_not_matter_where_an_sdk_puts_the_parameters(self):
        in_query = binance()
        in_query["wire"]["url"] += "?" + in_query["wire"].pop("body")
        answer = self.sign("binance-main", in_query)
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.json["body"].startswith(ORDER))

    def test_a_base_url_names_no_host(self):
        wire = binance()
        wire["wire"]["url"] = "/api/v3/order"
        self.assertEqual(self.sign("binance-main", wire).json["url"], f"{BINANCE}/api/v3/order")
        self.assert_refused(self.sign("binance-main", {"wire": {**wire["wire"], "origin": "usdm"}}), 404, "does not list this path")
        self.assertEqual(self.sign("binance-main", {"wire": {**wire["wire"], "origin": "main"}}).status, 200)

    def test_the_nonce_is_the_agents(self):
        nonces = []
        for _ in range(2):
            answer = self.sign("kraken-main", kraken())
            self.assertEqual(answer.status, 200, answer)
            nonces.append(int(dict(urllib.parse.parse_qsl(answer.json["body"]))["nonce"]))
            self.assertEqual(answer.json["headers"]["API-Sign"],
                             harness.kraken_signature(KRAKEN_SECRET, "/0/private/AddOrder", answer.json["body"]))
        self.assertLess(*nonces)

    def test_policy_judges_it_like_any_request(self):
        withdrawal = binance("coin=BTC&address=bc1qexample&amount=1", path="/sapi/v1/capital/withdraw/apply")
        answer = self.sign("binance-main", withdrawal)
        self.assertEqual((answer.status, answer.json["rule"]), (403, "class"), answer)
        self.assertEqual(self.sign("binance-other", binance()).status, 403)
        with self.agent.client() as client:
            checked = client.post("/v1/keys/binance-main/check", binance()).json
            typed = client.post("/v1/keys/binance-main/check", harness.BINANCE_ORDER).json
            self.assertTrue(checked["allowed"], checked)
            self.assertEqual(checked["meaning"], typed["meaning"])
            self.assertFalse(client.post("/v1/keys/binance-main/check", withdrawal).json["allowed"])

    def test_what_nobody_can_explain_is_refused_by_its_name(self):
        self.assert_refused(self.sign("binance-main", binance(ORDER + "&surprise=1")), 400, "'surprise'")
        self.assert_refused(self.sign("binance-main", binance(ORDER + "&price=0.2")), 400, "'price' is given twice")
        self.assert_refused(self.sign("binance-main", binance(**{"X-Surprise": "1"})), 400, "'X-Surprise'")
        self.assert_refused(self.sign("binance-main", binance(path="/api/v3/orders")), 404, "does not list this path")

    def test_another_environment_is_refused(self):
        for host in ("https://testnet.binance.vision", "https://demo-api.binance.com"):
            wire = binance()
            wire["wire"]["url"] = f"{host}/api/v3/order"
            self.assert_refused(self.sign("binance-main", wire), 400, "of environment")

    def test_a_request_of_another_time_is_refused(self):
        self.assert_refused(self.sign("binance-main", binance(ago_s=7)), 400, "s old, and good for 5 s")
        self.assert_refused(self.sign("binance-main", binance(ago_s=-90)), 400, "ahead")
        without = binance()
        without["wire"]["body"] = ORDER
        self.assert_refused(self.sign("binance-main", without), 400, "does not say when it was made")

    def test_a_request_from_before_a_restart_is_refused(self):
        before = binance(ORDER + "&recvWindow=60000")
        self.assertEqual(self.sign("binance-main", before).status, 200)
        self.agent.stop()
        self.agent.start()
        self.agent.unlock()
        self.assert_refused(self.sign("binance-main", before), 400, "before the agent started")
        self.assertEqual(self.sign("binance-main", binance(ORDER + "&recvWindow=60000")).status, 200)

    def test_a_request_made_anew_is_the_same_under_one_idempotency_key(self):
        first = self.sign("binance-main", binance(), **{"Idempotency-Key": "wire-1"})
        time.sleep(0.002)
        again = self.sign("binance-main", binance(), **{"Idempotency-Key": "wire-1"})
        self.assertEqual((first.status, again.json), (200, first.json))
        other = self.sign("binance-main", binance(ORDER.replace("0.1", "0.2")), **{"Idempotency-Key": "wire-1"})
        self.assertEqual(other.status, 409, other)

    def test_a_public_call_goes_on_without_credentials(self):
        wire = {"method": "GET", "url": f"{BINANCE}/api/v3/ticker/price?symbol=LTCBTC&signature=dummy",
                "headers": {"X-MBX-APIKEY": "dummy", "Accept": "*/*", "Connection": "keep-alive"}}
        for key in ("binance-main", "binance-read"):
            answer = self.sign(key, {"wire": wire})
            self.assertEqual((answer.status, answer.json), (200, {
                "method": "GET", "url": f"{BINANCE}/api/v3/ticker/price?symbol=LTCBTC", "headers": {"Accept": "*/*"}, "body": "",
                "key": key, "public": True}))
        self.assertEqual(self.sign("binance-other", {"wire": wire}).status, 403)
        listen = {"method": "POST", "url": "https://fapi.binance.com/fapi/v1/listenKey", "headers": {"X-MBX-APIKEY": "dummy"}}
        self.assertEqual(self.sign("binance-main", {"wire": listen}).json["headers"], {"X-MBX-APIKEY": BINANCE_KEY_ID})
        with self.agent.client() as client:
            checked = client.post("/v1/keys/binance-main/check", {"wire": wire}).json
        self.assertEqual((checked["allowed"], checked["lines"]), (True, []))

    def test_a_public_call_needs_no_token(self):
        self.agent.lock()
        try:
            self.assertEqual(self.sign("binance-main", binance()).status, 423)
            wire = {"method": "GET", "url": "https://api.kraken.com/0/public/Ticker?pair=XBTUSD"}
            self.assertTrue(self.sign("kraken-main", {"wire": wire}).json["public"])
        finally:
            self.agent.unlock()

    def test_the_form_goes_alone_and_is_read_strictly(self):
        wire = binance()
        for document in ({**wire, "params": {}}, {**wire, "string": "a"}, {**wire, "method": "POST"}, {"wire": "x"},
                         {"wire": {**wire["wire"], "more": 1}}, {"wire": {"url": "/x"}}, {"wire": {"method": "GET"}},
                         {"wire": {**wire["wire"], "headers": {"A": 1}}}, {"wire": {**wire["wire"], "body": {}}},
                         {"wire": {**wire["wire"], "headers": {f"A{i}": "" for i in range(65)}}}):
            with self.subTest(document=str(document)[:80]):
                self.assertEqual(self.sign("binance-main", document).status, 400)

    def test_the_record_names_the_form_and_what_was_asked(self):
        self.assertEqual(self.sign("kraken-main", kraken(path="/0/private/CancelOrder", body="txid=OABC")).status, 200)
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        record = next(row["record"] for row in rows if (row["record"] or {}).get("path") == "/0/private/CancelOrder")
        self.assertEqual((record["form"], record["params"]), ("wire", {"txid": "OABC"}))


class Approved(harness.AgentTest):
    """What trades on Kraken waits for a moment, as it would for people."""

    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(cls.agent.policy.read_text().replace("keys:\n", LATER, 1))

    def test_it_is_kept_found_again_and_fetched_with_the_first_id(self):
        bot = approving.Bot(self.agent)
        first = bot.ask(kraken(cl_ord_id="first-1"))
        self.assertEqual(first.status, 202, first)
        again = bot.ask(kraken(cl_ord_id="second-2"))
        self.assertEqual(again.json["id"], first.json["id"])
        self.assertNotEqual(bot.ask(kraken(cl_ord_id="first-1", oflags="post")).json["id"], first.json["id"])
        typed = {"method": "POST", "path": "/0/private/AddOrder", "host": "api.kraken.com",
                 "params": dict(urllib.parse.parse_qsl("ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"))}
        self.assertEqual(bot.ask(typed).json["id"], first.json["id"])
        harness.wait_until(lambda: bot.look(first.json["id"]).json["state"] == "ready", "it is ready")
        answer = bot.fetch(first.json["id"])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(dict(urllib.parse.parse_qsl(answer.json["body"]))["cl_ord_id"], "first-1")
        self.assertTrue(base64.b64decode(answer.json["headers"]["API-Sign"], validate=True))


if __name__ == "__main__":
    unittest.main()

"""chancery doctor against a server that plays relay and exchange."""

import json
import os
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import AWAY, CONFIG, LOCKED, NOT_FOUND, OK, REFUSED, USAGE, Sandbox  # noqa: E402
from relay_stand_in import Answer, Relay, refusal  # noqa: E402

TOKEN = "b7Qk2Wm9Xr4Tz8Lp1Nc6Vf3Hs5Jd0Gy-token"
DAY = 86400


def now_ms(ahead_s=0):
    return int((time.time() + ahead_s) * 1000)


def date(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def binance(**rights):
    """Binance at its best; `rights` as its call of that name says them."""
    told = {"ipRestrict": True, "enableWithdrawals": False, "enableInternalTransfer": False, "permitsUniversalTransfer": False,
            "enableSpotAndMarginTrading": True, "enableFutures": False, "tradingAuthorityExpirationTime": 0, **rights}
    return {"GET /api/v3/time": lambda: Answer({"serverTime": now_ms()}), "GET /api/v3/account": Answer({"balances": []}),
            "GET /sapi/v1/account/apiRestrictions": Answer(told)}


# Each profile's three classic errors as its exchange answers them: for the time, the signature, and the key or the address.
CLASSIC = {
    "binance": ("GET /api/v3/account", [
        ("time", 400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}),
        ("signature", 400, {"code": -1022, "msg": "Signature for this request is not valid."}),
        ("key-or-address", 401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})]),
    "bybit": ("GET /v5/user/query-api", [
        ("time", 200, {"retCode": 10002, "retMsg": "invalid request, please check your server timestamp"}),
        ("signature", 200, {"retCode": 10004, "retMsg": "error sign!"}),
        ("key", 200, {"retCode": 10003, "retMsg": "API key is invalid."}),
        ("address", 200, {"retCode": 10010, "retMsg": "Unmatched IP"})]),
    "okx": ("GET /api/v5/account/config", [
        ("time", 401, {"code": "50102", "msg": "Timestamp request expired", "data": []}),
        ("signature", 401, {"code": "50113", "msg": "Invalid Sign", "data": []}),
        ("key", 401, {"code": "50111", "msg": "Invalid OK-ACCESS-KEY", "data": []}),
        ("passphrase", 401, {"code": "50105", "msg": "OK-ACCESS-PASSPHRASE incorrect", "data": []}),
        ("address", 401, {"code": "50110", "msg": "Your IP 192.0.2.7 is not included in your API key's IP whitelist", "data": []})]),
    "kraken": ("POST /0/private/GetApiKeyInfo", [
        ("nonce", 200, {"error": ["EAPI:Invalid nonce"]}),
        ("signature", 200, {"error": ["EAPI:Invalid signature"]}),
        ("key-or-address", 200, {"error": ["EAPI:Invalid key"]}),
        ("rights", 200, {"error": ["EGeneral:Permission denied"]})]),
    "htx": ("GET /v1/account/accounts", [
        ("time", 200, {"status": "error", "err-code": "api-signature-not-valid", "err-msg": "Signature not valid: Invalid Timestamp"}),
        ("key", 200, {"status": "error", "err-code": "api-signature-not-valid", "err-msg": "Signature not valid: Incorrect Access key"}),
        ("signature", 200, {"status": "error", "err-code": "api-signature-not-valid", "err-msg": "Signature not valid: Verification failure"})]),
    "gate": ("GET /api/v4/account/detail", [
        ("time", 403, {"label": "REQUEST_EXPIRED", "message": "gap between request Timestamp and server time exceeds 60"}),
        ("signature", 401, {"label": "INVALID_SIGNATURE", "message": "Signature mismatch"}),
        ("key", 401, {"label": "INVALID_KEY", "message": "Invalid key provided"}),
        ("address", 403, {"label": "IP_FORBIDDEN", "message": "IP not in whitelist"})]),
    "kucoin": ("GET /api/v1/user/api-key", [
        ("time", 400, {"code": "400002", "msg": "KC-API-TIMESTAMP Invalid"}),
        ("signature", 401, {"code": "400005", "msg": "Invalid KC-API-SIGN"}),
        ("key", 401, {"code": "400003", "msg": "KC-API-KEY not exists"}),
        ("address", 401, {"code": "400006", "msg": "The requested ip address is not in the api whitelist"})]),
    "bitfinex": ("POST /v2/auth/r/permissions", [
        ("nonce", 500, ["error", 10114, "nonce: small"]),
        ("signature", 500, ["error", 10100, "apikey: digest invalid"]),
        ("key", 500, ["error", 10100, "apikey: invalid"])]),
    "bitmex": ("GET /api/v1/user/margin", [
        ("time", 401, {"error": {"message": "This request has expired - `expires` is in the past.", "name": "HTTPError"}}),
        ("signature", 401, {"error": {"message": "Signature not valid.", "name": "HTTPError"}}),
        ("key", 401, {"error": {"message": "Invalid API Key.", "name": "HTTPError"}})]),
    "coinbase": ("GET /api/v3/brokerage/key_permissions", [("key-or-signature", 401, "Unauthorized\n")]),
    "upbit": ("GET /v1/api_keys", [
        ("signature", 401, {"error": {"name": "jwt_verification", "message": "Failed to verify Jwt token"}}),
        ("key", 401, {"error": {"name": "invalid_access_key", "message": ""}}),
        ("address", 401, {"error": {"name": "no_authorization_ip", "message": ""}})]),
}

# How some exchanges tell a key's rights, and what they mean.
RIGHTS = {
    "bybit": ({"GET /v5/user/query-api": {"retCode": 0, "result": {
        "readOnly": 0, "ips": ["*"], "permissions": {"Wallet": ["AccountTransfer", "Withdraw"], "Spot": ["SpotTrade"]},
        "expiredAt": date(time.time() + 3 * DAY)}}},
        {"withdraws": True, "transfers": True, "trades": True, "is_bound": False, "expires": date(time.time() + 3 * DAY)}),
    "okx": ({"GET /api/v5/account/config": {"code": "0", "data": [{"perm": "read_only,trade", "ip": "192.0.2.7,192.0.2.8"}]}},
            {"withdraws": False, "transfers": None, "trades": True, "is_bound": True, "expires": None}),
    "kraken": ({"POST /0/private/GetApiKeyInfo": {"error": [], "result": {
        "permissions": ["query-funds", "withdraw-funds"], "ipAllowlist": [], "validUntil": "0"}}},
        {"withdraws": True, "transfers": None, "trades": False, "is_bound": False, "expires": False}),
    "bitfinex": ({"POST /v2/auth/r/permissions": [["account", 1, 0], ["orders", 1, 1], ["wallets", 1, 0], ["withdraw", 0, 0]]},
                 {"withdraws": False, "transfers": False, "trades": True, "is_bound": None, "expires": None}),
    "htx": ({"GET /v1/account/accounts": {"status": "ok", "data": []}, "GET /v2/user/uid": {"code": 200, "data": 63628520},
             "GET /v2/user/api-key": {"code": 200, "data": [
                 {"accessKey": "another", "permission": "readOnly,trade,withdraw", "ipAddresses": "", "validDays": 2},
                 {"accessKey": "the-id", "permission": "readOnly,trade", "ipAddresses": "192.0.2.7", "validDays": -1}]}},
            {"withdraws": False, "transfers": None, "trades": True, "is_bound": True, "expires": False}),
    "gate": ({"GET /api/v4/account/detail": {"user_id": 1}, "GET /api/v4/account/main_keys": [
        {"key": "another", "perms": [{"name": "withdrawal", "read_only": False}], "ip_whitelist": []},
        {"key": "the-id", "perms": [{"name": "spot", "read_only": False}, {"name": "wallet", "read_only": True}],
         "ip_whitelist": ["192.0.2.7"]}]},
        {"withdraws": None, "transfers": False, "trades": True, "is_bound": True, "expires": None}),
    "kucoin": ({"GET /api/v1/user/api-key": {"code": "200000", "data": {
        "permission": "General, Spot", "ipWhitelist": "", "expiredAt": -1}}},
        {"withdraws": False, "transfers": False, "trades": True, "is_bound": False, "expires": False}),
    "upbit": ({"GET /v1/api_keys": [{"access_key": "the-id", "expire_at": "2099-01-01T09:00:00+09:00"}]},
              {"withdraws": None, "transfers": None, "trades": None, "is_bound": None, "expires": "2099-01-01T00:00:00Z"}),
    "bingx": ({"GET /openApi/account/v1/uid": {"code": 0, "data": {"uid": 1}},
               "GET /openApi/v1/account/apiPermissions": {"permissions": [1, 2, 5], "ipAddresses": ["192.0.2.7"]}},
              {"withdraws": True, "transfers": False, "trades": True, "is_bound": True, "expires": None}),
    "gemini": ({"POST /v1/roles": {"isAuditor": False, "isFundManager": False, "isTrader": True}},
               {"withdraws": False, "transfers": None, "trades": True, "is_bound": None, "expires": None}),
}


class Doctor(Sandbox):
    def setUp(self):
        super().setUp()
        with open(self.path("token"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(TOKEN + "\n")

    def relay(self, answers, **options):
        options.setdefault("token", TOKEN)
        relay = Relay(answers, **options)
        self.addCleanup(relay.close)
        return relay

    def doctor(self, relay, *words, profile="binance"):
        words = ("doctor", "k", "--profile", profile, "--relay", relay.url, "--token-file", self.path("token"), *words)
        result = self.run_cli(*words)
        self.assertNotIn(TOKEN, result.out + result.err)
        return result

    def found(self, answers, *words, profile="binance", status=OK):
        result = self.doctor(self.relay(answers), "--json", *words, profile=profile)
        self.assertEqual(result.status, status, result)
        return json.loads(result.out)["keys"][0]

    # ---- a key that is well ----

    def test_a_key_that_is_well(self):
        relay = self.relay(binance())
        result = self.doctor(relay, "--strict")
        self.assertEqual(result.status, OK, result)
        self.assertRegex(result.out, r"\Ak \(binance, live\): well\n  clock: right, \d+ ms (behind|ahead of) the exchange's, .*\n"
                         r"  key: works\n  rights: trades, does not transfer, does not withdraw, bound to addresses, does not expire\n\Z")
        self.assertEqual([(method, place.partition("?")[0]) for method, place, _, _ in relay.asked],
                         [("GET", "/k/api/v3/account"), ("GET", "/k/api/v3/time"), ("GET", "/k/sapi/v1/account/apiRestrictions")])

    def test_it_asks_as_an_sdk_with_dummy_credentials_does(self):
        relay = self.relay(binance())
        self.doctor(relay, "--key-id", "the-id")
        for _, place, headers, body in relay.asked:
            path, _, query = place.partition("?")
            fields = dict(urllib.parse.parse_qsl(query))
            self.assertEqual((body, headers.get("X-MBX-APIKEY")), ("", None if path.endswith("/time") else "chancery"))
            if path.endswith("/time"):
                self.assertEqual((fields, set(headers)), ({}, {"Host", "Accept"}))
            else:
                self.assertEqual(set(fields), {"timestamp", "signature"})
                self.assertEqual(fields["signature"], "01" + 63 * "00")
                self.assertLess(abs(int(fields["timestamp"]) - now_ms()), 10000)

    def test_a_call_by_post_has_the_body_that_its_exchange_wants(self):
        relay = self.relay({"POST /0/private/GetApiKeyInfo": Answer({"error": [], "result": {}})})
        self.doctor(relay, profile="kraken")
        _, _, headers, body = relay.asked[0]
        self.assertRegex(body, r"^nonce=\d{13}$")
        self.assertEqual((headers["API-Key"], headers["Content-Type"]), ("chancery", "application/x-www-form-urlencoded"))

    def test_with_watch_a_key_that_is_well_is_not_mentioned(self):
        self.assertEqual(self.doctor(self.relay(binance()), "--watch").out, "")

    # ---- warnings ----

    def test_rights_that_are_too_wide_are_warnings(self):
        answers = binance(enableWithdrawals=True, ipRestrict=False)
        found = self.found(answers)
        self.assertEqual(found["verdict"], "warning")
        self.assertEqual([one["level"] for one in found["advice"]], ["warning", "warning"])
        self.assertIn("may withdraw", found["advice"][0]["text"])
        self.assertIn("any address", found["advice"][1]["text"])
        result = self.doctor(self.relay(answers), "--strict", "--watch")
        self.assertEqual(result.status, REFUSED)
        self.assertIn("key 'k' has a warning", result.err)
        self.assertEqual([line.split(": ")[:2] for line in result.out.splitlines()], [["k", "warning"]] * 2)

    def test_an_end_that_is_near_or_past(self):
        for days, level, verdict, status in ((5, "warning", "warning", OK), (-1, "ill", "ill", REFUSED)):
            found = self.found(binance(tradingAuthorityExpirationTime=now_ms(days * DAY)), status=status)
            self.assertEqual((found["advice"][0]["level"], found["verdict"]), (level, verdict))
            self.assertIn("expire", found["advice"][0]["text"])
        self.assertEqual(self.found(binance(tradingAuthorityExpirationTime=now_ms(60 * DAY)))["verdict"], "well")

    # ---- the clock ----

    def test_a_clock_that_is_wrong(self):
        for ahead_s, word in ((-5, "ahead of"), (5, "behind")):
            answers = {**binance(), "GET /api/v3/time": lambda: Answer({"serverTime": now_ms(ahead_s)})}
            found = self.found(answers, status=REFUSED)
            self.assertEqual(found["clock"]["state"], "wrong")
            self.assertAlmostEqual(found["clock"]["ahead_ms"], -ahead_s * 1000, delta=found["clock"]["uncertain_ms"])
            self.assertIn(word, found["advice"][0]["text"])

    def test_the_date_of_an_answer_stands_in_for_a_call_for_the_time(self):
        answers = binance()
        del answers["GET /api/v3/time"]
        found = self.found(answers)
        self.assertEqual((found["clock"]["state"], found["clock"]["by"]), ("right", "Date"))
        answers["GET /api/v3/account"] = Answer({"balances": []}, date=time.time() - 3600)
        self.assertEqual(self.found(answers, status=REFUSED)["clock"]["state"], "wrong")
        answers["GET /api/v3/account"] = Answer({"balances": []}, date=False)
        self.assertEqual(self.found(answers)["clock"]["state"], "unknown")

    def test_every_way_to_write_a_time(self):
        for profile, call, answer in (
                ("bybit", "GET /v5/market/time", lambda: {"result": {"timeNano": str(now_ms() * 1000000)}}),
                ("okx", "GET /api/v5/public/time", lambda: {"data": [{"ts": str(now_ms())}]}),
                ("kraken", "GET /0/public/Time", lambda: {"result": {"unixtime": int(time.time())}}),
                ("coinbase-exchange", "GET /time", lambda: {"epoch": time.time()}),
                ("kraken-futures", "GET /derivatives/api/v3/feeschedules", lambda: {"serverTime": date(time.time())})):
            found = self.found({call: lambda answer=answer: Answer(answer())}, profile=profile, status=REFUSED)
            self.assertEqual((found["clock"]["state"], found["clock"]["by"]), ("right", call), profile)

    # ---- the classic errors ----

    def test_the_classic_errors_are_told_apart(self):
        for profile, (call, cases) in CLASSIC.items():
            for trouble, status, body in cases:
                with self.subTest(profile=profile, trouble=trouble):
                    found = self.found({call: Answer(body, status)}, profile=profile, status=REFUSED)
                    self.assertEqual((found["check"]["state"], found["check"]["trouble"]), ("fails", trouble))
                    self.assertEqual((found["verdict"], len(found["advice"])), ("ill", 1))
                    self.assertEqual(found["rights"]["state"], "not-told")

    def test_what_cannot_be_told_apart_is_put_down_to_a_wrong_clock(self):
        answers = {"GET /api/v3/brokerage/key_permissions": Answer("Unauthorized", 401, date=time.time() - 600)}
        found = self.found(answers, profile="coinbase", status=REFUSED)
        self.assertIn("time of our requests", found["advice"][1]["text"])

    def test_an_answer_that_no_profile_knows(self):
        found = self.found({"GET /api/v3/account": Answer("<html>\x1b[31mmaintenance</html>", 503)}, status=REFUSED)
        self.assertEqual((found["check"]["state"], found["check"]["trouble"], found["check"]["status"]), ("unknown", None, 503))
        result = self.doctor(self.relay({"GET /api/v3/account": Answer("<html>\x1b[31mmaintenance</html>", 503)}))
        self.assertIn("maintenance", result.out)
        self.assertNotIn("\x1b", result.out)

    def test_an_error_with_status_200_is_no_success(self):
        found = self.found({"POST /0/private/GetApiKeyInfo": Answer({"error": ["EService:Unavailable"]})}, profile="kraken",
                           status=REFUSED)
        self.assertEqual(found["check"]["state"], "unknown")

    # ---- relay and agent ----

    def test_what_the_agent_refuses_is_not_the_exchange(self):
        found = self.found({"GET /api/v3/account": refusal("refused", "caller 'bot' may not read")}, status=REFUSED)
        self.assertEqual((found["check"]["state"], found["check"]["trouble"]), ("not-asked", "refused"))
        self.assertIn("caller 'bot' may not read", found["advice"][0]["text"])

    def test_a_locked_token_has_its_own_exit_status(self):
        result = self.doctor(self.relay({"GET /api/v3/account": refusal("locked", "token 'main' is locked", 423)}))
        self.assertEqual(result.status, LOCKED, result)
        self.assertIn("'chancery unlock'", result.out)

    def test_the_check_is_the_first_that_the_environment_has(self):
        answers = {"GET /fapi/v3/account": Answer({"assets": []})}
        found = self.found(answers, "--environment", "futures-testnet")
        self.assertEqual((found["check"]["state"], found["check"]["call"]), ("works", "GET /fapi/v3/account"))
        self.assertEqual(found["rights"]["state"], "not-told")

    def test_no_relay(self):
        relay = self.relay({})
        relay.close()
        self.assert_fails(self.doctor(relay), AWAY, "no relay answers at http://127.0.0.1:")

    def test_a_wrong_token(self):
        relay = self.relay(binance(), token="another")
        result = self.doctor(relay)
        self.assertEqual(result.status, REFUSED, result)
        self.assertIn("does not begin with this port's token", result.out)
        self.assertEqual(relay.asked, [])

    # ---- where the relay is ----

    def test_a_unix_socket_needs_no_token(self):
        relay = self.relay(binance(), token=None, path=self.path("relay.sock"))
        result = self.run_cli("doctor", "k", "--profile", "binance", "--relay", relay.url)
        self.assertEqual(result.status, OK, result)
        self.assertTrue(relay.asked[0][1].startswith("/k/api/v3/account?"))

    def write_relay(self, *listeners):
        with open(self.path("relay.yaml"), "w") as file:
            file.write("agent: /run/chancery/agent.sock\nlisteners:\n")
            file.writelines(f"  - {json.dumps(listener)}\n" for listener in listeners)
        return self.path("relay.yaml")

    def test_the_relays_own_file_says_where_it_is(self):
        relay = self.relay(binance())
        port = int(relay.url.rpartition(":")[2])
        file = self.write_relay({"caller": "other", "socket": "other.sock"}, {"caller": "bot", "port": port, "token": "token"})
        words = ("doctor", "k", "--profile", "binance", "--relay", file)
        self.assertEqual(self.run_cli(*words, "--caller", "bot").status, OK)
        self.assert_fails(self.run_cli(*words), NOT_FOUND, "whose relay?", "other, bot")
        self.assert_fails(self.run_cli(*words, "--caller", "nobody"), NOT_FOUND, "other, bot")
        env = {**self.env, "CHANCERY_RELAY": file}
        self.assertEqual(self.run_cli(*words[:4], "--caller", "bot", env=env).status, OK)

    def test_what_is_no_address_is_refused(self):
        for address, status in (("http://127.0.0.1:1/" + TOKEN, USAGE), ("http://", USAGE), ("ftp://x", CONFIG), (self.path("no"), CONFIG)):
            result = self.run_cli("doctor", "k", "--profile", "binance", "--relay", address)
            self.assert_fails(result, status)
            self.assertNotIn(TOKEN, result.err)
        self.assert_fails(self.run_cli("doctor", "k", "--profile", "binance", "--relay", "http://127.0.0.1:1"), USAGE, "--token-file")

    def test_a_token_that_everybody_can_read_is_not_used(self):
        relay = self.relay(binance())
        os.chmod(self.path("token"), 0o644)
        self.assert_fails(self.doctor(relay), CONFIG, "everybody can read")
        self.assertEqual(relay.asked, [])

    # ---- rights ----

    def test_rights_are_read_as_the_exchange_tells_them(self):
        for profile, (answers, rights) in RIGHTS.items():
            with self.subTest(profile=profile):
                told = {call: Answer(body) for call, body in answers.items()}
                relay = self.relay(told)
                result = self.doctor(relay, "--json", "--key-id", "the-id", profile=profile)
                found = json.loads(result.out)["keys"][0]
                for _, place, _, _ in relay.asked:
                    if "/v2/user/api-key?" in place:
                        self.assertRegex(place, "[?&]accessKey=the-id&uid=63628520&")
                self.assertEqual(found["check"]["state"], "works", found)
                self.assertEqual(found["rights"], {"state": "told", **rights})

    def test_every_profile_says_what_to_ask(self):
        for name in sorted(os.listdir(self.env["CHANCERY_PROFILES"])):
            with self.subTest(profile=name):
                found = self.found({}, profile=name.removesuffix(".yaml"), status=REFUSED)
                self.assertEqual(found["check"]["state"], "not-asked")

    def test_wrong_usage(self):
        result = self.doctor(self.relay({}), "--environment", "moon")
        self.assert_fails(result, NOT_FOUND, "no environment 'moon'")
        self.assert_fails(self.run_cli("doctor", "--profile", "binance", "--relay", "unix:/x"), USAGE, "name it")
        self.assert_fails(self.run_cli("doctor", "../k", "--relay", "unix:/x"), USAGE)
        self.assert_fails(self.run_cli("doctor", "k", "--relay", "unix:/x", "--socket", self.path("none")), AWAY, "--profile")


if __name__ == "__main__":
    unittest.main()

"""The agent signs only for whom and for what policy allows, and the exchange computes the same signature."""

import base64
import hmac
import threading
import time
import unittest

import harness
from harness import BINANCE_KEY_ID, BINANCE_ORDER, BINANCE_SECRET, BINANCE_WITHDRAWAL, KRAKEN_ORDER, KRAKEN_SECRET


class Signing(harness.AgentTest):
    def test_binance_hmac_order_is_what_binance_computes(self):
        finished = self.assert_signs("binance-main")
        signed, signature = harness.split_signature(harness.binance_payload(finished))
        self.assertEqual(signature, hmac.digest(BINANCE_SECRET.encode(), signed, "sha256").hex())
        self.assertEqual(finished["method"], "POST")
        self.assertTrue(finished["url"].startswith("https://api.binance.com/api/v3/order"), finished["url"])
        self.assertEqual(finished["headers"]["X-MBX-APIKEY"], BINANCE_KEY_ID)
        self.assertEqual(finished["key"], "binance-main")

    def test_binance_order_keeps_the_bots_parameters_in_order(self):
        finished = self.assert_signs("binance-main")
        fields = harness.form(harness.binance_payload(finished))
        asked = [(name, str(value)) for name, value in BINANCE_ORDER["params"].items()]
        self.assertEqual([field for field in fields if field[0] not in ("timestamp", "signature")], asked)

    def test_binance_timestamp_is_now(self):
        fields = dict(harness.form(harness.binance_payload(self.assert_signs("binance-main"))))
        self.assertLess(abs(int(fields["timestamp"]) / 1000 - time.time()), 5)

    def test_binance_ed25519_order_verifies_with_openssl(self):
        finished = self.assert_signs("binance-ed25519")
        signed, signature = harness.split_signature(harness.binance_payload(finished))
        public = self.agent.public["binance-ed25519"]
        raw = base64.b64decode(signature, validate=True)
        self.assertTrue(harness.openssl_verifies(self.agent.home, public, signed, raw))
        self.assertFalse(harness.openssl_verifies(self.agent.home, public, signed + b"0", raw))

    def test_binance_rsa_order_verifies_with_openssl(self):
        finished = self.assert_signs("binance-rsa")
        signed, signature = harness.split_signature(harness.binance_payload(finished))
        public = self.agent.public["binance-rsa"]
        raw = base64.b64decode(signature, validate=True)
        self.assertTrue(harness.openssl_verifies(self.agent.home, public, signed, raw, "-digest", "sha256"))
        self.assertFalse(harness.openssl_verifies(self.agent.home, public, signed + b"0", raw, "-digest", "sha256"))

    def test_kraken_order_is_what_kraken_computes(self):
        finished = self.assert_signs("kraken-main", KRAKEN_ORDER)
        self.assertEqual(finished["url"], "https://api.kraken.com/0/private/AddOrder")
        self.assertEqual(
            finished["headers"]["API-Sign"],
            harness.kraken_signature(KRAKEN_SECRET, "/0/private/AddOrder", finished["body"]),
        )
        self.assertEqual(finished["headers"]["API-Key"], "kraken-key-id")

    def test_kraken_nonce_rises_with_every_order(self):
        nonces = [
            int(dict(harness.form(self.assert_signs("kraken-main", KRAKEN_ORDER)["body"]))["nonce"]) for _ in range(20)
        ]
        self.assertEqual(nonces, sorted(set(nonces)))

    def test_our_second_writing_of_krakens_rule_gives_its_published_example(self):
        body = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
        self.assertEqual(
            harness.kraken_signature(KRAKEN_SECRET, "/0/private/AddOrder", body),
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        )

    def test_one_connection_serves_two_keys(self):
        with self.agent.client() as client:
            for _ in range(3):
                self.assertEqual(client.sign("binance-main", BINANCE_ORDER).json["key"], "binance-main")
                self.assertEqual(client.sign("kraken-main", KRAKEN_ORDER).json["key"], "kraken-main")

    def test_bots_of_quick_and_slow_keys_do_not_keep_each_other_waiting(self):
        """Both kinds at once, then one while the other stops: no answer may get stuck in the token process."""
        failed = []

        def ask(key, count):
            try:
                with self.agent.client(5) as client:
                    failed.extend(answer for answer in (client.sign(key, BINANCE_ORDER) for _ in range(count))
                                  if answer.status != 200)
            except OSError as broken:
                failed.append(broken)

        for _ in range(5):
            bots = [threading.Thread(target=ask, args=(key, count))
                    for key, count in [("binance-main", 200), ("binance-rsa", 20)] for _ in range(4)]
            for bot in bots:
                bot.start()
            for bot in bots:
                bot.join()
            self.assertEqual(failed, [])

    def test_placeholder_puts_the_timestamp_where_the_bot_wants_it(self):
        order = dict(BINANCE_ORDER, params={"timestamp": None, **BINANCE_ORDER["params"]})
        fields = harness.form(harness.binance_payload(self.assert_signs("binance-main", order)))
        self.assertEqual(fields[0][0], "timestamp")
        self.assertRegex(fields[0][1], r"^[0-9]{13}$")


class Refusing(harness.AgentTest):
    def sign(self, key, document):
        with self.agent.client() as client:
            return client.sign(key, document)

    def test_caller_without_a_grant_is_refused(self):
        answer = self.sign("binance-other", BINANCE_ORDER)
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "grant")

    def test_class_without_a_grant_is_refused(self):
        answer = self.sign("binance-read", BINANCE_ORDER)
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "class")

    def test_withdrawal_is_refused_with_its_reason(self):
        answer = self.sign("binance-main", BINANCE_WITHDRAWAL)
        self.assert_problem(answer, 403, "refused")
        self.assertIn("withdraw", answer.json["detail"])

    def test_kraken_withdrawal_is_refused(self):
        withdrawal = {
            "method": "POST",
            "path": "/0/private/Withdraw",
            "params": {"asset": "XBT", "key": "elsewhere", "amount": "1"},
        }
        self.assert_problem(self.sign("kraken-main", withdrawal), 403, "refused")

    def test_endpoint_that_the_profile_does_not_list_is_refused(self):
        for path in ("/api/v3/nothing", "/api/v3/order/", "/api/v3//order", "/API/v3/order", "/api/v3/order?x=1", ""):
            with self.subTest(path=path):
                answer = self.sign("binance-main", dict(BINANCE_ORDER, path=path))
                self.assertIn(answer.status, (400, 404), answer)
                self.assert_problem(answer, answer.status)

    def test_keys_of_others_are_not_listed(self):
        with self.agent.client() as client:
            names = [key["name"] for key in client.get("/v1/keys").json["keys"]]
        self.assertIn("binance-main", names)
        self.assertNotIn("binance-other", names)


class Readiness(harness.AgentTest):
    """One key of the policy is not on the token."""

    @classmethod
    def prepare(cls):
        text = cls.agent.policy.read_text()
        missing = text[text.index("  binance-main:"):text.index("  binance-read:")].replace("binance-main", "missing")
        cls.agent.policy.write_text(harness.with_key(text, missing, harness.allow("missing", "tester", "missing", "read")))

    def test_a_key_that_cannot_sign_is_no_matter_for_the_others(self):
        for query, status in (("", 503), ("?key=missing", 503), ("?key=binance-main", 200), ("?key=kraken-main", 200)):
            with self.subTest(query), self.agent.client() as client:
                self.assertEqual(client.get(f"/readyz{query}").status, status)

    def test_what_is_asked_about_is_a_key_of_the_policy(self):
        for query, status in (("?key=nowhere", 403), ("?key=UPPER", 400), ("?key=", 400), ("?keys=missing", 400),
                              ("?limit=1", 400), ("?key=missing&key=missing", 400)):
            with self.subTest(query), self.agent.client() as client:
                self.assert_problem(client.get(f"/readyz{query}"), status)


class Locking(harness.AgentTest):
    is_unlocked = False

    def test_only_an_unlocked_token_signs(self):
        with self.agent.client() as client:
            self.assert_problem(client.sign("binance-main", BINANCE_ORDER), 423, "locked")
            self.assertEqual(client.get("/healthz").status, 200)
            self.assertEqual(client.get("/readyz").status, 503)

            self.assertNotEqual(self.agent.unlock("not the pin 00").returncode, 0)
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 423)

            unlocked = self.agent.unlock()
            self.assertEqual(unlocked.returncode, 0, unlocked.stderr)
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)
            self.assertEqual(client.get("/readyz").status, 200)

            self.assertEqual(self.agent.lock().returncode, 0)
            self.assert_problem(client.sign("binance-main", BINANCE_ORDER), 423, "locked")
            self.assertEqual(client.get("/readyz").status, 503)

            self.assertEqual(self.agent.unlock().returncode, 0)
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)


class Looking(harness.AgentTest):
    def test_keys_are_listed_with_what_a_bot_must_know(self):
        with self.agent.client() as client:
            keys = {key["name"]: key for key in client.get("/v1/keys").json["keys"]}
        self.assertEqual(
            keys["binance-main"],
            {
                "name": "binance-main",
                "profile": "binance",
                "scheme": "hmac",
                "environment": "live",
                "key_id": BINANCE_KEY_ID,
                "token": "main",
                "ready": True,
                "problem": "",
                "unlocked_until_ms": None,
                "unlock_ends_by": "",
            },
        )

    def test_status_counts(self):
        with self.agent.client() as client:
            before = client.get("/v1/status").json
            client.sign("binance-main", BINANCE_ORDER)
            client.sign("binance-main", BINANCE_WITHDRAWAL)
            after = client.get("/v1/status").json
        self.assertEqual(after["signed"], before["signed"] + 1)
        self.assertEqual(after["refused"], before["refused"] + 1)
        self.assertTrue(after["ready"])
        self.assertEqual([(token["name"], token["state"]) for token in after["tokens"]], [("main", "unlocked")])
        self.assertRegex(after["version"], r"^\d+\.\d+")

    def test_state_is_for_the_agent_alone(self):
        self.assertEqual(self.agent.state.stat().st_mode & 0o077, 0)


if __name__ == "__main__":
    unittest.main()

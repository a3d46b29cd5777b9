"""A key signs for its environment: the exchange's testnet, demo or regional site that its policy names."""

import hmac
import json
import subprocess
import unittest

import harness
from harness import BINANCE_ORDER, BINANCE_SECRET

ACCOUNT = {"method": "GET", "path": "/api/v3/account"}


def also(policy, name, environment, classes, profile="binance", more=""):
    """`policy` with another key on the object of binance-main."""
    line = (f"  {name}: {{ token: main, object: 'pkcs11:object=binance-main', profile: {profile}, scheme: hmac, "
            f"environment: {environment}, key_id: id{more} }}\n")
    return harness.with_key(policy, line, harness.allow(name, "tester", name, classes))


class Environments(harness.AgentTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        policy = cls.agent.policy.read_text()
        policy = also(policy, "bare", "live", "read, trade, cancel")
        policy = also(policy, "testnet", "testnet", "read, trade, cancel")
        policy = also(policy, "futures", "futures-testnet", "read, trade, cancel")
        policy = also(policy, "us", "us", "read, trade, cancel")
        policy = also(policy, "okx-demo", "demo", "read, trade, cancel", "okx", ", passphrase: p")
        cls.agent.policy.write_text(policy)

    def sign(self, key, request):
        with self.agent.client() as client:
            return client.sign(key, request)

    def check(self):
        return subprocess.run([str(harness.AGENT), "--config", str(self.agent.config), "--check"], check=False, text=True,
                              capture_output=True, env=self.agent.environment())

    def test_a_key_of_the_testnet_signs_for_its_host(self):
        finished = self.assert_signs("testnet", BINANCE_ORDER)
        self.assertTrue(finished["url"].startswith("https://testnet.binance.vision/api/v3/order"), finished["url"])
        signed, signature = harness.split_signature(harness.binance_payload(finished))
        self.assertEqual(signature, hmac.digest(BINANCE_SECRET.encode(), signed, "sha256").hex())

    def test_the_environment_is_the_keys_and_not_the_requests(self):
        for key, host in (("testnet", "api.binance.com"), ("binance-main", "testnet.binance.vision")):
            self.assert_problem(self.sign(key, BINANCE_ORDER | {"host": host}), 404)
        self.assertEqual(self.sign("testnet", BINANCE_ORDER | {"host": "testnet.binance.vision"}).status, 200)
        self.assertEqual(self.sign("testnet", BINANCE_ORDER | {"environment": "live"}).status, 400)

    def test_what_does_not_exist_there_is_refused(self):
        for key, call, path in (("testnet", "GET", "/sapi/v1/capital/config/getall"), ("futures", "POST", "/api/v3/order"),
                                ("testnet", "GET", "/fapi/v3/balance")):
            answer = self.sign(key, {"method": call, "path": path, "params": {}})
            self.assert_problem(answer, 404)
            self.assertRegex(answer.json["detail"], r"does not exist in environment '(futures-)?testnet'")

    def test_a_regional_site_has_calls_of_its_own(self):
        staked = {"method": "POST", "path": "/sapi/v1/staking/stake", "params": {"stakingAsset": "SOL", "amount": "1"}}
        self.assert_problem(self.sign("us", staked), 403)  # it exists; its class is transfer
        answer = self.sign("binance-main", staked)
        self.assert_problem(answer, 404)
        self.assertIn("does not exist in environment 'live'", answer.json["detail"])
        finished = self.assert_signs("us", BINANCE_ORDER)
        self.assertTrue(finished["url"].startswith("https://api.binance.us/api/v3/order"), finished["url"])

    def test_confusion_stays_within_the_environment(self):
        """In live, the signature of a read without parameters also opens withdrawals, unless policy accepts that."""
        self.assert_problem(self.sign("bare", ACCOUNT), 403)
        finished = self.sign("testnet", ACCOUNT)
        self.assertEqual(finished.status, 200, finished.json)

    def test_headers_of_the_environment_are_sent(self):
        finished = self.sign("okx-demo", {"method": "GET", "path": "/api/v5/account/balance", "params": {}})
        self.assertEqual(finished.status, 200, finished.json)
        self.assertEqual(finished.json["url"], "https://www.okx.com/api/v5/account/balance")
        self.assertEqual(finished.json["headers"]["x-simulated-trading"], "1")

    def test_listings_name_the_environment(self):
        with self.agent.client() as client:
            keys = {key["name"]: key["environment"] for key in client.get("/v1/keys").json["keys"]}
        self.assertEqual((keys["testnet"], keys["okx-demo"], keys["kraken-main"]), ("testnet", "demo", "live"))
        self.assertRegex(self.agent.cli("keys").stdout.decode(), r"(?m)^futures +binance +futures-testnet +hmac ")

    def test_a_check_names_the_environments(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("key 'testnet': environment 'testnet' of profile 'binance'\n", done.stdout)
        self.assertNotIn("key 'binance-main': environment", done.stdout)

    def test_an_environment_that_the_profile_does_not_have_is_an_error(self):
        before = self.agent.policy.read_text()
        try:
            self.agent.policy.write_text(before.replace("environment: testnet", "environment: tesnet", 1))
            done = self.check()
            self.assertEqual(done.returncode, 10)
            self.assertIn("profile 'binance' has no environment 'tesnet'; it has live, testnet, futures-testnet, demo and us",
                          done.stderr)
        finally:
            self.agent.policy.write_text(before)

    def test_show_lists_them_with_their_origins(self):
        done = harness.run_cli(self.agent.environment(), "profile", "show", "okx", "--profiles", harness.ROOT / "profiles")
        self.assertRegex(done.stdout.decode(), r"(?m)^environment demo: \d+ endpoints; Demo trading$\n"
                                               r"^    main +https://www.okx.com$\n^    stream +wss://wspap.okx.com$\n"
                                               r"^    header x-simulated-trading: 1$")
        done = harness.run_cli(self.agent.environment(), "profile", "show", "htx", "--profiles", harness.ROOT / "profiles",
                               "--json")
        shown = json.loads(done.stdout)["environments"]
        self.assertEqual([(each["name"], each["keys"]) for each in shown],
                         [("live", "live"), ("com", "live"), ("aws", "live")])
        self.assertEqual(shown[2]["origins"]["main"], "https://api-aws.huobi.pro")


if __name__ == "__main__":
    unittest.main()

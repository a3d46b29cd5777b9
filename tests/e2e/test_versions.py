"""Several versions of a key under one name: bots move from the old to the new without a restart and without a failed request."""

import base64
import datetime
import hashlib
import hmac
import json
import threading
import time
import unittest

import harness
from harness import BINANCE_ORDER, BINANCE_SECRET

NEW_SECRET = "new" + BINANCE_SECRET[3:]
KRAKEN_NEW_SECRET = base64.b64encode(bytes(range(64))).decode()
OLD, NEW = "old-key-id", "new-key-id"
ENTRY = """\
  k:
    token: main
    profile: binance
    scheme: hmac
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
"""
SINGLE = ENTRY + f'    object: "pkcs11:object=binance-main"\n    key_id: "{OLD}"\n'


def versions(*rows):
    """(object, key_id, more) as the list of a key."""
    return ENTRY + "    versions:\n" + "".join(
        f'      - {{ object: "pkcs11:object={label}", key_id: "{key_id}"{more} }}\n' for label, key_id, more in rows)


BOTH = versions(("binance-main", OLD, ""), ("second", NEW, ""))
ONLY_NEW = versions(("second", NEW, ""))


def at(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class VersionsTest(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.import_hmac("second", "hmac-sha256", NEW_SECRET)
        cls.before = cls.agent.policy.read_text()
        cls.agent.policy.write_text(cls.policy(SINGLE))

    @classmethod
    def policy(cls, key):
        text = cls.before.replace("key: binance-main,", "key: [binance-main, k],")
        return text + key

    def setUp(self):
        self.set_key(BOTH)

    def set_key(self, key):
        self.agent.policy.write_text(self.policy(key))
        self.agent.must("reload")

    def ask(self, document=BINANCE_ORDER, key="k", what="sign"):
        with self.agent.client() as client:
            return client.post(f"/v1/keys/{key}/{what}", document)

    def signed_by(self, answer):
        """The key id of a finished request, whose signature is that version's."""
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        key_id = answer.json["headers"]["X-MBX-APIKEY"]
        payload, signature = harness.split_signature(harness.binance_payload(answer.json))
        secret = {OLD: BINANCE_SECRET, NEW: NEW_SECRET}[key_id]
        self.assertEqual(hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest(), signature)
        return key_id

    def listed(self):
        with self.agent.client() as client:
            return next(key for key in client.get("/v1/keys").json["keys"] if key["name"] == "k")


class Versions(VersionsTest):
    def test_the_newest_signs(self):
        self.assertEqual(self.signed_by(self.ask()), NEW)
        key = self.listed()
        self.assertEqual((key["key_id"], key["ready"]), (NEW, True))
        self.assertEqual([(row["key_id"], row["ready"], row["used"]) for row in key["versions"]],
                         [(OLD, True, False), (NEW, True, True)])
        text = self.agent.must("keys")
        self.assertRegex(text, rf"(?m)^k +{OLD} +no +yes +- +- +-$")
        self.assertRegex(text, rf"(?m)^k +{NEW} +yes +yes +- +- +-$")

    def test_one_that_is_not_there_yet_does_not_sign(self):
        self.set_key(versions(("binance-main", OLD, ""), ("not-made", NEW, "")))
        self.assertEqual(self.signed_by(self.ask()), OLD)
        key = self.listed()
        self.assertEqual((key["key_id"], key["ready"]), (OLD, True))
        self.assertIn("no hmac-sha256 key that fits", key["versions"][1]["problem"])
        with self.agent.client() as client:
            self.assertTrue(client.get("/v1/status").json["ready"])

    def test_one_signs_from_its_time_on(self):
        self.set_key(versions(("binance-main", OLD, ""), ("second", NEW, f', from: "{at(3)}"')))
        self.assertEqual(self.signed_by(self.ask()), OLD)
        harness.wait_until(lambda: self.signed_by(self.ask()) == NEW, "the new version signs", timeout_s=10)

    def test_the_old_one_signs_again_when_the_new_has_expired(self):
        self.set_key(versions(("binance-main", OLD, ""), ("second", NEW, f', expires: "{at(-5)}"')))
        self.assertEqual(self.signed_by(self.ask()), OLD)

    def test_a_request_may_name_its_version(self):
        for key_id in (OLD, NEW):
            self.assertEqual(self.signed_by(self.ask({**BINANCE_ORDER, "key_id": key_id})), key_id)
        self.assert_problem(self.ask({**BINANCE_ORDER, "key_id": "another"}), 404, "not-found")
        self.assert_problem(self.ask({**BINANCE_ORDER, "key_id": "another"}, what="check"), 404)

    def string(self, **more):
        text = f"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&timestamp={int(time.time() * 1000)}"
        answer = self.ask({"string": text, "method": "POST", "path": "/api/v3/order", **more})
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        return next(key_id for key_id, secret in ((OLD, BINANCE_SECRET), (NEW, NEW_SECRET))
                    if hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest() == answer.json["signature"])

    def test_an_sdks_string_is_signed_by_the_version_that_it_was_made_for(self):
        self.assertEqual(self.string(key_id=NEW), NEW)
        self.assertEqual(self.string(key_id=OLD), OLD)
        self.assertEqual(self.string(), OLD)  # it was configured before there was another

    def test_a_repeat_is_the_same_after_the_move(self):
        headers = {"Content-Type": "application/json", "Idempotency-Key": "one"}
        body = json.dumps(BINANCE_ORDER).encode()
        self.set_key(versions(("binance-main", OLD, "")))
        with self.agent.client() as client:
            first = client.request("POST", "/v1/keys/k/sign", body, headers)
            self.set_key(BOTH)
            again = client.request("POST", "/v1/keys/k/sign", body, headers)
        self.assertEqual((again.status, again.body), (200, first.body))

    def test_limits_count_all_versions_together(self):
        text = self.agent.policy.read_text().replace(
            "allow:\n", "limit:\n  - { name: pace, key: k, messages: 3, per: 1h, by: [caller, key] }\nallow:\n", 1)
        self.agent.policy.write_text(text)
        self.agent.must("reload")
        statuses = [self.ask({**BINANCE_ORDER, "key_id": key_id}).status for key_id in (OLD, NEW, OLD, NEW)]
        self.assertEqual(statuses, [200, 200, 200, 429])

    def test_decisions_say_which_version_signed(self):
        self.signed_by(self.ask())
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        signed = [row["record"] for row in rows if row["record"].get("key") == "k"]
        self.assertEqual(signed[-1]["key_id"], NEW)

    def test_a_policy_diff_tells_the_story(self):
        one, other = (self.agent.home / name for name in ("one.yaml", "other.yaml"))
        one.write_text(self.policy(SINGLE))
        other.write_text(self.policy(BOTH))
        done = self.agent.cli("policy", "diff", one, other, "--profiles", harness.ROOT / "profiles")
        self.assertIn(f"key 'k' has a new version, {NEW}".encode(), done.stdout)


class UnderLoad(VersionsTest):
    def test_bots_move_without_a_failed_request(self):
        self.set_key(SINGLE)
        answers, stop = [], threading.Event()

        def bot():
            with self.agent.client() as client:
                while not stop.is_set():
                    answers.append(client.sign("k", BINANCE_ORDER))

        bots = [threading.Thread(target=bot) for _ in range(8)]
        for thread in bots:
            thread.start()
        try:
            for key in (versions(("binance-main", OLD, "")), versions(("binance-main", OLD, ""), ("third", NEW, "")), BOTH,
                        ONLY_NEW):
                time.sleep(0.3)
                self.set_key(key)
            time.sleep(0.3)
        finally:
            stop.set()
            for thread in bots:
                thread.join()
        self.assertEqual({answer.status for answer in answers}, {200}, self.agent.log()[-2000:])
        ids = [self.signed_by(answer) for answer in answers]
        self.assertEqual(set(ids), {OLD, NEW})
        self.assertEqual(self.signed_by(self.ask()), NEW)


class Nonces(VersionsTest):
    def test_each_version_has_its_own(self):
        key = ('  k:\n    token: main\n    profile: kraken\n    scheme: hmac\n    versions:\n'
               f'      - {{ object: "pkcs11:object=kraken-main", key_id: "{OLD}" }}\n'
               f'      - {{ object: "pkcs11:object=kraken-second", key_id: "{NEW}" }}\n')
        self.agent.import_hmac("kraken-second", "hmac-sha512", KRAKEN_NEW_SECRET, "base64")
        self.set_key(key)
        self.agent.must("nonce", "raise", f"k/{OLD}", "99999999999999999")
        rows = {row["key_id"]: row["next"] for row in json.loads(self.agent.must("nonce", "list", "--json"))["nonces"]
                if row["key"] == "k"}
        self.assertEqual(set(rows), {OLD, NEW})
        self.assertGreaterEqual(int(rows[OLD]), 99999999999999999)
        self.assertLess(int(rows[NEW]), 99999999999999999)


class Rotated(VersionsTest):
    """From one key to another, as an operator does it, by the commands."""

    def rotate(self, *words, secret=NEW_SECRET, status=0):
        done = self.agent.cli("key", "rotate", "k", "--module", "softhsm2", "--token", "main", "--config", self.agent.config,
                              *words, secrets_by_option={"--pin-fd": harness.USER_PIN, "--secret-fd": secret})
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn(secret.encode(), done.stdout + done.stderr)
        return done

    def retire(self, label):
        return self.agent.cli("key", "retire", label, "--yes", "--module", "softhsm2", "--token", "main", "--config",
                              self.agent.config, secrets_by_option={"--pin-fd": harness.USER_PIN})

    def test_from_the_old_to_the_new(self):
        self.agent.import_hmac("first", "hmac-sha256", BINANCE_SECRET)
        self.set_key(versions(("first", OLD, "")))
        said = json.loads(self.rotate("--key-id", NEW, "--label", "rotated", "--json").stdout)
        self.assertEqual((said["key"], said["object"]), ("k", "pkcs11:object=rotated"))
        self.assertEqual(len(said["steps"]), 5)
        self.assertEqual(self.signed_by(self.ask()), OLD)
        self.assertEqual(said["policy"].splitlines()[0], "    k:")
        lines = "".join(line[2:] + "\n" for line in said["policy"].splitlines()[1:])
        self.set_key(ENTRY + lines)
        self.assertEqual(self.signed_by(self.ask()), NEW)
        refused = self.retire("first")
        self.assertEqual(refused.returncode, 5, refused.stderr)
        self.assertIn(b"the policy names 'pkcs11:object=first' for key 'k' (old-key-id)", refused.stderr)
        self.set_key(versions(("rotated", NEW, "")))
        done = self.retire("first")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.signed_by(self.ask()), NEW)
        self.assertEqual(self.retire("first").returncode, 4)

    def test_a_guide_for_people(self):
        text = self.rotate("--label", "guided").stdout.decode()
        self.assertIn("1. At Binance, see that the new API key has the rights and addresses of new-key-id", text)
        self.assertIn('- { object: "pkcs11:object=guided", key_id: "THE-NEW-KEY-ID", token: "main" }', text)
        self.assertIn("chancery key retire 'pkcs11:object=second'", text)

    def test_a_key_pair_is_generated(self):
        text = self.agent.must("key", "rotate", "binance-ed25519", "--module", "softhsm2", "--token", "main", "--config",
                               self.agent.config, "--label", "pair-2", secrets_by_option={"--pin-fd": harness.USER_PIN})
        self.assertIn("register the public key below", text)
        self.assertIn("-----BEGIN PUBLIC KEY-----", text)

    def test_what_cannot_be_costs_nothing(self):
        self.assertIn(b"has a version with this key id already", self.rotate("--key-id", NEW, status=5).stderr)
        done = self.agent.cli("key", "rotate", "none", "--module", "softhsm2", "--token", "main", "--config", self.agent.config)
        self.assertEqual(done.returncode, 4, done.stderr)


class Revoked(VersionsTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.start_anew)

    def start_anew(self):
        self.agent.stop()
        self.agent.forget_state()
        self.agent.start()
        self.agent.unlock()

    def test_a_version_is_revoked_at_once_and_for_good(self):
        self.agent.must("key", "revoke", "k", "--key-id", NEW, "--reason", "laptop stolen")
        self.assertEqual(self.signed_by(self.ask()), OLD)
        answer = self.ask({**BINANCE_ORDER, "key_id": NEW})
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "revoked")
        self.assertIn("laptop stolen", answer.json["detail"])
        self.agent.stop()
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertEqual(self.signed_by(self.ask()), OLD)
        self.assertEqual(self.ask({**BINANCE_ORDER, "key_id": NEW}).json["rule"], "revoked")
        rows = json.loads(self.agent.must("trading", "list", "--json"))["states"]
        self.assertEqual([(row["of"], row["name"], row["state"]) for row in rows], [("version", f"binance:{NEW}", "revoked")])
        self.assertFalse(self.listed()["versions"][1]["ready"])

    def test_the_only_one_is_revoked(self):
        self.set_key(SINGLE)
        self.agent.must("key", "revoke", "k", "--reason", "it was in a log")
        answer = self.ask()
        self.assertEqual((answer.status, answer.json["rule"]), (403, "revoked"))
        with self.agent.client() as client:
            status = client.get("/v1/status").json
        self.assertFalse(status["ready"])
        self.assertIn("has been revoked", {row["key"]: row["problem"] for row in status["problems"]}["k"])

    def test_another_name_does_not_bring_it_back(self):
        self.agent.must("key", "revoke", "k", "--key-id", NEW, "--reason", "stolen")
        self.set_key(ONLY_NEW)
        self.assertEqual(self.ask().json["rule"], "revoked")

    def test_it_must_be_clear_which(self):
        for words, status in (((), 2), (("--key-id", "other"), 4)):
            done = self.agent.cli("key", "revoke", "k", *words, "--reason", "stolen")
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(self.agent.cli("key", "revoke", "none", "--reason", "stolen").returncode, 4)
        self.assertEqual(self.signed_by(self.ask()), NEW)


if __name__ == "__main__":
    unittest.main()

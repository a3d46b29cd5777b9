"""An agent on a token of any kind, with a key for each mechanism that the token has; and what must hold on every kind: unlock,
sign, lock, crash, restart. A kind's test is a class with these tests and its fixture: see test_softhsm.py."""

import base64
import hashlib
import json
import os
import shutil
import signal

import harness

# mechanism: profile, scheme (of the request forms); every key may sign raw bytes too
SCHEMES = {
    "hmac-sha256": ("binance", "hmac"),
    "hmac-sha384": ("bench", "hmac384"),
    "hmac-sha512": ("kraken", "hmac"),
    "rsa-sha256": ("binance", "rsa"),
    "rsa-sha512": ("bench", "rsa512"),
    "ed25519": ("binance", "ed25519"),
    "p256-sha256": ("coinbase", "es256"),
    "secp256k1-sha256": ("bench", "secp256k1"),
}
EVERY_CLASS = "read, trade, cancel, transfer, withdraw, keys, account, session"


COINBASE_ORDER = {
    "method": "POST",
    "path": "/api/v3/brokerage/orders",
    "params": {"client_order_id": "1", "product_id": "BTC-USD", "side": "BUY",
               "order_configuration": {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "20000"}}},
}
ORDERS = {"binance": harness.BINANCE_ORDER, "bench": harness.BINANCE_ORDER, "kraken": harness.KRAKEN_ORDER, "coinbase": COINBASE_ORDER}


def signed_by_binance(finished):
    return harness.split_signature(harness.binance_payload(finished))


def signed_by_kraken(finished):
    nonce = dict(harness.form(finished["body"]))["nonce"]
    digest = hashlib.sha256((nonce + finished["body"]).encode()).digest()
    return b"/0/private/AddOrder" + digest, finished["headers"]["API-Sign"]


def signed_by_coinbase(finished):
    signed, _, signature = finished["headers"]["Authorization"].removeprefix("Bearer ").rpartition(".")
    return signed.encode(), signature


# What was signed, and the signature, of a finished request, as the exchange reads it.
SIGNED = {"binance": signed_by_binance, "bench": signed_by_binance, "kraken": signed_by_kraken, "coinbase": signed_by_coinbase}


def decode_signature(text):
    """The schemes write signatures in hexadecimal, base64 or base64url."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4))


def yaml(value):
    return json.dumps(value)  # which is YAML


class AgentOn(harness.Agent):
    """An agent whose token is a fixture's. Its keys are named after their mechanisms."""

    profiles = None  # the folder; None: one with the exchanges' and the tests'

    def __init__(self, kind, relogin=True):
        self.kind = kind
        self.token = None
        self.keys = {}
        super().__init__(relogin)

    def write_files(self, relogin):
        (self.home / "token").mkdir()
        self.token = self.kind(self.home / "token")
        self.is_relogin_allowed = relogin
        if self.profiles is None:
            self.profiles = self.home / "profiles"
            self.profiles.mkdir()
            for folder in ("profiles", "tests/profiles"):
                for file in (harness.ROOT / folder).glob("*.yaml"):
                    shutil.copy(file, self.profiles)

    def close(self):
        try:
            if self.process:
                self.stop()
        finally:
            try:
                self.token.stop()
            finally:
                super().close()

    def make_token(self):
        self.token.start()
        self.variables.update(self.token.variables)
        self.wrapper = self.token.wrapper

    def make_keys(self):
        for mechanism in self.token.mechanisms:
            if mechanism in SCHEMES:
                self.keys[mechanism] = self.token.make_key(self, mechanism, mechanism)
        self.write_configuration()

    def write_configuration(self):
        self.write_policy()
        token = {"module": self.token.module, "uri": self.token.uri, "relogin": self.is_relogin_allowed,
                 "workers": self.token.workers, **self.token.fields}
        self.config.write_text(
            "socket: run/agent.sock\noperator_socket: run/operator.sock\nstate: state\npolicy: policy.yaml\n"
            f"profiles: {self.profiles}\ntokens:\n  main: {yaml(token)}\n")

    def write_policy(self):
        text = ""
        for name in self.keys:
            text += f"  {name}:\n    token: main\n    key_id: {name}-id\n    raw: true\n"
            text += "".join(f"    {field}: {yaml(value)}\n" for field, value in self.key_policy(name).items())
        entries = [harness.allow(name, "tester", name, EVERY_CLASS) for name in self.keys]
        self.policy.write_text(harness.with_unlock(harness.policy(text, entries), survives_removal=True))

    def key_policy(self, mechanism):
        profile, scheme = SCHEMES[mechanism]
        return {"object": self.token.object_uri(mechanism), "profile": profile, "scheme": scheme,
                **self.token.key_fields(mechanism)}

    def unlock(self, pin=None):
        return self.cli("unlock", "main", secret=self.token.pin if pin is None else pin, timeout_s=90)

    def sign_raw(self, mechanism, message):
        with self.client(30.0) as client:
            return client.sign(mechanism, {"raw": base64.b64encode(message).decode()})


class Essentials:
    """Mix into an AgentTest, with `kind`."""

    kind = None

    @classmethod
    def setUpClass(cls):
        harness.require_programs()
        cls.kind.require()
        cls.agent = AgentOn(cls.kind)
        cls.addClassCleanup(cls.agent.close)
        cls.agent.make_token()
        cls.agent.make_keys()
        cls.prepare()
        cls.agent.start()
        done = cls.agent.unlock()
        if done.returncode != 0:
            raise AssertionError(f"unlock: {done.stderr.decode()}\n{cls.agent.log()}")

    def assert_all_sign(self):
        for mechanism, key in self.agent.keys.items():
            with self.subTest(mechanism):
                message = os.urandom(40)
                answer = self.agent.sign_raw(mechanism, message)
                self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
                self.assertTrue(key.verifies(self.agent.home, message, decode_signature(answer.json["signature"])))

    def test_orders_are_signed(self):
        for mechanism, key in self.agent.keys.items():
            with self.subTest(mechanism):
                profile = SCHEMES[mechanism][0]
                message, signature = SIGNED[profile](self.assert_signs(mechanism, ORDERS[profile]))
                self.assertTrue(key.verifies(self.agent.home, message, decode_signature(signature)))

    def one_key(self):
        return next(iter(self.agent.keys))

    def all_sign(self):
        """Keys come back one after the other."""
        return all(self.agent.sign_raw(mechanism, b"back").status == 200 for mechanism in self.agent.keys)

    def signs(self):
        return self.agent.sign_raw(self.one_key(), b"again").status == 200

    def statuses_until(self, status):
        """A failure that says nothing is a 502; a few of them mean that the token is away."""
        seen = set()

        def is_seen():
            seen.add(self.agent.sign_raw(self.one_key(), b"away").status)
            return status in seen

        try:
            harness.wait_until(is_seen, str(status), timeout_s=20)
        except AssertionError as error:
            raise AssertionError(f"{error}; there were {seen}") from None
        return seen

    def test_every_key_signs_what_openssl_verifies(self):
        self.assert_all_sign()

    def test_lock_and_unlock(self):
        self.assertEqual(self.agent.lock().returncode, 0)
        self.assertEqual(self.agent.sign_raw(self.one_key(), b"locked").status, 423)
        self.assertNotEqual(self.agent.unlock(pin="9" * len(self.agent.token.pin)).returncode, 0)
        self.assertEqual(self.agent.sign_raw(self.one_key(), b"locked").status, 423)
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_all_sign()

    def test_signing_comes_back_after_a_crash(self):
        os.kill(self.agent.child("token").pid, signal.SIGKILL)
        harness.wait_until(self.signs, "it signs again", timeout_s=20)
        self.assert_all_sign()

    def test_signing_comes_back_after_the_token_was_away(self):
        self.agent.token.take_away()
        if self.kind.notices_late:
            os.kill(self.agent.child("token").pid, signal.SIGKILL)
        try:
            self.assertLessEqual(self.statuses_until(503), {200, 502, 503})
        finally:
            self.agent.token.put_back()
        harness.wait_until(self.all_sign, "all keys sign again", timeout_s=30)
        self.assert_all_sign()

    def test_restart(self):
        self.assertEqual(self.agent.stop(), 0)
        self.agent.start()
        self.assertEqual(self.agent.sign_raw(self.one_key(), b"locked").status, 423)
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_all_sign()

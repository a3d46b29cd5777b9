"""What the tests of the forms of a request share: keys, profiles, and an agent that has them.

The exchanges are Binance, Kraken and OKX as shipped, the made-up one of tests/profiles/oddball.yaml, and a tiny one with
calls that only brokers' keys can make.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
import shutil
import time

import harness
from harness import BINANCE_SECRET, ROOT

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
refuses_unknown: [{ path: /, why: it is made up so }]
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
{more}"""

ODDBALL_PHRASE = f"    passphrase: {json.dumps(ODDBALL_PASSPHRASE, ensure_ascii=False)}\n"
EVERY_CLASS = "read, trade, cancel, transfer, withdraw, keys, account, session"
KEYS = [
    # name, object, profile, classes, further fields
    ("binance-raw", "binance-main", "binance", EVERY_CLASS, "    raw: true\n"),
    ("binance-half-raw", "binance-main", "binance", EVERY_CLASS.replace("keys, ", ""), "    raw: true\n"),
    ("binance-all", "binance-main", "binance", EVERY_CLASS, ""),
    ("binance-bare", "binance-main", "binance", "read, trade, cancel", ""),
    ("binance-switch", "binance-main", "binance", "read, trade, cancel, transfer, account",
     "    accepts: [fast-withdraw-switch]\n"),
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
        policy = agent.policy.read_text()
        for name, token_object, profile, classes, more in KEYS:
            policy = harness.with_key(policy, KEY.format(name=name, object=token_object, profile=profile, more=more),
                                      harness.allow(name, "tester", name, classes))
        agent.policy.write_text(policy)

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

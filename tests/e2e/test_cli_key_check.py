"""chancery key check: a key on the token against a signature that somebody else made."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import (API_SECRET, KRAKEN_SECRET, NOT_FOUND, OK, PIN, REFUSED, SECRETS, USAGE, WRONG_PIN,
                         Sandbox)  # noqa: E402

# Published in the documentation of Binance and Kraken, with the secrets.
BINANCE_PAYLOAD = ("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                   "&timestamp=1499827319559")
BINANCE_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
KRAKEN_NONCE = "1616492376594"
KRAKEN_BODY = f"nonce={KRAKEN_NONCE}&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
KRAKEN_PAYLOAD = b"/0/private/AddOrder" + hashlib.sha256((KRAKEN_NONCE + KRAKEN_BODY).encode()).digest()
KRAKEN_SIGNATURE = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def raw_ecdsa(der):
    """r||s of an ECDSA signature in DER, 32 bytes each."""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += int.from_bytes(der[at + 2 : at + 2 + size], "big").to_bytes(32, "big")
        at += 2 + size
    return numbers


class KeyCheck(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def import_hmac(self, label, *words, secret):
        self.ok("key", "import", "--label", label, *words, stdin=f"{PIN}\n{secret}\n")

    def import_pair(self, label, mechanism, *options):
        pem = openssl("genpkey", *options).decode()
        SECRETS.extend(line for line in pem.splitlines() if len(line) > 30)
        self.ok("key", "import", "--label", label, "--mechanism", mechanism, stdin=f"{PIN}\n{pem}")
        return self.write(f"{label}.pem", pem)

    def check(self, key, payload, signature, *words):
        return self.run_cli("key", "check", key, *words, "--signature", signature, "--payload", self.write("payload", payload),
                            stdin=PIN)

    def assert_match(self, *arguments):
        result = self.check(*arguments)
        self.assertEqual((result.status, result.err), (OK, ""), result)
        self.assertTrue(result.out.startswith("Match: "), result)
        return result.out

    def assert_no_match(self, *arguments):
        result = self.check(*arguments)
        self.assert_fails(result, REFUSED, "no match")
        self.assertNotIn(arguments[2], result.err)


class Hmac(KeyCheck):
    def setUp(self):
        super().setUp()
        self.import_hmac("binance", "--profile", "binance", secret=API_SECRET)
        self.import_hmac("kraken", "--profile", "kraken", secret=KRAKEN_SECRET)

    def test_the_examples_of_documentation_match(self):
        binance = ("--profile", "binance")
        self.assert_match("binance", BINANCE_PAYLOAD, BINANCE_SIGNATURE, *binance)
        self.assert_match("pkcs11:object=binance", BINANCE_PAYLOAD, BINANCE_SIGNATURE.upper(), *binance, "--scheme", "hmac")
        self.assert_match("kraken", KRAKEN_PAYLOAD, KRAKEN_SIGNATURE, "--profile", "kraken")
        from_url = KRAKEN_SIGNATURE.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        self.assert_match("kraken", KRAKEN_PAYLOAD, from_url, "--profile", "kraken")

    def test_without_a_profile_the_encoding_shows(self):
        raw = base64.b64decode(KRAKEN_SIGNATURE)
        for text in (KRAKEN_SIGNATURE, raw.hex(), base64.urlsafe_b64encode(raw).decode().rstrip("=")):
            self.assert_match("kraken", KRAKEN_PAYLOAD, text, "--mechanism", "hmac-sha512")

    def test_a_signature_of_another_key_does_not_match(self):
        other = hmac.digest(b"another secret", BINANCE_PAYLOAD.encode(), hashlib.sha256).hex()
        self.assert_no_match("binance", BINANCE_PAYLOAD, other, "--profile", "binance")
        # What was imported before this was refused: the secret with a blank after it.
        other = hmac.digest(API_SECRET.encode() + b" ", BINANCE_PAYLOAD.encode(), hashlib.sha256).hex()
        self.assert_no_match("binance", BINANCE_PAYLOAD, other, "--profile", "binance")
        self.assert_no_match("binance", BINANCE_PAYLOAD + "0", BINANCE_SIGNATURE, "--profile", "binance")
        self.assert_no_match("binance", BINANCE_PAYLOAD[:-1], BINANCE_SIGNATURE, "--profile", "binance")
        self.assert_no_match("kraken", KRAKEN_PAYLOAD[:-1], KRAKEN_SIGNATURE, "--profile", "kraken")

    def test_a_line_end_that_was_not_signed_is_ignored(self):
        binance = ("--profile", "binance")
        self.assertIn("was not signed", self.assert_match("binance", BINANCE_PAYLOAD + "\n", BINANCE_SIGNATURE, *binance))
        self.assertIn("was not signed", self.assert_match("binance", BINANCE_PAYLOAD + "\r\n", BINANCE_SIGNATURE, *binance))
        self.assert_no_match("binance", BINANCE_PAYLOAD + "\n\n", BINANCE_SIGNATURE, *binance)
        signed = hmac.digest(API_SECRET.encode(), b"ends in one\n", hashlib.sha256).hex()
        self.assertNotIn("was not signed", self.assert_match("binance", "ends in one\n", signed, *binance))

    def test_the_payload_comes_by_any_way(self):
        words = ("key", "check", "binance", "--profile", "binance", "--signature", BINANCE_SIGNATURE)
        self.ok(*words, stdin=f"{PIN}\n{BINANCE_PAYLOAD}")
        self.ok(*words, "--payload-fd", "{0}", stdin=PIN, fds=(BINANCE_PAYLOAD,))
        self.ok(*words, "--pin-fd", "{0}", stdin=BINANCE_PAYLOAD, fds=(PIN,))
        self.ok(*words, "--pin-fd", "{0}", "--payload-fd", "{1}", fds=(PIN, BINANCE_PAYLOAD))

    def test_json(self):
        words = ("key", "check", "binance", "--profile", "binance", "--signature", BINANCE_SIGNATURE, "--json")
        self.assertEqual(json.loads(self.ok(*words, stdin=f"{PIN}\n{BINANCE_PAYLOAD}").out), {"match": True})
        result = self.run_cli(*words, stdin=f"{PIN}\nanother")
        self.assertEqual((result.status, json.loads(result.out)), (REFUSED, {"match": False}))

    def test_what_is_missing_or_wrong_is_said(self):
        words = ("key", "check", "binance", "--profile", "binance")
        known = ("--signature", BINANCE_SIGNATURE)
        given = f"{PIN}\n{BINANCE_PAYLOAD}"
        cases = {
            "no payload": (words + known, PIN, USAGE, "the payload is missing"),
            "no signature": (words, given, USAGE, "--signature"),
            "half a signature": (words + ("--signature", BINANCE_SIGNATURE[:32]), given, USAGE, "16 bytes"),
            "base64 for hex": (words + ("--signature", "4/dp"), given, USAGE, "not in the encoding"),
            "a half escape": (words + ("--signature", "%2"), given, USAGE, "begins no escape"),
            "no such file": (words + known + ("--payload", "/nonexistent"), PIN, 11, "/nonexistent"),
            "two payloads": (words + known + ("--payload", "x", "--payload-fd", "9"), PIN, USAGE, "either"),
            "no such key": (("key", "check", "x", "--profile", "binance") + known, given, NOT_FOUND, "x"),
            "no key": (("key", "check", "", "--profile", "binance") + known, given, USAGE, "empty"),
            "another scheme": (words + ("--scheme", "rsa") + known, given, USAGE, "those of RSA keys"),
            "no such scheme": (words + ("--scheme", "x") + known, given, NOT_FOUND, "no scheme"),
            "a wrong PIN": (words + known, f"wrong-pin-3380\n{BINANCE_PAYLOAD}", WRONG_PIN, "CKR_PIN_INCORRECT"),
        }
        for name, (arguments, stdin, status, says) in cases.items():
            with self.subTest(name):
                self.assert_fails(self.run_cli(*arguments, stdin=stdin), status, says)


class Pairs(KeyCheck):
    PAYLOAD = b"symbol=LTCBTC&timestamp=1499827319559"

    def test_pairs_match_what_their_private_half_signed(self):
        cases = (
            ("ed25519", ("-algorithm", "ED25519"), ("--profile", "binance", "--scheme", "ed25519"), base64.b64encode),
            ("rsa-sha256", ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
             ("--profile", "binance", "--scheme", "rsa"), base64.b64encode),
            ("p256-sha256", ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
             ("--profile", "coinbase", "--scheme", "es256"), lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")),
        )
        for mechanism, options, words, encode in cases:
            with self.subTest(mechanism):
                pem = self.import_pair(mechanism, mechanism, *options)
                message = self.write("message", self.PAYLOAD)
                digest = () if mechanism == "ed25519" else ("-digest", "sha256")
                raw = openssl("pkeyutl", "-sign", "-inkey", pem, "-rawin", *digest, "-in", message)
                raw = raw_ecdsa(raw) if mechanism == "p256-sha256" else raw
                good = encode(raw).decode()
                self.assert_match(mechanism, self.PAYLOAD, good, *words)
                self.assert_no_match(mechanism, self.PAYLOAD + b"0", good, *words)
                bad = encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
                self.assert_no_match(mechanism, self.PAYLOAD, bad, *words)

    def test_a_public_key_of_another_pair_is_noticed(self):
        self.import_pair("one", "ed25519", "-algorithm", "ED25519")
        pem = self.import_pair("two", "ed25519", "-algorithm", "ED25519")
        raw = openssl("pkeyutl", "-sign", "-inkey", pem, "-rawin", "-in", self.write("message", self.PAYLOAD))
        one, two = (self.keys()[label]["id"] for label in ("one", "two"))
        tool = ["pkcs11-tool", "--module", self.env["CHANCERY_MODULE"], "--token-label", "demo", "--login", "--pin", PIN]
        for words in (["--delete-object", "--type", "pubkey", "--id", one], ["--delete-object", "--type", "privkey", "--id", two],
                      ["--set-id", one, "--type", "pubkey", "--id", two]):
            subprocess.run([*tool, *words], env=self.env, capture_output=True, check=True)
        uri = "pkcs11:id=" + "".join(f"%{one[at : at + 2]}" for at in range(0, len(one), 2))
        result = self.check(uri, self.PAYLOAD, base64.b64encode(raw).decode(), "--profile", "binance", "--scheme", "ed25519")
        self.assert_fails(result, 9, "not the private key's own")


if __name__ == "__main__":
    unittest.main()

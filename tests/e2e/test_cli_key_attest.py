"""chancery key attest and backup, and the dates that tokens note."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import API_SECRET, MODULE, NOT_FOUND, OK, PIN, REFUSED, USAGE, Sandbox  # noqa: E402

SOFTOKN = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"


class OnToken(Sandbox):
    def generate(self, label, *words):
        return self.ok("key", "generate", "--mechanism", "p256-sha256", "--label", label, *words, stdin=PIN)

    def import_hmac(self, label, *words):
        return self.ok("key", "import", "--mechanism", "hmac-sha256", "--label", label, *words, stdin=f"{PIN}\n{API_SECRET}\n")

    def attest(self, label, *words):
        result = self.run_cli("key", "attest", label, "--json", *words, stdin=PIN)
        return result.status, json.loads(result.out), result.err

    def backup(self, label):
        result = self.run_cli("key", "backup", label, "--json", stdin=PIN)
        self.assertEqual(result.status, REFUSED, result)
        self.assertIn("no backup of", result.err)
        return json.loads(result.out)


class Attested(OnToken):
    def setUp(self):
        super().setUp()
        self.make_token()

    def test_a_generated_key_proves_all(self):
        self.generate("k")
        status, key, _ = self.attest("k", "--strict")
        self.assertEqual(status, OK)
        self.assertEqual((key["cannot_leave"], key["never_outside"]), (True, True))
        self.assertEqual((key["type"], key["origin"], key["mechanisms"]), ("p256", "generated", None))
        self.assertEqual(key["token"]["label"], "demo")
        self.assertIn("firmware", key["token"])
        self.assertEqual(key["module"]["module"], MODULE)
        self.assertEqual([row["lack"] for row in key["attributes"] if row["lack"]], [])
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], capture_output=True, check=True,
                             input=self.ok("key", "public", "--object", "k", stdin=PIN).out.encode()).stdout
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], capture_output=True, check=True, input=der).stdout
        self.assertEqual(key["public_key_sha256"], digest.decode().split()[0])

    def test_an_imported_key_proves_only_that_it_stays(self):
        self.import_hmac("k")
        status, key, _ = self.attest("k")
        self.assertEqual((status, key["cannot_leave"], key["never_outside"]), (OK, True, False))
        status, _, error = self.attest("k", "--strict")
        self.assertEqual(status, REFUSED)
        self.assertIn("never outside", error)
        text = self.run_cli("key", "attest", "k", stdin=PIN).out
        self.assertIn("Proven: it cannot leave the token\nNot proven: it was never outside of the token\n", text)
        self.assertIn("CKA_LOCAL is unset: it was not made on the token, so there may be copies", text)
        self.assertIn("the word of the module", text)

    def test_a_key_that_may_leave_proves_nothing(self):
        done = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "demo", "--login", "--pin", PIN, "--keygen",
                               "--key-type", "GENERIC:32", "--label", "k", "--extractable", "--sensitive"],
                              env=self.env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        status, key, error = self.attest("k")
        self.assertEqual(status, REFUSED)
        self.assertIn("do not prove that 'pkcs11:object=k' cannot leave the token", error)
        self.assertEqual((key["cannot_leave"], key["never_outside"], key["asked_to_wrap_it"]), (False, False, "CKR_OK"))
        lacks = {row["attribute"]: row["lack"] for row in key["attributes"] if row["lack"]}
        self.assertIn("can take it off the token", lacks["CKA_EXTRACTABLE"])
        text = self.run_cli("key", "attest", "k", stdin=PIN).out
        self.assertIn("Not proven: it cannot leave the token\n  asked to wrap it, the token did\n", text)
        self.assertEqual(self.backup("k")["outcome"], "unsafe")

    def test_there_must_be_one_key(self):
        for command in ("attest", "backup"):
            self.assert_fails(self.run_cli("key", command, "none", stdin=PIN), NOT_FOUND, "no key that fits")

    def test_no_backup_is_made_and_it_says_how_to_live_without(self):
        for make in (self.generate, self.import_hmac):
            label = make.__name__.split("_")[0]
            make(label)
            said = self.backup(label)
            self.assertEqual((said["outcome"], said["extractable"], said["hardware"]), ("impossible", False, False))
            self.assertEqual(said["asked_to_wrap_it"], "CKR_KEY_UNEXTRACTABLE")
            self.assertIn("CKM_AES_KEY_WRAP", said["wrapping_mechanisms"])
            self.assertEqual(len(said["instead"]), 3)
        text = self.run_cli("key", "backup", "generate", stdin=PIN).out
        self.assertIn("there is no backup of it, and none can be made", text)
        self.assertIn("\n1. Have two keys at the exchange", text)


class Dated(OnToken):
    def test_softhsm_keeps_no_dates_and_that_is_said(self):
        self.make_token()
        result = self.generate("k", "--expires", "2099-01-31", "--json")
        self.assertIn("this token keeps no dates of keys", result.err)
        self.assertIsNone(json.loads(result.out)["end_date"])
        self.assertEqual(self.keys()["k"]["end_date"], "")

    def test_a_day_that_is_none_costs_nothing(self):
        self.make_token()
        for day, word in (("2099-02-30", "takes a day"), ("2099-01-31T00:00:00Z", "takes a day"), ("2020-01-31", "has passed")):
            result = self.run_cli("key", "generate", "--mechanism", "p256-sha256", "--label", "k", "--expires", day, stdin=PIN)
            self.assert_fails(result, USAGE, word)
        self.assertEqual(self.keys(), {})


@unittest.skipUnless(os.path.exists(SOFTOKN), "NSS's softokn is not installed")
class OnNss(OnToken):
    """NSS keeps dates; and it wraps private keys, whatever they say of themselves."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("nss"))
        with open(self.path("password"), "w") as out:
            out.write(PIN)
        subprocess.run(["certutil", "-N", "-d", f"sql:{self.path('nss')}", "-f", self.path("password")], check=True)
        self.env |= {"CHANCERY_MODULE": SOFTOKN, "CHANCERY_INIT_ARGS": f"configdir='sql:{self.path('nss')}' certPrefix='' "
                     "keyPrefix='' dbTokenDescription='demo' flags="}

    def test_dates_are_kept(self):
        self.assertEqual(json.loads(self.import_hmac("k", "--expires", "2099-01-31", "--json").out)["end_date"], "2099-01-31")
        self.assertEqual(self.keys()["k"]["end_date"], "2099-01-31")
        self.assertEqual(self.attest("k")[1]["end_date"], "2099-01-31")
        self.assertRegex(self.ok("key", "list", stdin=PIN).out, r"k +hmac .* 2099-01-31 +ok")

    def test_what_the_token_does_counts_more_than_what_it_says(self):
        self.generate("k")
        status, key, _ = self.attest("k")
        extractable = next(row for row in key["attributes"] if row["attribute"] == "CKA_EXTRACTABLE")
        self.assertEqual(extractable["is"], "unset")
        self.assertEqual((status, key["cannot_leave"], key["asked_to_wrap_it"]), (REFUSED, False, "CKR_OK"))


if __name__ == "__main__":
    unittest.main()

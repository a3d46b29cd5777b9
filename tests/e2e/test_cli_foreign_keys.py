"""Keys that other tools made: how `chancery` shows them, and what it makes of them."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import MODULE, NOT_FOUND, OK, PIN, REFUSED, Sandbox  # noqa: E402

OPENSSL_KEYS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ed25519": ["-algorithm", "ED25519"],
}


class ForeignKeys(Sandbox):
    """On a token of its own, with pkcs11-tool and softhsm2-util."""

    def setUp(self):
        super().setUp()
        self.make_token()

    def tool(self, *words):
        done = subprocess.run(words, env=self.env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def pkcs11_tool(self, *words):
        return self.tool("pkcs11-tool", "--module", MODULE, "--token-label", "demo", "--login", "--pin", PIN, *words)

    def softhsm_import(self, label, kind):
        """Imports a new private key of that kind with softhsm2-util."""
        pem = self.path(f"{label}.pem")
        self.tool("openssl", "genpkey", *OPENSSL_KEYS[kind], "-out", pem)
        self.tool("softhsm2-util", "--import", pem, "--token", "demo", "--pin", PIN, "--label", label, "--id",
                  label.encode().hex())


class Listed(ForeignKeys):
    def test_types_have_names(self):
        self.softhsm_import("edwards", "ed25519")
        for label, words in (("k384", ["--keypairgen", "--key-type", "EC:secp384r1"]),
                             ("aes", ["--keygen", "--key-type", "AES:32"])):
            self.pkcs11_tool(*words, "--label", label)
        types = {label: key["type"] for label, key in self.keys().items()}
        self.assertEqual(types, {"edwards": "ed25519", "k384": "secp384r1", "aes": "aes"})


class Adopted(ForeignKeys):
    def adopt(self, label, *words):
        result = self.run_cli("key", "adopt", label, "--json", *words, stdin=PIN)
        return result.status, json.loads(result.out), result.err

    def assert_adopted(self, label, *wrong):
        """These attributes were wrong, and are right now."""
        status, dry, error = self.adopt(label, "--dry-run")
        self.assertIn("without --dry-run", error)
        self.assertEqual((status, dry["outcome"]), (REFUSED, "tolerable"))
        self.assertEqual({row["token"] for row in dry["attributes"]}, {"would be asked to"})
        self.assertNotEqual(self.keys()[label]["protection"], "ok")
        status, answer, error = self.adopt(label)
        self.assertEqual((status, answer["outcome"]), (OK, "ready"), error)
        self.assertEqual({row["attribute"] for row in answer["attributes"]}, set(wrong))
        self.assertTrue(all(row["was"] != row["is"] for row in answer["attributes"]), answer)
        self.assertEqual(self.keys()[label]["protection"], "ok")
        status, again, _ = self.adopt(label)
        self.assertEqual((status, again["attributes"]), (OK, []))
        return answer["mechanisms"]

    def test_a_pair_of_pkcs11_tool(self):
        self.pkcs11_tool("--keypairgen", "--key-type", "rsa:2048", "--usage-sign", "--label", "k")
        self.assertEqual(self.assert_adopted("k", "CKA_DECRYPT", "CKA_UNWRAP", "CKA_SIGN_RECOVER"),
                         ["rsa-sha256", "rsa-sha512"])
        message = self.path("message")
        with open(message, "wb") as out:
            out.write(b"message")
        self.pkcs11_tool("--sign", "--mechanism", "SHA256-RSA-PKCS", "--label", "k", "--input-file", message,
                         "--output-file", self.path("signature"))

    def test_pairs_of_softhsm2_util(self):
        for kind, mechanisms in (("rsa", ["rsa-sha256", "rsa-sha512"]), ("p256", ["p256-sha256"]), ("ed25519", ["ed25519"])):
            with self.subTest(kind):
                self.softhsm_import(kind, kind)
                wrong = [row["attribute"] for row in self.adopt(kind, "--dry-run")[1]["attributes"]]
                self.assertEqual(self.assert_adopted(kind, *wrong), mechanisms)
                self.assertTrue({"CKA_DECRYPT", "CKA_SIGN_RECOVER"} & set(wrong), wrong)

    def test_a_pair_of_p11tool(self):
        self.env["GNUTLS_PIN"] = PIN
        self.tool("p11tool", "--provider", MODULE, "--login", "--batch", "--generate-privkey=ecc", "--curve", "secp256r1",
                  "--label", "k", "pkcs11:token=demo")
        self.assertEqual(self.assert_adopted("k", "CKA_DECRYPT", "CKA_UNWRAP", "CKA_SIGN_RECOVER"), ["p256-sha256"])

    def test_a_key_that_can_be_read_is_made_unreadable_and_copies_are_mentioned(self):
        self.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "k", "--extractable")
        _, answer, error = self.adopt("k")
        self.assertIn({"CKA_EXTRACTABLE": "unset"}, [{row["attribute"]: row["is"]} for row in answer["attributes"]])
        self.assertIn("note: until now", error)
        self.assertFalse(self.keys()["k"]["extractable"])

    def test_what_cannot_be_narrowed_is_refused_for_good(self):
        self.pkcs11_tool("--keygen", "--key-type", "GENERIC:32", "--label", "k", "--usage-sign")
        status, answer, error = self.adopt("k")
        self.assertEqual((status, answer["outcome"]), (REFUSED, "unusable"))
        rows = {row["attribute"]: row for row in answer["attributes"]}
        self.assertEqual((rows["CKA_PRIVATE"]["is"], rows["CKA_PRIVATE"]["token"]), ("unset", "cannot be changed"))
        self.assertIn("no policy can", error)
        self.assertRegex(self.run_cli("key", "adopt", "k", stdin=PIN).out, r"(?m)^CKA_PRIVATE +unset +unset +cannot be changed ")

    def test_a_key_that_signs_nothing_here(self):
        self.pkcs11_tool("--keypairgen", "--key-type", "EC:secp384r1", "--label", "k")
        status, answer, error = self.adopt("k")
        self.assertEqual((status, answer["outcome"], answer["mechanisms"]), (REFUSED, "unusable", []))
        self.assertIn("no scheme", error)

    def test_it_is_the_one_that_is_named(self):
        self.softhsm_import("a", "ed25519")
        self.softhsm_import("b", "ed25519")
        self.assertEqual(self.adopt("a")[0], OK)
        self.assertEqual({label: key["protection"] for label, key in self.keys().items()},
                         {"a": "ok", "b": "may do more than sign"})
        self.assert_fails(self.run_cli("key", "adopt", "c", stdin=PIN), NOT_FOUND, "key list")


if __name__ == "__main__":
    unittest.main()

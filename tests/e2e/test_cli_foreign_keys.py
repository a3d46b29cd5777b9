"""Keys that other tools made: how `chancery` shows them, and what it makes of them."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import MODULE, PIN, Sandbox  # noqa: E402

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


if __name__ == "__main__":
    unittest.main()

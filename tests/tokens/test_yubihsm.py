"""What must hold on every kind of token, on a model of a YubiHSM 2; and what is special about its keys."""

import subprocess
import unittest

import harness
from essentials import Essentials
from harness import AgentTest
from yubihsm import YubiHsmModel


class YubiHsmTest(Essentials, AgentTest):
    kind = YubiHsmModel

    def cli(self, *words, **secrets):
        return self.agent.cli(*words, secrets_by_option={"--pin-fd": self.agent.token.pin, **secrets}, timeout_s=60)

    def refuse(self, *lines):
        self.agent.token.refuse(*lines)
        self.addCleanup(self.agent.token.refuse)

    def import_pair(self, label, mechanism, *kind):
        """Returns its public key."""
        def openssl(*words, data=b""):
            return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout
        pem = openssl("genpkey", *kind)
        done = self.cli("key", "import", *self.agent.token.options(), "--label", label, "--mechanism", mechanism, "--pem",
                        **{"--secret-fd": pem.decode()})
        self.assertEqual(done.returncode, 0, done.stderr)
        return openssl("pkey", "-pubout", data=pem)

    def test_an_ed25519_key_is_imported_without_what_it_cannot_have(self):
        rights = ("CKA_DECRYPT", "CKA_UNWRAP", "CKA_SIGN_RECOVER")
        # The device has no such rights for it; SoftHSM2 gives those that nobody forbids.
        self.refuse(f"@strict-template {' '.join(rights)}", *(f"@attr edwards {right} false" for right in rights))
        public = self.import_pair("edwards", "ed25519", "-algorithm", "ED25519")
        shown = self.cli("key", "public", *self.agent.token.options(), "--object", "edwards")
        self.assertEqual(shown.stdout, public, shown.stderr)

    def test_a_pair_is_kept_without_its_public_half(self):
        self.refuse("C_CreateObject 2 rv=CKR_TEMPLATE_INCOMPLETE")
        public = self.import_pair("half", "rsa-sha256", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        shown = self.cli("key", "public", *self.agent.token.options(), "--object", "half")
        self.assertEqual(shown.stdout, public, shown.stderr)

    def test_init_says_what_makes_its_tokens(self):
        self.refuse("C_InitToken * rv=CKR_FUNCTION_NOT_SUPPORTED")
        done = self.agent.cli("token", "init", "--module", self.agent.token.module, "--label", "main", "--erase",
                              secrets_by_option={"--so-pin-fd": harness.SO_PIN, "--pin-fd": self.agent.token.pin})
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertIn(b"makes and erases no tokens", done.stderr)
        self.assertTrue(self.signs())

    def test_the_type_of_an_hmac_key_is_its_hash(self):
        listed = self.cli("key", "list", *self.agent.token.options())
        self.assertRegex(listed.stdout.decode(), r"(?m)^hmac-sha512 +hmac-sha512 .* ok$")

    def test_a_probe_says_what_is_refused(self):
        probed = self.cli("token", "probe", *self.agent.token.options(), "--mechanism", "hmac-sha256")
        self.assertEqual(probed.returncode, 0, probed.stderr)
        self.assertRegex(probed.stdout.decode(), r"(?m)^hmac-sha256 +\S+ +ok +ok +ok +ok +ok ")


if __name__ == "__main__":
    unittest.main()

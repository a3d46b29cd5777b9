"""What must hold on every kind of token, on opencryptoki's soft token; and what is particular to it."""

import json
import pwd
import unittest

import service
from essentials import Essentials
from harness import AgentTest
from opencryptoki import Opencryptoki


class OpencryptokiTest(Essentials, AgentTest):
    kind = Opencryptoki

    def offered(self):
        token = ["--module", self.agent.token.module, "--token", self.agent.token.label]
        return json.dumps(json.loads(self.agent.must("token", "info", *token, "--profiles", self.agent.profiles, "--json")))

    def test_rsa_signs_a_hash_that_the_agent_makes(self):
        """The token has no mechanism that hashes as well (3.8.1 of Debian 12)."""
        self.assertIn('"CKM_RSA_PKCS"', self.offered())
        self.assertNotIn('"CKM_SHA256_RSA_PKCS"', self.offered())
        self.assertEqual(self.agent.sign_raw("rsa-sha256", b"once").status, 200)

    def test_curves_that_it_lacks_are_refused_in_words(self):
        for mechanism in ("ed25519", "p256-sha256"):
            done = self.agent.cli("key", "generate", *self.agent.token.options(), "--label", "none", "--mechanism", mechanism,
                                  secrets_by_option=self.agent.token.pins())
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"token 'main' does not offer {mechanism}".encode(), done.stderr)

    def test_a_pin_that_it_does_not_take_is_refused_before_the_token_is_touched(self):
        done = self.agent.cli("token", "init", "--module", self.agent.token.module, "--label", "main", "--erase",
                              secrets_by_option={"--so-pin-fd": self.agent.token.so_pin, "--pin-fd": "longer than eight"})
        self.assertIn(b"must have 4 to 8 characters", done.stderr)
        self.assert_all_sign()


class AsServiceTest(Essentials, AgentTest):
    """Under the confinement of the unit for systemd, with the drop-in."""

    kind = Opencryptoki

    @classmethod
    def setUpClass(cls):
        service.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        service.confine(cls.agent, cls.addClassCleanup, pwd.getpwnam(cls.agent.token.user).pw_uid, "opencryptoki.conf")
        cls.agent.token.own_files()


if __name__ == "__main__":
    unittest.main()

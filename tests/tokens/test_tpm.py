"""What must hold on every kind of token, on a TPM; and what is particular to it."""

import pwd
import threading
import unittest

import harness
import service
from essentials import Essentials, decode_signature
from fixture import Key
from harness import AgentTest
from tpm import Tpm


class TpmTest(Essentials, AgentTest):
    kind = Tpm

    def lockout_counter(self):
        text = self.agent.token.run("tpm2_getcap", "properties-variable")
        return int(text.split("TPM2_PT_LOCKOUT_COUNTER: ")[1].split()[0], 16)

    def test_the_resource_manager_is_restarted_while_nothing_is_signed(self):
        self.agent.token.take_away()
        self.agent.token.put_back()
        harness.wait_until(self.signs, "it signs again", timeout_s=30)
        self.assert_all_sign()

    def test_the_resource_manager_is_restarted_while_orders_are_signed(self):
        """Every signature that bots get is right, and no try of the PIN was wrong."""
        failures = self.lockout_counter()
        is_over = threading.Event()
        mechanism = self.one_key()
        signatures = set()  # of an HMAC there is one
        statuses = set()

        def sign_until_over():
            while not is_over.is_set():
                answer = self.agent.sign_raw(mechanism, b"again")
                statuses.add(answer.status)
                if answer.status == 200:
                    signatures.add(answer.json["signature"])

        bots = [threading.Thread(target=sign_until_over) for _ in range(3)]
        for bot in bots:
            bot.start()
        try:
            for _ in range(2):
                self.agent.token.take_away()
                self.agent.token.put_back()
                harness.wait_until(self.signs, "it signs again", timeout_s=30)
        finally:
            is_over.set()
            for bot in bots:
                bot.join()
        self.assertLessEqual(statuses, {200, 502, 503})
        self.assertEqual([self.agent.keys[mechanism].verifies(self.agent.home, b"again", decode_signature(signature))
                          for signature in signatures], [True])
        self.assert_all_sign()
        self.assertEqual(self.lockout_counter(), failures)

    def unlock_at_last(self):
        return self.agent.cli("unlock", "--last-try", "main", secret=self.agent.token.pin)

    def test_wrong_pins_are_counted_by_the_tpm_until_it_locks_itself(self):
        token = self.agent.token
        self.agent.lock()
        token.run("tpm2_dictionarylockout", "--clear-lockout")
        token.run("tpm2_dictionarylockout", "--setup-parameters", "--max-tries=2")
        try:
            for _ in range(2):
                self.assertIn(b"CKR_PIN_INCORRECT", self.agent.unlock("wrong-pin-1234").stderr)
            self.assertIn(b"--last-try", self.agent.unlock().stderr)
            self.assertEqual(self.lockout_counter(), 2)
            done = self.unlock_at_last()
            self.assertEqual(done.returncode, 8)
            self.assertIn(b"a TPM frees itself", done.stderr)
        finally:
            token.run("tpm2_dictionarylockout", "--setup-parameters", "--max-tries=100")
            token.run("tpm2_dictionarylockout", "--clear-lockout")
        self.assertEqual(self.unlock_at_last().returncode, 0)
        self.assert_all_sign()

    def test_what_cannot_be_made_here_says_how_it_is_made(self):
        def made(*arguments, **secrets):
            return self.agent.cli("key", *arguments, *self.agent.token.options(), "--label", "new",
                                  secrets_by_option={"--pin-fd": self.agent.token.pin, **secrets})

        secret = {"--secret-fd": "0123456789abcdef0123456789abcdef"}
        for done in (made("import", "--mechanism", "hmac-sha256", "--encoding", "text", **secret),
                     made("generate", "--mechanism", "hmac-sha256")):
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"tpm2_ptool", done.stderr)
            self.assertIn(b"docs/tokens/tpm.md", done.stderr)


class MadeByItsTool(Tpm):
    """Key pairs of tpm2_ptool: RSA made on the TPM, P-256 imported."""

    mechanisms = ("rsa-sha256", "p256-sha256")
    rights = {"rsa-sha256": ["CKA_DECRYPT"], "p256-sha256": ["CKA_EXTRACTABLE", "CKA_DECRYPT"]}

    def make_key(self, agent, label, mechanism):
        options = ["--label", self.label, "--userpin", self.pin, "--key-label", label]
        if mechanism == "rsa-sha256":
            self.run("tpm2_ptool", "addkey", *options, "--algorithm", "rsa2048")
        else:
            file = self.folder / "key.pem"
            file.write_text(self.run("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout"))
            self.run("tpm2_ptool", "import", *options, "--algorithm", "ecc", "--privkey", file)
        return Key(mechanism, public=self.public_half(agent, label))

    def key_fields(self, mechanism):
        return {"tolerate": self.rights[mechanism]}


class MadeByItsToolTest(Essentials, AgentTest):
    kind = MadeByItsTool

    def test_what_the_module_would_only_note_is_not_taken_for_done(self):
        """tpm2-pkcs11 unsets CKA_DECRYPT, and then decrypts as before."""
        for options in ([], ["--dry-run"]):
            done = self.agent.cli("key", "adopt", "rsa-sha256", *self.agent.token.options(), *options,
                                  secrets_by_option={"--pin-fd": self.agent.token.pin})
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(b"tolerate: [CKA_DECRYPT]", done.stderr)
            self.assertRegex(done.stdout, rb"CKA_DECRYPT +set +set +cannot be changed")

    def test_without_tolerate_they_are_refused(self):
        policy = self.agent.policy.read_text()
        self.agent.policy.write_text("".join(line for line in policy.splitlines(True) if "tolerate" not in line))
        try:
            self.assertEqual(self.agent.cli("reload").returncode, 0)
            for mechanism in self.agent.keys:
                answer = self.agent.sign_raw(mechanism, b"refused")
                self.assertNotEqual(answer.status, 200)
                self.assertEqual(answer.json["rule"], self.kind.rights[mechanism][0])
        finally:
            self.agent.policy.write_text(policy)
            self.assertEqual(self.agent.cli("reload").returncode, 0)
        self.assert_all_sign()


class AsServiceTest(Essentials, AgentTest):
    """Under the confinement of the unit for systemd, with the store in a folder of the agent's user."""

    kind = Tpm

    @classmethod
    def setUpClass(cls):
        service.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        # The bus turns away a user without a name.
        service.confine(cls.agent, cls.addClassCleanup, pwd.getpwnam("tss").pw_uid)


if __name__ == "__main__":
    unittest.main()

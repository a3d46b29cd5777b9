"""A key that another tool made for more than signing is refused, unless its policy tolerates just that; and then it is said
wherever an operator looks."""

import base64
import os
import subprocess
import unittest

import harness
from harness import BINANCE_ORDER, USER_PIN, wait_until

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
KEY = """\
  other-tool:
    token: main
    object: "pkcs11:object=other-tool"
    profile: binance
    scheme: rsa
    key_id: "id"
    raw: true{tolerate}
"""
EVERY_CLASS = "read, trade, cancel, transfer, withdraw, keys, account, session"


class Tolerate(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.make_key(cls, "other-tool")
        cls.policy = cls.agent.policy.read_text()
        cls.write(cls, "")

    def make_key(self, label):
        command = ["pkcs11-tool", "--module", MODULE, "--token-label", "main", "--login", "--pin", "env:PIN", "--keypairgen",
                   "--key-type", "rsa:2048", "--label", label, "--usage-sign", "--usage-decrypt"]
        subprocess.run(command, env={**self.agent.environment(), "PIN": USER_PIN}, check=True, capture_output=True)

    def write(self, tolerate, label="other-tool"):
        field = f"\n    tolerate: [{tolerate}]" if tolerate else ""
        key = KEY.format(tolerate=field).replace("object=other-tool", f"object={label}")
        entry = harness.allow("other-tool", "tester", "other-tool", EVERY_CLASS)
        self.agent.policy.write_text(harness.with_key(self.policy, key, entry))

    def check(self):
        return subprocess.run([str(harness.AGENT), "--config", str(self.agent.config), "--check"], check=False, text=True,
                              env=self.agent.environment(), capture_output=True, timeout=10)

    def reload(self, tolerate):
        self.write(tolerate)
        self.agent.must("reload")

    def sign(self):
        with self.agent.client() as client:
            return client.sign("other-tool", {"raw": base64.b64encode(b"message").decode()})

    def notices(self):
        with self.agent.client() as client:
            return [line for line in client.get("/v1/status").json["notices"] if "other-tool" in line]

    def test_a_key_that_is_not_tolerated_is_refused_with_the_way_out(self):
        self.reload("")
        answer = self.sign()
        self.assert_problem(answer, 403)
        self.assertIn("has CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER set", answer.json["detail"])
        self.assertIn("tolerate: [CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER]", answer.json["detail"])
        self.assertEqual(self.notices(), [])

    def test_a_part_is_not_enough(self):
        self.reload("CKA_DECRYPT, CKA_SIGN_RECOVER")
        answer = self.sign()
        self.assert_problem(answer, 403)
        self.assertIn("has CKA_UNWRAP set", answer.json["detail"])
        self.assertIn("tolerate: [CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER]", answer.json["detail"])
        self.assertIn("policy tolerates CKA_DECRYPT (", self.notices()[0])

    def test_a_key_that_is_tolerated_signs_and_it_is_said(self):
        self.reload("CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER, CKA_DERIVE")
        self.assertEqual(self.sign().status, 200)
        notice = self.notices()[0]
        self.assertIn("accepted, because policy tolerates it, with CKA_DECRYPT (whoever has the PIN can decrypt", notice)
        self.assertTrue(notice.endswith("for nothing, and should not, CKA_DERIVE"), notice)
        self.assertIn(notice, self.agent.log())
        self.assertIn("key 'other-tool': policy tolerates CKA_DECRYPT (", self.agent.log())
        self.assertIn(notice, self.agent.must("status"))

    def test_a_key_that_was_adopted_signs_and_nothing_is_tolerated(self):
        self.make_key("adopted")
        self.write("", label="adopted")
        self.agent.must("reload")
        answer = self.sign()
        self.assert_problem(answer, 403)
        self.assertIn("'chancery key adopt'", answer.json["detail"])
        self.agent.must("key", "adopt", "adopted", "--module", MODULE, "--token", "main",
                        secrets_by_option={"--pin-fd": USER_PIN})
        self.agent.must("reload")
        wait_until(lambda: self.sign().status == 200, "it signs")
        self.assertEqual(self.notices(), [])

    def test_what_is_no_longer_tolerated_is_refused_at_once(self):
        self.reload("CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER")
        self.assertEqual(self.sign().status, 200)
        self.reload("")
        self.assert_problem(self.sign(), 403)
        with self.agent.client() as client:
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200)

    def test_a_check_says_what_is_tolerated(self):
        self.write("CKA_EXTRACTABLE")
        done = self.check()
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("key 'other-tool': policy tolerates CKA_EXTRACTABLE (whoever has the PIN can take it off the token", done.stdout)

    def test_it_is_said_at_the_start(self):
        self.write("CKA_SIGN_RECOVER")
        self.assertEqual(self.agent.stop(), 0)
        self.agent.start()
        wait_until(lambda: "key 'other-tool': policy tolerates CKA_SIGN_RECOVER" in self.agent.log(), "the log says so")
        self.assertEqual(self.agent.unlock().returncode, 0)

    def test_what_lets_others_sign_or_read_cannot_be_tolerated(self):
        for name in ("CKA_PRIVATE", "CKA_SENSITIVE", "CKA_SIGN", "CKA_TOKEN", "CKA_WRAP", "CKA_ENCRYPT", "CKA_NONE", "decrypt"):
            with self.subTest(name):
                self.write(name)
                done = self.check()
                self.assertEqual(done.returncode, 10)
                self.assertRegex(done.stderr, rf"policy\.yaml:\d+: '{name}' cannot be tolerated of a key of this kind; what can be: CKA_")


if __name__ == "__main__":
    unittest.main()

"""The lines of the policy that 'key rotate' prints left out when the old versions expire and on which token they are, so that who
wrote them into the policy had a key that no longer expired, or was not found. The line of the new version did not load beside one
that has a 'from', and the new key would have expired with the old."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

ENTRY = """\
  k:
    token: main
    profile: binance
    scheme: hmac
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
"""
VERSIONS = """\
      versions:
        - { object: "pkcs11:object=first", key_id: "first-key-id", token: "main", expires: "2097-01-15T09:00:00Z" }
        - { object: "pkcs11:object=second", key_id: "second-key-id", token: "cold", from: "2026-01-15T09:00:00Z" }
"""
SINGLE = """\
      object: "pkcs11:object=first"
      key_id: "first-key-id"
      expires: "2097-01-15T09:00:00Z"
"""


class Rotations(unittest.TestCase):
    def setUp(self):
        harness.require_programs()
        self.agent = harness.prepare_agent(self.addCleanup)
        self.agent.config.write_text(
            self.agent.config.read_text() + '  cold: { module: softhsm2, uri: "pkcs11:token=cold" }\n')
        self.before = self.agent.policy.read_text()

    def set_key(self, lines):
        entry = harness.allow("k", "tester", "k", "read, trade, cancel")
        more = "".join(line[2:] + "\n" for line in lines.splitlines())
        self.agent.policy.write_text(harness.with_key(self.before, ENTRY + more, entry))
        self.agent.must("policy", "check", "--config", self.agent.config)

    def rotate(self, label):
        done = self.agent.must("key", "rotate", "k", "--module", "softhsm2", "--token", "main", "--config", self.agent.config,
                               "--key-id", "new-key-id", "--label", label, "--json", secrets_by_option={
                                   "--pin-fd": harness.USER_PIN, "--secret-fd": harness.BINANCE_SECRET[::-1]})
        name, lines = json.loads(done)["policy"].split("\n", 1)
        self.assertEqual(name, "    k:")
        return lines

    def test_what_the_old_versions_have_stays_and_the_new_one_comes_last(self):
        self.set_key(VERSIONS)
        lines = self.rotate("third")
        self.assertEqual(lines, VERSIONS + '        - { object: "pkcs11:object=third", key_id: "new-key-id", token: "cold", '
                                           'from: "2026-01-15T09:00:00Z" }\n')
        self.set_key(lines)

    def test_the_new_one_does_not_expire_with_the_only_one(self):
        self.set_key(SINGLE)
        lines = self.rotate("other")
        self.assertEqual(lines, '      versions:\n'
                                '        - { object: "pkcs11:object=first", key_id: "first-key-id", '
                                'expires: "2097-01-15T09:00:00Z" }\n'
                                '        - { object: "pkcs11:object=other", key_id: "new-key-id" }\n')
        self.set_key(lines)


if __name__ == "__main__":
    unittest.main()

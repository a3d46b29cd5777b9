"""When the first version of a key had a day of its own on which it expires, a `rotate_by` after that day ended whoever read the policy
(SIGSEGV). And from that day on, `policy explain` and `policy test` refused what the agent has the next version sign."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import OK, Sandbox  # noqa: E402

ROTATE_BY = "    rotate_by: 2027-06-30\n"
POLICY = f"""\
version: 1
callers: {{ bot: {{ uid: 1001 }} }}
people: {{ ops: {{ uid: 1, roles: [operator, admin] }} }}
keys:
  k:
    token: t
    profile: kraken
    scheme: hmac
{ROTATE_BY}\
    versions:
      - {{ object: "pkcs11:object=old", key_id: old, expires: 2027-02-01 }}
      - {{ object: "pkcs11:object=new", key_id: new, from: 2027-01-15 }}
allow:
  - {{ name: looks, caller: bot, key: k, classes: [read], unlimited: true }}
"""
CASES = """\
cases:
  - {{ name: later, at: "2027-03-01T00:00:00Z", caller: bot, key: k, call: POST /0/private/Balance, expect: {expect} }}
"""
CALL = ("bot", "k", "POST", "/0/private/Balance")
WARNED = 3


class FirstVersion(Sandbox):
    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return self.path(name)

    def explain(self, policy, at):
        done = self.run_cli("policy", "explain", *CALL, "--policy", self.write("policy.yaml", policy), "--at", at)
        self.assertEqual(done.status, OK, done)
        return done.out.splitlines()[-1]

    def test_a_key_may_be_rotated_after_its_first_version_has_expired(self):
        done = self.run_cli("policy", "check", self.write("policy.yaml", POLICY))
        self.assertNotIn("rotate_by", done.err)
        self.assertIn(done.status, (OK, WARNED), done)

    def test_the_keys_own_end_is_what_counts(self):
        text = POLICY.replace(ROTATE_BY, ROTATE_BY + "    expires: 2027-05-31\n")
        done = self.run_cli("policy", "check", self.write("policy.yaml", text))
        self.assertIn("policy.yaml:9: rotate_by is later than expires (line 10)", done.err)

    def test_the_version_of_that_day_is_judged(self):
        for at in ("2027-01-31T00:00:00Z", "2027-03-01T00:00:00Z"):
            with self.subTest(at):
                self.assertEqual(self.explain(POLICY, at), "allowed")
        path = self.write("policy.yaml", POLICY)
        cases = self.write("cases.yaml", CASES.format(expect="allowed"))
        done = self.run_cli("policy", "test", cases, "--policy", path)
        self.assertEqual(done.status, OK, done)

    def test_a_key_whose_versions_have_all_expired_is_refused(self):
        text = POLICY.replace("from: 2027-01-15", "from: 2027-01-15, expires: 2027-02-15")
        self.assertEqual(self.explain(text, "2027-02-14T00:00:00Z"), "allowed")
        self.assertIn("refused by expires: key 'k' expired at", self.explain(text, "2027-03-01T00:00:00Z"))


if __name__ == "__main__":
    unittest.main()

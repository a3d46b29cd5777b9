"""Where people have one-time codes, a thaw takes one of the admin's own; a freeze never does."""

import json
import unittest

import codes

REFUSED = 3


class Thaws(codes.CodesTest):
    people = ("  tester: {{ uid: {uid}, roles: [operator, admin], totp: \"pkcs11:object=tester-totp\" }}\n"
              "  other: {{ uid: {other_uid}, roles: [admin], totp: \"pkcs11:object=other-totp\" }}\n")

    def setUp(self):
        super().setUp()
        self.seed = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(self.seed)).returncode, 0)
        self.agent.must("clock", "confirm")
        self.agent.must("freeze", "--all", "--reason", "odd prices")

    def thaw(self, code):
        secrets = {} if code is None else {"--code-fd": code}
        return self.agent.cli("thaw", "--all", "--reason", "looked into", secrets_by_option=secrets)

    def is_frozen(self):
        states = json.loads(self.agent.must("trading", "list", "--json"))
        return any(row["of"] == "all" for row in states["states"])

    def assert_refused(self, done, status, says):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr.decode())
        self.assertTrue(self.is_frozen())

    def test_a_fresh_code_thaws_and_the_same_one_does_not_thaw_again(self):
        code = self.fresh_code(self.seed)
        done = self.thaw(code)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.is_frozen())
        self.agent.must("clock", "confirm")
        self.assert_signs()
        self.agent.must("freeze", "--all", "--reason", "again")
        self.assert_refused(self.thaw(code), REFUSED, "the code is wrong, or was used before")

    def test_a_wrong_code_thaws_nothing(self):
        self.assert_refused(self.thaw(self.wrong_code(self.seed)), REFUSED, "the code is wrong")
        self.advance(1000)
        self.assertEqual(self.thaw(self.fresh_code(self.seed)).returncode, 0)

    def test_it_is_asked_for_on_the_terminal(self):
        terminal = self.terminal("thaw", "--all", "--reason", "looked into")
        terminal.read_until("Code: ")
        self.assertTrue(self.is_frozen())
        terminal.type_at("Code: ", self.fresh_code(self.seed))
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertFalse(self.is_frozen())

    def test_while_the_token_of_the_seeds_is_locked_nobody_thaws(self):
        code = self.fresh_code(self.seed)
        self.agent.must("lock", "main")
        done = self.thaw(code)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("locked", done.stderr.decode())
        self.assertTrue(self.is_frozen())

    def test_a_freeze_takes_none(self):
        done = self.agent.cli("freeze", "tester", "--reason", "odd orders")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

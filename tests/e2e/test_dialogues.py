"""Every dialogue of chancery with a person, at a pseudo-terminal: it works, and at each prompt Ctrl-C, SIGTERM or a window
that is closed leaves nothing half done and the echo on. A new dialogue is a row of DIALOGUES; that of `approvals approve`
is in test_approvals_codes.py, those of `chancery setup` are in test_setup.py."""

import json
import unittest

import codes
import harness
from dialogue import Dialogue, DialogueTest, silent

TOKEN = ("--module", "softhsm2", "--token", "main")
PIN = silent("User PIN: ", harness.USER_PIN)
NEW_SECRET = harness.BINANCE_SECRET[::-1]


class AgentDialogue(codes.CodesTest, DialogueTest):
    """With an agent, its token, and what has been enrolled before the dialogue begins."""

    enrolled = ()

    def setUp(self):
        super().setUp()
        self.seeds = {}
        for person in self.enrolled:
            self.seeds[person] = self.enroll(person)
        self.prepare()

    def prepare(self):
        """Whatever else must be so before."""

    def what_is_there(self):
        return {
            "keys": sorted(key["label"] for key in json.loads(self.objects())["keys"]),
            "seeds": [(row["person"], row["enrolled"], row["wait_s"])
                      for row in json.loads(self.agent.must("totp", "list", "--json"))["seeds"]],
            "token": self.state(),
            "trading": self.agent.must("trading", "list", "--json"),
            "files": sorted(str(path) for path in self.agent.home.glob("*.yaml")),
        }

    def code(self):
        return self.fresh_code(self.seeds["tester"])

    def new_code(self):
        """Of the seed that is on the screen of the terminal."""
        seed = codes.Seed(codes.URI.search(self.last.shown).group())
        return self.fresh_code(seed)

    def terminal(self, *words, **options):
        self.last = super().terminal(*words, **options)
        return self.last


# Each row: what it is called, who is enrolled before, what else is prepared, the dialogue, and what holds afterwards.
# The three last are functions of the test.
def unlock_first(test):
    done = test.unlock(test.code())
    test.assertEqual(done.returncode, 0, done.stderr)


def unlock(test):
    return Dialogue(("unlock", "main"), [silent("User PIN of token main: ", harness.USER_PIN), silent("Code: ", test.code)])


def unlocked(test, _seen):
    test.assertEqual(test.state(), "unlocked")


def enrol(test):
    return Dialogue(("totp", "enroll", "tester", *TOKEN), [PIN, silent("Code that the app shows: ", test.new_code)])


def enrolled(test, seen):
    test.assertIn("Enrolled: tester", seen)
    test.assertEqual(codes.qr_text(test.last.shown), codes.URI.search(test.last.shown).group())


def import_(_test):
    return Dialogue(("key", "import", *TOKEN, "--label", "another", "--mechanism", "hmac-sha256"),
                    [PIN, silent("API secret: ", NEW_SECRET)])


def imported(test, seen):
    test.assertIn("another", test.objects())
    test.assertNotIn(NEW_SECRET, seen)


def rotate(test):
    return Dialogue(("key", "rotate", "binance-main", *TOKEN, "--policy", str(test.agent.policy), "--profiles",
                     str(harness.ROOT / "profiles"), "--label", "another", "--key-id", "another-key-id"),
                    [PIN, silent("API secret: ", NEW_SECRET)])


def rotated(test, seen):
    test.assertIn("versions:", seen)
    imported(test, seen)


def thaw(test):
    return Dialogue(("thaw", "--all", "--reason", "it is over"), [silent("Code: ", test.code)])


def frozen(test):
    unlock_first(test)
    test.before_freeze = test.agent.must("trading", "list", "--json")
    test.agent.must("freeze", "--all", "--reason", "a test")


def thawed(test, _seen):
    test.assertEqual(test.agent.must("trading", "list", "--json"), test.before_freeze)


def revoke(test):
    return Dialogue(("totp", "revoke", "tester"), [silent("Code: ", test.code)])


def revoked(test, _seen):
    test.assertFalse(json.loads(test.agent.must("totp", "list", "--json"))["seeds"][0]["enrolled"])


DIALOGUES = [
    # name     enrolled       prepared        dialogue  afterwards
    ("unlock", ("tester",),   None,           unlock,   unlocked),
    ("enrol",  (),            None,           enrol,    enrolled),
    ("import", (),            None,           import_,  imported),
    ("rotate", (),            None,           rotate,   rotated),
    ("thaw",   ("tester",),   frozen,         thaw,     thawed),
    ("revoke", ("tester",),   unlock_first,   revoke,   revoked),
]


def make_test(row):
    name, before, prepared, dialogue, afterwards = row

    class OneDialogue(AgentDialogue):
        enrolled = before

        def prepare(self):
            if prepared:
                prepared(self)

        def test_it_works(self):
            seen = self.go_through(dialogue(self))
            self.assertNotIn(harness.USER_PIN, seen)
            if afterwards:
                afterwards(self, seen)

        def test_ctrl_z_puts_each_question_again(self):
            self.go_through(dialogue(self), is_stopped=True)

        def test_nothing_is_half_done_if_it_is_interrupted(self):
            self.assert_nothing_is_half_done(dialogue(self))
            self.go_through(dialogue(self))  # and it can be begun anew

    OneDialogue.__name__ = OneDialogue.__qualname__ = name.capitalize() + "Dialogue"
    return OneDialogue


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(make_test(row)) for row in DIALOGUES)


if __name__ == "__main__":
    unittest.main()

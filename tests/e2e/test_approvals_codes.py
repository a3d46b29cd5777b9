"""Where people have one-time codes, each approval takes one of the approver's own, typed at a terminal."""

import os
import signal
import unittest

import approving
import codes
import harness
from approving import ALICE, BOB, CONFLICT, REFUSED
from dialogue import Dialogue, DialogueTest, silent


class PeopleWithCodes(codes.CodesTest):
    """Three are enrolled: the test's own user, alice and bob."""

    require = approving.REQUIRE

    def setUp(self):
        approving.require_users()
        super().setUp()
        self.agent.stop()
        self.agent.home.chmod(0o755)
        text = self.agent.policy.read_text()
        self.agent.policy.write_text(approving.policy(text, with_codes=True, require=self.require))
        self.agent.start()
        self.tester = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(self.tester)).returncode, 0)
        self.alice = self.enroll_other("alice")
        self.bob = self.enroll_other("bob")
        self.trust_clock()
        self.bot = approving.Bot(self.agent)
        self.people = approving.People(self.agent)

    def enroll_other(self, person):
        self.advance(2 * codes.STEP_S)
        return self.enroll(person, admin=self.tester)

    def trust_clock(self):
        self.agent.must("clock", "confirm")

    def code(self, seed):
        code = self.fresh_code(seed)
        self.trust_clock()
        return code

    def ask(self, volume="1.25"):
        answer = self.bot.ask(approving.order(volume))
        self.assertEqual(answer.status, 202, f"{answer}\n{self.agent.log()}")
        return answer.json["id"]

    def given(self, id_):
        return [(row["person"], row["by_code"]) for row in self.people.show(id_)["given"]]

    def begin(self, id_, uid=ALICE):
        terminal = self.terminal("approvals", "approve", str(id_), uid=uid)
        terminal.read_until("Code: ")
        harness.wait_until(lambda: not terminal.has_echo(), "the terminal is silent")
        return terminal


class ApprovalsByCode(PeopleWithCodes):
    def test_two_people_approve_by_their_codes(self):
        id_ = self.ask()
        terminal = self.begin(id_)
        for line in ("buy 1.25 BTC at 37500 USD", "volume \"1.25\"", "needs     2 approvals of alice, bob, tester"):
            self.assertIn(line, terminal.seen)
        code = self.code(self.alice)
        terminal.type_at("Code: ", code)
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertIn(f"Approved. Request {id_} waits for 1 more approval", terminal.seen)
        self.assertNotIn(code, terminal.seen)
        self.assertTrue(terminal.has_echo())
        self.assertEqual(self.bot.fetch(id_).status, 202)
        done = self.people.approve(BOB, id_, self.code(self.bob))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.given(id_), [("alice", True), ("bob", True)])
        self.assertEqual(self.bot.fetch(id_).status, 200)

    def test_ctrl_c_at_the_code_leaves_nothing(self):
        id_ = self.ask()
        for how in ("\x03", "\x04"):
            terminal = self.begin(id_)
            os.write(terminal.tty, how.encode())
            status = terminal.finish()
            self.assertIn(status, (-signal.SIGINT, 2), terminal.seen)
            self.assertTrue(terminal.has_echo())
        self.assertEqual(self.given(id_), [])
        self.assertEqual(self.bot.look(id_).json["state"], "waiting")
        done = self.people.approve(ALICE, id_, self.code(self.alice))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_code_that_is_not_right_approves_nothing(self):
        id_ = self.ask()
        wrong = self.wrong_code(self.alice)
        self.trust_clock()
        self.assertEqual(self.people.approve(ALICE, id_, wrong).returncode, REFUSED)
        self.advance(1000)
        bobs = self.code(self.bob)
        self.assertEqual(self.people.approve(ALICE, id_, bobs).returncode, REFUSED)  # of somebody else's seed
        self.assertEqual(self.given(id_), [])

    def test_a_code_approves_one_request_once(self):
        one, other = self.ask("1"), self.ask("2")
        code = self.code(self.alice)
        self.assertEqual(self.people.approve(ALICE, one, code).returncode, 0)
        self.assertEqual(self.people.approve(ALICE, other, code).returncode, REFUSED)
        self.assertEqual(self.given(other), [])

    def test_what_cannot_be_approved_costs_no_code(self):
        id_ = self.ask()
        code = self.code(self.alice)
        self.assertEqual(self.people.approve(ALICE, id_, code).returncode, 0)
        again = self.code(self.alice)
        self.assertEqual(self.people.approve(ALICE, id_, again).returncode, CONFLICT)
        other = self.ask("2")
        done = self.people.approve(ALICE, other, again)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_who_is_not_enrolled_approves_nothing(self):
        id_ = self.ask()
        done = self.people.approve(approving.CAROL, id_, "123456")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.given(id_), [])

    def test_approving_takes_a_code_whatever_is_said(self):
        id_ = self.ask()
        done = self.people.run(ALICE, "approvals", "approve", id_, "--yes", stdin=b"")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(self.given(id_), [])


class ApproveDialogue(PeopleWithCodes, DialogueTest):
    """What holds of each dialogue in test_dialogues.py."""

    def setUp(self):
        super().setUp()
        self.asked = self.ask()
        self.dialogue = Dialogue(("approvals", "approve", str(self.asked)), [silent("Code: ", lambda: self.code(self.alice))])

    def terminal(self, *words, **options):
        """Alice is who approves; others have been enrolled before."""
        return super().terminal(*words, **options, **({"uid": ALICE} if words[0] == "approvals" else {}))

    def what_is_there(self):
        return self.people.show(self.asked), self.agent.must("totp", "list", "--json")

    def test_ctrl_z_puts_the_question_again(self):
        self.go_through(self.dialogue, is_stopped=True)
        self.assertEqual(self.given(self.asked), [("alice", True)])

    def test_nothing_is_half_done_if_it_is_interrupted(self):
        self.assert_nothing_is_half_done(self.dialogue)
        self.go_through(self.dialogue)  # and it can be begun anew
        self.assertEqual(self.given(self.asked), [("alice", True)])


class StepUp(PeopleWithCodes):
    """A requirement of a code alone: any approver's but the caller's own."""

    require = "require:\n  - {{ name: code-for-orders, key: kraken-main, classes: [trade], code: true{more} }}\n"

    def test_a_code_of_another_person_is_enough(self):
        id_ = self.ask()
        own = self.code(self.tester)
        self.assertEqual(self.agent.cli("approvals", "approve", id_, secrets_by_option={"--code-fd": own}).returncode, REFUSED)
        done = self.people.approve(BOB, id_, self.code(self.bob))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("can be fetched", done.stdout.decode())
        self.assertEqual(self.bot.fetch(id_).status, 200)


if __name__ == "__main__":
    unittest.main()

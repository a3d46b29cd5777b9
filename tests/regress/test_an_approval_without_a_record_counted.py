"""An approval that a full disk did not take was said to have failed, and counted all the same, though no record names it."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from approving import ALICE, BOB
from test_approvals_people import ApprovalTest


class Unrecorded(ApprovalTest):
    def given(self, id_):
        return [row["person"] for row in self.people.show(id_)["given"]]

    def test_what_the_disk_did_not_take_does_not_count(self):
        id_, _ = self.ask()
        self.agent.limit_files(0)
        done = self.people.approve(ALICE, id_)
        self.agent.limit_files("unlimited")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.given(id_), [])
        harness.wait_until(lambda: self.people.approve(ALICE, id_).returncode == 0, "the disk takes it again")
        self.must_approve(BOB, id_)
        self.must_fetch(id_)
        records = [row["record"] or {} for row in json.loads(self.agent.must("decisions", "--json"))["decisions"]]
        people = [record["person"] for record in records
                  if record.get("approval") == id_ and record["event"] == "approval given"]
        self.assertEqual(people, ["alice", "bob"])

    def test_what_was_given_later_counts(self):
        """The disk takes bob's, and not alice's."""
        id_, _ = self.ask()
        self.must_approve(BOB, id_)
        self.agent.limit_files(0)
        self.assertNotEqual(self.people.approve(ALICE, id_).returncode, 0)
        self.agent.limit_files("unlimited")
        self.assertEqual(self.given(id_), ["bob"])
        self.assertEqual(self.bot.look(id_).json["state"], "waiting")


if __name__ == "__main__":
    unittest.main()

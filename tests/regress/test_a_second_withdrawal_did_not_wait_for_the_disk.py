"""A bot that withdrew a request while the disk was full was told so, asked again, and was answered with 200: after a crash the
request was open again."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from test_approvals_people import ApprovalTest


class Withdrawn(ApprovalTest):
    def test_it_is_on_the_disk_when_the_bot_is_told(self):
        id_, _ = self.ask()
        self.agent.limit_files(0)
        self.assertEqual([self.bot.withdraw(id_).status for _ in range(2)], [503, 503])
        self.agent.limit_files("unlimited")
        harness.wait_until(lambda: self.bot.withdraw(id_).status == 200, "the disk takes it again")
        self.agent.process.kill()
        self.agent.process.wait()
        self.agent.start()
        self.assertEqual(self.state(id_), "withdrawn")
        self.assertEqual(self.bot.withdraw(id_).status, 200)


if __name__ == "__main__":
    unittest.main()

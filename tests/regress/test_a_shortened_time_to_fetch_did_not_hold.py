"""What was ready could be fetched as long as the `within` of its asking said, although a new policy gave less time."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from test_approvals_people import ApprovalTest


class Shortened(ApprovalTest):
    def test_the_time_to_fetch_is_that_of_the_policy_of_now(self):
        id_, _ = self.ask_approved()
        time.sleep(1.1)
        self.agent.policy.write_text(self.agent.policy.read_text().replace("within: 1h", "within: 1s"))
        self.agent.must("reload")
        answer = self.bot.fetch(id_)
        self.assertEqual((answer.status, answer.json["rule"]), (409, "expired"), answer)


if __name__ == "__main__":
    unittest.main()

"""Nothing bounded how often a bot asked people and withdrew: gigabytes an hour on the disk that everybody needs for signing. A
limit of `messages` does not count what is not signed."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import approving
from test_approvals_people import ApprovalTest

WITHDRAWN_MAX = 100


class Unbounded(ApprovalTest):
    def test_who_withdraws_all_the_time_waits(self):
        statuses = []
        for number in range(WITHDRAWN_MAX + 20):
            answer = self.bot.ask(approving.order(f"3.{number:03}"))
            statuses.append(answer.status)
            if answer.status != 202:
                break
            self.bot.withdraw(answer.json["id"])
        self.assertEqual((statuses[-1], "retry-after" in answer.headers), (429, True), answer)
        self.assertGreaterEqual(len(statuses), WITHDRAWN_MAX)


if __name__ == "__main__":
    unittest.main()

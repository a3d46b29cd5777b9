"""While the clock was in doubt, the status and the metrics counted requests that wait for people by it, and so said that none
waited; people and bots, who go by the trusted time, could see and approve them."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import loaded
import test_approvals_people
from harness import wait_until

DAY_S = 86_400


class Waiting(test_approvals_people.ApprovalTest):
    @classmethod
    def setUpClass(cls):
        loaded.require_clocks()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.clock = loaded.WallClock(cls.agent)

    def status(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json

    def test_a_clock_in_doubt_changes_no_count(self):
        id_, _ = self.ask()
        self.assertEqual(self.status()["approvals_waiting"], 1)
        self.clock.set(2 * DAY_S)
        wait_until(lambda: self.status()["clock"]["state"] != "trusted", "the clock is in doubt")
        self.assertEqual(self.state(id_), "waiting")
        self.assertEqual(self.status()["approvals_waiting"], 1)


if __name__ == "__main__":
    unittest.main()

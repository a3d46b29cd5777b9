"""A token with fewer sessions than the agent would like: it signs with those that there are, and says so."""

import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from faults import Faults

WORKERS = 2  # harness.AGENT_YAML


class Sessions(harness.AgentTest):
    is_unlocked = False

    @classmethod
    def prepare(cls):
        cls.faults = Faults(cls.agent)

    def begin(self, *lines):
        self.faults.set(*lines)
        self.agent.stop()
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def detail(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["tokens"][0]["detail"]

    def sign_many(self):
        """Eight bots at once; returns the statuses."""
        statuses = []

        def ask():
            with self.agent.client() as client:
                statuses.extend(client.sign("binance-main", harness.BINANCE_ORDER).status for _ in range(10))

        bots = [threading.Thread(target=ask) for _ in range(8)]
        for bot in bots:
            bot.start()
        for bot in bots:
            bot.join()
        return set(statuses)

    def test_one_session_more_than_workers_is_enough(self):
        self.begin(f"@sessions {WORKERS + 1}")
        self.assertEqual(self.detail(), "")
        self.assertEqual(self.sign_many(), {200})

    def test_with_fewer_it_signs_and_says_so(self):
        for sessions in (2, 1):
            with self.subTest(sessions=sessions):
                self.begin(f"@sessions {sessions}")
                self.assertIn("fewer workers sign than there should be, 1: ", self.detail())
                self.assertIn("CKR_SESSION_COUNT", self.detail())
                self.assertEqual(self.sign_many(), {200})
                self.assertLessEqual(self.faults.sessions_at_most(), WORKERS + 1)
                self.assertEqual(self.faults.violations(), [])

    def test_a_limit_that_is_reached_later_loses_no_request(self):
        self.begin()
        self.faults.set("@sessions 2", "C_SignInit g1 rv=CKR_SESSION_HANDLE_INVALID")
        self.assertEqual(self.sign_many(), {200})
        self.faults.set()
        self.assertEqual(self.sign_many(), {200})
        self.assertEqual(self.faults.violations(), [])


if __name__ == "__main__":
    unittest.main()

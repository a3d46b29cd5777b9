"""What took nothing of any limit was signed before its decision was on the disk, and also while decisions could not be recorded at
all: nobody could tell afterwards what had been signed."""

import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import wait_until

REQUESTS = 40


class Unlimited(harness.AgentTest):
    """The keys of the harness have no limit."""

    def recorded(self):
        """How many decisions were allowed, by what core left."""
        with self.agent.copied_state() as database:
            return database.execute("SELECT count(*) FROM journal WHERE record LIKE '%\"outcome\":\"allowed\"%'").fetchone()[0]

    def test_what_was_answered_before_a_crash_is_recorded(self):
        with self.agent.client() as client:
            for _ in range(REQUESTS):
                self.assertEqual(client.sign("binance-main", harness.BINANCE_ORDER).status, 200)
        self.agent.stop_all(signal.SIGKILL)
        self.assertGreaterEqual(self.recorded(), REQUESTS)
        self.agent.start()
        self.agent.unlock()

    def test_nothing_is_signed_that_cannot_be_recorded(self):
        with self.agent.client() as client:
            self.assertEqual(client.sign("binance-main", harness.BINANCE_ORDER).status, 200)
            self.agent.limit_files(1)
            answer = client.sign("binance-main", harness.BINANCE_ORDER)
            self.assert_problem(answer, 503)
            self.assertIn("nothing is signed", answer.json["detail"])
            self.agent.limit_files("unlimited")
            wait_until(lambda: client.sign("binance-main", harness.BINANCE_ORDER).status == 200, "it goes on", 30)


if __name__ == "__main__":
    unittest.main()

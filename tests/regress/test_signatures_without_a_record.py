"""What took nothing of any limit was signed before its decision was on the disk, and also while decisions could not be recorded at
all: nobody could tell afterwards what had been signed."""

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import wait_until

REQUESTS = 40


class Unlimited(harness.AgentTest):
    """The keys of the harness have no limit."""

    def limit_files(self, size):
        subprocess.run(["prlimit", f"--pid={self.agent.process.pid}", f"--fsize={size}:unlimited"], check=True)

    def recorded(self):
        """How many decisions were allowed, by a copy of what core left."""
        with tempfile.TemporaryDirectory(prefix="ch-record-", dir="/tmp") as folder:
            for path in (self.agent.home / "state").glob("state.db*"):
                shutil.copy(path, folder)
            database = sqlite3.connect(pathlib.Path(folder) / "state.db")
            try:
                return database.execute("SELECT count(*) FROM journal WHERE record LIKE '%\"outcome\":\"allowed\"%'").fetchone()[0]
            finally:
                database.close()

    def test_what_was_answered_before_a_crash_is_recorded(self):
        children = harness.children_of(self.agent.process.pid)
        with self.agent.client() as client:
            for _ in range(REQUESTS):
                self.assertEqual(client.sign("binance-main", harness.BINANCE_ORDER).status, 200)
        os.kill(self.agent.process.pid, signal.SIGKILL)
        self.agent.process.wait(10)
        wait_until(lambda: not any(child.is_running() for child in children), "core's children end with it")
        self.assertGreaterEqual(self.recorded(), REQUESTS)
        self.agent.start()
        self.agent.unlock()

    def test_nothing_is_signed_that_cannot_be_recorded(self):
        with self.agent.client() as client:
            self.assertEqual(client.sign("binance-main", harness.BINANCE_ORDER).status, 200)
            self.limit_files(1)
            answer = client.sign("binance-main", harness.BINANCE_ORDER)
            self.assert_problem(answer, 503)
            self.assertIn("nothing is signed", answer.json["detail"])
            self.limit_files("unlimited")
            wait_until(lambda: client.sign("binance-main", harness.BINANCE_ORDER).status == 200, "it goes on", 30)


if __name__ == "__main__":
    unittest.main()

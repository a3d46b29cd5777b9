"""Fault 29: a token that takes long to log in. Whoever unlocks it is told so, and it is no failure."""

import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from faults import Faults


class LongLogin(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.faults = Faults(self.agent)
        self.agent.start()

    def state(self):
        return json.loads(self.agent.must("status", "--json"))["tokens"][0]["state"]

    def test_it_is_waited_for_and_told(self):
        self.faults.set("C_Login * delay=12000")
        began = time.monotonic()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(time.monotonic() - began, 11)
        self.assertIn(b"A login that has begun goes on", done.stderr)
        self.assertEqual(done.stderr.count(b"takes its time"), 1)
        self.assertEqual(self.state(), "unlocked")
        self.assertEqual(self.faults.pins(), [1])

    def test_it_goes_on_when_the_operator_leaves(self):
        self.faults.set("C_Login * delay=8000")
        child = subprocess.Popen([harness.CLI, "unlock", "main"], env=self.agent.environment(), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdin.write(harness.USER_PIN.encode())
        child.stdin.close()
        child.stdin = None
        harness.wait_until(self.faults.pins, "it logs in")
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=20)
        self.assertNotEqual(child.returncode, 0)
        harness.wait_until(lambda: self.state() == "unlocked", "it is unlocked")
        self.assertEqual(self.faults.pins(), [1])


if __name__ == "__main__":
    unittest.main()

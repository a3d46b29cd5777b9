"""The agent counts the PINs that a token refuses, and stops before the token locks itself."""

import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from faults import Faults

REFUSED = 3
WRONG_PIN = 8


class Tries(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.faults = Faults(self.agent)
        self.agent.start()

    def unlock(self, pin, *options):
        return self.agent.cli("unlock", *options, "main", secret=pin)

    def assert_refuses(self, *, count, options=()):
        """No more PIN reaches the token."""
        sent = len(self.faults.pins())
        done = self.unlock(harness.USER_PIN, *options)
        self.assertEqual(done.returncode, REFUSED, done)
        self.assertIn(f"{count} logins to token 'main' have failed".encode(), done.stderr)
        self.assertIn(b"chancery unlock --last-try main", done.stderr)
        self.assertEqual(len(self.faults.pins()), sent)

    def fail(self, count):
        for index in range(count):
            done = self.unlock(f"wrong-pin-{index}")
            self.assertEqual(done.returncode, WRONG_PIN, done)
            self.assertIn(f"{index + 1} of 3 tries are used".encode(), done.stderr)

    def test_the_tokens_last_try_is_for_an_operator_who_says_so(self):
        self.faults.set("@pinmax 3")
        self.fail(2)
        self.assert_refuses(count=2)
        done = self.unlock(harness.USER_PIN, "--last-try")
        self.assertEqual(done.returncode, 0, done)
        self.agent.must("lock", "main")
        self.fail(1)  # the count begins anew

    def test_neither_a_restart_nor_a_crash_gives_a_try_more(self):
        self.fail(1)
        self.agent.stop()
        self.agent.start()
        done = self.unlock("wrong-pin-9")
        self.assertIn(b"2 of 3 tries are used", done.stderr)
        self.agent.stop(signal.SIGKILL)
        self.agent.start()
        self.assert_refuses(count=2)
        self.agent.config.write_text(self.agent.config.read_text().replace("relogin:", "pin_tries: 4, relogin:"))
        self.agent.must("reload")
        self.assertEqual(self.unlock(harness.USER_PIN).returncode, 0)

    def test_neither_a_stop_nor_a_reload_in_the_middle_of_a_login_gives_one_back(self):
        self.faults.set("@pinmax 50", "C_Login * after delay=1500")
        for index, workers in enumerate((3, 4)):
            operator = subprocess.Popen([str(harness.CLI), "unlock", "main"], env=self.agent.environment(),
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            operator.stdin.write(f"wrong-pin-{index}".encode())
            operator.stdin.close()
            harness.wait_until(lambda: len(self.faults.pins()) == index + 1, "the PIN is at the token")
            if index == 0:
                text = self.agent.config.read_text()
                self.agent.config.write_text(text.replace("workers: 2", f"workers: {workers}"))
                self.agent.must("reload")
            else:
                self.agent.stop()
            operator.wait(30)
        self.faults.set()
        self.agent.start()
        self.assert_refuses(count=2)

    def test_what_the_token_says_of_its_last_try_counts_too(self):
        self.agent.config.write_text(self.agent.config.read_text().replace("relogin:", "pin_tries: 0, relogin:"))
        self.agent.must("reload")
        self.faults.set("@pinmax 3")
        for index in range(2):
            self.assertEqual(self.unlock(f"wrong-pin-{index}").returncode, WRONG_PIN)
        sent = len(self.faults.pins())
        done = self.unlock(harness.USER_PIN)
        self.assertEqual(done.returncode, REFUSED, done)
        self.assertIn(b"has one try left", done.stderr)
        self.assertEqual(len(self.faults.pins()), sent)
        self.assertEqual(self.unlock(harness.USER_PIN, "--last-try").returncode, 0)

    def test_a_login_that_did_not_reach_the_pin_is_no_try(self):
        self.faults.set("C_Login * rv=CKR_DEVICE_ERROR")
        for _ in range(4):
            self.assertEqual(self.unlock(harness.USER_PIN).returncode, 7)
        self.faults.set()
        self.assertEqual(self.unlock(harness.USER_PIN).returncode, 0)


if __name__ == "__main__":
    unittest.main()

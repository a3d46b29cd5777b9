"""While a token was away, bots were told 404, or 409 if a second one of its label had turned up, and so gave up: what the token
process could not do was told them as if they had asked for it. Now it is 503, which says to try again."""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER, wait_until

AWAY_S = 4  # long enough for the process to be started some times


class Away(harness.AgentTest):
    def setUp(self):
        policy = self.agent.policy.read_text()
        if "survives_removal" not in policy:
            self.agent.policy.write_text(harness.with_unlock(policy, survives_removal=True))
            self.agent.must("reload")
            self.agent.lock()  # it holds from the next unlock on
        if not self.agent.is_ready():
            wait_until(self.agent.is_serving, "the token is there")
            self.assertEqual(self.agent.unlock().returncode, 0)

    def assert_unavailable_meanwhile(self):
        os.kill(self.agent.child("token").pid, signal.SIGKILL)
        end = time.monotonic() + AWAY_S
        answers = []
        with self.agent.client(timeout_s=60) as client:
            while time.monotonic() < end:
                answers.append(client.sign("binance-main", BINANCE_ORDER))
                time.sleep(0.05)
        self.assertEqual({answer.status for answer in answers}, {503}, answers)
        for answer in answers:
            self.assert_problem(answer, 503, "unavailable")
            self.assertEqual(answer.headers["retry-after"], "1")
        self.assertIn("main", answers[-1].json["detail"])

    def assert_comes_back(self):
        wait_until(self.agent.is_ready, "it comes back by itself", 30)
        self.assert_signs()

    def test_a_token_that_is_taken_out_is_unavailable(self):
        tokens, away = self.agent.home / "tokens", self.agent.home / "away"
        tokens.rename(away)
        tokens.mkdir()
        self.addCleanup(lambda: away.exists() and (tokens.rmdir(), away.rename(tokens)))
        self.assert_unavailable_meanwhile()
        tokens.rmdir()
        away.rename(tokens)
        self.assert_comes_back()

    def test_a_token_with_a_twin_is_unavailable(self):
        known = set((self.agent.home / "tokens").iterdir())
        self.agent.must("token", "init", "--module", "softhsm2", "--label", "twin",
                        secrets_by_option={"--so-pin-fd": harness.SO_PIN, "--pin-fd": harness.USER_PIN})
        twin = (set((self.agent.home / "tokens").iterdir()) - known).pop()
        path = twin / "token.object"
        path.write_bytes(path.read_bytes().replace(b"twin".ljust(32), b"main".ljust(32)))
        self.addCleanup(lambda: twin.exists() and twin.rename(self.agent.home / "twin"))
        self.assert_unavailable_meanwhile()
        twin.rename(self.agent.home / "twin")
        self.assert_comes_back()


class AwayWithoutLogin(Away):
    """Its PIN is not kept, so it comes back locked."""

    relogin = False

    def assert_comes_back(self):
        wait_until(self.agent.is_serving, "it comes back by itself", 30)
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assert_signs()


if __name__ == "__main__":
    unittest.main()

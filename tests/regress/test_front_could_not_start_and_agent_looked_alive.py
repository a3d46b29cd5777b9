"""On a system that refused something that a front gives up (Landlock, another user, random numbers, /proc), the front
failed for ever while the agent unlocked tokens and kept bots waiting. Now the agent works and says what it keeps, or ends
with a reason and an exit status."""

import http.client
import os
import pathlib
import subprocess
import sys
import time
import unittest
from contextlib import contextmanager

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))

import harness

# What the agent must do there: True: work; False: end; None: either.
HINDRANCES = {
    "landlock_create_ruleset": True,
    "landlock_restrict_self": True,
    "setgroups": True,
    "setresuid": True,
    "capset": True,
    "no-capabilities": True,
    "one-user": True,
    "no-nobody": True,
    "seccomp": None,
    "prctl": None,
    "getrandom": None,
    "no-proc": None,
}
ENDS_WITHIN_S = 60


@unittest.skipUnless(os.getuid() == 0, "only root can hinder the agent so")
class Hindered(harness.AgentTest):
    is_unlocked = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent.stop()

    @contextmanager
    def started(self, hindrance):
        log = open(self.agent.home / "agent.err", "wb")
        self.agent.process = subprocess.Popen(
            [sys.executable, str(FOLDER / "hindered.py"), hindrance, str(harness.AGENT), "--config", str(self.agent.config)],
            env=self.agent.environment(), cwd=self.agent.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        )
        try:
            yield
        finally:
            log.close()
            self.agent.stop()

    def serves(self):
        try:
            with self.agent.client(2) as client:
                return client.get("/v1/status").json["tokens"][0]["state"] != "absent"
        except (OSError, http.client.HTTPException):
            return False

    def wait(self):
        """True once it serves, False once it has ended; anything else is what this test is about."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            if self.agent.process.poll() is not None:
                return False
            if self.serves():
                return True
            time.sleep(0.05)
        self.fail(f"it neither serves nor ends:\n{self.agent.log()}")

    def confinement(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["confinement"]

    def require(self, kind):
        text = self.agent.config.read_text()
        self.agent.config.write_text(f"confinement: {kind}\n{text}")
        self.addCleanup(self.agent.config.write_text, text)

    def test_it_works_or_ends_with_a_reason(self):
        for hindrance, must_work in HINDRANCES.items():
            with self.subTest(hindrance), self.started(hindrance):
                if not self.wait():
                    self.assertFalse(must_work, self.agent.log())
                    self.assertNotIn(self.agent.process.returncode, (0, None))
                    self.assertNotEqual(self.agent.log(), "", "the reason")
                    print(f"{hindrance}: {self.agent.log().splitlines()[-1]}", file=sys.stderr)
                    continue
                self.assertEqual(self.agent.unlock().returncode, 0, self.agent.log())
                self.assert_signs()
                if must_work and not harness.is_sanitized():
                    said = [gap for gap in self.confinement() if "_chancery-token" not in gap]
                    self.assertNotEqual(said, [], self.agent.log())
                    self.assertIn("confinement of ", self.agent.log())

    def test_if_confinement_is_required_it_does_not_start(self):
        self.require("required")
        for hindrance in ("landlock_create_ruleset", "setgroups", "no-capabilities", "no-nobody"):
            with self.subTest(hindrance), self.started(hindrance):
                self.assertEqual(self.agent.process.wait(ENDS_WITHIN_S), 11, self.agent.log())
                self.assertIn("requires confinement", self.agent.log())
                self.assertFalse(self.agent.socket.exists())


if __name__ == "__main__":
    unittest.main()

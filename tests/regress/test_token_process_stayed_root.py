"""Started by root, the token process, which runs a vendor's code, stayed root. Now it becomes _chancery-token if there is such
a user; and with users for its children the agent starts where confinement is required."""

import os
import pathlib
import subprocess
import sys
import unittest
from unittest import mock

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "e2e"))

import harness
from hindered import OWN_USERS

AGENT, POPEN = harness.AGENT, subprocess.Popen


@unittest.skipUnless(os.getuid() == 0, "only root's agent changes users")
class OwnUsers(harness.AgentTest):
    @classmethod
    def prepare(cls):
        agent = cls.agent
        os.chmod(agent.home, 0o755)
        for path in (agent.home / "tokens", *(agent.home / "tokens").rglob("*")):
            os.chown(path, OWN_USERS["_chancery-token"], OWN_USERS["_chancery-token"])
        if not harness.is_sanitized():
            agent.config.write_text("confinement: required\n" + agent.config.read_text())
        start = agent.start

        def start_with_users(**options):
            with mock.patch.object(harness, "AGENT", FOLDER / "hindered.py"), \
                 mock.patch.object(subprocess, "Popen", cls.popen):
                start(**options)

        agent.start = start_with_users

    @staticmethod
    def popen(command, **options):
        return POPEN([sys.executable, command[0], "own-users", str(AGENT), *command[1:]], **options)

    def test_each_process_has_its_user(self):
        for role in ("front", "token"):
            wanted = str(OWN_USERS[f"_chancery-{role}"])
            for name in ("Uid", "Gid"):
                self.assertEqual(set(self.agent.child(role).status()[name].split()), {wanted}, f"{role} {name}")
        self.assert_signs()

    def test_a_token_process_comes_back_as_its_user(self):
        before = self.agent.child("token")
        os.kill(before.pid, 9)
        self.agent.await_child("token", other_than=before, timeout_s=30)
        harness.wait_until(lambda: not before.is_running() and self.agent.is_ready(), "it is back", 30)
        self.test_each_process_has_its_user()

    def test_nothing_is_said_to_be_missing(self):
        if harness.is_sanitized():
            self.skipTest("a build with sanitizers is never confined")
        with self.agent.client() as client:
            self.assertEqual(client.get("/v1/status").json["confinement"], [])


if __name__ == "__main__":
    unittest.main()

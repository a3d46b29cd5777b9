"""Errors that sent people the wrong way: a file with a byte order mark lacked a "document start", pages further down; an
unlock right after the start failed now and then, with nothing to be done but to type the PIN again; a token without a
user PIN was to be made by a command that refuses it, and then unlocked."""

import pathlib
import subprocess
import sys
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from harness import wait_until
import faults

MARK = b"\xef\xbb\xbf"


class Errors(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)

    def check(self):
        return subprocess.run([str(harness.AGENT), "--config", str(self.agent.config), "--check"],
                              env=self.agent.environment(), cwd=self.agent.home, capture_output=True, text=True, check=False)

    def use_own_profile(self):
        """A copy of a profile, which can be spoiled."""
        folder = self.agent.home / "profiles"
        folder.mkdir()
        for name in ("binance", "kraken"):
            (folder / f"{name}.yaml").write_bytes((harness.ROOT / "profiles" / f"{name}.yaml").read_bytes())
        text = self.agent.config.read_text()
        self.agent.config.write_text(text.replace(f"profiles: {harness.ROOT / 'profiles'}", "profiles: profiles"))
        return folder / "kraken.yaml"

    def test_a_byte_order_mark_is_called_one(self):
        for path in (self.agent.config, self.agent.policy, self.use_own_profile()):
            with self.subTest(path.name):
                good = path.read_bytes()
                path.write_bytes(MARK + good)
                done = self.check()
                path.write_bytes(good)
                self.assertEqual(done.returncode, 10, done)
                self.assertIn(f"{path.name}:1: the file starts with a byte order mark; save it as UTF-8 without one",
                              done.stderr)
        self.assertEqual(self.check().returncode, 0)

    def test_an_unlock_right_after_the_start_can_wait(self):
        for _ in range(5):
            self.agent.start(is_waited_for=False)
            wait_until(self.agent.operator_socket.exists, "it listens", pause_s=0.001)
            done = self.agent.cli("unlock", "main", "--wait", secret=harness.USER_PIN)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.agent.stop()

    def test_an_unlock_before_the_start_can_wait(self):
        command = [str(harness.CLI), "unlock", "main", "--wait"]
        with subprocess.Popen(command, env=self.agent.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as operator:
            self.addCleanup(operator.kill)
            operator.stdin.write(harness.USER_PIN.encode())
            operator.stdin.close()
            self.agent.start(is_waited_for=False)
            self.assertEqual(operator.wait(60), 0, operator.stderr.read())

    def test_a_token_without_a_pin_is_not_to_be_unlocked(self):
        faults.Faults(self.agent).set("C_Login * rv=CKR_USER_PIN_NOT_INITIALIZED")
        self.agent.start()
        commands = (("unlock", "main"),
                    ("key", "list", "--module", str(faults.MODULE), "--token", "main"))
        for command in commands:
            with self.subTest(command[0]):
                done = self.agent.cli(*command, secret=harness.USER_PIN)
                self.assertEqual(done.returncode, 6, done)
                self.assertIn(b"token init --erase", done.stderr)
                self.assertIn(b"every key", done.stderr)
                self.assertIn(b"own tool", done.stderr)
                self.assertNotIn(b"hint", done.stderr)


if __name__ == "__main__":
    unittest.main()

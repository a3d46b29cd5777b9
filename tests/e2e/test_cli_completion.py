"""Completion in bash, as `chancery help completion` prints it."""

import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import ROOT, Sandbox  # noqa: E402


class Completion(Sandbox):
    def setUp(self):
        super().setUp()
        with open(self.path("completion"), "w") as script:
            script.write(self.ok("help", "completion").out)

    def complete(self, *words):
        """What bash offers for the last of `words`."""
        line = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _chancery; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", line, "bash", self.path("completion"), "chancery", *words],
                              env=self.env, cwd=self.folder.name, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())

    def test_an_argument_that_may_be_left_out(self):
        os.mkdir(self.path("folder"))
        self.assertIn("folder", self.complete("setup", "fol"))

    def test_commands(self):
        for command in ("token", "key", "profile", "unlock", "lock", "status", "keys", "sign", "help"):
            self.assertIn(command, self.complete(""))
        self.assertEqual(self.complete("unl"), ["unlock"])
        self.assertEqual(self.complete("key", "gen"), ["generate"])
        self.assertEqual(self.complete("frob", ""), [])

    def test_options_are_those_of_the_command(self):
        self.assertIn("--label", self.complete("key", "import", "--"))
        self.assertNotIn("--object", self.complete("key", "import", "--"))
        self.assertEqual(self.complete("status", "--js"), ["--json"])
        self.assertEqual(self.complete("key", "public", "--json", "--obj"), ["--object"])

    def test_values(self):
        self.assertEqual(self.complete("key", "import", "--encoding", ""), ["base64", "hex", "text"])
        self.assertEqual(self.complete("key", "generate", "--mechanism", "ed"), ["ed25519"])
        self.assertEqual(self.complete("key", "generate", "--profile", "kraken"), ["kraken", "kraken-futures"])
        self.assertEqual(self.complete("key", "generate", "--label", ""), [])
        self.assertEqual(self.complete("token", "list", "--module", "comp"), ["completion"])
        self.assertEqual(self.complete("profile", "list", "--profiles", ""), ["tokens"])

    def test_arguments(self):
        self.assertEqual(self.complete("profile", "show", "kraken"), ["kraken", "kraken-futures"])
        self.assertEqual(self.complete("profile", "check", "softhsm"), ["softhsm2.conf"])
        self.assertEqual(self.complete("lock", ""), [])

    def test_every_topic_offered_has_help(self):
        for topic in self.complete("help", ""):
            self.ok("help", topic)

    def test_the_script_is_sound(self):
        if shutil.which("shellcheck") is None:
            self.skipTest("shellcheck is not installed")
        done = subprocess.run(["shellcheck", "--shell", "bash", self.path("completion")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_overview_does_not_mention_it(self):
        self.assertNotIn("completion", self.ok("help").out)


if __name__ == "__main__":
    unittest.main()

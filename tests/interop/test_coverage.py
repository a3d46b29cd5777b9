"""The profiles list what the clients' tables list, as scripts/coverage compares them."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import counted
import harness
import packages

COVERAGE = harness.ROOT / "scripts" / "coverage"


class Coverage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ch-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tables = pathlib.Path(cls.folder.name) / "tables"
        with cls.tables.open("w") as out:
            subprocess.run(["node", "tables.mjs"], cwd=packages.FOLDER, stdout=out, check=True)

    def check(self, *arguments):
        command = [COVERAGE, "--check", "--tables", self.tables, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_every_profile_lists_as_many_calls_as_the_file_says(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_at_least_99_of_100_private_calls_of_ccxt_are_listed(self):
        done = self.check()
        shares = re.findall(r"(?m)^(\S+): .* of ccxt, ([\d.]+) %$", done.stdout)
        self.assertEqual(len(shares), 24)
        self.assertEqual([each for each in shares if float(each[1]) < 99], [])

    def test_a_call_that_a_profile_no_longer_lists_is_noticed(self):
        with tempfile.TemporaryDirectory(prefix="ch-") as folder:
            profile = pathlib.Path(folder) / "bitso.yaml"
            shutil.copy(harness.ROOT / "profiles" / "bitso.yaml", profile)
            text = profile.read_text()
            self.assertIn("call: GET /api/v3/balance,", text)
            profile.write_text(text.replace("call: GET /api/v3/balance,", "call: GET /api/v3/balances,"))
            done = self.check("bitso", "--profiles", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bitso: GET /api/v3/balance is missing", done.stderr)


if __name__ == "__main__":
    counted.main()

"""scripts/token-matrix finds out what a token can do; SoftHSM2 can do everything."""

import subprocess
import sys
import unittest

import harness
from softhsm import SoftHsm

MATRIX = harness.ROOT / "scripts" / "token-matrix"


def run(*options):
    return subprocess.run([sys.executable, str(MATRIX), *options], capture_output=True, text=True, check=False)


class Matrix(unittest.TestCase):
    def test_softhsm2_does_everything(self):
        harness.require_programs()
        SoftHsm.require()
        done = run("--seconds", "0.1", "softhsm")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| SoftHSM2 |" + " I G S L D |" * 8 + "\n", done.stdout)
        self.assertRegex(done.stdout, r"\| SoftHSM2 (\| [0-9.,]+ → [0-9.,]+ ){8}\|\n")
        self.assertRegex(done.stdout, r"- SoftHSM2: softhsm2 [0-9]")

    def test_an_unknown_kind_is_refused(self):
        self.assertEqual(run("abacus").returncode, 2)


if __name__ == "__main__":
    unittest.main()

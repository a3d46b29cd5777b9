"""Fault 25: a key is made and the call fails all the same, or the program dies between its two halves. What is left is cleaned up,
or named; and scratch keys of a probe are deleted whatever fails."""

import json
import pathlib
import subprocess
import sys
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import faults
from cli_sandbox import API_SECRET, AWAY, CONFLICT, MODULE, OK, PIN, TOKEN, Sandbox

IMPORT = ("key", "import", "--label", "k", "--mechanism", "hmac-sha256")
GENERATE = ("key", "generate", "--label", "k", "--mechanism", "ed25519")
STDIN = f"{PIN}\n{API_SECRET}\n"


class Faulty(Sandbox):
    def setUp(self):
        super().setUp()
        if not faults.MODULE.exists():
            raise unittest.SkipTest("faulty.so is not built; run make regress-programs")
        self.make_token()
        self.set()
        self.env.update(FAULTS=self.path("faults"), FAULTS_MODULE=MODULE, CHANCERY_MODULE=str(faults.MODULE))

    def set(self, *lines):
        pathlib.Path(self.path("faults")).write_text("".join(f"{line}\n" for line in lines))


class LeftOver(Faulty):
    def test_what_was_made_before_a_failure_is_destroyed(self):
        for call, words, stdin in (("C_CreateObject", IMPORT, STDIN), ("C_GenerateKeyPair", GENERATE, PIN)):
            with self.subTest(call):
                self.set(f"{call} * after rv=CKR_DEVICE_ERROR")
                result = self.run_cli(*words, stdin=stdin)
                self.assert_fails(result, AWAY, "CKR_DEVICE_ERROR")
                self.assertNotIn("left over", result.err)
                self.set()
                self.assertEqual(self.keys(), {})

    def test_what_cannot_be_destroyed_is_named_and_the_next_try_says_how_to_delete_it(self):
        self.set("C_CreateObject * after rv=CKR_DEVICE_ERROR", "C_DestroyObject * rv=CKR_DEVICE_ERROR")
        self.assert_fails(self.run_cli(*IMPORT, stdin=STDIN), AWAY, "key labelled 'k' may be left over", "key delete")
        self.set()
        self.assert_fails(self.run_cli(*IMPORT, stdin=STDIN), CONFLICT, "left over", "key list", "key delete")
        self.ok("key", "delete", "--object", "k", "--yes", stdin=PIN)
        self.ok(*IMPORT, stdin=STDIN)

    def test_after_a_crash_between_the_halves(self):
        pem = self.path("pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", pem], check=True)
        words = ("key", "import", "--label", "k", "--mechanism", "ed25519", "--pem")
        stdin = f"{PIN}\n{pathlib.Path(pem).read_text()}"
        self.set("C_CreateObject 2 crash")
        self.assertLess(self.run_cli(*words, stdin=stdin).status, 0)
        self.set()
        self.assert_fails(self.run_cli(*words, stdin=stdin), CONFLICT, "key delete")
        self.ok("key", "delete", "--object", "k", "--yes", stdin=PIN)
        self.ok(*words, stdin=stdin)


class Probed(Faulty):
    def probe(self):
        result = self.run_cli("token", "probe", "--mechanism", "ed25519", "--json", stdin=PIN)
        return result, json.loads(result.out)["mechanisms"][0]

    def test_a_failure_is_reported_and_nothing_is_left(self):
        for line, step, says in (("C_Sign * rv=CKR_GENERAL_ERROR", "sign", "CKR_GENERAL_ERROR"),
                                 ("C_Sign * garbage", "sign", "WRONG"),
                                 ("C_Sign 20+ rv=CKR_DEVICE_ERROR", "sign", "CKR_DEVICE_ERROR"),
                                 ("C_CreateObject * rv=CKR_FUNCTION_NOT_SUPPORTED", "import", "CKR_FUNCTION_NOT_SUPPORTED"),
                                 ("C_GenerateKeyPair * after rv=CKR_DEVICE_ERROR", "generate", "CKR_DEVICE_ERROR"),
                                 ("@sessions 4", "threads", "CKR_SESSION_COUNT")):
            with self.subTest(line):
                self.set(line)
                result, row = self.probe()
                self.assertEqual((result.status, row[step]), (OK, says), result)
                self.assertIn(step, [failure["step"] for failure in row["failures"]])
                self.assertNotIn("demo", result.out) # the report can be published
                self.set()
                self.assertEqual(self.keys(), {})

    def test_scratch_keys_that_cannot_be_deleted_are_named(self):
        self.set("C_DestroyObject * rv=CKR_DEVICE_ERROR")
        result, row = self.probe()
        self.assertEqual((result.status, row["delete"]), (TOKEN, "CKR_DEVICE_ERROR"))
        self.set()
        left = self.keys()
        self.assertNotEqual(left, {})
        for label in left:
            self.assertTrue(label.startswith("chancery-probe-"), label)
        self.assertIn("is left over", result.err)


if __name__ == "__main__":
    unittest.main()

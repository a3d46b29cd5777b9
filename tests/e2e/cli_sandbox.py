"""Shared by the tests of chancery, the command-line tool: a sandbox with a SoftHSM2 store of its own.

$CHANCERY_BUILD is the folder of the binary (default: build/ of this repository). Every run of it goes through
`Sandbox.run_cli`, which fails the test if the output contains a secret.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What a build with sanitizers or with counts is told by.
INSTRUMENTED = {name: os.environ[name] for name in ("ASAN_OPTIONS", "LLVM_PROFILE_FILE") if name in os.environ}
BUILD = os.path.abspath(os.environ.get("CHANCERY_BUILD", os.path.join(ROOT, "build")))
CHANCERY = os.path.join(BUILD, "chancery")
MODULE = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so")
               if os.path.exists(p)), "softhsm2")

SO_PIN = "so-pin-7461"
PIN = "user-pin-2915"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
KRAKEN_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
SECRETS = [SO_PIN, PIN, API_SECRET, KRAKEN_SECRET, "wrong-pin-3380"]

OK, USAGE, REFUSED, NOT_FOUND, CONFLICT, LOCKED, AWAY, WRONG_PIN, TOKEN, CONFIG = 0, 2, 3, 4, 5, 6, 7, 8, 9, 10


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Sandbox(unittest.TestCase):
    """A temporary folder with its own SoftHSM2 store."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="chancery-cli-")
        self.addCleanup(self.folder.cleanup)
        os.mkdir(self.path("tokens"))
        with open(self.path("softhsm2.conf"), "w") as conf:
            conf.write(f"directories.tokendir = {self.path('tokens')}\nlog.level = ERROR\n")
        self.env = {"PATH": os.environ["PATH"], "SOFTHSM2_CONF": self.path("softhsm2.conf"),
                    "CHANCERY_MODULE": MODULE, "CHANCERY_TOKEN": "pkcs11:token=demo",
                    "CHANCERY_PROFILES": os.path.join(ROOT, "profiles")}
        self.env.update(INSTRUMENTED)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_cli(self, *words, stdin="", fds=(), env=None, **popen):
        """`fds`: texts, each put into a pipe; "{0}" in a word becomes the number of the first pipe."""
        pipes = []
        for text in fds:
            reader, writer = os.pipe()
            os.write(writer, text.encode())
            os.close(writer)
            pipes.append(reader)
        words = [word.format(*pipes) if pipes else word for word in words]
        env = dict(self.env if env is None else env)
        if words[:2] in (["key", "generate"], ["key", "check"], ["key", "attest"], ["key", "backup"], ["token", "probe"]):
            # SoftHSM2 2.6.1 leaks a curve's name here, and it is unloaded before LeakSanitizer can attribute the leak.
            env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        try:
            done = subprocess.run([CHANCERY, *words], input=stdin.encode(), capture_output=True, timeout=60,
                                  env=env, pass_fds=pipes, start_new_session=True,
                                  **popen)
        finally:
            for pipe in pipes:
                os.close(pipe)
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        self.assert_no_secret(result.out + result.err)
        return result

    def assert_no_secret(self, text):
        for secret in SECRETS:
            self.assertNotIn(secret, text, "a secret was printed")

    def assert_fails(self, result, status, *words):
        self.assertEqual(result.status, status, result)
        self.assertTrue(result.err.startswith("chancery: "), result)
        self.assertEqual(result.out, "", result)
        for word in words:
            self.assertIn(word, result.err)

    def ok(self, *words, **options):
        result = self.run_cli(*words, **options)
        self.assertEqual(result.status, OK, result)
        return result

    def make_token(self, label="demo"):
        return self.ok("token", "init", "--label", label, stdin=f"{SO_PIN}\n{PIN}\n")

    def keys(self):
        return {key["label"]: key for key in json.loads(self.ok("key", "list", "--json", stdin=PIN).out)["keys"]}


class PolicySandbox(Sandbox):
    """`chancery policy`, on files that the test writes."""

    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return self.path(name)

    def policy(self, command, *words, status=OK, **options):
        done = self.run_cli("policy", command, *words, **options)
        self.assertEqual(done.status, status, done)
        return done

    def json(self, command, *words, status=OK, **options):
        return json.loads(self.policy(command, *words, "--json", status=status, **options).out)


def wait_until(is_so, seconds):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError("it did not come to that")
        time.sleep(0.02)

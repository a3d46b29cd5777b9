"""`chancery-agent --check` passed files that can never work, and parts of an object's URI were ignored.

A key id that was empty, because a variable was unset, was signed with and sent without its header; a URI of another
token's key signed with a key of this one. Sockets could be where no socket can be, or where the agent keeps its own
files; nobody could unlock; root alone could read the files; a module was a file of text."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

POLICY = """\
version: 1
keys:
  one:
    token: main
    object: {object}
    profile: {profile}
    scheme: hmac
    key_id: {key_id}
    passphrase: {passphrase}
callers: {{ tester: {{ uid: 0 }} }}
people: {people}
allow: [{{ name: all, caller: tester, key: one, classes: {classes} }}]
"""
GOOD = {"object": '"pkcs11:object=bn"', "key_id": '"a-b"', "passphrase": '"p q"', "profile": "okx", "classes": "[read]",
        "people": "{ tester: { uid: 0, roles: [operator] } }"}

# what: (fields that differ, text in the error)
REFUSED = {
    "an empty key id": ({"key_id": '""'}, "key_id"),
    "a key id with a line end": ({"key_id": '"a\\n"'}, "policy.yaml:8:"),
    "a key id beyond ASCII": ({"key_id": '"sch\u00fcssel"'}, "key_id"),
    "a key id with a space at the end": ({"key_id": '"a "'}, "key_id"),
    "an empty pass phrase": ({"passphrase": '""'}, "passphrase"),
    "a pass phrase beyond ASCII": ({"passphrase": '"schl\u00fcssel"'}, "policy.yaml:9:"),
    "a pass phrase that nothing asks for": ({"profile": "binance"}, "delete 'passphrase'"),
    "a grant of nothing": ({"classes": "[]"}, "this list is empty"),
    "no operator": ({"people": "{ tester: { uid: 0, roles: [auditor] } }"}, "operator"),
    "no pass phrase": ({"passphrase": None}, "asks for the key's pass phrase"),
    "a pass phrase with a tab": ({"passphrase": '"a\\tb"'}, "policy.yaml:9:"),
    "a URI without object and id": ({"object": '"pkcs11:"'}, "names no object"),
    "a URI with an empty object": ({"object": '"pkcs11:object="'}, "names no object"),
    "a URI of another token": ({"object": '"pkcs11:token=other;object=bn"'}, "must not choose a token"),
    "a URI with a serial number": ({"object": '"pkcs11:serial=0000;object=bn"'}, "must not choose a token"),
    "a URI with a manufacturer": ({"object": '"pkcs11:manufacturer=Nobody;object=bn"'}, "must not choose a token"),
    "a URI with a model": ({"object": '"pkcs11:model=x;object=bn"'}, "must not choose a token"),
    "a URI with a slot": ({"object": '"pkcs11:slot-id=5;object=bn"'}, "must not choose a token"),
    "a URI with a module": ({"object": '"pkcs11:object=bn?module-name=softhsm2"'}, "must not choose a token"),
    "a URI with a module's path": ({"object": '"pkcs11:object=bn?module-path=/x.so"'}, "must not choose a token"),
    "a URI with a library": ({"object": '"pkcs11:library-description=x;object=bn"'}, "must not choose a token"),
    "a URI of a public key": ({"object": '"pkcs11:object=bn;type=public"'}, "type"),
    "a URI of a certificate": ({"object": '"pkcs11:object=bn;type=cert"'}, "type"),
    "a URI of a private key for HMAC": ({"object": '"pkcs11:object=bn;type=private"'}, "type=secret-key"),
    "a URI with two objects": ({"object": '"pkcs11:object=x;object=bn"'}, "'object' twice"),
    "a URI with a part that nobody knows": ({"object": '"pkcs11:object=bn?bogus=1"'}, "'bogus'"),
    "a URI with a space": ({"object": '"pkcs11:object=my key"'}, "%20"),
}
ACCEPTED = {
    "only an object": {},
    "sockets side by side": {"lines": "socket: a.sock\noperator_socket: b.sock"},
    "no pass phrase where none is asked for": {"profile": "binance", "passphrase": None},
    "an id": {"object": '"pkcs11:id=%01%02"'},
    "the right type": {"object": '"pkcs11:object=bn;type=secret-key"'},
    "a space, encoded": {"object": '"pkcs11:object=my%20key"'},
}

# what: (lines of agent.yaml, text in the error)
AGENT_REFUSED = {
    "a socket's path that is too long": (f"socket: {'x' * 120}/a.sock", "107 bytes"),
    "an operators' socket's path that is too long": (f"operator_socket: {'x' * 120}", "107 bytes"),
    "a socket at the policy": ("socket: policy.yaml", "'policy'"),
    "a socket at this file": ("socket: ./agent.yaml", "this file"),
    "a socket at the state's lock": ("state: state\nsocket: state/lock", "a file of the state"),
    "a socket at the state": ("state: state\nsocket: state", "'state'"),
    "a socket at the other's lock": ("socket: a.sock\noperator_socket: a.sock.lock", "the lock of 'socket'"),
    "one path, spelt in two ways": ("socket: run/../run/./a\noperator_socket: run/a", "a path of its own"),
    "a module of text": ("module: /etc/passwd", "not a shared library"),
    "a module that is a program": (f"module: {pathlib.Path('/bin/true').resolve()}", "not a shared library"),
}


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ch-", dir="/tmp"))
        self.addCleanup(lambda: [path.unlink() for path in self.folder.iterdir()] and self.folder.rmdir())

    def check(self, token_uri="pkcs11:token=main", lines="", mode=0o644, profiles=harness.ROOT / "profiles", **fields):
        (self.folder / "policy.yaml").write_text(POLICY.format(**{**GOOD, **fields}).replace("    passphrase: None\n", ""))
        (self.folder / "policy.yaml").chmod(mode)
        module, lines = (lines[len("module: "):], "") if lines.startswith("module: ") else ("softhsm2", lines)
        (self.folder / "agent.yaml").write_text(
            f"profiles: {profiles}\ntokens: {{ main: {{ module: {module}, uri: '{token_uri}' }} }}\n{lines}\n")
        return subprocess.run([harness.AGENT, "--config", self.folder / "agent.yaml", "--check"], capture_output=True,
                              text=True, check=False, env=dict(os.environ))

    def test_what_can_never_work_is_found(self):
        for what, (fields, text) in REFUSED.items():
            with self.subTest(what):
                result = self.check(**fields)
                self.assertEqual(result.returncode, 10, result)
                self.assertIn(text, result.stderr)

    def test_an_agent_that_can_never_start_is_found(self):
        for what, (lines, text) in AGENT_REFUSED.items():
            with self.subTest(what):
                result = self.check(lines=lines)
                self.assertEqual(result.returncode, 10, result)
                self.assertIn(text, result.stderr)

    def test_files_are_read_with_the_agents_rights(self):
        result = self.check(mode=0)
        self.assertEqual(result.returncode, 10, result)
        self.assertIn("Permission denied", result.stderr)

    def test_a_profile_that_cannot_be_read_is_not_called_missing(self):
        profiles = self.folder / "profiles"
        profiles.mkdir()
        self.addCleanup(profiles.rmdir)
        shutil.copy(harness.ROOT / "profiles" / "okx.yaml", profiles)
        self.addCleanup((profiles / "okx.yaml").unlink)
        for path in (profiles / "okx.yaml", profiles):
            with self.subTest(path):
                path.chmod(0)
                result = self.check(profiles=profiles)
                path.chmod(0o755)
                self.assertEqual(result.returncode, 10, result)
                self.assertIn("Permission denied", result.stderr)
                self.assertNotIn("there is no profile", result.stderr)

    def test_what_can_work_passes(self):
        for what, fields in ACCEPTED.items():
            with self.subTest(what):
                result = self.check(**fields)
                self.assertEqual(result.returncode, 0, result)

    def test_a_tokens_uri_names_no_object_and_no_module(self):
        for uri in ("pkcs11:token=main;object=bn", "pkcs11:token=main?module-name=x", "pkcs11:token=my token",
                    "pkcs11:token=x;token=main", "pkcs11:token=main;slot-description=x", "pkcs11:token=main?x-q=1"):
            with self.subTest(uri):
                result = self.check(token_uri=uri)
                self.assertEqual(result.returncode, 10, result)
                self.assertIn("uri", result.stderr)


if __name__ == "__main__":
    unittest.main()

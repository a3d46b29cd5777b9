"""The profiles are sound and agree with docs/exchanges.md, and the program that runs vectors notices each changed byte.

scripts/test runs the vectors themselves (tests/vectors/run.c).
"""

import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, CLI, ROOT, require_programs

VECTORS = ROOT / "tests" / "vectors"
RUN_VECTORS = BUILD / "tests" / "vectors" / "vectors"

# One vector for each way to sign, by its method; every part of it is changed.
TAMPERED = {
    "kraken.json": "POST",
    "okx.json": "GET",
    "binance.json": "GET",
    "extra-upbit.json": "POST",
    "extra-coinbase-es256.json": "GET",
    "extra-coinbase-eddsa.json": "POST",
}
# What looks like a dead man's switch, and the calls of class cancel among these that no value disarms.
SWITCH = re.compile(r"cancel.?(all.?)?(orders.?)?(after|on)|countdown|kill.?switch|dead|dcp|disconnect", re.I)
ONLY_ARMING = {
    "POST /eapi/v1/countdownCancelAllHeartBeat",
    "POST /v2/cancelOrdersAfter",  # Bitvavo: 10 to 300
    "POST /exchange/v1/private/set-cancel-on-disconnect",
    "POST /v1/private/set-cancel-on-disconnect",
    "POST /v2/private/set-cancel-on-disconnect",
    "GET /api/v2/private/enable_cancel_on_disconnect",
    "POST /api/v4/order/kill-switch",  # WhiteBIT: 5 to 600, and null, which is left out
}
# A file with requests that the agent refuses, and how many those are.
REFUSED = ("gate.json", 9)


def profiles():
    return sorted((ROOT / "profiles").glob("*.yaml"))


def run(*words):
    """Runs a program. It prints what differs, which may be a digest, so the output need not be text."""
    return subprocess.run(
        [*words], cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace", timeout=60, check=False
    )


def content_of(file):
    return json.loads((VECTORS / file).read_text())


def with_another(text, at):
    """`text` with one character changed to another one of its kind: a hex digit, a letter, ..."""
    return text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1 :]


def texts_of(vector):
    """The texts of a vector that matter, as (what, the object that holds it, its name there, how much of it)."""
    request = vector["request"]
    for what, entry in (("message", "message_hex"), ("signature", "value")):
        for signed in vector.get("hmac") or vector["signatures"]:
            # The last digit of base64 may have unused bits.
            yield what, signed, entry, len(signed[entry].rstrip("=")) - 1
    yield "url", request, "url", len(request["url"])
    if "body" in request:
        yield "body", request, "body", len(request["body"])
    for name, value in request["headers"].items():
        yield "header " + name, request["headers"], name, len(value)


def changes(vector):
    """Every vector that results from changing one character: [(what, where, the vector)]."""
    found = []
    for number, (what, _, _, size) in enumerate(texts_of(vector)):
        for at in range(size):
            changed = copy.deepcopy(vector)
            _, holder, name, _ = list(texts_of(changed))[number]
            holder[name] = with_another(holder[name], at)
            found.append((what, at, changed))
    return found


class Exchanges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_programs()

    def check_document(self, root, *words, build=BUILD):
        return subprocess.run(
            [root / "scripts" / "exchanges", *(words or ["--check"])],
            env=dict(os.environ, CHANCERY_BUILD=str(build)), capture_output=True, text=True, timeout=60, check=False,
        )

    def test_no_switch_is_disarmed_by_who_may_only_cancel(self):
        only_arming = set()
        for profile in profiles():
            done = run(CLI, "profile", "show", profile.stem, "--json", "--profiles", ROOT / "profiles")
            self.assertEqual(done.returncode, 0, done.stderr)
            for endpoint in json.loads(done.stdout)["endpoints"]:
                call = f"{endpoint['method']} {endpoint['path']}"
                if endpoint["class"] != "cancel" or not SWITCH.search(endpoint["path"]):
                    continue
                if call in ONLY_ARMING:
                    only_arming.add(call)
                else:
                    self.assertEqual(endpoint.get("needs"), ["account"], f"{profile.stem}: {call}")
        self.assertEqual(only_arming, ONLY_ARMING, "a call that is no more")

    def test_the_document_says_what_the_profiles_say(self):
        done = self.check_document(ROOT)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_an_outdated_document_is_reported(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("scripts", "docs"):
                (root / name).mkdir()
            shutil.copy(ROOT / "scripts" / "exchanges", root / "scripts")
            (root / "profiles").symlink_to(ROOT / "profiles")
            self.assertEqual(self.check_document(root).returncode, 1, "no document")
            text = (ROOT / "docs" / "exchanges.md").read_text()
            (root / "docs" / "exchanges.md").write_text(text + "\n")
            self.assertEqual(self.check_document(root).returncode, 1, "a line more")
            for words in (["--write"], ["--check"], []):
                done = self.check_document(root, *words, build=root / "nothing-built")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertRegex(done.stderr, r"\Aexchanges: there is no \S+/nothing-built/chancery; run make first, .*\n\Z")
            self.assertEqual((root / "docs" / "exchanges.md").read_text(), text + "\n", "what fails writes nothing")
            self.assertEqual(self.check_document(root, "--write").returncode, 0)
            self.assertEqual((root / "docs" / "exchanges.md").read_text(), text)

    def test_every_profile_is_sound(self):
        self.assertGreater(len(profiles()), 20)
        for profile in profiles():
            with self.subTest(profile=profile.name):
                done = run(CLI, "profile", "check", profile)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith(profile.stem + ": "), "name and file agree")

    def run_changed(self, file, content):
        """Runs vectors under that file's name: [a line for each], and how it ended."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file
            path.write_text(json.dumps(content))
            done = run(RUN_VECTORS, path)
        _, *lines, _, end = done.stdout.splitlines()
        return lines, end, done.returncode

    def test_vectors_as_a_client_wrote_them_come_out_too(self):
        for file in sorted(path.name for path in VECTORS.glob("*.json")):
            with self.subTest(vectors=file):
                content = content_of(file)
                for vector in content["vectors"]:
                    del vector["asked"]
                lines, end, status = self.run_changed(file, content)
                self.assertEqual((end, status), (f"{len(content['vectors'])} passed, 0 failed", 0), lines)

    def test_one_changed_byte_is_reported(self):
        for file, method in TAMPERED.items():
            with self.subTest(vectors=file):
                content = content_of(file)
                vector = next(each for each in content["vectors"] if each["method"] == method)
                made = changes(vector)
                content["vectors"] = [changed for _, _, changed in made]
                lines, end, status = self.run_changed(file, content)
                self.assertGreater(len(made), 300)
                passed = [
                    (what, at, line)
                    for (what, at, _), line in zip(made, lines, strict=True)
                    if not line.startswith("FAIL")
                ]
                self.assertEqual(passed, [])
                self.assertEqual((end, status), (f"0 passed, {len(made)} failed", 1))

    def test_what_must_be_refused_is_said_and_held_to(self):
        file, count = REFUSED
        content = content_of(file)
        lines, _, status = self.run_changed(file, content)
        self.assertEqual((sum(line.startswith("refused") for line in lines), status), (count, 0))
        for vector in content["vectors"]:
            vector["asked"]["is_refused"] = not vector["asked"].get("is_refused", False)
        _, end, _ = self.run_changed(file, content)
        self.assertEqual(end, f"0 passed, {len(content['vectors'])} failed")

    def test_a_file_without_vectors_is_refused(self):
        for name, text in (
            ("no JSON", "vectors"),
            ("no vectors", '{"clock_ms":1}'),
            ("none", '{"clock_ms":1,"vectors":[]}'),
            ("no clock", '{"vectors":[{}]}'),
            ("no PEM", '{"clock_ms":1,"vectors":[{}],"credentials":{"privateKey":"none"}}'),
        ):
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".json") as out:
                out.write(text)
                out.flush()
                done = run(RUN_VECTORS, "--profile", ROOT / "profiles" / "kraken.yaml", out.name)
                self.assertEqual(done.returncode, 2, done.stdout)


if __name__ == "__main__":
    unittest.main()

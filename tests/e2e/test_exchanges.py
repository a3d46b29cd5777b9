"""The profiles are sound, build real clients' requests to the byte, and agree with docs/exchanges.md.

$CHANCERY_VECTORS may name another folder of vectors, for example of vectors freshly made with a client.
"""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, CLI, ROOT, require_programs

VECTORS = pathlib.Path(os.environ.get("CHANCERY_VECTORS", ROOT / "tests" / "vectors"))
CONFLICT = 5

# Exchanges for which the client's name is not the profile's name.
PROFILE_OF = {
    "binanceusdm": "binance",
    "binancecoinm": "binance",
    "coinbaseexchange": "coinbase-exchange",
    "krakenfutures": "kraken-futures",
    "kucoinfutures": "kucoin",
}

# One vector for each way to sign, and which of its texts are changed. A signed token does not cover the parameters, so
# there a renamed parameter passes as an added one.
ALL = ("message", "signature", "url", "body", "header")
TAMPERED = {
    "kraken.json": ("POST", ALL),
    "okx.json": ("GET", ALL),
    "binance.json": ("GET", ALL),
    "extra-upbit.json": ("POST", ALL),
    "extra-coinbase-es256.json": ("GET", ("message", "signature", "header")),
    "extra-coinbase-eddsa.json": ("POST", ("message", "signature", "header")),
}
SIGNS_NO_PATH = ("binance.json", "extra-upbit.json")


def profiles():
    return sorted((ROOT / "profiles").glob("*.yaml"))


def profile_of(vectors):
    """The profile that a file of vectors is for, by its name: NAME.json, NAME.SCHEME.json, extra-NAME-ANYTHING.json."""
    stem = vectors.stem.removeprefix("extra-")
    stem = PROFILE_OF.get(stem, stem)
    fitting = [
        path for path in profiles() if stem == path.stem or stem.startswith((path.stem + "-", path.stem + "."))
    ]
    return max(fitting, key=lambda path: len(path.stem), default=None)


def chancery(*words):
    """Runs `chancery`. It prints what differs, which may be a digest, so the output need not be text."""
    return subprocess.run(
        [CLI, *words], capture_output=True, encoding="utf-8", errors="replace", timeout=60, check=False
    )


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


def changes(vector, wanted):
    """Every vector that results from changing one character: [(what, where, the vector)]."""
    found = []
    for number, (what, _, _, size) in enumerate(texts_of(vector)):
        for at in range(size if what.split()[0] in wanted else 0):
            changed = copy.deepcopy(vector)
            _, holder, name, _ = list(texts_of(changed))[number]
            holder[name] = with_another(holder[name], at)
            found.append((what, at, changed))
    return found


class Exchanges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_programs()

    def check_document(self, root):
        return subprocess.run(
            [root / "scripts" / "exchanges", "--check"],
            env=dict(os.environ, CHANCERY_BUILD=str(BUILD)), capture_output=True, text=True, timeout=60, check=False,
        )

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

    def test_every_profile_is_sound(self):
        self.assertGreater(len(profiles()), 20)
        for profile in profiles():
            with self.subTest(profile=profile.name):
                done = chancery("profile", "check", profile)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith(profile.stem + ": "), "name and file agree")

    def test_requests_of_a_real_client_come_out_to_the_byte(self):
        files = sorted(VECTORS.glob("*.json"))
        self.assertGreater(len(files), 0, VECTORS)
        for file in files:
            with self.subTest(vectors=file.name):
                profile = profile_of(file)
                self.assertIsNotNone(profile, "there is a profile for it")
                done = chancery("profile", "test", profile, file)
                self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
                self.assertIn(f"{len(json.loads(file.read_text())['vectors'])} passed, 0 failed", done.stdout)

    def lines_of_changed(self, file, method, wanted):
        """Changes a file's first vector of this method; returns the line that reports each change, and the last line."""
        content = json.loads((ROOT / "tests" / "vectors" / file).read_text())
        vector = next(each for each in content["vectors"] if each["method"] == method)
        made = changes(vector, wanted)
        content["vectors"] = [changed for _, _, changed in made]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as out:
            json.dump(content, out)
            out.flush()
            done = chancery("profile", "test", profile_of(pathlib.Path(file)), out.name)
        *lines, end = done.stdout.splitlines()
        said = [(what, at, line) for (what, at, _), line in zip(made, lines, strict=True)]
        return vector, said, end, done

    def test_one_changed_byte_is_reported(self):
        for file, (method, wanted) in TAMPERED.items():
            with self.subTest(vectors=file):
                vector, said, end, done = self.lines_of_changed(file, method, wanted)
                self.assertGreater(len(said), 300)
                passed = [(what, at, line) for what, at, line in said if not line.startswith("FAIL")]
                self.assertEqual(done.returncode, CONFLICT, done.stderr)
                self.assertEqual(end, f"{len(passed)} passed, {len(said) - len(passed)} failed")
                if file in SIGNS_NO_PATH:
                    # The request is valid at another path too; the report says that the profile does not list that path.
                    path_end = len(vector["request"]["url"].partition("?")[0])
                    passed = [
                        (what, at, line)
                        for what, at, line in passed
                        if what != "url" or at >= path_end or "not a listed endpoint" not in line
                    ]
                self.assertEqual(passed, [])


if __name__ == "__main__":
    unittest.main()

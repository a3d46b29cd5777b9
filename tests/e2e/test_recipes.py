"""The recipes of docs/hacking.md work: done in a copy of the tree, they need the files that they name and no other."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import BUILD, ROOT

HACKING = ROOT / "docs" / "hacking.md"


def recipes():
    """The files of each recipe: {title: [path, ...]}."""
    found = {}
    for title, text in re.findall(r"(?ms)^### (Add .*?)\n(.*?)(?=^### |^## |\Z)", HACKING.read_text()):
        lines = re.findall(r"(?m)^Files: (.*)$", text)
        found[title] = re.findall(r"`([^`]+)`", lines[0]) if len(lines) == 1 else []
    return found


def with_row_like(text, row, *changes):
    """`text` with a copy of the one line in which `row` matches after it, changed by each (old, new)."""
    lines = [line for line in text.splitlines(keepends=True) if re.search(row, line)]
    assert len(lines) == 1, f"{row}: {lines}"
    copy = lines[0]
    for old, new in changes:
        assert old in copy, f"{old}: {copy}"
        copy = copy.replace(old, new)
    return text.replace(lines[0], lines[0] + copy)


class Recipes(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="chancery-recipe."))
        self.addCleanup(shutil.rmtree, self.root)
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy(path, self.root)
            elif not path.name.startswith((".", "build")):
                shutil.copytree(path, self.root / path.name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))

    def change(self, title, changes):
        """Changes the copy by {path: function of the text}; they must be the files of the recipe."""
        self.assertEqual(sorted(changes), sorted(recipes()[title]))
        for path, change in changes.items():
            text = (self.root / path).read_text()
            self.assertNotEqual(change(text), text, path)
            (self.root / path).write_text(change(text))

    def run_in_copy(self, *command, **variables):
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=200, check=False,
                              env={**os.environ, **variables})

    def test_every_recipe_names_files_that_exist(self):
        self.assertGreater(len(recipes()), 3)
        for title, files in recipes().items():
            with self.subTest(recipe=title):
                self.assertGreater(len(files), 0)
                self.assertEqual([path for path in files if not (ROOT / path).is_file()], [])

    @unittest.skipIf(harness.AGENT.exists() and harness.is_sanitized(), "what a new row does is the same in every build")
    def test_a_mechanism(self):
        self.change("Add a mechanism", {
            "pkcs11/mechanism.c": lambda text: with_row_like(text, '"hmac-sha256"', ("SHA256", "SHA224"),
                                                             ("sha256", "sha224"), ("32", "28")),
            "tests/unit/pkcs11/test_key.c": lambda text: with_row_like(text, '"hmac-sha256", +"sha256"',
                                                                          ("sha256", "sha224")),
        })
        program = f"{self.root}/built/tests/unit/pkcs11/test_key"
        built = self.run_in_copy("make", "-j2", f"BUILD={self.root}/built", "CFLAGS=-O0", program, MAKEFLAGS="")
        self.assertEqual(built.returncode, 0, built.stdout[-3000:] + built.stderr[-3000:])
        rows = (ROOT / "tests/unit/pkcs11/test_key.c").read_text().count('{"hmac-')
        done = self.run_in_copy(program, CK_RUN_CASE="test_every_secret_length_gives_the_hmac_of_the_secret_itself")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"100%: Checks: {rows + 1},", done.stdout)

    def test_an_endpoint(self):
        call = "POST /0/private/NewlyInvented"
        new = f"  - {{ call: {call}, class: trade }}\n"
        old_table = (ROOT / "docs" / "exchanges.md").read_text()
        exchanges = str(self.root / "scripts" / "exchanges")

        def add_entry(text):
            return text.replace("\nendpoints:\n", "\nendpoints:\n" + new)

        def write_again(_):
            done = self.run_in_copy(exchanges, CHANCERY_BUILD=str(BUILD))
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        self.change("Add an endpoint", {"profiles/kraken.yaml": add_entry, "docs/exchanges.md": write_again})
        checked = self.run_in_copy(str(harness.CLI), "profile", "check", "profiles/kraken.yaml")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        changed = set((self.root / "docs" / "exchanges.md").read_text().splitlines()) - set(old_table.splitlines())
        self.assertEqual([line.split("]")[0] for line in changed], ["| [kraken"])
        self.assertEqual(self.run_in_copy(exchanges, "--check", CHANCERY_BUILD=str(BUILD)).returncode, 0)


if __name__ == "__main__":
    unittest.main()

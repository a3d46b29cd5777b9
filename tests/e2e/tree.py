"""Copies of the source tree, to be changed by a test, and what the Makefile says of it."""

import contextlib
import functools
import hashlib
import importlib.machinery
import importlib.util
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest.mock

from harness import BUILD, ROOT


def folders():
    """The folders of C from which the Makefile builds a library each."""
    return re.findall(r"(?m)^links_(\S+)\s*:=", (ROOT / "Makefile").read_text())


def make_says(expression):
    """What an expression stands for in the Makefile, as words."""
    done = subprocess.run(["make", "-s", "-C", ROOT, f"BUILD={BUILD}", f"--eval=say: ; @echo '{expression}'", "say"],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


def copy(test_class):
    """A copy of all code, which is removed when the tests of the class are done."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="chancery-tree."))
    test_class.addClassCleanup(shutil.rmtree, root)
    for name in sorted({folder.split("/")[0] for folder in folders()} | {"scripts", "adapters"}):
        shutil.copytree(ROOT / name, root / name)
    shutil.copytree(ROOT / "tests", root / "tests", ignore=lambda folder, names: [
        name for name in names if name in ("node_modules", "corpus", "__pycache__") or name.endswith(".json")])
    shutil.copy(ROOT / "Makefile", root)
    return root


def digests(root):
    """{path: digest} of all files in a copy."""
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).digest()
            for path in root.rglob("*") if path.is_file()}


def graph(root):
    """Which folder may use which, as scripts/arrows reads a tree's Makefile."""
    return subprocess.run([root / "scripts" / "arrows", "--graph"], capture_output=True, text=True, check=True).stdout


def violations(root):
    """The lines of scripts/arrows, run in a tree, without its summary. It runs in this process, where it need not read
    again what has not changed."""
    arrows = load_arrows(root)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), unittest.mock.patch.object(sys, "argv", ["arrows"]):
        status = arrows.main()
    lines = out.getvalue().splitlines()[:-1]
    assert (status == 0) == (lines == []), out.getvalue()
    return set(lines)


@functools.lru_cache(maxsize=None)
def load_arrows(root):
    """scripts/arrows of a tree, as a module."""
    loader = importlib.machinery.SourceFileLoader("arrows", str(root / "scripts" / "arrows"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("arrows", loader))
    with unittest.mock.patch.object(sys, "path", [str(root / "scripts"), *sys.path]):
        loader.exec_module(module)
    return module

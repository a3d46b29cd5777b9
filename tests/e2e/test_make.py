"""What make does besides building: install, uninstall, help, compile_commands.json."""

import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest
from unittest import mock

import harness
from harness import BUILD, ROOT, require_programs


def make(*words):
    """Runs make, which takes the programs as they were built, whatever with."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-s", "-C", str(ROOT), f"BUILD={BUILD}", "-o", "all", "-o", str(BUILD / "chancery"), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"make {' '.join(words)}: {done.stderr}")
    return done.stdout


class Installed(unittest.TestCase):
    """`make install` into a folder of its own."""

    prefix = "/usr/local"

    @classmethod
    def setUpClass(cls):
        require_programs()
        folder = tempfile.TemporaryDirectory(prefix="chancery-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.variables = [f"DESTDIR={folder.name}", f"PREFIX={cls.prefix}"]
        cls.destination = pathlib.Path(folder.name)
        cls.root = pathlib.Path(folder.name + cls.prefix)
        make("install", *cls.variables)


class Install(Installed):
    def files(self):
        return {str(path.relative_to(self.root)): path for path in self.root.rglob("*") if not path.is_dir()}

    def test_every_file_is_in_its_place(self):
        wanted = {"bin/chancery", "bin/chancery-agent", "libexec/chancery/chancery-front",
                  "libexec/chancery/chancery-token", "libexec/chancery/chancery_feed.py", "libexec/chancery/tickers.py",
                  "libexec/chancery/chancery.py", "lib/systemd/system/chancery-feed.service",
                  "lib/systemd/system/chancery-doctor.service", "lib/systemd/system/chancery-doctor.timer",
                  "share/bash-completion/completions/chancery",
                  "lib/systemd/system/chancery-agent.service"}
        drop_ins = ROOT / "docs" / "systemd" / "chancery-agent.service.d"
        wanted |= {f"share/doc/chancery/systemd/{path.name}" for path in drop_ins.iterdir()}
        wanted |= {f"share/chancery/profiles/{path.name}" for path in (ROOT / "profiles").glob("*.yaml")}
        wanted |= {f"share/man/man{path.suffix[1:]}/{path.name}" for path in (ROOT / "docs" / "man").iterdir()}
        self.assertEqual(set(self.files()), wanted)

    def test_modes(self):
        for name, path in self.files().items():
            is_program = name.startswith(("bin/", "libexec/"))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o755 if is_program else 0o644, name)

    def test_the_installed_feed_finds_its_parts(self):
        done = subprocess.run(["python3", "-IB", self.root / "libexec/chancery/chancery_feed.py", "--help"], capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_installed_agent_starts(self):
        with mock.patch.multiple(harness, AGENT=self.root / "bin/chancery-agent", CLI=self.root / "bin/chancery"):
            agent = harness.Agent()
            self.addCleanup(agent.close)
            check = subprocess.run([str(harness.AGENT), "--config", str(agent.config), "--check"],
                                   env=agent.environment(), capture_output=True, check=False)
            self.assertEqual(check.returncode, 0, check.stderr)
            agent.make_token()
            agent.start()
            self.assertEqual(set(agent.processes()), {"core", "front", "token"})

    def test_uninstall_leaves_nothing(self):
        with tempfile.TemporaryDirectory(prefix="chancery-install-") as folder:
            make("install", f"DESTDIR={folder}")
            make("uninstall", f"DESTDIR={folder}")
            left = [path for path in pathlib.Path(folder).rglob("*") if not path.is_dir() or "chancery" in path.name]
            self.assertEqual(left, [])


class Refused(unittest.TestCase):
    def test_a_space_in_a_path(self):
        """Make would take it for two paths, and install to the wrong ones."""
        with tempfile.TemporaryDirectory(prefix="chancery-install-") as folder:
            for name in ("DESTDIR", "PREFIX"):
                for target in ("install", "uninstall"):
                    with self.subTest(name=name, target=target):
                        with self.assertRaisesRegex(AssertionError, rf"{name} may not contain a space: '{folder}/a b'"):
                            make(target, f"DESTDIR={folder}", f"{name}={folder}/a b")
            self.assertEqual(os.listdir(folder), [])


class Prefix(Installed):
    prefix = "/opt/chancery"

    def test_texts_name_the_prefix(self):
        for name, says in (("lib/systemd/system/chancery-agent.service", "ExecStart=/opt/chancery/bin/chancery-agent"),
                           ("lib/systemd/system/chancery-doctor.service", "ExecStart=/opt/chancery/bin/chancery doctor"),
                           ("lib/systemd/system/chancery-feed.service", "/opt/chancery/libexec/chancery/chancery_feed.py"),
                           ("share/man/man1/chancery.1", "/opt/chancery/share/chancery/profiles")):
            text = (self.root / name).read_text()
            self.assertIn(says, text)
            self.assertNotIn("/usr/local", text)


class AboutTheBuild(unittest.TestCase):
    def test_help_lists_every_target_and_variable(self):
        text = make("help")
        makefile = (ROOT / "Makefile").read_text()
        phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].split()
        targets = set(phony) - {"all", "FORCE", "$(CHECKS)", "\\"} | {"compile_commands.json"}
        variables = set(re.findall(r"^(\w+) \?= ", makefile, re.MULTILINE)) | {"DESTDIR", "CPPFLAGS", "SANITIZE", "FUZZ", "COVERAGE"}
        for name in targets | variables:
            self.assertRegex(text, rf"\b{re.escape(name)}\b")

    def test_compile_commands_compile(self):
        make(str(BUILD / "compile_commands.json"))
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        files = {command["file"] for command in commands}
        self.assertEqual(len(files), len(commands))
        self.assertLess({"base/paths.c", "cli/main.c", "agent/core/main.c", "tests/support/suite.c"}, files)
        for command in commands:
            self.assertTrue((pathlib.Path(command["directory"]) / command["file"]).exists(), command["file"])
        one = next(command for command in commands if command["file"] == "base/paths.c")
        output = one["arguments"].index("-o")
        arguments = one["arguments"][:output] + ["-fsyntax-only"] + one["arguments"][output + 2 :]
        done = subprocess.run(arguments, cwd=one["directory"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

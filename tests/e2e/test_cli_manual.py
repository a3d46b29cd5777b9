"""The manuals in docs/man say what the programs do."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import BUILD, ROOT, Sandbox  # noqa: E402

MANUALS = pathlib.Path(ROOT) / "docs" / "man"


def section(manual, title):
    text = (MANUALS / manual).read_text()
    return re.search(rf"(?ms)^\.S[hs] {title}\n(.*?)(?=^\.Sh |\Z)", text)[1]


def options_of_items(text):
    """The options that the items of a list are about."""
    items = "\n".join(re.findall(r"(?m)^\.It (.*)$", text))
    return set(re.findall(r"Fl -([a-z-]+)", items))


def statuses(text):
    return re.findall(r"(?m)^\.It (\d+)$", text)


class Cli(Sandbox):
    MANUAL = "chancery.1"

    def commands(self):
        return re.findall(r"(?m)^  ([a-z]+(?: [a-z]+)?)  +\S", self.ok("--help").out.split("commands:\n")[1])

    def options(self):
        """The options of all commands, with the variable that stands in for each, or ''."""
        return {option for command in self.commands() for option in re.findall(
            r"(?m)^  --([a-z-]+)[ \[].*?(?:\(or \$([A-Z_]+)\))?$", self.ok(*command.split(), "--help").out)}

    def test_commands(self):
        synopsis = re.findall(r"(?m)^\.Nm\n\.Cm ([a-z ]+)$", section(self.MANUAL, "SYNOPSIS"))
        described = re.findall(r"(?m)^\.It Cm ([a-z ]+)$", section(self.MANUAL, "DESCRIPTION"))
        self.assertGreater(len(self.commands()), 10)
        self.assertEqual(synopsis, self.commands() + ["help"])
        self.assertEqual(described, self.commands())

    def test_options(self):
        options = {name for name, _ in self.options()}
        self.assertEqual(options_of_items(section(self.MANUAL, "Options")), options - {"help"})

    def test_variables(self):
        described = set(re.findall(r"(?m)^\.It Ev (CHANCERY_\w+)\nDefault of\n\.Fl -([a-z-]+) \.",
                                   section(self.MANUAL, "ENVIRONMENT")))
        self.assertEqual(described, {(variable, name) for name, variable in self.options() if variable})

    def test_exit_statuses(self):
        shown = re.findall(r"(?m)^ *(\d+)  ", self.ok("help", "exit-codes").out)
        self.assertEqual(statuses(section(self.MANUAL, "EXIT STATUS")), shown)

    def test_classes(self):
        rows = json.loads(self.ok("profile", "list", "--json").out)["profiles"]
        self.assertEqual(re.findall(r"(?m)^\.It Cm (\w+)$", section("policy.yaml.5", "Classes").split(".Ss")[0]),
                         list(rows[0]["endpoints_by_class"]))


class Agent(unittest.TestCase):
    MANUAL = "chancery-agent.8"

    def usage(self):
        return subprocess.run([os.path.join(BUILD, "chancery-agent"), "--help"], capture_output=True, text=True,
                              check=True).stdout

    def test_options(self):
        self.assertEqual(options_of_items(section(self.MANUAL, "DESCRIPTION")),
                         set(re.findall(r"(?m)^  --([a-z-]+)", self.usage())))

    def test_exit_statuses(self):
        said = self.usage().split("Exit status:")[1]
        self.assertEqual(statuses(section(self.MANUAL, "EXIT STATUS")), re.findall(r"\b(\d+) ", said))


class Files(unittest.TestCase):
    def assert_fields(self, manual, sources):
        """The fields in the manual, and which are required, are those of the tables that the agent reads by."""
        code = "".join(source.read_text() for source in pathlib.Path(ROOT).glob(sources))
        read = {(name, is_required == "true")
                for name, is_required in re.findall(r'(?m)^ +\{ "(\w+)", +(true|false), ', code)}
        self.assertGreater(len(read), 5)
        described = {(name, "\nRequired.\n" in text) for name, text in re.findall(
            r"(?ms)^\.It Ic (\w+)\n(.*?)(?=^\.It |^\.El)", (MANUALS / manual).read_text())}
        self.assertEqual(described, read)

    def test_fields_of_agent_yaml(self):
        self.assert_fields("agent.yaml.5", "agent/core/config*.c")

    def test_fields_of_policy_yaml(self):
        self.assert_fields("policy.yaml.5", "policy/*.c")


class Form(unittest.TestCase):
    def test_mandoc_finds_nothing_wrong(self):
        if shutil.which("mandoc") is None:
            self.skipTest("mandoc is not installed")
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *sorted(map(str, MANUALS.iterdir()))],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_references_lead_somewhere(self):
        names = {path.name for path in MANUALS.iterdir()}
        for path in MANUALS.iterdir():
            for name, number in re.findall(r"(?m)^\.Xr (\S+) (\d)", path.read_text()):
                if name.startswith("chancery") or name.endswith(".yaml"):
                    self.assertIn(f"{name}.{number}", names, path.name)


if __name__ == "__main__":
    unittest.main()

"""Documents, scripts and code agree with each other."""

import itertools
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import frames
from harness import BUILD, ROOT


def packages():
    """scripts/packages as {name: reason}."""
    found = {}
    for line in (ROOT / "scripts" / "packages").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition("  # ")
            found[name] = reason
    return found


TEXT = r'"((?:[^"\\]|\\.)*)"'


def text_of(literal):
    """What a string literal of C stands for."""
    return literal.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def mistakes():
    """tests/unit/policy/mistakes.def as {(from, to): (line, message)}."""
    code = (ROOT / "tests" / "unit" / "policy" / "mistakes.def").read_text()
    rows = re.findall(rf"MISTAKE\({TEXT}, {TEXT},\s*(\d+), {TEXT}\)", code)
    return {(text_of(one), text_of(other)): (line, text_of(message)) for one, other, line, message in rows}


class Documents(unittest.TestCase):
    def test_readme_names_every_package_with_its_reason(self):
        rows = dict(re.findall(r"^\| `([a-z0-9.+-]+)` \| (.*?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
        self.assertEqual(rows, packages())

    def test_every_package_has_a_reason(self):
        self.assertEqual([name for name, reason in packages().items() if len(reason) < 4], [])

    def test_every_test_that_threats_names_exists(self):
        text = (ROOT / "docs" / "threats.md").read_text()
        named = set(re.findall(r"`(test_[a-z0-9_]+)`", text))
        self.assertGreater(len(named), 10)
        known = {
            name
            for folder in ("tests/unit", "tests/regress", "tests/e2e", "tests/faults", "tests/tokens")
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".c", ".py")
            for name in re.findall(r"\btest_\w+", path.read_text())
        }
        self.assertEqual(sorted(named - known), [])

    def test_links_between_documents_lead_somewhere(self):
        for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
                with self.subTest(document=document.name, target=target):
                    self.assertTrue((document.parent / target).exists())

    def test_protocol_lists_every_exit_status(self):
        code = (ROOT / "base" / "statuses.def").read_text()
        rows = re.findall(r'^STATUS\(\w+, +"([a-z-]+)", +(\d+), +(\d+),', code, re.MULTILINE)
        self.assertGreater(len(rows), 10)
        text = (ROOT / "docs" / "protocol.md").read_text()
        for name, http_status, exit_status in rows:
            if name != "ok":
                self.assertRegex(text, rf"\| `{name}` \| {http_status} \| {exit_status} \|")

    def test_the_steps_of_a_request_are_those_of_the_code(self):
        code = (ROOT / "agent" / "core" / "request.c").read_text()
        table = code[code.index("ch_step ch_steps[] = {") : code.index("const size_t ch_step_count")]
        steps = re.findall(r'^ +\{ "([a-z]+)",', table, re.MULTILINE)
        self.assertGreater(len(steps), 10)
        text = (ROOT / "docs" / "architecture.md").read_text()
        section = text[text.index("| step |") : text.index("## What is signed")]
        self.assertEqual(re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE), steps)
        described = " ".join((ROOT / "docs" / "openapi.yaml").read_text().split())
        self.assertIn(", ".join(steps[:-1]) + " or " + steps[-1], described)

    def test_protocol_lists_every_frame(self):
        listed = (ROOT / "docs" / "protocol.md").read_text().splitlines()
        rows = [row for lines in frames.tables().values() for row in lines]
        self.assertGreater(len(rows), 20)
        self.assertEqual([row for row in rows if row not in listed], [])
        of_frames = re.compile(r"\| \d+ \| [A-Z_]+ \|")
        self.assertEqual([line for line in listed if of_frames.match(line) and line not in rows], [])

    def test_mistakes_are_those_that_the_loader_is_tested_with(self):
        page = (ROOT / "docs" / "mistakes.md").read_text()
        rows = re.findall(r"^\| `(.*?)` \| (?:`(.*?)`|left out) \| (\d+) \| (.*) \|$", page, re.MULTILINE)
        self.assertGreaterEqual(len(rows), 30)
        known = mistakes()
        for sound, wrong, line, message in rows:
            with self.subTest(wrong=wrong):
                self.assertEqual((line, message), known.get((sound, wrong)))
        code = (ROOT / "tests" / "unit" / "policy" / "policy_rig.c").read_text().split("rig_policy[] =")[1].split(";\n\n")[0]
        policy = text_of("".join(re.findall(TEXT, code)))
        shown = page.split("\n## The policy\n\n")[1]
        self.assertEqual(shown, "".join(f"    {line}\n" for line in policy.splitlines()))

    def test_policy_lists_what_can_be_accepted(self):
        page = (ROOT / "docs" / "policy.md").read_text()
        listed = set(re.findall(r"^\| ([a-z]+) \| `([a-z-]+)` \| .* \|$", page, re.MULTILINE))
        named = set()
        for profile in (ROOT / "profiles").glob("*.yaml"):
            section = re.search(r"(?ms)^acceptable_confusions:\n(.*?)(?=^\S)", profile.read_text())
            names = re.findall(r"(?m)^  ([a-z-]+):$", section[1]) if section else []
            named |= {(profile.stem, name) for name in names}
        self.assertGreater(len(named), 20)
        self.assertEqual(listed, named)

    def test_scripts_can_be_run(self):
        for name in ("scripts/setup", "scripts/demo", "scripts/test", "scripts/exchanges", ".ci/run"):
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)


class Policies(unittest.TestCase):
    """The policies that documents show load. Their users are those of other machines."""

    def check(self, policy):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "policy.yaml").write_text(re.sub(r"\buser: [a-z-]+", lambda _: f"uid: {next(self.uids)}", policy))
            config = pathlib.Path(folder, "agent.yaml")
            config.write_text(f"profiles: {ROOT}/profiles\nstate: {folder}/state\nsocket: {folder}/run/agent.sock\n"
                              'tokens: { main: { module: softhsm2, uri: "pkcs11:token=main" } }\n')
            done = subprocess.run([BUILD / "chancery-agent", "--config", config, "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def setUp(self):
        self.uids = itertools.count(3000)

    def test_examples_load(self):
        names = {path.name for path in (ROOT / "examples").iterdir()}
        self.assertGreaterEqual(len(names), 5)
        for name in sorted(names):
            with self.subTest(name):
                self.check((ROOT / "examples" / name).read_text())

    def test_the_exposure_of_the_examples_is_up_to_date(self):
        done = subprocess.run([ROOT / "scripts" / "exposures", "--check"], capture_output=True, text=True, check=False,
                              env={**os.environ, "CHANCERY_BUILD": str(BUILD)})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_examples_are_described(self):
        page = (ROOT / "docs" / "examples.md").read_text()
        for path in (ROOT / "examples").iterdir():
            self.assertIn(f"](../examples/{path.name})", page)
            self.assertIn(f"<!-- exposure examples/{path.name} -->", page)

    def test_the_policy_of_the_policy_page_loads(self):
        page = (ROOT / "docs" / "policy.md").read_text()
        lines = re.search(r"(?m)^    version: 1\n(?:    .*\n)+", page)[0].splitlines()
        self.check("".join(line[4:] + "\n" for line in lines))


if __name__ == "__main__":
    unittest.main()

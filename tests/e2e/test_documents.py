"""Documents, scripts and code agree with each other."""

import os
import re
import unittest

import frames
from harness import ROOT


def packages():
    """scripts/packages as {name: reason}."""
    found = {}
    for line in (ROOT / "scripts" / "packages").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition("  # ")
            found[name] = reason
    return found


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
        sources = "".join(
            path.read_text()
            for folder in ("tests/unit", "tests/regress", "tests/e2e", "tests/faults", "tests/tokens")
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".c", ".py")
        )
        self.assertEqual([name for name in sorted(named) if not re.search(rf"\b{name}\b", sources)], [])

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

    def test_scripts_can_be_run(self):
        for name in ("scripts/setup", "scripts/demo", "scripts/test", "scripts/exchanges", ".ci/run"):
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)


if __name__ == "__main__":
    unittest.main()

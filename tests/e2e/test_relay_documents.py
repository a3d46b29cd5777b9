"""The relay's manual and documents say what the program does."""

import pathlib
import re
import subprocess
import unittest

from relay_rig import RELAY, ROOT

MANUAL = (ROOT / "docs" / "man" / "chancery-relay.8").read_text()
DOCUMENT = (ROOT / "docs" / "relay.md").read_text()


def items(text):
    return [name.strip(" ,") for line in re.findall(r"(?m)^\.It Ic (.*)$", text) for name in line.split(" , ")]


def tables():
    """The names of the fields in each table of relay/config.c."""
    source = (ROOT / "relay" / "config.c").read_text()
    return {name: re.findall(r'(?m)^    \{ "(\w+)",', rows)
            for name, rows in re.findall(r"(?s)static const ch_field (\w+)\[\] = \{\n(.*?)\n\};", source)}


class TestDocuments(unittest.TestCase):
    def test_options(self):
        usage = subprocess.run([RELAY, "--help"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(set(re.findall(r"(?m)^\.It Fl -([a-z-]+)", MANUAL)), set(re.findall(r"(?m)^  --([a-z-]+)", usage)))

    def test_exit_statuses(self):
        usage = subprocess.run([RELAY, "--help"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(re.findall(r"(?m)^\.It (\d+)$", MANUAL), re.findall(r"(\d+) [a-z]", usage.split("Exit status:")[1]))

    def test_version(self):
        done = subprocess.run([RELAY, "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(done.stdout, r"^chancery-relay \d")

    def test_wrong_usage(self):
        for arguments in ([], ["--config"], ["--config", "x", "y"], ["--no-such"]):
            self.assertEqual(subprocess.run([RELAY, *arguments], capture_output=True).returncode, 2)

    def test_fields(self):
        listed = items(MANUAL.split(".Ss Configuration")[1].split(".Ss Signals")[0])
        self.assertEqual(sorted(listed), sorted(field for rows in tables().values() for field in rows))

    def test_default_times(self):
        source = (ROOT / "relay" / "config.c").read_text()
        defaults = dict(re.findall(r"\.(\w+) = (\d+)[,}]", source.split(".times = {")[1]))
        described = dict(re.findall(r"(?m)^\.It Ic (\w+)_s\n.*\((\d+)\)$", MANUAL))
        self.assertEqual(described, {name: defaults[name] for name in described})
        self.assertEqual(len(described), 10)

    def test_bounds(self):
        for path, name, value in (("bots.h", "CH_BOTS_MAX", "1024"), ("requests.c", "REQUESTS_MAX", "512"),
                                  ("bot_head.h", "CH_BOT_HEADERS_MAX", "64"), ("outcomes.c", "RECORDS_MAX", "8192"),
                                  ("sender.c", "IDLE_MAX_S", "15L")):
            source = (pathlib.Path(ROOT) / "relay" / path).read_text()
            self.assertRegex(source, rf"(?m)^#define {name} {value}\b")
            self.assertIn(f"{int(value.rstrip('L')):,}", DOCUMENT)


if __name__ == "__main__":
    unittest.main()

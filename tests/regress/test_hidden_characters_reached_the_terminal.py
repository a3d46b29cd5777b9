"""The label of a token or a key could hold a right-to-left override or a zero-width space, which lists and errors printed as it
was: the terminal showed another name than the key's. Now a person sees '?', and --json has the exact label, escaped, so that the
key can be named."""

import json
import pathlib
import subprocess
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import MODULE, PIN, SO_PIN, Sandbox

LABELS = {
    "an override": "\u202ertl",
    "an isolate": "\u2066x\u2069",
    "an Arabic letter mark": "a\u061cb",
    "a mark of direction": "a\u200fb",
    "a zero-width space": "zw\u200b",
    "a word joiner": "w\u2060j",
    "a byte order mark": "\ufeffbom",
    "a line separator": "a\u2028b",
    "a soft hyphen": "a\u00adb",
    "a tag": "t\U000e0041",
    "an escape": "\x1b[31mKEY\x07",
    "a C1 control": "\x9b31m",
}
UNSEEN = set("".join(LABELS.values())) - set("rtlxabzwjomeKEY[3 1mt")


class Labels(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()

    def tool(self, *words):
        subprocess.run(words, env=self.env, capture_output=True, check=True)

    def assert_harmless(self, text):
        self.assertEqual(UNSEEN & set(text), set(), ascii(text))

    def test_a_key_is_shown_harmless_and_named_exactly(self):
        for label in LABELS.values():
            self.tool("pkcs11-tool", "--module", MODULE, "--token-label", "demo", "--login", "--pin", PIN, "--keygen",
                      "--key-type", "GENERIC:32", "--sensitive", "--label", label)
        shown = self.ok("key", "list", stdin=PIN).out
        self.assert_harmless(shown)
        self.assertIn("???rtl", shown)
        self.assert_harmless(self.run_cli("key", "public", "--object", "none", stdin=PIN).err)
        listed = self.ok("key", "list", "--json", stdin=PIN).out
        self.assert_harmless(listed)
        self.assertEqual({key["label"] for key in json.loads(listed)["keys"]}, set(LABELS.values()))
        for label in self.keys():
            self.ok("key", "delete", "--yes", "--object", "pkcs11:object=" + urllib.parse.quote(label), stdin=PIN)
        self.assertEqual(self.keys(), {})

    def test_a_token_is_shown_harmless_and_named_exactly(self):
        for label in LABELS.values():
            self.tool("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN)
        self.assert_harmless(self.ok("token", "list").out)
        listed = self.ok("token", "list", "--json").out
        self.assert_harmless(listed)
        self.assertLessEqual(set(LABELS.values()), {token["label"] for token in json.loads(listed)["tokens"]})
        said = self.run_cli("key", "list", "--token", "pkcs11:token=none", stdin=PIN).err
        self.assertIn("there are: ", said)
        self.assert_harmless(said)


if __name__ == "__main__":
    unittest.main()

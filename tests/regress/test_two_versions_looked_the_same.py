"""A bot may name the version of a key that signs, and people approve that too; but two requests that differed in nothing else
read the same."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import approving
import harness

ENTRIES = "require:\n  - { name: later, classes: [trade], delay: 1h }\n"


class Versions(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(cls.agent.policy.read_text().replace("keys:\n", ENTRIES + "keys:\n", 1))

    def shown(self, **version):
        answer = approving.Bot(self.agent).ask({**approving.order(), **version})
        self.assertEqual(answer.status, 202, answer)
        return self.agent.must("approvals", "show", str(answer.json["id"]))

    def test_the_version_is_shown(self):
        line = "with      key kraken-main, account kraken-main; kraken, live"
        self.assertIn(f"\n{line}; by version kraken-key-id\n", self.shown(key_id="kraken-key-id"))
        self.assertIn(f"\n{line}\n", self.shown())


if __name__ == "__main__":
    unittest.main()

"""A freeze is of a name. After a reload that gave a frozen key, or a caller, another name, it traded again, and nothing said so."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness


class Renamed(harness.AgentTest):
    def test_the_log_warns_of_what_is_frozen_and_has_its_name_no_more(self):
        before = self.agent.policy.read_text()
        self.agent.must("freeze", "key:binance-main", "other", "--reason", "odd orders")
        renamed = before.replace("binance-main", "renamed").replace("pkcs11:object=renamed", "pkcs11:object=binance-main")
        renamed = re.sub(r"\bother\b", "different", renamed)
        for text in (before, renamed):
            self.assertNotIn("that name no more", self.agent.log())
            self.agent.policy.write_text(text)
            self.agent.must("reload")
        log = self.agent.log()
        self.assertIn("key 'binance-main' is halted (tester: odd orders), and the policy has that name no more", log)
        self.assertIn("caller 'other' is halted (tester: odd orders), and the policy has that name no more", log)


if __name__ == "__main__":
    unittest.main()

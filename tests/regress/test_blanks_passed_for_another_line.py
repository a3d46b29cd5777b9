"""People approve what they read, and read it on a terminal that breaks long lines. An address that was filled up with blanks put
`to        cold-wallet` where a line begins; one with a comma in it named a network that the request did not name; and letters
of another alphabet looked like those of a known name without a word. The listing showed the first order of a batch as if that
were all."""

import copy
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import approving
import harness

WITHDRAWAL = {"method": "POST", "path": "/0/private/Withdraw", "params": {"asset": "XBT", "key": "cold", "amount": "0.7"}}
ORDER = {"ordertype": "limit", "type": "buy", "volume": "0.001", "price": "37500"}
BATCH = {"method": "POST", "path": "/0/private/AddOrderBatch",
         "params": {"pair": "XBTUSD", "orders": [ORDER, {**ORDER, "volume": "1000"}]}}
ENTRIES = """\
require:
  - { name: later, classes: [trade, withdraw], delay: 1h }
"""
MAY_WITHDRAW = "  - { name: out, caller: tester, key: kraken-main, classes: [withdraw], to: any, unlimited: true }\n"


class WhatPeopleRead(harness.AgentTest):
    @classmethod
    def prepare(cls):
        text = cls.agent.policy.read_text().replace("allow:\n", "allow:\n" + MAY_WITHDRAW, 1)
        cls.agent.policy.write_text(text.replace("keys:\n", ENTRIES + "keys:\n", 1))

    def shown(self, document):
        """The lines of `approvals show`, and what the listing says."""
        bot = approving.Bot(self.agent)
        answer = bot.ask(document)
        self.assertEqual(answer.status, 202, answer)
        id_ = str(answer.json["id"])
        text = self.agent.must("approvals", "show", id_)
        rows = json.loads(self.agent.must("approvals", "list", "--json"))["approvals"]
        bot.withdraw(id_)
        return text, next(row["what"] for row in rows if str(row["id"]) == id_)

    def to(self, address):
        document = copy.deepcopy(WITHDRAWAL)
        document["params"]["key"] = address
        return self.shown(document)

    def test_blanks_in_a_row_are_marked(self):
        address = "bc1qevil" + 60 * " " + "to        cold-wallet"
        text, what = self.to(address)
        self.assertNotIn("to  ", text.replace("\nto  ", ""))
        self.assertNotIn("  ", what)
        self.assertIn('key "bc1qevil ?', text)
        self.assertIn("mind      some characters cannot be shown, and stand as '?' above\n", text)

    def test_an_address_does_not_name_a_network(self):
        text, what = self.to("cold, network Bitcoin")
        self.assertTrue(what.startswith('withdraw 0.7 XBT to "cold, network Bitcoin", an unknown network'), what)
        self.assertIn(what, text)

    def test_letters_of_other_alphabets_are_mentioned(self):
        foreign = "mind      some characters are none of ASCII, and may look like others than they are\n"
        self.assertIn(foreign, self.to("c\u043eld")[0])
        self.assertNotIn(foreign, self.to("cold")[0])

    def test_the_listing_says_that_there_is_more(self):
        what = self.shown(BATCH)[1]
        self.assertTrue(what.startswith("(among other things) buy 0.001 BTC"), what)
        self.assertTrue(self.shown(approving.order())[1].startswith("buy 1.25 BTC"))


if __name__ == "__main__":
    unittest.main()

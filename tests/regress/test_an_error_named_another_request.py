"""The relay keeps the shapes of errors that the agent names with a signature. The id of that request stood in them, so a bot
that asked while the agent was away was told of a request that was not its own."""

import re
import unittest

import relaying
from relay_rig import RelayTest, SHAPES

NOT_SENT = {**SHAPES["not-sent"], "body": '{"msg":"request %s was not sent","id":"%s"}' % (relaying.NO_ID, relaying.NO_ID)}


class AnotherRequest(RelayTest):
    def test_an_error_names_its_own_request(self):
        told = {"effects": True, "serial": False, "errors": {**SHAPES, "not-sent": NOT_SENT}}
        self.agent.judge = lambda question, key: self.agent.sign(question, key, relay=told)
        self.assertEqual(self.call("POST", "/order", "one").status, 200)
        self.agent.judge = lambda *_: False
        reply = self.call("POST", "/order", "two")
        one, two = dict.fromkeys(re.findall(r"request ([0-9a-f]{32}) ", self.log()))
        self.assertNotEqual(one, two)
        self.assertEqual((reply.status, reply.json), (503, {"msg": f"request {two} was not sent", "id": two}))
        self.assertEqual(self.agent.asked[1]["relay"], {"id": two, "for": "bot", "errors": SHAPES["tag"]})


if __name__ == "__main__":
    unittest.main()

"""Requests of SDKs that a relay brings: undone, judged as what they are, signed once."""

import copy
import os
import unittest

import harness
import relaying
import test_wire
from harness import wait_until
from relaying import Relay

KEY = "binance-relay"


class RelayedWire(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID))

    def setUp(self):
        super().setUp()
        self.relay = Relay(self.agent)
        self.addCleanup(self.relay.close)

    def order(self, name, **more):
        return test_wire.binance(f"{test_wire.ORDER}&newClientOrderId={name}".replace("quantity=1&", "quantity=0.1&"), **more)

    def signed(self, document, key=KEY):
        answer, drawn = self.relay.sign(key, document)
        self.assertEqual(answer.status, 200, answer)
        return answer.json, drawn

    def test_an_order_is_signed_anew_and_once(self):
        document = self.order("a")
        answer, drawn = self.signed(document)
        self.assertIn("newClientOrderId=a", answer["body"])
        self.assertEqual((answer["relay"]["effects"], answer["relay"]["serial"]), (True, False))
        again, _ = self.relay.sign(KEY, document)
        self.assertEqual((again.status, again.json["relay_id"]), (409, drawn))
        other = copy.deepcopy(document)
        other["wire"]["headers"]["User-Agent"] = "sdk/2"  # no longer byte for byte
        self.assertEqual(self.relay.sign(KEY, other)[0].status, 200)

    def test_what_was_sent_does_not_look_refused_when_its_time_is_over(self):
        document = self.order("b&recvWindow=3000")
        _, drawn = self.signed(document)
        with self.agent.client() as bot:
            wait_until(lambda: "s old" in bot.post("/v1/keys/binance-direct/check", document).body.decode(), "its time is over")
        again, _ = self.relay.sign(KEY, document)
        self.assertEqual((again.status, again.json["relay_id"]), (409, drawn))

    def test_a_read_needs_read_alone_and_may_be_repeated(self):
        document = test_wire.binance("", method="GET", path="/api/v3/account")
        for _ in range(2):
            answer, _ = self.signed(document)
            self.assertFalse(answer["relay"]["effects"])

    def test_a_public_call_has_no_relay_member_and_no_id_is_used(self):
        document = {"wire": {"method": "GET", "url": "/api/v3/time"}}
        answer, drawn = self.signed(document)
        self.assertEqual((answer["public"], "relay" in answer), (True, False))
        self.assertEqual(self.relay.not_sent(drawn).json["unknown"], [drawn])

    def test_a_nonce_is_the_agents(self):
        answer, _ = self.signed(test_wire.kraken("ordertype=limit&pair=XBTUSD&price=375&type=buy&volume=0.1"), "kraken-relay")
        self.assertTrue(answer["relay"]["serial"])

    def test_what_is_refused_is_told_as_the_exchange_would(self):
        answer, _ = self.relay.sign(KEY, test_wire.binance("coin=BTC&address=bc1qexample&amount=1", path="/sapi/v1/capital/withdraw/apply"))
        self.assertEqual((answer.status, answer.json["rule"]), (403, "class"))
        self.assertIn("code", answer.json["exchange_error"]["body"])


if __name__ == "__main__":
    unittest.main()

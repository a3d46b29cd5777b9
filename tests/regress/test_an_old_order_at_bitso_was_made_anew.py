"""A request that says no time but a nonce, and this is a time, is not made anew if it is of before the agent's start. At
Bitso the nonce stands within a header, between the key's id and the signature, and was not looked at: an order that was
given up with the agent's last run was signed again."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

KEY = """\
  bitso-main:
    token: main
    object: "pkcs11:object=binance-main"
    profile: bitso
    scheme: hmac
    key_id: "bitso-id"
"""


def order():
    return {"wire": {"method": "POST", "url": "https://bitso.com/api/v3/orders",
                     "headers": {"Authorization": f"Bitso dummy:{time.time_ns() // 1_000_000}:dummy",
                                 "Content-Type": "application/json"},
                     "body": '{"book":"btc_mxn","side":"buy","type":"limit","major":"0.01","price":"100"}'}}


class Restart(harness.AgentTest):
    @classmethod
    def prepare(cls):
        entry = harness.allow("bitso", "tester", "bitso-main", "trade")
        cls.agent.policy.write_text(harness.with_key(cls.agent.policy.read_text(), KEY, entry))

    def sign(self, document):
        with self.agent.client() as client:
            return client.sign("bitso-main", document)

    def test_a_nonce_within_a_header_is_held_against_the_start(self):
        before = order()
        self.assertEqual(self.sign(before).status, 200)
        self.agent.stop()
        self.agent.start()
        self.agent.unlock()
        answer = self.sign(before)
        self.assertEqual(answer.status, 400, answer)
        self.assertIn("by its 'Authorization' the request was made before the agent started", answer.json["detail"])
        self.assertEqual(self.sign(order()).status, 200)


if __name__ == "__main__":
    unittest.main()

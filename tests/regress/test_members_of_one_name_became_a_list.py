"""Two members of one name in an SDK's JSON are a parameter that is given twice. Where the call takes a list of that name, the
agent made one list of both, and so cancelled two orders where who reads JSON sees one."""

import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

KEY = """\
  bitmex-main:
    token: main
    object: "pkcs11:object=binance-main"
    profile: bitmex
    scheme: hmac
    key_id: "bitmex-id"
"""


class Twice(harness.AgentTest):
    @classmethod
    def prepare(cls):
        entry = harness.allow("bitmex", "tester", "bitmex-main", "cancel")
        cls.agent.policy.write_text(harness.with_key(cls.agent.policy.read_text(), KEY, entry))

    def cancel(self, body):
        expires = {"api-expires": str(int(time.time()) + 20)}
        with self.agent.client() as client:
            return client.sign("bitmex-main", {"wire": {"method": "DELETE", "url": "https://www.bitmex.com/api/v1/order",
                                                        "headers": expires, "body": body}})

    def test_members_of_one_name_are_refused(self):
        for body in ('{"orderID":"a","orderID":"b"}', '{"orderID":"a","order\\u0049D":"a"}', '{"orderID":["a"],"orderID":["b"]}',
                     '{"orderID":"a","orderID":["b"]}'):
            with self.subTest(body=body):
                answer = self.cancel(body)
                self.assertEqual(answer.status, 400, answer)
                self.assertIn("'orderID' is given twice", answer.json["detail"])

    def test_a_list_is_taken_as_json_and_as_pairs(self):
        for body in ('{"orderID":["a","b"]}', "orderID=a&orderID=b"):
            answer = self.cancel(body)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(json.loads(answer.json["body"]), {"orderID": ["a", "b"]})


if __name__ == "__main__":
    unittest.main()

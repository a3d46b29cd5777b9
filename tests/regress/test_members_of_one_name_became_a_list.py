"""Two members of one name in an SDK's JSON are a parameter that is given twice. Where the call takes a list of that name, the
agent made one list of both, and so cancelled two orders where who reads JSON sees one."""

import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from wired import WiredTest


class Twice(WiredTest):
    profile, classes = "bitmex", "cancel"

    def cancel(self, body):
        return self.sign("DELETE", "https://www.bitmex.com/api/v1/order", body, {"api-expires": str(int(time.time()) + 20)})

    def test_members_of_one_name_are_refused(self):
        for body in ('{"orderID":"a","orderID":"b"}', '{"orderID":"a","order\\u0049D":"a"}', '{"orderID":["a"],"orderID":["b"]}',
                     '{"orderID":"a","orderID":["b"]}'):
            with self.subTest(body=body):
                self.assert_refused(self.cancel(body), "'orderID' is given twice")

    def test_a_list_is_taken_as_json_and_as_pairs(self):
        for body in ('{"orderID":["a","b"]}', "orderID=a&orderID=b"):
            answer = self.cancel(body)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(json.loads(answer.json["body"]), {"orderID": ["a", "b"]})


if __name__ == "__main__":
    unittest.main()

"""A caller with thousands of keys could list none: they did not fit a frame. Now the list comes in pages."""

import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

COUNT = 3000
KEY = """\
  {name}:
    token: main
    object: "pkcs11:object=binance-main"
    profile: binance
    scheme: hmac
    key_id: "{name}-id-{pad}"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades]
"""


class Keys(harness.AgentTest):
    is_unlocked = False

    @classmethod
    def prepare(cls):
        cls.names = [f"bot-{index:04d}" for index in range(COUNT)]
        keys = [KEY.format(name=name, pad="x" * 64) for name in cls.names]
        others = [f"other-{index:04d}" for index in range(20)]
        keys += [KEY.format(name=name, pad="") for name in others]
        entries = [harness.allow("own", "tester", f"[{', '.join(cls.names)}]", "read"),
                   harness.allow("others", "other", f"[{', '.join(others)}]", "read")]
        callers = {"tester": os.getuid(), "other": os.getuid() + 4242}
        cls.agent.policy.write_text(harness.policy("".join(keys), entries, callers))

    def get(self, path):
        with self.agent.client(30) as client:
            return client.get(path)

    def walk(self, query=""):
        pages, after = [], ""
        while True:
            asked = "&".join(part for part in (query, after and f"after={after}") if part)
            answer = self.get("/v1/keys" + (f"?{asked}" if asked else ""))
            self.assertEqual(answer.status, 200, answer)
            pages.append([key["name"] for key in answer.json["keys"]])
            after = answer.json.get("next", "")
            if not after:
                return pages
            self.assertEqual(after, pages[-1][-1])

    def test_all_keys_are_listed_page_by_page(self):
        for query, limit in (("", 100), ("limit=37", 37), ("limit=1000", 1000)):
            with self.subTest(query):
                pages = self.walk(query)
                self.assertEqual([name for page in pages for name in page], self.names)
                self.assertLessEqual(max(map(len, pages)), limit)

    def test_a_page_begins_after_a_name_that_need_not_be_there(self):
        for after, first in (("bot-0010", "bot-0011"), ("bot-0010x", "bot-0011"), ("a", "bot-0000"), ("bot", "bot-0000")):
            with self.subTest(after):
                answer = self.get(f"/v1/keys?limit=2&after={after}")
                self.assertEqual(answer.json["keys"][0]["name"], first)
        for after in ("bot-2999", "zzz", "other-0003"):
            with self.subTest(after):
                self.assertEqual(self.get(f"/v1/keys?after={after}").json, {"keys": []})

    def test_another_query_is_refused(self):
        for query in (
            "limit=0", "limit=1001", "limit=", "limit", "limit=-1", "limit=+1", "limit=01", "limit=1e2", "limit=1&limit=1",
            "after=", "after=A", "after=%62ot", "after=../x", "after=a&after=b", "offset=1", "limit=1&", "&limit=1", "&",
            "Limit=1", "limit=1;after=a", "=1",
        ):
            with self.subTest(query):
                self.assert_problem(self.get(f"/v1/keys?{query}"), 400, "bad-input")
        for path in ("/v1/status", "/healthz", "/readyz", "/v1/nothing", "/v1/keys/bot-0001/sign"):
            with self.subTest(path):
                self.assert_problem(self.get(f"{path}?limit=1"), 400, "bad-input")

    def test_the_command_lists_them_all(self):
        listed = json.loads(self.agent.must("keys", "--json"))["keys"]
        self.assertEqual([key["name"] for key in listed], self.names)


if __name__ == "__main__":
    unittest.main()

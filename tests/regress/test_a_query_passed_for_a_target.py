"""A question mark after the key passed for the slash of a prefix: /TOKEN/KEY?https://host/path named a host. Noticed by trying
it."""

import unittest

from relay_rig import HOST, RelayTest


class TestQuery(RelayTest):
    def test_a_query_is_one(self):
        self.call("GET", f"?https://{HOST}/api")
        self.assertEqual([question["wire"]["url"] for question in self.agent.asked], [f"/?https://{HOST}/api"])


if __name__ == "__main__":
    unittest.main()

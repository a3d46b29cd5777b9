"""Each header of an answer was looked for in all others, and a head of 64 KiB has room for 16,000. Meanwhile the relay did nothing
else, for seconds. Found with an exchange that sends as many."""

import unittest

from relay_rig import RelayTest, SHAPES, answer


class AnswerWithManyHeadersThatStoppedAll(RelayTest):
    def test_head_of_many_lines_is_cut(self):
        self.exchange.plays["/api/many"] = lambda *_: answer(b"{}", "200 OK", *[f"x{i}:" for i in range(300)])
        reply = self.call("POST", "/api/many", "x")
        self.assertEqual((reply.status, reply.body), (504, SHAPES["unknown"]["body"].encode()))
        self.assertIn("256 lines", reply.problem["detail"])

    def test_head_of_fewer_lines_is_passed_on(self):
        self.exchange.plays["/api/fewer"] = lambda *_: answer(b"{}", "200 OK", *[f"x{i}: y" for i in range(90)])
        reply = self.call("POST", "/api/fewer", "x")
        self.assertEqual((reply.status, reply.headers["x89"]), (200, "y"))


if __name__ == "__main__":
    unittest.main()

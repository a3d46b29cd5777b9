"""Two bots sent the same request and left. When the first was given up, the second, which had waited for it, was asked for
anew from memory that was not its own any more. Noticed by reading."""

import threading
import unittest

from relay_rig import RelayTest, wait_until

PROBLEM = "urn:chancery:problem:already-sent"


class TestWhoHadLeft(RelayTest):
    def ask_and_leave(self, asked):
        stream = self.connect()
        stream.sendall(self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 4") + b"left")
        count = len(asked) + 1
        wait_until(lambda: len(asked) == count, "a question")
        stream.close()

    def test_nothing_is_asked_for_who_had_left(self):
        may_answer = [threading.Event(), threading.Event()]
        ids = []

        def judge(question, key):
            if key == "other":
                return 403, {"type": "x", "detail": "no"}
            place = len(ids)
            ids.append(question["relay"]["id"])
            if place < 2:
                may_answer[place].wait(20)
            if place == 1:
                return 409, {"type": PROBLEM, "detail": "signed before", "relay_id": ids[0]}
            return self.agent.sign(question, key)
        self.call("POST", "/api", "first")  # the relay learns that the key has no nonces
        self.agent.judge = judge
        self.ask_and_leave(ids)
        self.ask_and_leave(ids)
        self.call("POST", "/api", "x", key="other")  # the relay has seen by then that both are gone
        may_answer[1].set()
        self.await_state("ended", 3)
        may_answer[0].set()
        wait_until(lambda: any(told["outcome"] == "not-sent" for _, told in self.told()), "what was not sent")
        self.call("POST", "/api", "x", key="other")
        self.assertEqual(len(ids), 2)


if __name__ == "__main__":
    unittest.main()

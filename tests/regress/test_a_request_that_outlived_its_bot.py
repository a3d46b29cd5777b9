"""A bot that had left while its request was being judged, and whose request was the same as another one on its way, had it asked
again if that other one was not sent, from memory that was the bot's and free. And an agent that named a request's own id as the one
that was sent before had the relay look at the record that it had just dropped."""

import socket
import threading
import unittest

from relay_rig import RelayTest, SHAPES, wait_until

ALREADY_SENT = "urn:chancery:problem:already-sent"


class RequestThatOutlivedItsBot(RelayTest):
    times = {"connect_s": 30}

    @classmethod
    def config(cls):
        cls.silent = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
        cls.addClassCleanup(cls.silent.close)
        return super().config().replace("routes:", f"routes:\n  silent.test: '127.0.0.1:{cls.silent.getsockname()[1]}'")

    def setUp(self):
        super().setUp()
        self.call("POST", "/api/before", self.id())  # the relay knows that the key has no nonces
        self.agent.asked.clear()

    def judge_first_last(self, question, key):
        """Signs the first when the second has come, and names the first to the second when its bot has left."""
        if question is self.agent.asked[0]:
            wait_until(lambda: len(self.agent.asked) > 1, "the same request again")
            return self.agent.sign(question, key, url="https://silent.test/api/same")
        self.second_left.wait(20)
        return 409, {"type": ALREADY_SENT, "relay_id": self.agent.asked[0]["relay"]["id"]}

    def same(self):
        bot = self.connect()
        bot.sendall(self.head(f"POST /{self.token}/key-1/api/same HTTP/1.1", "Content-Length: 0"))
        return bot

    def look(self):
        """The relay has seen what happened before."""
        self.assertEqual(self.call("GET", "/api/look", port=self.other_port, token=self.other_token, key="key-2").status, 200)

    def test_same_request_is_not_asked_again_for_a_bot_that_left(self):
        self.second_left = threading.Event()
        judge = self.judge_first_last
        self.agent.judge = lambda question, key: self.agent.sign(question, key) if key == "key-2" else judge(question, key)
        first = self.same()
        wait_until(lambda: len(self.agent.asked) == 1, "the first is asked for")
        second = self.same()
        self.await_state("sending", 2)  # with the one of setUp
        second.close()
        self.look()
        self.second_left.set()
        self.look()
        first.close()
        self.await_state("ended", 4)
        self.look()
        self.assertEqual(len([question for question in self.agent.asked if question["wire"]["url"] != "/api/look"]), 2)
        self.assertEqual(self.outcome()[1], {"outcome": "not-sent"})

    def test_own_id_is_of_nothing_that_was_sent(self):
        self.agent.judge = lambda question, _: (409, {"type": ALREADY_SENT, "relay_id": question["relay"]["id"]})
        for number in range(20):
            reply = self.call("POST", "/api/own", str(number))
            self.assertEqual((reply.status, reply.body), (504, SHAPES["unknown"]["body"].encode()))


if __name__ == "__main__":
    unittest.main()

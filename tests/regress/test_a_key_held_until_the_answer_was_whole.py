"""A key with nonces was held until an answer had come whole, though its nonce is used when the answer begins. So a bot that did not
read a long answer, or an exchange that did not end one, kept all others waiting who share the key, cancels too, for half a minute.
Found with a bot that does not read."""

import threading
import unittest

from relay_rig import RelayTest, wait_until
from waiting import Waiting


class KeyHeldUntilTheAnswerWasWhole(RelayTest):
    times = {"turn_s": 1}

    def test_next_has_its_turn_when_the_answer_begins(self):
        has_next = threading.Event()

        def play(stream, _):
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
            has_next.wait(20)
            return b"}"
        self.exchange.plays["/api/long"] = play
        self.agent.serial = True
        first = Waiting(self.call, "GET", "/api/long")
        wait_until(lambda: self.exchange.of("/api/long"), "the first at the exchange")
        reply = self.call("DELETE", "/api/order", port=self.other_port, token=self.other_token)
        has_next.set()
        first.join(20)
        self.assertEqual((reply.status, first.result.body), (200, b"{}"))


if __name__ == "__main__":
    unittest.main()

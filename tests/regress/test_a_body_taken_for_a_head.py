"""An exchange's body was handed on as the head of the answer, cookies and all, and the relay's own answer after it, which the bot's
next request then got: if a header of the exchange looked like the first line of an interim answer, or if it changed the protocol
unasked (101). Found with an exchange that sends both."""

import unittest

from relay_rig import RelayTest, SHAPES, answer

INNER = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nhi"


class BodyTakenForAHead(RelayTest):
    times = {"answer_s": 1, "transfer_s": 1}

    def test_header_that_looks_like_an_interim_answer(self):
        for line in (b"HTTP/a 1: b", b"HTTP/1.1 100: b"):
            self.exchange.plays["/api/head"] = lambda *_: (
                b"HTTP/1.1 200 OK\r\n%s\r\nX-Own: 1\r\nContent-Length: %d\r\n\r\n%s" % (line, len(INNER), INNER))
            reply = self.call("POST", "/api/head", line)
            self.assertEqual((reply.status, reply.body), (200, INNER))
            self.assertEqual((reply.headers["Set-Cookie"], reply.headers["X-Own"]), (None, "1"))

    def test_protocol_that_is_changed_unasked(self):
        for more in (b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"):
            self.exchange.plays["/api/101"] = lambda *_: b"HTTP/1.1 101 Switching\r\n" + more + b"\r\n" + answer(b"{}")
            reply = self.call("POST", "/api/101", b"x" + more)
            self.assertEqual((reply.status, reply.body), (504, SHAPES["unknown"]["body"].encode()))
            self.assertIn("no head", reply.problem["detail"])
        self.assertEqual(len(self.exchange.arrivals), 2)
        self.assertEqual(self.told(), [])


if __name__ == "__main__":
    unittest.main()

"""An exchange that answered a request twice had its second answer taken for that to the next request on the connection, of another
bot perhaps, and so on: an order that was taken was told as rejected. What an exchange says before it closes an idle connection was
taken for an answer too, or left an order unknown that was never read. Found with an exchange that answers twice."""

import time
import unittest

from relay_rig import RelayTest, answer, wait_until

REJECTED = answer(b'{"code":-2010}', "400 Bad Request")
TIMEOUT = answer(b"", "408 Request Timeout", "Connection: close")


def is_readable(relay, port):
    """Has something come to that relay from the port that it has not read?"""
    with open(f"/proc/{relay.pid}/net/tcp") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[4].split(":")[1] != "00000000" for row in rows)


class AnswerThatNobodyAskedFor(RelayTest):
    def order(self, path, what):
        return self.call("POST", path, f"{self.id()} {what}")

    def check_next(self):
        """The next request has its own answer, and arrives once, on a new connection."""
        wait_until(lambda: is_readable(self.relay, self.exchange.port), "what nobody asked for")
        for method in ("POST", "GET"):
            reply = self.call(method, "/api/next", self.id() if method == "POST" else None, port=self.other_port,
                              token=self.other_token)
            self.assertEqual((reply.status, reply.body), (200, b'{"ok":true}'))
        first, second, third = self.exchange.arrivals
        self.assertNotEqual(first.connection, second.connection)
        self.assertEqual(second.body.decode(), self.id())
        wait_until(lambda: len(self.told()) == 2, "two outcomes")
        self.assertEqual([outcome["status"] for _, outcome in self.told()], [200, 200])
        return third

    def play(self, act):
        self.exchange.plays["/api/first"] = act
        self.assertEqual(self.order("/api/first", "first").status, 200)

    def test_second_answer(self):
        self.play(lambda stream, _: (stream.sendall(answer()), REJECTED)[1])
        self.check_next()

    def test_second_answer_in_the_same_record(self):
        self.play(lambda *_: answer() + REJECTED)
        reply = self.order("/api/next", "next")
        self.assertEqual((reply.status, reply.body), (200, b'{"ok":true}'))

    def test_body_that_is_longer_than_announced(self):
        self.play(lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + REJECTED)
        reply = self.order("/api/next", "next")
        self.assertEqual((reply.status, reply.body), (200, b'{"ok":true}'))

    def test_second_answer_that_comes_later(self):
        self.play(lambda stream, _: (stream.sendall(answer()), time.sleep(0.1), REJECTED)[2])
        self.check_next()

    def test_farewell_before_the_connection_is_closed(self):
        self.play(lambda stream, _: (stream.sendall(answer()), time.sleep(0.1), stream.sendall(TIMEOUT), False)[3])
        self.check_next()

    def test_connection_that_was_closed_by_tls(self):
        def act(stream, _):
            stream.sendall(answer())
            stream.setblocking(False)
            try:
                stream.unwrap()
            except OSError:
                pass  # the relay has not said the same
            time.sleep(1)
        self.play(act)
        self.check_next()

    def test_connection_that_is_quiet_is_used_again(self):
        for number in range(3):
            self.assertEqual(self.order("/api/quiet", number).status, 200)
        self.assertEqual(len({arrival.connection for arrival in self.exchange.arrivals}), 1)


if __name__ == "__main__":
    unittest.main()

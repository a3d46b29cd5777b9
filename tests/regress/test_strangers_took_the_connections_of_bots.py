"""Whoever could connect to a port, and began requests without its token, filled the share of the port's caller: connections
of the bot that were idle were closed for theirs, and new ones were not taken. Noticed by trying it."""

import contextlib
import http.client
import unittest

from relay_rig import RelayTest

MORE_THAN_A_SHARE = 600


class TestStrangers(RelayTest):
    def ask(self, connection):
        connection.request("GET", f"/{self.token}/key-1/api")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def crowd(self, start):
        """Strangers who began a request, and do not go on."""
        streams = []
        for _ in range(MORE_THAN_A_SHARE):
            streams.append(self.connect())
            with contextlib.suppress(OSError):
                streams[-1].sendall(start)
        return streams

    def test_strangers_make_room_for_bots(self):
        for name, start in (("idle", b""), ("a part of a head", b"GET /"), ("a refusal", b"X\r\n\r\n\r\n"),
                            ("a body that does not come", self.head("POST /x HTTP/1.1", "Content-Length: 5"))):
            kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.assertEqual(self.ask(kept), 200)
            ours = kept.sock
            streams = self.crowd(start)
            with self.subTest(name):
                self.assertEqual(self.ask(kept), 200)
                self.assertIs(kept.sock, ours)
                self.assertEqual(self.call("GET", "/api/new").status, 200)
            for stream in (*streams, kept):
                with contextlib.suppress(OSError):
                    stream.close()


if __name__ == "__main__":
    unittest.main()

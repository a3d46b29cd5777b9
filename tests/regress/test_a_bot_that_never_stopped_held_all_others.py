"""A bot that wrote requests one after the other, each refused at once, was read as long as it went on: without a token, it
held up all others, and what it had sent beforehand grew in memory. Noticed by trying it."""

import contextlib
import threading
import time
import unittest

from relay_rig import GROWTH_KIB, RelayTest, rss_kib, wait_until

CALLS = 5
PARTS = 5
PATIENCE = 20


class TestEndlessBots(RelayTest):
    def pour(self, part, first=b""):
        """Others are served while a bot sends `part` again and again, and reads what it is answered."""
        stream = self.connect()
        is_over = threading.Event()
        sent = []
        end = time.monotonic() + PATIENCE

        def write():
            with contextlib.suppress(OSError):
                stream.sendall(first)
                while not is_over.is_set() and time.monotonic() < end:
                    stream.sendall(part)
                    sent.append(len(part))

        def read():
            with contextlib.suppress(OSError):
                while stream.recv(65536):
                    pass
        threads = [threading.Thread(target=one, daemon=True) for one in (write, read)]
        before = rss_kib(self.relay.pid)
        for one in threads:
            one.start()
        try:
            wait_until(lambda: len(sent) >= PARTS, "a bot that sends and sends")
            for _ in range(CALLS):
                reply = self.call("GET", "/api", port=self.other_port, token=self.other_token)
                self.assertEqual(reply.status, 200)
            self.assertLess(time.monotonic(), end, "the others were served only when the bot had stopped")
            self.assertLess(rss_kib(self.relay.pid) - before, GROWTH_KIB)
        finally:
            is_over.set()
            stream.close()

    def test_requests_without_a_token(self):
        self.pour(self.head(f"GET /{'0' * 64}/key-1/api HTTP/1.1") * 600)

    def test_requests_whose_answer_is_recorded(self):
        self.call("POST", "/api", "a")
        self.pour((self.head(f"POST /{self.token}/key-1/api HTTP/1.1", "Content-Length: 1") + b"a") * 600)

    def test_bytes_after_a_refusal(self):
        self.pour(b"y" * 65536, b"X\r\n\r\n\r\n")


if __name__ == "__main__":
    unittest.main()

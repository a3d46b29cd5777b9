"""The agent was told the beginning of an answer that broke off, was long, or was no text, and took that for the whole. So what the
exchange said was no rejection could be read as one, and the reservation came back."""

import unittest

from relay_rig import RelayTest, answer, wait_until

REJECTED = b'{"code":-2010,"msg":"no funds"}'
CHUNK = b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(REJECTED), REJECTED)

ANSWERS = (  # and whether the connection stays open
    (b"HTTP/1.1 400 No\r\nContent-Length: 500\r\n\r\n" + REJECTED, False),
    (CHUNK, False),
    (CHUNK + b"zz\r\n\r\n", True),
    (answer(REJECTED + b"\0 and more", "400 No"), True),
    (answer(REJECTED + b"\xff", "400 No"), True),
    (answer(REJECTED + b" " * 16384 + b', {"orderId":1}', "400 No"), True),
)


class PartOfAnAnswerToldForTheWhole(RelayTest):
    def outcome_of(self, said, stays_open, number):
        self.exchange.plays["/api/part"] = lambda stream, _: said if stays_open else (stream.sendall(said), False)[1]
        self.agent.asked.clear()
        with self.connect() as bot:
            bot.sendall(self.head(f"POST /{self.token}/key-1/api/part?{number} HTTP/1.1", "Content-Length: 0"))
            wait_until(self.told, "an outcome")
        return self.told()[0][1]

    def test_whole_answer_is_told(self):
        self.assertEqual(self.outcome_of(answer(REJECTED, "400 No"), True, "whole"),
                         {"outcome": "answered", "status": 400, "body": REJECTED.decode()})

    def test_part_is_not_told(self):
        for number, (said, stays_open) in enumerate(ANSWERS):
            with self.subTest(said[:60]):
                self.assertEqual(self.outcome_of(said, stays_open, number), {"outcome": "answered", "status": 400, "body": ""})


if __name__ == "__main__":
    unittest.main()

"""A relay that was to stop within `stop_s` looked at the time only when something else happened. If an exchange hung and nothing
came, it slept on, up to a minute. Noticed by reading."""

import signal
import unittest

from relay_rig import RelayTest, wait_until


class StoppedLaterThanItSaid(RelayTest):
    times = {"stop_s": 1, "answer_s": 600, "connect_s": 60}

    def look_at_relay(self):
        self.assertEqual(self.relay.poll(), 0, self.log())

    def test_relay_ends_though_an_exchange_hangs(self):
        self.exchange.plays["/hangs"] = lambda stream, arrival: None
        with self.connect() as bot:
            bot.sendall(f"POST /{self.token}/key-1/hangs HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Length: 0\r\n\r\n"
                        .encode())
            wait_until(lambda: self.exchange.of("/hangs"), "a request at the exchange")
            self.relay.send_signal(signal.SIGTERM)
            self.relay.wait(20)


if __name__ == "__main__":
    unittest.main()

"""An exchange stayed silent, and the feed said "timed out" where it should say within what time no whole answer came: the socket
had a timeout of its own, as long as the feed's alarm, and on a busy machine it came first. Now the alarm alone ends the waiting."""

import pathlib
import socket
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "adapters" / "feed"))
import chancery_feed  # noqa: E402

LATE_S = 1.0  # how much later than the socket's timeout the alarm rings: as on a busy machine


class LateAlarm(chancery_feed.Alarm):
    def __init__(self, sock, seconds):
        super().__init__(sock, seconds + LATE_S)


class Silence(unittest.TestCase):
    def test_the_alarm_alone_ends_the_waiting(self):
        alarm, chancery_feed.Alarm = chancery_feed.Alarm, LateAlarm
        self.addCleanup(setattr, chancery_feed, "Alarm", alarm)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            line = chancery_feed.Line(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2)
            self.addCleanup(line.close)
            with self.assertRaisesRegex(TimeoutError, "none that is whole within 0.2 s"):
                line.get("/")


if __name__ == "__main__":
    unittest.main()

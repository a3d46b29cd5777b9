"""Whether a path is a plain one was looked at anew for each call that needs no signature. A path as long as a frame took core some
14 ms, of which its caller was charged half a millisecond, and whoever asked for such paths held all others."""

import os
import unittest

import harness
import relaying
from relaying import Link, draw, sign_frame

ASKED = 100
MOST_S = 3e-3  # of core's time, for each


class LongPath(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID))

    def time_of_core(self):
        fields = harness.Process(self.agent.process.pid).read("stat").rsplit(b")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @unittest.skipIf(harness.is_sanitized(), "the sanitizers take their time")
    def test_a_path_as_long_as_a_frame_is_soon_refused(self):
        wire = {"method": "GET", "url": "/a" * 23000}
        with Link(self.agent.home / "run" / "relay.sock").start() as link:
            before = self.time_of_core()
            for number in range(1, ASKED + 1):
                link.send(sign_frame(number, "binance-relay", wire, draw(), "maker"))
                self.assertEqual(link.next()[:2], ("FAILED", number))
        self.assertLess(self.time_of_core() - before, ASKED * MOST_S)


if __name__ == "__main__":
    unittest.main()

"""Slow tokens are slow, and nothing worse (test_cancels.py has the cancels). Numbers in brackets are the scenarios' of the table in README.md."""

import time
import unittest

from scene import Scenario

SERIAL_S = 3
BOTS = 4


class Serial(Scenario):
    workers = ""  # as many as is usual

    def test_a_device_of_three_seconds_a_signature_is_slow_and_does_not_fail(self):
        """[9]"""
        process = self.token_process().pid
        self.faults.set(f"@serial {SERIAL_S * 1000}")
        bots = [self.bot(pause_s=0) for _ in range(BOTS)]
        time.sleep(6 * SERIAL_S)
        self.faults.set()
        for bot in bots:
            bot.stop()
        statuses = [status for bot in bots for status in bot.statuses()]
        self.assertEqual(set(statuses), {200}, self.agent.log())
        self.assertGreaterEqual(len(statuses), 4)
        self.assertEqual(self.token_process().pid, process)


if __name__ == "__main__":
    unittest.main()

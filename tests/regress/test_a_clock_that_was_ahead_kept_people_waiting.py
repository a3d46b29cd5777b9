"""Somebody tried a code while the clock was a day ahead, so it was wrong. When the clock was right again, that person was told to
wait for a quarter of an hour, and then again, for the whole day; an admin could neither unlock nor thaw."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import codes

DAY_S = 24 * 60 * 60
REFUSED, LATER = 3, 7


class ClockAhead(codes.CodesTest):
    def waits_s(self):
        return json.loads(self.agent.must("totp", "list", "--json"))["seeds"][0]["wait_s"]

    def test_a_wait_is_over_when_its_time_has_passed_by_the_clock_that_is_right(self):
        seed = self.enroll()
        self.advance(DAY_S)
        for wait_s in (1, 2):
            self.assertEqual(self.unlock("000000", "--last-try").returncode, REFUSED)
            self.advance(wait_s)
        self.advance(-DAY_S)
        done = self.unlock(seed.code(self.now_s()), "--last-try")
        self.assertEqual(done.returncode, LATER, done.stderr)  # it is not forgotten either
        self.assertLessEqual(self.waits_s(), 2)
        self.advance(codes.STEP_S)
        self.assertEqual(self.waits_s(), 0)
        done = self.unlock(seed.code(self.now_s()), "--last-try")
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")


if __name__ == "__main__":
    unittest.main()

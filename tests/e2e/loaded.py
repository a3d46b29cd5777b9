"""What a test has the agent load (tests/support/loaded/): a wall clock that is off, set while the agent runs."""

import struct
import unittest

from harness import BUILD, is_sanitized

FOLDER = BUILD / "tests" / "support" / "loaded"


def require(name):
    path = FOLDER / name
    if not path.exists():
        raise unittest.SkipTest(f"{name} is not built; run make regress-programs")
    return path


class WallClock:
    """The wall clock of an agent that is not yet started."""

    def __init__(self, agent):
        if is_sanitized():
            raise unittest.SkipTest("the sanitizers have a clock_gettime of their own")
        library = require("wall_clock.so")
        self.path = agent.home / "wall_clock"
        self.path.write_bytes(bytes(8))
        agent.variables.update(LD_PRELOAD=str(library), WALL_CLOCK=str(self.path))

    def set(self, seconds):
        """From now on the clock is ahead by so many seconds, or behind if that is negative."""
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", seconds))

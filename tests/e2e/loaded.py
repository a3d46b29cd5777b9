"""What a test has the agent load (tests/support/loaded/): a wall clock that is off, or a machine that slept, set while the
agent runs."""

import struct
import unittest

from harness import BUILD, is_sanitized

FOLDER = BUILD / "tests" / "support" / "loaded"


def require(name):
    path = FOLDER / name
    if not path.exists():
        raise unittest.SkipTest(f"{name} is not built; run make regress-programs")
    return path


def require_clocks():
    """Skips what needs another clock, before anything is made for it."""
    if is_sanitized():
        raise unittest.SkipTest("the sanitizers have a clock_gettime of their own")
    return require("clocks.so")


class Seconds:
    """A number that clocks.so reads, of an agent that is not yet started."""

    variable = None

    def __init__(self, agent):
        library = require_clocks()
        self.path = agent.home / self.variable.lower()
        self.path.write_bytes(bytes(8))
        agent.variables.update({"LD_PRELOAD": str(library), self.variable: str(self.path)})

    def set(self, seconds):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", seconds))


class WallClock(Seconds):
    """From now on the clock is ahead by so many seconds, or behind if that is negative."""

    variable = "WALL_CLOCK"


class Sleep(Seconds):
    """The machine has slept for so many seconds, all in all."""

    variable = "SLEPT"

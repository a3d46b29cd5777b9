"""What a test has the agent load (tests/support/loaded/): a module that is at fault, or a wall clock that is off. Both are set
while the agent runs."""

import os
import struct
import unittest

from harness import BUILD, is_sanitized

FOLDER = BUILD / "tests" / "support" / "loaded"


def require(name):
    path = FOLDER / name
    if not path.exists():
        raise unittest.SkipTest(f"{name} is not built; run make regress-programs")
    return path


class Faults:
    """The module of an agent that is not yet started: SoftHSM2, but for the calls that are at fault."""

    def __init__(self, agent):
        self.path = agent.home / "faults"
        self.set()
        agent.variables["FAULTS"] = str(self.path)
        text = agent.config.read_text()
        agent.config.write_text(text.replace("module: softhsm2", f"module: {require('faulty.so')}"))

    def set(self, *lines):
        """From now on these calls are at fault, and no others; faulty.c says what a line may be."""
        whole = self.path.with_suffix(".new")
        whole.write_text("".join(f"{line}\n" for line in lines))
        os.replace(whole, self.path)

    def marks(self):
        """What calls whose fault is `mark` have written, as lines."""
        marks = self.path.with_name("faults.marks")
        return marks.read_text().splitlines() if marks.exists() else []

    def forget_marks(self):
        self.path.with_name("faults.marks").unlink(missing_ok=True)


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

"""What the tests must know of how a program was built."""

import pathlib


def is_sanitized(program):
    """True for a build with ASan, whose memory use and speed say nothing about a release."""
    return b"__asan_init" in pathlib.Path(program).read_bytes()

"""Ports for programs that a test starts."""

import pathlib
import random
import socket

FIRST, RANGE = 10000, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port():
    """A port of 127.0.0.1 that nobody has, below those that the kernel hands out: so no connection or server of another test
    gets it before the program listens."""
    end = max(int(RANGE.read_text().split()[0]), 2 * FIRST)
    while True:
        port = random.randrange(FIRST, end)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue  # somebody has it

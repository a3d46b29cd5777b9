"""An operator passed core a pipe that was never closed, and took O_NONBLOCK away from it again and again. When that happened between
core's setting of the flag and its read, core waited for the operator, as long as that wished: nobody was served, nobody could
freeze, and SIGTERM had no effect."""

import array
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import frames
import harness
import others

TIMES = 3000
RESET = "import fcntl, sys\nwhile True: fcntl.fcntl(int(sys.argv[1]), fcntl.F_SETFL, 0)"


class ResetFlags(harness.AgentTest):
    is_unlocked = False

    def test_core_waits_for_no_pipe(self):
        unlock = next(frame for frame in frames.read() if frame["name"] == "UNLOCK")
        packet = frames.with_header(unlock["number"], struct.pack("=II", frames.version(), 4) + b"main" + b"\0")
        reads, writes = os.pipe()
        self.addCleanup(os.close, reads)
        self.addCleanup(os.close, writes)
        resets = subprocess.Popen([sys.executable, "-c", RESET, str(reads)], pass_fds=[reads])
        self.addCleanup(resets.wait)
        self.addCleanup(resets.kill)
        for _ in range(TIMES):
            with others.connect(self.agent.operator_socket, socket.SOCK_SEQPACKET) as session:
                session.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reads]))])
                self.assertIn(b"Resource temporarily unavailable", session.recv(65536))
        self.agent.stop(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()

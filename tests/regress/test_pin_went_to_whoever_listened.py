"""`chancery unlock` handed the PIN to whoever had made a socket at the path, and the other commands their requests. Now the
CLI asks the kernel who listens: root, its own user, or the agent's user (--agent-user, CHANCERY_AGENT_USER). Nobody else is
sent anything."""

import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import frames
import harness

NUMBERS = {frame["name"]: frame["number"] for frame in frames.read()}
OTHER = 4242
PIN = "user-pin-4826-hush"
COMMANDS = {
    "unlock": ["unlock", "main"],
    "lock": ["lock", "main"],
    "lock everything": ["lock", "--all"],
    "status": ["status"],
    "keys": ["keys"],
    "sign": ["sign", "binance-main", "GET", "/api/v3/account"],
}


class Impostor:
    """A process of another user's that listens at both paths, asks for a PIN, and keeps all that it is sent, with what is in pipes."""

    def __init__(self, agent, uid):
        agent.socket.parent.mkdir()
        os.chown(agent.socket.parent, uid, uid)
        self.got = tempfile.TemporaryFile()
        ready, is_ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                self.serve(agent, is_ready)
            finally:
                os._exit(1)
        os.close(is_ready)
        os.read(ready, 1)
        os.close(ready)

    def serve(self, agent, is_ready):
        servers = []
        for path, kind in ((agent.socket, socket.SOCK_STREAM), (agent.operator_socket, socket.SOCK_SEQPACKET)):
            servers.append(socket.socket(socket.AF_UNIX, kind))
            servers[-1].bind(str(path))
            servers[-1].listen()
        os.write(is_ready, b"x")
        while True:
            for server in select.select(servers, [], [])[0]:
                with server.accept()[0] as visitor:
                    self.keep(visitor)

    def keep(self, visitor):
        data, descriptors, _, _ = socket.recv_fds(visitor, 65536, 4)
        os.write(self.got.fileno(), data)
        if data[4:6] == struct.pack("=H", NUMBERS["UNLOCK_NEEDS"]):
            visitor.send(frames.with_header(NUMBERS["NEEDS_ARE"], b"\x01\x00")
                         + frames.with_header(NUMBERS["OPERATOR_DONE"], struct.pack("=III", 0, 0, 0)))
        for descriptor in descriptors:
            os.write(self.got.fileno(), os.read(descriptor, 65536))

    def received(self):
        return os.pread(self.got.fileno(), 1 << 20, 0)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.got.close()


@unittest.skipUnless(os.getuid() == 0, "only root can start a process of another user's")
class Listener(unittest.TestCase):
    def setUp(self):
        harness.require_programs()
        self.agent = harness.Agent()
        self.addCleanup(self.agent.close)
        self.agent.home.chmod(0o755)

    def impostor(self, uid):
        impostor = Impostor(self.agent, uid)
        self.addCleanup(impostor.close)
        return impostor

    def test_nothing_is_sent_to_a_stranger(self):
        impostor = self.impostor(OTHER)
        for name, command in COMMANDS.items():
            with self.subTest(command=name):
                done = self.agent.cli(*command, secret=PIN)
                self.assertEqual(impostor.received(), b"", "a stranger was sent this")
                self.assertEqual(done.returncode, 3, done)
                self.assertIn(b"user 4242 listens on", done.stderr)
                self.assertIn(b"--agent-user", done.stderr)

    def test_the_agents_user_is_named(self):
        impostor = self.impostor(OTHER)
        for option in (["--agent-user", str(OTHER)], ["--agent-user=4242"]):
            self.agent.cli("unlock", "main", *option, secret=PIN)
            self.assertIn(PIN.encode(), impostor.received())
        done = self.agent.cli("unlock", "main", "--agent-user", "4243", secret=PIN)
        self.assertEqual(done.returncode, 3, done)
        done = self.agent.cli("unlock", "main", "--agent-user", "no-such-user-7461", secret=PIN)
        self.assertEqual(done.returncode, 4, done)
        self.assertIn(b"there is no user 'no-such-user-7461'", done.stderr)


class OwnAgent(harness.AgentTest):
    def test_oneself_is_trusted(self):
        for name, command in COMMANDS.items():
            with self.subTest(command=name):
                self.assertNotIn(b"listens on", self.agent.cli(*command, secret=PIN).stderr)

    @unittest.skipUnless(os.getuid() == 0, "only root can start a process of another user's")
    def test_root_is_trusted(self):
        self.agent.home.chmod(0o755)
        cli = shutil.copy(harness.CLI, self.agent.home)  # where that user can reach it
        for name, command in COMMANDS.items():
            with self.subTest(command=name):
                done = subprocess.run([cli, *command], env=self.agent.environment(), input=PIN.encode(),
                                      capture_output=True, user=OTHER, group=OTHER, extra_groups=[], check=False)
                self.assertNotIn(b"listens on", done.stderr)
                self.assertNotIn(b"no agent answers", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""A user without any right passed core a TCP socket with SO_LINGER, over a connection that core then closed. Closing it, core
waited for the socket's peer, as long as the sender wished: nobody was served, and SIGTERM had no effect. Now a signal cuts
that wait short, and where the kernel can, bots cannot pass descriptors at all."""

import array
import contextlib
import signal
import socket
import struct
import time
import unittest

from others import BOT_A, STRANGER, OthersTest, User, connect

LINGER_S = 3600
ENDS_WITHIN_S = 10


def lingering_sockets(count):
    """Sockets of which the last close waits: their peers read nothing of what was sent. The peers come second."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    pairs = []
    for _ in range(count):
        sender = socket.socket()
        sender.connect(listener.getsockname())
        peer, _ = listener.accept()
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(b"x" * 65536)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER_S))
        pairs.append((sender, peer))
    return pairs


def pass_over(tell, path, kind, connections):
    pairs = lingering_sockets(connections)
    held = []
    for sender, _ in pairs:
        try:
            connection = connect(path, kind)
            held.append(connection)
            connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sender.fileno()]))])
        except OSError:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))  # we would wait ourselves
        sender.close()
    tell("passed")
    time.sleep(1000)


class PassedDescriptors(OthersTest):
    def is_served(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.serves_anew() == 200:
                return True
        return False

    def attack(self, uid, path, kind):
        with User(uid, pass_over, path, kind, 20) as attacker:
            attacker.hear()
            self.assertTrue(self.is_served(), self.agent.log())
            begun = time.monotonic()
            self.assertEqual(self.agent.stop(signal.SIGTERM, ENDS_WITHIN_S), 0)
            print(f"ended after {time.monotonic() - begun:.2f} s")

    def test_by_a_stranger_on_the_operators_socket(self):
        self.attack(STRANGER, self.agent.operator_socket, socket.SOCK_SEQPACKET)

    def test_by_a_stranger_on_the_bots_socket(self):
        self.attack(STRANGER, self.agent.socket, socket.SOCK_STREAM)

    def test_by_a_bot(self):
        self.attack(BOT_A, self.agent.socket, socket.SOCK_STREAM)


if __name__ == "__main__":
    unittest.main()

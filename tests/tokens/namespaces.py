"""A mount and an IPC namespace of one's own, for services of which a machine can have only one: they write to folders with fixed
names, or make shared memory under a fixed key. In a namespace, other folders lie at those names, and nobody else sees the
memory; so two runs go side by side, and nothing is left behind."""

import os
import subprocess
import unittest


class Namespace:
    def __init__(self):
        self.holder = None

    @staticmethod
    def require():
        if os.geteuid() != 0:
            raise unittest.SkipTest("a namespace of one's own takes root")

    def start(self, folders):
        """`folders` maps names outside to the folders, or files, that are seen there. The namespace lasts as long as the holder and what
        runs in it; the holder ends with its standard input, so with the test."""
        mounts = "".join(f'mount --bind "{folder}" "{at}" && ' for at, folder in folders.items())
        self.holder = subprocess.Popen(["unshare", "--mount", "--ipc", "--propagation", "private", "sh", "-c",
                                        mounts + "echo ready && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            self.stop()
            raise AssertionError("the namespace could not be made")

    def wrapper(self):
        return ["nsenter", f"--target={self.holder.pid}", "--mount", "--ipc", "--"]

    def stop(self):
        if self.holder:
            self.holder.stdin.close()
            self.holder.wait(5)
            self.holder.stdout.close()

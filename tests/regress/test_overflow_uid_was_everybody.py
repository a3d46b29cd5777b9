"""In a user namespace the kernel shows every user that is not mapped as uid 65534. A grant to that uid was a grant to
everybody. Now no policy can name it, nobody who looks like it is served, and an agent in a user namespace says what it cannot
tell apart."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

OTHER = 4242
CLONE_NEWUSER = 0x10000000
MAPPED = "0 0 1\n65534 65534 1\n"  # the front runs as nobody
ASK = """
import socket, sys
bot = socket.socket(socket.AF_UNIX)
bot.settimeout(20)
bot.connect(sys.argv[1])
try:
    bot.sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
    print(bot.recv(12).decode())
except (ConnectionResetError, BrokenPipeError):
    print()
"""


def overflow(kind):
    return int(pathlib.Path(f"/proc/sys/kernel/overflow{kind}").read_text())


def ask_as(user, path):
    """The start of what `user` is answered; empty if the connection is closed."""
    done = subprocess.run(["/usr/bin/python3", "-c", ASK, path], user=user, group=user, extra_groups=[],
                          capture_output=True, text=True, timeout=60, check=True, cwd="/")
    return done.stdout.strip()


class PolicyThatNamesEverybody(unittest.TestCase):
    def test_it_does_not_load(self):
        harness.require_programs()
        agent = harness.Agent()
        self.addCleanup(agent.close)
        good = agent.policy.read_text()
        own = f"uid: {os.getuid()}"
        for name, changed in {
            "a grant to the uid": good.replace(own, f"uid: {overflow('uid')}", 1),
            "a grant to the gid": good.replace(own, f"gid: {overflow('gid')}", 1),
            "a grant to a user and the gid": good.replace(own, f"{own}, gid: {overflow('gid')}", 1),
            "an operator by uid": good.replace(f"{own}, roles", f"uid: {overflow('uid')}, roles"),
            "an operator by gid": good.replace(f"{own}, roles", f"gid: {overflow('gid')}, roles"),
        }.items():
            with self.subTest(policy=name):
                self.assertNotEqual(changed, good)
                agent.policy.write_text(changed)
                done = subprocess.run([harness.AGENT, "--config", agent.config, "--check"], env=agent.environment(),
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 10, done)
                self.assertRegex(done.stderr, r"policy\.yaml:\d+: .*may be anybody")


@unittest.skipUnless(os.getuid() == 0, "only root can become other users")
class Nobody(harness.AgentTest):
    def test_it_is_turned_away(self):
        self.agent.home.chmod(0o755)
        self.assertEqual(ask_as(overflow("uid"), self.agent.socket), "")
        self.assertIn("usually called 'nobody'", self.agent.log())
        self.assertEqual(ask_as(OTHER, self.agent.socket), "HTTP/1.1 200")

    def test_it_is_no_operator(self):
        self.agent.home.chmod(0o755)
        cli = shutil.copy(harness.CLI, self.agent.home)  # where that user can reach it
        done = subprocess.run([cli, "lock", "main"], env=self.agent.environment(), user=overflow("uid"),
                              group=overflow("gid"), extra_groups=[], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3, done)
        self.assert_signs()


def enter_namespace():
    """Runs in the child, before exec. A helper that stays outside writes the maps."""
    entered, is_entered = os.pipe()
    pid = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.read(entered, 1)
        for kind in ("uid", "gid"):
            pathlib.Path(f"/proc/{pid}/{kind}_map").write_text(MAPPED)
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        os._exit(99)
    os.write(is_entered, b"x")
    if os.waitpid(helper, 0)[1] != 0:
        os._exit(99)


def can_enter_namespace():
    try:
        return subprocess.run(["true"], preexec_fn=enter_namespace, check=False).returncode == 0
    except subprocess.SubprocessError:
        return False


@unittest.skipUnless(os.getuid() == 0 and can_enter_namespace(), "no user namespace can be made here")
class AgentInAUserNamespace(harness.AgentTest):
    @classmethod
    def setUpClass(cls):
        cls.agent = harness.prepare_agent(cls.addClassCleanup)
        with open(cls.agent.home / "agent.err", "ab") as err:
            cls.agent.process = subprocess.Popen(
                [harness.AGENT, "--config", cls.agent.config], env=cls.agent.environment(), stderr=err,
                stdin=subprocess.DEVNULL, cwd=cls.agent.home, preexec_fn=enter_namespace,
            )
        harness.wait_until(cls.agent.is_serving, "the agent serves", 30)
        cls.agent.home.chmod(0o755)
        if cls.agent.unlock().returncode != 0:
            raise AssertionError(cls.agent.log())

    def test_users_that_it_maps_are_told_apart(self):
        self.assert_signs()

    def test_users_that_it_does_not_map_are_turned_away(self):
        for user in (OTHER, OTHER + 1):
            self.assertEqual(ask_as(user, self.agent.socket), "")
        self.assert_signs()

    def test_it_says_so(self):
        with self.agent.client() as client:
            notices = client.get("/v1/status").json["notices"]
        self.assertTrue(any("user namespace" in notice for notice in notices), notices)
        self.assertIn("user namespace", self.agent.log())
        self.assertIn(b"user namespace", self.agent.cli("status").stdout)


if __name__ == "__main__":
    unittest.main()

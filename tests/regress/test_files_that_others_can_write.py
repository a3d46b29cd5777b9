"""The agent read its configuration, policy and profiles, kept its state, made its sockets and loaded its module wherever
they were, whoever could change them: by a mode, by an owner, by a folder on the way, or by a link. Now it does not start, and
says which part of the way is wrong and how to mend it."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

OTHER = 4242  # neither root nor whoever runs tests
MODULE = "/usr/lib/softhsm/libsofthsm2.so"

CONFIG = """\
socket: ../run/agent.sock
operator_socket: ../run/operator.sock
state: ../state
profiles: ../profiles
policy: policy.yaml
tokens:
  main: {{ module: {module}, uri: "pkcs11:token=main" }}
"""


def chmod(path, mode):
    return lambda home: os.chmod(home / path, mode)


def give_away(path):
    return lambda home: os.chown(home / path, OTHER, OTHER, follow_symlinks=False)


def link(path):
    """Moves it into a folder of another user's, and leaves a link to it."""
    def change(home):
        (home / "elsewhere").mkdir(exist_ok=True)
        shutil.move(home / path, home / "elsewhere" / "moved")
        (home / path).symlink_to(home / "elsewhere" / "moved")
        os.chown(home / "elsewhere", OTHER, OTHER)
    return change


def link_by_way_of(path):
    """Leaves a link to it that leads through a folder in which everybody can write."""
    def change(home):
        (home / "elsewhere").mkdir()
        shutil.move(home / path, home / "moved")
        (home / path).symlink_to(home / "elsewhere" / ".." / "moved")
        (home / "elsewhere").chmod(0o777)
    return change


def make(path, mode=0o600):
    def change(home):
        (home / path).parent.mkdir(exist_ok=True, mode=0o700)
        (home / path).touch()
        os.chmod(home / path, mode)
    return change


def make_link(path):
    def change(home):
        (home / path).parent.mkdir(exist_ok=True, mode=0o700)
        (home / path).symlink_to(home / "elsewhere")
    return change


def make_second_name(path):
    def change(home):
        make("elsewhere")(home)
        (home / path).parent.mkdir(exist_ok=True, mode=0o700)
        os.link(home / "elsewhere", home / path)
    return change


def folder(path, mode):
    def change(home):
        (home / path).mkdir(exist_ok=True)
        os.chmod(home / path, mode)
    return change


def both(*changes):
    return lambda home: [change(home) for change in changes]


# What is changed, the part that the error must name, and what it must say.
CASES = {
    "configuration 0666": (chmod("etc/agent.yaml", 0o666), "etc/agent.yaml", "chmod go-w"),
    "configuration of its group": (chmod("etc/agent.yaml", 0o664), "etc/agent.yaml", "chmod go-w"),
    "configuration of another user": (give_away("etc/agent.yaml"), "etc/agent.yaml", "chown"),
    "configuration by way of another user's folder": (link("etc/agent.yaml"), "elsewhere", "chown"),
    "policy 0666": (chmod("etc/policy.yaml", 0o666), "etc/policy.yaml", "chmod go-w"),
    "policy of its group": (chmod("etc/policy.yaml", 0o620), "etc/policy.yaml", "chmod go-w"),
    "policy of another user": (give_away("etc/policy.yaml"), "etc/policy.yaml", "chown"),
    "policy by way of another user's folder": (link("etc/policy.yaml"), "elsewhere", "chown"),
    "policy by way of everybody's folder": (link_by_way_of("etc/policy.yaml"), "elsewhere", "chmod go-w"),
    "policy by a link of another user's": (
        both(link_by_way_of("etc/policy.yaml"), chmod("elsewhere", 0o755), give_away("etc/policy.yaml")),
        "etc/policy.yaml", "chown -h"),
    "their folder 0777": (chmod("etc", 0o777), "etc", "chmod go-w"),
    "their folder of its group": (chmod("etc", 0o775), "etc", "chmod go-w"),
    "their folder of another user": (give_away("etc"), "etc", "chown"),
    "their folder sticky and of another user": (both(give_away("etc"), chmod("etc", 0o1777)), "etc", "chown"),
    "the folder above 0777": (chmod(".", 0o777), "", "chmod go-w"),
    "profiles folder 0777": (chmod("profiles", 0o777), "profiles", "chmod go-w"),
    "profiles folder of another user": (give_away("profiles"), "profiles", "chown"),
    "profile 0666": (chmod("profiles/binance.yaml", 0o666), "profiles/binance.yaml", "chmod go-w"),
    "profile of another user": (give_away("profiles/kraken.yaml"), "profiles/kraken.yaml", "chown"),
    "profile by way of another user's folder": (link("profiles/kraken.yaml"), "elsewhere", "chown"),
    "state folder 0777": (folder("state", 0o777), "state", "chmod go-w"),
    "state folder of its group": (folder("state", 0o770), "state", "chmod go-w"),
    "state folder sticky": (folder("state", 0o1777), "state", ""),
    "state folder of another user": (both(folder("state", 0o700), give_away("state")), "state", "chown"),
    "state folder by way of another user's": (both(folder("state", 0o700), link("state")), "elsewhere", "chown"),
    "state.db 0666": (make("state/state.db", 0o666), "state/state.db", "chmod go-w"),
    "state.db of another user": (both(make("state/state.db"), give_away("state/state.db")), "state/state.db", "chown"),
    "state.db a link": (make_link("state/state.db"), "state/state.db", "link"),
    "state.db with a second name": (make_second_name("state/state.db"), "state/state.db", "hard link"),
    "state.db-wal a link": (make_link("state/state.db-wal"), "state/state.db-wal", "link"),
    "state.db-shm a link": (make_link("state/state.db-shm"), "state/state.db-shm", "link"),
    "lock a link": (make_link("state/lock"), "state/lock", "link"),
    "lock 0666": (make("state/lock", 0o666), "state/lock", "chmod go-w"),
    "lock of another user": (both(make("state/lock"), give_away("state/lock")), "state/lock", "chown"),
    "socket folder 0777": (folder("run", 0o777), "run", "chmod go-w"),
    "socket folder of its group": (folder("run", 0o775), "run", "chmod go-w"),
    "socket folder of another user": (both(folder("run", 0o755), give_away("run")), "run", "chown"),
    "socket folder by way of another user's": (both(folder("run", 0o755), link("run")), "elsewhere", "chown"),
    "module 0666": (chmod("module/module.so", 0o666), "module/module.so", "chmod go-w"),
    "module of its group": (chmod("module/module.so", 0o664), "module/module.so", "chmod go-w"),
    "module of another user": (give_away("module/module.so"), "module/module.so", "chown"),
    "module's folder 0777": (chmod("module", 0o777), "module", "chmod go-w"),
    "module by way of another user's folder": (link("module/module.so"), "elsewhere", "chown"),
}
CHECKED = ("configuration", "policy", "their folder", "the folder above", "profile", "module")


class Place:
    """An agent's files, each kind in a folder of its own."""

    def __init__(self):
        self.agent = harness.Agent()
        self.home = home = self.agent.home
        for name in ("etc", "module"):
            (home / name).mkdir()
        shutil.copytree(harness.ROOT / "profiles", home / "profiles")
        shutil.copy(MODULE, home / "module" / "module.so")
        shutil.move(self.agent.policy, home / "etc" / "policy.yaml")
        self.agent.config.unlink()
        self.agent.config = home / "etc" / "agent.yaml"
        self.program = harness.AGENT
        self.agent.config.write_text(CONFIG.format(module=home / "module" / "module.so"))

    def run(self, *options):
        """Runs the agent until it ends, or until it listens; returns its exit status (None: it runs) and what it said."""
        with subprocess.Popen(
            [str(self.program), "--config", str(self.agent.config), *options],
            env=self.agent.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:
            while process.poll() is None and not (self.home / "run" / "operator.sock").exists():
                time.sleep(0.02)
            status = process.poll()
            process.terminate()
            return status, process.communicate()[1]


class FilesThatOthersCanWrite(unittest.TestCase):
    def setUp(self):
        harness.require_programs()

    def place(self):
        place = Place()
        self.addCleanup(place.agent.close)
        return place

    def try_each(self, kinds, *options):
        """Runs the agent for each case whose name begins with one of `kinds`; it must refuse."""
        for name, (change, part, says) in CASES.items():
            if not name.startswith(kinds):
                continue
            if "another user" in name and os.getuid() != 0:
                print(f"skipped, because only root can give files away: {name}", file=sys.stderr)
                continue
            with self.subTest(case=name):
                place = self.place()
                change(place.home)
                self.assert_refused(place, place.run(*options), part, says)

    def assert_refused(self, place, ran, part, says):
        status, said = ran
        self.assertEqual(status, 10, f"it started; its log:\n{said}" if status is None else said)
        self.assertIn(str(place.home / part), said)
        self.assertIn(says, said)
        self.assertFalse((place.home / "run" / "agent.sock").exists())

    def test_the_agent_does_not_start(self):
        self.try_each("")

    def test_the_check_says_so(self):
        self.try_each(CHECKED, "--check")

    def test_the_command_line_loads_no_module_that_others_can_change(self):
        """It would be handed PINs and secrets."""
        for name, (change, part, says) in CASES.items():
            if not name.startswith("module") or "another user" in name and os.getuid() != 0:
                continue
            with self.subTest(case=name):
                place = self.place()
                change(place.home)
                done = place.agent.cli("token", "list", "--module", place.home / "module" / "module.so")
                self.assertEqual(done.returncode, 10, done)
                self.assertIn(str(place.home / part), done.stderr.decode())
                self.assertIn(says, done.stderr.decode())

    def test_a_program_that_others_can_change_is_not_started(self):
        for part in ("bin/chancery-front", "bin/chancery-token", "bin"):
            with self.subTest(writable=part):
                place = self.place()
                (place.home / "bin").mkdir()
                for program in ("chancery-agent", "chancery-front", "chancery-token"):
                    shutil.copy(harness.BUILD / program, place.home / "bin" / program)
                place.program = place.home / "bin" / "chancery-agent"
                (place.home / part).chmod(0o777)
                self.assert_refused(place, place.run(), part, "chmod go-w")

    def test_nothing_is_made_where_a_link_leads(self):
        for name in ("state.db", "lock"):
            with self.subTest(file=name):
                place = self.place()
                make_link(f"state/{name}")(place.home)
                place.run()
                self.assertFalse((place.home / "elsewhere").exists())

    def test_what_nobody_else_can_change_is_trusted(self):
        """Links and sticky folders are no trouble in themselves. The folder of the agent's files is in /tmp, which is one."""
        place = self.place()
        for path in ("etc/policy.yaml", "profiles", "module"):
            shutil.move(place.home / path, place.home / "moved")
            (place.home / "moved").rename(place.home / f"real-{pathlib.Path(path).name}")
            (place.home / path).symlink_to(place.home / f"real-{pathlib.Path(path).name}")
        status, said = place.run("--check")
        self.assertEqual(status, 0, said)
        status, said = place.run()
        self.assertIsNone(status, said)


if __name__ == "__main__":
    unittest.main()

"""An agent whose front or token process is one of the programs in tests/hostile/, and what must hold of core meanwhile.

$CHANCERY_HOSTILE_SECONDS is how long each program attacks in all (default: 60; use 600 for a release),
$CHANCERY_HOSTILE_ATTACKS names the only attacks to try, and $CHANCERY_HOSTILE_SEED repeats what is left to chance."""

import os
import random
import re
import shutil
import socket
import threading
import time
import unicodedata
import unittest

import harness

SECONDS = float(os.environ.get("CHANCERY_HOSTILE_SECONDS", "60"))
SEED = int(os.environ.get("CHANCERY_HOSTILE_SEED", random.randrange(1 << 32)))
FOLDER = harness.BUILD / "tests" / "hostile"
OTHER_UID = os.getuid() + 4242  # has a grant for binance-other, and no other caller has
# A second is meant, and takes milliseconds; the rest is for a machine that has other work.
ACTS_WITHIN_S = 5.0
# What core may hold for its children: a megabyte of answers that wait for each front, which its buffer's growth doubles;
# 512 jobs of a token, each with up to a packet of 64 KiB; 24 MiB are the program's own, with what a reload swaps.
CORE_KIB_MAX = (24 + 2 * 2 + 512 // 16) * 1024
ZOMBIE_LOOKS = 50  # a tenth of a second each


class HostileAgent(harness.Agent):
    """`front` and `token` name attacks. Without one, the front is the real one, and the token process does no wrong.
    With `has_honest_front`, the first front, which is that of the test, is the real one in any case."""

    def __init__(self, front=None, token="none", relogin=False, has_honest_front=True):
        super().__init__(relogin)
        self.record = self.home / "record"
        self.attacks = {"CHANCERY_HOSTILE_FRONT": front or "none", "CHANCERY_HOSTILE_TOKEN": token}
        self.home.chmod(0o755)  # for callers who are other users
        programs = self.home / "programs"
        (programs / "honest").mkdir(parents=True)
        self.program = self.put(harness.AGENT, programs / "chancery-agent")
        self.put(FOLDER / "token", programs / "chancery-token")
        if front is None:
            self.put(harness.BUILD / "chancery-front", programs / "chancery-front")
        else:
            self.put(FOLDER / "front", programs / "chancery-front")
            if has_honest_front:
                self.put(harness.BUILD / "chancery-front", programs / "honest" / "chancery-front")

    @staticmethod
    def put(program, path):
        shutil.copy(program, path)
        path.chmod(0o755)
        return path

    def environment(self):
        return {**super().environment(), **self.attacks, "CHANCERY_HOSTILE_SEED": str(SEED),
                "CHANCERY_HOSTILE_RECORD": str(self.record)}

    def start_listening(self):
        """Starts it, and waits for the front only."""
        self.start(is_waited_for=False)
        harness.wait_until(self.answers, f"the front answers; the log:\n{self.log()}")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.log()}")
        try:
            with self.client() as client:
                return client.get("/healthz").status == 200
        except OSError:
            return False

    def token_state(self):
        with self.client() as client:
            return client.get("/v1/status").json["tokens"][0]["state"]

    def connect_other(self):
        """A connection of another user, who has a front of its own; None if there is no place for it."""
        os.seteuid(OTHER_UID)
        try:
            made = socket.socket(socket.AF_UNIX)
            made.connect(str(self.socket))
            return made
        except OSError:
            return None
        finally:
            os.seteuid(0)

    def recorded(self):
        """(seconds, pid, word, rest) of each line."""
        if not self.record.exists():
            return []
        lines = [line.split(" ", 3) for line in self.record.read_text(errors="replace").splitlines()]
        return [(int(line[0]) / 1e9, int(line[1]), line[2], line[3] if len(line) > 3 else "") for line in lines]


def require_programs():
    harness.require_programs()
    if not (FOLDER / "front").exists():
        raise unittest.SkipTest("the hostile programs are not built; run make hostile-programs")


def chosen(attacks):
    return os.environ.get("CHANCERY_HOSTILE_ATTACKS", "").split() or attacks


class Watch:
    """Looks at core all the while: the most memory that it had, and its dead children that nobody buried."""

    def __init__(self, pid):
        self.core = harness.Process(pid)
        self.peak_kib = 0
        self.zombies = []
        self.children = set()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def run(self):
        looks = {}  # how often each child was seen dead
        while not self.is_over.wait(0.1):
            try:
                self.peak_kib = max(self.peak_kib, self.core.rss_kib())
            except (OSError, KeyError):
                return
            children = harness.children_of(self.core.pid)
            self.children.update(child.pid for child in children)
            looks = {child.pid: looks.get(child.pid, 0) + 1 for child in children if not child.is_running()}
            self.zombies += [pid for pid, count in looks.items() if count == ZOMBIE_LOOKS]


def timed(call, *arguments, **options):
    began = time.monotonic()
    result = call(*arguments, **options)
    return time.monotonic() - began, result


def is_fit_to_show(text):
    """True if it holds nothing that a terminal obeys."""
    return all(char == "\n" or unicodedata.category(char) not in ("Cc", "Cs") for char in text)


def signed_marks(agent):
    """By what right the orders were sent that became jobs, in the words of tests/hostile/front.c, which is not to be
    trusted with one thing: an id that it made up may be that of a connection which it had not read of yet."""
    passed = {rest for _, _, word, rest in agent.recorded() if word == "connection"}
    jobs = [rest for _, _, word, rest in agent.recorded() if word == "job"]
    found = [re.search(r"newClientOrderId=([\w-]+)", job).group(1) for job in jobs if "newClientOrderId" in job]
    return ["own" if mark.removeprefix("madeup-") in passed else mark for mark in found]


def assert_gone(pids):
    """Nothing that core started outlives it."""
    for pid in pids:
        harness.wait_until(lambda pid=pid: not harness.Process(pid).is_running(), f"process {pid} ends with core")


def figures(slowest):
    return ", ".join(f"{name} {took * 1000:.0f} ms" for name, took in slowest.items())


def judge(test, watch, slowest):
    """Core has answered in time, has stayed small, and has left no process behind."""
    for name, took in slowest.items():
        test.assertLess(took, ACTS_WITHIN_S, name)
    if not harness.is_sanitized():
        test.assertLess(watch.peak_kib, CORE_KIB_MAX)
    test.assertEqual(watch.zombies, [])
    assert_gone(watch.children)

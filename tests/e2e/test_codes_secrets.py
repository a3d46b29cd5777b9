"""Seeds, codes and PINs are in no log, file, argv, environment, dump or page that can be swapped out: of the agent and of
chancery, after an enrolment, an unlock, a wrong code, a lock and a restart, and while chancery asks and waits. How it is
searched is proven in test_secrets.py."""

import base64
import os
import pathlib
import re
import shutil
import signal
import time
import unittest

import codes
import harness
from test_secrets import dump, search, spellings


def swappable(pid):
    """All memory of a process that the kernel may write to a swap device: what is not locked, by its flags in smaps."""
    found = []
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    areas = re.findall(r"(?m)^([0-9a-f]+)-([0-9a-f]+) r.*\n(?:(?![0-9a-f]+-).*\n)*?VmFlags:(.*)$", smaps)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, flags in areas:
            if not {"lo", "io"} & set(flags.split()):
                try:
                    memory.seek(int(begin, 16))
                    found.append(memory.read(int(end, 16) - int(begin, 16)))
                except OSError:
                    continue  # the kernel's own pages
    return b"".join(found)


def may_lock(process):
    """True if it may lock as much memory as it likes, as the token process does, whose module keeps what it likes where it
    likes."""
    return "unlimited" in re.search(r"Max locked memory +(\S+)", process.read("limits").decode()).group(1)


as_root_on_a_plain_build = unittest.skipIf(
    os.getuid() != 0 or (harness.AGENT.exists() and harness.is_sanitized()),
    "only root can read the memory of a process; the sanitizers' shadow is terabytes, and their builds lock none of it")


class Secrets(codes.CodesTest):
    people = ("  tester: {{ uid: {uid}, roles: [operator, admin], totp: "
              "{{ object: \"pkcs11:object=tester-totp\", digits: 8 }} }}\n")

    def setUp(self):
        super().setUp()
        self.wanted = {"user PIN": spellings([harness.USER_PIN.encode()])}
        terminal = self.begin_enrolment()
        self.seed = self.scan(terminal)
        self.wanted["seed"] = spellings([base64.b32decode(self.seed.secret)]) | {self.seed.secret.encode()}
        self.during = self.look_at(terminal.pid)
        self.advance(60)
        terminal.type_at("Code that the app shows: ", self.note(self.seed.code(self.now_s())))
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.after = terminal.seen
        self.use()

    def note(self, code):
        self.wanted[f"code {len(self.wanted)}"] = spellings([code.encode()])
        return code

    def use(self):
        """An unlock, a lock, a wrong code, a wrong PIN, a restart, and an unlock."""
        done = [self.unlock(self.note(self.fresh_code(self.seed)))]
        self.agent.must("lock", "main")
        done.append(self.unlock(self.note("27182818")))
        self.advance(1000)
        done.append(self.unlock(self.note(self.fresh_code(self.seed)), pin=harness.USER_PIN + "0"))
        self.agent.stop(signal.SIGKILL)
        self.agent.start()
        self.advance(1000)
        done.append(self.unlock(self.note(self.fresh_code(self.seed)), "--last-try"))
        self.assertEqual([each.returncode for each in done], [0, 3, 3, 0])
        self.output = b"".join(each.stdout + each.stderr for each in done)

    def look_at(self, pid):
        """What others, and root, can see of a process."""
        process = harness.Process(pid)
        return process.read("cmdline") + (process.read("environ") if os.getuid() == 0 else b"")

    def test_not_in_what_is_said(self):
        self.assertEqual(search(self.output, self.wanted), [])
        self.assertEqual(search(self.after.encode(), self.wanted), [])  # once the screen was cleared
        self.assertEqual(search(self.agent.log().encode(), self.wanted), [])

    def test_not_in_any_file(self):
        for path in self.agent.home.rglob("*"):
            if path.is_file():
                self.assertEqual(search(path.read_bytes(), self.wanted), [], path)

    def test_not_in_argv_or_environment(self):
        self.assertEqual(search(self.during, self.wanted), [])
        for role, process in self.agent.processes().items():
            self.assertEqual(search(self.look_at(process.pid), self.wanted), [], role)

    @unittest.skipUnless(shutil.which("gdb") and os.getuid() == 0, "only root can dump the processes")
    def test_not_in_a_forced_dump(self):
        for role, process in self.agent.processes().items():
            data = dump(process.pid, self.agent.home)
            self.assertIn(b"CHANCERY_OPERATOR_SOCK=", data, role)
            self.assertEqual(search(data, self.wanted), [], role)

    @as_root_on_a_plain_build
    def test_not_in_a_page_that_can_be_swapped_out(self):
        for role, process in self.agent.processes().items():
            data = swappable(process.pid)
            if role == "token" and not may_lock(process):
                continue  # `status` says so, where there is a swap device
            self.assertTrue(role == "token" or b"CHANCERY_OPERATOR_SOCK=" in data, f"{role}: it was not read")
            self.assertEqual(search(data, self.wanted), [], role)
        core = self.agent.processes()["core"]
        self.assertGreater(int(core.status()["VmLck"].split()[0]), 0, "the PIN that is kept is locked")

    @as_root_on_a_plain_build
    def test_not_in_chancery_while_it_asks_and_waits(self):
        """With the PIN typed and the code not; and with both sent to a token that does not answer."""
        self.agent.must("lock", "main")
        terminal = self.terminal("unlock", "main")
        terminal.type_at("User PIN of token main: ", harness.USER_PIN)
        terminal.read_until("Code: ")
        self.assert_is_clean("chancery", terminal.pid)
        token = self.agent.child("token")
        os.kill(token.pid, signal.SIGSTOP)
        try:
            terminal.type_at("Code: ", self.note(self.fresh_code(self.seed)))
            harness.wait_until(terminal.has_echo, "the code was read")
            time.sleep(0.5)  # it is on its way
            for role, pid in (("chancery", terminal.pid), ("core", self.agent.process.pid),
                              ("front", self.agent.child("front").pid)):
                self.assert_is_clean(role, pid)
        finally:
            os.kill(token.pid, signal.SIGCONT)
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertEqual(search(terminal.seen.encode(), self.wanted), [])

    def assert_is_clean(self, role, pid):
        data = swappable(pid)
        self.assertIn(b"CHANCERY_OPERATOR_SOCK=", data, f"{role}: it was not read")
        self.assertEqual(search(data, self.wanted), [], role)
        self.assertEqual(search(self.look_at(pid), self.wanted), [], role)
        if shutil.which("gdb"):
            self.assertEqual(search(dump(pid, self.agent.home), self.wanted), [], role)

    @as_root_on_a_plain_build
    def test_the_search_of_memory_finds_what_is_there(self):
        """The URI of the seed's object is in core's heap, and no secret."""
        self.assertIn(b"tester-totp", swappable(self.agent.process.pid))

    @unittest.skipUnless(shutil.which("gdb") and os.getuid() == 0, "only root can dump the processes")
    def test_not_in_a_dump_of_who_shows_the_seed(self):
        """While it is on the screen, it is in locked pages, which dumps leave out, and nowhere else."""
        self.agent.must("totp", "revoke", "tester", secrets_by_option={"--code-fd": self.fresh_code(self.seed)})
        self.delete_seed()
        terminal = self.begin_enrolment()
        seed = self.scan(terminal)
        data = dump(terminal.pid, self.agent.home)
        raw = base64.b32decode(seed.secret)
        self.assertIn(b"tester-totp", data)
        self.assertEqual(search(data, {"seed": spellings([raw]) | {seed.secret.encode()},
                                       "user PIN": self.wanted["user PIN"]}), [])
        locked = next(line for line in pathlib.Path(f"/proc/{terminal.pid}/status").read_text().splitlines()
                      if line.startswith("VmLck"))
        self.assertGreater(int(locked.split()[1]), 0)


if __name__ == "__main__":
    unittest.main()

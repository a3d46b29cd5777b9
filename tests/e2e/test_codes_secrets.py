"""Seeds, codes and PINs are in no log, file, argv, environment or dump: of the agent and of chancery, after an enrolment, an
unlock, a wrong code, a lock and a restart. How it is searched is proven in test_secrets.py."""

import base64
import os
import pathlib
import shutil
import signal
import unittest

import codes
import harness
from test_secrets import dump, search, spellings


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

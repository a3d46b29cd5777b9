"""chancery on a pseudo-terminal, as a person uses it."""

import os
import pty
import select
import signal
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import CHANCERY, OK, PIN, REFUSED, SO_PIN, USAGE, Sandbox, wait_until  # noqa: E402


class Terminal(Sandbox):
    """On a pseudo-terminal, as a person would use it."""

    def start(self, *words):
        pid, self.tty = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it, and so would chancery
            os.execve(CHANCERY, [CHANCERY, *words], self.env)
        self.addCleanup(os.close, self.tty)
        self.seen = ""
        return pid

    def read_until(self, text):
        end = time.monotonic() + 20
        while text not in self.seen:
            if not select.select([self.tty], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.tty, 4096).decode()
            except OSError:
                raise AssertionError(f"no {text!r} before the end of {self.seen!r}") from None

    def type_at(self, prompt, text, end="\n"):
        self.read_until(prompt)
        self.seen = self.seen.split(prompt, 1)[1]
        wait_until(lambda: not self.has_echo(), 5)
        os.write(self.tty, (text + end).encode())

    def has_echo(self):
        return bool(termios.tcgetattr(self.tty)[3] & termios.ECHO)

    def finish(self, pid):
        while True:
            try:
                data = os.read(self.tty, 4096)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode()
        return os.waitpid(pid, 0)[1]

    def test_pins_are_asked_twice_without_echo(self):
        pid = self.start("token", "init", "--label", "demo")
        everything = ""
        for prompt, text in (("SO PIN", SO_PIN), ("Once more", SO_PIN), ("User PIN", PIN), ("Once more", PIN)):
            self.type_at(prompt, text)
            everything += self.seen
        status = self.finish(pid)
        self.assertEqual(os.waitstatus_to_exitcode(status), OK, self.seen)
        self.assert_no_secret(everything + self.seen)
        self.assertEqual(self.keys(), {})

    def test_two_entries_that_differ_change_nothing(self):
        pid = self.start("token", "init", "--label", "demo")
        self.type_at("SO PIN", SO_PIN)
        self.type_at("Once more", SO_PIN + "x")
        status = self.finish(pid)
        self.assertEqual(os.waitstatus_to_exitcode(status), USAGE)
        self.assertIn("differ", self.seen)
        self.assertNotIn("demo", self.ok("token", "list").out)

    def test_echo_comes_back_after_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            pid = self.start("key", "list")
            self.read_until("User PIN: ")
            wait_until(lambda: not self.has_echo(), 5)
            if number == signal.SIGINT:
                os.write(self.tty, b"\x03")
            else:
                os.kill(pid, number)
            status = os.waitpid(pid, 0)[1]
            self.assertTrue(os.WIFSIGNALED(status) and os.WTERMSIG(status) == number, status)
            self.assertTrue(self.has_echo())

    def test_ctrl_z_puts_the_question_again(self):
        self.make_token()
        pid = self.start("key", "list")
        self.type_at("User PIN: ", "\x1a", end="")
        self.type_at("User PIN: ", PIN)
        self.assertEqual(os.waitstatus_to_exitcode(self.finish(pid)), OK, self.seen)
        self.assertIn("no keys", self.seen)

    def test_end_of_file_is_not_a_pin(self):
        pid = self.start("key", "list")
        self.read_until("User PIN: ")
        wait_until(lambda: not self.has_echo(), 5)
        os.write(self.tty, b"\x04")
        self.assertEqual(os.waitstatus_to_exitcode(self.finish(pid)), USAGE)

    def test_delete_is_confirmed_on_the_terminal(self):
        self.make_token()
        self.ok("key", "generate", "--label", "k", "--mechanism", "ed25519", stdin=PIN)
        for answer, status in (("n", REFUSED), ("y", OK)):
            pid = self.start("key", "delete", "--object", "k")
            self.type_at("User PIN: ", PIN)
            self.read_until("[y/N] ")
            os.write(self.tty, answer.encode() + b"\n")
            self.assertEqual(os.waitstatus_to_exitcode(self.finish(pid)), status, self.seen)
        self.assertEqual(self.keys(), {})

if __name__ == "__main__":
    unittest.main()

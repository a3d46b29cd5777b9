"""Ctrl-Z at the PIN prompt stops a whole script at once. If its shell had taken the terminal back before chancery put the echo
back on, SIGTTOU stopped chancery on the way, and the shell went on without echo. Now the terminal is put back all the same, unless
the shell has changed it already."""

import json
import os
import pathlib
import pty
import select
import signal
import sys
import termios
import traceback
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import CHANCERY, PIN, Sandbox, wait_until

PROMPT = b"User PIN: "


def has_echo():
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)


def is_asking():
    return not has_echo()


class Shell:
    """A shell with one job, which asks for a PIN. Runs in a process of its own, with the terminal as descriptor 0."""

    def __init__(self, env):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # as shells do, to take the terminal back
        self.job = os.fork()
        if self.job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execve(CHANCERY, [CHANCERY, "key", "list"], env)
        wait_until(is_asking, 30)

    def stop(self, change=None):
        """As if the shell were quicker than the job: it has the terminal again before the job puts it back."""
        os.tcsetpgrp(0, os.getpgrp())
        if change is not None:
            change()
        os.kill(self.job, signal.SIGTSTP)
        status = os.waitpid(self.job, os.WUNTRACED)[1]
        return os.WIFSTOPPED(status) and os.WSTOPSIG(status)

    def end(self):
        os.kill(self.job, signal.SIGKILL)
        os.waitpid(self.job, 0)

    def go_on(self):
        os.tcsetpgrp(0, self.job)
        os.kill(self.job, signal.SIGCONT)
        wait_until(is_asking, 30)


def stop_and_go_on(env):
    shell = Shell(env)
    seen = {"stopped by": shell.stop(), "echo": has_echo()}
    if not seen["echo"]:
        shell.end()
        return seen
    shell.go_on()
    os.write(1, b"type\n")
    seen["status"] = os.waitstatus_to_exitcode(os.waitpid(shell.job, 0)[1])
    return {**seen, "echo afterwards": has_echo()}


def stop_after_a_change(env):
    def edit_lines():
        settings = termios.tcgetattr(0)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(0, termios.TCSANOW, settings)

    shell = Shell(env)
    seen = {"stopped by": shell.stop(edit_lines), "echo": has_echo()}
    shell.end()
    return {**seen, "lines": bool(termios.tcgetattr(0)[3] & termios.ICANON)}


class Stopped(Sandbox):
    def run_shell(self, work):
        self.make_token()
        reader, writer = os.pipe()
        pid, tty = pty.fork()
        if pid == 0:
            try:
                os.write(writer, json.dumps(work(self.env)).encode())
            except BaseException:
                os.write(writer, traceback.format_exc().encode())
            os._exit(0)
        os.close(writer)
        shown = b""
        while select.select([tty], [], [], 60)[0]:
            try:
                data = os.read(tty, 4096)
            except OSError:
                break
            shown += data
            if b"type" in data:
                os.write(tty, PIN.encode() + b"\n")
        os.waitpid(pid, 0)
        told = os.read(reader, 65536).decode()
        os.close(reader)
        os.close(tty)
        self.assertTrue(told.startswith("{"), told)
        return json.loads(told), shown

    def test_a_prompt_that_is_stopped_puts_the_echo_back(self):
        told, shown = self.run_shell(stop_and_go_on)
        self.assertEqual(told, {"stopped by": signal.SIGTSTP, "echo": True, "status": 0, "echo afterwards": True})
        self.assertEqual(shown.count(PROMPT), 2, "asked again")
        self.assertNotIn(PIN.encode(), shown)

    def test_what_the_shell_has_set_stays(self):
        self.assertEqual(self.run_shell(stop_after_a_change)[0], {"stopped by": signal.SIGTSTP, "echo": False, "lines": False})


if __name__ == "__main__":
    unittest.main()

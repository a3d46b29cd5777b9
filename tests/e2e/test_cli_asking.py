"""PINs that programs ask for: pinentry, of which a stand-in speaks Assuan here, systemd-ask-password, and credentials."""

import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import CHANCERY, CONFIG, NOT_FOUND, OK, PIN, REFUSED, SO_PIN, USAGE, WRONG_PIN, Sandbox, wait_until  # noqa: E402

IO = 11  # what cli_sandbox has no name for

PINENTRY = r"""#!/usr/bin/python3
import os, sys, time
folder = "{folder}"
script = open(folder + "/script").read().split("\n")
heard = open(folder + "/heard", "a")
heard.write("argv " + " ".join(sys.argv[1:]) + "\n")
heard.write("fds " + " ".join(sorted(os.listdir("/proc/self/fd"))) + "\n")
heard.flush()
def say(text):
    sys.stdout.buffer.write(text.encode("latin-1") + b"\n"); sys.stdout.flush()
say("OK Pleased to meet you")
for line in sys.stdin:
    line = line.rstrip("\n")
    heard.write(line + "\n"); heard.flush()
    if line == "GETPIN":
        answer = script.pop(0) if len(script) > 1 else script[0]
        open(folder + "/script", "w").write("\n".join(script))
        if answer == "hang":
            open(folder + "/hangs", "w").close(); time.sleep(60)
        if answer == "leave":
            sys.exit(0)
        for part in answer.split("|"):
            say(part)
    elif line == "BYE":
        try:
            say("OK closing connection")
        except BrokenPipeError: # nobody need wait for it
            os._exit(0)
        break
    elif line.startswith("OPTION lc"):
        say("ERR 83886254 Unknown option <Pinentry>")
    else:
        say("# a comment"); say("S NOTICE something"); say("OK")
"""

ASK_PASSWORD = """#!/bin/sh
printf '%s\\n' "$@" >{folder}/asked
cat {folder}/script
exit {status}
"""


class Asking(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()
        self.home = pathlib.Path(self.folder.name)
        self.program = self.home / "pinentry"
        self.write(self.program, PINENTRY.replace("{folder}", self.folder.name))

    def write(self, path, text):
        path.write_text(text)
        path.chmod(0o755)

    def answer(self, *lines):
        """What the stand-in answers to each GETPIN; '|' is between lines."""
        (self.home / "script").write_text("\n".join(lines))

    def heard(self):
        path = self.home / "heard"
        return path.read_text().splitlines() if path.exists() else []

    def list_keys(self, *options, **more):
        return self.run_cli("key", "list", *options, **more)


class Pinentry(Asking):
    def ask(self, *answer, **more):
        self.answer(*answer)
        return self.list_keys(f"--pinentry={self.program}", **more)

    def test_it_is_asked_in_its_protocol(self):
        result = self.ask(f"D {PIN}|OK", fds=["a descriptor that chancery inherits"])
        self.assertEqual(result.status, OK, result)
        heard = self.heard()
        self.assertEqual(heard[0], "argv ")
        self.assertEqual(heard[1], "fds 0 1 2 3 4", "nothing of ours is open; 3 and 4 are its own")
        self.assertEqual([line for line in heard[2:] if not line.startswith(("OPTION", "BYE"))],
                         ["SETTITLE Chancery", "SETDESC User PIN: ", "SETPROMPT user PIN", "GETPIN"])

    def test_data_are_percent_decoded_and_put_together(self):
        coded = "".join(f"%{ord(letter):02X}" for letter in PIN[:4])
        self.assertEqual(self.ask(f"D {coded.lower()}|S x|D {PIN[4:]}|OK").status, OK)

    def test_special_characters_come_whole(self):
        self.ok("token", "init", "--label", "odd", stdin=f"{SO_PIN}\np%n \u00e9+x\n")
        self.env["CHANCERY_TOKEN"] = "odd"
        self.assertEqual(self.ask("D p%25n \u00c3\u00a9+x|OK").status, OK)

    def test_a_wrong_pin_is_tried_once(self):
        self.assert_fails(self.ask("D wrong-pin-3380|OK"), WRONG_PIN)
        self.assertEqual(self.heard().count("GETPIN"), 1)

    def test_what_goes_wrong_is_said(self):
        for answer, status, words in (
                ("ERR 83886179 Operation cancelled <Pinentry>", REFUSED, "cancelled"),
                ("ERR 83886142 Timeout <Pinentry>", REFUSED, "in time"),
                ("ERR 83918950 Inappropriate ioctl <Pinentry>", IO, "is there a display or a terminal?"),
                ("OK", USAGE, "the user PIN is empty"),
                ("D |OK", USAGE, "the user PIN is empty"),
                ("D 12%4|OK", IO, "not percent-encoded"),
                ("D 12%|OK", IO, "not percent-encoded"),
                ("D 12%zz|OK", IO, "not percent-encoded"),
                ("D 12%0D34|OK", USAGE, "carriage return"),
                ("D 12%0034|OK", USAGE, "NUL"),
                ("HELLO", IO, "does not speak pinentry's protocol"),
                ("D " + "x" * 5000 + "|OK", None, "more than"),
                ("D " + "x" * 3000 + "|D " + "x" * 3000 + "|OK", None, "longer than"),
                ("leave", IO, "ended without an answer")):
            with self.subTest(answer=answer[:40]):
                result = self.ask(answer)
                self.assertNotEqual(result.status, OK, result)
                self.assertIn(words, result.err)
                if status is not None:
                    self.assertEqual(result.status, status, result)

    def test_new_pins_are_asked_twice(self):
        self.answer(f"D {SO_PIN}|OK", f"D {SO_PIN}|OK", f"D {PIN}|OK", f"D {PIN}|OK")
        self.ok("token", "init", "--label", "two", f"--pinentry={self.program}")
        self.answer(f"D {SO_PIN}|OK", f"D {SO_PIN}x|OK")
        self.assert_fails(self.run_cli("token", "init", "--label", "three", f"--pinentry={self.program}"), USAGE, "differ")

    def test_a_secret_may_come_by_a_pipe_beside_it(self):
        self.answer(f"D {PIN}|OK")
        self.ok("key", "import", "--label", "k", "--mechanism", "hmac-sha256", "--encoding", "text",
                f"--pinentry={self.program}", stdin="0123456789abcdef0123456789abcdef")
        self.assertIn("k", self.keys())

    def test_the_variable_names_the_program(self):
        self.answer(f"D {PIN}|OK")
        self.assertEqual(self.list_keys("--pinentry", env={**self.env, "CHANCERY_PINENTRY": str(self.program)}).status, OK)

    def test_the_program_is_found_by_its_path_and_must_be_nobody_elses(self):
        self.assert_fails(self.list_keys("--pinentry=pinentry"), USAGE, "must be absolute")
        self.assert_fails(self.list_keys(f"--pinentry={self.home}/none"), CONFIG, "none")
        self.program.chmod(0o777)
        self.assert_fails(self.list_keys(f"--pinentry={self.program}"), CONFIG, "can be written to")
        self.assertEqual(self.heard(), [])

    def test_two_ways_are_one_too_many(self):
        self.assert_fails(self.list_keys("--pinentry", "--ask-password"), USAGE, "either --pinentry or --ask-password")
        self.assert_fails(self.list_keys("--credential", "x", "--pin-fd", "{0}", fds=[PIN]), USAGE, "either --pin-fd or")
        self.assert_fails(self.list_keys("--pinentry", "--no-pin"), USAGE, "either --pinentry or --no-pin")

    def test_a_signal_ends_both(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.answer("hang")
            (self.home / "hangs").unlink(missing_ok=True)
            asking = subprocess.Popen([CHANCERY, "key", "list", f"--pinentry={self.program}"], env=self.env,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            wait_until((self.home / "hangs").exists, 10)
            child = int(pathlib.Path(f"/proc/{asking.pid}/task/{asking.pid}/children").read_text())
            asking.send_signal(number)
            asking.communicate(timeout=10)
            self.assertEqual(asking.returncode, -number)
            self.assertFalse(pathlib.Path(f"/proc/{child}").exists())


class AskPassword(Asking):
    def ask(self, text, status=0):
        (self.home / "script").write_text(text)
        self.write(self.program, ASK_PASSWORD.format(folder=self.folder.name, status=status))
        return self.list_keys(f"--ask-password={self.program}")

    def test_its_line_is_the_pin(self):
        self.assertEqual(self.ask(PIN + "\n").status, OK)
        self.assertEqual((self.home / "asked").read_text().splitlines(), ["--timeout=99", "--id=chancery", "--", "User PIN: "])
        self.assertEqual(self.ask(PIN).status, OK)

    def test_a_failure_is_one_whatever_it_printed(self):
        self.assert_fails(self.ask(PIN + "\n", status=1), REFUSED, "was left, or has failed")
        self.assert_fails(self.ask("", status=1), REFUSED)

    def test_nothing_is_no_pin(self):
        self.assert_fails(self.ask("\n"), USAGE, "empty")


class Credential(Asking):
    def setUp(self):
        super().setUp()
        self.credentials = self.home / "credentials"
        self.credentials.mkdir(mode=0o700)
        self.env["CREDENTIALS_DIRECTORY"] = str(self.credentials)

    def put(self, text, mode=0o400):
        path = self.credentials / "pin"
        path.write_text(text)
        path.chmod(mode)

    def ask(self, name="pin"):
        return self.list_keys("--credential", name)

    def test_it_is_the_pin(self):
        for text in (PIN, PIN + "\n", PIN + "\r\n"):
            self.put(text, 0o600)
            self.assertEqual(self.ask().status, OK)

    def test_what_is_wrong_with_it_is_said(self):
        for text, mode, name, status, words in (
                (PIN, 0o622, "pin", CONFIG, "written to"), (PIN, 0o644, "pin", CONFIG, "every user can read"),
                (PIN, 0o600, "other", NOT_FOUND, "LoadCredentialEncrypted=other"),
                (PIN, 0o600, "../pin", CONFIG, "no name of a credential"), (PIN, 0o600, ".", CONFIG, "no name"),
                (PIN, 0o600, "", CONFIG, "no name"), ("", 0o600, "pin", USAGE, "empty"),
                (PIN + "\nmore\n", 0o600, "pin", USAGE, "more than one line"),
                ("x" * 5000, 0o600, "pin", None, "longer than")):
            with self.subTest(words=words, name=name):
                self.put(text, mode)
                result = self.ask(name)
                self.assertNotEqual(result.status, OK)
                self.assertIn(words, result.err)
                if status is not None:
                    self.assertEqual(result.status, status, result)
                (self.credentials / "pin").unlink()

    def test_without_a_service_manager_there_is_none(self):
        del self.env["CREDENTIALS_DIRECTORY"]
        self.assert_fails(self.ask(), NOT_FOUND, "$CREDENTIALS_DIRECTORY is not set")

    def test_other_secrets_come_as_ever(self):
        self.put(PIN, 0o600)
        self.ok("key", "import", "--label", "k", "--mechanism", "hmac-sha256", "--encoding", "text", "--credential", "pin",
                stdin="0123456789abcdef0123456789abcdef")


class OnTerminal:
    """A program of Debian's, on a pseudo-terminal; for a class of tests that names it."""

    OPTION = None
    PROGRAM = None
    PROMPT = "User.PIN"

    def setUp(self):
        super().setUp()
        if not os.path.exists(self.PROGRAM):
            self.skipTest(f"{self.PROGRAM} is not installed")
        self.env.update(TERM="xterm", LC_ALL="C.UTF-8")

    def start(self):
        pid, self.tty = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execve(CHANCERY, [CHANCERY, "key", "list", f"--{self.OPTION}={self.PROGRAM}"], self.env)
        self.addCleanup(os.close, self.tty)
        self.seen = ""
        return pid

    def read_until(self, pattern):
        end = time.monotonic() + 20
        while not re.search(pattern, self.seen):
            self.assertTrue(select.select([self.tty], [], [], max(0, end - time.monotonic()))[0], self.seen)
            try:
                self.seen += os.read(self.tty, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"it ended: {self.seen!r}") from None

    def finish(self, pid):
        try:
            while data := os.read(self.tty, 4096):
                self.seen += data.decode(errors="replace")
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def assert_terminal_is_back(self, before):
        self.assertEqual(termios.tcgetattr(self.tty)[3] & (termios.ECHO | termios.ICANON),
                         before[3] & (termios.ECHO | termios.ICANON))

    def wait_for_prompt(self):
        self.read_until(self.PROMPT)
        wait_until(lambda: not termios.tcgetattr(self.tty)[3] & termios.ICANON, 10)  # it reads key by key

    def test_a_person_types_into_it(self):
        pid = self.start()
        self.wait_for_prompt()
        os.write(self.tty, PIN.encode() + b"\r")
        self.assertEqual(self.finish(pid), OK, self.seen)
        self.assert_no_secret(self.seen)

    def test_ctrl_c_leaves_the_terminal_as_it_was(self):
        pid = self.start()
        before = termios.tcgetattr(self.tty)
        self.wait_for_prompt()
        os.write(self.tty, b"\x03")
        self.assertIn(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), (REFUSED, -signal.SIGINT))
        self.assert_terminal_is_back(before)


class RealPinentry(OnTerminal, Asking):
    OPTION = "pinentry"
    PROGRAM = "/usr/bin/pinentry-curses"

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        pid = self.start()
        before = termios.tcgetattr(self.tty)
        self.wait_for_prompt()
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGTERM)
        self.assert_terminal_is_back(before)


class RealAskPassword(OnTerminal, Asking):
    OPTION = "ask-password"
    PROGRAM = "/usr/bin/systemd-ask-password"


if __name__ == "__main__":
    unittest.main()

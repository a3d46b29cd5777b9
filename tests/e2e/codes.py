"""People's one-time codes: enrolled on a pseudo-terminal as a person does it, and made by oathtool, which knows nothing of
ours. The agent of such a test has a wall clock of the test's own, so that nobody waits for the next code."""

import codecs
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import urllib.parse

import harness
import loaded

STEP_S = 30
URI = re.compile(r"otpauth://totp/\S+")
ROW = re.compile("\x1b\\[38;5;16;48;5;231m([ █▀▄]*)\x1b\\[0m")
MODULE = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def require_oathtool():
    if not shutil.which("oathtool"):
        raise unittest.SkipTest("oathtool is not installed")


class Seed:
    """What an authenticator app has scanned."""

    def __init__(self, uri):
        require_oathtool()
        self.uri = uri
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(uri).query))
        self.secret = query["secret"]
        self.algorithm = query.get("algorithm", "SHA1").lower()
        self.digits = int(query.get("digits", "6"))

    def code(self, now_s):
        done = subprocess.run(
            ["oathtool", f"--totp={self.algorithm}", "-b", f"-d{self.digits}", f"--now=@{int(now_s)}", "-"],
            input=self.secret.encode(), capture_output=True, check=True)
        return done.stdout.decode().strip()


def qr_text(screen):
    """What a scanner reads on the screen."""
    if not shutil.which("zbarimg"):
        raise unittest.SkipTest("zbar-tools is not installed")
    lines = ROW.findall(screen)
    rows = []
    for line in lines:
        rows.append([MODULE[cell][0] for cell in line])
        rows.append([MODULE[cell][1] for cell in line])
    scale, quiet = 6, 4
    width = (len(rows[0]) + 2 * quiet) * scale
    light = [b"\xff" * width] * (quiet * scale)
    picture = list(light)
    for row in rows:
        edge = b"\xff" * (quiet * scale)
        picture += [edge + b"".join((b"\0" if dark else b"\xff") * scale for dark in row) + edge] * scale
    picture += light
    with tempfile.NamedTemporaryFile(suffix=".pgm") as file:
        file.write(b"P5 %d %d 255\n" % (width, len(picture)) + b"".join(picture))
        file.flush()
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file.name],
                              capture_output=True, check=False)
    return done.stdout.decode().strip()


class Terminal:
    """A command on a pseudo-terminal of so many columns and rows; as another user, if that is given."""

    def __init__(self, environment, *words, columns=100, rows=50, uid=None):
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            try:
                if uid is not None:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(harness.CLI, [str(harness.CLI), *words], environment)
            finally:
                os._exit(127)
        self.seen = ""
        self.shown = ""  # all of it, whatever was taken out of `seen`
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end within a character

    def take(self, data):
        text = self.decoder.decode(data)
        self.seen += text
        self.shown += text

    def read_until(self, text, timeout_s=30):
        end = time.monotonic() + timeout_s
        while text not in self.seen:
            if not select.select([self.tty], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {text!r} in {self.seen!r}")
            try:
                self.take(os.read(self.tty, 65536))
            except OSError:
                raise AssertionError(f"no {text!r} before the end of {self.seen!r}") from None
        return self.seen

    def has_echo(self):
        return bool(termios.tcgetattr(self.tty)[3] & termios.ECHO)

    def type_at(self, prompt, text, end="\n"):
        """Returns what was seen before the answer."""
        seen = self.read_until(prompt)
        harness.wait_until(lambda: not self.has_echo(), "the terminal is silent")
        self.seen = self.seen.split(prompt, 1)[1]
        os.write(self.tty, (text + end).encode())
        return seen

    def hang_up(self):
        """As if the window were closed."""
        os.close(self.tty)
        self.tty = None

    def finish(self):
        """Returns the exit status; the rest of what was shown is in `seen`."""
        while self.tty is not None:
            try:
                data = os.read(self.tty, 65536)
            except OSError:
                break
            if not data:
                break
            self.take(data)
        status = os.waitpid(self.pid, 0)[1]
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.tty is not None:
            os.close(self.tty)


def policy_with_codes(text, people, tokens=""):
    """The policy `text` with other people; `tokens` is its section of that name."""
    begin = text.index("people:\n")
    end = text.index("allow:\n")
    return text[:begin] + "people:\n" + people + tokens + text[end:]


class CodesTest(harness.AgentTest):
    """An agent that is not started yet, whose clock the test sets. `people` is for str.format with `uid`."""

    is_unlocked = False
    people = "  tester: {{ uid: {uid}, roles: [operator, admin], totp: \"pkcs11:object=tester-totp\" }}\n"
    tokens = ""

    def setUp(self):
        require_oathtool()
        self.agent = harness.prepare_agent(self.addCleanup)
        self.clock = loaded.WallClock(self.agent)
        self.ahead_s = 0
        people = self.people.format(uid=os.getuid(), other_uid=os.getuid() + 4242)
        self.agent.policy.write_text(policy_with_codes(self.agent.policy.read_text(), people, self.tokens))
        self.agent.start()

    @classmethod
    def setUpClass(cls):
        harness.require_programs()
        loaded.require_clocks()

    # ---- time ----

    def now_s(self):
        return time.time() + self.ahead_s

    def advance(self, seconds):
        self.ahead_s += seconds
        self.clock.set(self.ahead_s)

    def fresh_code(self, seed):
        """A code that was never used: two steps on, so that the one before is not good any more."""
        self.advance(2 * STEP_S)
        return seed.code(self.now_s())

    # ---- commands ----

    def terminal(self, *words, **options):
        terminal = Terminal(self.agent.environment(), *words, **options)
        self.addCleanup(terminal.close)
        return terminal

    def begin_enrolment(self, person="tester", **options):
        return self.terminal("totp", "enroll", person, "--module", "softhsm2", "--token", "main", **options)

    def show_seed(self, terminal):
        """Goes on with an enrolment until the seed is on the screen; returns what is."""
        terminal.type_at("User PIN: ", harness.USER_PIN)
        return terminal.read_until("Code that the app shows: ")

    def scan(self, terminal):
        return Seed(URI.search(self.show_seed(terminal)).group())

    def enroll(self, person="tester", admin=None):
        """Enrols on a terminal, as a person does it; `admin` is the seed of whoever vouches. Returns the new seed, and
        notes the code that was typed."""
        terminal = self.begin_enrolment(person)
        seed = self.scan(terminal)
        self.advance(2 * STEP_S)
        self.enrolled_by = seed.code(self.now_s())
        terminal.type_at("Code that the app shows: ", self.enrolled_by)
        if admin:
            terminal.type_at("Code: ", admin.code(self.now_s()))
        status = terminal.finish()
        self.assertEqual(status, 0, f"{terminal.seen}\n{self.agent.log()}")
        return seed

    def wrong_code(self, seed):
        return f"{(int(self.fresh_code(seed)) + 1) % 10**6:06}"

    def unlock(self, code, *words, pin=harness.USER_PIN, token="main"):
        secrets = {"--pin-fd": pin}
        if code is not None:
            secrets["--code-fd"] = code
        return self.agent.cli("unlock", *words, token, secrets_by_option=secrets)

    def state(self, token="main"):
        with self.agent.client() as client:
            rows = client.get("/v1/status").json["tokens"]
        return next(row["state"] for row in rows if row["name"] == token)

    def objects(self):
        return self.agent.must("key", "list", "--module", "softhsm2", "--token", "main", "--json",
                               secrets_by_option={"--pin-fd": harness.USER_PIN})

    def delete_seed(self):
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", "tester-totp", "--yes",
                        secrets_by_option={"--pin-fd": harness.USER_PIN})

"""PINs and secrets are nowhere but where they must be: not in a log, a file, argv, an environment, or a core dump.

The search covers each secret raw, in hex and in base64. Tests show that it finds a planted secret in each such place."""

import base64
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

import harness

PLANTED = "planted-secret-6f1d0c52a9"


def spellings(secret):
    """All the spellings in which a secret could be in a file."""
    found = set()
    for value in secret:
        encoded = base64.b64encode(value)
        found |= {value, value.hex().encode(), value.hex().upper().encode(), value.decode("latin-1").encode("utf-16-le")}
        # Within a longer base64 text, the secret starts at one of three positions, and its middle is then fixed.
        for lead in range(3):
            inside = base64.b64encode(b"\0" * lead + value)[4:-4]
            found |= {inside, inside.replace(b"+", b"-").replace(b"/", b"_")}
        found |= {encoded, encoded.rstrip(b"=")}
    return {text for text in found if len(text) >= 8}


SECRETS = {
    "user PIN": spellings([harness.USER_PIN.encode()]),
    "SO PIN": spellings([harness.SO_PIN.encode()]),
    "Binance secret": spellings([harness.BINANCE_SECRET.encode()]),
    "Kraken secret": spellings([harness.KRAKEN_SECRET.encode(), base64.b64decode(harness.KRAKEN_SECRET)]),
}


def search(data, wanted=None):
    """Names of the secrets that `data` contains."""
    return sorted(
        name for name, texts in (wanted or SECRETS).items() if any(text in data for text in texts)
    )


def dump(pid, folder):
    """A core dump of a running process, or None if the kernel does not allow one.

    The agent's processes ask for an empty dump (coredump_filter). gdb ignores that here, or the search would prove
    nothing. Like the kernel, it leaves out pages marked MADV_DONTDUMP, in which ch_secret keeps its bytes."""
    path = pathlib.Path(folder) / f"dump.{pid}"
    done = subprocess.run(
        ["gdb", "-n", "-batch", "-p", str(pid), "-ex", "set use-coredump-filter off",
         "-ex", f"generate-core-file {path}"],
        capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0 or not path.exists():
        return None
    data = path.read_bytes()
    path.unlink()
    return data


class TheSearch(unittest.TestCase):
    """The other tests rely on this."""

    wanted = {"planted": spellings([PLANTED.encode()])}

    def start(self, program, arguments=(), environment=None):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.addCleanup(process.communicate)
        self.assertEqual(process.stdout.readline(), b"up\n")
        return process

    waits = "import sys; print('up', flush=True); sys.stdin.read()"

    def test_finds_every_spelling(self):
        raw = PLANTED.encode()
        for text in (raw, raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(b"PIN=" + raw + b"!!")):
            self.assertEqual(search(b"\x00noise " + text + b" noise", self.wanted), ["planted"], text)
        self.assertEqual(search(b"nothing of the kind", self.wanted), [])

    def test_finds_one_in_argv_and_environment(self):
        process = self.start(self.waits, [PLANTED])
        self.assertEqual(search(harness.Process(process.pid).read("cmdline"), self.wanted), ["planted"])
        process = self.start(self.waits, environment={"PLANTED": PLANTED})
        self.assertEqual(search(harness.Process(process.pid).read("environ"), self.wanted), ["planted"])

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    def test_finds_one_in_memory(self):
        # The child assembles the secret, so that neither argv nor its source contains all of it.
        half = len(PLANTED) // 2
        process = self.start(f"kept = {PLANTED[:half]!r} + str({PLANTED[half:]!r})[:]; kept += '.'; " + self.waits)
        self.assertEqual(search(dump(process.pid, self.folder()) or b"", self.wanted), ["planted"])

    def folder(self):
        folder = harness.tempfile.mkdtemp(prefix="ch-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        return folder


class Secrets(harness.AgentTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.agent.client() as client:
            for _ in range(50):
                client.sign("binance-main", harness.BINANCE_ORDER)
                client.sign("kraken-main", harness.KRAKEN_ORDER)
            client.sign("binance-main", harness.BINANCE_WITHDRAWAL)
            client.post("/v1/keys/binance-main/sign", b"{")
        # The wrong PIN differs in one character, and what the agent says about it is searched too.
        cls.agent.lock()
        cls.agent.unlock(harness.USER_PIN + "0")
        cls.agent.unlock()

    def test_not_in_the_output_of_the_agent(self):
        for name in ("agent.out", "agent.err"):
            self.assertEqual(search((self.agent.home / name).read_bytes()), [], name)
        self.assertNotEqual((self.agent.home / "agent.err").read_bytes(), b"", "the agent logs something")

    def test_not_in_any_file(self):
        searched = 0
        for path in self.agent.home.rglob("*"):
            if path.is_file():
                self.assertEqual(search(path.read_bytes()), [], path)
                searched += 1
        self.assertGreater(searched, 5)
        self.assertTrue(any(self.agent.state.iterdir()), "the agent keeps state")

    def test_not_in_argv_or_environment(self):
        processes = self.agent.processes()
        self.assertEqual(set(processes), {"core", "front", "token"})
        for role, process in processes.items():
            self.assertEqual(search(process.read("cmdline")), [], role)
            if os.getuid() == 0:
                self.assertEqual(search(process.read("environ")), [], role)
            else:
                # The processes are not dumpable, so the kernel shows their environment to root only.
                self.assertRaises(PermissionError, process.read, "environ")

    def test_the_command_line_takes_no_secret_as_an_argument(self):
        for command in (["unlock", "main", "--pin", "1234"], ["key", "import", "--secret", "abcd"]):
            self.assertEqual(self.agent.cli(*command).returncode, 2, command)

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    @unittest.skipIf(harness.AGENT.exists() and harness.is_sanitized(), "a dump of ASan's shadow is terabytes")
    def test_not_in_a_forced_dump(self):
        for role, process in self.agent.processes().items():
            with self.subTest(role=role):
                data = dump(process.pid, self.agent.home)
                if data is None:
                    self.assertNotEqual(os.getuid(), 0, "root can dump any process")
                    continue
                # The environment is on the stack, the policy on core's heap; this shows that the dump contains memory.
                self.assertIn(b"CHANCERY_OPERATOR_SOCK=", data)
                self.assertTrue(role != "core" or b"binance-ed25519" in data)
                self.assertEqual(search(data), [])
        self.assert_signs()

    def test_a_crash_leaves_no_dump(self):
        """Even if the limits of whoever started the agent allow dumps."""
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        for role in ("token", "front"):
            process = self.agent.child(role)
            limits = re.search(r"Max core file size +(\S+)", process.read("limits").decode())
            self.assertEqual(limits.group(1), "0", role)
            os.kill(process.pid, signal.SIGSEGV)
            harness.wait_until(lambda: not process.is_running(), "the process ends")
            harness.wait_until(self.agent.is_ready, "the agent is back")
        time.sleep(0.1)
        self.assertEqual([path.name for path in self.agent.home.rglob("core*") if path.is_file()], [])
        self.assertEqual((soft, hard), resource.getrlimit(resource.RLIMIT_CORE))


if __name__ == "__main__":
    unittest.main()

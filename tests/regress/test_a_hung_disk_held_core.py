"""While the disk of the state hung, so did core, as soon as anybody whom it had not seen before connected: SQLite had the index of
its log mapped from that disk, and a process in which a thread waits for such a page cannot be forked. A stop waited for the disk
too."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import others
from client import request_bytes
from harness import wait_until
from waiting import Waiting

ENDS_S = 30 # a stop takes a second; what is left of it then is a thread that the kernel does not end
VALUE = 2**60


KRAKEN = """\
  kraken:
    token: main
    object: "pkcs11:object=kraken-main"
    profile: kraken
    scheme: hmac
    key_id: "kraken-key-id"
"""


def ask_once(tell, path):
    with others.connect(path, timeout_s=ENDS_S) as connection:
        connection.sendall(request_bytes("quick", harness.BINANCE_ORDER))
        tell(connection.recv(4096))


def mount(folder):
    """A file system of its own on `folder`."""
    image = folder.with_suffix(".img")
    image.write_bytes(b"")
    os.truncate(image, 16 * 1024 * 1024)
    for command in (["mkfs.ext4", "-q", "-F", image], ["mount", "-o", "loop", image, folder]):
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(f"no file system can be mounted here: {error}") from error


def move_state(test):
    """The state of the test's agent is on a disk of its own, test.disk."""
    test.disk = test.agent.home / "disk"
    test.disk.mkdir()
    mount(test.disk)
    test.addClassCleanup(subprocess.run, ["umount", "-l", test.disk], check=False)
    (test.disk / "state").mkdir(mode=0o700)
    test.agent.config.write_text(test.agent.config.read_text().replace("state: state", f"state: {test.disk}/state"))


def is_there(pid):
    """A zombie is not."""
    return harness.Process(pid).is_running()


class HungDisk(others.OthersTest):
    bots = (0, others.BOT_A)

    def prepare(self):
        self.agent.import_hmac("kraken-main", "hmac-sha512", harness.KRAKEN_SECRET, "base64")
        entry = harness.allow("kraken", "bot-0", "kraken", "read, trade, cancel")
        self.agent.policy.write_text(harness.with_key(self.agent.policy.read_text(), KRAKEN, entry))
        disk = self.agent.home / "disk"
        disk.mkdir()
        mount(disk)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        (disk / "state").mkdir(mode=0o700)
        self.agent.config.write_text(self.agent.config.read_text().replace("state: state", f"state: {disk}/state"))
        self.disk = disk

    def freeze(self):
        """The disk hangs, and something is to be written."""
        subprocess.run(["fsfreeze", "-f", self.disk], check=True)
        self.addCleanup(subprocess.run, ["fsfreeze", "-u", self.disk], check=False)
        writing = subprocess.Popen([str(harness.CLI), "nonce", "raise", "kraken", str(VALUE)],
                                   env=self.agent.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(writing.wait)
        self.addCleanup(writing.kill)
        core = self.agent.process.pid
        wait_until(lambda: any("percpu_rwsem_wait" in path.read_text() or " D " in path.with_name("stat").read_text()
                               for path in pathlib.Path(f"/proc/{core}/task").glob("*/wchan")), "a thread waits for the disk")

    def test_who_was_not_seen_before_is_answered_and_a_lock_and_a_stop_take_effect(self):
        self.freeze()
        with others.User(others.BOT_A, ask_once, str(self.agent.socket)) as bot:
            self.assertIn(b"the decision cannot be recorded", bot.hear())
        self.assertEqual(self.serves_anew(), 503)
        self.assertEqual(self.agent.lock().returncode, 0)
        processes = {process.pid for process in self.agent.processes().values()}
        self.agent.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not any(map(is_there, processes)), "all have ended", ENDS_S)
        self.assertIn("the disk of the state does not answer", self.agent.log())

    def test_a_freeze_takes_effect_and_says_that_it_is_not_kept(self):
        self.freeze()
        began = time.monotonic()
        asked = Waiting(self.agent.cli, "freeze", "--all", "--reason", "the disk hangs")
        wait_until(lambda: "all trading is halted now" in self.agent.log(), "it is in effect", 1.0)
        with self.agent.client() as client:  # one that was asked before would still wait for its nonce
            self.assertEqual(client.sign("kraken", harness.KRAKEN_ORDER).json.get("rule"), "state")
        asked.join(10)
        done = asked.result
        self.assertLess(time.monotonic() - began, 5.0)
        self.assertEqual(done.returncode, 11, done)
        self.assertIn(b"all trading is halted", done.stdout)
        self.assertIn(b"it is in effect, but is not kept yet", done.stderr)
        subprocess.run(["fsfreeze", "-u", self.disk], check=True)
        self.assertEqual(self.agent.cli("freeze", "--all", "--reason", "the disk is back").returncode, 0)

    def test_a_try_that_cannot_be_counted_is_not_made(self):
        self.agent.must("lock", "main")
        self.freeze()
        done = self.agent.cli("unlock", "main", secret=harness.USER_PIN, timeout_s=60)
        self.assertEqual(done.returncode, 11, done)
        self.assertIn(b"the PIN was not sent", done.stderr)
        with self.agent.client() as client:
            self.assertEqual(client.get("/v1/status").json["tokens"][0]["state"], "locked")


if __name__ == "__main__":
    unittest.main()

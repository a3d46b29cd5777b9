"""Whatever happens to the agent or to its disk, what its limits have counted is at least what was signed, no nonce comes
twice, and nothing is signed that was not recorded.

CHANCERY_CRASHES says how often a process is killed; 40 times by default, 500 for a release. CHANCERY_CRASHES_SEED repeats what
is left to chance, as far as the machine does."""

import decimal
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from burdened import BOTS, DECISION, KEYS, Agent, Load, digest_of, order
from harness import wait_until

KILLS = int(os.environ.get("CHANCERY_CRASHES", "40"))
SEED = int(os.environ.get("CHANCERY_CRASHES_SEED", str(random.randrange(2**32))))
TOKEN_SHARE = 0.2  # of the kills, of the token process; the others are core's
TWICE_SHARE = 0.2  # of core's, another while it starts
DISK_BYTES = 3 << 20
PATIENCE_S = 60


class Burdened(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.agent = Agent.prepare(self.addCleanup)
        self.dice = random.Random(SEED)

    def kill_core(self):
        self.agent.stop_all(signal.SIGKILL)

    def assert_recorded(self, book):
        """Every signature that a bot has got since the last time is a decision in the journal of the agent, which has ended,
        with the digest of what was signed; and none was given back."""
        rows = self.agent.journal()
        returned = {of for kind, of, _ in rows.values() if kind != DECISION}
        for reservation, (bot, key, quantity, finished) in book.take_unseen().items():
            kind, _, record = rows[reservation]
            self.assertEqual(kind, DECISION)
            self.assertNotIn(reservation, returned)
            for text in (f'"callers":["{bot}"]', f'"key":"{key}"', f'"{quantity}"', digest_of(key, finished)):
                self.assertIn(text, record)

    def assert_counted(self, book):
        for bot in BOTS:
            for key in KEYS:
                expected = book.expected(bot, key)  # before the agent is asked: the bots go on
                counted = self.agent.limits(bot, key)
                for name, amount in expected.items():
                    self.assertGreaterEqual(counted[name], amount, f"{name} of {bot} with {key}; seed {SEED}")

    def sign(self, bot="bot-0", key="kraken"):
        with self.agent.by(bot) as client:
            return client.sign(key, order(key, "0.0100"))

    def sign_until_refused(self):
        end = time.monotonic() + PATIENCE_S
        answer = self.sign()
        while answer.status == 200 and time.monotonic() < end:
            time.sleep(0.02)
            answer = self.sign()
        return answer


class Kills(Burdened):
    def kill_token(self):
        victim = self.agent.child("token")
        if victim is None:
            return
        os.kill(victim.pid, signal.SIGKILL)
        answer = self.sign()

        def is_back():
            nonlocal answer
            answer = self.sign()
            return answer.status in (200, 423)

        wait_until(is_back, "the token process is back", PATIENCE_S, 0.1)
        if answer.status == 423:  # it died in a login, and the PIN is not tried again and again
            self.assertEqual(self.agent.unlock().returncode, 0)

    def restart_core(self):
        while self.dice.random() < TWICE_SHARE:
            self.agent.start(is_waited_for=False)
            time.sleep(self.dice.random() * 0.2)
            self.kill_core()
        self.agent.begin()

    def test_what_is_counted_is_never_below_what_was_signed(self):
        self.agent.begin()
        begun = time.monotonic()
        kills = {"core": 0, "token": 0, "while it starts": 0}
        with Load(self.agent, 0.004) as book:
            wait_until(lambda: book.signed > 20, "the load runs")
            for number in range(KILLS):
                time.sleep(self.dice.random() * 0.3)
                role = "token" if self.dice.random() < TOKEN_SHARE else "core"
                with self.subTest(number=number, role=role, seed=SEED):
                    kills[role] += 1
                    if role == "token":
                        self.kill_token()
                    else:
                        self.kill_core()
                        self.assert_recorded(book)
                        starts = self.agent.starts
                        self.restart_core()
                        kills["while it starts"] += self.agent.starts - starts - 1
                    self.assert_counted(book)
                    self.assertEqual(book.twice, [])
        self.assertEqual(self.agent.stop(), 0)
        self.assert_recorded(book)
        self.assertNotIn("damaged", self.agent.log())
        counted = self.counted_in_all()
        print(f"\n{sum(kills.values())} kills ({kills}), {book.signed} signatures in {time.monotonic() - begun:.0f} s, "
              f"{len(book.nonces)} nonces, none twice; {sum(book.value.values())} USDT signed, {counted} counted; seed {SEED}")

    def counted_in_all(self):
        self.agent.begin()
        return self.agent.limits("bot-0", "kraken")["desk"]


class Disks(Burdened):
    """The state is on a small file system of its own."""

    def mount(self, *options, source="state"):
        self.agent.state.mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(["mount", *options, source, self.agent.state], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.agent.state], check=False, capture_output=True)

    def fill(self):
        with open(self.agent.state / "filling", "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))

    def assert_refused_for_the_disk(self, answer):
        self.assertEqual(answer.status, 503, answer)
        self.assertIn("nothing is signed: writing the state", answer.json["detail"])
        self.assertRegex(answer.json["detail"], "make room on its disk|look at its disk", "it says what to do")
        self.assertIn("retry-after", answer.headers)

    def test_a_full_disk_signs_nothing_that_is_not_recorded(self):
        self.mount("-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700")
        self.agent.begin()
        with Load(self.agent, 0.004) as book:
            wait_until(lambda: book.signed > 20, "the load runs")
            for _ in range(3):
                self.fill()
                self.assert_refused_for_the_disk(self.sign_until_refused())
                book.await_refusals()
                full = book.signed
                time.sleep(0.3)
                self.assertEqual(book.signed, full, "nothing is signed while the disk is full")
                (self.agent.state / "filling").unlink()
                wait_until(lambda: book.signed > full + 20, "the agent goes on when there is room", PATIENCE_S)  # noqa: B023
            self.assert_counted(book)
            self.fill()
            time.sleep(self.dice.random() * 0.2)
            self.kill_core()
        (self.agent.state / "filling").unlink()
        self.assert_recorded(book)
        self.agent.begin()
        self.assert_counted(book)
        self.assertEqual(book.twice, [])

    def test_files_that_may_not_grow(self):
        """Writes fail in the middle, by a limit on the size of files."""
        self.agent.begin()
        with Load(self.agent, 0.004) as book:
            wait_until(lambda: book.signed > 20, "the load runs")
            size = max(path.stat().st_size for path in self.agent.state.glob("state.db*"))
            self.agent.limit_files(size + 10000)
            self.assert_refused_for_the_disk(self.sign_until_refused())
            self.agent.limit_files("unlimited")
            signed = book.signed
            wait_until(lambda: book.signed > signed + 20, "the agent goes on", PATIENCE_S)
            self.assert_counted(book)
            self.kill_core()
        self.assert_recorded(book)

    def test_a_disk_that_turns_read_only(self):
        """What Linux had not written by then is lost, as by a power cut, so policy says that it must be written."""
        self.agent.policy.write_text(self.agent.policy.read_text().replace("keep: 1m", "keep: 1m, power_cut_safe: true"))
        image = self.agent.home / "image"
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        if subprocess.run(["mkfs.ext4", "-q", image], capture_output=True, check=False).returncode != 0:
            self.skipTest("mkfs.ext4 is missing")
        self.mount("-o", "loop", source=image)
        os.chmod(self.agent.state, 0o700)
        shutil.rmtree(self.agent.state / "lost+found")
        self.agent.begin()
        with Load(self.agent, 0.004) as book:
            wait_until(lambda: book.signed > 20, "the load runs")
            subprocess.run(["mount", "-o", "remount,abort", self.agent.state], capture_output=True, check=False)
            self.assert_refused_for_the_disk(self.sign_until_refused())
            signed = book.signed
            time.sleep(0.3)
            self.assertEqual(book.signed, signed)
        self.kill_core()
        self.agent.start(is_waited_for=False)
        self.assertNotEqual(self.agent.process.wait(10), 0)
        self.assertRegex(self.agent.log().splitlines()[-1], f"{self.agent.state}.*[Rr]ead-only")
        subprocess.run(["umount", self.agent.state], check=True)
        subprocess.run(["fsck.ext4", "-fy", image], capture_output=True, check=False)
        self.mount("-o", "loop", source=image)
        self.agent.begin()
        self.assert_counted(book)
        self.kill_core()
        self.assert_recorded(book)


class Changed(Burdened):
    """Somebody else has changed the files of the state."""

    def prepare(self):
        """Signs something, and ends."""
        self.agent.begin()
        with Load(self.agent) as book:
            wait_until(lambda: book.signed > 400, "the load runs", 30)
        self.assertEqual(self.agent.stop(), 0)
        self.kept = self.agent.home / "kept"
        shutil.copytree(self.agent.state, self.kept)
        self.kept_trace = self.agent.home / "kept.trace"
        shutil.copy(f"{self.agent.state}.trace", self.kept_trace)
        return book

    def put_back(self):
        shutil.rmtree(self.agent.state)
        shutil.copytree(self.kept, self.agent.state)
        shutil.copy(self.kept_trace, f"{self.agent.state}.trace")

    def start_or_not(self):
        """True if it serves."""
        self.agent.start(is_waited_for=False)

        def is_decided():
            if self.agent.process.poll() is not None:
                return True
            try:
                with self.agent.client() as client:
                    return client.get("/v1/status").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until(is_decided, "it serves or has ended")
        return self.agent.process.poll() is None

    def damage(self, name, offset, data):
        with open(self.agent.state / name, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def assert_safe(self, book, what):
        """Either it does not start, and says what to do; or it signs nothing; or it has counted all."""
        with self.subTest(what, seed=SEED):
            if not self.start_or_not():
                last = self.agent.log().splitlines()[-1]
                self.assertRegex(last, "state")
                self.assertRegex(last, "backup|restore|remove|delete|move", "the error says what to do")
                return "does not start"
            self.assertEqual(self.agent.unlock().returncode, 0)
            answer = self.sign()
            if answer.status != 200:
                self.assertIn("state", answer.json["detail"])
                self.agent.stop()
                return "signs nothing"
            self.assert_counted(book)
            self.agent.stop()
            return "has counted all"


class Damage(Changed):
    def test_a_damaged_database_signs_nothing_that_is_not_counted(self):
        book = self.prepare()
        path = self.agent.state / "state.db"
        pages = path.stat().st_size // 4096
        came_of_it = {}
        damages = {"header": (0, b"\0" * 100), "first page": (100, os.urandom(3996)), "schema": (50, b"\xff" * 4)}
        for page in sorted({1, 2, 3, 4, 5, 6, 7, 8, 9, *(self.dice.randrange(pages) for _ in range(12))} & set(range(pages))):
            damages[f"page {page} is noise"] = (page * 4096, self.dice.randbytes(4096))
            damages[f"page {page} is empty"] = (page * 4096, bytes(4096))
        for what, (offset, data) in damages.items():
            self.damage("state.db", offset, data)
            came = self.assert_safe(book, what)
            came_of_it[came] = came_of_it.get(came, 0) + 1
            self.put_back()
        print(f"\n{came_of_it}")
        for what, size in {"half": pages // 2 * 4096, "one page": 4096, "nothing": 0, "odd": path.stat().st_size - 5}.items():
            os.truncate(path, size)
            self.assert_safe(book, f"cut to {what}")
            self.put_back()
        self.agent.begin()
        self.assert_counted(book)

    def test_a_log_that_a_crash_left_is_cut_or_damaged(self):
        """Rows are in the log until it is emptied; what is gone of it is noticed by the trace."""
        self.agent.begin()
        with Load(self.agent) as book:
            wait_until(lambda: book.signed > 200, "the load runs", 30)
        time.sleep(2.5)  # the trace has it all
        self.kill_core()
        self.kept = self.agent.home / "kept"
        shutil.copytree(self.agent.state, self.kept)
        self.kept_trace = self.agent.home / "kept.trace"
        shutil.copy(f"{self.agent.state}.trace", self.kept_trace)
        log = self.agent.state / "state.db-wal"
        size = log.stat().st_size
        for what, change in {
            "cut": lambda: os.truncate(log, size // 2),
            "empty": lambda: os.truncate(log, 0),
            "gone": log.unlink,
            "noise at its begin": lambda: self.damage("state.db-wal", 0, os.urandom(64)),
            "noise within": lambda: self.damage("state.db-wal", size // 3, os.urandom(64)),
        }.items():
            change()
            self.assert_safe(book, what)
            self.put_back()
        self.agent.begin()
        self.assert_counted(book)


class Backups(Changed):
    def accept(self):
        done = self.agent.cli("state", "accept", "--reason", "backup of Monday", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"done": "accepted", "reason": "backup of Monday"})

    def assert_refused_until_accepted(self):
        self.agent.begin()
        answer = self.sign()
        self.assertNotEqual(answer.status, 200, answer)
        self.assertIn("older", answer.json["detail"])
        self.assertIn("accept", answer.json["detail"])
        self.assertIn("older", self.agent.log())
        self.agent.stop()
        self.agent.begin()
        self.assertNotEqual(self.sign().status, 200, "it is not forgotten")
        self.accept()
        self.assertEqual(self.sign().status, 200)
        self.agent.stop()
        self.agent.begin()
        self.assertEqual(self.sign().status, 200, "it is accepted once")

    def test_a_restored_backup_is_refused_until_it_is_accepted(self):
        self.prepare()
        self.agent.begin()
        before = self.agent.limits("bot-0", "kraken")["desk"]
        for _ in range(5):
            self.assertEqual(self.sign().status, 200)
        self.agent.stop()
        shutil.rmtree(self.agent.state)
        shutil.copytree(self.kept, self.agent.state)
        self.assert_refused_until_accepted()
        self.assertGreaterEqual(self.agent.limits("bot-0", "kraken")["desk"], before + decimal.Decimal(300))

    def test_a_state_that_is_lost_is_refused_until_it_is_accepted(self):
        self.prepare()
        shutil.rmtree(self.agent.state)
        self.assert_refused_until_accepted()


if __name__ == "__main__":
    unittest.main()

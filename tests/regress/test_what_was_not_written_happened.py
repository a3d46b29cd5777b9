"""When the state could not be written, an operator's change was said to have failed, and had taken effect: a raise cannot be
taken back at the exchange. A key that got no nonce was called ready, and nobody was told why it could not sign. Here the
state is on a small file system of its own, which is filled."""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER, KRAKEN_ORDER, wait_until
from loaded import WallClock

DISK_BYTES = 524_288
FAR_MS = 100_000_000
PATIENCE_S = 60
TROUBLE = "the state cannot be written for now"


class Unwritten(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup)
        self.mount_state()

    def start(self):
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def mount_state(self):
        folder = self.agent.state
        folder.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "state", folder]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        self.filling = folder / "filling"

    def fill_disk(self):
        with open(self.filling, "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))

    def free_disk(self):
        self.filling.unlink()

    def sign(self, key="kraken-main", order=KRAKEN_ORDER):
        with self.agent.client() as client:
            return client.sign(key, order)

    def nonce(self):
        answer = self.sign()
        self.assertEqual(answer.status, 200, answer)
        return int(re.search(r"nonce=(\d+)", answer.json["body"])[1])

    def readyz(self):
        with self.agent.client() as client:
            return client.get("/readyz").status

    def assert_fails(self, *command):
        done = self.agent.cli(*command)
        self.assertEqual(done.returncode, 11, done)

    def assert_not_done(self, *command):
        """That each time; between them and afterwards the nonces go on as if nobody had asked."""
        last = self.nonce()
        self.fill_disk()
        for _ in range(3):
            self.assert_fails(*command)
        self.assertIn(f"tester could not {command[1]} the nonces of key 'kraken-main'", self.agent.log())
        self.assertNotIn(f"tester {command[1]}s", self.agent.log())
        self.free_disk()
        for _ in range(2):
            before, last = last, self.nonce()
            self.assertGreater(last, before)
            self.assertLess(last, time.time() * 1000 + FAR_MS / 2)
            self.agent.stop()
            self.start()


class Changes(Unwritten):
    def test_a_raise(self):
        self.start()
        self.assert_not_done("nonce", "raise", "kraken-main", str(int(time.time() * 1000) + FAR_MS))

    def test_a_reset(self):
        self.start()
        self.assert_not_done("nonce", "reset", "kraken-main", "5", "--reason", "for a test")

    def test_a_confirmation(self):
        clock = WallClock(self.agent)
        self.start()
        clock.set(3600)
        self.assertEqual(self.sign("binance-main", BINANCE_ORDER).json["rule"], "clock")
        self.fill_disk()
        self.assert_fails("clock", "confirm")
        self.assertEqual(self.sign("binance-main", BINANCE_ORDER).status, 503)
        self.assertEqual(self.readyz(), 503)
        self.assertIn("could not confirm that the clock is right", self.agent.log())
        self.free_disk()
        self.assertEqual(self.sign("binance-main", BINANCE_ORDER).status, 503)
        clock.set(0)
        self.assertEqual(self.sign("binance-main", BINANCE_ORDER).status, 200)


class Readiness(Unwritten):
    def sign_until_refused(self):
        end = time.monotonic() + PATIENCE_S
        answer = self.sign()
        while answer.status == 200 and time.monotonic() < end:
            time.sleep(0.1)
            answer = self.sign()
        return answer

    def test_keys_without_nonces_are_not_ready_and_recover(self):
        self.start()
        self.nonce()
        self.fill_disk()
        answer = self.sign_until_refused()
        self.assertEqual(answer.status, 503, answer)
        self.assertTrue(any(name.lower() == "retry-after" for name in dict(answer.headers)), answer)
        self.assertIn("could not be recorded, so nothing is signed", answer.json["detail"])
        self.assertEqual(self.readyz(), 503)
        with self.agent.client() as client:
            status = client.get("/v1/status").json
            keys = {key["name"]: key for key in client.get("/v1/keys").json["keys"]}
        self.assertTrue(any(TROUBLE in notice for notice in status["notices"]), status)
        self.assertLessEqual(set(keys), {problem["key"] for problem in status["problems"]})
        for key in ("kraken-main", "binance-main"):
            self.assertRegex(str(keys[key]), f"{TROUBLE}|decisions cannot be recorded")
        self.assertEqual(self.sign("binance-main", BINANCE_ORDER).status, 503)
        self.sign()
        self.assertEqual(self.agent.log().count(f"{TROUBLE}: "), 1, self.agent.log())
        self.free_disk()
        wait_until(lambda: self.readyz() == 200, "nobody asks for a nonce, and the agent has found out", PATIENCE_S, 0.2)
        self.assertEqual(self.agent.log().count("the state can be written again"), 1)
        self.assertNotIn(TROUBLE, self.agent.must("status"))
        self.nonce()


if __name__ == "__main__":
    unittest.main()

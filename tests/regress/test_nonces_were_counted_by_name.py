"""Nonces were counted for each name in the policy, so two names of one key at the exchange drew the same ones: half of them
were given out twice. A key that was renamed began anew, behind what the exchange had seen. And where the exchange compares
nonces with its clock, they ran away from it, by ten seconds a crash. Now they are counted for each key at the exchange, old
state goes on with the highest of its names, and what is compared with a clock stays near it."""

import base64
import json
import os
import pathlib
import re
import signal
import sqlite3
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import wait_until

REQUESTS = 60  # by each name
CRASHES = 7
NEAR_MS = 5_000
PATIENCE_S = 90  # after a crash it can take up to a minute until nonces are free again
DAY_MS = 86_400_000

KEY = """\
  {name}:
    token: main
    object: "pkcs11:object={object}"
    profile: {profile}
    scheme: hmac
    key_id: "one-key-of-{profile}"
"""


def gemini_payload(finished):
    return json.loads(base64.b64decode(finished["headers"]["X-GEMINI-PAYLOAD"]))


# profile: (object, a request, where the finished one has its nonce)
EXCHANGES = {
    "bitfinex": ("sha384", "POST", "/v2/auth/r/wallets", {}, lambda done: done["headers"]["bfx-nonce"]),
    "bitso": ("sha256", "GET", "/api/v3/open_orders", {}, lambda done: done["headers"]["Authorization"].split(":")[1]),
    "cryptocom": ("sha256", "POST", "/exchange/v1/private/user-balance", {}, lambda done: json.loads(done["body"])["nonce"]),
    "deribit": ("sha256", "GET", "/api/v2/private/get_open_orders", {},
                lambda done: re.search(r"nonce=(\d+)", done["headers"]["Authorization"])[1]),
    "gemini": ("sha384", "POST", "/v1/orders", {}, lambda done: gemini_payload(done)["nonce"]),
    "kraken": ("sha512", "POST", "/0/private/Balance", {}, lambda done: re.search(r"nonce=(\d+)", done["body"])[1]),
    "whitebit": ("sha512", "POST", "/api/v4/orders", {}, lambda done: json.loads(done["body"])["nonce"]),
}


def write_keys(agent, *names):
    """A policy with these keys: (name, profile)."""
    text = "".join(KEY.format(name=name, profile=profile, object=EXCHANGES[profile][0]) for name, profile in names)
    agent.policy.write_text(harness.policy(text, [harness.allow("all", "tester", "any", "read, trade, cancel, session")]))


def make_agent(*names):
    harness.require_programs()
    agent = harness.Agent()
    agent.make_token()
    for label in ("sha256", "sha384", "sha512"):
        agent.import_hmac(label, f"hmac-{label}", "c2VjcmV0" * 11)
    write_keys(agent, *names)
    return agent


class Nonces(unittest.TestCase):
    def make(self, *names):
        self.agent = make_agent(*names)
        self.addCleanup(self.agent.close)

    def start(self):
        self.agent.start()
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def draw(self, client, name, profile):
        """The nonce of one signed request."""
        _, method, path, params, find = EXCHANGES[profile]
        end = time.monotonic() + PATIENCE_S
        answer = client.sign(name, {"method": method, "path": path, "params": params})
        while answer.status == 503 and time.monotonic() < end:
            time.sleep(0.02)
            answer = client.sign(name, {"method": method, "path": path, "params": params})
        self.assertEqual(answer.status, 200, answer)
        return int(find(answer.json))

    def draw_one(self, name, profile):
        with self.agent.client() as client:
            return self.draw(client, name, profile)

    def draw_many(self, name, profile, out):
        with self.agent.client() as client:
            for _ in range(REQUESTS):
                out.append(self.draw(client, name, profile))


class OneKey(Nonces):
    def test_two_names_of_a_key_never_draw_the_same_nonce(self):
        self.make(*[(f"{profile}-{part}", profile) for profile in EXCHANGES for part in ("trade", "read")])
        self.start()
        for profile in EXCHANGES:
            with self.subTest(profile):
                drawn = ([], [])
                bots = [threading.Thread(target=self.draw_many, args=(f"{profile}-{part}", profile, out))
                        for part, out in zip(("trade", "read"), drawn)]
                for bot in bots:
                    bot.start()
                for bot in bots:
                    bot.join()
                nonces = drawn[0] + drawn[1]
                self.assertEqual(len(nonces), 2 * REQUESTS)
                self.assertEqual(len(set(nonces)), len(nonces), f"{len(nonces) - len(set(nonces))} were drawn twice")
                self.assertEqual([sorted(one) for one in drawn], list(drawn), "each bot's nonces rise")


class OldState(Nonces):
    """As the agent before wrote it: a row for each name, and no version."""

    def write_old(self, rows):
        self.agent.state.mkdir(mode=0o700)
        path = self.agent.state / "state.db"
        path.touch(0o600)
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE nonce(key TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT, WITHOUT ROWID")
            database.executemany("INSERT INTO nonce VALUES(?, ?)", rows)
        database.close()

    def test_it_goes_on_with_the_highest_of_the_keys_names(self):
        self.make(("trade", "kraken"), ("read", "kraken"))
        highest = int(time.time() * 1000) + DAY_MS
        self.write_old([("trade", highest - 5000), ("read", highest)])
        self.start()
        first, second = self.draw_one("trade", "kraken"), self.draw_one("read", "kraken")
        self.assertGreaterEqual(first, highest)
        self.assertGreater(second, first)

    def test_a_renamed_key_goes_on(self):
        self.make(("before", "kraken"))
        self.write_old([("before", int(time.time() * 1000) + DAY_MS)])
        self.start()
        last = self.draw_one("before", "kraken")
        self.agent.stop()
        write_keys(self.agent, ("after", "kraken"))
        self.start()
        self.assertGreater(self.draw_one("after", "kraken"), last)

    def test_what_no_name_of_the_policy_fits_is_said(self):
        self.make(("after", "kraken"))
        self.write_old([("before", int(time.time() * 1000) + DAY_MS)])
        self.start()
        self.assertRegex(self.agent.log(), r"counted nonces up to \d+ for key 'before', which the policy does not name")


class Windows(Nonces):
    def test_crashes_do_not_drive_a_nonce_from_the_clock(self):
        self.make(("main", "cryptocom"))
        self.start()
        drawn = [self.draw_one("main", "cryptocom")]
        for _ in range(CRASHES):
            token = self.agent.child("token")
            self.agent.process.send_signal(signal.SIGKILL)
            self.agent.process.wait(10)
            wait_until(lambda: not token.is_running(), "its children are gone")
            self.start()
            drawn.append(self.draw_one("main", "cryptocom"))
        self.assertLess(abs(drawn[-1] - time.time() * 1000), NEAR_MS)
        self.assertEqual(sorted(set(drawn)), drawn)

    def test_time_based_keys_of_gemini_count_in_seconds(self):
        self.make(("main", "gemini"))
        text = self.agent.policy.read_text()
        self.agent.policy.write_text(text.replace("    scheme:", "    kinds: [time-based]\n    scheme:"))
        self.start()
        for _ in range(50):
            self.assertLess(abs(self.draw_one("main", "gemini") - time.time()), 30)


if __name__ == "__main__":
    unittest.main()

"""While the disk of the state hung, whoever changed something heard nothing for as long as it did: approvals and denials, and the
confirmations of prices, of an older state, of the clock and of a key, and new nonces. Some of them were in effect, and some were
not. Now each says within seconds what holds."""

import json
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import rules
from approving import ALICE, BOB
from test_a_hung_disk_held_core import mount
from test_approvals_people import ApprovalTest

SYSTEM = 11
IN_EFFECT = "it is in effect, but is not kept yet"
NOT_YET = "it does not count yet"
PAIR = "ETH/USDT"


class Disk:
    """Has an agent's state on a disk of its own, which hangs while it is held."""

    def __init__(self, agent, add_cleanup):
        self.path = agent.home / "disk"
        self.path.mkdir()
        mount(self.path)
        add_cleanup(subprocess.run, ["umount", "-l", self.path], check=False)
        self.state = self.path / "state"
        self.state.mkdir(mode=0o700)
        agent.config.write_text(agent.config.read_text().replace("state: state", f"state: {self.state}"))

    def __enter__(self):
        subprocess.run(["fsfreeze", "-f", self.path], check=True)

    def __exit__(self, *_):
        subprocess.run(["fsfreeze", "-u", self.path], check=True)


class HungTest(unittest.TestCase):
    def assert_says(self, done, words):
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""), done)
        self.assertIn(words, done.stderr.decode())
        self.assertIn("the disk of the state does not answer", done.stderr.decode())


class Approvals(ApprovalTest, HungTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.disk = Disk(cls.agent, cls.addClassCleanup)

    def approve(self, uid, id_):
        return self.people.run(uid, "approvals", "approve", id_, "--yes", "--json", timeout_s=20)

    def test_what_people_gave_counts_but_nothing_is_signed_before_it_is_kept(self):
        id_, document = self.ask()
        with self.disk:
            self.assert_says(self.approve(ALICE, id_), IN_EFFECT)
            self.assert_says(self.approve(BOB, id_), IN_EFFECT)
            self.assertEqual(len(self.people.show(id_)["given"]), 2)
            self.assertEqual(self.bot.fetch(id_).status, 503)
        harness.wait_until(lambda: self.bot.fetch(id_).status == 200, "it is signed when the disk answers")
        self.check_signature(self.must_fetch(id_).json, document)
        harness.wait_until(lambda: self.events(id_)[:3] == ["approval asked", "approval given", "approval given"], "all is kept")

    def events(self, id_):
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        return [row["record"]["event"] for row in rows if row["record"].get("approval") == id_ and "event" in row["record"]]

    def test_what_a_full_disk_does_not_take_does_not_count(self):
        id_, _ = self.ask()
        self.agent.limit_files(0)
        done = self.approve(ALICE, id_)
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""), done)
        self.assertIn("it does not count, and must be done again", done.stderr.decode())
        self.assertEqual(self.people.show(id_)["given"], [])
        self.agent.limit_files("unlimited")
        harness.wait_until(lambda: self.approve(ALICE, id_).returncode == 0, "the disk takes it", 40)

    def test_what_was_denied_is(self):
        id_, _ = self.ask()
        with self.disk:
            self.assert_says(self.people.run(ALICE, "approvals", "deny", id_, "--reason", "no", "--json", timeout_s=20), IN_EFFECT)
            self.assertEqual(self.people.show(id_)["state"], "denied")
        self.assertEqual(self.approve(BOB, id_).returncode, 5)


class Keys(harness.AgentTest, HungTest):
    @classmethod
    def prepare(cls):
        cls.disk = Disk(cls.agent, cls.addClassCleanup)

    def sign_status(self, key="binance-main"):
        with self.agent.client() as client:
            return client.sign(key, harness.BINANCE_ORDER).status

    def nonce(self):
        rows = json.loads(self.agent.must("nonce", "list", "--json"))["nonces"]
        return {row["key"]: row["next"] for row in rows}["kraken-main"]

    def test_what_counts_only_when_it_is_kept(self):
        self.assertEqual(self.sign_status(), 200)
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", "binance-main", "--yes",
                        secrets_by_option={"--pin-fd": harness.USER_PIN})
        self.agent.import_hmac("binance-main", "hmac-sha256", "x" * 64)
        self.agent.must("reload")
        self.assertEqual(self.sign_status(), 403)
        with self.disk:
            self.assert_says(self.agent.cli("key", "confirm", "binance-main", "--json"), NOT_YET)
            self.assertEqual(self.sign_status(), 403)
            self.assert_says(self.agent.cli("nonce", "raise", "kraken-main", str(2**60), "--json"), NOT_YET)
            self.assertLess(self.nonce(), 2**60)
            self.assert_says(self.agent.cli("clock", "confirm", "--json"), NOT_YET)
            self.assert_says(self.agent.cli("decisions", "--json"), "what is kept cannot be read now")
        harness.wait_until(lambda: self.nonce() == 2**60, "the nonce is raised when the disk takes it")
        harness.wait_until(lambda: self.sign_status() == 200, "and the key is confirmed", 40)
        self.agent.must("decisions")


class Trading(HungTest):
    def setUp(self):
        self.agent = rules.Agent.prepare(self.addCleanup)
        self.agent.write_policy(["maker"], {
            "allow": ["name: trades, caller: maker, key: kraken, classes: [trade, cancel, read], markets: any, unlimited: true"]})
        self.disk = Disk(self.agent, self.addCleanup)
        self.begin()

    def begin(self):
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)

    def held(self):
        rows = json.loads(self.agent.must("prices", "list", "--json"))["prices"]
        return {(row["source"], row["pair"]): row["held"] for row in rows}["second", PAIR]

    def test_a_price_that_was_confirmed_is(self):
        self.agent.put_prices(source="second", ETH_USDT="2000")
        self.agent.put_prices(source="second", ETH_USDT="4000")
        with self.disk:
            self.assert_says(self.agent.cli("prices", "confirm", "second", PAIR, "4000", "--json"), IN_EFFECT)
            self.assertFalse(self.held())

    def sign_status(self):
        return self.agent.sign("maker", "kraken", rules.order(volume="0.001")).status

    def test_an_older_state_that_was_accepted_is_but_nothing_is_signed_before_it_is_kept(self):
        kept = self.agent.home / "kept"
        self.assertEqual(self.agent.stop(), 0)
        shutil.copytree(self.disk.state, kept)
        self.begin()
        self.assertEqual(self.sign_status(), 200)
        self.assertEqual(self.agent.stop(), 0)
        shutil.rmtree(self.disk.state)
        shutil.copytree(kept, self.disk.state)
        self.begin()
        self.assertEqual(self.sign_status(), 403)
        with self.disk:
            self.assert_says(self.agent.cli("state", "accept", "--reason", "backup of Monday", "--json"), IN_EFFECT)
            self.assertEqual(self.sign_status(), 503)
        harness.wait_until(lambda: self.sign_status() == 200, "it signs when the disk answers")


if __name__ == "__main__":
    unittest.main()

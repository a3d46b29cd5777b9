"""The kill switch: chancery freeze and thaw, the file and the signal that freeze, under load, over crashes and on a full disk."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import BINANCE_CANCEL, BINANCE_ORDER, wait_until  # noqa: E402
from waiting import Waiting  # noqa: E402

CLIENTS = 16
EFFECTIVE_S = 1.0
USAGE, REFUSED, NOT_FOUND, CONFLICT, SYSTEM_FAILURE = 2, 3, 4, 5, 11
FREEZE_FILE = "halt/now"


class Switch(harness.AgentTest):
    """Each test begins and ends with nothing frozen."""

    @classmethod
    def prepare(cls):
        (cls.agent.home / "halt").mkdir()
        cls.agent.config.write_text(f"freeze_file: {FREEZE_FILE}\n" + cls.agent.config.read_text())
        cls.file = cls.agent.home / FREEZE_FILE
        # At Binance a cancel's signature opens these calls, too, which a freeze would not let pass.
        cls.usual_policy = cls.agent.policy.read_text().replace("bare-transfers, margin", "bare-transfers, bare-trades, loan-renewal, margin")
        cls.agent.policy.write_text(cls.usual_policy)

    def tearDown(self):
        self.file.unlink(missing_ok=True)
        for row in self.states():
            self.agent.must("thaw", *(["--all"] if row["of"] == "all" else [f"{row['of']}:{row['name']}"]), "--reason", "tidy")

    # ---- what is asked ----

    def states(self):
        return json.loads(self.agent.must("trading", "list", "--json"))["states"]

    def sign(self, key="binance-main", order=BINANCE_ORDER):
        with self.agent.client(60) as client:
            return client.sign(key, order)

    def frozen(self, answer):
        return answer.status == 403 and answer.json.get("rule") == "state"

    def assert_frozen(self, key="binance-main"):
        answer = self.sign(key)
        self.assertTrue(self.frozen(answer), answer)

    def assert_fails(self, status, words, *command):
        done = self.agent.cli(*command)
        self.assertEqual(done.returncode, status, done)
        self.assertIn(words, done.stderr.decode())
        return done

    def restart(self, signal_number=signal.SIGTERM):
        self.agent.stop_all(signal_number)
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)

    def follow_policy(self, text):
        self.agent.policy.write_text(text)
        self.agent.must("reload")


class Names(Switch):
    def test_a_key_a_caller_and_all(self):
        for names, words in ((["binance-main"], "key binance-main is halted"), (["tester"], "caller tester is halted"),
                             (["key:binance-main", "caller:tester"], "caller tester is halted"), (["--all"], "all trading is halted")):
            with self.subTest(names):
                out = self.agent.must("freeze", *names, "--reason", "odd orders")
                self.assertRegex(out, rf"(?m)^{words}: tester: odd orders$")
                self.assert_frozen()
                self.assertEqual(self.sign(order=BINANCE_CANCEL).status, 200)
                self.agent.must("thaw", *names, "--reason", "looked into")
                self.assertEqual(self.states(), [])
                self.assertEqual(self.sign().status, 200)

    def test_a_freeze_of_one_leaves_the_others(self):
        self.agent.must("freeze", "binance-main", "--reason", "odd orders")
        self.assertEqual(self.sign("binance-ed25519").status, 200)
        answer = self.sign()
        self.assertRegex(answer.json["detail"], r"key 'binance-main' is halted by tester: odd orders, until an admin thaws it")

    def test_what_is_stricter_stays(self):
        self.agent.must("freeze", "tester", "--reason", "first")
        answer = json.loads(self.agent.must("freeze", "tester", "--reducing", "--reason", "second", "--json"))
        self.assertTrue(answer["kept"])
        self.assertEqual([(row["of"], row["state"]) for row in answer["states"]], [("caller", "halted"), ("all", "active")])
        self.agent.must("thaw", "tester", "--reason", "begin again")
        self.agent.must("freeze", "tester", "--reducing", "--reason", "third")
        self.assertEqual(self.states()[0]["state"], "reducing")
        self.agent.must("freeze", "tester", "--reason", "fourth")
        self.assertEqual(self.states()[0]["state"], "halted")

    def test_a_thaw_of_all_leaves_what_was_frozen_by_name(self):
        self.agent.must("freeze", "--all", "--reason", "everything")
        self.agent.must("freeze", "binance-main", "--reducing", "--reason", "and this")
        out = self.agent.must("thaw", "binance-main", "--reason", "looked into")
        self.assertIn("key binance-main is active", out)
        self.assertIn("all trading is halted", out)
        self.assert_frozen()
        self.agent.must("freeze", "binance-main", "--reason", "again")
        self.agent.must("thaw", "--all", "--reason", "looked into")
        self.assert_frozen()
        self.assertEqual(self.sign("binance-ed25519").status, 200)

    def test_what_a_later_policy_brings_is_frozen_with_all(self):
        self.agent.must("freeze", "--all", "--reason", "everything")
        self.addCleanup(self.follow_policy, self.usual_policy)
        self.follow_policy(self.usual_policy.replace("binance-rsa", "binance-late").replace("object=binance-late", "object=binance-rsa")
                           .replace("tester: { uid", "later: { uid", 1).replace("caller: tester", "caller: later"))
        self.assert_frozen("binance-late")

    def test_a_name_of_both_is_asked_for(self):
        self.addCleanup(self.follow_policy, self.usual_policy)
        self.follow_policy(self.usual_policy.replace("  other: {", "  binance-main: {").replace("caller: other", "caller: binance-main"))
        self.assert_fails(USAGE, "write key:binance-main or caller:binance-main", "freeze", "binance-main", "--reason", "x")
        self.agent.must("freeze", "caller:binance-main", "--reason", "x")
        self.assertEqual(self.sign().status, 200)
        self.agent.must("freeze", "key:binance-main", "--reason", "x")
        self.assert_frozen()
        self.assert_fails(USAGE, "write key:binance-main or caller:binance-main", "thaw", "binance-main", "--reason", "x")
        self.agent.must("thaw", "caller:binance-main", "key:binance-main", "--reason", "x")

    def test_names_that_are_none(self):
        done = self.assert_fails(NOT_FOUND, "the others are frozen, but", "freeze", "nobody", "binance-main", "--reason", "x")
        self.assertIn("there is no key or caller 'nobody'", done.stderr.decode())
        self.assertIn("key binance-main is halted", done.stdout.decode())
        self.assert_frozen()
        self.assert_fails(NOT_FOUND, "'nobody' has no trading state", "thaw", "binance-main", "nobody", "--reason", "x")
        self.assert_frozen()
        self.agent.must("thaw", "binance-main", "--reason", "x")
        self.assert_fails(NOT_FOUND, "not all is frozen", "thaw", "--all", "--reason", "x")
        self.assert_fails(USAGE, "--all", "freeze", "--reason", "x")
        self.assert_fails(USAGE, "--all", "freeze", "--all", "tester", "--reason", "x")
        self.assert_fails(USAGE, "--reason", "freeze", "--all")
        self.assert_fails(USAGE, "name of a key", "freeze", "key:", "--reason", "x")
        self.assertEqual(self.states(), [])

    def test_who_may(self):
        self.addCleanup(self.follow_policy, self.usual_policy)
        mine = f"tester: {{ uid: {os.getuid()}, roles: [operator, admin] }}"
        self.assertIn(mine, self.usual_policy)
        self.follow_policy(self.usual_policy.replace(mine, mine.replace("operator, admin", "operator")
                                                     + f"\n  boss: {{ uid: {os.getuid() + 1}, roles: [operator, admin] }}"))
        self.agent.must("freeze", "--all", "--reason", "odd orders")
        self.assert_fails(REFUSED, "is not an admin", "thaw", "--all", "--reason", "x")
        self.agent.must("freeze", "--all", "--reducing", "--reason", "wider, if it could be")
        self.assert_frozen()
        self.agent.policy.write_text(self.usual_policy)
        self.agent.must("reload")
        self.agent.must("thaw", "--all", "--reason", "x")
        for roles in ("auditor", "approver"):
            self.follow_policy(self.usual_policy.replace(mine, mine.replace("operator, admin", roles)
                                                         + f"\n  boss: {{ uid: {os.getuid() + 1}, roles: [operator, admin] }}"))
            self.assert_fails(REFUSED, "is not an operator", "freeze", "--all", "--reason", "x")
            self.assertEqual(self.sign().status, 200)
            self.agent.policy.write_text(self.usual_policy)
            self.agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: self.agent.cli("reload").returncode == 0, "the usual policy holds again")


class Cancels(harness.AgentTest):
    """The usual policy: at Binance each cancel's signature opens calls that trade."""

    def warned(self, policy):
        done = self.agent.cli("policy", "check", str(policy), "--profiles", str(harness.ROOT / "profiles"), "--json")
        return {row["name"] for row in json.loads(done.stdout)["warnings"] if row["code"] == "frozen-cancels"}

    def test_a_key_whose_cancels_would_not_pass_is_warned_of(self):
        self.assertEqual(self.warned(self.agent.policy), {"binance-main", "binance-other", "binance-ed25519", "binance-rsa"})
        accepting = self.agent.home / "accepting.yaml"
        accepting.write_text(self.agent.policy.read_text().replace("bare-transfers, margin", "bare-transfers, bare-trades, margin"))
        self.assertEqual(self.warned(accepting), set())
        self.agent.must("freeze", "--all", "--reason", "everything")
        with self.agent.client() as client:
            answer = client.sign("binance-main", {**BINANCE_CANCEL, "params": {"symbol": "LTCBTC", "origClientOrderId": "mine"}})
        self.assertEqual((answer.status, answer.json["rule"]), (403, "state"))
        self.agent.must("thaw", "--all", "--reason", "looked into")


class InEffect(Switch):
    def decisions(self):
        return json.loads(self.agent.must("decisions", "--json"))["decisions"]

    def begin_load(self):
        self.is_over = False
        self.answers = []

        def bot():
            with self.agent.client(60) as client:
                while not self.is_over:
                    answer = client.sign("binance-main", BINANCE_ORDER)
                    self.answers.append((time.monotonic(), answer))
        return [Waiting(bot) for _ in range(CLIENTS)]

    def test_no_signature_leaves_after_a_freeze_under_load(self):
        bots = self.begin_load()
        time.sleep(1)
        self.agent.must("freeze", "--all", "--reason", "everything")
        answered = time.monotonic()
        time.sleep(1.5)
        self.assertEqual(self.sign(order=BINANCE_CANCEL).status, 200)
        self.is_over = True
        for bot in bots:
            bot.join(60)
        self.assertGreater(sum(answer.status == 200 for _, answer in self.answers), CLIENTS)
        late = [answer for at, answer in self.answers if at > answered + EFFECTIVE_S]
        self.assertGreater(len(late), CLIENTS)
        self.assertTrue(all(self.frozen(answer) for answer in late), [answer for answer in late if not self.frozen(answer)][:3])
        rows = self.decisions()
        event = max(row["id"] for row in rows if row["record"].get("all") and row["record"].get("state") == "halted")
        later = [row["record"]["class"] for row in rows if row["kind"] == "decision" and row["id"] > event]
        self.assertEqual(set(later), {"cancel"})

    def assert_not_signed(self, *options):
        token = self.agent.child("token")
        os.kill(token.pid, signal.SIGSTOP)
        try:
            order = Waiting(self.sign)
            time.sleep(0.3)
            began = time.monotonic()
            self.agent.must("freeze", "--all", "--reason", "the token hangs", *options)
            self.assertLess(time.monotonic() - began, EFFECTIVE_S)
            cancel = Waiting(lambda: self.sign(order=BINANCE_CANCEL))
            time.sleep(0.2)
        finally:
            os.kill(token.pid, signal.SIGCONT)
        order.join(30)
        self.assertTrue(self.frozen(order.result), order.result)
        cancel.join(30)
        self.assertEqual(cancel.result.status, 200, cancel.result)

    def test_what_waits_for_a_token_that_hangs_is_not_signed_later(self):
        self.assert_not_signed()

    def test_what_waits_for_a_token_that_hangs_is_not_signed_later_when_reducing(self):
        self.assert_not_signed("--reducing")

    def test_a_freeze_holds_over_a_restart_and_a_crash_right_after_the_answer(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                self.agent.must("freeze", "--all", "--reason", "everything")
                self.restart(number)
                self.assert_frozen()
                with self.agent.client() as client:
                    self.assertRegex("\n".join(client.get("/v1/status").json["notices"]), r"all trading is halted: tester: everything")
                self.assertIn("all trading is halted", self.agent.must("status"))
                self.assertEqual(self.sign(order=BINANCE_CANCEL).status, 200)
                self.agent.must("thaw", "--all", "--reason", "looked into")
                self.restart(number)
                self.assertEqual(self.sign().status, 200)
                with self.agent.client() as client:
                    self.assertNotIn("all trading", "\n".join(client.get("/v1/status").json["notices"]))

    def test_on_a_full_disk_it_takes_effect_and_says_that_it_is_not_kept(self):
        self.agent.limit_files(1)
        done = self.assert_fails(SYSTEM_FAILURE, "it is in effect, but is not kept yet", "freeze", "--all", "--reason", "everything")
        self.assertIn("all trading is halted", done.stdout.decode())
        self.assert_frozen()
        answer = self.agent.cli("freeze", "--all", "--reason", "once more", "--json")
        self.assertEqual((answer.returncode, json.loads(answer.stdout)["kept"]), (SYSTEM_FAILURE, False))
        self.agent.limit_files("unlimited")
        wait_until(lambda: self.sign(order=BINANCE_CANCEL).status == 200, "the disk is written again", 30)
        self.agent.must("freeze", "--all", "--reason", "now it is")
        self.restart(signal.SIGKILL)
        self.assert_frozen()

    def test_what_was_not_kept_is_kept_as_soon_as_it_can_be(self):
        self.agent.limit_files(1)
        self.assert_fails(SYSTEM_FAILURE, "not kept", "freeze", "binance-main", "--reason", "everything")
        self.agent.limit_files("unlimited")
        wait_until(lambda: self.sign("binance-ed25519").status == 200, "the disk is written again", 30)
        time.sleep(0.5)
        self.restart(signal.SIGKILL)
        self.assert_frozen()


class FromOutside(Switch):
    def await_freeze(self, why):
        wait_until(lambda: self.frozen(self.sign()), "all is frozen", EFFECTIVE_S)
        row, = self.states()
        self.assertEqual((row["of"], row["state"]), ("all", "halted"))
        self.assertRegex(row["why"], why)

    def test_a_signal_freezes(self):
        self.agent.process.send_signal(signal.SIGUSR1)
        self.await_freeze(rf"^SIGUSR1 from process {os.getpid()} of tester$")
        self.assertRegex(self.agent.log(), r"all trading is halted now: SIGUSR1 from process")
        self.agent.process.send_signal(signal.SIGUSR1)
        self.agent.must("thaw", "--all", "--reason", "a drill")
        self.assertEqual(self.sign().status, 200)

    def test_a_file_freezes_and_its_end_does_not_thaw(self):
        (self.agent.home / "halt" / "other").touch()
        time.sleep(0.3)
        self.assertEqual(self.sign().status, 200)
        self.file.touch()
        self.await_freeze(rf"^freeze_file {self.file} appeared$")
        self.assert_fails(CONFLICT, "is still there", "thaw", "--all", "--reason", "x")
        self.file.unlink()
        time.sleep(0.3)
        self.assert_frozen()
        self.agent.must("thaw", "--all", "--reason", "looked into")
        self.assertEqual(self.sign().status, 200)
        (self.agent.home / "halt" / "other").rename(self.file)
        self.await_freeze("appeared")

    def test_a_file_that_was_there_before_freezes_from_the_start(self):
        self.agent.stop()
        self.file.touch()
        self.agent.start()
        self.agent.unlock()
        self.await_freeze("was there when the agent started")

    def test_a_folder_that_goes_freezes(self):
        folder = self.file.parent
        folder.rename(self.agent.home / "gone")
        try:
            self.await_freeze("the folder of freeze_file .* is gone")
        finally:
            (self.agent.home / "gone").rename(folder)
        self.restart()

    def test_a_folder_that_is_not_good_is_refused(self):
        config = self.agent.config.read_text()
        check = [str(harness.AGENT), "--check", "--config", str(self.agent.config)]
        (self.agent.home / "everybody").mkdir()
        (self.agent.home / "everybody").chmod(0o777)
        (self.agent.home / "link").symlink_to("halt")
        self.addCleanup(self.agent.config.write_text, config)
        for value, words in (("none/now", "must be a folder"), ("everybody/now", "everybody can make files"), ("link/now", "must be a folder"),
                             ("everybody/halt/now", "others"), ("halt/", "FOLDER/NAME")):
            with self.subTest(value):
                (self.agent.home / "everybody" / "halt").mkdir(exist_ok=True)
                self.agent.config.write_text(config.replace(FREEZE_FILE, value))
                done = subprocess.run(check, env=self.agent.environment(), capture_output=True, check=False)
                self.assertEqual(done.returncode, 10, done)
                self.assertIn(words, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()

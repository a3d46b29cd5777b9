"""Requests that people must approve, as bots see them: what is kept and what is not, who finds it, how long one waits,
what another policy makes of it, and that a crash at any instant uses an approval once at most.

People's side is in test_approvals_people.py and test_approvals_codes.py. Here most requirements are delays, which nobody
must wait for."""

import contextlib
import json
import os
import pathlib
import random
import sys
import time
import unittest

import approving
import harness
from waiting import Waiting

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "regress"))

import others  # noqa: E402

BOTS = range(4301, 4317)
LATE = 4400
SOON = "require:\n  - { name: soon, classes: [trade], delay: 1ms }\n"
LATER = "require:\n  - { name: later, classes: [trade], delay: 1h }\n"


def with_entries(text, entries):
    return text.replace("keys:\n", entries + "keys:\n", 1)


def string(side="SELL"):
    return f"symbol=LTCBTC&side={side}&type=MARKET&quantity=1&timestamp={int(time.time() * 1000)}"


class Asked(harness.AgentTest):
    """One user asks; everything that trades is to wait for an hour."""

    entries = LATER

    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(with_entries(cls.agent.policy.read_text(), cls.entries))

    def setUp(self):
        self.bot = approving.Bot(self.agent)
        self.open = []

    def tearDown(self):
        for id_ in self.open:
            self.bot.withdraw(id_)

    def ask(self, volume="1.25", **headers):
        answer = self.bot.ask(approving.order(volume), **headers)
        self.assertEqual(answer.status, 202, f"{answer}\n{self.agent.log()}")
        self.open.append(answer.json["id"])
        return answer.json["id"]

    def waiting(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["approvals_waiting"]

    def reload(self, text):
        self.agent.policy.write_text(text)
        self.agent.must("reload")

    @contextlib.contextmanager
    def other_policy(self, change):
        text = self.agent.policy.read_text()
        self.reload(change(text))
        try:
            yield
        finally:
            self.reload(text)


class Asking(Asked):
    def test_who_asks_is_told_what_it_needs_and_where_to_look(self):
        answer = self.bot.ask(approving.order())
        self.open.append(answer.json["id"])
        self.assertEqual((answer.status, answer.headers["location"]), (202, answer.json["url"]))
        self.assertEqual(answer.json["needs"], {"approvals": 0, "code": False, "delay_s": 3600, "of": [], "rules": ["later"]})
        self.assertEqual(answer.json["ready_ms"], answer.json["asked_ms"] + 3600000)
        self.assertEqual(self.bot.look(answer.json["id"]).json, answer.json)
        with self.agent.client() as client:
            self.assertIn(b"\nchancery_approvals_waiting 1\n", client.get("/metrics").body)

    def test_a_check_says_what_it_needs_and_keeps_nothing(self):
        answer = self.bot.send("POST", "/v1/keys/kraken-main/check", approving.order())
        self.assertEqual(answer.json["problem"]["needs"], {"approvals": 0, "code": False, "delay_s": 3600})
        self.assertEqual(self.waiting(), 0)

    def test_a_string_cannot_be_approved(self):
        answer = self.bot.ask({"string": string()}, key="binance-main")
        self.assertEqual((answer.status, answer.json["rule"]), (403, "later"), answer)
        self.assertIn("if the request itself is sent, not its string", answer.json["detail"])
        self.assertEqual(self.waiting(), 0)

    def test_what_anything_else_refuses_is_not_kept(self):
        self.assertEqual(self.bot.ask(harness.BINANCE_WITHDRAWAL, key="binance-main").status, 403)
        self.assertEqual(self.bot.ask(approving.order("x")).status, 400)
        with self.other_policy(lambda text: with_entries(text, "deny:\n  - { name: no, key: kraken-main, classes: [trade] }\n")):
            answer = self.bot.ask(approving.order())
            self.assertEqual((answer.status, answer.json["rule"]), (403, "no"), answer)
        with self.other_policy(lambda text: with_entries(text, 'limit:\n  - { name: few, order_volume: "1 XBT" }\n')):
            answer = self.bot.ask(approving.order())
            self.assertEqual((answer.status, answer.json["rule"]), (403, "few"), answer)
        self.assertEqual(self.waiting(), 0)

    def test_a_fetch_says_nothing_but_its_number(self):
        id_ = self.ask()
        for body in (approving.order(), [], {"force": True}):
            self.assertEqual(self.bot.send("POST", f"/v1/requests/{id_}/sign", body).status, 400)
        self.assertEqual(self.bot.send("POST", f"/v1/requests/{id_}/sign").status, 202)

    def test_it_is_open_to_so_many(self):
        answer = None
        for number in range(1, 200):
            answer = self.bot.ask(approving.order(f"2.{number:03}"))
            if answer.status != 202:
                break
            self.open.append(answer.json["id"])
        self.assertEqual(answer.status, 429, answer)
        self.assertIn("retry-after", answer.headers)
        self.bot.withdraw(self.open.pop())
        self.ask("3.5")


class Waits(Asked):
    def test_the_time_ends_it(self):
        id_ = self.ask()
        answer = self.bot.look(id_, wait_s=1)
        self.assertEqual((answer.status, answer.json["state"]), (200, "waiting"))

    def test_a_change_ends_it(self):
        id_ = self.ask()
        looking = Waiting(self.bot.look, id_, wait_s=60)
        time.sleep(0.2)
        self.bot.withdraw(id_)
        looking.join(10)
        self.assertEqual(looking.result.json["state"], "withdrawn")

    def test_time_that_changes_it_ends_it(self):
        with self.other_policy(lambda text: text.replace("delay: 1h", "delay: 1s")):
            id_ = self.ask("4.5")
            self.assertEqual(self.bot.look(id_, wait_s=30).json["state"], "ready")

    def test_a_reload_ends_it(self):
        id_ = self.ask()
        looking = Waiting(self.bot.look, id_, wait_s=60)
        time.sleep(0.2)
        self.reload(self.agent.policy.read_text())
        looking.join(10)
        self.assertEqual(looking.result.json["state"], "waiting")

    def test_a_stop_ends_it(self):
        id_ = self.ask()
        looking = Waiting(self.bot.look, id_, wait_s=60)
        time.sleep(0.2)
        self.assertEqual(self.agent.stop(), 0)
        looking.join(10)
        self.assertIsInstance(looking.result, Exception)
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertEqual(self.bot.look(id_).json["state"], "waiting")

    def test_whoever_left_keeps_no_place(self):
        id_ = self.ask()
        for _ in range(2):
            waiters = [self.agent.client() for _ in range(64)]
            for client in waiters:
                client.connection.request("GET", f"/v1/requests/{id_}?wait_s=60")
            harness.wait_until(lambda: self.bot.look(id_, wait_s=1).status == 503, "all places are taken")
            for client in waiters:
                client.close()
            harness.wait_until(lambda: self.bot.look(id_, wait_s=1).status == 200, "the places are free")

    def test_a_front_that_ends_leaves_its_places(self):
        id_ = self.ask()
        waiters = [self.agent.client() for _ in range(64)]
        for client in waiters:
            self.addCleanup(client.close)
            client.connection.request("GET", f"/v1/requests/{id_}?wait_s=60")
        harness.wait_until(lambda: self.bot.look(id_, wait_s=1).status == 503, "all places are taken")
        for child in harness.children_of(self.agent.process.pid):
            if child.read("cmdline").split(b"\0")[0] == b"chancery-front":
                os.kill(child.pid, 9)
        harness.wait_until(self.agent.is_serving, "another front serves")
        harness.wait_until(lambda: self.bot.look(id_, wait_s=1).status == 200, "the places are free")


class OtherPolicies(Asked):
    entries = SOON

    def must_fetch(self, id_):
        answer = self.bot.fetch(id_)
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")

    def test_the_policy_of_the_fetch_decides(self):
        id_ = self.ask("5.1")
        with self.other_policy(lambda text: text.replace("delay: 1ms", "delay: 2h")):
            answer = self.bot.fetch(id_)
            self.assertEqual((answer.status, answer.json["needs"]["delay_s"], answer.json["state"]), (202, 7200, "waiting"))
        with self.other_policy(lambda text: with_entries(text, "deny:\n  - { name: no, key: kraken-main, classes: [trade] }\n")):
            answer = self.bot.fetch(id_)
            self.assertEqual((answer.status, answer.json["rule"]), (403, "no"), answer)
        self.must_fetch(id_)

    def test_a_key_that_is_another_one_is_not_what_people_saw(self):
        id_ = self.ask("5.2")
        another = "accounts: { other: { prices: none } }\nkeys:\n"
        with self.other_policy(lambda text: text.replace("keys:\n", another, 1).replace("  kraken-main:\n", "  kraken-main:\n    account: other\n")):
            answer = self.bot.fetch(id_)
            self.assertEqual((answer.status, answer.json["rule"]), (409, "digest"), answer)
        self.must_fetch(id_)

    def test_what_waits_at_the_fetch_is_judged_anew(self):
        """Fetches and reloads at once: each fetch is answered as one of the two policies says."""
        ids = [self.ask(f"5.3{number}") for number in range(8)]
        text = self.agent.policy.read_text()
        fetching = [Waiting(self.bot.fetch, id_) for id_ in ids]
        for number in range(6):
            self.reload(text.replace("delay: 1ms", "delay: 2h") if number % 2 == 0 else text)
        self.reload(text)
        for id_, thread in zip(ids, fetching):
            thread.join(20)
            self.assertIn(thread.result.status, (200, 202), thread.result)
            self.assertEqual(self.bot.look(id_).json["state"], "signed" if thread.result.status == 200 else "ready")

    def test_a_replay_takes_what_was_given_into_account(self):
        self.must_fetch(self.ask("5.4"))
        replayed = json.loads(self.agent.must("policy", "replay", "--policy", str(self.agent.policy),
                                              "--profiles", str(harness.ROOT / "profiles"), "--json"))
        self.assertEqual(replayed["flips"], [])


class Crashes(Asked):
    """kill -9, a few milliseconds after a fetch begins."""

    entries = SOON
    rounds = 12

    def uses(self):
        """How often each approval was used, by the journal."""
        counts = {}
        of_decision = {}
        for row in json.loads(self.agent.must("decisions", "--json", "--limit", "1000"))["decisions"]:
            if row["kind"] == "decision" and "approval" in row["record"]:
                of_decision[row["id"]] = row["record"]["approval"]["id"]
                counts[of_decision[row["id"]]] = counts.get(of_decision[row["id"]], 0) + 1
            elif row["kind"] == "return" and row["of"] in of_decision:
                counts[of_decision[row["of"]]] -= 1
        return counts

    def test_a_crash_at_any_instant_uses_an_approval_once_at_most(self):
        draw = random.Random(13)
        for number in range(self.rounds):
            id_ = self.ask(f"6.{number:02}")
            harness.wait_until(lambda: self.bot.look(id_).json["state"] == "ready", "it is ready")  # noqa: B023
            fetching = Waiting(self.bot.fetch, id_)
            time.sleep(draw.uniform(0, 0.012))
            self.crash()
            fetching.join(40)
            was_signed = getattr(fetching.result, "status", None) == 200
            state = self.bot.look(id_).json["state"]
            with self.subTest(number, was_signed=was_signed, state=state):
                self.assertIn(state, ("signed",) if was_signed else ("signed", "ready"))
                self.assertEqual(self.uses().get(id_, 0), 1 if state == "signed" else 0)
                self.assertEqual(self.bot.fetch(id_).status, 409 if state == "signed" else 200)
                self.assertEqual(self.uses()[id_], 1)


def ask_many(tells, path, count):
    """As another user: asks for `count` orders, each another, and tells what came of each."""
    statuses = []
    with harness.Client(path, 30) as client:
        for number in range(count):
            statuses.append(client.sign("quick", dict(harness.BINANCE_ORDER, params=dict(
                harness.BINANCE_ORDER["params"], quantity=str(number + 1)))).status)
    tells(statuses)


def touch(tells, path, id_):
    with harness.Client(path, 30) as client:
        tells([client.request(method, f"/v1/requests/{id_}{more}").status
               for method, more in (("GET", ""), ("GET", "?wait_s=1"), ("POST", "/sign"), ("DELETE", ""))])


class OtherUsers(others.OthersTest):
    bots = (0, *BOTS, LATE)

    def setUp(self):
        super().setUp()
        text = self.agent.policy.read_text()
        self.agent.policy.write_text(with_entries(text, "require:\n  - { name: later, key: quick, classes: [trade], delay: 1h }\n"))
        self.agent.must("reload")

    def test_another_user_finds_nothing(self):
        with self.agent.client() as client:
            id_ = client.sign("quick", harness.BINANCE_ORDER).json["id"]
            with others.User(LATE, touch, self.agent.socket, id_) as user:
                self.assertEqual(user.hear(), [404] * 4)
            self.assertEqual(client.get(f"/v1/requests/{id_}").json["state"], "waiting")

    def test_sixteen_that_flood_take_no_place_of_another(self):
        with contextlib.ExitStack() as stack:
            users = [stack.enter_context(others.User(uid, ask_many, self.agent.socket, 40)) for uid in BOTS]
            answers = [user.hear(120) for user in users]
            self.assertTrue(all(statuses[0] == 202 for statuses in answers), answers)
            self.assertTrue(any(429 in statuses for statuses in answers), answers)
            with others.User(LATE, ask_many, self.agent.socket, 8) as late:
                self.assertEqual(late.hear(60), [202] * 8)


if __name__ == "__main__":
    unittest.main()

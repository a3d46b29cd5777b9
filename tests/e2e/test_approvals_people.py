"""People approve what a bot asks for: each as a user of their own, through the real agent."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import unittest

import approving
import codes
import frames
import harness
import loaded
from approving import ALICE, BOB, CAROL, CONFLICT, NOT_FOUND, OWEN, REFUSED

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "regress"))

sys.path.insert(0, str(harness.ROOT / "adapters" / "python"))

import chancery  # noqa: E402
import others  # noqa: E402


class ApprovalTest(harness.AgentTest):
    """Orders at Kraken need two people. Each test asks for orders of its own volumes."""

    more = ""
    volumes = iter(range(1, 10000))

    @classmethod
    def setUpClass(cls):
        approving.require_users()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        cls.agent.home.chmod(0o755)
        cls.agent.policy.write_text(approving.policy(cls.agent.policy.read_text(), more=cls.more))

    def setUp(self):
        self.bot = approving.Bot(self.agent)
        self.people = approving.People(self.agent)
        self.addCleanup(self.end_all)

    def end_all(self):
        """A user may have few that are open."""
        for row in self.people.list():
            self.bot.withdraw(row["id"])

    def ask(self, volume=None):
        """Returns the number, and the document that was sent."""
        document = approving.order(volume or f"0.{next(self.volumes):04}")
        answer = self.bot.ask(document)
        self.assertEqual(answer.status, 202, f"{answer}\n{self.agent.log()}")
        self.assertEqual(answer.json["state"], "waiting")
        return answer.json["id"], document

    def must_approve(self, uid, id_):
        done = self.people.approve(uid, id_)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def ask_approved(self):
        id_, document = self.ask()
        self.must_approve(ALICE, id_)
        self.must_approve(BOB, id_)
        return id_, document

    def state(self, id_):
        return self.bot.look(id_).json["state"]

    def must_fetch(self, id_):
        answer = self.bot.fetch(id_)
        self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        return answer

    def assert_fails(self, done, status, says):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr.decode())

    def check_signature(self, finished, document):
        fields = dict(harness.form(finished["body"]))
        self.assertEqual(fields["volume"], document["params"]["volume"])
        self.assertEqual(finished["headers"]["API-Sign"],
                         harness.kraken_signature(harness.KRAKEN_SECRET, document["path"], finished["body"]))


class Approvals(ApprovalTest):
    def test_two_people_approve_and_the_bot_fetches_it(self):
        id_, document = self.ask()
        self.assertEqual(self.bot.fetch(id_).status, 202)
        self.assertIn("waits for 1 more approval", self.must_approve(ALICE, id_))
        self.assertEqual(self.bot.fetch(id_).status, 202)
        self.assertIn("can be fetched", self.must_approve(BOB, id_))
        self.assertEqual(self.state(id_), "ready")
        self.check_signature(self.must_fetch(id_).json, document)
        self.assertEqual(self.state(id_), "signed")

    def test_one_approver_counts_once(self):
        id_, _ = self.ask()
        self.must_approve(ALICE, id_)
        self.assert_fails(self.people.approve(ALICE, id_), CONFLICT, "you have approved this already")
        self.assertEqual(self.state(id_), "waiting")
        self.assertEqual(len(self.people.show(id_)["given"]), 1)
        self.assertEqual(self.bot.fetch(id_).status, 202)

    def test_nobody_approves_their_own(self):
        id_, _ = self.ask()
        done = self.agent.cli("approvals", "approve", id_, "--yes")  # the test's user asked, and is an approver
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.must_approve(ALICE, id_)
        self.assertEqual(self.bot.fetch(id_).status, 202)
        self.assertEqual([row["person"] for row in self.people.show(id_)["given"]], ["alice"])

    def test_only_those_whom_it_needs_approve(self):
        id_, _ = self.ask()
        self.assertEqual(self.people.approve(CAROL, id_).returncode, REFUSED)
        self.assert_fails(self.people.approve(OWEN, id_), REFUSED, "not an approver")
        self.assertEqual(self.people.run(others.STRANGER, "approvals", "show", id_).returncode, REFUSED)
        self.assertEqual(self.people.show(id_)["given"], [])

    def test_a_changed_request_is_another_one(self):
        id_, document = self.ask_approved()
        changed = approving.order("999")
        answer = self.bot.ask(changed)
        self.assertEqual(answer.status, 202)
        self.assertNotEqual(answer.json["id"], id_)
        self.assertEqual(answer.json["given"], 0)
        self.assertNotEqual(self.people.show(id_)["digest"], self.people.show(answer.json["id"])["digest"])
        self.assertEqual(self.bot.fetch(answer.json["id"]).status, 202)
        self.check_signature(self.must_fetch(id_).json, document)

    def test_the_same_request_is_the_same_one(self):
        id_, document = self.ask()
        self.assertEqual(self.bot.ask(document).json["id"], id_)

    def test_a_caller_asks_and_fetches_by_the_command_line(self):
        words = ("POST", "/0/private/AddOrder", "ordertype=limit", "pair=XBTUSD", "price=37500", "type=buy", "volume=0.77")
        done = self.agent.cli("sign", "kraken-main", *words)
        self.assert_fails(done, WAITS, "is waiting: 0 of 2 approvals")
        id_ = done.stderr.decode().split()[-1]
        self.assert_fails(self.agent.cli("requests", "fetch", id_), WAITS, f"request {id_} is waiting")
        done = self.agent.cli("requests", "fetch", id_, "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["state"]), (WAITS, "waiting"))
        self.must_approve(ALICE, id_)
        self.must_approve(BOB, id_)
        self.assertIn(f"request {id_} is ready: 2 of 2 approvals", self.agent.must("requests", "show", id_))
        fetched = self.agent.must("requests", "fetch", id_)
        self.assertIn("POST https://api.kraken.com/0/private/AddOrder", fetched)
        self.assertEqual(self.agent.must("requests", "fetch", id_), fetched)
        other, _ = self.ask()
        self.assertIn("is withdrawn", self.agent.must("requests", "withdraw", other))
        self.assertEqual(self.agent.cli("requests", "withdraw", id_).returncode, CONFLICT)
        self.assert_fails(self.agent.cli("requests", "show", "987654321"), NOT_FOUND, "")

    def test_the_adapters_say_that_it_waits_and_send_nothing(self):
        document = approving.order("0.78")
        with chancery.Client("kraken-main", str(self.agent.socket)) as client:
            with self.assertRaises(chancery.Waiting) as raised:
                client.sign(document["method"], document["path"], document["params"])
            self.must_approve(ALICE, raised.exception.id)
            self.must_approve(BOB, raised.exception.id)
            self.check_signature(client.fetch(raised.exception.id)._asdict(), document)
        if not shutil.which("jq") or not shutil.which("curl"):
            return
        script = harness.ROOT / "adapters" / "curl" / "chancery-curl"
        done = subprocess.run([script, "kraken-main", json.dumps(approving.order("0.79"))], capture_output=True, text=True,
                              env=self.agent.environment(), check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("people must agree first", done.stderr)

    def test_without_codes_it_asks_whether_that_is_meant(self):
        id_, _ = self.ask()
        for answer, status in (("n\n", REFUSED), ("\x03", -signal.SIGINT), ("\x04", REFUSED), ("y\n", 0)):
            self.assertEqual(self.people.show(id_)["given"], [])
            terminal = codes.Terminal(self.agent.environment(), "approvals", "approve", str(id_), uid=ALICE)
            self.addCleanup(terminal.close)
            self.assertIn("buy ", terminal.read_until("Approve this request? [y/N] "))
            os.write(terminal.tty, answer.encode())
            self.assertEqual(terminal.finish(), status, terminal.seen)
            self.assertTrue(terminal.has_echo())
        self.assertEqual(len(self.people.show(id_)["given"]), 1)
        done = harness.run_cli(self.agent.environment(), "approvals", "approve", id_,
                               wrapper=["setsid", "--wait", *approving.as_user(BOB)])
        self.assertEqual(done.returncode, 2, done.stderr)  # without a terminal, nobody can be asked

    def test_what_was_denied_is_not_signed(self):
        id_, _ = self.ask_approved()
        done = self.people.deny(CAROL, id_)
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = self.bot.fetch(id_)
        self.assertEqual(answer.status, 409, answer)
        self.assertIn("nobody ordered that", answer.json["detail"])
        self.assertEqual(self.people.approve(ALICE, id_).returncode, CONFLICT)
        shown = self.people.show(id_)
        self.assertEqual((shown["state"], shown["ended_by"], shown["why"]), ("denied", "carol", "nobody ordered that"))

    def test_who_may_deny(self):
        id_, _ = self.ask()
        self.assertEqual(self.people.deny(OWEN, id_).returncode, REFUSED)
        self.assertEqual(self.people.run(ALICE, "approvals", "deny", id_).returncode, 2)  # without a reason
        self.assertEqual(self.state(id_), "waiting")
        self.assertEqual(self.agent.cli("approvals", "deny", id_, "--reason", "by an admin").returncode, 0)
        self.assertEqual(self.state(id_), "denied")

    def test_what_was_withdrawn_cannot_be_approved(self):
        id_, _ = self.ask()
        self.assertIn(self.bot.withdraw(id_).status, (200, 204))
        self.assertEqual(self.people.approve(ALICE, id_).returncode, CONFLICT)
        self.assertEqual(self.bot.fetch(id_).status, 409)

    def test_there_is_no_other(self):
        self.assert_fails(self.people.approve(ALICE, 123456789), NOT_FOUND, "there is no request 123456789")
        for word in ("x", "-1", "1x", "", "99999999999999999999"):
            self.assertEqual(self.people.run(ALICE, "approvals", "show", "--", word).returncode, 2, word)

    def test_what_people_see(self):
        id_, document = self.ask()
        done = self.people.run(ALICE, "approvals", "show", id_)
        text = done.stdout.decode()
        for line in (f"what      buy {document['params']['volume']} BTC at 37500 USD", "who       tester (user 0)",
                     "with      key kraken-main, account kraken-main; kraken, live", "call      POST /0/private/AddOrder",
                     f"          volume \"{document['params']['volume']}\"", "needs     2 approvals of alice, bob, tester",
                     f"Request {id_} waits for 2 more approvals (two-for-orders), until "):
            self.assertIn(f"\n{line}", f"\n{text}")
        row = next(row for row in self.people.list(uid=OWEN) if row["id"] == id_)
        self.assertEqual((row["state"], row["approvals"], row["given"], row["callers"]), ("waiting", 2, 0, "tester"))
        self.assertTrue(row["what"].startswith("buy "), row)

    def test_what_has_ended_is_listed_with_all(self):
        id_, _ = self.ask()
        self.bot.withdraw(id_)
        self.assertNotIn(id_, [row["id"] for row in self.people.list()])
        self.assertIn(id_, [row["id"] for row in self.people.list("--all")])

    def test_everybody_sees_what_the_bot_waits_for_as_it_changes(self):
        id_, _ = self.ask()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(self.bot.look, id_, 30)
            self.must_approve(ALICE, id_)
            self.must_approve(BOB, id_)
            self.assertIn(waiting.result().json["state"], ("waiting", "ready"))
        self.assertEqual(self.state(id_), "ready")

    def test_two_approvals_at_once_are_two(self):
        id_, document = self.ask()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in pool.map(lambda uid: self.people.approve(uid, id_), (ALICE, BOB)):
                self.assertEqual(done.returncode, 0, done.stderr)
        self.check_signature(self.must_fetch(id_).json, document)

    def test_one_approver_at_once_is_one(self):
        id_, _ = self.ask()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda _: self.people.approve(ALICE, id_), range(4)))
        self.assertEqual(sorted(one.returncode for one in done), [0, CONFLICT, CONFLICT, CONFLICT])
        self.assertEqual(len(self.people.show(id_)["given"]), 1)

    def test_two_fetches_at_once_get_one_request(self):
        id_, document = self.ask_approved()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda _: self.bot.fetch(id_), range(4)))
        answers.append(self.bot.fetch(id_))
        self.assertEqual({answer.status for answer in answers}, {200}, answers)
        self.assertEqual(len({answer.json["body"] for answer in answers}), 1)
        self.check_signature(answers[0].json, document)

    def test_a_freeze_holds_for_what_was_approved(self):
        id_, document = self.ask_approved()
        self.agent.must("freeze", "kraken-main", "--reason", "odd prices")
        answer = self.bot.fetch(id_)
        self.agent.must("thaw", "kraken-main", "--reason", "looked into")
        self.assertEqual((answer.status, answer.json["rule"]), (403, "state"))
        self.check_signature(self.must_fetch(id_).json, document)

    def test_what_was_not_shown_cannot_be_approved(self):
        one, _ = self.ask()
        other, _ = self.ask()
        digest = bytes.fromhex(self.people.show(other)["digest"])
        for wrong in (digest, b"", b"\0" * 32, digest + b"\0"):
            with others.User(ALICE, give, self.agent.operator_socket, one, wrong) as user:
                self.assertEqual(user.hear(), (CONFLICT_STATUS, "digest"))
        self.assertEqual(self.people.show(one)["given"], [])

    def test_the_record_names_who_approved(self):
        id_, _ = self.ask_approved()
        self.must_fetch(id_)
        records = [row["record"] or {} for row in json.loads(self.agent.must("decisions", "--json"))["decisions"]]
        events = [(record["event"], record.get("person")) for record in records if record.get("approval") == id_]
        self.assertEqual(events, [("approval asked", None), ("approval given", "alice"), ("approval given", "bob")])
        signed = [json.dumps(record["approval"]) for record in records
                  if record.get("outcome") == "allowed" and record.get("approval", {}).get("id") == id_]
        self.assertEqual(len(signed), 1)
        self.assertTrue('"alice"' in signed[0] and '"bob"' in signed[0], signed)


WAITS = 7  # an exit status
CONFLICT_STATUS = 5  # in base/statuses.def
GIVE = next(frame["number"] for frame in frames.read() if frame["name"] == "APPROVAL_GIVE")
DONE = next(frame["number"] for frame in frames.read() if frame["name"] == "OPERATOR_DONE")


def give(tell, path, id_, digest):
    """Approves by a digest of the test's own, and tells the outcome's status and rule."""
    fields = struct.pack("=IQI", frames.version(), id_, len(digest)) + digest
    with others.connect(path, socket.SOCK_SEQPACKET) as connection:
        reader, writer = os.pipe()
        os.close(writer)
        socket.send_fds(connection, [frames.with_header(GIVE, fields)], [reader])
        packet = connection.recv(65536)
    assert struct.unpack_from("=IH", packet)[1] == DONE
    status, length = struct.unpack_from("=II", packet, 16)
    tell((status, packet[24:24 + length].decode()))


class Crashes(ApprovalTest):
    def test_approvals_survive_a_crash(self):
        id_, document = self.ask()
        self.must_approve(ALICE, id_)
        self.crash()
        shown = self.people.show(id_)
        self.assertEqual((shown["state"], [row["person"] for row in shown["given"]]), ("waiting", ["alice"]))
        self.assertEqual(self.people.approve(ALICE, id_).returncode, CONFLICT)
        self.must_approve(BOB, id_)
        self.crash()
        self.assertEqual(self.state(id_), "ready")
        self.check_signature(self.must_fetch(id_).json, document)

    def test_what_was_used_stays_used_after_a_crash(self):
        id_, _ = self.ask_approved()
        self.must_fetch(id_)
        self.crash()
        self.assertEqual(self.state(id_), "signed")
        self.assertIn(self.bot.fetch(id_).status, (409, 410))

    def test_a_denial_survives_a_crash(self):
        id_, _ = self.ask_approved()
        self.assertEqual(self.people.deny(ALICE, id_).returncode, 0)
        self.crash()
        self.assertEqual(self.bot.fetch(id_).status, 409)


class Times(ApprovalTest):
    """With a clock that the test sets."""

    more = ", delay: 10m"

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.clock = loaded.WallClock(cls.agent)
        cls.ahead_s = 0

    def advance(self, seconds):
        type(self).ahead_s += seconds
        self.clock.set(self.ahead_s)
        harness.wait_until(self.confirm, "the clock is trusted")

    def confirm(self):
        with self.agent.client() as client:
            if client.get("/v1/status").json["clock"]["state"] == "trusted":
                return True
        self.agent.cli("clock", "confirm")
        return False

    def test_what_expired_signs_nothing(self):
        id_, _ = self.ask()
        self.must_approve(ALICE, id_)
        self.advance(3601)
        self.assertEqual(self.state(id_), "expired")
        self.assertEqual(self.people.approve(BOB, id_).returncode, CONFLICT)
        self.assertEqual(self.bot.fetch(id_).status, 409)

    def test_a_delay_counts_from_the_asking_and_what_is_not_fetched_expires(self):
        id_, document = self.ask_approved()
        other, _ = self.ask_approved()
        self.assertEqual(self.state(id_), "waiting")
        self.assertEqual(self.bot.fetch(id_).status, 202)
        self.advance(601)
        self.assertEqual(self.state(id_), "ready")
        self.check_signature(self.must_fetch(id_).json, document)
        self.advance(3601)
        self.assertEqual(self.state(other), "expired")
        self.assertEqual(self.bot.fetch(other).status, 409)


if __name__ == "__main__":
    unittest.main()

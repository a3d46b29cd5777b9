"""What the agent does for a relay: asked over the relay's own socket, as it would ask. What it does for whoever does not keep to
the frames is in test_relay_link.py."""

import json
import os
import unittest

import approving
import frames
import harness
import relaying
from client import Client
from harness import BINANCE_CANCEL, BINANCE_ORDER, KRAKEN_ORDER
from relaying import Link, Relay, draw

KEY = "binance-relay"
REJECTED = '{"code":-2010,"msg":"Account has insufficient balance for requested action."}'


def order(quantity="1", price="0.1", **more):
    """A buy of so much; 0.1 BTC, if nothing is said."""
    return dict(BINANCE_ORDER, params={**BINANCE_ORDER["params"], "quantity": quantity, "price": price, **more})


class RelayTest(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(cls.policy())

    @classmethod
    def policy(cls):
        return relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID)

    def setUp(self):
        """Each test begins with nothing used."""
        super().setUp()
        self.restart(forget=True)
        self.relay = Relay(self.agent)
        self.addCleanup(self.relay.close)

    def restart(self, forget=False):
        self.agent.stop()
        if forget:
            self.agent.forget_state()
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0, self.agent.log())

    def assert_unknown(self, told):
        self.assertEqual((told.status, told.json["returned"], len(told.json["unknown"])), (200, [], 1), told)

    def signed(self, document, key=KEY, **options):
        answer, drawn = self.relay.sign(key, document, **options)
        self.assertEqual(answer.status, 200, answer)
        return answer.json, drawn

    def refused(self, document, status, rule, key=KEY, **options):
        answer, _ = self.relay.sign(key, document, **options)
        self.assert_problem(answer, status)
        self.assertEqual(answer.json.get("rule"), rule, answer)
        return answer.json

    def used(self, caller_socket=None):
        """What of 'day' is used, as the bot sees it."""
        with self.agent.client() as client:
            levels = client.get(f"/v1/keys/{KEY}/limits").json["limits"]
        return {level["scope"]: level["used"] for level in levels if level["limit"] == "day"}.get("caller=maker", "0")


class Judged(RelayTest):
    def test_a_read_needs_read_alone(self):
        answer, _ = self.signed(relaying.ACCOUNT)
        self.assertIn("/api/v3/account?", answer["url"])
        with self.agent.client() as client:
            direct = client.sign("binance-direct", relaying.ACCOUNT)
        self.assertEqual((direct.status, direct.json["rule"]), (403, "confusion"))

    def test_a_signature_counts_once_and_the_budget_is_exact(self):
        for i in range(10):
            self.signed(order(newClientOrderId=f"n{i}"))
        self.refused(order(newClientOrderId="n10"), 403, "day")
        self.assertEqual(self.used(), "1")

    def test_each_caller_has_a_budget_of_its_own(self):
        self.signed(order("10"))
        self.refused(order("1"), 403, "day")
        self.signed(order("10"), caller="taker")
        self.assertEqual(self.used(), "1")

    def test_what_policy_refuses_a_bot_it_refuses_its_relay(self):
        self.refused(order(side="SELL"), 403, "allow")
        self.refused(order(symbol="BNBBTC"), 403, "allow")
        self.refused(harness.BINANCE_WITHDRAWAL, 403, "class")
        self.refused(order(), 403, "grant", key="binance-direct-not")
        self.assertEqual(self.used(), "0")

    def test_a_key_for_relays_only_signs_for_nobody_else(self):
        for document in (order(), relaying.ACCOUNT, BINANCE_CANCEL):
            with self.agent.client() as client:
                answer = client.sign(KEY, document)
            self.assert_problem(answer, 403, "refused")
            self.assertEqual(answer.json["rule"], "relay")
        with self.agent.client() as client:
            check = client.post(f"/v1/keys/{KEY}/check", order()).json
        self.assertEqual((check["allowed"], check["problem"]["rule"]), (False, "relay"))

    def test_a_freeze_of_the_relay_or_of_the_bot_halts_it(self):
        for name in ("relay", "maker"):
            self.agent.must("freeze", name, "--reason", "a test")
            self.refused(order(), 403, "state")
            self.signed(BINANCE_CANCEL)
            if name == "relay":
                self.refused(order(), 403, "state", caller="taker")
                with Relay(self.agent, "relay2") as other:
                    self.assertEqual(other.sign(KEY, order("2"))[0].status, 200)
            self.restart(forget=True)
            self.relay.close()


class Answers(RelayTest):
    def assert_shape(self, shape, kind):
        self.assertEqual(set(shape), {"status", "headers", "body"}, kind)
        self.assertIn("Content-Type", shape["headers"])
        self.assertGreaterEqual(shape["status"], 200)

    def test_the_relay_is_told_all_that_it_needs(self):
        for document, key, effects, serial in ((order(), KEY, True, False), (relaying.ACCOUNT, KEY, False, False),
                                               (BINANCE_CANCEL, KEY, True, False),
                                               (dict(KRAKEN_ORDER, params={**KRAKEN_ORDER["params"], "volume": "0.1"}),
                                                "kraken-relay", True, True)):
            answer, drawn = self.signed(document, key)
            told = answer["relay"]
            self.assertEqual((told["effects"], told["serial"]), (effects, serial), document)
            self.assertEqual(set(told["errors"]), {"tag", "not-sent", "unknown"})
            for kind in ("not-sent", "unknown"):
                shape = told["errors"][kind]
                self.assert_shape(shape, kind)
                self.assertTrue(not shape["body"] or relaying.NO_ID in shape["body"], shape)

    def test_the_shapes_of_errors_are_told_once(self):
        told = self.signed(relaying.ACCOUNT)[0]["relay"]["errors"]
        self.assertNotIn("errors", self.signed(relaying.ACCOUNT, errors=told["tag"])[0]["relay"])
        self.assertEqual(self.signed(relaying.ACCOUNT, errors="1")[0]["relay"]["errors"], told)
        self.assertEqual(self.agent.cli("reload").returncode, 0)
        again = self.signed(relaying.ACCOUNT, errors=told["tag"])[0]["relay"]["errors"]
        self.assertNotEqual(again.pop("tag"), told.pop("tag"))
        self.assertEqual(again, told)

    def test_a_direct_request_is_answered_as_before(self):
        with self.agent.client() as client:
            answer = client.sign("kraken-relay", dict(KRAKEN_ORDER, params={**KRAKEN_ORDER["params"], "volume": "0.1"}))
        self.assertEqual(answer.status, 200, answer)
        self.assertNotIn("relay", answer.json)

    def test_refusals_are_told_as_the_exchange_would(self):
        self.assert_shape(self.refused(order(side="SELL"), 403, "allow")["exchange_error"], "refused")
        self.agent.lock()
        locked, _ = self.relay.sign(KEY, order())
        self.assert_problem(locked, 423, "locked")
        self.assert_shape(locked.json["exchange_error"], "locked")
        self.agent.unlock()
        self.signed(order())

    def test_who_may_not_see_the_key_learns_nothing_of_its_exchange(self):
        self.assertNotIn("exchange_error", self.refused(order(), 403, "grant", key="no-such-key"))
        self.assertNotIn("exchange_error", self.refused(order(), 403, "relay", caller="nobody"))

    def test_the_record_names_both(self):
        _, drawn = self.signed(order())
        self.relay.not_sent(drawn)
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        decision, report = rows[-2]["record"], rows[-1]
        self.assertEqual((decision["callers"], decision["relay"], decision["relay_id"]), (["maker"], "relay", drawn))
        self.assertEqual((report["kind"], report["of"], report["record"]["event"], report["record"]["relay"]),
                         ("return", rows[-2]["id"], "not sent", "relay"))


class Speaking(RelayTest):
    """Who may speak for whom."""

    def test_a_bot_that_says_it_is_a_relay(self):
        """In the words that relays once had; in their frames, see test_relay_link.py."""
        told = {"id": draw(), "for": "maker"}
        for name in ("agent", "taker", "second"):
            with Client(self.agent.home / "run" / f"{name}.sock") as bot:
                for path in (f"keys/{KEY}/sign", f"keys/{KEY}/check", "keys/binance-direct/sign"):
                    for document in (order(), {"wire": relaying.wire_of(self.agent, KEY, order())}):
                        self.assert_problem(bot.post(f"/v1/{path}", dict(document, relay=told)), 400, "bad-input")
                self.assert_problem(bot.post("/v1/outcomes", {"outcomes": [{"id": draw(), "outcome": "not-sent"}]}), 404, "not-found")
        self.assertEqual(self.used(), "0")

    def test_a_relay_speaks_for_those_whom_policy_names(self):
        with Relay(self.agent, "relay2") as other:
            for name in ("taker", "second", "relay", "relay2", "nobody"):  # nor does it learn who there is
                answer = other.sign(KEY, order(), caller=name)[0]
                self.assertEqual((answer.status, answer.json["detail"].partition(":")[0]),
                                 (403, f"relay2 does not speak for caller '{name}'"))
        self.refused(relaying.ACCOUNT, 403, "relay", caller="second")

    def test_a_relay_has_no_rights_of_its_own(self):
        self.refused(order(), 403, "relay", caller="relay")


class Once(RelayTest):
    """Nothing is signed twice."""

    def test_the_same_request_is_refused_with_the_first_id(self):
        _, drawn = self.signed(order())
        for _ in range(2):
            again = self.refused(order(), 409, "already-sent")
            self.assertEqual((again["type"], again["relay_id"]), ("urn:chancery:problem:already-sent", drawn))
            self.assertEqual(again["exchange_error"]["status"], 504)
        self.assertEqual(self.used(), "0.1")

    def test_it_is_the_same_although_policy_would_refuse_it_now(self):
        _, drawn = self.signed(order("10"))
        self.assertEqual(self.refused(order("10"), 409, "already-sent")["relay_id"], drawn)
        self.agent.must("freeze", "maker", "--reason", "a test")
        self.assertEqual(self.refused(order("10"), 409, "already-sent")["relay_id"], drawn)

    def test_what_differs_is_another_request(self):
        self.signed(order())
        self.signed(order(), headers={"Idempotency-Key": "second"})
        self.refused(order(), 409, "already-sent", headers={"Idempotency-Key": "second"})
        self.signed(order(), caller="taker")
        self.signed(order(quantity="1.0"))

    def test_an_idempotency_key_gets_no_second_signature(self):
        headers = {"Idempotency-Key": "one"}
        _, drawn = self.signed(order(), headers=headers)
        self.assertEqual(self.refused(order(), 409, "already-sent", headers=headers)["relay_id"], drawn)
        self.assertEqual(self.refused(order("2"), 409, "already-sent", headers=headers)["relay_id"], drawn)
        self.signed(order("2"), caller="taker", headers=headers)
        self.signed(order("2"), headers={"Idempotency-Key": "two"})

    def test_an_idempotency_key_of_what_was_not_sent_may_come_again(self):
        headers = {"Idempotency-Key": "one"}
        _, drawn = self.signed(order(), headers=headers)
        self.assertEqual(self.relay.not_sent(drawn).status, 200)
        self.signed(order("2"), headers=headers)

    def test_an_id_is_drawn_once(self):
        _, drawn = self.signed(order())
        self.refused(order("2"), 409, "relay-id", drawn=drawn)
        self.refused(relaying.ACCOUNT, 409, "relay-id", drawn=drawn)
        self.refused(order(), 409, "already-sent", drawn=drawn)

    def test_two_relays_send_it_once(self):
        self.signed(order())
        with Relay(self.agent, "relay2") as other:
            self.assertEqual(other.sign(KEY, order())[0].status, 409)

    def test_reads_may_be_repeated(self):
        for _ in range(3):
            self.signed(relaying.ACCOUNT)

    def test_what_was_refused_was_not_sent(self):
        for _ in range(2):
            self.refused(order("11"), 403, "day")
        self.agent.lock()
        self.assertEqual(self.relay.sign(KEY, order())[0].status, 423)
        self.agent.unlock()
        self.signed(order())

    def test_of_many_at_once_one_is_signed(self):
        wire = relaying.wire_of(self.agent, KEY, order())
        drawn = {number: draw() for number in range(1, 17)}
        with Link(self.relay.path).start() as link:
            link.send(*(relaying.sign_frame(number, KEY, wire, id_, "maker") for number, id_ in drawn.items()))
            answers = {number: relaying.Answer(name, fields) for name, number, fields in (link.next() for _ in drawn)}
        self.assertEqual(set(answers), set(drawn))
        first = [drawn[number] for number, answer in answers.items() if answer.status == 200]
        self.assertEqual(len(first), 1, [answer.status for answer in answers.values()])
        others = [answer for answer in answers.values() if answer.status != 200]
        self.assertEqual({(answer.status, answer.json["relay_id"]) for answer in others}, {(409, first[0])})
        self.assertEqual(self.used(), "0.1")


class Outcomes(RelayTest):
    """What a relay says of how a request ended."""

    def test_what_was_not_sent_comes_back_once_and_may_come_again(self):
        _, drawn = self.signed(order())
        told = self.relay.not_sent(drawn)
        self.assertEqual((told.status, told.json), (200, {"returned": ["day: 0.1 BTC"], "unknown": []}))
        self.assert_unknown(self.relay.not_sent(drawn))
        self.assert_unknown(self.relay.answered(drawn, 400, REJECTED))
        self.assertEqual(self.used(), "0")
        self.signed(order())

    def test_several_are_told_at_once_and_each_counts_once(self):
        first, second, third = (self.signed(order(newClientOrderId=f"n{i}"))[1] for i in range(3))
        unknown = draw()
        told = self.relay.tell({"id": first, "outcome": "not-sent"}, {"id": unknown, "outcome": "not-sent"},
                               {"id": second, "outcome": "answered", "status": 400, "body": REJECTED},
                               {"id": first, "outcome": "not-sent"},
                               {"id": third, "outcome": "answered", "status": 200, "body": "{}"})
        self.assertEqual((told.status, told.json), (200, {"returned": ["day: 0.1 BTC", "day: 0.1 BTC"], "unknown": [unknown, first]}))
        self.assertEqual(self.used(), "0.1")

    def test_only_the_relay_that_drew_the_id_is_heard(self):
        _, drawn = self.signed(order())
        with Relay(self.agent, "relay2") as other:
            self.assert_unknown(other.not_sent(drawn))
            self.assert_unknown(other.not_sent(draw()))
        self.assertEqual(self.used(), "0.1")
        self.assertEqual(self.relay.not_sent(drawn).status, 200)

    def test_a_rejection_by_the_exchange_comes_back(self):
        _, drawn = self.signed(order())
        told = self.relay.answered(drawn, 400, REJECTED)
        self.assertEqual(told.json, {"returned": ["day: 0.1 BTC"], "unknown": []})
        self.assertEqual(self.used(), "0")
        self.refused(order(), 409, "already-sent")  # it was sent, and answered

    def test_what_may_have_been_placed_stays_counted(self):
        answers = ((500, REJECTED), (502, REJECTED), (503, REJECTED), (504, REJECTED), (599, REJECTED), (408, REJECTED),
                   (302, REJECTED), (200, '{"orderId":1}'), (400, ""), (400, "<html>"), (400, REJECTED[:-1]),
                   (400, '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'),
                   (400, '{"code":-2010,"msg":"Duplicate order sent."}'))
        for i, (status, body) in enumerate(answers):
            _, drawn = self.signed(order("0.1", newClientOrderId=f"n{i}"))
            told = self.relay.answered(drawn, status, body)
            self.assertEqual((told.status, told.json), (200, {"returned": [], "unknown": []}), (status, body))
        self.assertEqual(self.used(), "0.13")

    def test_false_rejections_give_back_no_more_than_policy_lets(self):
        placed = 0
        for i in range(40):
            answer, drawn = self.relay.sign(KEY, order(newClientOrderId=f"n{i}"))
            if answer.status == 200:
                placed += 1
                self.relay.not_sent(drawn) if i % 2 else self.relay.answered(drawn, 400, REJECTED)
        self.assertEqual(placed, 15)  # a budget of 1 BTC, and half of it again
        self.assertEqual(self.used(), "1")

    def returned(self, *ends):
        """What comes back of such records; also if they end the connection."""
        with Link(self.relay.path).start() as link:
            link.send(frames.encode("OUTCOMES", 1, ends=ends))
            try:
                name, _, fields = link.next()
            except ConnectionError:
                return []
            return fields["returned"] if name == "OUTCOMES_TAKEN" else []

    def test_reports_that_are_none_give_nothing_back(self):
        for i, end in enumerate(({"status": 0, "body": REJECTED}, {"status": 99, "body": REJECTED}, {"status": 600, "body": REJECTED},
                                 {"status": 1000, "body": REJECTED}, {"status": 65535, "body": REJECTED},
                                 {"status": 400, "body": REJECTED + " " * 16385}, {"status": 400, "body": REJECTED.encode() + b"\xff"},
                                 {"status": 400, "body": REJECTED + "\0"}, {"status": 400, "body": REJECTED * 2})):
            _, drawn = self.signed(order("0.1", newClientOrderId=f"n{i}"))
            self.assertEqual(self.returned({"relay_id": drawn, "is_sent": True, **end}), [], end)
        self.assertEqual(self.used(), "0.09")
        _, drawn = self.signed(order())
        for id_ in (drawn.upper(), drawn[1:], drawn + "0", drawn + "\0", "", "0" * 32):
            self.assertEqual(self.returned({"relay_id": id_}), [], id_)
        self.assertEqual(self.returned(), [])
        self.assertEqual(self.returned(*[{"relay_id": drawn}] * 65), [])
        self.assertEqual(self.used(), "0.19")
        self.assertEqual(self.relay.answered(drawn, 200, "x" * 16384).json["unknown"], [])

    def test_a_read_gives_nothing_back(self):
        _, drawn = self.signed(relaying.ACCOUNT)
        self.assertEqual(self.relay.not_sent(drawn).json, {"returned": [], "unknown": []})

    def test_a_bot_cannot_release_what_its_relay_had_signed(self):
        """Policy lets bots return nothing of this limit."""
        answer, drawn = self.signed(order())
        with self.agent.client() as client:
            client.post(f"/v1/reservations/{answer['reservation']}/release", {"outcome": "rejected"})
        self.assertEqual(self.used(), "0.1")

    def test_what_came_back_is_back_after_a_crash(self):
        _, drawn = self.signed(order())
        _, other = self.signed(order("2"))
        self.relay.not_sent(drawn)
        self.assertEqual(self.used(), "0.2")
        self.signed(relaying.ACCOUNT)  # its row comes after the report's
        self.crash()
        self.assertEqual(self.used(), "0.2")
        self.relay.close()
        self.assert_unknown(self.relay.not_sent(other))  # nobody knows any more what it was
        self.assertEqual(self.used(), "0.2")

    def test_how_much_may_come_back_is_known_after_a_crash(self):
        for i in range(5):
            self.relay.not_sent(self.signed(order(newClientOrderId=f"n{i}"))[1])
        self.signed(relaying.ACCOUNT)
        self.crash()
        self.relay.close()
        _, drawn = self.signed(order(newClientOrderId="n9"))
        self.assertEqual(self.relay.not_sent(drawn).json, {"returned": [], "unknown": []})

    def test_a_reload_keeps_what_was_signed(self):
        _, drawn = self.signed(order())
        self.agent.must("reload")
        self.refused(order(), 409, "already-sent")
        self.assertEqual(self.relay.answered(drawn, 400, REJECTED).json, {"returned": ["day: 0.1 BTC"], "unknown": []})


class People(RelayTest):
    """What people must approve."""

    @classmethod
    def policy(cls):
        approving.require_users()
        text = super().policy()
        return text.replace("people:\n", f"people:\n  alice: {{ uid: {approving.ALICE}, roles: [approver] }}\n").replace(
            "of: [ops]", "of: [alice]").replace("{ name: two-eyes, endpoints: [\"POST /sapi/v1/asset/transfer\"]",
                                               "{ name: two-eyes, key: binance-relay, classes: [trade]")

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.agent.home.chmod(0o755)

    def test_asking_again_is_the_fetch(self):
        waiting, _ = self.relay.sign(KEY, order())
        self.assertEqual(waiting.status, 202, waiting)
        self.assertIn(str(waiting.json["id"]), waiting.json["exchange_error"]["body"])
        again, _ = self.relay.sign(KEY, order())
        self.assertEqual((again.status, again.json["id"]), (202, waiting.json["id"]))
        self.assertEqual(self.used(), "0")
        done = approving.People(self.agent).approve(approving.ALICE, waiting.json["id"])
        self.assertEqual(done.returncode, 0, done.stderr)
        _, drawn = self.signed(order())
        self.assertEqual(self.refused(order(), 409, "already-sent")["relay_id"], drawn)
        self.assertEqual(self.used(), "0.1")
        other, _ = self.relay.sign(KEY, order("2"))
        self.assertEqual(other.status, 202)
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        decision = [row["record"] for row in rows if row["record"].get("outcome") == "allowed"][-1]
        self.assertEqual((decision["relay"], decision["approval"]["id"], decision["approval"]["given"][0]["person"]),
                         ("relay", waiting.json["id"], "alice"))

    def test_what_people_approved_is_judged_again(self):
        waiting, _ = self.relay.sign(KEY, order())
        self.assertEqual(waiting.status, 202, waiting)
        self.assertEqual(approving.People(self.agent).approve(approving.ALICE, waiting.json["id"]).returncode, 0)
        self.agent.must("freeze", "relay", "--reason", "a test")
        self.refused(order(), 403, "state")


if __name__ == "__main__":
    unittest.main()

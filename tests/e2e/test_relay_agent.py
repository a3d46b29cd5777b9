"""chancery-relay: agents that are away, silent, or say what no agent should."""

import os
import socket
import threading
import time
import unittest

import frames
from relay_rig import HOST, RelayTest, SHAPES, answer_frame, shape_record, wait_until
from waiting import Waiting

NOT_SENT = SHAPES["not-sent"]["body"].encode()
ERRORS = [shape_record(SHAPES[name]) for name in ("not-sent", "unknown")]


def signed(number, **changes):
    """The frame that says that an order was signed."""
    fields = {"method": "POST", "url": f"https://{HOST}/api/order", "body": "x", "has_effects": True, "errors_tag": 1, "errors": ERRORS}
    return frames.encode("SIGNED", number, **{**fields, **changes})


def failed(number, message="no", status=2, **more):
    return frames.encode("FAILED", number, why=(status, "", message), **more)


# What is no answer, as bytes or as what `StandIn.say` takes of it.
NO_ANSWERS = {
    "nothing at all": lambda number: signed(number, method="", url="", body="", errors=[]),
    "no method": lambda number: signed(number, method=""),
    "a method that is none": lambda number: signed(number, method="POST /x HTTP/1.1\r\nA:"),
    "no address": lambda number: signed(number, url=""),
    "a line in the address": lambda number: signed(number, url=f"https://{HOST}/api\r\nA: b"),
    "a line in a header": lambda number: signed(number, headers=[{"name": "X", "value": "a\r\nY: b"}]),
    "a header without a name": lambda number: signed(number, headers=[{"name": "", "value": "a"}]),
    "a blank in a header's name": lambda number: signed(number, headers=[{"name": "X ", "value": "a"}]),
    "one shape instead of two": lambda number: signed(number, errors=ERRORS[:1]),
    "three shapes": lambda number: signed(number, errors=ERRORS + ERRORS[:1]),
    "a shape without a status": lambda number: signed(number, errors=[{**ERRORS[0], "status": 99}, ERRORS[1]]),
    "a shape whose line does not end": lambda number: signed(number, errors=[{**ERRORS[0], "lines": "A: b"}, ERRORS[1]]),
    "a shape with a line that is none": lambda number: signed(number, errors=[{**ERRORS[0], "lines": "A\r\n"}, ERRORS[1]]),
    "a shape with an end of the head": lambda number: signed(number, errors=[{**ERRORS[0], "lines": "A: b\r\n\r\n"}, ERRORS[1]]),
    "an answer to something else": lambda number: frames.encode("KEY_LIST", number),
    "an answer to outcomes": lambda number: frames.encode("OUTCOMES_TAKEN", number),
    "a signature alone": lambda number: frames.encode("SIGNATURE_ONLY", number, signature="s", key="key-1"),
    "a connection": lambda number: frames.encode("CONNECTION", number),
    "a question": lambda number: frames.encode("SIGN", number, key="key-1"),
    "a frame that nobody knows": lambda number: frames.with_header(250, b""),
    "a frame with more than its fields": lambda number: frames.with_header(frames.FRAMES["PACE"]["number"], b"12345"),
    "a frame that is cut": lambda number: [signed(number)[:40], False],
    "a frame that is smaller than its header": lambda number: b"\x04\0\0\0",
    "a frame that is larger than any": lambda number: b"\xff\xff\xff\x7f" + signed(number)[4:],
    "HTTP": lambda number: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "the end": lambda number: False,
    "the connection's refusal": lambda number: [failed(0, "frames of another version"), False],
}


def pass_descriptor(data):
    """Sends it beside the bytes."""
    def send(stream):
        reader, writer = os.pipe()
        socket.send_fds(stream, [data], [reader])
        os.close(reader)
        os.close(writer)
    return send


class AgentTest(RelayTest):
    times = {"agent_s": 2}

    def order(self, body, **options):
        return self.call("POST", "/api/order", f"{self.id()} {body}", **options)


class TestAgentAway(AgentTest):
    def test_agent_that_is_silent_is_told_that_nothing_was_sent(self):
        self.agent.judge = lambda *_: None
        reply = self.call("POST", "/api", "silent")
        self.assertEqual(reply.status, 503)
        self.assertEqual(reply.problem["type"], "urn:chancery:problem:unavailable")
        self.assertEqual(self.outcome()[1], {"outcome": "not-sent"})
        self.assertEqual(self.exchange.arrivals, [])

    def test_agent_that_is_away(self):
        os.rename(self.folder / "agent.sock", self.folder / "away.sock")
        self.addCleanup(os.rename, self.folder / "away.sock", self.folder / "agent.sock")
        self.agent.drop()
        for body in ("away", "away still"):
            self.assertEqual(self.order(body).status, 503)
        self.assertEqual(self.exchange.arrivals, [])

    def test_agent_is_asked_once(self):
        self.call("POST", "/api", "before")
        self.agent.judge = lambda *_: False
        self.assertEqual(self.call("POST", "/api", "dies").status, 503)
        self.assertEqual(len([one for one in self.agent.asked if one["wire"]["body"] == "dies"]), 1)

    def test_agent_that_comes_back_is_asked_again(self):
        for i in range(3):
            self.assertEqual(self.order(i).status, 200)
            self.agent.drop()

    def test_all_who_wait_are_told_when_the_agent_ends(self):
        self.agent.judge = lambda *_: None
        waiting = [Waiting(self.order, i) for i in range(3)]
        wait_until(lambda: len(self.agent.asked) == 3, "three questions")
        self.agent.drop()
        for one in waiting:
            one.join()
            self.assertEqual(one.result.status, 503)
        wait_until(lambda: len(self.told()) == 3, "three outcomes")
        self.assertEqual({told["outcome"] for _, told in self.told()}, {"not-sent"})
        self.agent.judge = self.agent.sign
        self.assertEqual(self.order("after").status, 200)
        self.assertEqual(len(self.exchange.arrivals), 1)


class TestAgentRefuses(AgentTest):
    """A relay of its own: what it says of the agent again and again is not logged each time."""

    def test_why_the_agent_refuses_the_connection_is_logged(self):
        self.agent.judge = lambda *_: [failed(0, "it speaks frames of version 7"), False]
        self.assertEqual(self.order("x").status, 503)
        wait_until(lambda: "it speaks frames of version 7" in self.log(), "the reason in the log")


class TestAgentAnswers(AgentTest):
    def test_what_is_no_answer_sends_nothing(self):
        self.order("before")
        arrived = len(self.exchange.arrivals)
        for name, say in NO_ANSWERS.items():
            with self.subTest(name):
                self.agent.judge = lambda question, _: say(question["number"])
                reply = self.order(name)
                self.assertEqual((reply.status, reply.body), (503, NOT_SENT))
                self.assertEqual(len(self.exchange.arrivals), arrived)
                self.agent.judge = self.agent.sign
                self.assertEqual(self.order(f"after {name}").status, 200)
                arrived += 1

    def test_descriptor_is_not_taken(self):
        self.order("before")
        before = len(os.listdir(f"/proc/{self.relay.pid}/fd"))
        self.agent.judge = lambda question, _: pass_descriptor(signed(question["number"]))
        for i in range(5):
            self.assertEqual(self.order(i).status, 503)
        self.agent.judge = self.agent.sign
        self.assertEqual(self.order("after").status, 200)
        self.assertEqual(len(self.exchange.arrivals), 2)
        wait_until(lambda: len(os.listdir(f"/proc/{self.relay.pid}/fd")) <= before, "no more descriptors than before")

    def test_answers_come_in_any_order_over_one_connection(self):
        self.order("before")
        links = self.agent.links
        last_is_asked = threading.Event()

        def judge(question, key):
            if question["wire"]["body"].endswith("last"):
                last_is_asked.set()
            else:
                last_is_asked.wait(20)
            return self.agent.sign(question, key)
        self.agent.judge = judge
        self.exchange.plays["/api/order"] = lambda _, arrival: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (
            len(arrival.body), arrival.body)
        waiting = {str(i): Waiting(self.order, i) for i in range(5)}
        wait_until(lambda: len(self.agent.asked) == 6, "all others are asked")
        waiting["last"] = Waiting(self.order, "last")
        for body, one in waiting.items():
            one.join()
            self.assertEqual((one.result.status, one.result.body.decode()), (200, f"{self.id()} {body}"))
        self.assertEqual(self.agent.links, links)

    def test_answer_that_nobody_asked_for_is_dropped(self):
        self.agent.judge = lambda question, key: [
            signed(question["number"] + 1000, body="of nobody"), failed(question["number"] + 1001),
            answer_frame(question["number"], *self.agent.sign(question, key))]
        for i in range(3):
            self.assertEqual(self.order(i).status, 200)
        self.assertEqual([arrival.body.decode() for arrival in self.exchange.arrivals], [f"{self.id()} {i}" for i in range(3)])

    def test_second_answer_is_dropped(self):
        self.agent.judge = lambda question, key: [
            answer_frame(question["number"], *self.agent.sign(question, key)), signed(question["number"], body="again"),
            failed(question["number"])]
        for i in range(3):
            self.assertEqual(self.order(i).status, 200)
        self.assertEqual([arrival.body.decode() for arrival in self.exchange.arrivals], [f"{self.id()} {i}" for i in range(3)])

    def test_late_answer_is_dropped_and_the_connection_stays(self):
        self.order("before")
        links = self.agent.links
        is_late = threading.Event()
        self.agent.judge = lambda question, key: (is_late.wait(20), self.agent.sign(question, key))[1]
        self.assertEqual(self.order("late").status, 503)
        self.agent.judge = self.agent.sign
        is_late.set()
        self.assertEqual(self.order("after").status, 200)
        self.assertEqual((len(self.exchange.arrivals), self.agent.links), (2, links))

    def test_refusals_of_all_kinds_have_their_words(self):
        for number, status in enumerate(frames.statuses()):
            if status["name"] in ("ok", "already-sent"):
                continue
            self.agent.judge = lambda question, _: failed(question["number"], 'a "reason"', number, step="sign", retry_after_s=7)
            reply = self.order(status["name"])
            self.assertIn(reply.status, (422, 503))
            self.assertEqual((reply.problem["type"], reply.problem["detail"], reply.problem["step"], reply.problem["status"]),
                             (f"urn:chancery:problem:{status['name']}", 'a "reason"', "sign", status["http"]))
            self.assertEqual(reply.headers["Retry-After"], "7")
        self.assertEqual(self.exchange.arrivals, [])

    def test_shape_names_no_header_of_the_connection(self):
        shape = {"status": 418, "lines": "Connection: close\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n", "body": "shaped"}
        self.agent.judge = lambda question, _: failed(question["number"], exchange_error=[shape])
        reply = self.order("x")
        self.assertEqual((reply.status, reply.body, reply.headers["X-Own"]), (418, b"shaped", "1"))
        self.assertEqual((reply.headers["Connection"], reply.headers["Transfer-Encoding"]), (None, None))

    # ---- outcomes ----

    def test_outcomes_that_are_not_taken_harm_nobody(self):
        """But for a question that is on its way when the connection ends."""
        def is_placed():
            return self.order(time.time_ns()).status == 200
        for say in (lambda number, _: failed(number, "these are no outcomes"), lambda number, _: signed(number), lambda *_: False,
                    lambda *_: None, lambda number, _: frames.encode("OUTCOMES_TAKEN", number + 1000)):
            self.agent.take_outcomes = say
            told = len(self.told())
            wait_until(is_placed, "an order")
            wait_until(lambda: len(self.told()) > told, "an outcome")
        self.agent.take_outcomes = self.agent.answer_outcomes
        wait_until(is_placed, "an order")
        self.assertEqual(len({relay_id for relay_id, _ in self.told()}), len(self.told()))


if __name__ == "__main__":
    unittest.main()

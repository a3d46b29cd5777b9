"""chancery-relay: what is asked, what is sent, what is answered, and what the agent is told."""

import socket
import threading
import time
import unittest
import urllib.parse

from relay_rig import HOST, RelayTest, SHAPES, answer, wait_until
from waiting import Waiting


class TestRelay(RelayTest):
    def test_request_is_asked_for_sent_and_told_of(self):
        self.exchange.plays["/api/order"] = lambda *_: answer(b'{"id":7}', "200 OK", "X-MBX-USED-WEIGHT: 3", "Retry-After: 9")
        reply = self.call("POST", "/api/order?symbol=A", "a=1", {"X-Own": "Value", "User-Agent": "bot/1"})
        self.assertEqual((reply.status, reply.body), (200, b'{"id":7}'))
        self.assertEqual((reply.headers["X-MBX-USED-WEIGHT"], reply.headers["Retry-After"]), ("3", "9"))
        question = self.agent.asked[0]
        self.assertEqual(question["wire"]["url"], "/api/order?symbol=A")
        self.assertEqual((question["wire"]["method"], question["wire"]["body"]), ("POST", "a=1"))
        self.assertEqual(question["wire"]["headers"]["X-Own"], "Value")
        self.assertNotIn("Host", question["wire"]["headers"])
        self.assertEqual(question["relay"]["for"], "bot")
        self.assertRegex(question["relay"]["id"], "^[0-9a-f]{32}$")
        (sent,) = self.exchange.arrivals
        self.assertEqual((sent.method, sent.target, sent.body), ("POST", "/api/order?symbol=A", b"a=1"))
        self.assertEqual((sent.headers["host"], sent.headers["x-signed"]), (HOST, "yes"))
        self.assertEqual((sent.headers["accept-encoding"], sent.headers["user-agent"]), ("identity", "bot/1"))
        self.assertEqual(sent.version, "HTTP/1.1")
        self.assertNotIn("expect", sent.headers)
        told = {"outcome": "answered", "status": 200, "body": '{"id":7}'}
        self.assertEqual(self.outcome(), (question["relay"]["id"], told))

    def test_nothing_is_told_of_a_request_without_effects(self):
        self.assertEqual(self.call("GET", "/api/read").status, 200)
        self.assertEqual(self.call("POST", "/api/order", "told").status, 200)
        self.outcome()
        self.assertEqual(len(self.told()), 1)

    def test_forms_of_address(self):
        encoded = urllib.parse.quote(f"https://{HOST}/api/a?x=%2B1", safe="")
        for path, url, origin in (("/~usdm/fapi/v1/a?b=c", "/fapi/v1/a?b=c", "usdm"), ("/~usdm", "/", "usdm"), ("", "/", None),
                                  (f"/https://{HOST}/api/a", f"https://{HOST}/api/a", None),
                                  (f"/{encoded}", f"https://{HOST}/api/a?x=%2B1", None),
                                  ("?a=b", "/?a=b", None), ("//x/../y", "//x/../y", None)):
            with self.subTest(path):
                self.agent.asked.clear()
                self.assertEqual(self.call("GET", path).status, 200)
                wire = self.agent.asked[0]["wire"]
                self.assertEqual((wire["url"], wire.get("origin")), (url, origin))

    def test_wrong_address_is_refused(self):
        for path, status in (("/https:/x/y", 400), ("/http://x/y", 400), ("/https%3a%2F%2Fx", 400), ("/~/x", 400),
                             ("/https%3A%2F%2Fx%20y", 400), ("/https%3A%2F%2Fx/y", 400)):
            with self.subTest(path):
                self.assertEqual(self.call("GET", path).status, status)
        self.assertEqual(self.call("GET", "/api", token="0" * 64).status, 404)
        self.assertEqual(self.call("GET", "/api", token=self.other_token).status, 404)
        self.assertEqual(self.status_of(self.head(f"GET /{self.token} HTTP/1.1", "Connection: close")), 400)
        self.assertEqual(self.agent.asked, [])

    def test_unix_socket_has_no_token(self):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(self.folder / "bot.sock"))
            stream.sendall(b"GET /key-1/api HTTP/1.1\r\nHost: whoever\r\nConnection: close\r\n\r\n")
            self.assertTrue(stream.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(self.agent.asked[0]["relay"]["for"], "bot")

    def test_public_call_is_passed_on(self):
        self.agent.judge = self.agent.public
        for _ in range(2):
            self.assertEqual(self.call("GET", "/api/ticker", headers={"Accept-Encoding": "gzip"}).status, 200)
        self.assertEqual(len(self.exchange.arrivals), 2)
        self.assertEqual(self.exchange.arrivals[0].headers["accept-encoding"], "gzip")
        self.assertEqual(self.told(), [])

    # ---- refusals of the agent ----

    def test_refusal_has_the_exchange_s_shape(self):
        problem = {"detail": "ä no", "rule": "r",
                   "exchange_error": {"status": 400, "headers": {"X-Shape": "1"}, "body": '{"code":-2010}'}}
        self.agent.judge = lambda *_: (403, problem)
        reply = self.call("POST", "/api/order", "shape")
        self.assertEqual((reply.status, reply.body, reply.headers["X-Shape"]), (400, b'{"code":-2010}', "1"))
        self.assertEqual((reply.problem["detail"], reply.problem["rule"]), ("ä no", "r"))
        self.assertNotIn("exchange_error", reply.problem)

    def test_refusal_without_a_shape_is_never_a_success(self):
        for status, expected in ((403, 422), (423, 422), (404, 422), (429, 503), (503, 503), (500, 503)):
            with self.subTest(status):
                self.agent.judge = lambda *_: (status, {"detail": "d"})
                reply = self.call("POST", "/api/order", f"{status}")
                self.assertEqual((reply.status, reply.json["detail"], reply.problem["detail"]), (expected, "d", "d"))
                self.assertEqual((reply.json["status"], reply.problem["status"]), (expected, status))
        self.assertEqual(self.exchange.arrivals, [])

    def test_request_that_people_must_approve_is_never_a_success(self):
        shape = {"status": 418, "headers": {"X-Shape": "1"}, "body": "waits"}
        for expected, more in ((422, {}), (418, {"exchange_error": shape})):
            self.agent.judge = lambda *_: (202, {"id": 7, "state": "waiting", **more})
            reply = self.call("POST", "/api/order", f"{expected}")
            self.assertEqual(reply.status, expected)
            self.assertEqual((reply.problem["id"], reply.problem["state"], reply.problem["url"]), (7, "waiting", "/v1/requests/7"))
        self.assertEqual(reply.body, b"waits")
        self.assertEqual(self.exchange.arrivals, [])

    def test_url_that_cannot_be_sent_is_not(self):
        for url in ("http://exchange.test/", "https://user@exchange.test/", "file:///etc/passwd", "https://exchange.test/a b"):
            with self.subTest(url):
                self.agent.judge = lambda question, key: self.agent.sign(question, key, url=url)
                reply = self.call("POST", "/api/order", url)
                self.assertEqual((reply.status, reply.body.decode()), (503, SHAPES["not-sent"]["body"]))
        wait_until(lambda: len(self.told()) == 4, "four outcomes")
        self.assertEqual({told["outcome"] for _, told in self.told()}, {"not-sent"})
        self.assertEqual(self.exchange.arrivals, [])

    # ---- the same request again ----

    def test_same_request_gets_the_recorded_answer(self):
        first = self.call("POST", "/api/order", "same")
        second = self.call("POST", "/api/order", "same")
        self.assertEqual((first.status, first.body), (second.status, second.body))
        self.assertEqual((first.headers["Chancery-Recorded"], second.headers["Chancery-Recorded"]), (None, "yes"))
        self.assertEqual((len(self.exchange.arrivals), len(self.agent.asked)), (1, 1))
        self.call("POST", "/api/order", "same", port=self.other_port, token=self.other_token)
        self.assertEqual(len(self.exchange.arrivals), 2)

    def test_same_read_is_sent_again(self):
        for _ in range(2):
            self.assertEqual(self.call("GET", "/api/balance").status, 200)
        self.assertEqual((len(self.exchange.arrivals), len(self.agent.asked)), (2, 2))

    def test_same_idempotency_key_gets_the_recorded_answer(self):
        for body in ("t=1", "t=2"):
            self.assertEqual(self.call("POST", "/api/once", body, {"Idempotency-Key": "abc"}).status, 200)
        self.assertEqual([one.body for one in self.exchange.arrivals], [b"t=1"])
        self.assertEqual(self.agent.headers[0]["idempotency-key"], "abc")
        self.assertNotIn("Idempotency-Key", self.agent.asked[0]["wire"]["headers"])

    def test_same_request_in_flight_is_waited_for(self):
        def slow(*_):
            time.sleep(0.3)
            return answer(b"first")
        self.exchange.plays["/api/slow"] = slow
        waiting = [Waiting(self.call, "POST", "/api/slow", "x", {"Idempotency-Key": "slow"}) for _ in range(4)]
        for one in waiting:
            one.join()
            self.assertEqual((one.result.status, one.result.body), (200, b"first"))
        self.assertEqual(len(self.exchange.arrivals), 1)

    def test_refused_request_may_come_again(self):
        self.agent.judge = lambda *_: (423, {"detail": "locked"})
        self.assertEqual(self.call("POST", "/api/again", "x", {"Idempotency-Key": "again"}).status, 422)
        self.agent.judge = self.agent.sign
        self.assertEqual(self.call("POST", "/api/again", "x", {"Idempotency-Key": "again"}).status, 200)

    def test_what_the_agent_has_signed_before_is_not_sent_again(self):
        self.call("POST", "/api/order", "known")
        known = self.agent.asked[0]["relay"]["id"]
        for relay_id, status in ((known, 200), ("0" * 32, 504), ("", 504)):
            self.agent.judge = lambda *_: (409, {"type": "urn:chancery:problem:already-sent", "relay_id": relay_id})
            self.assertEqual(self.call("POST", "/api/order", f"other {relay_id}").status, status)
        self.assertEqual(len(self.exchange.arrivals), 1)

    # ---- turns ----

    def test_key_with_nonces_has_one_in_flight_and_cancels_first(self):
        self.agent.serial = True
        going = []
        most = []
        all_wait = threading.Event()

        def play(stream, arrival):
            going.append(arrival)
            most.append(len(going))
            all_wait.wait(20)
            time.sleep(0.05)
            going.pop()
            return answer()
        for path in ("/api/n", "/api/CancelOrder"):
            self.exchange.plays[path] = play
        waiting = [Waiting(self.call, "POST", "/api/n", f"n={i}", key="serial") for i in range(6)]
        wait_until(lambda: self.exchange.arrivals, "a request in flight")
        waiting.append(Waiting(self.call, "POST", "/api/CancelOrder", "c", key="serial"))
        self.await_state("queued", 7)
        all_wait.set()
        for one in waiting:
            one.join()
            self.assertEqual(one.result.status, 200)
        self.assertEqual(max(most), 1)
        self.assertEqual([one.path for one in self.exchange.arrivals].index("/api/CancelOrder"), 1)

    def test_public_call_needs_no_turn(self):
        self.agent.serial = True
        self.assertEqual(self.call("POST", "/api/first", "serial-2", key="serial-2").status, 200)
        self.agent.judge = lambda question, key: (self.agent.public if "/api/tick" in question["wire"]["url"]
                                                  else self.agent.sign)(question, key)
        self.assertEqual(self.call("GET", "/api/tick?1", key="serial-2").status, 200)
        held = threading.Event()
        self.exchange.plays["/api/held"] = lambda *_: (held.wait(20), answer())[1]
        waiting = Waiting(self.call, "POST", "/api/held", "held", key="serial-2")
        wait_until(lambda: self.exchange.of("/api/held"), "a request in flight")
        self.assertEqual(self.call("GET", "/api/tick?2", key="serial-2").status, 200)
        self.agent.judge = self.agent.sign  # as after a reload
        reply = self.call("GET", "/api/tick?3", key="serial-2")
        self.assertEqual((reply.status, len(self.exchange.of("/api/tick"))), (503, 2))
        held.set()
        waiting.join()
        self.assertEqual(waiting.result.status, 200)
        self.assertEqual(self.call("GET", "/api/tick?4", key="serial-2").status, 200)

    def test_path_that_is_public_at_times_is_sent_all_the_same(self):
        for i in range(4):
            self.agent.judge = self.agent.public if i % 2 == 0 else self.agent.sign
            self.assertEqual(self.call("POST", "/api/rpc", f"rpc {i}", key="rpc").status, 200)
        self.assertEqual(len(self.exchange.arrivals), 4)

    def test_key_without_nonces_has_many_in_flight(self):
        self.call("GET", "/api/first")
        going = []

        def play(*_):
            going.append(1)
            wait_until(lambda: len(going) == 4, "four in flight")
            return answer()
        self.exchange.plays["/api/many"] = play
        waiting = [Waiting(self.call, "POST", "/api/many", f"{i}") for i in range(4)]
        for one in waiting:
            one.join()
            self.assertEqual(one.result.status, 200)


if __name__ == "__main__":
    unittest.main()

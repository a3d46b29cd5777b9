"""chancery against a stand-in for the agent, whose answers keep to the protocol or break it."""

import array
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import (  # noqa: E402
    AWAY, LOCKED, NOT_FOUND, OK, PIN, REFUSED, TOKEN, USAGE, WRONG_PIN, Sandbox)
import frames  # noqa: E402
from harness import ROOT  # noqa: E402


FRAME_VERSION = frames.version()
UNLOCK, LOCK, UNLOCK_NEEDS, OPERATOR_DONE, NEEDS_ARE = 128, 129, 142, 160, 168


class StandIn:
    """Answers like the agent: one HTTP answer, or one operator's frame."""

    def __init__(self, path, kind):
        self.listener = socket.socket(socket.AF_UNIX, kind)
        self.listener.bind(path)
        self.listener.listen(4)
        self.listener.settimeout(3)

    def serve(self, handler, times=1):
        self.thread = threading.Thread(target=self._serve_all, args=(handler, times), daemon=True)
        self.thread.start()

    def _serve_all(self, handler, times):
        for _ in range(times):
            self._serve(handler)

    def _serve(self, handler):
        try:
            connection, _ = self.listener.accept()
        except TimeoutError:
            return
        with connection:
            connection.settimeout(5)
            try:
                handler(connection)
            except BrokenPipeError:
                pass  # it has read enough of the answer

    def close(self):
        self.thread.join(10)
        self.listener.close()


def http_answer(status, value, *headers):
    body = json.dumps(value).encode() if not isinstance(value, bytes) else value
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Http(Sandbox):
    def ask(self, answer, *words):
        stand_in = StandIn(self.path("agent.sock"), socket.SOCK_STREAM)
        got = {}

        def handler(connection):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            while len(body) < length:
                body += connection.recv(65536)
            got["line"], got["body"] = head.split(b"\r\n")[0].decode(), body
            connection.sendall(answer)

        stand_in.serve(handler)
        try:
            return self.run_cli(*words, "--socket", self.path("agent.sock")), got
        finally:
            stand_in.close()
            os.unlink(self.path("agent.sock"))

    STATUS = {"version": "0.1.0", "uptime_s": 7260, "ready": False, "signed": 12, "refused": 3, "failed": 1,
              "tokens": [{"name": "main", "state": "locked", "detail": "\x1b[31mred"}],
              "callers": [{"user": "1000", "requests_per_second": 20, "work_permille": 3}]}

    def test_status_as_text_and_json(self):
        result, got = self.ask(http_answer(200, self.STATUS), "status")
        self.assertEqual(result.status, OK, result)
        self.assertEqual(got["line"], "GET /v1/status HTTP/1.1")
        self.assertIn("2 h 01 min, not ready", result.out)
        self.assertRegex(result.out, r"(?m)^main +locked ")
        self.assertRegex(result.out, r"(?m)^1000 +20 +3$")
        self.assertNotIn("\x1b", result.out)
        result, _ = self.ask(http_answer(200, self.STATUS), "status", "--json")
        self.assertEqual(json.loads(result.out), self.STATUS)

    def test_keys(self):
        key = {"name": "k", "profile": "bybit", "scheme": "hmac", "environment": "testnet", "key_id": "id", "token": "main",
               "ready": True}
        result, got = self.ask(http_answer(200, {"keys": [key]}), "keys")
        self.assertEqual(got["line"], "GET /v1/keys HTTP/1.1")
        self.assertRegex(result.out, r"(?m)^k +bybit +testnet +hmac +main +yes +id +- +-$")
        result, _ = self.ask(http_answer(200, {"keys": []}), "keys", "--json")
        self.assertEqual(json.loads(result.out), {"keys": []})

    def test_intent_takes_a_key_and_asks_for_its_profile(self):
        words = ("intent", "k", "POST", "/0/private/CancelAll", "--profiles", str(ROOT / "profiles"))
        keys = [{"name": "j", "profile": "binance"}, {"name": "k", "profile": "kraken"}]
        result, got = self.ask(http_answer(200, {"keys": keys}), *words)
        self.assertEqual(got["line"], "GET /v1/keys HTTP/1.1")
        self.assertEqual(result.status, OK, result)
        self.assertEqual(result.out, "cancel all orders\n  not known: market\nThe signature can be used once.\n")
        for answer in ([], [{"name": "k", "profile": "../kraken"}]):
            result, _ = self.ask(http_answer(200, {"keys": answer}), *words)
            self.assert_fails(result, NOT_FOUND, "neither a profile 'k' nor a key")
        self.assert_fails(self.run_cli(*words, "--socket", self.path("none")), AWAY, "no profile 'k'")

    FINISHED = {"method": "POST", "url": "https://example.com/o?a=[1]", "headers": {"X-Key": "it's; $(id) `id`"},
                "body": "@a=1&b='2'", "key": "k"}

    def test_sign_sends_typed_parameters_in_order(self):
        result, got = self.ask(http_answer(200, self.FINISHED), "sign", "a/b", "POST", "/o", "z=1", "a:=2", "t:=true",
                               "n:=null", "e=", "q=a=b", "--json")
        self.assertEqual(result.status, OK, result)
        self.assertEqual(got["line"], "POST /v1/keys/a%2Fb/sign HTTP/1.1")
        self.assertEqual(got["body"].decode(), '{"method":"POST","path":"/o","params":'
                         '{"z":"1","a":2,"t":true,"n":null,"e":"","q":"a=b"}}')
        self.assertEqual(json.loads(result.out), self.FINISHED)

    def test_sign_sends_lists_objects_and_the_host(self):
        _, got = self.ask(http_answer(200, self.FINISHED), "sign", "k", "POST", "/o", 'l:=["a", 1, {"b": null}]', "o:={}",
                          "--host", "two.example.com", "--json")
        self.assertEqual(json.loads(got["body"]), {"method": "POST", "path": "/o", "host": "two.example.com",
                                                   "params": {"l": ["a", 1, {"b": None}], "o": {}}})
        _, got = self.ask(http_answer(200, self.FINISHED), "sign", "k", "POST", "/o", ':=[{"a":"1"}]', "--json")
        self.assertEqual(json.loads(got["body"]), {"method": "POST", "path": "/o", "params": [{"a": "1"}]})

    def test_sign_prints_the_request(self):
        result, _ = self.ask(http_answer(200, self.FINISHED), "sign", "k", "POST", "/o")
        self.assertEqual(result.out, "POST https://example.com/o?a=[1]\nX-Key: it's; $(id) `id`\n\n@a=1&b='2'\n")

    def test_curl_command_survives_a_shell(self):
        result, _ = self.ask(http_answer(200, self.FINISHED), "sign", "k", "POST", "/o", "--curl")
        shell = 'curl() { for word; do printf "%s\\n" "$word"; done; }\n' + result.out
        words = subprocess.run(["sh", "-c", shell], capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(words, ["--globoff", "--request", "POST", "--header", "X-Key: it's; $(id) `id`", "--data-raw",
                                 "@a=1&b='2'", "--url", "https://example.com/o?a=[1]"])

    def test_bad_parameters_are_refused(self):
        for words in (["a=1", "a=2"], ["a=1", "a:=2"], ["a"], ["=1"], [":=1"], ["a:=1.5"], ["a:=x"], ['a:="x"'], ["a:="],
                      ["a:=[1"], ["a:=[1] 2"], ['a:={"b":1,"b":2}'], [":=[1"], [":={}"], [':="x"'], [":=[1]", "a=1"],
                      ["a=1", ":=[1]"]):
            with self.subTest(words):
                self.assert_fails(self.run_cli("sign", "k", "POST", "/o", *words), USAGE)

    def test_problems_become_exit_statuses(self):
        for http, name, status in ((403, "refused", REFUSED), (404, "not-found", NOT_FOUND), (423, "locked", LOCKED),
                                   (503, "busy", AWAY), (502, "token-failed", TOKEN), (400, "bad-input", USAGE)):
            problem = {"type": "urn:chancery:problem:" + name, "title": "T", "status": http, "detail": "why so",
                       "rule": "rule-7"}
            result, _ = self.ask(http_answer(http, problem, "Retry-After: 3"), "status")
            self.assert_fails(result, status, "why so", "[rule-7]", "try again in 3 s")
        self.assertIn("chancery unlock", self.ask(http_answer(423, problem | {"type": "urn:chancery:problem:locked"}),
                                                  "status")[0].err)

    def test_nonsense_from_the_agent_is_an_error(self):
        for answer in (b"", b"nonsense\r\n\r\n", http_answer(200, b"[]"), http_answer(200, b'{"a":1,"a":2}'),
                       http_answer(200, b"{"), http_answer(500, b"oops"), http_answer(200, b"x" * 2000000)):
            result, _ = self.ask(answer, "status")
            self.assertNotEqual(result.status, OK, answer[:40])
            self.assertGreater(result.status, 0)
            self.assertEqual(result.out, "")

    def test_no_agent(self):
        self.assert_fails(self.run_cli("status", "--socket", self.path("none")), AWAY, self.path("none"))
        env = dict(self.env, CHANCERY_SOCK=self.path("other"), http_proxy="http://127.0.0.1:9")
        self.assert_fails(self.run_cli("keys", env=env), AWAY, self.path("other"))


class Operator(Sandbox):
    def done(self, status=0, rule=b"", message=b""):
        fields = b"".join([struct.pack("=I", status), *(self.frame_bytes(text) for text in (rule, message))])
        return self.frame(OPERATOR_DONE, fields)

    @staticmethod
    def frame_bytes(data):
        return struct.pack("=I", len(data)) + data

    @staticmethod
    def frame(kind, fields):
        return frames.with_header(kind, fields)

    def needs(self, has_code):
        """What the agent says that an unlock takes."""
        return self.frame(NEEDS_ARE, b"\x01" + bytes([has_code])) + self.done()

    def ask(self, answer, *words, reads_first=True, needs=None, **options):
        """`needs` is answered first, to whoever asks what an unlock takes."""
        stand_in = StandIn(self.path("operator.sock"), socket.SOCK_SEQPACKET)
        got = {}

        def handler(connection):
            if needs is not None and "needs" not in got:
                got["needs"] = connection.recv(65536)
                connection.send(needs)
                return
            if reads_first:
                data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
                got["packet"], got["pin"] = data, None
                for _, _, descriptors in ancillary:
                    fd = array.array("i", descriptors)[0]
                    got["pin"] = os.read(fd, 4096)
                    got["at_end"] = os.read(fd, 1) == b""
                    os.close(fd)
            if answer is not None:
                connection.send(answer)

        stand_in.serve(handler, 1 if needs is None else 2)
        env = dict(self.env, CHANCERY_OPERATOR_SOCK=self.path("operator.sock"))
        try:
            return self.run_cli(*words, env=env, **options), got
        finally:
            stand_in.close()
            os.unlink(self.path("operator.sock"))

    def test_unlock_passes_the_pin_in_a_pipe(self):
        for words, token in ((["unlock", "main"], b"main"), (["unlock"], b"")):
            result, got = self.ask(self.done(), *words, needs=self.needs(False), stdin=PIN + "\n")
            self.assertEqual(result.status, OK, result)
            self.assertEqual(got["needs"], self.frame(UNLOCK_NEEDS, struct.pack("=I", FRAME_VERSION) + self.frame_bytes(token)))
            self.assertEqual(got["packet"], self.frame(UNLOCK, struct.pack("=I", FRAME_VERSION) + self.frame_bytes(token) + b"\0"))
            self.assertEqual((got["pin"], got["at_end"]), (PIN.encode(), True))

    def test_unlock_passes_pin_and_code_in_one_pipe(self):
        result, got = self.ask(self.done(), "unlock", "main", needs=self.needs(True), stdin=PIN + "\n123 456\n")
        self.assertEqual(result.status, OK, result)
        self.assertEqual((got["pin"], got["at_end"]), (PIN.encode() + b"\0" + b"123456", True))

    def test_lock(self):
        for words, token in ((["lock", "main"], b"main"), (["lock", "--all"], b""), (["lock"], b"")):
            result, got = self.ask(self.done(), *words)
            self.assertEqual(result.status, OK, result)
            self.assertEqual(got["packet"], self.frame(LOCK, struct.pack("=I", FRAME_VERSION) + self.frame_bytes(token)))
            self.assertIsNone(got["pin"])

    def test_wrong_pin(self):
        result, _ = self.ask(self.done(10, b"CKR_PIN_INCORRECT", b"the token did not take it"), "unlock", needs=self.needs(False),
                             stdin=PIN)
        self.assert_fails(result, WRONG_PIN, "the token did not take it", "CKR_PIN_INCORRECT")

    def test_a_refused_operator_learns_why(self):
        answer = self.done(2, b"operator", b"you are not an operator")
        for _ in range(20):  # the answer and the request cross, in either order
            result, _ = self.ask(answer, "unlock", reads_first=False, stdin=PIN)
            self.assert_fails(result, REFUSED, "not an operator")

    def turned_away(self, answer):
        """How a command ends if the agent sends `answer`, or nothing, and hangs up before it is asked, or while it is."""
        stand_in = StandIn(self.path("operator.sock"), socket.SOCK_SEQPACKET)
        stand_in.serve(lambda connection: answer is not None and connection.send(answer))
        result = self.run_cli("lock", "main", "--operator-socket", self.path("operator.sock"))
        stand_in.close()
        os.unlink(self.path("operator.sock"))
        return result

    def test_an_agent_that_hangs_up_before_it_is_asked_is_heard(self):
        for answer, status, said in ((self.done(2, b"operator", b"user 0 is not an operator"), REFUSED, "user 0 is not an"),
                                     (self.done(8, b"", b"too many operators"), AWAY, "too many operators"),
                                     (None, AWAY, "hung up without an answer|closed the connection before it took the command"),
                                     (b"x", 12, "the agent's answer cannot be read")):
            with self.subTest(answer=answer):
                result = self.turned_away(answer)
                self.assert_fails(result, status)
                self.assertRegex(result.err, said)
                self.assertNotIn("bytes of frames", result.err)

    def test_nonsense_from_the_agent_is_an_error(self):
        for answer in (None, b"x", self.frame(OPERATOR_DONE, b""), self.frame(UNLOCK, b""), self.done() + self.done()):
            self.assert_fails(self.ask(answer, "lock")[0], 12 if answer is not None else AWAY)

    def test_no_agent_says_so_before_asking(self):
        result = self.run_cli("unlock", "--operator-socket", self.path("none"))
        self.assert_fails(result, AWAY, self.path("none"))
        self.assert_fails(self.run_cli("lock", "--operator-socket", "/" + "x" * 200), USAGE)

if __name__ == "__main__":
    unittest.main()

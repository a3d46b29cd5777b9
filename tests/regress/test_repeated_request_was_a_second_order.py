"""A bot that lost an answer and asked again got another signature, for a second order. With an Idempotency-Key it gets the
same bytes while they are good, also if the first one is still on its way, and nobody else does."""

import json
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from forms import order
from harness import BINANCE_ORDER, BINANCE_WITHDRAWAL, KRAKEN_ORDER

VALID_S = 10


class Repeats(harness.AgentTest):
    @classmethod
    def prepare(cls):
        policy = cls.agent.policy
        text = policy.read_text()
        uid = os.getuid()
        cls.other = uid + 4242
        text = text.replace("callers:\n", f"callers:\n  third: {{ uid: {cls.other + 1} }}\n")
        policy.write_text(harness.with_key(text, "", harness.allow("third", "third", "binance-main", "read, trade, cancel")))

    def ask(self, repeat_key, document=BINANCE_ORDER, key="binance-main", client=None):
        headers = {"Content-Type": "application/json"}
        if repeat_key is not None:
            headers["Idempotency-Key"] = repeat_key
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if client is not None:
            return client.request("POST", f"/v1/keys/{key}/sign", body, headers)
        with self.agent.client(30) as fresh:
            return fresh.request("POST", f"/v1/keys/{key}/sign", body, headers)

    def assert_same(self, first, *others):
        self.assertEqual(first.status, 200, first)
        for other in others:
            self.assertEqual((other.status, other.body), (200, first.body))

    def test_the_same_request_has_the_same_answer(self):
        for key, document in (("binance-main", BINANCE_ORDER), ("kraken-main", KRAKEN_ORDER), ("binance-rsa", BINANCE_ORDER)):
            with self.subTest(key):
                first = self.ask("same-1", document, key)
                time.sleep(0.01)  # so that another signature would be of another millisecond
                self.assert_same(first, self.ask("same-1", document, key), self.ask("same-1", document, key))
                self.assertNotEqual(self.ask("same-2", document, key).body, first.body)
                self.assertNotEqual(self.ask(None, document, key).body, first.body)

    def test_strings_are_answered_again_too(self):
        document = {"string": order()}
        self.assert_same(self.ask("text", document), self.ask("text", document))

    def test_another_request_under_the_same_key_is_refused(self):
        first = self.ask("taken")
        other = {**BINANCE_ORDER, "params": {**BINANCE_ORDER["params"], "quantity": "2"}}
        documents = {
            "another quantity": other,
            "another path": {**BINANCE_ORDER, "path": "/api/v3/order/test"},
            "another call": {"method": "DELETE", "path": "/api/v3/order", "params": {"symbol": "LTCBTC", "orderId": 5}},
            "a string": {"string": order()},
            "a host": {**BINANCE_ORDER, "host": "api.binance.com"},
        }
        for name, document in documents.items():
            with self.subTest(name):
                self.assert_problem(self.ask("taken", document), 409, "conflict")
        self.assert_problem(self.ask("taken", BINANCE_WITHDRAWAL), 403)  # judged first
        self.assert_same(first, self.ask("taken"))

    def test_keys_of_other_names_do_not_meet(self):
        self.assertNotEqual(self.ask("shared", key="binance-main").json["key"], self.ask("shared", key="binance-rsa").json["key"])

    def test_a_refused_request_is_judged_anew(self):
        for _ in range(2):
            self.assert_problem(self.ask("refused", BINANCE_WITHDRAWAL), 403, "refused")
        self.assertEqual(self.ask("refused").status, 200)

    def test_what_the_header_may_hold(self):
        for text in ("a", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "x" * 128, "~!"):
            with self.subTest(text):
                self.assert_same(self.ask(text), self.ask(text))
        for text in ("", "x" * 129, "a b", "a\tb", "\x7f", "caf\u00e9"):
            with self.subTest(text):
                self.assert_problem(self.ask(text), 400, "bad-input")
        with self.agent.client() as client:
            connection = client.connection
            body = json.dumps(BINANCE_ORDER).encode()
            connection.putrequest("POST", "/v1/keys/binance-main/sign")
            for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))),
                                ("Idempotency-Key", "one"), ("Idempotency-Key", "two")):
                connection.putheader(name, value)
            connection.endheaders(body)
            self.assertEqual(connection.getresponse().status, 400)

    def ask_while_the_token_stands(self, name, count, first=lambda: None):
        """The answers to so many requests at once, after `first`, all of which wait for a token process that is stopped."""
        token = self.agent.child("token")
        answers = []
        os.kill(token.pid, signal.SIGSTOP)
        try:
            first()
            threads = [threading.Thread(target=lambda: answers.append(self.ask(name))) for _ in range(count)]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
        finally:
            os.kill(token.pid, signal.SIGCONT)
        for thread in threads:
            thread.join(30)
        return answers

    def test_who_asks_while_the_first_is_on_its_way_gets_its_answer(self):
        answers = self.ask_while_the_token_stands("on-its-way", 5)
        self.assert_same(*answers)
        self.assertEqual(len(answers), 5)

    def test_the_first_one_may_leave_before_it_is_answered(self):
        def ask_and_leave():
            with self.agent.client() as left:
                left.connection.request("POST", "/v1/keys/binance-main/sign", json.dumps(BINANCE_ORDER).encode(),
                                        {"Content-Type": "application/json", "Idempotency-Key": "left"})
                time.sleep(0.1)

        answers = self.ask_while_the_token_stands("left", 3, ask_and_leave)
        self.assert_same(*answers)
        self.assertEqual(len(answers), 3)

    def test_a_locked_token_answers_nothing_again(self):
        first = self.ask("lock")
        self.assertEqual(self.agent.lock().returncode, 0)
        try:
            self.assert_problem(self.ask("lock"), 423, "locked")
        finally:
            self.assertEqual(self.agent.unlock().returncode, 0)
            harness.wait_until(self.agent.is_ready, "unlocked again")
        self.assert_same(first, self.ask("lock"))

    def test_an_answer_that_is_no_longer_good_is_not_given_again(self):
        first = self.ask("old")
        harness.wait_until(lambda: self.ask("old").body != first.body, "another signature", timeout_s=VALID_S + 20, pause_s=0.5)
        self.assertEqual(self.ask("old").status, 200)

    @unittest.skipUnless(os.getuid() == 0, "needs another user")
    def test_another_caller_gets_its_own(self):
        first = self.ask("theirs")
        other = self.other + 1

        def ask_as_other():
            read_end, write_end = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.setgroups([])
                    os.setgid(other)
                    os.setuid(other)
                    os.write(write_end, self.ask("theirs").body)
                finally:
                    os._exit(0)
            os.close(write_end)
            with os.fdopen(read_end, "rb") as end:
                body = end.read()
            os.waitpid(child, 0)
            return body

        os.chmod(self.agent.home, 0o755)
        body = ask_as_other()
        self.assertEqual(json.loads(body).get("key"), "binance-main", body)
        self.assertNotEqual(body, first.body)
        self.assert_same(first, self.ask("theirs"))


if __name__ == "__main__":
    unittest.main()

"""`chancery reload` and SIGHUP: files are read again and taken whole, or not at all; bots notice nothing."""

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import threading
import unittest

import harness
from harness import BINANCE_ORDER, BINANCE_WITHDRAWAL, USER_PIN, wait_until

LOCK = 129  # the frame's number
TWO_SCHEMES = """\
name: two
title: Two schemes
origins: { main: https://a.example }
schemes:
  one: { mechanism: hmac-sha256, secret: text, signature: hex }
  two: { mechanism: hmac-sha256, secret: text, signature: base64 }
recipe: all
recipes:
  all:
    covers: [path, params]
    lists: { all: {} }
    values: { query: "{all|form}" }
    message: "{path}?{query}"
    url: "{origin}{path}{query|prefix:?}"
    headers: { Id: "{key_id}", Signature: "{signature}" }
params: { p: { type: text } }
endpoints:
  - { call: GET /x, class: read, optional: [p] }
"""


class ReloadTest(harness.AgentTest):
    def setUp(self):
        self.policy = self.agent.policy.read_text()
        self.config = self.agent.config.read_text()

    def tearDown(self):
        self.agent.policy.write_text(self.policy)
        self.agent.config.write_text(self.config)
        self.agent.must("reload")
        if self.sign().status != 200:
            self.agent.must("unlock", "--wait", "main", secret=USER_PIN)

    def sign(self, key="binance-main", order=None):
        with self.agent.client() as client:
            return client.sign(key, order or BINANCE_ORDER)

    def refuse_reload(self, *expected):
        done = self.agent.cli("reload")
        self.assertEqual(done.returncode, 10, done)
        for text in expected:
            self.assertIn(text, done.stderr.decode())

    @staticmethod
    def sign_once(client):
        return client.request("POST", "/v1/keys/binance-main/sign", json.dumps(BINANCE_ORDER).encode(),
                              {"Content-Type": "application/json", "Idempotency-Key": "once"})

    def notices(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["notices"]

    # ---- what changes ----

    def test_a_grant_that_is_gone_is_gone(self):
        self.assertEqual(self.sign().status, 200)
        self.agent.policy.write_text(self.policy.replace("[read, trade, cancel]", "[read]", 1))
        self.agent.must("reload")
        self.assert_problem(self.sign(), 403)
        self.agent.policy.write_text(self.policy)
        self.agent.must("reload")
        self.assertEqual(self.sign().status, 200)

    def test_a_new_grant_holds(self):
        self.assert_problem(self.sign(order=BINANCE_WITHDRAWAL), 403)
        self.agent.policy.write_text(self.policy.replace("[read, trade, cancel]", "[read, trade, cancel, transfer, withdraw], to: any", 1))
        before = len(self.agent.log())
        self.agent.must("reload")
        self.assertEqual(self.sign(order=BINANCE_WITHDRAWAL).status, 200)
        self.assertRegex(self.agent.log()[before:], "policy: wider: .*(transfer|withdraw)")

    def test_a_key_that_was_added_signs_at_once(self):
        self.agent.import_hmac("second", "hmac-sha256", "B" * 64)
        first = self.policy.split("  binance-read:")[0].split("keys:\n")[1]
        new = first.replace("binance-main:", "a-second:").replace("object=binance-main", "object=second")
        entry = harness.allow("second", "tester", "a-second", "read, trade, cancel")
        self.agent.policy.write_text(harness.with_key(self.policy, new, entry))
        self.agent.must("reload")
        self.assertEqual(self.sign("a-second").status, 200)
        self.assertEqual(self.sign().status, 200)
        with self.agent.client() as client:
            self.assertIn("a-second", [key["name"] for key in client.get("/v1/keys").json["keys"]])

    def test_no_answer_of_before_is_given_to_a_key_that_signs_otherwise(self):
        """By another scheme of its profile, or for another host."""
        profiles = self.agent.home / "profiles"
        profiles.mkdir()
        line = "  two: { token: main, object: 'pkcs11:object=binance-main', profile: two, scheme: one, key_id: id }\n"
        only = harness.policy(line, [harness.allow("two", "tester", "two", "read")])
        (profiles / "two.yaml").write_text(TWO_SCHEMES)
        self.agent.config.write_text(re.sub(r"profiles: .*", f"profiles: {profiles}", self.config))
        for name, policy, profile in (("scheme", only.replace("scheme: one", "scheme: two"), TWO_SCHEMES),
                                      ("host", only, TWO_SCHEMES.replace("a.example", "b.example"))):
            with self.subTest(name), self.agent.client() as client:
                self.agent.policy.write_text(only)
                (profiles / "two.yaml").write_text(TWO_SCHEMES)
                self.agent.must("reload")
                ask = ("POST", "/v1/keys/two/sign", json.dumps({"method": "GET", "path": "/x", "params": {}}).encode(),
                       {"Content-Type": "application/json", "Idempotency-Key": name})
                self.assertEqual(client.request(*ask).status, 200)
                self.agent.policy.write_text(policy)
                (profiles / "two.yaml").write_text(profile)
                self.agent.must("reload")
                self.assert_problem(client.request(*ask), 409, "conflict")

    def test_each_key_signs_with_its_own_object_after_the_order_of_names_has_changed(self):
        """An index that meant one key must never come to mean another."""
        for name in ("aa-first", "zz-last"):
            self.agent.policy.write_text(self.policy.replace("  binance-main:", f"  {name}:", 1)
                                         .replace("key: binance-main,", f"key: {name},", 1))
            self.agent.must("reload")
            query, _, signature = self.sign(name).json["body"].rpartition("&signature=")
            wanted = hmac.new(harness.BINANCE_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
            self.assertEqual(signature, wanted)
            self.assert_problem(self.sign("binance-main"), 403)
            self.assertEqual(self.sign("binance-ed25519").status, 200)

    def test_an_operator_who_is_gone_may_not_reload(self):
        self.agent.policy.write_text(self.policy.replace(f"tester: {{ uid: {os.getuid()}, roles",
                                                         f"tester: {{ uid: {os.getuid() + 5}, roles"))
        self.agent.must("reload")
        self.assertEqual(self.agent.cli("reload").returncode, 3)
        self.agent.policy.write_text(self.policy)
        self.agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.agent.cli("reload").returncode == 0, "SIGHUP has brought the operator back")

    def test_a_new_token_starts_locked_and_the_other_stays_unlocked(self):
        self.agent.must("token", "init", "--module", "softhsm2", "--label", "other",
                        secrets_by_option={"--so-pin-fd": harness.SO_PIN, "--pin-fd": USER_PIN})
        token = self.agent.child("token").pid
        self.agent.config.write_text(
            self.config + '  other: { module: softhsm2, uri: "pkcs11:token=other", workers: 1 }\n')
        self.agent.must("reload")
        self.assertEqual(self.sign().status, 200)
        self.agent.must("unlock", "other", "--wait", secret=USER_PIN)
        with self.agent.client() as client:
            states = {token["name"]: token["state"] for token in client.get("/v1/status").json["tokens"]}
        self.assertEqual(states, {"main": "unlocked", "other": "unlocked"})
        self.agent.config.write_text(self.config)
        self.agent.must("reload")
        self.assertEqual(self.sign().status, 200)
        self.assertEqual(self.agent.child("token").pid, token)
        self.assertEqual(self.agent.cli("lock", "other").returncode, 4)

    def test_a_token_that_changed_starts_locked(self):
        self.agent.config.write_text(self.config.replace("workers: 2", "workers: 1"))
        self.agent.must("reload")
        self.assertNotEqual(self.sign().status, 200)
        self.agent.must("unlock", "--wait", secret=USER_PIN)
        self.assertEqual(self.sign().status, 200)

    # ---- what does not ----

    def test_broken_files_change_nothing(self):
        broken = {
            "an unknown field": (self.agent.policy, self.policy.replace("classes:", "klasses:", 1)),
            "no YAML": (self.agent.policy, "keys: {"),
            "a profile that is not there": (self.agent.policy, self.policy.replace("profile: binance", "profile: none")),
            "a token that is not there": (self.agent.policy, self.policy.replace("token: main", "token: none", 1)),
            "a module that is not there": (self.agent.config, self.config.replace("module: softhsm2", "module: /none.so")),
            "nothing": (self.agent.config, ""),
        }
        for what, (file, text) in broken.items():
            with self.subTest(what):
                file.write_text(text)
                self.refuse_reload()
                self.assertEqual(self.sign().status, 200)
                self.assertIn("the last reload has not succeeded", " ".join(self.notices()))
                self.agent.policy.write_text(self.policy)
                self.agent.config.write_text(self.config)
        self.agent.must("reload")
        self.assertEqual(self.notices(), [])

    def test_a_mistake_is_named_with_its_line(self):
        self.agent.policy.write_text(self.policy.replace("    scheme: hmac", "    scheme: hmak", 1))
        line = self.policy.splitlines().index("    scheme: hmac") + 1
        self.refuse_reload(f"policy.yaml:{line}:", "hmak")

    def test_files_that_others_can_write_are_refused(self):
        os.chmod(self.agent.policy, 0o666)
        try:
            self.refuse_reload("can be written to")
        finally:
            os.chmod(self.agent.policy, 0o644)

    def test_what_needs_a_restart_is_refused_by_name(self):
        for old, new in (("socket: run/agent.sock", "socket: run/b.sock"), ("state: state", "state: state2"),
                         ("operator_socket: run/operator.sock", "operator_socket: run/o.sock"),
                         ("socket: run", "fronts: shared\nsocket: run")):
            with self.subTest(new):
                self.agent.config.write_text(self.config.replace(old, new, 1))
                self.refuse_reload("restart")
                self.assertEqual(self.sign().status, 200)

    def test_bots_and_tokens_notice_nothing(self):
        """Orders go on over kept connections while the files are read again and again."""
        before = {role: process.pid for role, process in self.agent.processes().items()}
        stop = threading.Event()
        wrong = []

        def trade():
            with self.agent.client(30) as client:
                while not stop.is_set():
                    answer = client.sign("binance-main", BINANCE_ORDER)
                    if answer.status != 200:
                        wrong.append(answer)
                        return

        bots = [threading.Thread(target=trade) for _ in range(8)]
        for bot in bots:
            bot.start()
        for _ in range(10):
            self.agent.must("reload")
        stop.set()
        for bot in bots:
            bot.join()
        self.assertEqual(wrong, [])
        self.assertEqual({role: process.pid for role, process in self.agent.processes().items()}, before)

    def test_a_lost_answer_is_had_again_after_a_reload(self):
        with self.agent.client() as client:
            first = self.sign_once(client)
            self.agent.must("reload")
            second = self.sign_once(client)
        self.assertEqual(first.body, second.body)

    def test_a_lost_answer_is_judged_by_the_new_policy(self):
        with self.agent.client() as client:
            self.assertEqual(self.sign_once(client).status, 200)
            self.agent.policy.write_text(self.policy.replace("[read, trade, cancel]", "[read]", 1))
            self.agent.must("reload")
            self.assert_problem(self.sign_once(client), 403)

    def test_a_lost_answer_is_never_another_accounts(self):
        block = self.policy.split("  binance-read:")[0]
        with self.agent.client() as client:
            self.assertEqual(self.sign_once(client).status, 200)
            self.agent.policy.write_text(
                self.policy.replace(block, block.replace(harness.BINANCE_KEY_ID, "another-account"), 1))
            self.agent.must("reload")
            self.assert_problem(self.sign_once(client), 409)

    def test_an_open_session_is_no_right(self):
        """Who is no operator any more may not ask in a session from before, either."""
        operator = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(operator.close)
        operator.connect(str(self.agent.operator_socket))
        self.agent.policy.write_text(self.policy.replace(f"tester: {{ uid: {os.getuid()}, roles",
                                                         f"tester: {{ uid: {os.getuid() + 5}, roles"))
        self.agent.must("reload")
        version = int(re.search(r"CH_FRAMES_VERSION (\d+)", (harness.ROOT / "wire" / "frames.h").read_text())[1])
        operator.send(struct.pack("=IHHQII", 24, LOCK, 0, 0, version, 0))
        answer = operator.recv(65536)
        self.agent.policy.write_text(self.policy)
        self.agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.agent.cli("reload").returncode == 0, "SIGHUP has brought the operator back")
        self.assertIn(b"is not an operator", answer)
        self.assertEqual(self.sign().status, 200)

    def test_a_locked_token_is_reloaded_and_stays_locked(self):
        self.agent.must("lock")
        self.agent.must("reload")
        self.assert_problem(self.sign(), 423)
        self.agent.must("unlock", secret=USER_PIN)
        self.assertEqual(self.sign().status, 200)

    def test_nonces_go_on(self):
        def nonce():
            body = self.sign("kraken-main", harness.KRAKEN_ORDER).json["body"]
            return int(dict(part.split("=") for part in body.split("&"))["nonce"])
        before = nonce()
        self.agent.must("reload")
        self.assertGreater(nonce(), before)

    def test_two_at_once_are_both_answered(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.agent.cli("reload").returncode)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [0] * 5)


if __name__ == "__main__":
    unittest.main()

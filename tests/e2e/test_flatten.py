"""chancery flatten: what policy has prepared for a key is signed and printed, while everything is frozen, and recorded."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import time
import unittest
import urllib.parse

import harness
import rules

USAGE, REFUSED, NOT_FOUND, CONFLICT, LOCKED = 2, 3, 4, 5, 6
PHRASE = "p'; touch pwned; $(touch pwned) `touch pwned` \\\" #"
CLOSE = "{ instId: BTC-USDT-SWAP, mgnMode: cross, autoCxl: true }"
FLATTEN = {
    "kraken": [("POST", "/0/private/CancelAll", None), ("POST", "/0/private/CancelOrder", "{ txid: O1 }")],
    "okx": [("POST", "/api/v5/trade/close-position", CLOSE),
            ("POST", "/api/v5/trade/order", "{ instId: BTC-USDT-SWAP, tdMode: cross, side: sell, ordType: market, sz: '1', reduceOnly: true }")],
    "okx-uses": [("POST", "/api/v5/trade/cancel-order", "{ instId: BTC-USDT, ordId: '7' }")],
}


def flatten_lines(requests):
    lines = []
    for method, path, params in requests:
        lines.append(f"      - {{ method: {method}, path: {path}{', params: ' + params if params else ''} }}\n")
    return "    flatten:\n" + "".join(lines)


def block(text, key):
    """Turns the entry of `key` from one in braces into one in lines, so that lines can be added to it."""
    begin = text.index(f"  {key}: {{")
    end = text.index("}\n", begin) + 2
    inner = text[text.index("{", begin) + 1:end - 2]
    fields, depth, field = [], 0, ""
    for char in inner.replace("\n", " "):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            fields.append(field.strip())
            field = ""
        else:
            field += char
    fields.append(field.strip())
    return begin, end, f"  {key}:\n" + "".join(f"    {one}\n" for one in fields if one)


def with_lines(text, key, lines):
    begin, end, opened = block(text, key)
    return text[:begin] + opened + lines + text[end:]


class Flatten(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = rules.Agent.prepare(cls.addClassCleanup)
        cls.agent.write_policy(["maker"], {
            "allow": ["name: all, caller: maker, key: [kraken, okx], classes: [read, cancel, trade], items: [order, cancel, read], markets: any, limits: [orders]"],
            "limit": ["name: pace, messages: 1, per: 1h, by: key", "name: orders, orders: 1, per: 1h, by: key"],
        })
        text = cls.agent.policy.read_text()
        for key, requests in FLATTEN.items():
            text = with_lines(text, key, flatten_lines(requests))
        cls.text = text = text.replace("key_id: o2\n    passphrase: p\n", f"key_id: o2\n    passphrase: {json.dumps(PHRASE)}\n")
        cls.agent.policy.write_text(text)
        cls.agent.start()

    def setUp(self):
        self.assertIn(self.agent.unlock().returncode, (0, CONFLICT))
        self.addCleanup(self.follow, self.text)
        self.addCleanup(self.thaw)

    def follow(self, text):
        if self.agent.policy.read_text() != text:
            self.agent.policy.write_text(text)
            self.agent.must("reload")

    def thaw(self):
        for row in json.loads(self.agent.must("trading", "list", "--json"))["states"]:
            if row["of"] != "version":
                self.agent.must("thaw", *(["--all"] if row["of"] == "all" else [f"{row['of']}:{row['name']}"]), "--reason", "tidy")

    def flatten(self, key):
        return json.loads(self.agent.must("flatten", key, "--json"))

    def assert_fails(self, status, words, *command):
        done = self.agent.cli(*command)
        self.assertEqual(done.returncode, status, done)
        self.assertIn(words, done.stderr.decode())
        return done

    def decisions(self):
        return [row["record"] for row in json.loads(self.agent.must("decisions", "--json"))["decisions"]]

    # ---- what is signed ----

    def test_each_is_signed_in_its_order(self):
        answer = self.flatten("kraken")
        self.assertEqual((answer["key"], answer["failed"]), ("kraken", []))
        nonces = []
        for request, (method, path, _) in zip(answer["requests"], FLATTEN["kraken"], strict=True):
            self.assertEqual((request["method"], request["url"]), (method, "https://api.kraken.com" + path))
            self.assertEqual(request["headers"]["API-Sign"],
                             harness.kraken_signature(harness.KRAKEN_SECRET, path, request["body"]))
            self.assertEqual(request["key_id"], "k")
            nonces.append(int(urllib.parse.parse_qs(request["body"])["nonce"][0]))
        self.assertEqual(nonces, sorted(set(nonces)))
        self.assertEqual(answer["requests"][1]["asked"], "POST /0/private/CancelOrder txid='O1'")
        self.assertIn("cancel", answer["requests"][1]["meaning"])

    def test_what_closes_a_position_is_signed(self):
        answer = self.flatten("okx")
        self.assertEqual(answer["failed"], [])
        for request in answer["requests"]:
            text = request["headers"]["OK-ACCESS-TIMESTAMP"] + request["method"] + urllib.parse.urlsplit(request["url"]).path + request["body"]
            signature = base64.b64encode(hmac.new(rules.OKX_SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
            self.assertEqual(request["headers"]["OK-ACCESS-SIGN"], signature)
        self.assertEqual(json.loads(answer["requests"][0]["body"]), {"instId": "BTC-USDT-SWAP", "mgnMode": "cross", "autoCxl": True})
        self.assertGreater(answer["requests"][0]["valid_ms"], 0)

    def test_no_trading_state_stops_it(self):
        for freeze in (["--all"], ["key:okx"], ["--all", "--reducing"]):
            with self.subTest(freeze):
                self.agent.must("freeze", *freeze, "--reason", "everything")
                answer = self.agent.sign("maker", "okx", rules.swap(reduceOnly=True, side="sell"))
                if "--reducing" not in freeze:
                    self.assertEqual((answer.status, answer.json["rule"]), (403, "state"))
                self.assertEqual(len(self.flatten("okx")["requests"]), 2)
                self.thaw()

    def test_it_takes_nothing_of_limits_and_none_refuses_it(self):
        for _ in range(3):
            self.assertEqual(len(self.flatten("kraken")["requests"]), 2)
        self.assertEqual(self.agent.sign("maker", "kraken", rules.CANCEL).status, 200)
        self.assertEqual(self.agent.sign("maker", "kraken", rules.CANCEL).status, 429)
        self.assertEqual(len(self.flatten("kraken")["requests"]), 2)

    # ---- what is not ----

    def test_a_locked_token_signs_nothing(self):
        self.agent.lock()
        done = self.assert_fails(LOCKED, "2 of 2 requests were not signed", "flatten", "kraken")
        self.assertEqual(done.stdout, b"")
        self.assertIn("1 of 2 was not signed: POST /0/private/CancelAll: ", done.stderr.decode())
        done = self.assert_fails(LOCKED, "is locked", "flatten", "kraken", "--json")
        self.assertEqual([row["asked"] for row in json.loads(done.stdout)["failed"]],
                         ["POST /0/private/CancelAll", "POST /0/private/CancelOrder txid='O1'"])

    def test_a_key_without_it_and_one_that_is_none(self):
        self.assert_fails(NOT_FOUND, "has prepared nothing to flatten key 'bybit'", "flatten", "bybit")
        self.assert_fails(NOT_FOUND, "there is no key 'none'", "flatten", "none")
        self.assert_fails(USAGE, "not both", "flatten", "kraken", "--json", "--curl")
        self.follow(self.text.replace(flatten_lines(FLATTEN["kraken"]), ""))
        self.assert_fails(NOT_FOUND, "has prepared nothing", "flatten", "kraken")

    def test_a_key_that_has_expired_signs_nothing(self):
        self.follow(with_lines(self.text, "kraken-second", flatten_lines(FLATTEN["kraken"]) + "    expires: 2020-01-01\n"))
        self.assert_fails(REFUSED, "expired", "flatten", "kraken-second")

    def test_a_key_that_was_revoked_signs_nothing(self):
        self.follow(with_lines(self.text, "kraken-slips", flatten_lines(FLATTEN["kraken"])))
        self.assertEqual(len(self.flatten("kraken-slips")["requests"]), 2)
        self.agent.must("key", "revoke", "kraken-slips", "--reason", "it leaked")
        self.assert_fails(REFUSED, "has been revoked", "flatten", "kraken-slips")

    def test_a_policy_with_anything_else_does_not_load(self):
        for requests, words in (
            ([("POST", "/0/private/AddOrder", "{ ordertype: market, type: sell, volume: '1', pair: XBTUSDT }")], "only cancels"),
            ([("POST", "/0/private/Balance", None)], "only cancels"),
            ([("POST", "/0/private/Withdraw", "{ asset: XBT, key: cold, amount: '1' }")], "only cancels"),
            ([("POST", "/0/private/CancelAll", None), ("POST", "/0/private/CancelOrder", None)], "request 2 of 'flatten' of key 'kraken': "),
            ([("GET", "/0/private/CancelAll", None)], "request 1 of 'flatten'"),
        ):
            with self.subTest(words):
                self.agent.policy.write_text(self.text.replace(flatten_lines(FLATTEN["kraken"]), flatten_lines(requests)))
                done = self.agent.cli("reload")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stderr.decode())

    # ---- what happens meanwhile ----

    def flatten_stopped(self, meanwhile):
        """Flattens while the token's process is stopped; returns the CLI, which has ended when the process went on."""
        token = self.agent.child("token")
        os.kill(token.pid, signal.SIGSTOP)
        try:
            cli = subprocess.Popen([str(harness.CLI), "flatten", "kraken", "--json"], env=self.agent.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            harness.wait_until(lambda: "flattens key 'kraken'" in self.agent.log()[self.seen:], "the agent is at it")
            time.sleep(0.3)
            meanwhile(cli)
        finally:
            os.kill(token.pid, signal.SIGCONT)
        return cli, *cli.communicate(timeout=30)

    def test_a_freeze_meanwhile_does_not_withhold_it(self):
        self.seen = len(self.agent.log())
        cli, out, _ = self.flatten_stopped(lambda _: self.agent.must("freeze", "--all", "--reason", "everything"))
        self.assertEqual((cli.returncode, len(json.loads(out)["requests"])), (0, 2))

    def test_a_policy_that_changes_meanwhile_ends_it(self):
        self.seen = len(self.agent.log())
        def change(_):
            """A reload is over when the keys have been found, for which the token's process is needed."""
            self.agent.policy.write_text(self.text.replace("{ txid: O1 }", "{ txid: O2 }"))
            self.agent.process.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: "reloaded: " in self.agent.log()[self.seen:], "the policy is another")

        cli, out, err = self.flatten_stopped(change)
        self.assertEqual(cli.returncode, CONFLICT, err)
        self.assertIn(b"the policy is another now", err)
        self.assertEqual([row["asked"] for row in json.loads(out)["requests"]], ["POST /0/private/CancelAll"])  # it was at the token
        self.assertEqual(self.flatten("kraken")["requests"][1]["asked"], "POST /0/private/CancelOrder txid='O2'")

    def test_who_leaves_has_nothing_more_signed(self):
        self.seen = len(self.agent.log())
        before = len(self.decisions())
        cli, _, _ = self.flatten_stopped(lambda cli: (cli.kill(), cli.wait(), time.sleep(0.5)))
        self.assertEqual(cli.returncode, -signal.SIGKILL)
        self.assertEqual(len(self.flatten("kraken")["requests"]), 2)
        second = [record for record in self.decisions()[before:]
                  if record.get("person") and record.get("path") == "/0/private/CancelOrder"]
        self.assertEqual(len(second), 1, "the first may have been recorded again, if the token looked too slow")

    # ---- what is left of it ----

    def test_it_is_recorded_with_who_asked(self):
        self.flatten("okx")
        record = self.decisions()[-1]
        self.assertEqual((record["outcome"], record["rule"], record["person"], record["uid"], record["key"], record["path"]),
                         ("allowed", "flatten", "tester", os.getuid(), "okx", "/api/v5/trade/order"))
        self.assertEqual(record["callers"], [])
        self.assertIn("payloads", record)
        self.agent.lock()
        self.assertNotEqual(self.agent.cli("flatten", "okx").returncode, 0)
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertIn("tester flattens key 'okx'", self.agent.log())

    def test_a_replay_leaves_it_out(self):
        self.flatten("kraken")
        rows = [row for row in json.loads(self.agent.must("decisions", "--json"))["decisions"] if row["record"].get("person") and row["record"]["outcome"] == "allowed"]
        path = self.agent.home / "rows.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        replay = json.loads(self.agent.must("policy", "replay", "--policy", str(self.agent.policy), "--config", str(self.agent.config), str(path), "--json"))
        self.assertEqual((replay["judged"], replay["skipped"], replay["flips"]), (0, len(rows), []))

    # ---- how it is printed ----

    def fake_curl(self):
        """A curl that writes down what it is given."""
        folder = self.agent.home / "fake"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        curl = folder / "curl"
        curl.write_text("#!/usr/bin/python3\nimport json, os, sys\n"
                        "open(os.path.join(os.path.dirname(sys.argv[0]), 'calls'), 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n")
        curl.chmod(0o755)
        return folder

    def test_curl_commands_are_safe_for_a_shell(self):
        folder = self.fake_curl()
        script = self.agent.must("flatten", "okx-uses", "--curl")
        subprocess.run(["/bin/sh"], input=script.encode(), cwd=folder, check=True, timeout=30,
                       env={"PATH": f"{folder}:/usr/bin:/bin"})
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["calls", "curl"])
        call = json.loads((folder / "calls").read_text())
        self.assertIn(f"OK-ACCESS-PASSPHRASE: {PHRASE}", call)
        self.assertEqual(json.loads(call[call.index("--data-raw") + 1]), {"instId": "BTC-USDT", "ordId": "7"})
        self.assertEqual(call[call.index("--url") + 1], "https://www.okx.com/api/v5/trade/cancel-order")

    def test_what_was_not_signed_is_shown_harmless(self):
        odd = [("POST", "/0/private/CancelOrder", '{ txid: "a\\u202eb\\u2028c" }')]
        self.follow(self.text.replace(flatten_lines(FLATTEN["kraken"]), flatten_lines(odd)))
        self.agent.lock()
        done = self.assert_fails(LOCKED, "1 of 1 was not signed", "flatten", "kraken")
        self.assertTrue(done.stderr.isascii(), done.stderr)

    def test_text_says_what_each_does_and_for_how_long(self):
        text = self.agent.must("flatten", "okx")
        self.assertRegex(text, r"(?m)^1 of 2, good for \d+\.\d{3} s:$")
        self.assertIn("POST https://www.okx.com/api/v5/trade/close-position", text)
        self.assertRegex(text, r"(?m)^OK-ACCESS-SIGN: \S+$")


if __name__ == "__main__":
    unittest.main()

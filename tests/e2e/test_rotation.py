"""Keys are replaced while sixteen bots sign, by the commands that an operator has: no bot is restarted or gets an error, and
what was decided and logged tells what happened, in order."""

import hashlib
import hmac
import itertools
import json
import re
import threading
import unittest

import harness
from harness import BINANCE_ORDER, BINANCE_SECRET
from test_versions import ENTRY, NEW, OLD, VersionsTest, versions

CLIENTS = 16
THIRD = "third-key-id"
SECRETS = {OLD: BINANCE_SECRET, NEW: "new" + BINANCE_SECRET[3:], THIRD: "3rd" + BINANCE_SECRET[3:]}
PAIR = ENTRY.replace("  k:", "  pair:").replace("hmac", "ed25519")
PAIR_OLD, PAIR_NEW = "pair-old-id", "pair-new-id"


class Bots:
    """Sixteen bots on a connection each, half of them with an HMAC key and half with a key pair."""

    def __init__(self, agent):
        self.agent = agent
        self.stop = threading.Event()
        self.answers = [[] for _ in range(CLIENTS)]
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(index,)) for index in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    @staticmethod
    def key_of(index):
        return "k" if index % 2 == 0 else "pair"

    def run(self, index):
        try:
            with self.agent.client(60) as client:
                while not self.stop.is_set():
                    self.answers[index].append(client.sign(self.key_of(index), BINANCE_ORDER))
        except Exception as error:  # the test looks at it
            self.errors.append(error)

    def let_sign(self):
        """Until each of them has had two more answers, the second of which was asked for after now."""
        before = [len(answers) for answers in self.answers]
        harness.wait_until(lambda: self.errors or all(len(answers) >= count + 2 for answers, count in
                                                      zip(self.answers, before)), "every bot goes on")

    def answers_of(self, key):
        return [answer for index, answers in enumerate(self.answers) if self.key_of(index) == key for answer in answers]

    def newest_ids(self, key):
        return {self.answers[index][-1].json["headers"]["X-MBX-APIKEY"] for index in range(CLIENTS) if self.key_of(index) == key}


class Rotation(VersionsTest):
    """The agent's policy has both keys, with the versions of each."""

    @classmethod
    def prepare(cls):
        cls.agent.import_hmac("first", "hmac-sha256", SECRETS[OLD])
        cls.public = {PAIR_OLD: cls.agent.generate("pair-1", "ed25519")}
        cls.before = cls.agent.policy.read_text().replace("key: binance-main,", "key: [binance-main, k, pair],")
        cls.lines = {"k": versions(("first", OLD, "")),
                     "pair": versions(("pair-1", PAIR_OLD, "")).replace(ENTRY, PAIR)}
        cls.agent.policy.write_text(cls.policy())

    @classmethod
    def policy(cls):
        return cls.before + "".join(cls.lines.values())

    def setUp(self):
        pass

    def put(self, key, lines):
        self.lines[key] = lines
        self.agent.policy.write_text(self.policy())
        self.agent.must("reload")

    def rotate(self, key, key_id, label, secret=None):
        """The new version beside the old: on the token, and in the policy by the lines that the command prints."""
        given = {"--pin-fd": harness.USER_PIN, **({"--secret-fd": secret} if secret else {})}
        said = self.agent.must("key", "rotate", key, "--module", "softhsm2", "--token", "main", "--config", self.agent.config,
                               "--key-id", key_id, "--label", label, "--json", secrets_by_option=given)
        said = json.loads(said)
        entry = ENTRY if key == "k" else PAIR
        self.put(key, entry + "".join(line[2:] + "\n" for line in said["policy"].splitlines()[1:]))
        return said

    def retire(self, key, lines, label):
        self.put(key, lines)
        self.agent.must("key", "retire", label, "--yes", "--module", "softhsm2", "--token", "main", "--config",
                        self.agent.config, secrets_by_option={"--pin-fd": harness.USER_PIN})

    def records(self):
        rows = json.loads(self.agent.must("decisions", "--json", timeout_s=120))["decisions"]
        return [row["record"] for row in rows]

    def test_no_request_fails_and_the_trail_tells_the_story(self):
        with Bots(self.agent) as bots:
            bots.let_sign()
            self.assertEqual((bots.newest_ids("k"), bots.newest_ids("pair")), ({OLD}, {PAIR_OLD}))

            self.rotate("k", NEW, "second", SECRETS[NEW])
            self.public[PAIR_NEW] = self.rotate("pair", PAIR_NEW, "pair-2")["public_key"]
            bots.let_sign()
            self.assertEqual((bots.newest_ids("k"), bots.newest_ids("pair")), ({NEW}, {PAIR_NEW}))
            for key, key_id in (("k", OLD), ("pair", PAIR_OLD)):  # both sign as long as both are there
                answer = self.ask({**BINANCE_ORDER, "key_id": key_id}, key)
                self.assertEqual(answer.json["headers"]["X-MBX-APIKEY"], key_id, answer)

            self.retire("k", versions(("second", NEW, "")), "first")
            self.retire("pair", versions(("pair-2", PAIR_NEW, "")).replace(ENTRY, PAIR), "pair-1")
            bots.let_sign()

            self.rotate("k", THIRD, "third", SECRETS[THIRD])
            bots.let_sign()
            self.assertEqual(bots.newest_ids("k"), {THIRD})
            self.agent.must("key", "revoke", "k", "--key-id", NEW, "--reason", "a laptop was stolen")
            bots.let_sign()
            answer = self.ask({**BINANCE_ORDER, "key_id": NEW})
            self.assertEqual((answer.status, answer.json["rule"]), (403, "revoked"))
            self.retire("k", versions(("third", THIRD, "")), "second")
            bots.let_sign()
        self.assertEqual(bots.errors, [])
        self.assert_all_signed(bots)
        self.assert_trail()

    def assert_all_signed(self, bots):
        """Each by the version that it names, and each bot went through the versions in order, once."""
        for answer in itertools.chain.from_iterable(bots.answers):
            self.assertEqual(answer.status, 200, f"{answer}\n{self.agent.log()}")
        for answer in bots.answers_of("k"):
            payload, signature = harness.split_signature(harness.binance_payload(answer.json))
            secret = SECRETS[answer.json["headers"]["X-MBX-APIKEY"]]
            self.assertEqual(hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest(), signature)
        for index, answers in enumerate(bots.answers):
            ids = [key_id for key_id, _ in itertools.groupby(one.json["headers"]["X-MBX-APIKEY"] for one in answers)]
            self.assertEqual(ids, [OLD, NEW, THIRD] if bots.key_of(index) == "k" else [PAIR_OLD, PAIR_NEW])
        self.assert_pairs_signed(bots)

    def assert_pairs_signed(self, bots):
        """One of each, since each takes a process of openssl."""
        for key_id, public in self.public.items():
            answer = next(one for one in bots.answers_of("pair") if one.json["headers"]["X-MBX-APIKEY"] == key_id)
            payload, signature = harness.split_signature(harness.binance_payload(answer.json))
            self.assertTrue(harness.openssl_verifies(self.agent.home, public, payload, harness.base64.b64decode(signature)))

    def assert_trail(self):
        """Which version signed, for whom, when and by which policy; who revoked one, when and why; who changed the policy."""
        records = self.records()
        self.assertTrue(all(record["time"] for record in records))
        for key, story in (("k", [OLD, NEW, THIRD]), ("pair", [PAIR_OLD, PAIR_NEW])):
            signed = [record for record in records if record.get("key") == key and record.get("outcome") == "allowed"]
            self.assertEqual(list(dict.fromkeys(record["key_id"] for record in signed)), story)
            self.assertEqual({caller for record in signed for caller in record["callers"]}, {"tester"})
            policies = [list(dict.fromkeys(record["policy"] for record in signed if record["key_id"] == key_id)) for key_id in story]
            for before, after in zip(policies, policies[1:]):
                self.assertTrue(set(after) - set(before), "another policy brought the version")
        revoked = [record for record in records if record.get("event") == "key revoked"]
        self.assertEqual([record["version"] for record in revoked], [f"binance:{NEW}"])
        self.assertRegex(revoked[0]["why"], r"^tester: a laptop was stolen")
        at = records.index(revoked[0])
        self.assertFalse([record for record in records[at:] if record.get("key_id") == NEW
                          and record.get("outcome") == "allowed"], "nothing is signed with it from then on")
        self.assertGreaterEqual(len(re.findall(r"tester asks for a reload", self.agent.log())), 6)


if __name__ == "__main__":
    unittest.main()

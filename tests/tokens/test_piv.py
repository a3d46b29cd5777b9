"""What must hold on every kind of token, on a PIV card by OpenSC; and what is particular to cards."""

import contextlib
import json
import os
import threading
import time
import unittest

import harness
import service
from essentials import EVERY_CLASS, AgentOn, Essentials, decode_signature, yaml
from fixture import Key
from harness import AgentTest, wait_until
from piv import SLOTS, PivCard

OTHER_PIN = "202020"


class PivTest(Essentials, AgentTest):
    kind = PivCard

    def tearDown(self):
        """Each test leaves an unlocked agent that signs with both keys."""
        wait_until(lambda: all(self.status_of(key) == 200 for key in self.agent.keys), "it signs again", timeout_s=20)

    @property
    def card(self):
        return self.agent.token

    def sign(self, key):
        return self.agent.sign_raw(key, b"message")

    def status_of(self, key):
        return self.sign(key).status

    @contextlib.contextmanager
    def counted(self, line, count):
        before = self.card.count(line)
        yield
        self.assertEqual(self.card.count(line) - before, count, f"{line}\n{self.agent.log()}")

    def test_a_key_that_takes_the_pin_each_time_signs_often(self):
        with self.counted("sign 9c", 30), self.counted("verify wrong", 0):
            self.assertEqual({self.status_of("p256-sha256") for _ in range(30)}, {200})

    def test_keys_are_listed_with_what_is_wrong_with_them(self):
        listed = self.agent.must("key", "list", *self.card.options(), "--json", secrets_by_option={"--pin-fd": self.card.pin})
        self.assertEqual({key["id"]: key["protection"] for key in json.loads(listed)["keys"]},
                         {"01": "may do more than sign", "02": "takes the PIN each time", "03": "ok", "04": "not private"})

    def test_what_is_tolerated_is_said(self):
        with self.agent.client() as client:
            notices = " ".join(client.get("/v1/status").json["notices"])
        self.assertIn("accepted, because policy tolerates it, with CKA_ALWAYS_AUTHENTICATE (the token takes the PIN for each", notices)
        self.assertNotIn("for nothing", notices)

    def test_a_key_is_compared_with_a_known_signature(self):
        payload = self.agent.home / "payload"
        payload.write_bytes(b"message")
        for key in self.agent.keys:
            with self.subTest(key):
                signature = decode_signature(self.sign(key).json["signature"]).hex()
                said = self.agent.must("key", "check", self.card.object_uri(key), *self.card.options(), "--mechanism", key, "--signature",
                                       signature, "--payload", payload, secrets_by_option={"--pin-fd": self.card.pin})
                self.assertIn("Match: this key made the signature", said)

    def test_another_program_resets_the_card(self):
        for key in self.agent.keys:
            with self.subTest(key):
                self.card.reset()
                wait_until(lambda key=key: self.status_of(key) == 200, "it signs again", timeout_s=15)

    def test_the_card_is_away_under_load(self):
        seen, failed, is_over = [], [], threading.Event()

        def bot(key):
            while not is_over.is_set():
                answer = self.sign(key)
                seen.append(answer.status)
                failed.extend([answer.json["rule"]] if answer.status not in (200, 503) else [])
                time.sleep(0.02)
        bots = [threading.Thread(target=bot, args=(key,)) for key in list(self.agent.keys) * 2]
        for one in bots:
            one.start()
        try:
            for _ in range(2):
                self.card.take_away()
                wait_until(lambda: 503 in seen[-3:], "it is noticed", timeout_s=5)
                self.card.put_back()
                wait_until(lambda: seen[-3:] == [200] * 3, "it signs again", timeout_s=10)
        finally:
            is_over.set()
            for one in bots:
                one.join()
        # OpenSC fails without a reason until pcscd has noticed, and the third time it is started anew.
        self.assertLessEqual(failed.count("CKR_GENERAL_ERROR"), 4)
        self.assertEqual(set(failed) - {"CKR_GENERAL_ERROR"}, set())

    def test_pcscd_is_started_anew(self):
        self.card.stop()
        wait_until(lambda: self.status_of("rsa-sha256") == 503, "it is noticed", timeout_s=15)
        self.card.start_services()
        wait_until(lambda: self.status_of("rsa-sha256") == 200, "it signs again", timeout_s=20)

    def test_a_wrong_pin_is_sent_once(self):
        self.assertEqual(self.agent.lock().returncode, 0)
        with self.counted("verify wrong", 1):
            done = self.agent.unlock(pin=OTHER_PIN)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the PIN is wrong", done.stderr.decode())
        self.assertEqual(self.agent.unlock().returncode, 0)

    def test_a_pin_that_was_changed_elsewhere_is_sent_once(self):
        self.card.change_pin(OTHER_PIN)
        try:
            with self.counted("verify wrong", 1):
                self.card.reset()
                wait_until(lambda: self.status_of("rsa-sha256") == 423, "it is locked")
                time.sleep(1)
                self.assertEqual({self.status_of(key) for key in self.agent.keys}, {423})
        finally:
            self.card.change_pin(self.card.pin)
            self.assertEqual(self.agent.unlock().returncode, 0)

    def test_a_pin_that_is_refused_for_a_signature_is_never_sent_again(self):
        self.card.change_pin(OTHER_PIN)
        try:
            with self.counted("verify wrong", 1):
                answers = [self.sign("p256-sha256") for _ in range(4)]
                wait_until(lambda: self.status_of("rsa-sha256") == 423, "it is locked")
                self.assertEqual({answer.status for answer in answers} - {423, 503}, set(), answers)
                answer = self.sign("p256-sha256")
            self.assert_problem(answer, 423)
            self.assertIn("refused the PIN for a signature", answer.json["detail"])
            self.assertEqual(self.agent.unlock(pin=OTHER_PIN).returncode, 0)
            self.assertEqual(self.status_of("p256-sha256"), 200)
        finally:
            self.card.change_pin(self.card.pin)
            self.agent.lock()
            self.assertEqual(self.agent.unlock().returncode, 0)

    def test_a_slow_card_is_not_ended_at_work(self):
        self.card.set_delay_ms(700)
        try:
            process = self.agent.child("token").pid
            seen = []
            bots = [threading.Thread(target=lambda key=key: seen.append(self.status_of(key))) for key in list(self.agent.keys) * 3]
            for one in bots:
                one.start()
            for one in bots:
                one.join()
            self.assertEqual(seen, [200] * 6)
            self.assertEqual(self.agent.child("token").pid, process)
        finally:
            self.card.set_delay_ms(0)

    def test_a_device_that_waits_for_a_touch_is_seen_in_the_status(self):
        def says_so():
            with self.agent.client() as client:
                return "does the device wait for a touch?" in client.get("/v1/status").json["tokens"][0]["detail"]
        self.assertFalse(says_so())
        self.card.set_delay_ms(2500)
        bot = threading.Thread(target=self.sign, args=("rsa-sha256",))
        bot.start()
        try:
            wait_until(says_so, "the status says so", timeout_s=2.4)
        finally:
            bot.join()
            self.card.set_delay_ms(0)
        self.assertFalse(says_so())


class WithoutPinCache(PivCard):
    """OpenSC as docs/tokens/piv.md would have it."""

    def start(self):
        configuration = self.folder / "opensc.conf"
        configuration.write_text("app default { framework pkcs15 { use_pin_caching = false; } }\n")
        self.variables["OPENSC_CONF"] = str(configuration)
        super().start()


class AsServiceTest(Essentials, AgentTest):
    """Under the confinement of the unit for systemd."""

    kind = WithoutPinCache

    @classmethod
    def setUpClass(cls):
        service.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        service.confine(cls.agent, cls.addClassCleanup)


class OtherKeys(AgentOn):
    """One key for each slot with an EC key, and what is tolerated of it."""

    tolerated = {"9c": [], "9d": [], "9e": ["CKA_EXTRACTABLE"]}

    def write_policy(self):
        text = ""
        for slot, tolerated in self.tolerated.items():
            key = {"token": "main", "object": f"pkcs11:id={SLOTS[slot][2]}", "profile": "coinbase", "scheme": "es256", "key_id": slot,
                   "raw": True, "tolerate": tolerated}
            text += f"  slot-{slot}:\n" + "".join(f"    {name}: {yaml(value)}\n" for name, value in key.items())
        entries = [harness.allow(f"slot-{slot}", "tester", f"slot-{slot}", EVERY_CLASS) for slot in self.tolerated]
        self.policy.write_text(harness.with_unlock(harness.policy(text, entries), survives_removal=True))


class Refusals(AgentTest):
    @classmethod
    def make(cls, relogin):
        harness.require_programs()
        PivCard.require()
        cls.agent = OtherKeys(PivCard, relogin=relogin)
        cls.addClassCleanup(cls.agent.close)
        cls.agent.make_token()
        cls.agent.make_keys()
        cls.agent.start()
        done = cls.agent.unlock()
        if done.returncode != 0:
            raise AssertionError(f"unlock: {done.stderr.decode()}\n{cls.agent.log()}")

    @classmethod
    def setUpClass(cls):
        cls.make(relogin=True)

    def assert_refused(self, key, *reasons):
        answer = self.agent.sign_raw(key, b"message")
        self.assert_problem(answer, 403)
        for reason in reasons:
            self.assertIn(reason, answer.json["detail"])

    def test_a_key_that_takes_the_pin_each_time_is_refused_unless_that_is_tolerated(self):
        with self.agent.client() as client:
            problems = {one["key"]: one["problem"] for one in client.get("/v1/status").json["problems"]}
        self.assertIn("CKA_ALWAYS_AUTHENTICATE", problems["slot-9c"])
        self.assert_refused("slot-9c", "has CKA_ALWAYS_AUTHENTICATE set", "tolerate: [CKA_ALWAYS_AUTHENTICATE]")
        self.assertEqual(self.agent.token.count("sign 9c"), 0)

    def test_a_key_that_signs_without_a_pin_is_refused_for_good(self):
        self.assert_refused("slot-9e", "has CKA_PRIVATE unset: the token signs with it without a PIN")

    def test_an_ec_key_whose_certificate_says_that_it_signs_needs_no_tolerance(self):
        answer = self.agent.sign_raw("slot-9d", b"message")
        self.assertEqual(answer.status, 200, answer)
        public = self.agent.token.run("openssl", "pkey", "-in", self.agent.token.card / "9d.pem", "-pubout")
        self.assertTrue(Key("p256-sha256", public=public).verifies(self.agent.home, b"message", decode_signature(answer.json["signature"])))


class WithoutRelogin(Refusals):
    """The agent keeps no PIN then, so it has none for a signature."""

    @classmethod
    def setUpClass(cls):
        OtherKeys.tolerated = {**OtherKeys.tolerated, "9c": ["CKA_ALWAYS_AUTHENTICATE"]}
        cls.make(relogin=False)

    def test_a_key_that_takes_the_pin_each_time_is_refused_unless_that_is_tolerated(self):
        self.assert_refused("slot-9c", "takes the PIN for each signature", "relogin: true")
        self.assertEqual(self.agent.token.count("sign 9c"), 0)


if __name__ == "__main__":
    unittest.main()

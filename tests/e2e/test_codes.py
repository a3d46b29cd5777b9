"""An unlock by PIN and one-time code, from the enrolment on the terminal to the signature. oathtool makes the codes, and
zbarimg reads what the terminal shows; neither knows anything of ours."""

import json
import os
import signal
import unittest

import codes
import harness

REFUSED, CONFLICT, USAGE, LATER = 3, 5, 2, 7
ALIKE = "the PIN of token 'main' or the code is wrong"


class Unlocks(codes.CodesTest):
    def setUp(self):
        super().setUp()
        self.seed = self.enroll()

    def must_unlock(self, *words):
        done = self.unlock(self.fresh_code(self.seed), *words)
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")

    def assert_refused(self, done, status=REFUSED, says=ALIKE):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr.decode())
        self.assertNotEqual(self.state(), "unlocked")

    def wait_out(self):
        """What a failure made the person wait for."""
        self.advance(1000)

    def test_both_factors_unlock_and_the_token_signs(self):
        self.must_unlock()
        self.assertEqual(self.state(), "unlocked")
        self.agent.must("clock", "confirm")
        self.assert_signs()

    def test_whatever_is_wrong_is_refused_alike(self):
        answers = set()
        right = harness.USER_PIN
        at = {
            "the code of the enrolment": lambda: (right, self.enrolled_by),  # first, while it would still be good
            "a wrong code": lambda: (right, self.wrong_code(self.seed)),
            "a wrong PIN": lambda: ("wrong-" + right, self.fresh_code(self.seed)),
            "both": lambda: ("wrong-" + right, "000000"),
            "an old code": lambda: (right, self.seed.code(self.now_s() - 2 * codes.STEP_S)),
            "an early one": lambda: (right, self.seed.code(self.now_s() + 2 * codes.STEP_S)),
        }
        for what, make in at.items():
            with self.subTest(what=what):
                pin, code = make()
                done = self.unlock(code, "--last-try", pin=pin)
                self.assert_refused(done)
                answers.add((done.returncode, done.stdout, done.stderr))
                self.wait_out()
                self.must_unlock("--last-try")  # the token's own counter begins anew
                self.agent.must("lock", "main")
        self.assertEqual(len(answers), 1, answers)

    def test_a_code_works_once_also_after_a_restart_and_after_kill_9(self):
        code = self.fresh_code(self.seed)
        self.assertEqual(self.unlock(code).returncode, 0)
        self.agent.must("lock", "main")
        self.assert_refused(self.unlock(code))
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.agent.stop(number)
            self.agent.start()
            self.advance(5)
            self.assert_refused(self.unlock(code, "--last-try"))
            self.wait_out()
            code = self.fresh_code(self.seed)
            self.assertEqual(self.unlock(code, "--last-try").returncode, 0)

    def test_a_step_early_or_late_is_taken_but_never_one_below_the_last(self):
        self.advance(10 * codes.STEP_S)
        ahead = self.seed.code(self.now_s() + codes.STEP_S)
        now = self.seed.code(self.now_s())
        self.assertEqual(self.unlock(ahead).returncode, 0)
        self.agent.must("lock", "main")
        self.assert_refused(self.unlock(now))  # it was never used, but a later one was
        self.wait_out()
        late = self.seed.code(self.now_s() - codes.STEP_S)
        self.assertEqual(self.unlock(late).returncode, 0)

    def test_pin_and_code_in_each_others_place(self):
        code = self.fresh_code(self.seed)
        done = self.unlock(harness.USER_PIN, pin=code)
        self.assert_refused(done, USAGE, "a code has 6 to 8 digits, and nothing was tried")
        self.assertNotIn(harness.USER_PIN, done.stderr.decode())
        self.must_unlock()

    def test_a_missing_factor(self):
        for secrets in ({"--pin-fd": harness.USER_PIN}, {"--code-fd": "123456"}):
            done = self.agent.cli("unlock", "main", secrets_by_option=secrets)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertIn("is missing", done.stderr.decode())
        done = self.agent.cli("unlock", "main", stdin=harness.USER_PIN + "\n")
        self.assertIn("the code is missing", done.stderr.decode())
        self.assertEqual(self.waits_s(), 0)  # nothing was tried

    def test_both_come_from_one_pipe(self):
        done = self.agent.cli("unlock", "main", stdin=f"{harness.USER_PIN}\n{self.fresh_code(self.seed)}\n")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_code_in_two_groups(self):
        code = self.fresh_code(self.seed)
        self.assertEqual(self.unlock(f"{code[:3]} {code[3:]}").returncode, 0)

    def test_both_are_asked_for_without_echo(self):
        terminal = self.terminal("unlock", "main")
        seen = terminal.type_at("User PIN of token main: ", harness.USER_PIN)
        seen += terminal.type_at("Code: ", self.fresh_code(self.seed))
        self.assertEqual(terminal.finish(), 0, terminal.seen)
        self.assertNotIn(harness.USER_PIN, seen + terminal.seen)

    # ---- waiting ----

    def waits_s(self):
        return json.loads(self.agent.must("totp", "list", "--json"))["seeds"][0]["wait_s"]

    def test_failures_make_one_wait_longer_and_longer_across_kill_9(self):
        for wait_s in (1, 2, 4, 8, 16, 32):
            self.assert_refused(self.unlock("000000", "--last-try"))
            self.agent.stop(signal.SIGKILL)
            self.agent.start()
            left_s = self.waits_s()  # the start took some of it
            self.assertTrue(wait_s - 6 <= left_s <= wait_s, (left_s, wait_s))
            if left_s > 4:
                self.assert_refused(self.unlock(self.seed.code(self.now_s()), "--last-try"), LATER, "you must wait")
            self.advance(wait_s)
        self.must_unlock("--last-try")
        self.assertEqual(self.waits_s(), 0)

    def test_the_last_tries_need_an_override(self):
        for _ in range(2):  # pin_tries is 3, so two are left to the only operator
            self.assert_refused(self.unlock(self.fresh_code(self.seed), pin="wrong"))
            self.wait_out()
        done = self.unlock(self.fresh_code(self.seed))
        self.assert_refused(done, REFUSED, "2 of your unlocks of token 'main' have failed")
        self.agent.stop(signal.SIGKILL)
        self.agent.start()
        done = self.unlock(self.fresh_code(self.seed))
        self.assert_refused(done, REFUSED, "2 of your unlocks of token 'main' have failed")
        self.must_unlock("--last-try")

    def test_a_wrong_code_leaves_the_token_logged_out(self):
        self.assert_refused(self.unlock("000000"))
        self.assertEqual(self.state(), "locked")
        with self.agent.client() as client:
            answer = client.sign("binance-main", harness.BINANCE_ORDER)
        self.assertEqual(answer.status, 423, answer)

    def test_a_restarted_token_process_logs_in_again_without_a_code(self):
        self.must_unlock()
        self.agent.must("clock", "confirm")
        before = self.agent.child("token")
        os.kill(before.pid, signal.SIGKILL)
        self.agent.await_child("token", other_than=before)
        harness.wait_until(lambda: self.state() == "unlocked", "it is logged in again")
        self.assert_signs()

    # ---- seeds ----

    def test_a_seed_of_ones_own_is_none(self):
        """Who has the PIN alone puts another seed under the name of the one that was enrolled."""
        self.delete_seed()
        self.agent.import_hmac("tester-totp", "hmac-sha1", "12345678901234567890")
        own = codes.Seed("otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        self.advance(60)
        self.assert_refused(self.unlock(own.code(self.now_s())))
        self.assertIn("not the one that was enrolled", self.agent.log())
        done = self.agent.cli("totp", "enroll", "tester", "--module", "softhsm2", "--token", "main",
                              secrets_by_option={"--pin-fd": harness.USER_PIN})
        self.assertEqual(done.returncode, CONFLICT, done.stderr)

    def test_a_seed_is_no_key_of_the_policy(self):
        policy = self.agent.policy.read_text()
        self.agent.policy.write_text(policy.replace("pkcs11:object=kraken-main", "pkcs11:object=tester-totp"))
        done = self.agent.cli("reload")
        self.assertEqual(done.returncode, 10, done.stderr)
        self.assertIn("is the seed of the codes of 'tester'", done.stderr.decode())

    def test_a_seed_can_only_sign(self):
        rows = json.loads(self.objects())["keys"]
        seed = next(row for row in rows if row["label"] == "tester-totp")
        self.assertEqual(seed["protection"], "ok")

    def test_revocation_takes_an_admins_code_and_leaves_nobody(self):
        self.must_unlock()
        wrong = self.agent.cli("totp", "revoke", "tester", secrets_by_option={"--code-fd": "000000"})
        self.assertEqual(wrong.returncode, REFUSED, wrong.stderr)
        self.wait_out()
        done = self.agent.must("totp", "revoke", "tester", "--json",
                               secrets_by_option={"--code-fd": self.fresh_code(self.seed)})
        self.assertEqual(json.loads(done), {"person": "tester", "enrolled": False})
        self.agent.must("lock", "main")
        done = self.unlock(self.fresh_code(self.seed))
        self.assertEqual(done.returncode, CONFLICT, done.stderr)
        self.assertIn("was not enrolled", done.stderr.decode())


class Enrolments(codes.CodesTest):
    people = ("  tester: {{ uid: {uid}, roles: [operator, admin], totp: \"pkcs11:object=tester-totp\" }}\n"
              "  second: {{ uid: {other_uid}, roles: [operator], totp: "
              "{{ object: \"pkcs11:object=second-totp\", hash: sha512, digits: 8 }} }}\n")

    def list(self):
        return {row["person"]: row["enrolled"] for row in json.loads(self.agent.must("totp", "list", "--json"))["seeds"]}

    def test_nobody_can_unlock_before_the_first_is_enrolled(self):
        done = self.unlock("123456")
        self.assertEqual(done.returncode, CONFLICT, done.stderr)
        self.assertIn("chancery totp enroll tester", done.stderr.decode())

    def test_the_first_is_an_admin(self):
        terminal = self.begin_enrolment("second")
        terminal.type_at("User PIN: ", harness.USER_PIN)
        terminal.type_at("Code that the app shows: ", "12345678")
        self.assertEqual(terminal.finish(), REFUSED, terminal.seen)
        self.assertIn("the first must be an admin", terminal.seen)
        self.assertNotIn("second-totp", self.objects())

    def test_later_ones_take_an_admins_code(self):
        admin = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(admin)).returncode, 0)
        terminal = self.begin_enrolment("second")
        seed = self.scan(terminal)
        self.advance(60)
        terminal.type_at("Code that the app shows: ", seed.code(self.now_s()))
        terminal.type_at("Code: ", "000000")
        self.assertEqual(terminal.finish(), REFUSED, terminal.seen)
        self.assertNotIn("second-totp", self.objects())
        self.assertEqual(self.list(), {"tester": True, "second": False})
        self.advance(1000)
        seed = self.enroll("second", admin)
        self.assertEqual((seed.algorithm, seed.digits), ("sha512", 8))
        self.assertEqual(self.list(), {"tester": True, "second": True})
        done = self.agent.cli("totp", "revoke", "tester", secrets_by_option={"--code-fd": self.fresh_code(admin)})
        self.assertIn("is the last admin who is enrolled", done.stderr.decode())

    def test_the_screen_shows_the_same_as_a_qr_code_and_clears_it(self):
        for size in ((100, 50), (80, 24)):
            with self.subTest(size=size):
                terminal = self.begin_enrolment(columns=size[0], rows=size[1])
                shown = self.show_seed(terminal)
                self.assertEqual(codes.qr_text(shown), codes.URI.search(shown).group())
                self.assertLess(shown.index("\x1b[?1049h"), shown.index("otpauth://"))
                self.assertLessEqual(shown.split("\x1b[H")[1].count("\n") + 1, size[1])
                terminal.type_at("Code that the app shows: ", "000000")
                self.assertEqual(terminal.finish(), REFUSED, terminal.seen)
                self.assertIn("\x1b[2J\x1b[H\x1b[?1049l", terminal.seen)
                self.assertTrue(terminal.has_echo())
                self.assertNotIn("tester-totp", self.objects())
                self.advance(1000)

    def test_a_window_that_is_too_small_shows_the_text(self):
        terminal = self.begin_enrolment(columns=60, rows=12)
        shown = self.show_seed(terminal)
        self.assertIn("too small", shown)
        self.assertIsNotNone(codes.URI.search(shown))

    def test_ctrl_c_leaves_no_seed_and_the_echo_on(self):
        terminal = self.begin_enrolment()
        terminal.type_at("User PIN: ", "\x03", end="")
        self.assertEqual(terminal.finish(), -signal.SIGINT)
        self.assertTrue(terminal.has_echo())
        terminal = self.begin_enrolment()
        self.show_seed(terminal)
        self.assertIn("tester-totp", self.objects())
        terminal.type_at("Code that the app shows: ", "\x03", end="")
        self.assertEqual(terminal.finish(), REFUSED, terminal.seen)
        self.assertIn("\x1b[?1049l", terminal.seen)
        self.assertTrue(terminal.has_echo())
        self.assertNotIn("tester-totp", self.objects())
        self.assertEqual(self.list(), {"tester": False, "second": False})

    def test_ctrl_c_at_the_admins_code_too(self):
        admin = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(admin)).returncode, 0)
        terminal = self.begin_enrolment("second")
        terminal.type_at("User PIN: ", harness.USER_PIN)
        terminal.type_at("Code that the app shows: ", "12345678")
        terminal.type_at("Code: ", "\x03", end="")
        self.assertEqual(terminal.finish(), REFUSED, terminal.seen)
        self.assertTrue(terminal.has_echo())
        self.assertNotIn("second-totp", self.objects())

    def test_a_seed_goes_to_a_terminal_and_nowhere_else(self):
        done = self.agent.cli("totp", "enroll", "tester", "--module", "softhsm2", "--token", "main",
                              secrets_by_option={"--pin-fd": harness.USER_PIN})
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertNotIn("otpauth", (done.stdout + done.stderr).decode())
        self.assertNotIn("tester-totp", self.objects())


@unittest.skipUnless(os.getuid() == 0, "only root can be another user")
class Two(codes.CodesTest):
    """Two operators who share a token."""

    people = Enrolments.people

    def setUp(self):
        super().setUp()
        os.chmod(self.agent.home, 0o711)
        admin = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(admin)).returncode, 0)
        self.seeds = {"tester": admin, "second": self.enroll("second", admin)}
        self.agent.must("lock", "main")

    def run_as(self, person, *words, stdin):
        uid = os.getuid() + (4242 if person == "second" else 0)
        return harness.run_cli(self.agent.environment(), *words, stdin=stdin,
                               wrapper=["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"])

    def unlock_as(self, person, pin=harness.USER_PIN, code=None):
        code = code or self.fresh_code(self.seeds[person])
        return self.run_as(person, "unlock", "main", stdin=f"{pin}\n{code}\n")

    def test_one_persons_flood_leaves_another_their_try(self):
        self.assertEqual(self.unlock_as("second", pin="wrong").returncode, REFUSED)
        for _ in range(5):
            self.advance(1000)
            done = self.unlock_as("second", pin="wrong")
            self.assertIn("1 of your unlocks of token 'main' have failed", done.stderr.decode())
        self.assertEqual(self.unlock_as("second", pin="wrong").returncode, REFUSED)
        self.assertEqual(self.unlock_as("tester").returncode, 0)  # at once: it is not she who waits
        self.agent.must("lock", "main")
        self.assertEqual(self.unlock_as("second").returncode, 0)  # and all begin anew

    def test_one_persons_code_is_not_anothers(self):
        code = self.fresh_code(self.seeds["tester"])
        self.assertEqual(self.unlock_as("second", code=code).returncode, REFUSED)
        self.assertEqual(self.unlock_as("tester", code=code).returncode, 0)

    def test_only_an_admin_enrols_and_revokes(self):
        done = self.run_as("second", "totp", "revoke", "tester", stdin="12345678\n")
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("is not an admin", done.stderr.decode())


class SeedsElsewhere(codes.CodesTest):
    """The seeds are on a token of their own."""

    def setUp(self):
        super().setUp()
        self.agent.stop()
        self.agent.must("token", "init", "--module", "softhsm2", "--label", "people",
                        secrets_by_option={"--so-pin-fd": harness.SO_PIN, "--pin-fd": harness.USER_PIN})
        config = self.agent.config.read_text()
        self.agent.config.write_text(
            config + "  people: { module: softhsm2, uri: \"pkcs11:token=people\", workers: 1 }\n" + "totp_token: people\n")
        self.agent.start()

    def begin_enrolment(self, person="tester", **options):
        return self.terminal("totp", "enroll", person, "--module", "softhsm2", "--token", "people", **options)

    def test_that_token_comes_first_and_each_takes_a_code_of_its_own(self):
        seed = self.enroll()
        harness.wait_until(lambda: self.state("people") == "locked", "its process has begun anew after the enrolment")
        done = self.unlock(self.fresh_code(seed))
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("chancery unlock people", done.stderr.decode())
        code = self.fresh_code(seed)
        self.assertEqual(self.unlock(code, token="people").returncode, 0)
        done = self.unlock(code)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn(ALIKE, done.stderr.decode())
        self.advance(1000)
        wrong = self.unlock(self.fresh_code(seed), pin="wrong")
        self.assertEqual((wrong.returncode, wrong.stderr), (done.returncode, done.stderr))
        self.advance(1000)
        self.assertEqual(self.unlock(self.fresh_code(seed), "--last-try").returncode, 0)
        self.assertEqual(self.state(), "unlocked")


class PinOnly(codes.CodesTest):
    tokens = "tokens: { main: { unlock: { factors: [pin] } } }\n"

    def test_the_policy_can_do_without_a_code(self):
        self.assertEqual(self.unlock(None).returncode, 0)
        done = self.agent.cli("policy", "check", "--config", self.agent.config)
        self.assertIn("[pin-only]", done.stdout.decode())

    def test_a_code_is_then_no_help(self):
        done = self.unlock("123456")
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertIn("leave --code-fd out", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()

"""chancery setup: from an empty folder to a signed request, at a pseudo-terminal and by a file of answers; and what is left of
it if it is interrupted at any of its prompts, or something is not as it must be."""

import itertools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import stat
import time
import unittest

import codes
import harness
from dialogue import CTRL_C, Dialogue, silent
from ports import free_port
from setting_up import CONFIG, CONFLICT, KRAKEN, ME, OK, REFUSED, USAGE, WRONG_PIN, SetupAtTerminalTest, SetupTest


class Dialogues(SetupAtTerminalTest):
    def test_from_an_empty_folder_to_a_signed_request(self):
        shown = self.go_through(self.dialogue())
        for secret in (harness.SO_PIN, harness.USER_PIN, harness.KRAKEN_SECRET):
            self.assertNotIn(secret, shown)
        self.assertEqual(sorted(os.listdir(self.target)), ["agent.yaml", "policy.yaml", "state", "state.trace"])
        self.assertEqual(self.keys(), sorted(["kraken-main", f"{self.me}-totp"]))
        self.unlock_and_sign()

    def test_ctrl_z_puts_each_question_again(self):
        self.go_through(self.dialogue(), is_stopped=True)

    def test_nothing_is_half_done_if_it_is_interrupted(self):
        dialogue = self.dialogue()
        asked = Dialogue(dialogue.words, dialogue.prompts[:-1])
        self.assert_nothing_is_half_done(asked)
        self.assertEqual(self.tokens(), [])

    def assert_gone(self, shown):
        """What the set-up ran for the enrolment."""
        sockets = pathlib.Path(re.search(r"--socket (/tmp/chancery-\w+)/agent.sock", shown).group(1))
        self.assertFalse(sockets.exists())
        named = str(self.target).encode()
        running = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if named in harness_read(path)]
        self.assertEqual(running, [])

    def test_an_interrupted_enrolment_takes_everything_back_but_the_token(self):
        """A token cannot be taken away by PKCS#11, so it is said that it stays, and a second set-up takes it."""
        before = self.what_is_there()
        dialogue = self.dialogue()
        for how in (CTRL_C, "hang-up", signal.SIGTERM):
            with self.subTest(how=repr(how)):
                shown = self.interrupt(dialogue, len(dialogue.prompts) - 1, how)
                self.assertEqual(self.what_is_there(), before)
                self.assertEqual((self.tokens(), self.keys()), (["trading"], []))
                self.assert_gone(shown)
                if how == CTRL_C and len(dialogue.prompts) == len(self.dialogue().prompts):
                    self.assertIn("The token 'trading' is made, and stays", shown)
                    self.assertIn("softhsm2-util --delete-token --token 'trading'", shown)
                dialogue = self.dialogue(is_new_token=False)
        self.go_through(dialogue)
        self.unlock_and_sign()

    def test_a_wrong_code_costs_a_new_seed_and_nothing_else(self):
        dialogue = self.dialogue()
        seeds = []

        def wrong_code():
            self.new_code()
            seeds.append(self.seed.uri)
            return f"{(int(self.seed.code(time.time())) + 1) % 10**6:06}"

        def right_code():
            seeds.append(codes.URI.findall(self.last.shown)[-1])
            self.seed = codes.Seed(seeds[-1])
            return self.seed.code(time.time())

        prompts = [*dialogue.prompts[:-1], silent(dialogue.prompts[-1].text, wrong_code),
                   silent(dialogue.prompts[-1].text, right_code)]
        shown = self.go_through(Dialogue(dialogue.words, prompts))
        self.assertIn("once more, with a new seed", shown)
        self.assertNotEqual(*seeds)
        self.unlock_and_sign()

    def test_what_is_no_answer_is_asked_again(self):
        dialogue = self.dialogue()
        wrong = {
            "Number, name or path [softhsm2]: ": ["/no/such/module.so", "no-such-name"],
            "Which exchange? Number or name: ": ["", "mtgox", "0", "99"],
            "its label on the token [kraken-main]: ": ["Kraken Main"],
            "API secret (a private key on one line): ": ["YOUR_API_SECRET"],
            "Number or name [read]: ": ["withdraw", "4"],
            f"As which user does it run? [{self.me}]: ": ["nobody-of-that-name"],
            "as the exchange spells them? [BTCUSDT]: ": ["?", "XBTUSDT, XBTEUR", ","],
            "Largest order, in USDT [100]: ": ["0", "-1", "1e3", "much"],
            "All orders of a day, in USDT [1000]: ": ["249.9"],
            "with limit prices [": [self.me],
            "besides the PIN? [yes]: ": ["perhaps"],
        }
        prompts = []
        for prompt in dialogue.prompts:
            prompts += [prompt._replace(answer=text) for text in wrong.get(prompt.text, [])]
            prompts.append(prompt)
        self.go_through(Dialogue(dialogue.words, prompts))
        self.assertIn("order_value: \"250 USDT\"", (self.target / "policy.yaml").read_text())

    def test_slips_of_those_who_type_secrets_cost_nothing(self):
        """PINs that differ, are empty, or that the token would not take are asked for again, and so is an empty secret."""
        dialogue = self.dialogue()
        so, again, pin, pin_again = dialogue.prompts[3:7]
        key = next(prompt for prompt in dialogue.prompts if "API secret" in prompt.text)
        slips = [
            so._replace(answer=""), so, again._replace(answer="87654321"), so, again,
            pin, pin_again._replace(answer=""), pin._replace(answer="12"), pin_again._replace(answer="12"),
            so, again, pin, pin_again,
        ]
        at = dialogue.prompts.index(key)
        prompts = [*dialogue.prompts[:3], *slips, *dialogue.prompts[7:at], key._replace(answer=""), *dialogue.prompts[at:]]
        shown = self.go_through(Dialogue(dialogue.words, prompts))
        for said in ("the SO PIN is empty.", "the two entries of the SO PIN differ", "the user PIN is empty.",
                     "the user PIN must have 4 to 255 characters on this token.", "the API secret is empty."):
            self.assertIn(said, shown)
        self.unlock_and_sign()

    def test_no_is_no(self):
        dialogue = self.dialogue()
        terminal = self.terminal(*dialogue.words)
        for prompt in dialogue.prompts[:-2]:
            terminal.read_until(prompt.text)
            terminal.seen = terminal.seen.split(prompt.text, 1)[1]
            harness.wait_until(lambda is_silent=prompt.is_silent: terminal.has_echo() != is_silent, "echo")
            os.write(terminal.tty, f"{prompt.answer}\n".encode())
        terminal.read_until("Go on? [yes]: ")
        os.write(terminal.tty, b"no\n")
        self.assertEqual(terminal.finish(), REFUSED)
        self.assertEqual((self.tokens(), self.target.exists()), ([], False))


def harness_read(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


class Answers(SetupTest):
    def test_files_are_complete_and_private(self):
        told = self.set_up(KRAKEN)
        self.assertEqual((told["token"], told["key"], told["enrolled"]), ("trading", "kraken-main", False))
        self.assertEqual(sorted(os.listdir(self.target)), ["agent.yaml", "policy.yaml"])
        for name in ("agent.yaml", "policy.yaml"):
            self.assertEqual(stat.S_IMODE((self.target / name).stat().st_mode), 0o600)
            self.assertIn("# ", (self.target / name).read_text())
        self.assertEqual(stat.S_IMODE(self.target.stat().st_mode), 0o755)

    def test_the_commands_that_it_ran_can_be_typed_again(self):
        label = "it's; mine"
        done = self.answer({**KRAKEN, "label": label})
        self.assertEqual(done.returncode, OK, done.stderr)
        for line in done.stderr.decode().splitlines():
            if line.startswith("$ chancery key "):
                self.assertIn(["--token", label], [list(pair) for pair in itertools.pairwise(shlex.split(line))])

    def test_an_agent_signs_by_them_whatever_its_environment(self):
        told = self.set_up(KRAKEN)
        self.environment.pop("CHANCERY_PROFILES")
        self.start()
        self.assertEqual(self.agent.cli("unlock", "trading", secret=harness.USER_PIN).returncode, 0, self.agent.log())
        self.assertIn("API-Sign", self.agent.must("sign", "kraken-main", *told["request"].split()))

    def test_nothing_is_overwritten(self):
        self.set_up(KRAKEN)
        for name in ("agent.yaml", "policy.yaml"):
            (self.target / "agent.yaml").unlink(missing_ok=True)
            (self.target / "policy.yaml").unlink(missing_ok=True)
            (self.target / name).write_text("mine")
            self.refuse({**KRAKEN, "token": "trading", "key": "another"}, CONFLICT, name, "nothing is overwritten")
            self.assertEqual((self.target / name).read_text(), "mine")
        self.assertEqual(self.keys(), ["kraken-main"])

    def test_what_fails_late_takes_back_what_was_made_before(self):
        self.set_up(KRAKEN)
        shutil.rmtree(self.target)
        with self.subTest("the label of the key is taken"):
            self.refuse({**KRAKEN, "token": "trading"}, CONFLICT, "nothing was set up")
            self.assertEqual(self.keys(), ["kraken-main"])
        with self.subTest("the PIN is wrong"):
            self.refuse({**KRAKEN, "token": "trading", "key": "another"}, WRONG_PIN, "nothing was set up", pin="wrong-pin")
        with self.subTest("there is no terminal for the seed"):
            said = self.refuse({**KRAKEN, "token": "trading", "key": "another", "codes": "yes"}, USAGE,
                               "there is no terminal to show the seed on")
            self.assertIn("key delete", said)
        self.assertEqual((self.keys(), self.target.exists()), (["kraken-main"], False))

    def test_bad_answers_make_nothing(self):
        for answers, says in (
            ({"exchange": ""}, "'exchange'"),
            ({"exchange": "mtgox"}, "'exchange'"),
            ({"label": "x" * 33}, "at most 32 bytes"),
            ({"key": "../x"}, "a name has"),
            ({"key_id": "kéy"}, "printable ASCII"),
            ({"bot_may": "withdraw"}, "'bot_may'"),
            ({"bot": "nobody-of-that-name"}, "nobody-of-that-name"),
            ({"bot_may": "trade-spot", "pairs": "XBTUSDT, XBTEUR"}, "one asset"),
            ({"bot_may": "trade-spot", "day_value": "5"}, "a day must have room"),
            ({"bot_may": "trade-spot", "feed": ME}, "sets its own limits"),
            ({"withdraw": "yes"}, "withdraw"),
            ({"pin": "1234"}, "pin"),
            ({"make": "no"}, "not confirmed"),
        ):
            with self.subTest(says=says):
                done = self.answer({**KRAKEN, **answers})
                self.assertIn(done.returncode, (USAGE, REFUSED, CONFIG, 4), done.stderr)
                self.assertIn(says, done.stderr.decode())
                self.assertEqual((self.tokens(), self.target.exists()), ([], False))
        with self.subTest("a secret of another exchange"):
            self.refuse(KRAKEN, USAGE, "the API secret", secret=harness.BINANCE_SECRET[:40])
        self.assertEqual(self.tokens(), [])

    @unittest.skipIf(os.getuid() != 0, "only root has the unit's folder by default")
    def test_root_makes_nothing_that_the_user_of_the_unit_could_not_read(self):
        for folder in ("/etc/chancery", "/etc/../etc/chancery/"):
            self.refuse(KRAKEN, CONFIG, "sudo -u chancery chancery setup /etc/chancery", folder=folder)
        self.assertEqual(self.tokens(), [])

    def test_a_folder_that_others_can_write_to(self):
        self.target.mkdir()
        self.target.chmod(0o777)
        self.refuse(KRAKEN, CONFIG, "chmod")
        self.assertEqual(self.tokens(), [])

    def test_a_generated_key_has_its_public_half_printed_and_its_id_left_to_fill_in(self):
        told = self.set_up({**KRAKEN, "exchange": "binance", "scheme": "ed25519", "key_id": "", "accepts": "yes"})
        self.assertIn('key_id: "fill-in-the-api-key"', (self.target / "policy.yaml").read_text())
        public = next(command for command in told["next"] if "key public" in command).split()[1:]
        done = self.cli(*public, stdin=harness.USER_PIN)
        self.assertIn("BEGIN PUBLIC KEY", done.stdout.decode())

    def test_confusion_is_accepted_only_by_those_who_say_so(self):
        binance = {**KRAKEN, "exchange": "binance", "scheme": "hmac"}
        told = self.set_up(binance, secret=harness.BINANCE_SECRET)
        self.assertIsNone(told["request"])
        self.assertNotIn("accepts", (self.target / "policy.yaml").read_text())
        shutil.rmtree(self.target)
        told = self.set_up({**binance, "token": "trading", "key": "b", "accepts": "yes"}, secret=harness.BINANCE_SECRET)
        self.assert_allowed(told)

    def test_another_person_enrols_by_the_command_that_is_printed(self):
        told = self.set_up({**KRAKEN, "codes": "yes", "operator": "daemon"})
        self.assertFalse(told["enrolled"])
        self.assertIn("chancery totp enroll daemon --module softhsm2 --token trading", told["next"])
        self.assertIn('totp: "pkcs11:object=daemon-totp"', (self.target / "policy.yaml").read_text())

    # ---- every exchange ----

    def assert_allowed(self, told):
        config = str(self.target / "agent.yaml")
        done = self.cli("policy", "explain", "bot", told["key"], *told["request"].split(), "--config", config)
        self.assertIn("\nallowed\n", done.stdout.decode())

    def secret_for(self, scheme_line):
        """A text of the shape that the profile states."""
        shape = re.search(r"secret_shape: \{ length: (\d+)[\d-]*, alphabet: ([\w-]+)", scheme_line)
        if shape is None:
            return harness.KRAKEN_SECRET if "secret: base64" in scheme_line else harness.BINANCE_SECRET
        sources = {"lower-hex": "9f86d081884c7d65", "upper-hex": "9F86D081884C7D65", "hex-dashes": "9f86d081-84c7d65"}
        source = sources.get(shape[2], harness.KRAKEN_SECRET if "base64" == shape[2] else harness.BINANCE_SECRET)
        return (source * 20)[: int(shape[1])] if shape[2] != "base64" else harness.KRAKEN_SECRET

    def test_the_policy_is_good_at_every_exchange(self):
        if harness.is_sanitized():
            self.skipTest("all exchanges take minutes with the sanitizers, and differ in their data alone")
        answers = {**KRAKEN, "accepts": "yes"}
        allowed = 0
        for profile in sorted((harness.ROOT / "profiles").glob("*.yaml")):
            schemes = profile.read_text().split("\nschemes:\n")[1]
            name, rest = re.search(r"(?ms)^  (\w+):(.*?)(?=^  \w+:|^\S)", schemes).groups()
            answers.update(exchange=profile.stem, scheme=name)
            may = "read" if profile.stem == "kraken-futures" else "trade-spot"  # it has no spot market
            with self.subTest(exchange=profile.stem):
                shutil.rmtree(self.target, ignore_errors=True)
                more = {"feed": "daemon"} if may == "trade-spot" else {}
                told = self.set_one_up({**answers, "key": f"{profile.stem}-key", "bot_may": may, **more},
                                       self.secret_for(name + rest))
                answers["token"] = "trading"
                text = (self.target / "policy.yaml").read_text()
                self.assertNotRegex(text, "unlimited|classes: .*(transfer|withdraw|keys|account|session)")
                if told["request"] is not None:
                    self.assert_allowed(told)
                    allowed += 1
                shutil.rmtree(self.target)
                told = self.set_one_up({**answers, "key": f"{profile.stem}-relayed", "bot_may": may, **more, "relay": "yes",
                                        "relay_port": str(free_port())}, self.secret_for(name + rest))
                self.assertIn(f"chancery bot config {profile.stem}-relayed --for ccxt-js >bot.mjs", told["next"])
        self.assertGreater(allowed, 20)

    def set_one_up(self, answers, secret):
        done = self.answer(answers, "--json", secret=secret)
        if b"'passphrase'" in done.stderr:
            return self.set_one_up({**answers, "passphrase": "pass-phrase"}, secret)
        if b"there is no field 'accepts'" in done.stderr:
            return self.set_one_up({name: answers[name] for name in answers if name != "accepts"}, secret)
        self.assertEqual(done.returncode, OK, done.stderr.decode())
        return json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main()

"""The usage of chancery, and its commands for tokens and keys, on a real SoftHSM2."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_sandbox import (API_SECRET, AWAY, CHANCERY, CONFIG, CONFLICT, INSTRUMENTED, KRAKEN_SECRET, MODULE, NOT_FOUND, OK,
                         PIN, REFUSED, ROOT, SECRETS, SO_PIN, USAGE, WRONG_PIN, Sandbox, wait_until)  # noqa: E402


class Usage(Sandbox):
    COMMANDS = ["token init", "token list", "token info", "token probe", "key import", "key check", "key generate", "key adopt", "key list", "key public", "key delete",
                "profile check", "profile list", "profile show", "unlock", "lock", "status", "keys", "sign"]

    def test_every_command_has_help_with_an_example(self):
        for command in self.COMMANDS:
            for words in (command.split() + ["--help"], ["help"] + command.split()):
                result = self.ok(*words)
                self.assertIn("usage: chancery " + command, result.out)
                self.assertRegex(result.out, r"examples:\n  chancery " + command)
                self.assertLessEqual(max(map(len, result.out.splitlines())), 110, command)

    def test_families_and_the_whole_have_help(self):
        self.assertIn("token init", self.ok("token", "--help").out)
        self.assertNotIn("key import", self.ok("token", "--help").out)
        for command in self.COMMANDS:
            self.assertIn(command, self.ok("--help").out)
        self.assertIn("hmac-sha256", self.ok("help", "mechanisms").out)

    def test_version(self):
        self.assertRegex(self.ok("--version").out, r"^chancery \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_refused(self):
        cases = {
            "no command": [],
            "unknown command": ["frobnicate"],
            "family alone": ["token"],
            "unknown option": ["status", "--frob"],
            "option of another command": ["status", "--label", "x"],
            "value missing": ["token", "init", "--label"],
            "value for a switch": ["status", "--json=yes"],
            "given twice": ["token", "list", "--module", "a", "--module", "b"],
            "too few arguments": ["sign", "key", "GET"],
            "no label": ["token", "init"],
            "neither profile nor mechanism": ["key", "import", "--label", "x"],
            "both profile and mechanism": ["key", "import", "--label", "x", "--profile", "kraken", "--mechanism", "ed25519"],
            "scheme without profile": ["key", "generate", "--label", "x", "--scheme", "hmac", "--mechanism", "ed25519"],
            "unknown mechanism": ["key", "generate", "--label", "x", "--mechanism", "rot13"],
            "unknown encoding": ["key", "import", "--label", "x", "--mechanism", "hmac-sha256", "--encoding", "rot13"],
            "pem for hmac": ["key", "import", "--label", "x", "--mechanism", "hmac-sha256", "--pem"],
            "an encoding for ed25519": ["key", "import", "--label", "x", "--mechanism", "ed25519", "--encoding", "hex"],
            "no key to check": ["key", "check", "--profile", "binance", "--signature", "00"],
            "no signature to check": ["key", "check", "x", "--profile", "binance"],
            "bits for ed25519": ["key", "generate", "--label", "x", "--mechanism", "ed25519", "--bits", "2048"],
            "bits not a number": ["key", "generate", "--label", "x", "--mechanism", "rsa-sha256", "--bits", "-1"],
            "profile with a path": ["key", "import", "--label", "x", "--profile", "../kraken"],
            "no scheme to generate": ["key", "generate", "--label", "x", "--profile", "binance"],
            "descriptor not open": ["key", "list", "--pin-fd", "777"],
            "descriptor not a number": ["key", "list", "--pin-fd", "x"],
            "unknown format": ["key", "public", "--object", "x", "--format", "der"],
            "lock one and all": ["lock", "main", "--all"],
            "no profile to check": ["profile", "check"],
            "a path to show": ["profile", "show", "../profiles/kraken"],
        }
        for name, words in cases.items():
            with self.subTest(name):
                self.assert_fails(self.run_cli(*words), USAGE)

    def test_module_and_token_must_be_known(self):
        bare = {"PATH": os.environ["PATH"], **INSTRUMENTED}
        self.assert_fails(self.run_cli("token", "list", env=bare), USAGE, "CHANCERY_MODULE")
        self.assert_fails(self.run_cli("key", "list", env=dict(bare, CHANCERY_MODULE=MODULE)), USAGE, "CHANCERY_TOKEN")

    def test_secret_in_argv_is_refused_and_not_repeated(self):
        for words in (["key", "list", "--pin", PIN], ["key", "list", f"--pin={PIN}"],
                      ["token", "init", "--label", "x", f"--so-pin={SO_PIN}"],
                      ["key", "import", "--label", "x", "--secret", API_SECRET],
                      ["key", "import", f"--api-secret={API_SECRET}"],
                      [f"--pin={PIN}", "unlock"]):
            self.assert_fails(self.run_cli(*words), USAGE, "command line", "-fd N")
        for words in (["key", "list", PIN], ["unlock", "main", PIN], ["key", "list", f"-{PIN}"],
                      ["key", "list", f"--x={PIN}"], ["key", "list", "--pin-fd", PIN],
                      ["help", PIN], [PIN]):
            self.assert_fails(self.run_cli(*words), USAGE)

    def test_pin_in_a_uri_is_refused(self):
        for uri in (f"pkcs11:token=demo?pin-value={PIN}", f"PKCS11:token=demo?PIN-VALUE={PIN}",
                    "pkcs11:token=demo?pin-source=file:/tmp/x"):
            self.assert_fails(self.run_cli("key", "list", "--token", uri, stdin=PIN), USAGE, "--token", "PIN")

    def test_a_malformed_uri_is_wrong_usage(self):
        for words in (["list", "--token", "pkcs11:token"], ["public", "--object", "pkcs11:nonsense=1"]):
            self.assert_fails(self.run_cli("key", *words, stdin=PIN), USAGE, words[1])

    def test_core_dumps_are_off(self):
        code = subprocess.run(["sh", "-c", 'ulimit -c unlimited; exec "$0" keys --socket /nonexistent', CHANCERY],
                              capture_output=True, env=self.env)
        self.assertEqual(code.returncode, AWAY)
        reader, writer = os.pipe()
        child = subprocess.Popen([CHANCERY, "key", "list", "--pin-fd", str(reader)], env=self.env, pass_fds=[reader],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: "pipe" in wchan_or_state(child.pid), 5)
            with open(f"/proc/{child.pid}/limits") as limits:
                self.assertRegex(limits.read(), r"Max core file size +0 +0 ")
        finally:
            os.close(writer)
            child.communicate(timeout=20)
            os.close(reader)

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([CHANCERY, "--help"], stdout=full, stderr=subprocess.PIPE, env=self.env)
        self.assertEqual(done.returncode, 11)


def wchan_or_state(pid):
    """Where in the kernel the process waits; if the kernel hides that, "pipe" once it sleeps."""
    with open(f"/proc/{pid}/stat") as stat:
        state = stat.read().rsplit(")", 1)[1].split()[0]
    return "pipe" if state == "S" else ""


class Profiles(Sandbox):
    def profile(self, name="kraken"):
        return os.path.join(ROOT, "profiles", name + ".yaml")

    def broken(self, old, new):
        """A copy of a profile with a mistake; returns its path and the mistake's line."""
        with open(self.profile()) as good:
            text = good.read()
        self.assertIn(old, text)
        with open(self.path("kraken.yaml"), "w") as out:
            out.write(text.replace(old, new, 1))
        return self.path("kraken.yaml"), text[: text.index(old)].count("\n") + 1

    def test_a_mistake_is_reported_with_its_line(self):
        for old, new, says in (("class: read", "class: reed", "reed"), ("schemes:", "shemes:", ""),
                               ("mechanism: hmac-sha512", "mechanism: md5", "md5"), ("endpoints:", "endpoints: [", "")):
            with self.subTest(new):
                path, line = self.broken(old, new)
                result = self.run_cli("profile", "check", path)
                self.assert_fails(result, CONFIG, "kraken.yaml:", says)
                if says:
                    self.assertIn(f"kraken.yaml:{line}: ", result.err)

    def test_a_broken_profile_is_neither_listed_nor_shown_nor_tested(self):
        path, _ = self.broken("class: read", "class: reed")
        folder = ("--profiles", os.path.dirname(path))
        self.assert_fails(self.run_cli("profile", "list", *folder), CONFIG, "reed")
        self.assert_fails(self.run_cli("profile", "show", "kraken", *folder), CONFIG, "reed")

    def test_a_missing_file_or_profile_is_an_error(self):
        self.assertNotEqual(self.run_cli("profile", "check", self.path("none.yaml")).status, OK)
        self.assertNotEqual(self.run_cli("profile", "show", "no-such-exchange").status, OK)
        self.assertNotEqual(self.run_cli("profile", "list", "--profiles", self.path("none")).status, OK)

    def test_list_and_show_agree(self):
        listed = {row["name"]: row for row in json.loads(self.ok("profile", "list", "--json").out)["profiles"]}
        shown = json.loads(self.ok("profile", "show", "kraken", "--json").out)
        endpoints = shown.pop("endpoints")
        self.assertEqual((shown.pop("refuses_unknown"), shown.pop("acceptable_confusions")), ([], []))
        self.assertEqual(shown.pop("left_out"), [])
        self.assertEqual(set(shown.pop("answers")), {"errors", "misread", "rejected"})
        self.assertEqual(shown, listed["kraken"])
        for class_, count in shown["endpoints_by_class"].items():
            self.assertEqual(sum(endpoint["class"] == class_ for endpoint in endpoints), count, class_)
        lines = self.ok("profile", "show", "kraken").out.splitlines()
        self.assertRegex(lines[1], r"^environment live: \d+ endpoints$")
        lines = [line for line in lines if not line.startswith(("environment ", "    ", "answer if ", "nothing was placed if "))]
        self.assertEqual(len(lines), len(endpoints) + 1)
        self.assertTrue(lines[0].startswith("kraken: "), lines[0])

    def test_show_says_which_calls_are_left_out_and_why(self):
        shown = json.loads(self.ok("profile", "show", "bingx", "--json").out)
        self.assertEqual([each["call"] for each in shown["left_out"]], ["GET /openApi/swap/v1/trade/batchCancelReplace"])
        last = self.ok("profile", "show", "bingx").out.splitlines()[-1]
        self.assertRegex(last, "^left out GET /openApi/swap/v1/trade/batchCancelReplace: .*POST")

    def test_show_says_what_the_exchange_answers(self):
        answers = json.loads(self.ok("profile", "show", "kraken", "--json").out)["answers"]
        self.assertEqual(answers["errors"]["refused"], {"status": 200, "headers": {"Content-Type": "application/json"},
                                                        "body": '{"error":["EGeneral:Permission denied","{message}"]}'})
        self.assertEqual(set(answers["errors"]), {"refused", "locked", "not-sent", "unknown"})
        self.assertRegex(answers["rejected"][0], "^/error/[*] is EAPI:Invalid key, .*EOrder:Insufficient funds")
        out = self.ok("profile", "show", "kraken").out
        self.assertIn("answer if unknown: 504 Gateway timeout: {message}", out)
        self.assertIn("nothing was placed if " + answers["rejected"][1], out)

    def test_check_reports_what_falls_together(self):
        out = self.ok("profile", "check", self.profile("binance")).out
        self.assertRegex(out, r"(?m)^  read +GET +/api/v3/account +\[by hmac may open: .*account.*\]$")
        self.assertRegex(out, r"(?m)^  trade +POST +/api/v3/order +\[by hmac may open: .*withdraw.*\]"
                              r" +\[if unknown parameters are refused, by hmac: none\]$")
        self.assertIn("unknown parameters are refused under /api/ (error -1104, and -1105 for one without a value), and count as ignored elsewhere", out)
        self.assertIn("policy may accept 'fast-withdraw-switch', which lets callers switch instant", out)
        self.assertNotIn("may open", self.ok("profile", "check", self.profile("okx")).out)

    def test_check_reports_where_parameters_are_not_signed(self):
        self.assertRegex(self.ok("profile", "check", self.profile("htx")).out, "signed without their parameters")
        self.assertNotIn("without their parameters", self.ok("profile", "check", self.profile("binance")).out)


class Tokens(Sandbox):
    def test_token_is_made_and_listed(self):
        self.make_token()
        tokens = json.loads(self.ok("token", "list", "--json").out)["tokens"]
        self.assertIn(("demo", True, "ok"), [(t["label"], t["initialized"], t["pin"]) for t in tokens])
        self.assertRegex(self.ok("token", "list").out, r"(?m)^demo +\d+ +yes +ok ")

    def test_info_says_what_the_token_says_and_what_it_serves(self):
        self.make_token()
        answer = json.loads(self.ok("token", "info", "--json").out)
        self.assertEqual((answer["token"]["label"], answer["token"]["pin"]), ("demo", "ok"))
        self.assertIn("CKF_LOGIN_REQUIRED", answer["token"]["flags"])
        self.assertEqual(answer["module"]["description"], "Implementation of PKCS11")
        rows = {row["name"]: row for row in answer["mechanisms"]}
        self.assertEqual({row["signs"] for row in rows.values()}, {"yes"})
        self.assertIn({"profile": "kraken", "scheme": "hmac"}, rows["hmac-sha512"]["schemes"])
        self.assertIn("CKM_SHA256_HMAC", [row["name"] for row in answer["offered"]])
        text = self.ok("token", "info").out
        self.assertRegex(text, r"(?m)^Token +demo$")
        self.assertRegex(text, r"(?m)^rsa-sha256 +yes +yes +512 to 16384$")
        self.assertRegex(text, r"(?s)hmac-sha512 serves:.* kraken/hmac")

    def test_info_shows_a_pin_that_failed(self):
        self.make_token()
        self.run_cli("key", "list", stdin="wrong-pin-3380")
        self.assertEqual(json.loads(self.ok("token", "info", "--json").out)["token"]["pin"], "failed before")

    def test_info_serves_every_scheme_of_every_profile(self):
        self.make_token()
        answer = json.loads(self.ok("token", "info", "--json").out)
        served = {(use["profile"], use["scheme"]) for row in answer["mechanisms"] for use in row["schemes"]}
        profiles = json.loads(self.ok("profile", "list", "--json").out)["profiles"]
        self.assertEqual(served, {(row["name"], scheme) for row in profiles for scheme in row["schemes"]})
        self.assert_fails(self.run_cli("token", "info", "--profiles", self.path("none")), 11, "--profiles")

    def test_label_taken_needs_erase(self):
        self.make_token()
        self.assert_fails(self.run_cli("token", "init", "--label", "demo", stdin=f"{SO_PIN}\n{PIN}\n"), CONFLICT, "demo")
        self.ok("token", "init", "--label", "demo", "--erase", stdin=f"{SO_PIN}\n{PIN}\n")

    def test_pins_come_from_descriptors(self):
        self.ok("token", "init", "--label", "demo", "--so-pin-fd", "{0}", "--pin-fd={1}", fds=(SO_PIN, PIN + "\r\n"))
        self.assertEqual(self.keys(), {})

    def test_missing_or_empty_pin_changes_nothing(self):
        for stdin in ("", "\n", f"{SO_PIN}\n", f"{SO_PIN}\n\n"):
            self.assert_fails(self.run_cli("token", "init", "--label", "demo", stdin=stdin), USAGE, "PIN is ")
        self.assertNotIn("demo", self.ok("token", "list").out)

    def test_closed_standard_input_is_an_error(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" token init --label demo <&-', CHANCERY], env=self.env,
                              capture_output=True, start_new_session=True)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"no terminal", done.stderr)

    def test_unknown_module_is_an_error(self):
        self.assertNotEqual(self.run_cli("token", "list", "--module", "/nonexistent.so").status, OK)


class Probe(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()

    def probe(self, *words):
        return json.loads(self.ok("token", "probe", "--json", *words, stdin=PIN).out)

    def test_every_mechanism_works_and_nothing_is_left(self):
        self.ok("key", "generate", "--label", "mine", "--mechanism", "ed25519", stdin=PIN)
        report = self.probe()
        for row in report["mechanisms"]:
            with self.subTest(row["mechanism"]):
                steps = ("generate", "import", "attributes", "sign", "threads", "delete")
                self.assertEqual({step: row[step] for step in steps}, dict.fromkeys(steps, "ok"), row["failures"])
                self.assertGreater(row["rate_1"], 0)
                self.assertGreater(row["rate_4"], 0)
        self.assertEqual(len(report["mechanisms"]), len(self.ok("help", "mechanisms").out.splitlines()) - 1)
        self.assertRegex(report["date"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertNotIn("serial", report["token"])
        self.assertEqual(list(self.keys()), ["mine"])

    def test_the_report_can_be_published(self):
        serial = json.loads(self.ok("token", "info", "--json").out)["token"]["serial"]
        text = self.ok("token", "probe", "--mechanism", "hmac-sha256", stdin=PIN)
        self.assertRegex(text.out, r"(?m)^hmac-sha256 +ok +ok +ok +ok +ok +ok +\d+ +\d+$")
        self.assertRegex(text.out, r"(?m)^Token:  SoftHSM v2, by SoftHSM project, hardware 2\.06, firmware 2\.06$")
        for secret in (serial, "demo"):
            self.assertNotIn(secret, text.out + self.ok("token", "probe", "--mechanism", "hmac-sha256", "--json",
                                                        stdin=PIN).out)

    def test_an_interrupt_leaves_no_key(self):
        env = {**self.env, "ASAN_OPTIONS": self.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"} # as run_cli says
        child = subprocess.Popen([CHANCERY, "token", "probe"], env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        child.stdin.write(PIN.encode())
        child.stdin.close()
        child.stdin = None
        self.assertEqual(child.stderr.readline(), b"trying hmac-sha256\n")
        child.send_signal(signal.SIGINT)
        _, error = child.communicate(timeout=30)
        self.assertEqual(child.returncode, REFUSED, error)
        self.assertIn(b"interrupted", error)
        self.assertEqual(self.keys(), {})

    def test_what_a_killed_probe_left_is_mentioned(self):
        self.ok("key", "generate", "--label", "chancery-probe-made-00000000", "--mechanism", "ed25519", stdin=PIN)
        result = self.ok("token", "probe", "--mechanism", "ed25519", stdin=PIN)
        self.assertIn("an earlier probe left key 'chancery-probe-made-00000000'", result.err)
        self.assertEqual(list(self.keys()), ["chancery-probe-made-00000000"])

    def test_wrong_usage(self):
        self.assert_fails(self.run_cli("token", "probe", "--mechanism", "rot13"), USAGE, "rot13")
        self.assert_fails(self.run_cli("token", "probe", stdin="wrong-pin-3380"), WRONG_PIN)


class Keys(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()

    def import_hmac(self, label, *words, secret=API_SECRET):
        return self.run_cli("key", "import", "--label", label, *words, stdin=f"{PIN}\n{secret}\n")

    def test_imported_secret_is_protected(self):
        result = self.import_hmac("k", "--mechanism", "hmac-sha256")
        self.assertEqual(result.status, OK, result)
        key = self.keys()["k"]
        self.assertEqual((key["sensitive"], key["extractable"], key["private"], key["can_sign"], key["can_other"]),
                         (True, False, True, True, False))
        self.assertEqual((key["protection"], key["origin"], key["type"]), ("ok", "imported", "hmac"))
        self.assertRegex(self.ok("key", "list", stdin=PIN).out, r"(?m)^k +hmac .* ok$")

    def sign_with_pkcs11_tool(self, label, mechanism, message):
        with open(self.path("message"), "wb") as out:
            out.write(message)
        done = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "demo", "--login", "--pin", PIN,
                               "--sign", "--mechanism", mechanism, "--label", label, "--input-file",
                               self.path("message"), "--output-file", self.path("signature")],
                              env=self.env, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("signature"), "rb") as signature:
            return signature.read()

    def test_encodings_give_the_same_key(self):
        raw = base64.b64decode(KRAKEN_SECRET)
        for encoding, text in (("base64", KRAKEN_SECRET), ("hex", raw.hex())):
            SECRETS.append(text)
            result = self.import_hmac(encoding, "--mechanism", "hmac-sha512", "--encoding", encoding, secret=text)
            self.assertEqual(result.status, OK, result)
            self.assertEqual(self.sign_with_pkcs11_tool(encoding, "SHA512-HMAC", b"message"),
                             hmac.digest(raw, b"message", hashlib.sha512))

    def test_profile_picks_mechanism_and_encoding(self):
        result = self.import_hmac("k", "--profile", "kraken", "--json", secret=KRAKEN_SECRET)
        self.assertEqual(result.status, OK, result)
        self.assertEqual(json.loads(result.out), {"label": "k", "object": "pkcs11:object=k", "mechanism": "hmac-sha512"})
        self.assertEqual(self.sign_with_pkcs11_tool("k", "SHA512-HMAC", b"message"),
                         hmac.digest(base64.b64decode(KRAKEN_SECRET), b"message", hashlib.sha512))
        self.assert_fails(self.import_hmac("j", "--profile", "kraken", "--scheme", "nonsense"), NOT_FOUND, "nonsense")
        self.assertNotEqual(self.import_hmac("j", "--profile", "no-such-exchange").status, OK)

    def test_label_taken_is_refused(self):
        self.assertEqual(self.import_hmac("k", "--mechanism", "hmac-sha256").status, OK)
        self.assert_fails(self.import_hmac("k", "--mechanism", "hmac-sha256"), CONFLICT, "k")
        self.assertEqual(len(self.keys()), 1)

    def test_bad_secrets_are_refused_before_the_pin_is_tried(self):
        hmac_key = ("key", "import", "--label", "k", "--mechanism", "hmac-sha256")
        for name, words, stdin in (("no secret", (), "wrong-pin-3380\n"), ("empty secret", (), "wrong-pin-3380\n\n"),
                                   ("no pin", (), ""), ("too long", (), "wrong-pin-3380\n" + "x" * 5000)):
            with self.subTest(name):
                self.assert_fails(self.run_cli(*hmac_key, *words, stdin=stdin), USAGE)
        for encoding, secret in (("hex", "abc"), ("hex", "zz"), ("base64", "a"), ("base64", "not base64!")):
            with self.subTest(encoding + " " + secret):
                result = self.run_cli(*hmac_key, "--encoding", encoding, stdin=f"{PIN}\n{secret}\n")
                self.assert_fails(result, USAGE)
                self.assertNotIn("not base64!", result.err)
        self.assertEqual(self.keys(), {})

    def test_wrong_pin_says_so(self):
        result = self.run_cli("key", "list", stdin="wrong-pin-3380\n")
        self.assert_fails(result, WRONG_PIN, "CKR_PIN_INCORRECT", "hint: ")

    def test_missing_token_and_key_are_not_found(self):
        result = self.run_cli("key", "list", "--token", "other", stdin=PIN)
        self.assert_fails(result, NOT_FOUND, "demo")
        for words in (["public"], ["delete", "--yes"]):
            self.assert_fails(self.run_cli("key", *words, "--object", "nothing", stdin=PIN), NOT_FOUND)

    def openssl(self, *words, data=b""):
        done = subprocess.run(["openssl", *words], input=data, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_generated_key_prints_what_openssl_reads(self):
        for mechanism, words, kind in (("ed25519", (), "ED25519"), ("rsa-sha256", ("--bits", "2048"), "2048 bit"),
                                       ("p256-sha256", (), "P-256")):
            with self.subTest(mechanism):
                result = self.ok("key", "generate", "--label", mechanism, "--mechanism", mechanism, *words, stdin=PIN)
                self.assertIn(kind, self.openssl("pkey", "-pubin", "-text", "-noout", data=result.out.encode()).decode())
                again = self.ok("key", "public", "--object", f"pkcs11:object={mechanism}", stdin=PIN)
                self.assertEqual(again.out, result.out)
                one_line = self.ok("key", "public", "--object", mechanism, "--format", "base64", stdin=PIN).out
                self.assertEqual(one_line.strip(), "".join(result.out.splitlines()[1:-1]))
                self.assertEqual(self.keys()[mechanism]["origin"], "generated")

    def test_public_key_verifies_what_the_token_signs(self):
        pem = self.ok("key", "generate", "--label", "k", "--mechanism", "ed25519", "--json", stdin=PIN)
        with open(self.path("public.pem"), "w") as out:
            out.write(json.loads(pem.out)["public_key"])
        self.sign_with_pkcs11_tool("k", "EDDSA", b"message")
        self.openssl("pkeyutl", "-verify", "-pubin", "-inkey", self.path("public.pem"), "-rawin", "-in",
                     self.path("message"), "-sigfile", self.path("signature"))

    def test_pem_import(self):
        for mechanism, words in (("ed25519", ["-algorithm", "ED25519"]),
                                 ("rsa-sha256", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                                 ("p256-sha256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            with self.subTest(mechanism):
                pem = self.openssl("genpkey", *words).decode()
                SECRETS.append(pem.splitlines()[1])
                self.ok("key", "import", "--pem", "--label", mechanism, "--mechanism", mechanism, stdin=f"{PIN}\n{pem}")
                public = self.ok("key", "public", "--object", mechanism, stdin=PIN).out
                self.assertEqual(public.encode(), self.openssl("pkey", "-pubout", data=pem.encode()))
                self.ok("key", "import", "--pem", "--label", mechanism + "-fd", "--mechanism", mechanism, "--pin-fd",
                        "{0}", "--secret-fd", "{1}", fds=(PIN, pem))

    def test_pem_in_the_wrong_place_is_refused(self):
        pem = self.openssl("genpkey", "-algorithm", "ED25519").decode()
        SECRETS.append(pem.splitlines()[1])
        ed25519 = ("key", "import", "--pem", "--label", "k", "--mechanism")
        self.assert_fails(self.run_cli(*ed25519, "ed25519", stdin=pem), USAGE, "PEM")
        self.assert_fails(self.run_cli(*ed25519, "ed25519", stdin=f"{PIN}\n{API_SECRET}\n"), USAGE, "neither PEM")
        self.assertNotEqual(self.run_cli(*ed25519, "rsa-sha256", stdin=f"{PIN}\n{pem}").status, OK)
        self.assert_fails(self.run_cli("key", "import", "--label", "k", "--mechanism", "hmac-sha256",
                                       stdin=f"{PIN}\n{pem}"), USAGE, "--pem")
        self.assertEqual(self.keys(), {})

    def test_delete_asks_and_then_deletes(self):
        self.ok("key", "generate", "--label", "k", "--mechanism", "ed25519", stdin=PIN)
        self.assert_fails(self.run_cli("key", "delete", "--object", "k", stdin=PIN), USAGE, "--yes")
        self.assertIn("k", self.keys())
        self.ok("key", "delete", "--object", "k", "--yes", stdin=PIN)
        self.assertEqual(self.keys(), {})

    def test_label_with_odd_characters(self):
        label = "maker/taker 1;x=ü"
        result = self.import_hmac(label, "--mechanism", "hmac-sha256", "--json")
        self.assertEqual(result.status, OK, result)
        self.ok("key", "delete", "--yes", "--object", json.loads(result.out)["object"], stdin=PIN)

if __name__ == "__main__":
    unittest.main()

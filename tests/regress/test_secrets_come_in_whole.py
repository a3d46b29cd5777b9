"""`chancery key import` made a key of whatever the first line held, and reported success: of a byte order mark and the secret,
of the first line of wrapped base64, of the public id in a key file of two lines, of the '{' of a JSON file. Nobody could see
it afterwards. Now it takes what is beyond doubt one secret, says what it took, and refuses the rest with the reason."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
import test_secrets
from cli_sandbox import API_SECRET, CHANCERY, KRAKEN_SECRET, MODULE, PIN, Sandbox, wait_until

OK, USAGE = 0, 2
BINANCE = ("--profile", "binance")
KRAKEN = ("--profile", "kraken")
OKX = ("--profile", "okx")
GENERIC = ("--mechanism", "hmac-sha256")
GENERIC_BASE64 = ("--mechanism", "hmac-sha512", "--encoding", "base64")
GENERIC_HEX = ("--mechanism", "hmac-sha256", "--encoding", "hex")
ES256 = ("--profile", "coinbase", "--scheme", "es256")
EDDSA = ("--profile", "coinbase", "--scheme", "eddsa")
RSA = ("--mechanism", "rsa-sha256", "--pem")
OKX_SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
KUCOIN_KEY = "61a2b3c4d5e6f708192a3b4c"
KRAKEN_ID = base64.b64encode(bytes(range(42))).decode()  # as long as the ids of Kraken are
MESSAGE = b"message"


def openssl(*words, data=""):
    done = subprocess.run(["openssl", *words], input=data.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def der_of(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def b64(data):
    return base64.b64encode(data).decode()


def wrapped(text, columns, end="\n"):
    return "".join(text[at : at + columns] + end for at in range(0, len(text), columns))


EC = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
EC_OLD = openssl("ec", data=EC)  # Coinbase's form
EC_OTHER = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
EC_PARAMETERS = openssl("ecparam", "-name", "prime256v1")
ED = openssl("genpkey", "-algorithm", "ED25519")
ED_PUBLIC = openssl("pkey", "-pubout", data=ED)
SEED = der_of(ED)[-32:]
ED_64 = b64(SEED + der_of(ED_PUBLIC)[-32:])  # Coinbase's form
RSA_2048 = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
RSA_1024 = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
ENCRYPTED = openssl("pkcs8", "-topk8", "-passout", "pass:x", data=EC)
ENCRYPTED_OLD = openssl("rsa", "-traditional", "-aes128", "-passout", "pass:x", data=RSA_2048)
EC_NAME = "organizations/f00/apiKeys/ba4"


def written_out(pem):
    return pem.replace("\n", "\\n")


# What stands in the output of a case must have none of these, in any spelling.
SECRETS = test_secrets.spellings(
    [API_SECRET.encode(), KRAKEN_SECRET.encode(), base64.b64decode(KRAKEN_SECRET), OKX_SECRET.encode(), PIN.encode(), SEED,
     *(der_of(pem) for pem in (EC, EC_OLD, EC_OTHER, ED, RSA_2048)),
     *(line.encode() for pem in (EC, EC_OLD, ED, RSA_2048) for line in pem.splitlines() if not line.startswith("-"))]
)

# name: (words, what is passed, what it says that it took)
HMAC_TAKEN = {
    "text": (BINANCE, API_SECRET, "text, 64 bytes"),
    "a line end": (BINANCE, API_SECRET + "\n", "text, 64 bytes"),
    "a line end of Windows": (BINANCE, API_SECRET + "\r\n", "text, 64 bytes"),
    "text without a profile": (GENERIC, API_SECRET + "\n", "text, 64 bytes"),
    "upper hex digits that are text": (OKX, OKX_SECRET + "\n", "text, 32 bytes"),
    "hex": (GENERIC_HEX, "00ff" * 16 + "\n", "hex, 32 bytes"),
    "base64": (KRAKEN, KRAKEN_SECRET + "\n", "base64, 64 bytes"),
    "base64 of 64 columns": (KRAKEN, wrapped(KRAKEN_SECRET, 64), "base64, 64 bytes; 2 wrapped lines joined"),
    "base64 of 76 columns": (KRAKEN, wrapped(KRAKEN_SECRET, 76), "base64, 64 bytes; 2 wrapped lines joined"),
    "base64 of 4 columns": (KRAKEN, wrapped(KRAKEN_SECRET, 4), "base64, 64 bytes; 22 wrapped lines joined"),
    "base64 of 7 columns": (KRAKEN, wrapped(KRAKEN_SECRET, 7), "base64, 64 bytes; 13 wrapped lines joined"),
    "base64 in two halves": (KRAKEN, wrapped(KRAKEN_SECRET, 44), "base64, 64 bytes; 2 wrapped lines joined"),
    "base64 of 76 columns by mail": (KRAKEN, wrapped(KRAKEN_SECRET, 76, "\r\n"), "base64, 64 bytes; 2 wrapped lines joined"),
    "base64 of 64 columns, no profile": (GENERIC_BASE64, wrapped(KRAKEN_SECRET, 64), "base64, 64 bytes; 2 wrapped lines joined"),
}
PAIRS_TAKEN = {
    "PEM": (ES256, EC, "PEM, 138 bytes: EC on prime256v1"),
    "PEM with --pem": (ES256 + ("--pem",), EC, "PEM, 138 bytes"),
    "PEM of Windows": (ES256, EC.replace("\n", "\r\n"), "PEM, 138 bytes"),
    "PEM in the older form": (ES256, EC_OLD, "PEM, 121 bytes"),
    "PEM after its curve's parameters": (ES256, EC_PARAMETERS + EC_OTHER, "PEM, 121 bytes"),
    "PEM of RSA": (RSA, RSA_2048, "RSA with 2048 bits"),
    "PEM with \\n written out": (ES256, written_out(EC_OLD), "line ends were written as \\n"),
    "PEM with \\r\\n written out": (ES256, EC_OLD.replace("\n", "\\r\\n") + "\n", "line ends were written as \\n"),
    "PEM on one line": (EDDSA, ED.replace("\n", ""), "was on one line"),
    "PEM on one line with spaces": (ES256, EC.strip().replace("\n", " ") + "\n", "was on one line"),
    "Coinbase's key file": (ES256, json.dumps({"name": EC_NAME, "privateKey": EC_OLD}), f"from a JSON key file, key_id {EC_NAME}"),
    "Coinbase's key file, indented": (ES256, json.dumps({"name": EC_NAME, "privateKey": EC_OLD}, indent=3) + "\n", EC_NAME),
    "Coinbase's key file of Ed25519": (EDDSA, json.dumps({"id": "c0ffee", "privateKey": ED_64}), "key_id c0ffee"),
    "Coinbase's Ed25519 key": (EDDSA, ED_64, "base64, 64 bytes (seed and public key): Ed25519"),
    "Coinbase's Ed25519 key, --pem": (EDDSA + ("--pem",), ED_64 + "\n", "base64, 64 bytes"),
    "Coinbase's Ed25519 key, wrapped": (EDDSA, wrapped(ED_64, 76), "2 wrapped lines joined"),
    "PEM in other JSON": (EDDSA, json.dumps({"type": "x", "private_key": ED}), "from a JSON key file"),
}

# Around a secret of each kind: name: (what is put around it, what the error says)
AROUND = {
    "a byte order mark": ("\ufeff{}\n", "byte order mark"),
    "UTF-16": (lambda text: (text + "\n").encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (lambda text: (text + "\n").encode("utf-16-le"), "UTF-16"),
    "a space before": (" {}\n", "begins with a space"),
    "a space after": ("{} \n", "ends with a space"),
    "a tab before": ("\t{}\n", "begins with a tab"),
    "a tab after": ("{}\t\n", "ends with a tab"),
    "a no-break space before": ("\u00a0{}\n", "begins with a no-break space"),
    "a no-break space after": ("{}\u00a0\n", "ends with a no-break space"),
    "a no-break space in Latin-1": (lambda text: text.encode() + b"\xa0\n", "ends with a no-break space"),
    "a zero-width space before": ("\u200b{}\n", "without width"),
    "a zero-width space after": ("{}\u200b\n", "without width"),
    "a word joiner after": ("{}\u2060\n", "without width"),
    "CR CR LF": ("{}\r\r\n", "CR CR LF"),
    "a carriage return alone": ("{}\r", "carriage return"),
    "double quotes": ('"{}"\n', "quotes"),
    "single quotes": ("'{}'\n", "quotes"),
    "quotes of a word processor": ("\u201c{}\u201d\n", "quotes"),
    "NAME=value": ("API_SECRET={}\n", "NAME=value"),
    "NAME=value in quotes": ('API_SECRET="{}"\n', "NAME=value"),
    "export NAME=value": ("export API_SECRET={}\n", "NAME=value"),
    "NAME = value": ("secret = {}\n", "NAME=value"),
    "YAML": ("secret: {}\n", "NAME=value"),
    "JSON": ('{{"apiKey": "x", "secret": "{}"}}\n', "JSON"),
    "JSON over lines": ('{{\n  "secret": "{}"\n}}\n', "JSON"),
    "a JSON string": ('"{}"', "quotes"),
    "a comment before": ("# the new one\n{}\n", "comment"),
    "a comment after": ("{}\n#new\n", "lines"),
    "an empty line before": ("\n{}\n", "empty line"),
    "an empty line after": ("{}\n\n", "empty line"),
    "an id before": ("x8f2\n{}\n", "lines"),
    "an id before on the line": ("x8f2 {}\n", "space"),
    "another value after": ("{}\nhunter2\n", "lines"),
    "a public key": ("ssh-ed25519 {}\n", "space"),
}
HMAC_KINDS = {"text": (BINANCE, API_SECRET), "text without a profile": (GENERIC, API_SECRET), "base64": (KRAKEN, KRAKEN_SECRET),
              "base64 without a shape": (GENERIC_BASE64, KRAKEN_SECRET)}

HMAC_REFUSED = {
    "half a secret": (BINANCE, API_SECRET[:32] + "\n", "has 32 characters, and those of binance have 64"),
    "a secret twice": (BINANCE, API_SECRET * 2, "has 128 characters"),
    "a character that Binance does not use": (BINANCE, API_SECRET[:-1] + "-", "has other characters"),
    "the first line of wrapped base64": (KRAKEN, KRAKEN_SECRET[:76] + "\n", "has 76 characters, and those of kraken have 88"),
    "the id of the key": (KRAKEN, KRAKEN_ID, "has 56 characters"),
    "krakenex' key file": (KRAKEN, f"{KRAKEN_ID}\n{KRAKEN_SECRET}\n", "2 lines, which may be more than one value"),
    "krakenex' key file, no profile": (GENERIC_BASE64, f"{KRAKEN_ID}\n{KRAKEN_SECRET}\n", "more than one value"),
    "two secrets": (KRAKEN, f"{KRAKEN_SECRET}\n{KRAKEN_SECRET}\n", "more than one value"),
    "an id and a secret that wrap alike": (GENERIC_BASE64, f"{'Ab1+' * 16}\n{b64(bytes(32))}\n", "more than one value"),
    "an id and a secret of one length": (GENERIC_BASE64, f"{'Ab1+' * 8}\n{'cD2/' * 8}\n", "more than one value"),
    "wrapped base64 and more": (KRAKEN, wrapped(KRAKEN_SECRET, 64) + "x\n", "more than one value"),
    "wrapped base64 with a gap": (KRAKEN, f"{KRAKEN_SECRET[:64]}\n\n{KRAKEN_SECRET[64:]}\n", "3 lines"),
    "wrapped base64, indented": (KRAKEN, f"{KRAKEN_SECRET[:64]}\n {KRAKEN_SECRET[64:]}\n", "a space"),
    "base64 without its padding": (KRAKEN, KRAKEN_SECRET.rstrip("="), "lacks its padding"),
    "base64 for URLs": (KRAKEN, KRAKEN_SECRET.replace("/", "_").replace("+", "-"), "not a base64 digit"),
    "a wrapped text": (BINANCE, f"{API_SECRET[:32]}\n{API_SECRET[32:]}\n", "2 lines"),
    "wrapped hex": (GENERIC_HEX, f"{'00ff' * 8}\n{'00ff' * 8}\n", "2 lines"),
    "hex with a prefix": (GENERIC_HEX, "0x" + "00ff" * 16, "not a hex digit"),
    "lower case at OKX": (OKX, OKX_SECRET.lower(), "has other characters"),
    "KuCoin's key instead of its secret": (("--profile", "kucoin"), KUCOIN_KEY, "has 24 characters"),
    "id:secret": (GENERIC, f"x8f2:{API_SECRET}", "more than one value"),
    "id,secret": (GENERIC, f"x8f2,{API_SECRET}", "more than one value"),
    "a variable that was not expanded": (GENERIC, "${API_SECRET}", "place-holder"),
    "a private key": (BINANCE, EC, "a private key"),
    "a public key": (BINANCE, ED_PUBLIC, "a public key"),
    "Coinbase's key file": (("--profile", "coinbase"), json.dumps({"id": "c0ffee", "privateKey": ED_64}), "--scheme eddsa"),
    "nothing": (BINANCE, "", "missing"),
    "an empty line": (BINANCE, "\n", "empty"),
}
PAIRS_REFUSED = {
    "a byte order mark": (ES256, "\ufeff" + EC, "byte order mark"),
    "UTF-16": (ES256, EC.encode("utf-16"), "UTF-16"),
    "CR CR LF": (ES256, EC.replace("\n", "\r\r\n"), "CR CR LF"),
    "an empty line before": (ES256, "\n" + EC, "empty line"),
    "a space before": (ES256, " " + EC, "begins with a space"),
    "a no-break space before": (ES256, "\u00a0" + EC, "begins with a no-break space"),
    "a zero-width space before": (ES256, "\u200b" + EC, "without width"),
    "indented": (ES256, EC.replace("\nM", "\n  M"), "a space"),
    "a tab at a line's end": (ES256, EC.replace("KEY-----\nM", "KEY-----\t\nM"), "a tab"),
    "a zero-width space within": (ES256, EC.replace("\nM", "\n\u200bM"), "without width"),
    "a comment": (ES256, "# my key\n" + EC, "comment"),
    "a heading": (ES256, "my key\n" + EC, "text before the -----BEGIN line"),
    "text after it": (ES256, EC + "my key\n", "after the -----END line"),
    "quotes": (ES256, f'"{written_out(EC)}"', "quotes"),
    "NAME=value": (ES256, f'KEY="{written_out(EC)}"', "NAME=value"),
    "two keys": (ES256, EC + EC_OLD, "more than the private key"),
    "a certificate too": (ES256, EC + EC.replace("PRIVATE KEY", "CERTIFICATE"), "more than the private key"),
    "cut short": (ES256, EC[:-40], "cut short"),
    "cut within": (ES256, EC[:80] + EC[88:], "damaged"),
    "a changed digit": (ES256, EC_OLD.replace("\nMHcCAQEEI", "\nMHcCAQEEJ"), ""),
    "another public half": (ES256, "-----BEGIN EC PRIVATE KEY-----\n" +
                            b64(der_of(EC_OLD)[:-64] + der_of(EC_OTHER)[-64:]) + "\n-----END EC PRIVATE KEY-----\n",
                            "halves do not belong together"),
    "encrypted": (ES256, ENCRYPTED, "encrypted with a pass phrase"),
    "encrypted in the older form": (RSA, ENCRYPTED_OLD, "encrypted with a pass phrase"),
    "RSA of 1024 bits": (RSA, RSA_1024, "has 1024 bits, and 2048 to 4096 are taken"),
    "RSA for a curve": (ES256, RSA_2048, "is RSA with 2048 bits, and p256-sha256 signs with prime256v1"),
    "Ed25519 for a curve": (ES256, ED_64, "is Ed25519"),
    "a curve for Ed25519": (EDDSA, EC_OLD, "is EC on prime256v1"),
    "a public key": (EDDSA, ED_PUBLIC, "public key"),
    "a public key in base64": (EDDSA, b64(der_of(ED_PUBLIC)), "public key"),
    "a public key of SSH": (EDDSA, f"ssh-ed25519 {b64(bytes(51))} me@here", "public key"),
    "a certificate": (ES256, EC.replace("PRIVATE KEY", "CERTIFICATE"), "public key"),
    "OpenSSH's form": (EDDSA, ED.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"), "OpenSSH"),
    "the inside of a PEM": (EDDSA, b64(der_of(ED)), "inside of a PEM"),
    "an API secret": (EDDSA, API_SECRET, "neither PEM"),
    "half an Ed25519 key": (EDDSA, b64(SEED), "half of a private one"),
    "halves that do not belong together": (EDDSA, b64(SEED + bytes(32)), "second half is not the public key"),
    "a seed twice": (EDDSA, b64(SEED + SEED), "second half is not the public key"),
    "Coinbase's Ed25519 key and a space": (EDDSA, ED_64 + " ", "ends with a space"),
    "Coinbase's Ed25519 key in quotes": (EDDSA, f'"{ED_64}"', "quotes"),
    "two Ed25519 keys": (EDDSA, f"{ED_64}\n{ED_64}\n", "more than one value"),
    "JSON without a key": (ES256, json.dumps({"name": EC_NAME}), "JSON that is not understood"),
    "JSON with a public key": (ES256, json.dumps({"name": EC_NAME, "privateKey": ED_PUBLIC}), "public key"),
    "JSON with two keys": (ES256, json.dumps({"privateKey": EC, "old": EC_OLD}), "more than one private key"),
    "JSON with a key twice": (ES256, f'{{"privateKey":"{written_out(EC)}","privateKey":"{written_out(EC)}"}}', "more than one"),
    "JSON within JSON": (ES256, json.dumps({"key": {"privateKey": EC}}), "not understood"),
    "JSON that is cut": (ES256, json.dumps({"privateKey": EC})[:-1], "not understood"),
    "JSON and more": (ES256, json.dumps({"privateKey": EC}) + "{}", "something follows"),
    "a list": (ES256, json.dumps([EC]), "not understood"),
    "JSON of a secret": (EDDSA, json.dumps({"apiKey": "x", "secret": ED_64}), "not understood"),
    "JSON with a blank in the key": (EDDSA, json.dumps({"privateKey": " " + ED_64}), "begins with a space"),
    "nothing": (ES256, "", "missing"),
}

# How the bytes reach it: from standard input after the PIN, and from a descriptor.
WAYS = ("stdin", "descriptor")


class Import(Sandbox):
    def setUp(self):
        super().setUp()
        self.make_token()
        self.count = 0

    def import_key(self, words, data, way="stdin"):
        data = data if isinstance(data, bytes) else data.encode()
        self.count += 1
        command = [CHANCERY, "key", "import", "--label", f"k{self.count}", *words]
        pin, descriptors = PIN.encode() + b"\n", []
        if way == "descriptor":
            reader, writer = os.pipe()
            os.write(writer, data)
            os.close(writer)
            descriptors, data = [reader], b""
            command += ["--secret-fd", str(reader)]
        done = subprocess.run(command, input=pin + data, capture_output=True, env=self.env, pass_fds=descriptors,
                              start_new_session=True, timeout=60, check=False)
        for descriptor in descriptors:
            os.close(descriptor)
        said = done.stdout + done.stderr
        self.assertEqual(test_secrets.search(said, {"a secret": SECRETS}), [], "a secret was printed")
        self.assertNotIn(b"hunter2", said)
        return done.returncode, done.stderr.decode()

    def sign(self, label, mechanism):
        pathlib.Path(self.path("message")).write_bytes(MESSAGE)
        subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", "demo", "--login", "--pin", PIN, "--sign",
                        "--mechanism", mechanism, "--id", self.keys()[label]["id"], "--input-file", self.path("message"),
                        "--output-file", self.path("signature")], env=self.env, capture_output=True, check=True)
        return pathlib.Path(self.path("signature")).read_bytes()

    def public(self, label):
        return self.ok("key", "public", "--object", label, stdin=PIN).out

    def assert_makes_no_key(self, cases):
        for way in WAYS:
            for name, (words, data, says) in cases.items():
                with self.subTest(name, way=way):
                    status, said = self.import_key(words, data, way)
                    self.assertEqual((status, said[:10]), (USAGE, "chancery: "), said)
                    self.assertIn(says, said)
        self.assertEqual(self.keys(), {})


class WhatIsTaken(Import):
    def test_what_is_beyond_doubt_makes_the_right_key(self):
        secrets = {BINANCE: API_SECRET.encode(), GENERIC: API_SECRET.encode(), OKX: OKX_SECRET.encode(),
                   GENERIC_HEX: b"\x00\xff" * 16}
        for name, (words, data, taken) in HMAC_TAKEN.items():
            with self.subTest(name):
                status, said = self.import_key(words, data, WAYS[self.count % 2])
                self.assertEqual(status, OK, said)
                self.assertIn(f"taken: {taken}\n", said)
                is_sha256 = words in secrets
                self.assertEqual(self.sign(f"k{self.count}", "SHA256-HMAC" if is_sha256 else "SHA512-HMAC"),
                                 hmac.digest(secrets.get(words) or base64.b64decode(KRAKEN_SECRET), MESSAGE,
                                             hashlib.sha256 if is_sha256 else hashlib.sha512))

    def test_a_private_key_is_taken_however_its_lines_end(self):
        publics = {openssl("pkey", "-pubout", data=pem) for pem in (EC, EC_OTHER, ED, RSA_2048)}
        for name, (words, data, taken) in PAIRS_TAKEN.items():
            with self.subTest(name):
                status, said = self.import_key(words, data, WAYS[self.count % 2])
                self.assertEqual(status, OK, said)
                self.assertRegex(said, r"(?m)^taken: ")
                self.assertIn(taken, said)
                self.assertIn(self.public(f"k{self.count}"), publics)

    def test_a_pin_may_have_spaces(self):
        self.ok("token", "init", "--label", "spaced", stdin="so pin 1\n user pin 2 \r\n")
        self.ok("key", "list", "--token", "spaced", stdin=" user pin 2 \n")


class WhatIsRefused(Import):
    def test_what_is_not_a_secret_makes_no_key(self):
        self.assert_makes_no_key(HMAC_REFUSED)

    def test_what_stands_around_a_secret_makes_no_key(self):
        for kind, (words, secret) in HMAC_KINDS.items():
            self.assert_makes_no_key({
                f"{kind}: {name}": (words, around(secret) if callable(around) else around.format(secret), says)
                for name, (around, says) in AROUND.items()})

    def test_what_is_not_a_private_key_makes_no_key(self):
        self.assert_makes_no_key(PAIRS_REFUSED)

    def test_a_bad_secret_costs_no_try_of_the_pin(self):
        result = self.run_cli("key", "import", "--label", "k", *BINANCE, stdin=f"wrong-pin-3380\n{API_SECRET[:-1]}\n")
        self.assert_fails(result, USAGE, "characters")
        self.assertIn("ok", self.ok("token", "list").out)

    def test_a_line_after_the_last_pin_is_refused(self):
        cases = {
            "a line within": f"{PIN[:4]}\n{PIN[4:]}\n",
            "two lines": f"{PIN}\nhunter2\n",
            "a carriage return": f"{PIN[:4]}\r{PIN[4:]}\n",
            "CR CR LF": f"{PIN}\r\r\n",
            "a byte order mark": f"\ufeff{PIN}\n",
            "nothing": "",
            "an empty line": "\n",
        }
        for name, stdin in cases.items():
            with self.subTest(name):
                self.assert_fails(self.run_cli("key", "list", stdin=stdin), USAGE, "PIN")
        self.assert_fails(self.run_cli("token", "init", "--label", "x", stdin="so-pin-1\nuser-pin-1\nmore\n"), USAGE, "PIN")
        self.assertNotRegex(self.ok("token", "list").out, r"(?m)^x ")


class Typed(Import):
    """On a pseudo-terminal, as a person would use it."""

    def type_secret(self, words, text):
        pid, tty = pty.fork()
        if pid == 0:
            os.execve(CHANCERY, [CHANCERY, "key", "import", "--label", "typed", *words], self.env)
        self.addCleanup(os.close, tty)
        seen = ""
        for prompt, line in (("User PIN: ", PIN), (": ", text)):
            seen = self.read_until(tty, seen, prompt).split(prompt, 1)[1]
            os.write(tty, line.encode() + b"\n")
        seen = self.read_until(tty, seen, None)
        self.assertEqual(test_secrets.search(seen.encode(), {"a secret": SECRETS}), [], "a secret was shown")
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen

    @staticmethod
    def read_until(tty, seen, prompt):
        """To the prompt, and until the echo is off; without a prompt to the end."""
        end = time.monotonic() + 30
        while prompt is None or prompt not in seen:
            if not select.select([tty], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {prompt!r} in {seen!r}")
            try:
                seen += os.read(tty, 4096).decode()
            except OSError:
                if prompt is None:
                    break
                raise AssertionError(f"no {prompt!r} in {seen!r}") from None
        if prompt is not None:
            wait_until(lambda: not termios.tcgetattr(tty)[3] & termios.ECHO, 10)
        return seen

    def test_what_is_typed_is_taken_whole_or_not_at_all(self):
        refused = {
            "a space before": (BINANCE, " " + API_SECRET, "begins with a space"),
            "a space after": (BINANCE, API_SECRET + " ", "ends with a space"),
            "a tab after": (KRAKEN, KRAKEN_SECRET + "\t", "ends with a tab"),
            "a no-break space after": (GENERIC, API_SECRET + "\u00a0", "ends with a no-break space"),
            "quotes": (BINANCE, f'"{API_SECRET}"', "quotes"),
            "half": (BINANCE, API_SECRET[:30], "has 30 characters"),
            "wrapped base64": (KRAKEN, wrapped(KRAKEN_SECRET, 64).strip(), "more than one line was pasted"),
            "a PEM of several lines": (ES256, EC.strip(), "more than one line was pasted"),
            "nothing": (BINANCE, "", "empty"),
        }
        for name, (words, text, says) in refused.items():
            with self.subTest(name):
                status, seen = self.type_secret(words, text)
                self.assertEqual(status, USAGE, seen)
                self.assertIn(says, " ".join(seen.split()))
        self.assertEqual(self.keys(), {})
        status, seen = self.type_secret(EDDSA, ED_64)
        self.assertEqual(status, OK, seen)
        self.assertIn("taken: base64, 64 bytes", seen)
        self.assertEqual(self.public("typed"), ED_PUBLIC)


class OnItsWay(Import):
    @contextlib.contextmanager
    def stopped_before_the_token(self, words, data):
        """An import that has read its secret and waits: SoftHSM2's configuration is a pipe that nobody writes to."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        child = subprocess.Popen([CHANCERY, "key", "import", "--label", "k", *words], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                 env={**self.env, "SOFTHSM2_CONF": fifo})
        try:
            child.stdin.write(PIN.encode() + b"\n" + data.encode())
            child.stdin.close()
            wait_until(lambda: self.opens_for_writing(fifo), 30)
            yield child.pid
        finally:
            child.kill()
            child.wait()
            os.close(self.writer)
            os.unlink(fifo)

    def opens_for_writing(self, fifo):
        """Once somebody has it open for reading."""
        try:
            self.writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    @unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
    @unittest.skipIf(os.getuid() != 0, "only root can dump a process that forbids it")
    @unittest.skipIf(os.path.exists(CHANCERY) and harness.is_sanitized(), "a dump of ASan's shadow is terabytes")
    def test_a_secret_on_its_way_is_in_locked_pages_only(self):
        cases = {
            "wrapped base64": (KRAKEN, wrapped(KRAKEN_SECRET, 64), [KRAKEN_SECRET.encode(), base64.b64decode(KRAKEN_SECRET)]),
            "text": (BINANCE, API_SECRET + "\n", [API_SECRET.encode()]),
            # The key itself is in OpenSSL's own object then; its text is not to be found.
            "JSON": (ES256, json.dumps({"name": EC_NAME, "privateKey": EC_OLD}), [line.encode() for line in EC_OLD.split()[4:6]]),
        }
        for name, (words, data, secrets) in cases.items():
            wanted = {"PIN": test_secrets.spellings([PIN.encode()]), "secret": test_secrets.spellings(secrets)}
            with self.subTest(name), self.stopped_before_the_token(words, data) as pid:
                for place in ("cmdline", "environ"):
                    self.assertEqual(test_secrets.search(pathlib.Path(f"/proc/{pid}/{place}").read_bytes(), wanted), [])
                dump = test_secrets.dump(pid, self.folder.name)
                self.assertIsNotNone(dump)
                self.assertTrue(b"SOFTHSM2_CONF=" in dump, "the dump holds memory")
                self.assertEqual(test_secrets.search(dump, wanted), [])


if __name__ == "__main__":
    unittest.main()

"""Where a profile does not say what the exchange's secrets look like, `chancery key import` made a key of anything: YOUR_API_SECRET,
****, abcd...wxyz, %SECRET%, a%2Fb, /run/secrets/x, 0xdeadbeef, one byte; of `null` in base64, and of hex digits as if they were
base64. Now what looks like that is refused with the reason, and --as-is is the way past it."""

import base64
import hmac
import json
import pathlib
import unittest

from test_secrets_come_in_whole import (API_SECRET, ED, EDDSA, GENERIC, KRAKEN_SECRET, MESSAGE, OK, OKX, USAGE, Import,
                                        b64)

FUTURES = ("--profile", "kraken-futures")
BITFINEX = ("--profile", "bitfinex")  # has no shape
IN_BASE64 = (*BITFINEX, "--encoding", "base64")
IN_HEX = (*BITFINEX, "--encoding", "hex")

# name: (text, what the error says)
PLACE_HOLDERS = {
    "all stars": ("*" * 64, "a mask"),
    "stars within": ("abcd" + "*" * 24 + "wxyz", "a mask"),
    "bullets": ("\u2022" * 32, "a mask"),
    "an ellipsis": (API_SECRET[:20] + "\u2026", "a mask"),
    "three dots": (API_SECRET[:20] + "...", "was shortened"),
    "dots within": (API_SECRET[:20] + "..." + API_SECRET[-9:], "was shortened"),
    "crosses within": (API_SECRET[:20] + "xxxxxxxx" + API_SECRET[-9:], "a mask"),
    "large crosses": ("ABCD1XXXXXXXXXXXXXXX9", "a mask"),
    "dashes within": (API_SECRET[:20] + "-----" + API_SECRET[-9:], "a mask"),
    "a first word": ("Your-Bitfinex-Secret-1", "reads like words"),
    "percent-encoding": (KRAKEN_SECRET.replace("/", "%2F"), "percent-encoding"),
    "a name between percent signs": ("%BITFINEX_API_SECRET%", "place-holder"),
    "a name after a dollar sign": ("$BITFINEX_API_SECRET_1", "place-holder"),
    "a name in angle brackets": ("<your API_SECRET 1>".replace(" ", "-"), "place-holder"),
    "a name in braces": ("x{{ bitfinex_secret }}".replace(" ", ""), "place-holder"),
    "a name between underscores": ("__BITFINEX2_Secret__", "reads like words"),
    "a name of a variable": ("BITFINEX_SECRET_VALUE", "reads like words"),
    "capitals": ("YOUR_API_SECRET_HERE", "reads like words"),
    "dashes": ("your-bitfinex-secret-here", "reads like words"),
    "no dashes": ("YourApiSecretGoesHere1", "reads like words"),
    "one word": ("changemechangemechange1", "reads like words"),
    "with a number": ("Change_Me-0123456789abcdef", "reads like words"),
    "redacted": ("[REDACTED]1234567890", "JSON"),
    "null": ("null", "reads like words"),
    "undefined": ("undefined", "reads like words"),
    "TODO": ("TODO", "reads like words"),
    "a path": ("/run/secrets/bitfinex-1", "path of a file"),
    "a path from here": ("./secrets/bitfinex.txt", "path of a file"),
    "a path from above": ("../secrets/bitfinex.txt", "shortened"),
    "a path from home": ("~/secrets/bitfinex.txt", "path of a file"),
    "0x": ("0x" + "deadbeef" * 8, "without the 0x"),
    "0X": ("0X" + "DEADBEEF" * 8, "without the 0x"),
    "zeros": ("0" * 64, "one character"),
    "one letter, many times": ("a" * 64, "one character"),
    "one letter": ("a", "one character"),
    "15 characters": (API_SECRET[:15], "15 bytes, and secrets have at least 16"),
    "another value behind a bar": (f"x8f2|{API_SECRET}", "more than one value"),
    "another parameter": (f"{API_SECRET}&x=1", "more than one value"),
    "a mark of curl": (f"@{API_SECRET}", "punctuation mark"),
}
BASE64_PLACE_HOLDERS = {
    "null": ("null", "reads like words"),
    "None": ("None", "3 bytes"),
    "changeme twice": ("changemechangeme", "reads like words"),
    "a word with a number": ("Change_Me-012345".replace("_", "").replace("-", "+"), "reads like words"),
    "a path": ("/run/secrets/bitfinex123", "path of a file"),
    "stars": (KRAKEN_SECRET[:40] + "*" * 44 + "Xg==", "a mask"),
    "percent-encoding": (KRAKEN_SECRET.replace("/", "%2F"), "percent-encoding"),
    "zero bytes": ("A" * 86 + "==", "one character"),
    "15 bytes": (b64(bytes(range(15))), "15 bytes, and secrets have at least 16"),
    **{f"{size} hex digits": (("0123456789abCDef9a8b7c6d" * 6)[:size], "--encoding hex")
       for size in (32, 40, 64, 96, 128)},
}
PLACE_HOLDERS_REFUSED = {
    **{f"bitfinex: {name}": (BITFINEX, *case) for name, case in PLACE_HOLDERS.items()},
    **{f"base64: {name}": (IN_BASE64, *case) for name, case in BASE64_PLACE_HOLDERS.items()},
    "hex for kraken-futures": (FUTURES, "9a8b7c6d" * 8, "--encoding hex"),
    "half a secret of kraken-futures": (FUTURES, KRAKEN_SECRET[:44], "those of kraken-futures have 88"),
    "half a secret of coinbase-exchange": (("--profile", "coinbase-exchange"), KRAKEN_SECRET[:44], "have 88"),
    "zeros of okx": (OKX, "0" * 32, "one character"),
    "zeros in hex": (IN_HEX, "0" * 64, "one character"),
    "15 bytes in hex": (IN_HEX, "0123456789abcdef0123456789abcd", "15 bytes"),
}


class PlaceHolders(Import):
    def test_what_stands_in_the_place_of_a_secret_makes_no_key(self):
        self.assert_makes_no_key(PLACE_HOLDERS_REFUSED)

    def test_what_looks_like_a_place_holder_is_taken_as_it_is(self):
        for name, (words, text, key) in {
                "a path": (BITFINEX + ("--as-is",), "/run/secrets/bitfinex", b"/run/secrets/bitfinex"),
                "short": (BITFINEX + ("--as-is",), "a", b"a"),
                "punctuation": (BITFINEX + ("--as-is",), "x8f2:%7E$1", b"x8f2:%7E$1"),
                "base64 of hex digits": (IN_BASE64 + ("--as-is",), "9a8b7c6d" * 8, base64.b64decode("9a8b7c6d" * 8)),
                "of no exchange": (GENERIC, "a", b"a")}.items():
            with self.subTest(name):
                status, said = self.import_key(words, text)
                self.assertEqual(status, OK, said)
                hashed = "sha256" if words == GENERIC else "sha384"
                self.assertEqual(self.sign(f"k{self.count}", hashed.upper() + "-HMAC"), hmac.digest(key, MESSAGE, hashed))
        self.assertEqual(self.import_key(OKX + ("--as-is",), "a")[0], USAGE, "a shape is not looks")
        self.assertEqual(self.import_key(EDDSA + ("--as-is",), ED)[0], USAGE)

    def test_every_secret_of_the_vectors_is_taken(self):
        for path in sorted((pathlib.Path(__file__).resolve().parents[1] / "vectors").glob("*.json")):
            secret = json.loads(path.read_text()).get("credentials", {}).get("secret")
            if secret is None or secret.startswith("-----"):
                continue
            with self.subTest(path.name):
                status, said = self.import_key(IN_BASE64 if secret.endswith("=") else BITFINEX, secret)
                self.assertEqual(status, OK, said)


if __name__ == "__main__":
    unittest.main()

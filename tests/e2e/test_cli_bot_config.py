"""chancery bot config: what it prints is sound, and asks the relay. tests/interop/bots.mjs runs it with the packages of npm."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from builds import is_sanitized  # noqa: E402
from cli_sandbox import AWAY, CHANCERY, NOT_FOUND, OK, ROOT, USAGE, Sandbox  # noqa: E402
from relay_stand_in import Answer, Relay  # noqa: E402

TOKEN = "b7Qk2Wm9Xr4Tz8Lp1Nc6Vf3Hs5Jd0Gy-token"
PAGES = pathlib.Path(ROOT) / "docs" / "bots"
IS_SANITIZED = is_sanitized(CHANCERY)
PROFILES = sorted(path.stem for path in (pathlib.Path(ROOT) / "profiles").glob("*.yaml"))
PYTHON = ("ccxt-python", "binance-connector-python", "python-binance", "pybit", "krakenex", "requests")
JAVASCRIPT = ("ccxt-js", "binance", "binance-connector-js", "bybit-api", "okx-api", "kucoin-universal-sdk")


class BotConfig(Sandbox):
    def setUp(self):
        super().setUp()
        with open(self.path("token"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(TOKEN + "\n")

    def config(self, framework, profile, *words, relay="http://127.0.0.1:8801", key="k", token=True):
        words = ("bot", "config", key, "--for", framework, "--profile", profile, "--relay", relay, *words)
        return self.run_cli(*words, *(("--token-file", self.path("token")) if token else ()))

    def frameworks(self):
        """{name: profiles}"""
        rows = json.loads(self.ok("bot", "list", "--json").out)["frameworks"]
        return {row["name"]: PROFILES if row["profiles"] == "all" else row["profiles"].split() for row in rows}

    def texts(self, frameworks, chosen=PROFILES):
        """(framework, profile, what is printed) for those profiles. With the sanitizers a few do: they differ in their data."""
        chosen = chosen[:3] if IS_SANITIZED else chosen
        for framework in frameworks:
            known = self.frameworks()[framework]
            for profile in [name for name in known if name in chosen] or known:
                result = self.config(framework, profile)
                self.assertEqual(result.status, OK, result)
                yield framework, profile, result.out

    # ---- what is printed is sound ----

    def test_python(self):
        for framework, profile, text in self.texts(PYTHON):
            compile(text, f"{framework} {profile}", "exec")

    def test_javascript(self):
        if shutil.which("node") is None:
            self.skipTest("node is not installed")
        # The other profiles differ in a word, and tests/interop/bots.mjs runs all of them.
        for _, _, text in self.texts(JAVASCRIPT, ["binance", "okx", "kraken"]):
            file = pathlib.Path(self.path("bot.mjs"))
            file.write_text(text)
            done = subprocess.run(["node", "--check", file], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), text)

    def test_freqtrade(self):
        for _, profile, text in self.texts(["freqtrade"]):
            exchange = json.loads(text)["exchange"]
            self.assertEqual(exchange["ccxt_config"]["proxyUrl"], "http://127.0.0.1:8801/TOKEN/k/", profile)

    def test_curl(self):
        scripts = []
        for _, profile, text in self.texts(["curl"]):
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), text)
            scripts.append(pathlib.Path(self.path(f"{profile}.sh")))
            scripts[-1].write_text(text)
        if shutil.which("shellcheck") is not None:
            done = subprocess.run(["shellcheck", "--shell", "bash", *scripts], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_every_framework_is_tried_here(self):
        self.assertEqual(set(self.frameworks()), {*PYTHON, *JAVASCRIPT, "freqtrade", "curl"})

    # ---- credentials ----

    def test_secrets_have_the_shape_that_libraries_want(self):
        for profile, pattern in (("binance", "0{64}"), ("kraken", "A{86}=="), ("coinbase-exchange", "A{86}=="), ("okx", "0{32}"),
                                 ("kucoin", "0{36}"), ("bitmex", "0{48}"), ("gemini", "held-by-chancery")):
            text = self.config("ccxt-js", profile).out
            self.assertRegex(text, rf"secret: '{pattern}',")
            self.assertEqual("password: " in text, profile in ("okx", "kucoin", "coinbase-exchange"), profile)

    def test_the_token_is_never_printed(self):
        for framework, (profile, *_) in self.frameworks().items():
            for words in ((), ("--json",)):
                result = self.config(framework, profile, *words)
                self.assertNotIn(TOKEN, result.out + result.err)
                self.assertIn("TOKEN" if framework == "freqtrade" else self.path("token"), result.out)

    def test_a_token_whose_file_is_not_known(self):
        self.assertIn("'/path/to/the/token'", self.config("ccxt-js", "binance", token=False).out)

    # ---- environments ----

    def test_environments(self):
        for profile, environment, says in (
                ("binance", "us", "new ccxt.binanceus("), ("binance", "demo", "exchange.enableDemoTrading(true);"),
                ("bybit", "testnet", "exchange.setSandboxMode(true);"), ("bybit", "nl", "exchange.hostname = 'bybit.nl';")):
            self.assertIn(says, self.config("ccxt-js", profile, "--environment", environment).out)
        self.assertNotIn("setSandboxMode", self.config("ccxt-js", "bybit").out)
        self.assert_fails(self.config("ccxt-js", "bybit", "--environment", "jp"), NOT_FOUND, "does not know bybit in environment jp")
        self.assert_fails(self.config("freqtrade", "bybit", "--environment", "demo"), NOT_FOUND, "does not know environment demo")
        self.assert_fails(self.config("ccxt-js", "bybit", "--environment", "moon"), NOT_FOUND, "no environment 'moon'")

    # ---- it asks the relay ----

    def run_lines(self, text, *command, **environment):
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "http_proxy": "", "no_proxy": "*", **environment})

    def relay(self, **options):
        options.setdefault("token", TOKEN)
        relay = Relay({"GET /0/public/Time": Answer({"error": [], "result": {}}),
                       "POST /api/v2/account_balances/": Answer([])}, **options)
        self.addCleanup(relay.close)
        return relay

    def test_curl_asks_the_relay(self):
        for profile, says in (("kraken", '{"error": [], "result": {}}'), ("bitstamp", "[]")):
            relay = self.relay()
            done = self.run_lines(self.config("curl", profile, relay=relay.url).out, "bash", "-s")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, says, ""))

    def test_curl_asks_a_unix_socket(self):
        relay = self.relay(path=self.path("relay.sock"), token=None)
        done = self.run_lines(self.config("curl", "kraken", relay=relay.url).out, "bash", "-s")
        self.assertEqual((done.returncode, done.stderr, len(relay.asked)), (0, "", 1))

    def test_curl_and_requests_check_the_certificate(self):
        certificate, key = self.path("certificate.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        relay = self.relay(certificate=(certificate, key))
        for words, status in ((("--ca", certificate), 0), ((), 60)):
            done = self.run_lines(self.config("curl", "kraken", *words, relay=relay.url).out, "bash", "-s")
            self.assertEqual(done.returncode, status, done.stderr)
        text = self.config("requests", "kraken", "--ca", certificate, relay=relay.url).out
        self.assertIn(f"# Python must be started with REQUESTS_CA_BUNDLE={certificate}\n", text)
        done = self.run_lines(text, sys.executable, "-", REQUESTS_CA_BUNDLE=certificate)
        self.assertEqual((done.returncode, done.stdout), (0, '200 {"error": [], "result": {}}\n'), done.stderr)

    def test_requests_asks_the_relay(self):
        relay = self.relay()
        done = self.run_lines(self.config("requests", "bitstamp", relay=relay.url).out, sys.executable, "-")
        self.assertEqual((done.returncode, done.stdout), (0, "200 []\n"), done.stderr)

    # ---- what is refused ----

    def test_what_is_refused(self):
        self.assert_fails(self.config("ccxt-perl", "binance"), NOT_FOUND, "'chancery bot list'")
        self.assert_fails(self.config("pybit", "binance"), NOT_FOUND, "pybit does not know binance")
        self.assert_fails(self.config("ccxt-js", "nobody"), 10)
        self.assert_fails(self.config("ccxt-js", "binance", key="../k"), USAGE)
        self.assert_fails(self.config("ccxt-js", "binance", relay="unix:/run/relay.sock"), USAGE, "give the bot a port")
        self.assert_fails(self.config("ccxt-js", "binance", "--ca", "/it's"), USAGE, "without quotes")
        self.assert_fails(self.run_cli("bot", "config", "k", "--profile", "binance"), USAGE, "--for")
        self.assert_fails(self.run_cli("bot", "config", "k", "--for", "curl", "--relay", "unix:/x", "--socket", self.path("no")), AWAY)

    # ---- the pages ----

    def test_each_framework_has_a_page_with_what_is_printed(self):
        known = self.frameworks()
        self.assertEqual({path.stem for path in PAGES.glob("*.md")}, {*known, "README"})
        index = (PAGES / "README.md").read_text()
        for framework in known:
            page = (PAGES / f"{framework}.md").read_text()
            profile = re.search(r"^prints, for a key of ([a-z-]+):$", page, re.MULTILINE)[1]
            shown = re.search(r":\n\n((?:    .*\n|\n)+?)\n(?=\S)", page[page.index("prints, for"):])[1]
            printed = subprocess.run(
                [CHANCERY, "bot", "config", "my-key", "--for", framework, "--profile", profile, "--relay", "http://127.0.0.1:8801",
                 "--token-file", "/etc/bot/relay.token"], env=self.env, capture_output=True, text=True, check=True).stdout
            self.assertEqual("".join(line[4:] if line.strip() else "\n" for line in shown.splitlines(keepends=True)), printed)
            self.assertRegex(page, r"(?m)^(Tried|Only read)")
            word = "only read" if "\nOnly read" in page else "tried"
            self.assertRegex(index, rf"(?m)^\| `{framework}` \| \[.*\]\({framework}\.md\) \| {word}( by (tests|hand))? \|$")


if __name__ == "__main__":
    unittest.main()

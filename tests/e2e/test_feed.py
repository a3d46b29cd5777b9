"""The feed of reference prices, against stand-ins for exchanges and for the agent: whatever an exchange answers, only prices
reach the agent, and trouble with one exchange does not reach the others."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from harness import ROOT
from venues import (ANSWERS, PATHS, Agent, Exchange, binance, bybit, coinbase, drip, endless_head, flood, kraken, okx, reply,
                    silence, until)

FEED = ROOT / "adapters" / "feed" / "chancery_feed.py"


class FeedTest(unittest.TestCase):
    def setUp(self):
        self.agent = Agent(self)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")} | {
            "CHANCERY_SOCK": str(self.agent.path), "PYTHONDONTWRITEBYTECODE": "1"}

    def arguments(self, bases, *arguments):
        return [sys.executable, FEED, "--sources", ",".join(bases), "--every", "0.1", "--timeout", "1",
                *(word for name, base in bases.items() for word in ("--base", f"{name}={base}")), *arguments]

    def start(self, bases, *arguments):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(self.arguments(bases, *arguments), env=self.environment, stderr=self.log, cwd="/")
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def show(self, bases, *arguments):
        return subprocess.run(self.arguments(bases, "--print", *arguments), env=self.environment, capture_output=True, text=True,
                              timeout=60, check=False, cwd="/")

    def assert_soon(self, condition):
        self.assertTrue(until(condition), f"{self.agent.reports}\n{self.said()}")


class Reporting(FeedTest):
    def test_every_exchange_is_reported_under_its_name(self):
        now_ms = time.time_ns() // 1_000_000
        script = {"coinbase": coinbase(moment="2100-01-01T00:00:00Z"), "okx": okx(ts=str(now_ms * 2)), "bybit": bybit(moment=now_ms * 2)}
        bases = {name: Exchange(self, {PATHS[name]: reply(script.get(name, answer()))}).base for name, answer in ANSWERS.items()}
        self.start(bases, "BTC/USDT")
        self.assert_soon(lambda: {source for source, _, _ in self.agent.prices()} == set(ANSWERS))
        self.assertEqual(set(self.agent.prices()), {(name, "BTC/USDT", "29880.2") for name in ANSWERS})
        for path, kind, report in self.agent.reports:
            self.assertEqual((path, kind), ("/v1/prices", "application/json"))
            for row in report["prices"]:
                self.assertGreaterEqual(row["time_ms"], now_ms)
                self.assertLessEqual(row["time_ms"], time.time_ns() // 1_000_000)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(10), 0)
        self.assertEqual(self.said(), "")

    def test_a_cached_answer_is_as_old_as_the_cache_says(self):
        script = {PATHS["binance"]: reply(binance(), 200, "Age: 3600")}
        self.start({"binance": Exchange(self, script).base}, "BTC/USDT")
        self.assert_soon(lambda: self.agent.reports)
        age_ms = time.time_ns() // 1_000_000 - self.agent.reports[0][2]["prices"][0]["time_ms"]
        self.assertTrue(3_600_000 <= age_ms < 3_620_000, age_ms)

    def test_one_bad_pair_does_not_keep_the_others(self):
        exchange = Exchange(self, {
            PATHS["binance"].replace("BTCUSDT", "ETHUSDT"): reply(binance(symbol="ETHUSDT")),
            PATHS["binance"].replace("BTCUSDT", "XRPUSDT"): reply({"symbol": "XRPUSDT"}),
        })
        self.start({"binance": exchange.base}, "BTC/USDT", "XRP/USDT", "ETH/USDT")
        self.assert_soon(lambda: len(self.agent.reports) > 3)
        self.assertEqual({pair for _, pair, _ in self.agent.prices()}, {"ETH/USDT"})
        self.assertEqual(exchange.paths.count(PATHS["binance"]), 1, "a pair that is not there is asked for again and again")
        self.assertEqual(self.said().count("XRP/USDT: the answer is of no use"), 1)
        self.assertEqual(self.said().count("BTC/USDT: HTTP status 404"), 1)

    def test_one_silent_exchange_does_not_keep_the_others(self):
        bases = {"binance": Exchange(self, {PATHS["binance"]: silence}).base,
                 "kraken": Exchange(self, {PATHS["kraken"]: reply(kraken())}).base}
        self.start(bases, "BTC/USDT")
        self.assert_soon(lambda: len(self.agent.reports) > 3)
        self.assertEqual({source for source, _, _ in self.agent.prices()}, {"kraken"})
        self.assert_soon(lambda: "binance: no answer: " in self.said())

    def test_a_pair_without_an_answer_does_not_keep_the_next_from_being_asked_for(self):
        exchange = Exchange(self, {PATHS["binance"]: silence,
                                   PATHS["binance"].replace("BTCUSDT", "ETHUSDT"): reply(binance(symbol="ETHUSDT"))})
        self.start({"binance": exchange.base}, "BTC/USDT", "ETH/USDT")
        self.assert_soon(lambda: ("binance", "ETH/USDT", "29880.2") in self.agent.prices())

    def test_trouble_is_said_once_and_its_end(self):
        exchange = Exchange(self, {PATHS["binance"]: reply(b"<html>")})
        self.start({"binance": exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(exchange.paths) > 5)
        self.assertEqual(self.said(), "binance: BTC/USDT: the answer is of no use: it is not JSON\n")
        exchange.script[PATHS["binance"]] = reply(binance())
        self.assert_soon(lambda: self.agent.reports and self.said().endswith("binance: BTC/USDT: well again\n"))

    def test_an_exchange_that_asks_for_a_rest_gets_it(self):
        for status in (418, 429, 503):
            exchange = Exchange(self, {PATHS["binance"]: reply(b"{}", status, "Retry-After: 3600")})
            self.start({"binance": exchange.base}, "BTC/USDT", "ETH/USDT")
            self.assert_soon(lambda status=status: f"HTTP status {status}" in self.said())
            time.sleep(1.5)
            self.assertEqual(len(exchange.paths), 1)
            self.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.process.wait(10), 0)

    def test_failures_make_the_pauses_longer(self):
        exchange = Exchange(self, {PATHS["binance"]: reply(b"{}", 429)})
        self.start({"binance": exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(exchange.paths) > 2)
        time.sleep(3)
        self.assertLess(len(exchange.paths), 8)

    def test_a_connection_is_kept(self):
        exchange = Exchange(self, {PATHS["binance"]: reply(binance())})
        self.start({"binance": exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(self.agent.reports) > 3)
        self.assertEqual(exchange.visitors, 1)

    def test_a_connection_that_was_lost_is_made_again(self):
        exchange = Exchange(self, {PATHS["binance"]: lambda visitor: visitor.sendall(reply(binance()))})
        self.start({"binance": exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(self.agent.reports) > 3)
        self.assertGreater(exchange.visitors, 3)
        self.assertEqual(self.said(), "")


class Hostile(FeedTest):
    """What is no answer ends in an error within the time, and nothing is reported."""

    ANSWERS = {
        "silence": (silence, "none that is whole within 1 s"),
        "a slow head": (drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100), "none that is whole within 1 s"),
        "a slow body": (drip(reply(b" " * 1000)), "none that is whole within 1 s"),
        "a slow body of chunks": (drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100),
                                  "none that is whole within 1 s"),
        "interim answers for ever": (drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.001), "none that is whole within 1 s"),
        "a flood": (flood, "larger than 65536 bytes"),
        "an endless head": (endless_head, "not HTTP"),
        "a long line": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000, "not HTTP"),
        "a huge body": (reply(b" " * 70000), "larger than 65536 bytes"),
        "a huge body of chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n" + b" " * 70000 + b"\r\n0\r\n\r\n",
                                  "larger than 65536 bytes"),
        "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        "binary": (bytes(range(256)), "not HTTP"),
        "no length of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "not HTTP"),
        "a body that is cut": (lambda visitor: visitor.sendall(reply(binance())[:-9]), "it is not JSON"),
        "compressed": (reply(b"\x1f\x8b\x08\x00", 200, "Content-Encoding: gzip"), "it is not JSON"),
        "an error": (reply(b"{}", 500), "HTTP status 500"),
        "a block": (reply(b"{}", 403), "HTTP status 403"),
        "a terminal's escape in the status": (b"HTTP/1.1 200 \x1b]0;x\x07\r\nContent-Length: 5\r\n\r\n\x1b[2J\n", "it is not JSON"),
    }

    def test_it_ends_in_time_and_nothing_is_reported(self):
        for name, (answer, says) in self.ANSWERS.items():
            with self.subTest(name):
                exchange = Exchange(self, {PATHS["binance"]: answer})
                begun = time.monotonic()
                done = self.show({"binance": exchange.base}, "BTC/USDT")
                self.assertLess(time.monotonic() - begun, 8)
                self.assertEqual((done.returncode, done.stdout), (0, ""), done)
                self.assertIn(says, done.stderr)
                self.assertTrue(done.stderr.rstrip("\n").isprintable() and len(done.stderr) < 200, done.stderr)

    def test_no_redirect_is_followed(self):
        other = Exchange(self, {"/": reply(binance())})
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status):
                exchange = Exchange(self, {PATHS["binance"]: reply(b"", status, f"Location: {other.base}/")})
                done = self.show({"binance": exchange.base}, "BTC/USDT")
                self.assertIn(f"HTTP status {status}", done.stderr)
                self.assertEqual((done.stdout, other.paths), ("", []))

    def test_proxies_of_the_environment_are_not_used(self):
        proxy = Exchange(self, {})
        self.environment |= {"http_proxy": proxy.base, "https_proxy": proxy.base, "all_proxy": proxy.base}
        done = self.show({"binance": Exchange(self, {PATHS["binance"]: reply(binance())}).base}, "BTC/USDT")
        self.assertIn("29880.2", done.stdout)
        self.assertEqual(proxy.paths, [])

    def test_nobody_listens(self):
        exchange = Exchange(self, {})
        exchange.close()
        done = self.show({"binance": exchange.base}, "BTC/USDT")
        self.assertIn("no answer: ", done.stderr)

    def test_https_needs_a_certificate_that_is_good(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key",
                            "-out", f"{folder}/cert"], check=True, capture_output=True)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{folder}/cert", f"{folder}/key")
            exchange = Exchange(self, {PATHS["binance"]: reply(binance())}, tls)
            done = self.show({"binance": exchange.base}, "BTC/USDT")
            self.assertIn("CERTIFICATE_VERIFY_FAILED", done.stderr)
            self.assertEqual((done.stdout, exchange.paths), ("", []))
            self.environment["SSL_CERT_FILE"] = f"{folder}/cert"
            self.assertIn("29880.2", self.show({"binance": exchange.base}, "BTC/USDT").stdout)

    def test_a_handshake_that_drips_ends_in_time(self):
        exchange = Exchange(self, {})
        exchange.serve = drip_for_ever
        begun = time.monotonic()
        done = self.show({"binance": exchange.base.replace("http:", "https:")}, "BTC/USDT")
        self.assertLess(time.monotonic() - begun, 8)
        self.assertIn("none that is whole within 1 s", done.stderr)


def drip_for_ever(visitor):
    """The record of a handshake, byte by byte: long enough for any patience."""
    with contextlib.suppress(OSError), visitor:
        drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"\x03" * 16000)(visitor)


class AtTheAgent(FeedTest):
    def setUp(self):
        super().setUp()
        self.exchange = Exchange(self, {PATHS["binance"]: reply(binance())})

    def answer(self, status, document, **headers):
        self.agent.answer = lambda report: (status, document, headers)

    def test_a_refusal_is_said_once_and_asking_goes_on(self):
        self.answer(403, {"detail": "user 1000 is no feed", "rule": "grant"})
        self.start({"binance": self.exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(self.exchange.paths) > 1)
        self.assertEqual(self.said(), "binance, at the agent: user 1000 is no feed\n")
        self.answer(200, {"taken": 1, "older": 0, "held": []})
        self.assert_soon(lambda: self.agent.reports and "binance, at the agent: well again" in self.said())

    def test_what_is_held_is_said(self):
        self.answer(200, {"taken": 0, "older": 0, "held": ["BTC/USDT"]})
        self.start({"binance": self.exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: len(self.agent.reports) > 3)
        self.assertEqual(self.said().count("BTC/USDT: held, because it moved further than policy allows"), 1)

    def test_the_agent_may_go_and_come(self):
        self.start({"binance": self.exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: self.agent.reports)
        moved = self.agent.path.with_suffix(".away")
        self.agent.path.rename(moved)
        self.answer(503, {"detail": "starting"}, Connection="close")
        self.assert_soon(lambda: "no agent answers at" in self.said())
        self.answer(200, {"taken": 1, "older": 0, "held": []})
        moved.rename(self.agent.path)
        self.assert_soon(lambda: "binance, at the agent: well again" in self.said())

    def test_a_stranger_is_told_nothing(self):
        self.agent.path.parent.chmod(0o777)
        self.start({"binance": self.exchange.base}, "BTC/USDT")
        self.assert_soon(lambda: "can be written to by others" in self.said())
        self.assertEqual(self.agent.reports, [])


class CommandLine(FeedTest):
    REFUSED = {
        "no pair": [],
        "a pair in small letters": ["btc/usdt"],
        "no slash": ["BTCUSDT"],
        "two slashes": ["BTC/USDT/X"],
        "a path": ["../USDT"],
        "a query": ["BTC&x=1/USDT"],
        "a pair twice": ["BTC/USDT", "BTC/USDT"],
        "too many pairs": [f"A{i}/B" for i in range(401)],
        "an unknown source": ["--sources", "nobody", "BTC/USDT"],
        "a source twice": ["--sources", "binance,binance", "BTC/USDT"],
        "no source": ["--sources", "", "BTC/USDT"],
        "no TLS to a stranger": ["--base", "binance=http://api.binance.com", "BTC/USDT"],
        "no TLS to a name": ["--base", "binance=http://localhost", "BTC/USDT"],
        "another scheme": ["--base", "binance=file:///etc/passwd", "BTC/USDT"],
        "a path in the base": ["--base", "binance=https://h/p", "BTC/USDT"],
        "no port": ["--base", "binance=https://h:x", "BTC/USDT"],
        "a base of nobody": ["--base", "https://h", "BTC/USDT"],
        "no time": ["--every", "0", "BTC/USDT"],
        "not a time": ["--timeout", "soon", "BTC/USDT"],
        "not a spread": ["--spread", "100", "BTC/USDT"],
    }

    def test_what_makes_no_sense_is_refused(self):
        for name, arguments in self.REFUSED.items():
            with self.subTest(name):
                done = subprocess.run([sys.executable, FEED, *arguments], env=self.environment, capture_output=True, text=True,
                                      timeout=60, check=False)
                self.assertEqual(done.returncode, 2, done)
                self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""Reference prices, from the feed to the agent: what is taken, what is held until an operator confirms it, and who may do what."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
import unittest

import frames
import harness
from venues import PATHS, Exchange, binance, kraken, reply

VERSION = frames.version()
PRICE_CONFIRM = 138
OPERATOR_DONE = 160
FEED = harness.ROOT / "adapters" / "feed" / "chancery_feed.py"
POLICY = """\
version: 1
callers:
  tester: {{ uid: {uid} }}
{feed}
people:
  tester: {{ uid: {uid}, roles: [operator, admin] }}
prices:
  sources: [binance, kraken, okx]
  max_move: {{ by: "10 %", within: 10m }}
keys:
  binance-main: {{ token: main, object: "pkcs11:object=binance-main", profile: binance, scheme: hmac, key_id: k,
                  accepts: [fast-withdraw-switch, bare-settings, bare-transfers] }}
allow:
  - {{ name: looks, caller: tester, key: binance-main, classes: [read, cancel, trade], markets: any, unlimited: true }}
"""
JSON = {"Content-Type": "application/json"}


def now_ms():
    return time.time_ns() // 1_000_000


class PriceTest(harness.AgentTest):
    feed = "  prices: {{ uid: {uid}, role: feed }}"

    @classmethod
    def prepare(cls):
        text = POLICY.replace("{feed}", cls.feed)
        cls.agent.policy.write_text(text.format(uid=os.getuid()))

    def put(self, source, *prices, age_ms=0):
        rows = [{"pair": pair, "price": price, "time_ms": now_ms() - age_ms} for pair, price in prices]
        with self.agent.client() as client:
            return client.request("PUT", "/v1/prices", json.dumps({"source": source, "prices": rows}).encode(), JSON)

    def assert_put(self, taken, older, held, *report, **options):
        answer = self.put(*report, **options)
        self.assertEqual((answer.status, answer.json), (200, {"taken": taken, "older": older, "held": held}), answer)

    def list(self, query=""):
        with self.agent.client() as client:
            answer = client.get("/v1/prices" + query)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def row(self, source, pair):
        return next(row for row in self.list()["prices"] if (row["source"], row["pair"]) == (source, pair))

    def confirm(self, source, pair, price):
        """What an operator's tool sends; returns the status of the outcome."""
        fields = struct.pack("=I", VERSION) + b"".join(struct.pack("=I", len(text)) + text.encode() for text in (source, pair, price))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as operator:
            operator.settimeout(10)
            operator.connect(str(self.agent.operator_socket))
            operator.send(frames.with_header(PRICE_CONFIRM, fields))
            packet = operator.recv(65536)
        _, number, _, _, status = struct.unpack_from("=IHHQI", packet)
        self.assertEqual(number, OPERATOR_DONE)
        return status


class Prices(PriceTest):
    def test_what_is_reported_is_listed(self):
        self.assert_put(2, 0, [], "kraken", ("LTC/USDT", "80.50"), ("LTC/BTC", "0.00270"))
        row = self.row("kraken", "LTC/USDT")
        self.assertEqual((row["price"], row["held"]), ("80.5", False))
        self.assertLess(abs(now_ms() - row["time_ms"]), 10_000)
        self.assertEqual(self.row("kraken", "LTC/BTC")["price"], "0.0027")

    def test_pages_hold_every_price_once(self):
        pairs = [f"P{i}/USDT" for i in range(7)]
        for source in ("okx", "binance", "kraken"):
            self.assert_put(len(pairs), 0, [], source, *((pair, "1") for pair in pairs))
        everything = self.list("?limit=1000")
        self.assertNotIn("next", everything)
        rows = [(row["pair"], row["source"]) for row in everything["prices"]]
        self.assertEqual(rows, sorted(set(rows)))
        for limit in (1, 2, 20):
            found, query = [], f"?limit={limit}"
            while query:
                page = self.list(query)
                self.assertLessEqual(len(page["prices"]), limit)
                found += [(row["pair"], row["source"]) for row in page["prices"]]
                query = f"?limit={limit}&after={page['next']}" if "next" in page else ""
            self.assertEqual(found, rows)

    def test_what_is_older_or_from_the_future_changes_nothing(self):
        self.assert_put(1, 0, [], "kraken", ("XRP/USDT", "2"))
        self.assert_put(0, 1, [], "kraken", ("XRP/USDT", "2.1"), age_ms=60_000)
        self.assert_put(0, 1, [], "kraken", ("XRP/USDT", "2.1"), age_ms=-60_000)
        self.assertEqual(self.row("kraken", "XRP/USDT")["price"], "2")

    def test_a_source_that_jumps_is_held_until_an_operator_confirms_it(self):
        self.assert_put(1, 0, [], "kraken", ("BTC/USDT", "30000"))
        self.assert_put(1, 0, [], "okx", ("BTC/USDT", "30000"))
        self.assert_put(0, 0, ["BTC/USDT"], "kraken", ("BTC/USDT", "33001"))
        self.assert_put(0, 0, ["BTC/USDT"], "kraken", ("BTC/USDT", "30000"))
        self.assert_put(0, 0, ["BTC/USDT"], "kraken", ("BTC/USDT", "33002"))
        self.assertEqual((self.row("kraken", "BTC/USDT")["price"], self.row("kraken", "BTC/USDT")["held"]), ("33002", True))
        self.assertEqual((self.row("okx", "BTC/USDT")["price"], self.row("okx", "BTC/USDT")["held"]), ("30000", False))
        self.assertNotEqual(self.confirm("kraken", "BTC/USDT", "33001"), 0, "it was seen before")
        self.assertEqual(self.confirm("kraken", "BTC/USDT", "33002"), 0)
        self.assertFalse(self.row("kraken", "BTC/USDT")["held"])
        self.assert_put(1, 0, [], "kraken", ("BTC/USDT", "33003"))
        self.assertNotEqual(self.confirm("kraken", "BTC/USDT", "33003"), 0, "it is not held")
        self.assertNotEqual(self.confirm("kraken", "NONE/USDT", "1"), 0)

    def test_a_source_that_creeps_is_held_as_well(self):
        for price in ("100", "102", "104", "106", "108", "110"):
            self.assert_put(1, 0, [], "okx", ("SOL/USDT", price))
        self.assert_put(0, 0, ["SOL/USDT"], "okx", ("SOL/USDT", "110.1"))

    def test_a_price_that_is_none_is_refused(self):
        for price in ("0", "0.000", "-1", "1e5", "", " 1", "1,5", ".5.", "NaN", "1" * 19, "0." + "1" * 19, "1" * 400):
            with self.subTest(price):
                self.assertEqual(self.put("kraken", ("ADA/USDT", price)).status, 400)
        for pair in ("", "BTC", "btc/usdt", "BTC/USDT/X", "/USDT", "BTC/", "A" * 40 + "/B", "B C/USDT"):
            with self.subTest(pair):
                self.assertEqual(self.put("kraken", (pair, "1")).status, 400)
        self.assertEqual(self.put("nobody", ("ADA/USDT", "1")).status, 400)
        self.assertNotIn("ADA/USDT", [row["pair"] for row in self.list("?limit=1000")["prices"]])

    def test_the_feed_reports_to_the_agent(self):
        bases = {"binance": Exchange(self, {PATHS["binance"].replace("BTC", "ETH"): reply(binance("2000", "2001", "ETHUSDT"))}),
                 "kraken": Exchange(self, {PATHS["kraken"].replace("XBT", "ETH"): reply(kraken("2000", "2002", "ETHUSDT"))})}
        command = [sys.executable, FEED, "--every", "0.1", "--sources", ",".join(bases), "ETH/USDT",
                   *(word for name, each in bases.items() for word in ("--base", f"{name}={each.base}"))]
        feed = subprocess.Popen(command, env=self.agent.environment() | {"PYTHONDONTWRITEBYTECODE": "1"})
        self.addCleanup(feed.wait)
        self.addCleanup(feed.kill)

        def known():
            return {(row["source"], row["price"]) for row in self.list("?limit=1000")["prices"] if row["pair"] == "ETH/USDT"}
        harness.wait_until(lambda: known() == {("binance", "2000.5"), ("kraken", "2001")}, "the feed reports")


class Restarted(PriceTest):
    def test_what_is_held_stays_held(self):
        self.assert_put(1, 0, [], "kraken", ("BTC/USDT", "30000"))
        self.assert_put(0, 0, ["BTC/USDT"], "kraken", ("BTC/USDT", "40000"))
        self.agent.stop()
        self.agent.start()
        self.assert_put(0, 0, ["BTC/USDT"], "kraken", ("BTC/USDT", "30000"))


class NoFeed(PriceTest):
    feed = ""

    def test_only_a_feed_may_report(self):
        answer = self.put("kraken", ("BTC/USDT", "1"))
        self.assertEqual((answer.status, answer.json.get("rule")), (403, "feed"), answer)
        self.assertEqual(self.list()["prices"], [])


if __name__ == "__main__":
    unittest.main()

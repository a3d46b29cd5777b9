"""What the feed reads in the answers of exchanges: an exact price, or nothing."""

import contextlib
import decimal
import sys
import unittest

from harness import ROOT
from venues import ANSWERS, NOW_MS, binance, bybit, coinbase, kraken, okx, text_of

sys.path.insert(0, str(ROOT / "adapters" / "feed"))
import tickers  # noqa: E402

SPREAD = decimal.Decimal("0.02")

# What binance's ticker may not be: its JSON, and what is said of it.
NO_TICKERS = {
    "nothing": (b"", "JSON"),
    "HTML": (b"<html>maintenance</html>", "JSON"),
    "JSON that is cut": (b'{"symbol":"BTCUSDT","bidPrice":"1', "JSON"),
    "not UTF-8": (b'{"symbol":"\xff"}', "JSON"),
    "deep JSON": (b"[" * 50000, "JSON"),
    "a list": (b"[]", "no ticker"),
    "null": (b"null", "no ticker"),
    "no symbol": (b'{"bidPrice":"1","askPrice":"1"}', "no ticker"),
    "another symbol": (binance(symbol="ETHUSDT"), "another pair"),
    "a symbol that begins alike": (binance(symbol="BTCUSDT1"), "another pair"),
    "a symbol in a list": (binance(symbol=["BTCUSDT"]), "another pair"),
    "no bid": ({"symbol": "BTCUSDT", "askPrice": "1"}, "no ticker"),
    "an empty bid": (binance(bid=""), "no plain number"),
    "a bid of zero": (binance(bid="0.00"), "zero"),
    "an ask of zero": (binance(bid="0.00", ask="0"), "zero"),
    "a negative bid": (binance(bid="-1"), "no plain number"),
    "an exponent": (binance(bid="1e5"), "no plain number"),
    "a sign": (binance(bid="+1"), "no plain number"),
    "a space": (binance(bid=" 1"), "no plain number"),
    "a newline": (binance(bid="1\n"), "no plain number"),
    "a comma": (binance(bid="29,880"), "no plain number"),
    "infinity as text": (binance(bid="Infinity"), "no plain number"),
    "NaN as text": (binance(ask="NaN"), "no plain number"),
    "digits of another script": (binance(bid="١٢٣"), "no plain number"),
    "true": (binance(bid=True), "no plain number"),
    "null for a price": (binance(bid=None), "no plain number"),
    "a price in a list": (binance(bid=["1"]), "no plain number"),
    "many digits": (binance(bid="1" * 41), "no plain number"),
    "too many digits before the point": (binance(bid="1" * 19, ask="1" * 19), "more digits"),
    "too many digits after the point": (binance(bid="1." + "1" * 19, ask="1." + "1" * 19), "more digits"),
    "one digit too many in the middle": (binance(bid="1." + "1" * 18, ask="1." + "1" * 17 + "2"), "more digits"),
    "NaN": (b'{"symbol":"BTCUSDT","bidPrice":NaN,"askPrice":1}', "is none"),
    "infinity": (b'{"symbol":"BTCUSDT","bidPrice":1,"askPrice":Infinity}', "is none"),
    "a huge exponent": (b'{"symbol":"BTCUSDT","bidPrice":1e999999,"askPrice":1e999999}', "no plain number"),
    "a huger exponent": (b'{"symbol":"BTCUSDT","bidPrice":1e99999999999999999999,"askPrice":1}', "JSON"),
    "an endless integer": (b'{"symbol":"BTCUSDT","bidPrice":' + b"9" * 5000 + b',"askPrice":1}', "JSON"),
    "a bid above the ask": (binance(bid="29880.31"), "above"),
    "an empty book": (binance(bid="1", ask="100000"), "too far"),
    "a spread above the largest": (binance(bid="97.99", ask="100"), "too far"),
}
# Likewise of others.
NO_TICKERS_OF = {
    "kraken's error": ("kraken", {"error": ["EQuery:Unknown asset pair"]}, "no ticker"),
    "two pairs of kraken": ("kraken", {"error": [], "result": {"XBTUSDT": {}, "ETHUSDT": {}}}, "no ticker"),
    "another pair of kraken": ("kraken", kraken(name="ETHUSDT"), "another pair"),
    "an empty book of kraken": ("kraken", {"result": {"XBTUSDT": {"a": [], "b": []}}}, "no ticker"),
    "an empty book of coinbase": ("coinbase", {"bids": [], "asks": [], "time": "2025-11-24T16:00:00Z"}, "no ticker"),
    "no time of coinbase": ("coinbase", {"bids": [["1"]], "asks": [["1"]]}, "no ticker"),
    "a time that is none": ("coinbase", coinbase(moment="now"), "cannot be read"),
    "a time without a zone": ("coinbase", coinbase(moment="2025-11-24T16:00:00"), "cannot be read"),
    "a time before all": ("coinbase", coinbase(moment="0001-01-01T00:00:00Z"), "is none"),
    "an unknown pair of okx": ("okx", {"code": "51001", "data": [], "msg": ""}, "no ticker"),
    "a time with a point": ("okx", okx(ts="1764000000000.5"), "cannot be read"),
    "a negative time": ("okx", okx(ts="-1"), "cannot be read"),
    "the time 0": ("okx", okx(ts="0"), "is none"),
    "no time of bybit": ("bybit", bybit(moment=None), "cannot be read"),
    "true for a time": ("bybit", bybit(moment=True), "cannot be read"),
    "an unknown pair of bybit": ("bybit", {"retCode": 10001, "result": {}, "time": NOW_MS}, "no ticker"),
}


class Reading(unittest.TestCase):
    def read(self, name, answer, asked_ms=NOW_MS, pair="BTC/USDT"):
        return tickers.read_ticker(tickers.EXCHANGES[name], pair, text_of(answer), asked_ms, SPREAD)

    def test_the_middle_of_bid_and_ask_is_exact(self):
        for name, answer in ANSWERS.items():
            with self.subTest(name):
                price, time_ms = self.read(name, answer())
                self.assertEqual((f"{price:f}", time_ms), ("29880.2", NOW_MS))
        for bid, ask, middle in (("0.1", "0.1", "0.1"), ("0.1", "0.101", "0.1005"), ("29999", "30001", "30000"),
                                 ("0.000000010", "0.0000000102", "0.0000000101"),
                                 ("0.300000000000001", "0.300000000000002", "0.3000000000000015")):
            self.assertEqual(f"{self.read('binance', binance(bid, ask))[0]:f}", middle)

    def test_a_number_is_read_digit_by_digit(self):
        text = b'{"symbol":"BTCUSDT","bidPrice":9007199254740993.000000000000000001,"askPrice":9007199254740993.000000000000000003}'
        self.assertEqual(f"{self.read('binance', text)[0]:f}", "9007199254740993.000000000000000002")

    def test_names_are_the_exchanges_own(self):
        for name, pair in (("XXBTZUSD", "BTC/USD"), ("XETHXXBT", "ETH/BTC"), ("XDGUSD", "DOGE/USD"), ("SOLUSD", "SOL/USD")):
            self.assertEqual(self.read("kraken", kraken(name=name), pair=pair)[0], decimal.Decimal("29880.2"))

    def test_what_is_no_ticker_is_refused(self):
        for name, (answer, says) in NO_TICKERS.items():
            with self.subTest(name), self.assertRaises(tickers.BadAnswer) as error:
                self.read("binance", answer)
            self.assertIn(says.replace("no plain", "not a plain"), str(error.exception), name)
        for name, (exchange, answer, says) in NO_TICKERS_OF.items():
            with self.subTest(name), self.assertRaises(tickers.BadAnswer) as error:
                self.read(exchange, answer)
            self.assertIn(says, str(error.exception), name)

    def test_an_older_time_of_the_exchange_counts_and_a_newer_does_not(self):
        for name, answer in (("okx", lambda ms: okx(ts=str(ms))), ("bybit", lambda ms: bybit(moment=ms))):
            self.assertEqual(self.read(name, answer(NOW_MS - 60_000))[1], NOW_MS - 60_000)
            self.assertEqual(self.read(name, answer(NOW_MS + 60_000))[1], NOW_MS)
        self.assertEqual(self.read("coinbase", coinbase(moment="2025-11-24T15:59:59.123456789Z"))[1], NOW_MS - 877)
        self.assertEqual(self.read("coinbase", coinbase(moment="2025-11-24T17:59:00+02:00"))[1], NOW_MS - 60_000)

    def test_noise_becomes_a_price_or_an_error(self):
        good = text_of(okx())
        for at in range(len(good)):
            for noise in (b"", b"9", b'"', b"}", b"\x00", b"\xff"):
                with contextlib.suppress(tickers.BadAnswer):
                    price, time_ms = self.read("okx", good[:at] + noise + good[at + 1 :])
                    self.assertTrue(price > 0 and 0 < time_ms <= NOW_MS)


if __name__ == "__main__":
    unittest.main()

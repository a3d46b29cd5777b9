"""Kraken takes XBTUSD as XBT/USD, BTC/USD and XXBTZUSD too, and what narrows one spelling is to narrow them all. But a pattern
was compared with the symbol as it was sent and with BTC/USD, so a deny of "XBTUSD*", "ETHUS*" or "*XBT" was passed by another
spelling; a deny of XXBTZUSD, which can be read in two ways, was for no other one; and XXBTZUSD had a count of its own where a
limit counts by symbol."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from attack_orders import kraken  # noqa: E402
from attacks import GOOD, Attack, AttackTest, refused  # noqa: E402

BITCOIN = ("XBTUSD", "XBT/USD", "xbt/usd", "BTC/USD", "BTCUSD", "XXBTZUSD", "XBTUSDT", "BTC/USDT")
ETHER = ("ETHUSD", "ETH/USD", "XETH/USD", "XETHZUSD", "ETHXBT", "ETH/XBT", "ETH/BTC", "ETHBTC", "XETHXXBT")
COUNTED = {"count": "orders: 100, per: 1h, by: [caller, key]"}


def denied(pairs, others, pattern):
    rows = [(kraken(pair=pair, quantity="0.001"), refused("pair")) for pair in pairs]
    honest = [(kraken(pair=pair, quantity="0.001"), GOOD) for pair in others]
    return Attack(COUNTED, ("kraken", *rows, *honest),
                  others={"deny": [f'name: CASE.pair, caller: CASE, symbols: ["{pattern}"]']})


class Spellings(AttackTest):
    attacks = {
        "bitcoin": denied(BITCOIN, ("ETHUSD", "ETH/BTC"), "XBTUSD*"),
        "ether": denied(("ETHUSD", "ETH/USD", "XETH/USD", "XETHZUSD"), ("XBTUSD", "BTC/USD"), "ETHUS*"),
        "for-bitcoin": denied(ETHER[4:], ("ETHUSD", "XBT/USD"), "*XBT"),
        "counted": Attack({"count": "orders: 2, per: 1h, by: [caller, key, symbol]"},
                          ("kraken", (kraken(pair="XBTUSD"), GOOD), (kraken(pair="BTC/USD"), GOOD),
                           (kraken(pair="XBT/USD"), refused("count", status=429)),
                           (kraken(pair="XXBTZUSD"), refused("count", fact="symbol")))),
    }

    def test_a_pattern_narrows_every_spelling(self):
        for name in self.attacks:
            self.play(name)


if __name__ == "__main__":
    unittest.main()

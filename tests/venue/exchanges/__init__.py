"""The exchanges that the venue plays, by name of the profile."""

import importlib

MODULES = (
    "binance", "bybit", "okx", "htx", "kraken", "kraken_futures", "coinbase", "kucoin", "bitget", "gate", "mexc",
    "bitfinex", "bitstamp", "deribit", "cryptocom", "bingx", "whitebit", "bitvavo",
    "phemex", "poloniex", "bitso", "upbit", "gemini", "bitmex",
)  # fmt: skip


def load():
    found = {}
    for name in MODULES:
        for exchange in importlib.import_module(f"exchanges.{name}").EXCHANGES:
            found[exchange.NAME] = exchange()
    return found

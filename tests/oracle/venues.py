"""The exchanges that the oracle can read, by the names of their profiles."""

from venues_contracts import Deribit, Okx
from venues_spot import Bitvavo, Coinbase, Kraken

EXCHANGES = {"kraken": Kraken(), "okx": Okx(), "bitvavo": Bitvavo(), "coinbase-exchange": Coinbase(),
             "deribit": Deribit()}

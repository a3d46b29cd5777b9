"""An amendment may name its order by the exchange's number and by the bot's own name at once. If both were the same text, they
were taken to agree; but a bot chooses its names, so it could give a small order the number of a large one of somebody else's.
An amendment by both, with the name first, was then judged as one of the small order, and the exchange, which goes by the
number, moved the large one. Now nobody knows which order such a request means."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from attack_orders import NAMES, PLACE, amend, contract  # noqa: E402
from attacks import GOOD, Attack, AttackTest, refused  # noqa: E402

NUMBERS = {"okx": "ordId", "bybit": "orderId", "bitvavo": "orderId", "kraken": "txid", "phemex": "orderID"}
ITS_NUMBER = "4242"


def by_both(key, is_name_first):
    """An amendment of the price alone."""
    request = amend(key, price="30100", order=ITS_NUMBER)
    number = {NUMBERS[key]: ITS_NUMBER}
    params = {**request["params"], **number} if is_name_first else {**number, **request["params"]}
    return {**request, "params": params}


def rows():
    for key in NUMBERS:
        market = {"category": "linear"} if key == "bybit" else {}
        small = (contract if key == "phemex" else PLACE[key])(**{NAMES[key]: ITS_NUMBER}, **market)
        attacks = [(by_both(key, first), refused("allow", fact="type")) for first in (True, False)]
        yield (key, (small, GOOD), *attacks, (amend(key, price="30100", order=ITS_NUMBER), GOOD))


class TwoOrders(AttackTest):
    attacks = {"both": Attack({"size": 'order_value: "5000 USDT"'}, *rows())}

    def test_the_number_of_another_order_is_no_name_of_ones_own(self):
        self.play("both")


if __name__ == "__main__":
    unittest.main()

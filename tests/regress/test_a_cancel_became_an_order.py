"""Where a request names its call twice, in URL and body, both must be the same. Gemini's and WhiteBIT's name the path; those of
Crypto.com name its end, which was not looked at: a body that cancels, sent to the URL that orders, was signed as an order."""

import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from wired import WiredTest

URL = "https://api.crypto.com/exchange/v1/private/create-order"
ORDER = {"instrument_name": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "1", "quantity": "1"}

class Named(WiredTest):
    profile, classes = "cryptocom", "trade, cancel"

    def ask(self, method):
        body = {"id": 1, "method": method, "api_key": "dummy", "params": ORDER, "nonce": time.time_ns() // 1_000_000, "sig": "dummy"}
        return self.sign("POST", URL, json.dumps(body))

    def test_the_call_in_the_body_is_that_of_the_url(self):
        self.assertEqual(self.ask("private/create-order").status, 200)
        for method in ("private/cancel-order", "create-order", "private/create-order-list", "private/create-order?a=b", "", None, 5):
            with self.subTest(method=method):
                self.assert_refused(self.ask(method), "'method' names another call than the URL")


if __name__ == "__main__":
    unittest.main()

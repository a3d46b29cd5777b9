"""A host of another environment makes a request one of that, whether it stands in the URL or in the header Host. The header
was taken for the transport's alone, so that an order to the testnet, whose URL is only a path, was signed as a live one."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"


class Host(harness.AgentTest):
    def sign(self, host, document):
        document = {**document, "headers": {"Host": host}}
        with self.agent.client() as client:
            return client.sign("binance-main", {"wire": document})

    def order(self, host):
        body = f"{ORDER}&timestamp={time.time_ns() // 1_000_000}&signature=dummy"
        return self.sign(host, {"method": "POST", "url": "/api/v3/order", "body": body})

    def ticker(self, host):
        return self.sign(host, {"method": "GET", "url": "/api/v3/ticker/price?symbol=LTCBTC"})

    def test_a_host_of_another_environment_is_refused(self):
        for ask in (self.order, self.ticker):
            for host in ("testnet.binance.vision", "TESTNET.binance.vision:443", "demo-api.binance.com"):
                with self.subTest(host=host, ask=ask.__name__):
                    answer = ask(host)
                    self.assertEqual(answer.status, 400, answer)
                    self.assertIn("of environment", answer.json["detail"])

    def test_its_own_hosts_and_the_relays_are_taken(self):
        for ask in (self.order, self.ticker):
            for host in ("api.binance.com", "api.binance.com:443", "127.0.0.1:8801", "localhost"):
                self.assertEqual(ask(host).status, 200, host)


if __name__ == "__main__":
    unittest.main()

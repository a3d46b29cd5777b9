"""An agent whose policy has a caller, with a socket of its own, for each case of a table; and a feed."""

import json
import os
import time

import harness
import made
from client import Client

OKX_SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
HEAD = """\
version: 1
people:
  tester: {{ uid: {uid}, roles: [operator, admin, approver] }}
prices: {{ sources: [test, second], max_move: {{ by: "50 %", within: 10m }} }}
accounts:
  desk: {{ prices: median, reference_error: "0.5 %", fees: "0.1 %" }}
  slipping: {{ prices: median, reference_error: "0.5 %", market_slippage: "3 %" }}
conversions:
  - {{ from: USDC, to: USDT, rate: "1", haircut: "1 %" }}
addresses:
  cold: {{ asset: BTC, network: BTC-Bitcoin, address: bc1qcold }}
  trading: {{ from: funding, to: trading, asset: USDT }}
listings:
  kraken: [XBTUSDT, ETHUSDT]
keys:
  kraken: {{ account: desk, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: k }}
  kraken-second: {{ account: desk, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: k2 }}
  kraken-slips: {{ account: slipping, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: k3 }}
  okx: {{ account: desk, token: main, object: "pkcs11:object=okx", profile: okx, scheme: hmac, key_id: o, passphrase: p,
         assume_uses: 1 }}
  okx-uses: {{ account: desk, token: main, object: "pkcs11:object=okx", profile: okx, scheme: hmac, key_id: o2, passphrase: p }}
  bybit: {{ account: desk, token: main, object: "pkcs11:object=binance-main", profile: bybit, scheme: hmac, key_id: y,
           accepts: [key-deletion, demo-account, bare-trades, spread-orders, copy-trading, contract-orders, amendments], receive_window: 2s, assume_uses: 1 }}
"""


def order(**changes):
    """A limit order at Kraken: 0.1 BTC at 30000 USDT."""
    params = {"ordertype": "limit", "type": "buy", "volume": "0.1", "price": "30000", "pair": "XBTUSDT", **changes}
    return {"method": "POST", "path": "/0/private/AddOrder",
            "params": {name: value for name, value in params.items() if value is not None}}


def market(**changes):
    return order(ordertype="market", price=None, **changes)


CANCEL = {"method": "POST", "path": "/0/private/CancelOrder", "params": {"txid": "O1"}}
BALANCE = {"method": "POST", "path": "/0/private/Balance", "params": {}}


def swap(**changes):
    """A limit order of contracts at OKX: 1 contract of 0.01 BTC at 30000 USDT."""
    params = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "side": "buy", "ordType": "limit", "sz": "1", "px": "30000",
              **changes}
    return {"method": "POST", "path": "/api/v5/trade/order", "params": params}


def spend(amount):
    """A market order at OKX that buys bitcoin for so many USDT."""
    return {"method": "POST", "path": "/api/v5/trade/order",
            "params": {"instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "market", "sz": amount}}


def withdrawal(**changes):
    params = {"ccy": "BTC", "amt": "0.5", "dest": "4", "toAddr": "bc1qcold", "chain": "BTC-Bitcoin", **changes}
    return {"method": "POST", "path": "/api/v5/asset/withdrawal", "params": params}


def leverage(lever):
    return {"method": "POST", "path": "/api/v5/account/set-leverage",
            "params": {"instId": "BTC-USDT-SWAP", "lever": lever, "mgnMode": "cross"}}


class Agent(harness.Agent):
    """`entries` are lines of policy by verb, `callers` names."""

    @classmethod
    def prepare(cls, add_cleanup):
        """An agent with its token and keys, without a policy, not yet started. `add_cleanup` is the test's, or its class's."""
        harness.require_programs()
        agent = cls()
        add_cleanup(agent.close)
        made.take(agent, agent.make)
        return agent

    def make(self):
        self.make_token()
        self.import_hmac("binance-main", "hmac-sha256", harness.BINANCE_SECRET)
        self.import_hmac("kraken-main", "hmac-sha512", harness.KRAKEN_SECRET, "base64")
        self.import_hmac("okx", "hmac-sha256", OKX_SECRET)

    def write_policy(self, callers, entries):
        uid = os.getuid()
        lines = [HEAD.format(uid=uid), "callers:\n", f"  feed: {{ uid: {uid}, socket: feed, role: feed }}\n"]
        lines += [f"  {name}: {{ uid: {uid}, socket: {name} }}\n" for name in callers]
        for verb, texts in entries.items():
            lines += [f"{verb}:\n", *(f"  - {{ {text} }}\n" for text in texts)]
        self.policy.write_text("".join(lines))

    def by(self, socket, timeout_s=10.0):
        """A client that comes by the socket of that name."""
        return Client(self.home / "run" / f"{socket}.sock", timeout_s)

    def sign(self, caller, key, document):
        with self.by(caller) as client:
            return client.sign(key, document)

    def put_prices(self, source="test", age_s=0, **prices):
        """BTC_USDT="30000"."""
        at = int((time.time() - age_s) * 1000)
        body = {"source": source, "prices": [{"pair": pair.replace("_", "/"), "price": price, "time_ms": at}
                                             for pair, price in prices.items()]}
        with self.by("feed") as client:
            return client.request("PUT", "/v1/prices", json.dumps(body).encode(), {"Content-Type": "application/json"})

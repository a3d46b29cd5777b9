"""What a relay asks of the agent, as tests ask it in its place: over its own socket, with ids of its own."""

import json
import secrets

from client import Client

# A bot with budgets, a relay that speaks for it, and a bot for whom no relay speaks.
POLICY = """\
version: 1
callers:
  maker: {{ uid: {uid} }}
  taker: {{ uid: {uid}, socket: taker }}
  second: {{ uid: {uid}, socket: second }}
  relay: {{ uid: {uid}, socket: relay, role: relay, for: [maker, taker] }}
  relay2: {{ uid: {uid}, socket: relay2, role: relay, for: [maker] }}
people:
  ops: {{ uid: {uid}, roles: [operator, admin, approver] }}
accounts:
  desk: {{ prices: none }}
allow:
  - {{ name: orders, caller: [maker, taker], key: [binance-relay, kraken-relay], classes: [trade], markets: [spot], symbols: [LTCBTC, XBTUSD], sides: [BUY], types: [LIMIT], limits: [day, pace] }}
  - {{ name: looks, caller: [maker, taker], key: [binance-relay, kraken-relay, binance-direct], classes: [read, cancel] }}
  - {{ name: seconds, caller: second, key: [binance-relay, binance-direct], classes: [read, cancel] }}
  - {{ name: transfers, caller: maker, key: binance-relay, endpoints: ["POST /sapi/v1/asset/transfer"], to: any, unlimited: true }}
limit:
  - {{ name: day, value: "1 BTC", per: 24h, by: caller, relay_release: "50 %" }}
  - {{ name: pace, messages: 1000, per: 24h, by: caller }}
conversions:
  - {{ from: USD, to: BTC, rate: "0.0001", haircut: "0 %" }}
require:
  - {{ name: two-eyes, endpoints: ["POST /sapi/v1/asset/transfer"], approvals: 1, of: [ops], within: 1h }}
keys:
  binance-relay: {{ account: desk, token: main, object: "pkcs11:object=binance-main", profile: binance, scheme: hmac, key_id: "{binance_key_id}", relay: only }}
  binance-direct: {{ account: desk, token: main, object: "pkcs11:object=binance-main", profile: binance, scheme: hmac, key_id: "{binance_key_id}" }}
  kraken-relay: {{ account: desk, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: "kraken-key-id" }}
"""

ACCOUNT = {"method": "GET", "path": "/api/v3/account"}


NO_ID = "0" * 32  # in the shapes of errors: it stands for the request's


def draw():
    """An id, as a relay draws one for each request."""
    return secrets.token_hex(16)


class Relay:
    """The agent's side of a relay: one connection to the socket of that name."""

    def __init__(self, agent, socket="relay", caller="maker"):
        self.client = Client(agent.home / "run" / f"{socket}.sock")
        self.caller = caller

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def sign(self, key, document, drawn=None, caller=None, headers=None, **more):
        """Asks for the signature of a bot's request; returns the answer and the id that was drawn for it."""
        drawn = drawn or draw()
        body = dict(document, relay={"id": drawn, "for": caller or self.caller, **more})
        answer = self.client.request("POST", f"/v1/keys/{key}/sign", json.dumps(body).encode(),
                                     {"Content-Type": "application/json", **(headers or {})})
        return answer, drawn

    def tell(self, *outcomes):
        return self.client.post("/v1/outcomes", {"outcomes": outcomes})

    def not_sent(self, drawn):
        return self.tell({"id": drawn, "outcome": "not-sent"})

    def answered(self, drawn, status, body):
        return self.tell({"id": drawn, "outcome": "answered", "status": status, "body": body})

"""What chancery doctor asks is understood by a real agent, for every profile: the time as a public call, the rest as a request
of an SDK, undone, judged and signed anew. The relay is played here: it has the agent sign, and answers as no exchange would."""

import json
import pathlib
import re
import sys
import time
import unittest

import harness
from relay_stand_in import Answer, Relay

PROFILES = sorted(path.stem for path in (harness.ROOT / "profiles").glob("*.yaml"))
ALL = "read, trade, cancel, transfer, withdraw, keys, account, session"
LABELS = {"hmac-sha256": "binance-main", "hmac-sha384": "h384", "hmac-sha512": "kraken-main"}
WITH_PASSPHRASE = ("okx", "coinbase-exchange", "bitget", "kucoin")


def hmac_of(profile):
    """The name and the mechanism of a profile's first HMAC scheme."""
    text = (harness.ROOT / "profiles" / f"{profile}.yaml").read_text()
    section = re.search(r"(?ms)^schemes:\n(.*?)(?=^\S)", text)[1]
    return re.search(r"(?s)^  (\w+):.*?mechanism: (hmac-\w+)", section).groups()


class DoctorAgent(harness.AgentTest):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.agent.import_hmac("h384", "hmac-sha384", harness.BINANCE_SECRET)
        policy = cls.agent.policy.read_text()
        for profile in PROFILES:
            scheme, mechanism = hmac_of(profile)
            phrase = ", passphrase: p" if profile in WITH_PASSPHRASE else ""
            line = (f"  {profile}: {{ token: main, object: 'pkcs11:object={LABELS[mechanism]}', profile: {profile}, "
                    f"scheme: {scheme}, key_id: the-id{phrase} }}\n")
            policy = harness.with_key(policy, line, harness.allow(f"all-{profile}", "tester", profile, ALL))
        cls.agent.policy.write_text(policy)

    def relayed(self, method, place, headers, body):
        """What the agent makes of a request, as the relay hands it on."""
        key, _, target = place[1:].partition("/")
        wire = {"method": method, "url": f"/{target}", "headers": dict(headers), "body": body}
        if target.startswith("~"):
            wire["origin"], _, rest = target[1:].partition("/")
            wire["url"] = f"/{rest}"
        with self.agent.client() as client:
            return client.request("POST", f"/v1/keys/{key}/sign", json.dumps({"wire": wire}).encode(),
                                  {"Content-Type": "application/json"})

    def test_every_call_is_understood(self):
        begun_s = int(time.time())  # some requests say only the second, and that of the agent's start is refused
        harness.wait_until(lambda: int(time.time()) > begun_s, "the second of the agent's start is over")
        for profile in PROFILES:
            with self.subTest(profile):
                relay = Relay({}, path=str(self.agent.home / "relay.sock"))
                relay.server.answers = Everything()
                try:
                    self.agent.cli("doctor", profile, "--relay", relay.url, "--profiles", harness.ROOT / "profiles")
                finally:
                    relay.close()
                    pathlib.Path(self.agent.home, "relay.sock").unlink()
                self.assertGreater(len(relay.asked), 0)
                for asked in relay.asked:
                    answer = self.relayed(*asked)
                    self.assertEqual(answer.status, 200, (asked[:2], answer.json))
                    self.assertEqual(answer.json.get("public", False), "signature" not in str(asked) and is_time(profile, asked[1]))


class Everything(dict):
    """Answers each call with what all checks want to see, so that nothing is left unasked."""

    def get(self, call):
        rows = [{"currency": "BTC", "accountType": "SPOT", "access_key": "the-id"}]
        return Answer(rows if call in LISTS else {
            "code": 0, "retCode": 0, "status": "ok", "result": "success", "success": True, "data": 1, "balances": [], "fees": {},
            "isTrader": True, "can_view": True, "account": 1, "user_id": 1, "assets": []} | CODES.get(call, {}))


LISTS = ("POST /api/v2/account_balances/", "GET /accounts", "GET /accounts/balances", "GET /v1/api_keys")
CODES = {"GET /api/v2/spot/account/info": {"code": "00000"}, "GET /api/v1/user/api-key": {"code": "200000"}}


def is_time(profile, place):
    text = (harness.ROOT / "profiles" / f"{profile}.yaml").read_text()
    call = re.search(r"(?m)^  time: \{ call: GET (\S+),", text)
    return call is not None and place.partition("?")[0].endswith(call[1])


if __name__ == "__main__":
    sys.exit(unittest.main())

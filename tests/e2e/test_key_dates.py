"""A key's dates: it signs until it expires, and people are told in time."""

import datetime
import json
import re
import unittest

import harness
from harness import BINANCE_ORDER

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class KeyDates(harness.AgentTest):
    def setUp(self):
        self.before = self.agent.policy.read_text()
        self.addCleanup(self.reload, self.before)

    def reload(self, policy):
        self.agent.policy.write_text(policy)
        self.agent.must("reload")

    def set_dates(self, key, **dates):
        more = "".join(f"    {name}: {text(moment)}\n" for name, moment in dates.items())
        self.reload(re.sub(rf"(?m)^  {key}:\n", rf"\g<0>{more}", self.before))

    def sign(self, key="kraken-main"):
        with self.agent.client() as client:
            return client.sign(key, harness.KRAKEN_ORDER if key.startswith("kraken") else BINANCE_ORDER)

    def status(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json

    def test_a_key_signs_until_it_expires(self):
        end = now() + datetime.timedelta(seconds=4)
        self.set_dates("kraken-main", expires=end)
        self.assertEqual(self.sign().status, 200, self.agent.log())
        harness.wait_until(lambda: now() >= end, "it expires")
        answer = self.sign()
        self.assert_problem(answer, 403, "refused")
        self.assertEqual(answer.json["rule"], "expires", answer)
        self.assertIn(f"key 'kraken-main' expired at {text(end)}", answer.json["detail"])
        self.assert_signs("binance-main")

    def test_what_has_expired_is_said_everywhere(self):
        self.set_dates("kraken-main", expires=now() - DAY)
        status = self.status()
        self.assertFalse(status["ready"])
        self.assertEqual([problem["key"] for problem in status["problems"]], ["kraken-main"])
        self.assertRegex("\n".join(status["notices"]), "key 'kraken-main' expired at ")
        self.assertIn("key 'kraken-main' expired at ", self.agent.log())
        self.assertRegex(self.agent.must("status"), r"Note: key 'kraken-main' expired at ")
        done = self.agent.cli("policy", "check", self.agent.policy, "--profiles", harness.ROOT / "profiles")
        self.assertIn(b"it has expired, so it signs nothing", done.stdout)

    def test_dates_are_shown_before_anything_is_due(self):
        expires, rotate_by = now() + 99 * DAY, now() + 90 * DAY
        self.set_dates("binance-main", expires=expires, rotate_by=rotate_by)
        status = self.status()
        self.assertEqual(status["key_dates"], [{"key": "binance-main", "key_id": harness.BINANCE_KEY_ID, "expires": text(expires), "rotate_by": text(rotate_by)}])
        self.assertNotIn("binance-main", "\n".join(status["notices"]))
        self.assertTrue(status["ready"])
        with self.agent.client() as client:
            keys = {key["name"]: key for key in client.get("/v1/keys").json["keys"]}
            metrics = client.get("/metrics").body.decode()
        self.assertEqual(keys["binance-main"]["expires"], text(expires))
        self.assertNotIn("expires", keys["kraken-main"])
        seconds = int(expires.timestamp())
        self.assertIn(f'\nchancery_key_expires_timestamp_seconds{{key="binance-main",key_id="{harness.BINANCE_KEY_ID}"}} {seconds}\n', metrics)
        self.assertRegex(self.agent.must("status"), rf"binance-main +{text(expires)} +{text(rotate_by)}")

    def test_a_notice_comes_two_weeks_before(self):
        self.set_dates("binance-main", rotate_by=now() + 13 * DAY + DAY / 2)
        self.assertRegex("\n".join(self.status()["notices"]), r"key 'binance-main' is to be rotated by \S+Z, in 13 days")
        self.assertIn("key 'binance-main' is to be rotated by", self.agent.log())
        self.assert_signs("binance-main")

    def test_an_idempotent_repeat_is_refused_as_well(self):
        end = now() + datetime.timedelta(seconds=4)
        self.set_dates("kraken-main", expires=end)
        asked = ("POST", "/v1/keys/kraken-main/sign", json.dumps(harness.KRAKEN_ORDER).encode(),
                 {"Content-Type": "application/json", "Idempotency-Key": "once"})
        with self.agent.client() as client:
            self.assertEqual(client.request(*asked).status, 200)
            harness.wait_until(lambda: now() >= end, "it expires")
            answer = client.request(*asked)
        self.assertEqual((answer.status, answer.json["rule"]), (403, "expires"))


if __name__ == "__main__":
    unittest.main()

"""A bot whose SDK asks, in the form `wire`, with one key of an exchange that none of the usual keys is for."""

import harness

KEY = """\
  {0}-main:
    token: main
    object: "pkcs11:object=binance-main"
    profile: {0}
    scheme: hmac
    key_id: "{0}-id"
"""


class WiredTest(harness.AgentTest):
    """For a `profile`; what the bot may do are `classes`."""

    profile = classes = None

    @classmethod
    def prepare(cls):
        entry = harness.allow(cls.profile, "tester", f"{cls.profile}-main", cls.classes)
        cls.agent.policy.write_text(harness.with_key(cls.agent.policy.read_text(), KEY.format(cls.profile), entry))

    def sign(self, method, url, body, headers=None):
        with self.agent.client() as client:
            wire = {"method": method, "url": url, "headers": headers or {}, "body": body}
            return client.sign(f"{self.profile}-main", {"wire": wire})

    def assert_refused(self, answer, why):
        self.assertEqual(answer.status, 400, answer)
        self.assertIn(why, answer.json["detail"])

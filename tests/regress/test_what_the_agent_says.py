"""What the agent said of itself was not all true, and strangers were told more than they need.

- `chancery status` said "ready" and /readyz 200 while keys could not sign, and no caller was told why.
- 404 for a key that is not there and 403 for somebody else's let a caller find out which keys others have.
- Anybody who could connect was told the names, states and troubles of the tokens."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from harness import BINANCE_ORDER

STRANGER = 4545


class KeysThatCannotSign(harness.AgentTest):
    @classmethod
    def prepare(cls):
        policy = cls.agent.home / "policy.yaml"
        policy.write_text(policy.read_text().replace("object=binance-rsa", "object=never-made"))

    def test_status_and_readyz_speak_of_keys(self):
        with self.agent.client() as client:
            self.assertEqual(client.get("/readyz").status, 503)
            status = client.get("/v1/status").json
            key = next(key for key in client.get("/v1/keys").json["keys"] if key["name"] == "binance-rsa")
        self.assertFalse(status["ready"])
        self.assertEqual(status["keys_ready"], status["keys"] - 1)
        self.assertEqual([problem["key"] for problem in status["problems"]], ["binance-rsa"])
        self.assertIn("never-made", status["problems"][0]["problem"])
        self.assertFalse(key["ready"])
        self.assertEqual(key["problem"], status["problems"][0]["problem"])
        shown = self.agent.must("status", "--socket", self.agent.socket)
        self.assertIn("not ready", shown)
        self.assertIn("never-made", shown)


class WhatOthersLearn(harness.AgentTest):
    def test_a_key_that_is_not_there_looks_like_somebody_elses(self):
        with self.agent.client() as client:
            missing = client.sign("binance-none", BINANCE_ORDER)
            foreign = client.sign("binance-other", BINANCE_ORDER)
        self.assertEqual(missing.status, 403)
        self.assertEqual(missing.body.replace(b"binance-none", b"binance-other"), foreign.body)

    def ask_as(self, uid, path):
        """What a process of that user is answered."""
        seen, told = os.pipe()
        os.chmod(self.agent.home, 0o711)
        child = os.fork()
        if child == 0:
            try:
                os.setuid(uid)
                with self.agent.client() as client:
                    os.write(told, client.get(path).body)
            finally:
                os._exit(0)
        os.close(told)
        with os.fdopen(seen, "rb") as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return text

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_a_stranger_learns_no_more_than_readiness(self):
        text = self.ask_as(STRANGER, "/v1/status")
        self.assertIn(b'"ready":', text)
        self.assertNotIn(b"main", text)
        self.assertIn(b'"tokens":[]', text)
        self.assertIn(b'"signed":0', text)


if __name__ == "__main__":
    unittest.main()

"""Where many limits gave back what requests had taken, the answer to their outcomes was longer than a frame. The relay was told that
they had not been taken, and logged that, though they had been."""

import os
import unittest

import harness
import relaying
from relaying import Relay, draw

KEY = "binance-relay"
LIMITS = [f"a-limit-that-has-a-long-name-and-that-is-one-of-many-{number:02}" for number in range(24)]
AT_ONCE = 64


class ManyLimits(harness.AgentTest):
    @classmethod
    def prepare(cls):
        text = relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID)
        more = "".join(f'  - {{ name: {name}, value: "{100 + number} BTC", per: 24h, by: caller, relay_release: "100 %" }}\n'
                       for number, name in enumerate(LIMITS))
        cls.agent.policy.write_text(text.replace("limits: [day, pace]", f"limits: [day, pace, {', '.join(LIMITS)}]")
                                    .replace("limit:\n", "limit:\n" + more))

    def test_all_are_taken_and_that_is_said(self):
        with Relay(self.agent) as relay:
            ids = []
            for number in range(AT_ONCE):
                order = dict(harness.BINANCE_ORDER, params={**harness.BINANCE_ORDER["params"], "quantity": "0.001",
                                                            "newClientOrderId": f"n{number}"})
                answer, drawn = relay.sign(KEY, order)
                self.assertEqual(answer.status, 200, answer)
                ids.append({"id": drawn, "outcome": "not-sent"})
            told = relay.tell(*ids)
            self.assertEqual((told.status, told.json.get("unknown")), (200, []), told)
            self.assertIn(f"{LIMITS[0]}: 0.0001 BTC", told.json["returned"])
            self.assertEqual(len(relay.tell({"id": draw(), "outcome": "not-sent"}, *ids[:63]).json["unknown"]), AT_ONCE)


if __name__ == "__main__":
    unittest.main()

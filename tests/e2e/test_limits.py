"""A message limit holds: above it a caller is answered with 429, and its cancels still go through."""

import os
import unittest

import harness
from harness import BINANCE_CANCEL, BINANCE_ORDER, BINANCE_WITHDRAWAL

BURST = 3
LIMITS = f"limit:\n  - {{ name: pace, messages: {2 * BURST}, per: 1m, by: caller, reserve_cancels: {BURST} }}\n"


class Limits(harness.AgentTest):
    def setUp(self):
        super().setUp()
        text = self.agent.policy.read_text()
        self.addCleanup(self.configure, text)
        self.configure(text.replace("allow:\n", LIMITS + "allow:\n"))

    def configure(self, policy):
        """A fresh agent, whose state remembers nothing."""
        self.agent.stop()
        self.agent.forget_state()
        self.agent.policy.write_text(policy)
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)

    def ask(self, document, count, key="binance-main"):
        with self.agent.client() as client:
            return [client.sign(key, document) for _ in range(count)]

    def test_above_the_limit_orders_are_answered_with_429(self):
        answers = self.ask(BINANCE_ORDER, 10 * BURST)
        self.assertEqual([answer.status for answer in answers[:BURST]], [200] * BURST)
        refused = answers[-1]
        self.assertEqual(refused.status, 429, self.agent.log())
        self.assertEqual(refused.headers["content-type"], "application/problem+json")
        self.assertIn(int(refused.headers["retry-after"]), range(50, 63))
        self.assertEqual({name: refused.json[name] for name in ("type", "rule", "control", "limit")},
                         {"type": "urn:chancery:problem:too-often", "rule": "pace", "control": "message-limit",
                          "limit": str(2 * BURST)})
        cancels = self.ask(BINANCE_CANCEL, BURST + 1)
        self.assertEqual([answer.status for answer in cancels], [200] * BURST + [429])

    def test_what_is_refused_is_not_counted(self):
        self.assertEqual({answer.status for answer in self.ask(BINANCE_WITHDRAWAL, 10 * BURST)}, {403})
        self.assertEqual({answer.status for answer in self.ask(BINANCE_ORDER, BURST)}, {200})

    def test_all_keys_of_a_caller_count_together(self):
        self.ask(BINANCE_ORDER, 10 * BURST)
        self.assertEqual(self.ask(BINANCE_ORDER, 1, "binance-ed25519")[0].status, 429)

    def test_what_was_counted_counts_after_a_restart(self):
        self.ask(BINANCE_ORDER, 10 * BURST)
        self.agent.stop()
        self.agent.start()
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.assertEqual(self.ask(BINANCE_ORDER, 1)[0].status, 429)

    def test_an_operator_sees_what_each_caller_asks(self):
        self.ask(BINANCE_ORDER, BURST)
        with self.agent.client() as client:
            def is_seen():
                callers = client.get("/v1/status").json["callers"]
                return any(caller["user"] == str(os.getuid()) and caller["requests_per_second"] > 0 for caller in callers)

            harness.wait_until(is_seen, "what was asked in the last second")

    def test_the_command_line_says_so(self):
        self.ask(BINANCE_ORDER, 10 * BURST)
        done = self.agent.cli("sign", "binance-main", "POST", "/api/v3/order",
                              *(f"{name}={value}" for name, value in BINANCE_ORDER["params"].items()))
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertRegex(done.stderr, rb"the message limit \(try again in \d+ s\) \[pace\]")


if __name__ == "__main__":
    unittest.main()

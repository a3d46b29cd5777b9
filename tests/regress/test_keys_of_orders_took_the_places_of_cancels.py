"""A bot's orders with an Idempotency-Key, or those of three others, took all places for such requests, and its cancels with
one were answered with 503. The advice was to leave the key out, which gives up what it is for."""

import collections
from concurrent.futures.thread import ThreadPoolExecutor  # now: the other users may not read it later
import json
import time
import unittest

from others import BOT_A, BOT_B, OthersTest, User
from harness import BINANCE_CANCEL, BINANCE_ORDER

BOT_C = 4303
VICTIM = 4304
FEW = 60  # requests that nobody can keep a bot from while answers are kept
VALID_S = 10
AT_ONCE = 12


def ask_some(agent, prefix, document, numbers):
    """Returns the status of each answer, and what the last refusal said."""
    statuses, refusal = [], ""
    headers = {"Content-Type": "application/json"}
    with agent.client(30) as client:
        for number in numbers:
            headers["Idempotency-Key"] = f"{prefix}-{number}"
            answer = client.request("POST", "/v1/keys/quick/sign", json.dumps(document).encode(), headers)
            statuses.append(answer.status)
            refusal = refusal if answer.status == 200 else answer.json["detail"]
    return statuses, refusal


def ask(tell, agent, prefix, document, count):
    """Tells how often each status was the answer, and what a refusal said. Asks on several connections at a time, since
    each request waits for the disk."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shares = [range(first, count, AT_ONCE) for first in range(AT_ONCE)]
        answers = list(pool.map(lambda numbers: ask_some(agent, prefix, document, numbers), shares))
    statuses = collections.Counter(status for some, _ in answers for status in some)
    tell((dict(statuses), max(refusal for _, refusal in answers)))


class PlacesForKeys(OthersTest):
    bots = (0, BOT_A, BOT_B, BOT_C, VICTIM)

    def answers(self, uid, document, count):
        with User(uid, ask, self.agent, document["method"], document, count) as user:
            return user.hear(120)

    def use_up(self, attackers):
        """Each bot asks until it is refused."""
        begun = time.monotonic()
        for uid, document, count in attackers:
            statuses, refusal = self.answers(uid, document, count)
            if time.monotonic() - begun > VALID_S - 2:
                self.skipTest("this machine is too slow to use up all places while answers are kept")
            self.assertIn(503, statuses)
            self.assertNotIn("leave", refusal)

    def test_a_bots_own_orders_leave_its_cancels_their_places(self):
        self.use_up([(VICTIM, BINANCE_ORDER, 2100)])
        self.assertEqual(self.answers(VICTIM, BINANCE_CANCEL, 4 * FEW), ({200: 4 * FEW}, ""))

    def test_what_others_keep_leaves_a_bot_its_first_places(self):
        for document in (BINANCE_ORDER, BINANCE_CANCEL):
            with self.subTest(document["method"]):
                self.use_up([(BOT_A, document, 2100), (BOT_B, document, 1100), (BOT_C, document, 1100)])
                self.assertEqual(self.answers(VICTIM, document, FEW), ({200: FEW}, ""))


if __name__ == "__main__":
    unittest.main()

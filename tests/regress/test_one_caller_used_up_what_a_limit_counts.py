"""A limit counts 16,384 things apart, whoever asks for them. A bot that sends small orders, each of another quantity, had all of
them within five seconds, and then every order of the others that the limit had not counted yet was refused, for as long as its
window. Now a caller leaves a quarter to those who have little."""

import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import rules

THREADS = 6
MOST = 16_384
ALLOW = "key: kraken, classes: [trade], markets: [spot], symbols: [XBTUSDT], types: [limit], limits: [same]"
ENTRIES = {
    "allow": [f"name: greedy-trades, caller: greedy, {ALLOW}", f"name: modest-trades, caller: modest, {ALLOW}"],
    "limit": ["name: same, same_order: { at_most: 3, within: 24h }"],
}


class Shares(unittest.TestCase):
    def setUp(self):
        self.agent = rules.Agent.prepare(self.addCleanup)
        self.agent.write_policy(["greedy", "modest"], ENTRIES)
        self.agent.start()
        self.agent.unlock()
        self.refusals = []

    def take(self, first):
        with self.agent.by("greedy") as client:
            for number in range(first, MOST + THREADS, THREADS):
                answer = client.sign("kraken", rules.order(volume=f"0.0{number:05}1"))
                if answer.status != 200:
                    self.refusals.append(answer)
                    return

    def test_one_caller_leaves_room_for_another(self):
        threads = [threading.Thread(target=self.take, args=(first,)) for first in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.refusals), THREADS)
        for answer in self.refusals:
            self.assertEqual((answer.status, answer.json.get("rule")), (403, "same"), answer)
            self.assertIn("counts too many things", answer.json["detail"])
        for number in range(16):
            answer = self.agent.sign("modest", "kraken", rules.order(volume=f"0.{number + 1}"))
            self.assertEqual(answer.status, 200, answer)


if __name__ == "__main__":
    unittest.main()

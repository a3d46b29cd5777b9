"""The agent's memory stays small and constant, however many requests it serves.

$CHANCERY_SOAK is the number of requests (default 20,000; use a million for a release)."""

import json
import os
import threading
import unittest

import harness

REQUESTS = int(os.environ.get("CHANCERY_SOAK", "20000"))
CLIENTS = 4
LIMIT_KIB = 40 * 1024


@unittest.skipIf(harness.AGENT.exists() and harness.is_sanitized(), "the sanitizers' own memory is not the agent's")
class Memory(harness.AgentTest):
    def resident_kib(self):
        return sum(process.rss_kib() for process in self.agent.processes().values())

    def sign_many(self, count):
        body = json.dumps(harness.BINANCE_ORDER).encode()
        failures = []

        def work():
            with self.agent.client() as client:
                for _ in range(count // CLIENTS):
                    answer = client.post("/v1/keys/binance-main/sign", body)
                    if answer.status != 200:
                        failures.append(answer)
                        return

        threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_memory_is_small_and_flat(self):
        self.sign_many(max(REQUESTS // 10, 6000))  # so that the database has all pages in its cache that it keeps there
        self.assertEqual(set(self.agent.processes()), {"core", "front", "token"})
        warm = self.resident_kib()
        self.sign_many(REQUESTS)
        after = self.resident_kib()
        print(f"resident: {warm} KiB warm, {after} KiB after {REQUESTS} more requests")
        self.assertLess(after, LIMIT_KIB)
        self.assertLess(after - warm, 1024, "it grows")


if __name__ == "__main__":
    unittest.main()

"""chancery-relay: whatever bots, the agent and exchanges do at once, nothing with effects is sent twice, and what the agent is
told is true."""

import collections
import contextlib
import os
import random
import signal
import threading
import time
import unittest

from relay_rig import RelayTest, answer

SEED = int(os.environ.get("CHANCERY_RELAY_SEED", time.time_ns() % 2**32))
BOTS = 8
REQUESTS = 60


class TestChaos(RelayTest):
    times = {"answer_s": 1, "connect_s": 1, "transfer_s": 2, "agent_s": 1, "turn_s": 5}

    def look_at_relay(self):
        pass

    def exchange_plays(self, stream, arrival):
        """By the words in the body, which the bot drew."""
        word = arrival.body.split(b" ")[0]
        if word == b"slow":
            time.sleep(0.05)
        if word == b"close":
            return False
        if word == b"hang":
            time.sleep(1.3)
        if word == b"cut":
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            return False
        return answer(arrival.body, "400 No" if word == b"rejected" else "200 OK")

    def judge(self, question, key):
        word = question["wire"]["body"].split(" ")[1]
        if word == "late":
            time.sleep(0.05)
        if word == "refused":
            return 403, {"type": "urn:chancery:problem:refused", "detail": "no"}
        if word == "silent":
            return False
        if word == "closed":
            return self.agent.sign(question, key, url="https://closed.test/api/chaos")
        status, document = self.agent.sign(question, key)
        document["relay"]["serial"] = key == "serial"
        return status, document

    def bot(self, number):
        dice = random.Random(SEED + number)
        for i in range(REQUESTS):
            exchange = dice.choice(["ok", "ok", "ok", "slow", "close", "cut", "rejected"] + ["hang"] * (i % 20 == 0))
            agent = dice.choice(["ok", "ok", "ok", "late", "refused", "closed"] + ["silent"] * (i % 20 == 1))
            body = f"{exchange} {agent} {number}-{i}".encode()
            data = self.head(f"POST /{self.token}/{dice.choice(['free', 'serial'])}/api/chaos HTTP/1.1",
                             f"Content-Length: {len(body)}", "Connection: close") + body
            with contextlib.suppress(OSError), self.connect() as stream:
                stream.sendall(data)
                if dice.random() < 0.3:  # it leaves
                    time.sleep(dice.random() * 0.06)
                    continue
                said = b""
                while part := stream.recv(65536):
                    said += part
                self.said.append((body, said))

    def test_nothing_is_sent_twice_and_what_is_told_is_true(self):
        self.exchange.plays["/api/chaos"] = self.exchange_plays
        self.agent.judge = self.judge
        self.said = []
        bots = [threading.Thread(target=self.bot, args=(number,)) for number in range(BOTS)]
        for bot in bots:
            bot.start()
        for bot in bots:
            bot.join()
        self.assertIsNone(self.relay.poll(), self.log()[-2000:])
        self.relay.send_signal(signal.SIGTERM)
        self.assertEqual(self.relay.wait(30), 0)
        arrived = collections.Counter(arrival.body.decode() for arrival in self.exchange.arrivals)
        body_of = {question["relay"]["id"]: question["wire"]["body"] for question in self.agent.asked}
        told = collections.Counter(relay_id for relay_id, _ in self.agent.outcomes)
        self.assertEqual(len(body_of), len(self.agent.asked), f"ids are drawn anew; seed {SEED}")
        self.assertEqual(set(arrived.values()), {1}, f"seed {SEED}")
        self.assertEqual(set(told.values()), {1}, f"seed {SEED}")
        for relay_id, outcome in self.agent.outcomes:
            is_sent = outcome["outcome"] == "answered"
            self.assertEqual(arrived[body_of[relay_id]], int(is_sent), (body_of[relay_id], outcome, f"seed {SEED}"))
        answered = [body for body, said in self.said if said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))]
        self.assertGreater(len(answered), BOTS * REQUESTS // 8)
        for body, said in self.said:
            self.assertTrue(said.startswith(b"HTTP/1.1 "), (body, said))
            if said.startswith(b"HTTP/1.1 503"):
                self.assertEqual(arrived[body.decode()], 0, (body, said, f"seed {SEED}"))
            if said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400", b"HTTP/1.1 504")):
                self.assertEqual(arrived[body.decode()], 1, (body, said, f"seed {SEED}"))

    @classmethod
    def config(cls):
        return super().config().replace("times:", "  closed.test: '127.0.0.1:9'\ntimes:")


if __name__ == "__main__":
    unittest.main()

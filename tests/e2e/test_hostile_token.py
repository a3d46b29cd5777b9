"""Core against a token process that errs or lies, as tests/hostile/token.c plays it; tests/e2e/hostile.py says for how
long. Bots ask all the while, through a real front, and an operator unlocks and locks."""

import http.client
import sys
import threading
import time
import unittest

import harness
import hostile

ATTACKS = hostile.chosen(["none", "unlocked", "relocked", "locked", "twice", "others", "part", "length", "late", "wild", "states",
                          "deaf", "slow", "start-hangs", "login-hangs", "logout-hangs", "job-hangs", "rude", "random",
                          "spoiled", "any"])
SIGNING = ("none", "relocked", "others", "length")  # they must have signed something, or they show nothing
GARBLED = ("rude", "random", "spoiled", "any")  # their signatures may be any bytes
FORGED = "eeeeeeee"
BOTS = 3
LOG_BYTES_A_SECOND = 200_000


class Bot(threading.Thread):
    """Asks all the while, and keeps the signatures that it got."""

    def __init__(self, agent):
        super().__init__()
        self.agent = agent
        self.is_over = False
        self.signatures = []

    def run(self):
        while not self.is_over:
            try:
                with self.agent.client(timeout_s=1) as client:
                    while not self.is_over:
                        self.ask(client)
            except (OSError, http.client.HTTPException):
                continue

    def ask(self, client):
        answer = client.sign("binance-main", harness.BINANCE_ORDER)
        if answer.status == 200:
            self.signatures.append(harness.split_signature(harness.binance_payload(answer.json))[1])
        else:
            time.sleep(0.01)


class Operator:
    """Unlocks, without waiting for the outcome, and locks. Knows when nothing may be signed."""

    def __init__(self, agent):
        self.agent = agent
        self.locked = [(0.0, None)]  # from and until; the last may be open
        self.outputs = []
        self.unlocking = None

    def unlock(self):
        self.locked[-1] = (self.locked[-1][0], time.monotonic())
        self.unlocking = threading.Thread(target=self.run_unlock)
        self.unlocking.start()
        self.unlocking.join(0.3)

    def run_unlock(self):
        """A reload has the process look for its keys again."""
        self.outputs.append(self.agent.unlock())
        self.outputs.append(self.agent.cli("reload"))

    def lock(self):
        took, done = hostile.timed(self.agent.lock)
        self.locked.append((time.monotonic(), None))
        self.outputs.append(done)
        self.unlocking.join()
        return took, done


class HostileToken(unittest.TestCase):
    def setUp(self):
        hostile.require_programs()

    def attack(self, attack, seconds):
        agent = hostile.HostileAgent(token=attack)
        self.addCleanup(agent.close)
        agent.start_listening()
        operator, slowest = Operator(agent), {}
        bots = [Bot(agent) for _ in range(BOTS)]
        end = time.monotonic() + seconds
        for bot in bots:
            bot.start()
        try:
            with hostile.Watch(agent.process.pid) as watch:
                while time.monotonic() < end:
                    self.check_once(agent, operator, slowest)
                slowest["SIGTERM"], status = hostile.timed(agent.stop)
        finally:
            for bot in bots:
                bot.is_over = True
            for bot in bots:
                bot.join()
        self.assertEqual(status, 0, agent.log()[-3000:])
        self.judge_core(attack, agent, watch, slowest, seconds)
        self.judge_signatures(attack, agent, bots)
        self.judge_record(agent, operator.locked)
        self.judge_outputs(agent, operator.outputs)

    def check_once(self, agent, operator, slowest):
        operator.unlock()
        time.sleep(0.2)
        took, done = hostile.timed(agent.cli, "status")
        self.assertEqual(done.returncode, 0, done.stderr)
        operator.outputs.append(done)
        slowest["status"] = max(slowest.get("status", 0), took)
        took, done = operator.lock()
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{agent.log()[-3000:]}")
        slowest["lock"] = max(slowest.get("lock", 0), took)
        self.assertNotEqual(agent.token_state(), "unlocked")
        time.sleep(0.1)

    def judge_core(self, attack, agent, watch, slowest, seconds):
        jobs = sum(word == "job" for _, _, word, _ in agent.recorded())
        print(f"{attack}: core {watch.peak_kib} KiB at most; at worst {hostile.figures(slowest)}; {len(watch.children)} processes, "
              f"{jobs} jobs, log {len(agent.log())} bytes", file=sys.stderr)
        hostile.judge(self, watch, slowest)
        self.assertLess(len(agent.log()), LOG_BYTES_A_SECOND * (1 + seconds))

    def judge_signatures(self, attack, agent, bots):
        """What a bot was given is an answer to a job that the process had been given."""
        record = agent.recorded()
        given = {rest for _, _, word, rest in record if word == "signature"}
        got = [signature for bot in bots for signature in bot.signatures]
        self.assertLessEqual(len(got), sum(word == "job" for _, _, word, _ in record))
        self.assertEqual([signature for signature in got if signature.startswith(FORGED)], [])
        if attack not in GARBLED:
            self.assertEqual(set(got) - given, set())
        if attack in SIGNING:
            self.assertNotEqual(got, [])

    def judge_record(self, agent, locked):
        """In the order in which core sent it: no job outside of a login. And a process that began while the token was
        locked heard of no login and no job until the next unlock."""
        began, logged_in = {}, set()
        for at_s, pid, word, rest in agent.recorded():
            if word == "life":
                began[pid] = at_s
                logged_in.discard(pid)
            elif word == "login":
                logged_in.add(pid)
            elif word == "logout":
                logged_in.discard(pid)
            elif word == "job":
                self.assertIn(pid, logged_in, rest)
            if word in ("login", "job"):
                for since_s, until_s in locked:
                    is_in = since_s < began[pid] and at_s < (until_s or float("inf")) and since_s < at_s
                    self.assertFalse(is_in, f"{word} at {at_s}, locked from {since_s} to {until_s}")

    def judge_outputs(self, agent, outputs):
        """No text of the process reaches a terminal as it is."""
        for text in [agent.log(), *((done.stdout + done.stderr).decode() for done in outputs)]:
            self.assertTrue(hostile.is_fit_to_show(text), repr(text[-2000:]))

    def test_core_holds_whatever_a_token_process_does(self):
        for attack in ATTACKS:
            with self.subTest(attack, seed=hostile.SEED):
                self.attack(attack, hostile.SECONDS / len(ATTACKS))


if __name__ == "__main__":
    unittest.main()

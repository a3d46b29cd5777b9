"""What GET /metrics says, as the agent's life goes on, and to whom; every line of it by the format's grammar."""

import os
import re
import signal
import time
import unittest

import harness
from harness import BINANCE_ORDER, BINANCE_WITHDRAWAL, wait_until

STRANGER = 4545
BOT = os.getuid() + 4242  # has a grant for binance-other, and is no operator
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ["absent", "starting", "locked", "logging in", "finding keys", "serving", "locking"]

# prometheus.io/docs/instrumenting/exposition_formats, without the timestamps, which a scrape sets.
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\]|\\[\\n])+)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge)")
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9]+(?:\.[0-9]+)?)")


def parse(text):
    """The value of each series, by its name and labels as they stand there. Raises an error if anything is not as the
    format has it: every metric has a HELP and a TYPE line, all its series follow these, and none is there twice."""
    found, types, name = {}, {}, None
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    lines = iter(text.removesuffix("\n").split("\n"))
    for line in lines:
        if line.startswith("#"):
            name = HELP.fullmatch(line)[1]
            if name in types:
                raise ValueError(f"{name} comes in two places")
            named, types[name] = TYPE.fullmatch(next(lines)).groups()
            if named != name or (types[name] == "counter") != name.endswith("_total"):
                raise ValueError(f"{line} is followed by {named}, a {types[name]}")
            continue
        sample = SAMPLE.fullmatch(line)
        series = line.rpartition(" ")[0]
        if sample is None or sample[1] != name or series in found:
            raise ValueError(f"this is no series of {name}, or it is there twice: {line}")
        found[series] = float(sample[3])
    return found


class Parsing(unittest.TestCase):
    def test_what_is_not_the_format_is_an_error(self):
        head = "# HELP a b\n# TYPE a gauge\n"
        self.assertEqual(parse(head + 'a{b="\\\\\\"\\n",c=" "} 1\na 2.5\n'), {'a{b="\\\\\\"\\n",c=" "}': 1, "a": 2.5})
        for bad in ("a 1\n", head + "a 1", head + "b 1\n", head + "a 1\na 1\n", head + "a  1\n", head + "a one\n",
                    head + 'a{b="\\x"} 1\n', head + 'a{b="c"d="e"} 1\n', head + "a{b=c} 1\n", head + head,
                    "# HELP a_total b\n# TYPE a_total gauge\n", "# TYPE a gauge\n# HELP a b\n", head + "\n", head + 'a{b="""} 1\n'):
            with self.assertRaises((ValueError, TypeError, StopIteration), msg=bad):
                parse(bad)


class Metrics(harness.AgentTest):
    is_unlocked = False

    def scrape(self):
        with self.agent.client() as client:
            answer = client.get("/metrics")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, CONTENT_TYPE), answer)
        return parse(answer.body.decode())

    def scrape_as(self, uid):
        """What a process of that user is answered."""
        seen, told = os.pipe()
        os.chmod(self.agent.home, 0o711)
        child = os.fork()
        if child == 0:
            try:
                os.setuid(uid)
                with self.agent.client() as client:
                    os.write(told, client.get("/metrics").body)
            finally:
                os._exit(0)
        os.close(told)
        with os.fdopen(seen, "rb") as answer:
            text = answer.read().decode()
        os.waitpid(child, 0)
        return parse(text)

    def state(self, found=None):
        """The state that the token is in."""
        found = found or self.scrape()
        series = {state: found.pop(f'chancery_token_state{{token="main",state="{state}"}}') for state in STATES}
        self.assertEqual([name for name in found if name.startswith("chancery_token_state")], [])
        self.assertEqual(sorted(series.values()), [0] * (len(STATES) - 1) + [1])
        return next(state for state in STATES if series[state])

    def counters(self, found):
        return [found[f'chancery_token_{name}_total{{token="main"}}']
                for name in ("signatures", "failures", "process_starts", "logins")]

    def requests(self, found):
        return [found[f'chancery_requests_total{{outcome="{outcome}"}}'] for outcome in ("signed", "refused", "failed")]

    def setUp(self):
        if self.state() != "serving":
            return
        self.assertEqual(self.agent.lock().returncode, 0)
        wait_until(lambda: self.state() == "locked", "the token is locked")

    def unlock(self):
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)

    def sign(self, document):
        with self.agent.client() as client:
            return client.sign("binance-main", document).status

    def frozen(self):
        return {name.removeprefix("chancery_frozen"): value for name, value in self.scrape().items() if name.startswith("chancery_frozen")}

    def test_what_is_frozen_is_counted(self):
        none = {f'{{of="{of}",state="{state}"}}': 0 for of in ("caller", "key", "all") for state in ("reducing", "halted")}
        self.assertEqual(self.frozen(), none)
        self.agent.must("freeze", "binance-main", "kraken-main", "--reason", "odd")
        self.agent.must("freeze", "tester", "--reducing", "--reason", "odd")
        self.assertEqual(self.frozen(), {**none, '{of="key",state="halted"}': 2, '{of="caller",state="reducing"}': 1})
        self.agent.must("freeze", "--all", "--reason", "odd")
        self.assertEqual(self.frozen()['{of="all",state="halted"}'], 1)
        self.agent.must("thaw", "binance-main", "kraken-main", "tester", "--reason", "good")
        self.agent.must("thaw", "--all", "--reason", "good")
        self.assertEqual(self.frozen(), none)

    def test_the_end_of_an_unlock_is_told(self):
        name = 'chancery_token_unlocked_until_timestamp_seconds{token="main"}'
        text = self.agent.policy.read_text()
        self.addCleanup(self.follow, text)
        self.follow(harness.with_unlock(text, for_="1h"))
        self.assertNotIn(name, self.scrape())
        self.unlock()
        self.assertAlmostEqual(self.scrape()[name], time.time() + 3600, delta=60)
        self.assertEqual(self.agent.lock().returncode, 0)
        self.assertNotIn(name, self.scrape())

    def follow(self, text):
        self.agent.policy.write_text(text)
        self.agent.must("reload")

    def test_the_metrics_follow_the_agent(self):
        locked = self.scrape()
        signatures, failures, starts, logins = self.counters(locked)
        self.assertEqual(self.state(dict(locked)), "locked")
        self.assertEqual((locked["chancery_ready"], locked["chancery_keys_ready"]), (0, 0))
        self.assertEqual(locked["chancery_keys"], 6)
        self.assertEqual(len([name for name in locked if name.startswith("chancery_key_problem{")]), 6)
        self.assertEqual(locked['chancery_key_problem{key="kraken-main"}'], 1)
        self.assertEqual(locked["chancery_clock_trusted"], 1)

        self.unlock()
        unlocked = self.scrape()
        self.assertEqual(self.state(dict(unlocked)), "serving")
        self.assertEqual((unlocked["chancery_ready"], unlocked["chancery_keys_ready"]), (1, 6))
        self.assertEqual([name for name in unlocked if name.startswith("chancery_key_problem")], [])
        self.assertEqual(self.counters(unlocked), [signatures, failures, starts, logins + 1])

        self.assertEqual((self.sign(BINANCE_ORDER), self.sign(BINANCE_WITHDRAWAL)), (200, 403))
        asked = self.scrape()
        self.assertEqual(self.counters(asked), [signatures + 1, failures, starts, logins + 1])
        self.assertEqual([after - before for after, before in zip(self.requests(asked), self.requests(unlocked))], [1, 1, 0])

        os.kill(self.agent.child("token").pid, signal.SIGKILL)
        wait_until(lambda: self.counters(self.scrape())[3] == logins + 2 and self.state() == "serving",
                   "the token is logged in to again")
        self.assertEqual(self.counters(self.scrape()), [signatures + 1, failures, starts + 1, logins + 2])
        self.assertEqual(self.sign(BINANCE_ORDER), 200)

    def test_the_metrics_are_what_the_status_says(self):
        self.unlock()
        with self.agent.client() as client:
            status = client.get("/v1/status").json
        found = self.scrape()
        token = status["tokens"][0]
        self.assertEqual(found[f'chancery_build_info{{version="{status["version"]}"}}'], 1)
        self.assertEqual(self.requests(found), [status["signed"], status["refused"], status["failed"]])
        self.assertEqual(self.counters(found), [token[name] for name in ("signatures", "failures", "process_starts", "logins")])
        self.assertLessEqual(status["uptime_s"], found["chancery_uptime_seconds"])
        self.assertEqual(found["chancery_notices"], len(status["notices"]))
        self.assertEqual(found["chancery_confinement_gaps"], len(status["confinement"]))

    def test_an_operator_sees_what_callers_do(self):
        self.unlock()
        series = f'{{user="{os.getuid()}"}}'

        def is_seen():
            self.assertEqual(self.sign(BINANCE_ORDER), 200)
            found = self.scrape()
            return found.get("chancery_caller_requests_per_second" + series, 0) > 0 and (
                0 < found["chancery_caller_work_ratio" + series] < os.cpu_count())

        wait_until(is_seen, "the rates of the last second are there")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_a_stranger_learns_no_more_than_readiness(self):
        self.assertEqual(self.scrape_as(STRANGER), {"chancery_ready": 0})
        self.unlock()
        self.assertEqual(self.scrape_as(STRANGER), {"chancery_ready": 1})

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_a_bot_sees_its_own_keys_and_no_callers(self):
        found = self.scrape_as(BOT)
        self.assertEqual((found["chancery_keys"], found["chancery_keys_ready"]), (1, 0))
        self.assertEqual([name for name in found if "key_problem" in name], ['chancery_key_problem{key="binance-other"}'])
        self.assertEqual([name for name in found if name.startswith("chancery_caller")], [])
        self.assertEqual(self.state(found), "locked")

    def test_neither_a_query_nor_another_method_is_taken(self):
        with self.agent.client() as client:
            self.assert_problem(client.get("/metrics?name=chancery_ready"), 400, "bad-input")
        with self.agent.client() as client:
            answer = client.post("/metrics", {})
            self.assert_problem(answer, 405, "method-not-allowed")
            self.assertEqual(answer.headers["allow"], "GET")


if __name__ == "__main__":
    unittest.main()

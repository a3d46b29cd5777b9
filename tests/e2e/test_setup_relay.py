"""chancery setup for a bot that asks through the relay: a bot's order by what was set up, and nothing half done."""

import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

import harness
from dialogue import CTRL_C, Dialogue, loud
from ports import free_port
from setting_up import CONFLICT, KEY_ID, KRAKEN, OK, USAGE, SetupAtTerminalTest, SetupTest

sys.path.insert(0, str(harness.ROOT / "tests" / "venue"))
from venue import Venue  # noqa: E402

RELAY = {**KRAKEN, "bot_may": "trade-spot", "pairs": "XBTUSDT", "feed": "nobody", "relay": "yes"}


class Dialogues(SetupAtTerminalTest):
    def relay_prompts(self):
        self.port = free_port()
        return [loud("through the relay? [no]: ", "yes"), loud("its requests? [8801]: ", str(self.port))]

    def test_bots_through_the_relay(self):
        dialogue = self.dialogue()
        at = next(i for i, prompt in enumerate(dialogue.prompts) if "its requests?" in prompt.text)
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            wrong = [dialogue.prompts[at]._replace(answer=text) for text in ("0", "65536", "-1", "http", str(taken))]
            self.go_through(Dialogue(dialogue.words, [*dialogue.prompts[:at], *wrong, *dialogue.prompts[at:]]))
        self.assertEqual(sorted(os.listdir(self.target)),
                         ["agent.yaml", "bot.token", "policy.yaml", "relay.yaml", "state", "state.trace"])
        self.assertIn(f"port: {self.port},", (self.target / "relay.yaml").read_text())
        self.assertNotIn((self.target / "bot.token").read_text().strip(), self.last.shown)

    def test_nothing_is_half_done_if_it_is_interrupted(self):
        dialogue = self.dialogue()
        first = next(i for i, prompt in enumerate(dialogue.prompts) if "through the relay?" in prompt.text)
        before = self.what_is_there()
        for at in (first, first + 1, len(dialogue.prompts) - 2):
            for how in (CTRL_C, "hang-up", signal.SIGTERM):
                with self.subTest(at=dialogue.prompts[at].text, how=repr(how)):
                    self.interrupt(dialogue, at, how)
                    self.assertEqual((self.what_is_there(), self.tokens()), (before, []))

    def test_an_interrupted_enrolment_leaves_nothing_of_the_relay(self):
        before = self.what_is_there()
        dialogue = self.dialogue()
        self.interrupt(dialogue, len(dialogue.prompts) - 1, CTRL_C)
        self.assertEqual((self.what_is_there(), self.keys()), (before, []))


class Answers(SetupTest):
    def start_relay(self, venue):
        """The relay, by what was set up, and where the exchange is in this test."""
        with open(self.target / "relay.yaml", "a") as file:
            file.write(f"ca: {venue.authority}\nroutes:\n")
            file.writelines(f"  {host}: '127.0.0.1:{venue.port}'\n" for host in venue.hosts)
        log = self.home / "relay.log"
        with open(log, "wb") as out:
            relay = subprocess.Popen([harness.BUILD / "chancery-relay", "--config", self.target / "relay.yaml"], stderr=out)
        self.addCleanup(relay.wait, 40)
        self.addCleanup(relay.terminate)
        harness.wait_until(lambda: "ready:" in log.read_text(), "a relay that is ready")

    def send(self, port, path, **params):
        """As a bot's library does, with a dummy signature."""
        token = (self.target / "bot.token").read_text().strip()
        body = urllib.parse.urlencode({"nonce": int(time.time() * 1000), **params}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{token}/kraken-main{path}", body,
                                         {"API-Key": "dummy", "API-Sign": "ZHVtbXk="})
        with urllib.request.urlopen(request, timeout=60) as answer:  # Kraken's errors are 200, and so are the relay's
            return json.load(answer), json.loads(answer.headers["Chancery-Problem"] or "null")

    def test_a_bot_orders_through_the_relay_by_them(self):
        port = free_port()
        told = self.set_up({**RELAY, "relay_port": str(port)})
        for name in ("agent.yaml", "bot.token", "policy.yaml", "relay.yaml"):
            self.assertEqual(stat.S_IMODE((self.target / name).stat().st_mode), 0o600, name)
        self.assertIn(f"chancery-relay --config {self.target}/relay.yaml", told["next"])
        self.assertEqual(told["next"][-2:], ["chancery bot config kraken-main --for ccxt-js >bot.mjs", "node bot.mjs"])
        self.start()
        self.assertEqual(self.agent.cli("unlock", "trading", secret=harness.USER_PIN).returncode, 0, self.agent.log())
        with Venue() as venue:
            venue.add_key("kraken", KEY_ID, secret=harness.KRAKEN_SECRET)
            self.start_relay(venue)
            order = {"ordertype": "limit", "pair": "XBTUSDT", "type": "buy", "price": "30000", "volume": "0.001"}
            answer, problem = self.send(port, "/0/private/AddOrder", **order)
            self.assertEqual((answer["error"], problem), ([], None))
            answer, problem = self.send(port, "/0/private/Withdraw", asset="XBT", key="mine", amount="1")
            self.assertNotEqual(answer["error"], [])
            self.assertEqual(problem["type"], "urn:chancery:problem:refused")
            self.assertEqual((venue.book("kraken", KEY_ID)["orders"], venue.book("kraken", KEY_ID)["withdrawals"]), (1, 0))
        lines = self.cli("bot", "config", "kraken-main", "--for", "ccxt-js", "--relay", self.target / "relay.yaml", "--socket",
                         self.agent.socket).stdout.decode()
        self.assertIn(str(self.target / "bot.token"), lines)
        with self.agent.client() as client:
            call = {"method": "POST", "path": "/0/private/AddOrder", "params": order}
            self.assertEqual(client.sign("kraken-main", call).json["rule"], "relay")

    def test_another_user_gets_a_copy_of_the_token(self):
        told = self.set_up({**RELAY, "relay_port": str(free_port()), "bot": "daemon"})
        copied, config = [next(text for text in told["next"] if word in text) for word in ("bot.token", "bot config")]
        words = shlex.split(copied)
        self.assertEqual(words, ["install", "-D", "-m", "600", "-o", "daemon", str(self.target / "bot.token"),
                                 "/etc/chancery-bot/kraken-main.token"])
        self.assertIn(f"--token-file {words[-1]} ", config)

    def test_the_relay_is_checked_and_taken_back_like_all_else(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            answers = {**RELAY, "relay_port": str(other.getsockname()[1])}
            self.refuse(answers, CONFLICT, "'relay_port'", "another program's")
        for answers, says in (({"relay": "perhaps"}, "'relay'"), ({"relay": "no", "relay_port": "8801"}, "relay_port"),
                              ({"relay_port": "65536"}, "'relay_port'"), ({"counts_once": "yes"}, "counts_once")):
            with self.subTest(says=says):
                done = self.answer({**RELAY, **answers})
                self.assertNotEqual(done.returncode, OK)
                self.assertIn(says, done.stderr.decode())
                self.assertEqual((self.tokens(), self.target.exists()), ([], False))
        answers = {**RELAY, "relay_port": str(free_port())}
        said = self.refuse({**answers, "codes": "yes"}, USAGE, "there is no terminal to show the seed on")
        self.assertRegex(said, r"\$ chancery-relay --config \S+/relay.yaml --check")
        for name in ("bot.token", "relay.yaml"):
            self.target.mkdir()
            (self.target / name).write_text("mine")
            self.refuse({**answers, "token": "trading"}, CONFLICT, name, "nothing is overwritten")
            self.assertEqual((self.target / name).read_text(), "mine")
            shutil.rmtree(self.target)


if __name__ == "__main__":
    unittest.main()

"""A mistake in a configuration file prevents the start, with file, line and reason; nothing is guessed."""

import shutil
import subprocess
import unittest

import harness

# name: (file, text that is replaced, text instead, what the error says)
MISTAKES = {
    "unknown field of agent.yaml": ("agent.yaml", "state: state", "state: state\nsocet: x", "socet"),
    "unknown field of a token": ("agent.yaml", "workers: 2", "wokers: 2", "wokers"),
    "workers is no number": ("agent.yaml", "workers: 2", "workers: many", "many"),
    "workers is zero": ("agent.yaml", "workers: 2", "workers: 0", "workers"),
    "workers is negative": ("agent.yaml", "workers: 2", "workers: -2", "-2"),
    "relogin is no boolean": ("agent.yaml", "relogin: true", "relogin: perhaps", "perhaps"),
    "socket is a list": ("agent.yaml", "socket: run/agent.sock", "socket: [a, b]", "list"),
    "socket twice": ("agent.yaml", "state: state", "state: state\nsocket: run/b.sock", "socket"),
    "tokens is text": ("agent.yaml", "tokens:\n  main:", "tokens: main\nother:\n  main:", ""),
    "no tokens": ("agent.yaml", "tokens:", "#", ""),
    "a PIN in the token's URI": ("agent.yaml", "pkcs11:token=main", "pkcs11:token=main?pin-value=1234", "pin"),
    "broken YAML": ("agent.yaml", "tokens:", "tokens: [", ""),
    "unknown field of policy.yaml": ("policy.yaml", "people:", "poeple: {}\npeople:", "poeple"),
    "unknown field of a key": ("policy.yaml", "scheme: ed25519", "scheme: ed25519\n    limit: 5", "limit"),
    "unknown kind": ("policy.yaml", "scheme: ed25519", "scheme: ed25519\n    kinds: [brokr]", "brokr"),
    "kinds is no list": ("policy.yaml", "scheme: ed25519", "scheme: ed25519\n    kinds: broker", ""),
    "raw is no boolean": ("policy.yaml", "scheme: ed25519", "scheme: ed25519\n    raw: perhaps", "perhaps"),
    "raw for a caller": ("policy.yaml", "classes: [read] ", "classes: [read], raw: true ", "raw"),
    "unknown field of an entry": ("policy.yaml", "classes: [read] ", "classes: [read], symbol: X ", "symbol"),
    "unknown class": ("policy.yaml", "classes: [read] ", "classes: [reed] ", "reed"),
    "a uid that is a name": ("policy.yaml", "tester: { uid: ", "tester: { uid: root", "root"),
    "an entry for nobody in particular": ("policy.yaml", "caller: tester, key: binance-read", "key: binance-read", "caller"),
    "unknown token": ("policy.yaml", "token: main", "token: mane", "mane"),
    "unknown profile": ("policy.yaml", "profile: kraken", "profile: krakn", "krakn"),
    "profile outside the folder": ("policy.yaml", "profile: kraken", "profile: ../kraken", "kraken"),
    "unknown scheme": ("policy.yaml", "scheme: ed25519", "scheme: ed448", "ed448"),
    "a key twice": ("policy.yaml", "  kraken-main:", "  binance-main:", "binance-main"),
    "no profile": ("policy.yaml", "    profile: kraken\n", "", "profile"),
    "no object": ("policy.yaml", '    object: "pkcs11:object=kraken-main"\n', "", "object"),
    "policy is a list": ("policy.yaml", "version: 1\n", "- version: 1\n", ""),
    "unknown field of a profile": ("profiles/kraken.yaml", None, "\nsurprise: 1\n", "surprise"),
    "unknown field of the other profile": ("profiles/binance.yaml", None, "\nsurprise: 1\n", "surprise"),
    "broken profile": ("profiles/kraken.yaml", None, "\n]: [\n", ""),
    "empty profile": ("profiles/kraken.yaml", "", "", ""),
}


class Mistakes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        harness.require_programs()
        cls.agent = harness.Agent()
        cls.addClassCleanup(cls.agent.close)
        home = cls.agent.home
        shutil.copytree(harness.ROOT / "profiles", home / "profiles")
        cls.agent.config.write_text(harness.AGENT_YAML.format(profiles="profiles", relogin="true"))
        cls.good = {
            path: path.read_text() for path in [cls.agent.config, cls.agent.policy, *(home / "profiles").glob("*.yaml")]
        }

    def setUp(self):
        for path, text in self.good.items():
            path.write_text(text)

    def run_agent(self, *options):
        return subprocess.run(
            [str(harness.AGENT), "--config", str(self.agent.config), *options],
            env=self.agent.environment(), capture_output=True, timeout=10, check=False, text=True,
        )

    def make_mistake(self, file, old, new):
        path = self.agent.home / file
        text = self.good[path]
        if old is None:
            path.write_text(text + new)
        elif old == "":
            path.write_text("")
        else:
            self.assertIn(old, text, "the mistake can be made")
            path.write_text(text.replace(old, new, 1))
        return path

    def assert_reported(self, done, path, says):
        self.assertEqual(done.returncode, 10, done)
        self.assertRegex(done.stderr, rf"{path.name}:\d+: .{{8,}}")
        self.assertIn(says, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_good_files_pass_the_check(self):
        done = self.run_agent("--check")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("6 keys", done.stdout)

    def test_the_check_says_what_is_accepted_and_what_falls_together(self):
        lines = self.run_agent("--check").stdout.splitlines()
        self.assertIn("key 'binance-main': policy accepts 'fast-withdraw-switch', which lets callers switch instant, free "
                      "withdrawals to other Binance accounts on or off", lines)
        self.assertNotIn("kraken-main", "".join(lines))  # its signatures tell calls apart
        lacks = [line for line in lines if line.startswith("key 'binance-main': if Binance ignores unknown parameters ")]
        self.assertRegex(lacks[0], r" nowhere, its allows may lack .*'withdraw' for \d+ calls")
        self.assertRegex(lacks[1], r" everywhere, its allows may lack .*'withdraw' for \d+ calls")
        self.assertEqual(len(lacks), 2)

    def test_a_mistake_is_reported_with_file_and_line(self):
        for name, (file, old, new, says) in MISTAKES.items():
            with self.subTest(mistake=name):
                self.setUp()
                path = self.make_mistake(file, old, new)
                self.assert_reported(self.run_agent("--check"), path, says)

    def test_a_mistake_prevents_the_start_before_a_socket_is_made(self):
        path = self.make_mistake("policy.yaml", "classes: [read] ", "classes: [reed] ")
        self.assert_reported(self.run_agent(), path, "reed")
        self.assertFalse(self.agent.socket.exists())

    def test_the_line_is_the_right_one(self):
        path = self.make_mistake("policy.yaml", "scheme: ed25519", "scheme: ed25519\n    limit: 5")
        line = path.read_text().splitlines().index("    limit: 5") + 1
        self.assertIn(f"policy.yaml:{line}: ", self.run_agent("--check").stderr)

    def test_a_file_that_is_not_there_is_named(self):
        self.agent.policy.unlink()
        done = self.run_agent("--check")
        self.assertEqual(done.returncode, 10, done)
        self.assertIn("policy.yaml", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""What agent.yaml says of one token: the environment of its process, and how it is initialised and logged in to."""

import json
import unittest

import harness
from harness import AgentTest

FIELDS = """\
socket: run/agent.sock
operator_socket: run/operator.sock
state: state
profiles: {profiles}
policy: policy.yaml
tokens:
"""


class TokenEnvironmentTest(AgentTest):
    """Two SoftHSM2 tokens in two stores, which only `environment` tells apart."""

    @classmethod
    def prepare(cls):
        cls.agent.variables["SOFTHSM2_CONF"] = ""  # the agent has none that is of use
        home = cls.agent.home
        (home / "other-tokens").mkdir()
        (home / "other.conf").write_text(f"directories.tokendir = {home}/other-tokens\nlog.level = ERROR\n")
        with cls.in_store("other.conf") as agent:
            agent.make_token()
        cls.write_config({"main": cls.token("softhsm2.conf"), "other": cls.token("other.conf")})

    @classmethod
    def in_store(cls, name):
        """For `with`: programs that are run inside find that store."""
        class Store:
            def __enter__(self):
                cls.agent.variables["SOFTHSM2_CONF"] = str(cls.agent.home / name)
                return cls.agent

            def __exit__(self, *_):
                cls.agent.variables["SOFTHSM2_CONF"] = ""
        return Store()

    @classmethod
    def token(cls, store, **fields):
        return {"module": "softhsm2", "uri": "pkcs11:token=main", "workers": 2,
                "environment": {"SOFTHSM2_CONF": str(cls.agent.home / store)}, **fields}

    @classmethod
    def write_config(cls, tokens):
        text = FIELDS.format(profiles=harness.ROOT / "profiles")
        cls.agent.config.write_text(text + "".join(f"  {name}: {json.dumps(token)}\n" for name, token in tokens.items()))

    def token_processes(self):
        """By the store that each has in its environment."""
        found = {}
        for process in harness.children_of(self.agent.process.pid):
            if process.is_running() and process.read("cmdline").startswith(b"chancery-token"):
                variables = dict(line.split(b"=", 1) for line in process.read("environ").split(b"\0") if b"=" in line)
                found[variables[b"SOFTHSM2_CONF"].decode().rpartition("/")[2]] = process
        return found

    def configure_other(self, **fields):
        """Until the end of the test."""
        self.reload_with(self.token("other.conf", **fields))
        self.addCleanup(self.reload_with, self.token("other.conf"))

    def reload_with(self, other):
        self.write_config({"main": self.token("softhsm2.conf"), "other": other})
        self.agent.must("reload")
        harness.wait_until(lambda: self.state_of("other") != "absent", "the token is there")

    def state_of(self, name):
        with self.agent.client() as client:
            return next(token["state"] for token in client.get("/v1/status").json["tokens"] if token["name"] == name)

    def test_each_token_has_its_store(self):
        self.assert_signs()
        done = self.agent.cli("unlock", "other", secret=harness.USER_PIN)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(self.token_processes()), {"softhsm2.conf", "other.conf"})
        self.agent.must("lock", "other")

    def test_no_other_process_sees_a_token_s_variables(self):
        self.assertEqual(len(self.token_processes()), 2)
        for role, process in self.agent.processes().items():
            environment = process.read("environ")
            if role != "token":
                self.assertNotIn(b".conf", environment.partition(b"SOFTHSM2_CONF=")[2], role)

    def test_a_change_is_a_token_that_starts_locked(self):
        before = self.token_processes()
        self.configure_other(environment={"SOFTHSM2_CONF": str(self.agent.home / "other.conf"), "ANOTHER": "1"})
        after = self.token_processes()
        self.assertEqual(after["softhsm2.conf"].pid, before["softhsm2.conf"].pid)
        self.assertNotEqual(after["other.conf"].pid, before["other.conf"].pid)
        self.assertIn(b"\0ANOTHER=1\0", b"\0" + after["other.conf"].read("environ"))
        self.assert_signs()

    def test_a_token_without_a_pin_takes_none_and_waits_for_an_operator(self):
        self.configure_other(login="none")
        done = self.agent.cli("unlock", "other", secret=harness.USER_PIN)
        self.assertIn(b"token 'other' takes no PIN from here; unlock it with: chancery unlock --no-pin other", done.stderr)
        self.assertEqual(self.state_of("other"), "locked")
        self.agent.must("unlock", "--no-pin", "other")
        self.assertEqual(self.state_of("other"), "unlocked")
        self.agent.must("lock", "other")
        self.assertEqual(self.state_of("other"), "locked")

    def test_a_token_without_a_pad_for_its_pin_cannot_have_one_typed_there(self):
        self.configure_other(login="pinpad")
        done = self.agent.cli("unlock", "--no-pin", "other")
        self.assertIn(b"token 'main' has no pad for its PIN; it must be passed", done.stderr)
        self.assertEqual(self.state_of("other"), "locked")

    def test_a_pin_is_never_asked_for_in_vain(self):
        done = self.agent.cli("unlock", "--no-pin", "other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"the PIN of token 'other': the secret is empty", done.stderr)


if __name__ == "__main__":
    unittest.main()

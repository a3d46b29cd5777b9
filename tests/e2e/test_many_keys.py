"""A token with many keys: it is searched a few times, not once for each key, and the operator sees how far that is."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))

import harness
from faults import Faults

COUNT = 100
KEY = """\
  k{index:04d}: {{ token: main, object: "pkcs11:object=k{index:04d}", profile: binance, scheme: hmac, key_id: "id-{index}",
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers] }}
"""
MAKER = harness.ROOT / "tests" / "support" / "many_keys.py"


class ManyKeys(harness.AgentTest):
    is_unlocked = False

    @classmethod
    def prepare(cls):
        cls.faults = Faults(cls.agent)
        subprocess.run([sys.executable, MAKER, "main", str(COUNT)], input=harness.USER_PIN.encode(), check=True,
                       env=cls.agent.environment(), timeout=120)
        cls.name_keys(range(COUNT))

    @classmethod
    def name_keys(cls, indices):
        keys = "".join(KEY.format(index=index) for index in indices)
        cls.agent.policy.write_text(harness.policy(keys, [harness.allow("all", "tester", "any", "read, trade, cancel")]))

    def use_keys(self, count):
        self.faults.set()
        self.agent.stop()
        self.name_keys(range(COUNT - count, COUNT))
        self.agent.start()

    def unlock(self):
        done = self.agent.unlock()
        self.assertEqual(done.returncode, 0, done.stderr)
        with self.agent.client() as client:
            status = client.get("/v1/status").json
        self.assertEqual(status["keys_ready"], status["keys"], status["problems"])
        self.assert_signs(f"k{COUNT - 1:04d}")
        return done.stderr.decode()

    def count_searches(self):
        before = len(self.faults.calls("C_FindObjectsInit"))
        self.unlock()
        return len(self.faults.calls("C_FindObjectsInit")) - before

    def test_many_keys_are_found_with_few_searches(self):
        self.use_keys(COUNT)
        self.assertLess(self.count_searches(), 10)

    def test_a_few_keys_among_many_are_searched_for(self):
        self.use_keys(2)
        self.assertEqual(self.count_searches(), 2)

    def test_an_operator_sees_how_far_it_is(self):
        self.use_keys(40)
        self.faults.set("C_GetAttributeValue * delay=20")
        self.assertRegex(self.unlock(), r"^Looking for the keys on the token: \d+%\n$")

    def test_what_is_quick_is_not_told(self):
        self.use_keys(2)
        self.assertEqual(self.unlock(), "")


if __name__ == "__main__":
    unittest.main()

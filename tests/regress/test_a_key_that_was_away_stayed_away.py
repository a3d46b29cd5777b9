"""A key that could not be found at the unlock, for whatever passing reason, stayed unusable until the token was locked and unlocked;
so did one that was made later. One that was deleted cost the token its process, and without a kept PIN its login. Now keys that
cannot sign are looked for now and then, and a deleted key is its own trouble only."""

import pathlib
import sys
import unittest

for folder in ("e2e", "faults"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import harness
from harness import BINANCE_ORDER, BINANCE_SECRET, USER_PIN, wait_until
from faults import Faults

FOUND_S = 60 # it is looked for every few seconds
KEY = "binance-main"


class Away(unittest.TestCase):
    def setUp(self):
        self.agent = harness.prepare_agent(self.addCleanup, relogin=False)
        self.faults = Faults(self.agent)
        self.agent.start()

    def unlock(self):
        self.assertEqual(self.agent.unlock().returncode, 0)
        self.client = self.agent.client(timeout_s=60)
        self.addCleanup(self.client.close)

    def status_of(self, key=KEY):
        return self.client.sign(key, BINANCE_ORDER).status

    def test_an_error_while_keys_are_searched_passes(self):
        self.faults.set("C_FindObjectsInit * rv=CKR_DEVICE_ERROR")
        self.unlock()
        self.assertEqual(self.status_of(), 503)
        self.faults.set()
        wait_until(lambda: self.status_of() == 200, "the key is found", FOUND_S)

    def test_a_deleted_key_is_its_own_trouble_and_is_found_when_it_is_made_again(self):
        self.unlock()
        token = self.agent.child("token").pid
        self.assertEqual(self.status_of(), 200)
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", KEY, "--yes",
                        secrets_by_option={"--pin-fd": USER_PIN})
        wait_until(lambda: self.status_of() == 404, "it is missed", FOUND_S)
        self.assertEqual(self.status_of("binance-rsa"), 200)
        self.agent.import_hmac(KEY, "hmac-sha256", BINANCE_SECRET)
        wait_until(lambda: self.status_of() == 200, "it is found again", FOUND_S)
        self.assertEqual(self.agent.child("token").pid, token)


if __name__ == "__main__":
    unittest.main()

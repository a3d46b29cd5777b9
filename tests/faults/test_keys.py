"""Keys that cannot be found or read (test_leftovers.py has those that are made). Numbers in brackets are the scenarios' of the table in README.md."""

import unittest

from harness import BINANCE_SECRET, USER_PIN, wait_until
from scene import BACK_S, KEY, Scenario

# call, result
PASSING = (
    ("C_FindObjectsInit", "CKR_DEVICE_ERROR"),
    ("C_FindObjectsInit", "CKR_USER_NOT_LOGGED_IN"),
    ("C_FindObjects", "CKR_GENERAL_ERROR"),
    ("C_GetAttributeValue", "CKR_DEVICE_ERROR"),
    ("C_GetMechanismInfo", "CKR_GENERAL_ERROR"),
)


class Searches(Scenario):
    def test_a_passing_error_while_keys_are_looked_for(self):
        """[22]"""
        for call, result in PASSING:
            with self.subTest(f"{call} {result}"):
                self.faults.set(f"{call} g1-2 rv={result}")
                self.kill_token()
                self.assert_comes_back()
                self.assert_signs("binance-rsa")

    def test_a_deleted_key_is_its_own_trouble(self):
        """[23]"""
        process = self.token_process().pid
        self.delete(KEY)
        wait_until(lambda: self.sign().status == 404, "it is missed", BACK_S)
        self.assert_signs("binance-rsa")
        self.agent.import_hmac(KEY, "hmac-sha256", BINANCE_SECRET)
        wait_until(lambda: self.sign().status == 200, "it is found again", BACK_S)
        self.assertEqual(self.token_process().pid, process)

    def test_a_stale_handle_is_that_keys_alone(self):
        """[23]"""
        process = self.token_process().pid
        for result in ("CKR_KEY_HANDLE_INVALID", "CKR_OBJECT_HANDLE_INVALID"):
            with self.subTest(result):
                self.faults.set(f"C_SignInit key={KEY},g1 rv={result}")
                self.sign()
                self.assert_signs("binance-rsa")
                self.assert_comes_back()
        self.assertEqual(self.token_process().pid, process)

    def delete(self, label):
        self.agent.must("key", "delete", "--module", "softhsm2", "--token", "main", "--object", label, "--yes",
                        secrets_by_option={"--pin-fd": USER_PIN})


class WithoutPin(Searches):
    """The same if the PIN is not kept: nobody may have to unlock because of one key."""

    relogin = False

    def test_a_passing_error_while_keys_are_looked_for(self):
        self.faults.note_typed()
        self.agent.must("lock", "main")
        self.faults.set("C_FindObjectsInit g1-2 rv=CKR_DEVICE_ERROR")
        self.unlock()
        self.assert_comes_back()


if __name__ == "__main__":
    unittest.main()

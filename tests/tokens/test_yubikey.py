"""What must hold on every kind of token, on a card that ykcs11 takes for a YubiKey."""

import unittest

from essentials import Essentials
from harness import AgentTest
from yubikey import YubiKey


class YubiKeyTest(Essentials, AgentTest):
    kind = YubiKey


if __name__ == "__main__":
    unittest.main()

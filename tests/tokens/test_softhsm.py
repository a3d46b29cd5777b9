"""What must hold on every kind of token, on SoftHSM2."""

import unittest

from essentials import Essentials
from harness import AgentTest
from softhsm import SoftHsm


class SoftHsmTest(Essentials, AgentTest):
    kind = SoftHsm


if __name__ == "__main__":
    unittest.main()

"""What must hold on every kind of token, on opencryptoki's soft token; and what is particular to it."""

import unittest

from essentials import Essentials
from harness import AgentTest
from opencryptoki import Opencryptoki


class OpencryptokiTest(Essentials, AgentTest):
    kind = Opencryptoki


if __name__ == "__main__":
    unittest.main()

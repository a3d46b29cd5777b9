"""What must hold on every kind of token, on a TPM; and what is particular to it."""

import unittest

from essentials import Essentials
from harness import AgentTest
from tpm import Tpm


class TpmTest(Essentials, AgentTest):
    kind = Tpm


if __name__ == "__main__":
    unittest.main()

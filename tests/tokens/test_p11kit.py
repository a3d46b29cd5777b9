"""What must hold on every kind of token, on one behind p11-kit's server; and what is particular to it."""

import unittest

from essentials import Essentials
from harness import AgentTest
from p11kit import P11Kit


class P11KitTest(Essentials, AgentTest):
    kind = P11Kit

    def test_ed25519_is_not_relayed_and_the_error_says_so(self):
        done = self.agent.cli("key", "generate", *self.agent.token.options(), "--label", "ed", "--mechanism", "ed25519",
                              secrets_by_option={"--pin-fd": self.agent.token.pin})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"CKR_MECHANISM_INVALID", done.stderr)


if __name__ == "__main__":
    unittest.main()

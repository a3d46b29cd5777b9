"""What must hold on every kind of token, on NSS's softokn; and what is particular to it."""

import unittest

import harness
import service
from essentials import AgentOn, Essentials
from harness import AgentTest
from nss import Nss, NssByP11Kit, NssByProxy, NssWithoutPassword


class NssTest(Essentials, AgentTest):
    kind = Nss

    def test_without_its_reserved_string_the_error_names_it(self):
        variables = {**self.agent.environment(), "CHANCERY_INIT_ARGS": ""}
        done = harness.run_cli(variables, "token", "list", "--module", self.agent.token.module)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"need init_args; docs/tokens says what to look at): CKR_ARGUMENTS_BAD", done.stderr)


class AsServiceTest(Essentials, AgentTest):
    """Under the confinement of the unit for systemd."""

    kind = Nss

    @classmethod
    def setUpClass(cls):
        service.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        service.confine(cls.agent, cls.addClassCleanup)


class Signs(AgentTest):
    """Unlocks and signs once with every key, however the module is named."""

    kind = None

    @classmethod
    def setUpClass(cls):
        if cls.kind is None:
            raise unittest.SkipTest("for the classes below")
        cls.kind.require()
        cls.agent = AgentOn(cls.kind)
        cls.addClassCleanup(cls.agent.close)
        cls.agent.make_token()
        cls.agent.make_keys()
        cls.agent.start()

    assert_all_sign = Essentials.assert_all_sign

    def unlock(self):
        return self.agent.unlock()

    def test_it_signs(self):
        self.assertEqual(self.agent.sign_raw("hmac-sha256", b"locked").status, 423)
        done = self.unlock()
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{self.agent.log()}")
        self.assert_all_sign()


class NssByP11KitTest(Signs):
    kind = NssByP11Kit


class NssByProxyTest(Signs):
    kind = NssByProxy


class NssWithoutPasswordTest(Signs):
    """login: none. It waits for an operator all the same."""

    kind = NssWithoutPassword

    def unlock(self):
        return self.agent.cli("unlock", "--no-pin", "main")


del Signs

if __name__ == "__main__":
    unittest.main()

"""Chancery on an emulated TPM and on a virtual card; for scripts/bench --tokens."""
import importlib
import os
import sys
import unittest

KINDS = [("tpm", "Tpm"), ("piv", "PivCard")]  # file in tests/tokens, class
CLIENTS = [1, 4]
# mechanism: scheme of tests/profiles/bench.yaml
SCHEMES = {"hmac-sha256": "hmac", "rsa-sha256": "rsa", "p256-sha256": "p256"}


def agent_on(kind, profiles):
    """An agent on a token of that kind, which gets a key for each of the schemes that it has."""
    import essentials

    class BenchAgent(essentials.AgentOn):
        def make_keys(self):
            for mechanism in SCHEMES.keys() & set(self.token.mechanisms):
                self.keys[mechanism] = self.token.make_key(self, mechanism, mechanism)
            self.write_configuration()

        def key_policy(self, mechanism):
            return dict(super().key_policy(mechanism), profile="bench", scheme=SCHEMES[mechanism])

    BenchAgent.profiles = profiles
    return BenchAgent(kind)


def measure_agent(bench, agent, name, rounds):
    agent.make_token()
    agent.make_keys()
    agent.start()
    agent.unlock()
    for _ in range(rounds):
        for mechanism in sorted(agent.keys):
            for clients in CLIENTS:
                command = bench.load_command(agent.socket, mechanism, clients, bench.seconds)
                bench.measure(name, SCHEMES[mechanism], clients, command, bench.env, agent.process)


def measure(bench, root, rounds):
    """Prints a row for each kind, scheme and number of clients."""
    os.environ["CHANCERY_BUILD"] = str(bench.build)
    sys.path[:0] = [str(root / "tests" / folder) for folder in ("tokens", "e2e")]
    for file, name in KINDS:
        kind = getattr(importlib.import_module(file), name)
        try:
            kind.require()
        except unittest.SkipTest as why:
            bench.note(f"skipped: {why}")
            continue
        agent = agent_on(kind, root / "tests/profiles")
        try:
            measure_agent(bench, agent, file, rounds)
        finally:
            agent.close()
    bench.print_medians()
    return True

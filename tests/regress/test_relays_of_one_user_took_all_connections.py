"""Relays of one user that came by several sockets could hold all connections that there are for relays, so that no relay of another
user could ask any more."""

import os
import unittest

import harness
import relaying
from relaying import Link, draw, sign_frame

KEY = "binance-relay"
SOCKETS = ("relay3", "relay4", "relay5", "relay6")
OTHER = 4242
PLACES = 16  # for all relays


@unittest.skipUnless(os.getuid() == 0, "only root can be two users")
class RelaysOfOneUser(harness.AgentTest):
    @classmethod
    def prepare(cls):
        text = relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID)
        more = "".join(f"  {name}: {{ uid: {os.getuid()}, socket: {name}, role: relay, for: [maker] }}\n" for name in SOCKETS)
        cls.agent.policy.write_text(text.replace("  relay2: { uid: 0,", more + f"  relay2: {{ uid: {OTHER},"))

    def link(self, name):
        link = Link(self.agent.home / "run" / f"{name}.sock").start()
        self.addCleanup(link.close)
        return link

    def link_of_other(self):
        self.agent.home.chmod(0o755)
        (self.agent.home / "run" / "relay2.sock").chmod(0o666)
        os.seteuid(OTHER)
        try:
            return self.link("relay2")
        finally:
            os.seteuid(0)

    def is_served(self, link, number):
        wire = relaying.wire_of(self.agent, KEY, relaying.ACCOUNT)
        try:
            link.send(sign_frame(number, KEY, wire, draw(), "maker"))
            return link.next()[:2] == ("SIGNED", number)
        except OSError:
            return False

    def test_they_make_room_for_others(self):
        links = [self.link(name) for name in SOCKETS for _ in range(PLACES // len(SOCKETS))]
        self.assertTrue(all(self.is_served(link, 1) for link in links))
        self.assertTrue(self.is_served(self.link_of_other(), 2))
        self.assertEqual([self.is_served(link, 3) for link in links], [False] + [True] * (len(links) - 1))


if __name__ == "__main__":
    unittest.main()

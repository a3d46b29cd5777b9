"""With SSLKEYLOGFILE in its environment, as a developer may have it, the relay had libcurl write the keys of its connections to
exchanges there. Found by trying what curl heeds."""

import os
import subprocess
import unittest

from relay_rig import RELAY, RelayTest, wait_until


class KeysOfTlsInAFile(RelayTest):
    @classmethod
    def start(cls):
        cls.log_path = cls.folder / "relay.log"
        with open(cls.log_path, "wb") as log:
            cls.relay = subprocess.Popen([RELAY, "--config", cls.folder / "relay.yaml"], stderr=log,
                                         env={"PATH": os.environ["PATH"], "SSLKEYLOGFILE": str(cls.folder / "keys.log")})
        cls.addClassCleanup(cls.end)
        wait_until(lambda: "ready:" in cls.log(), "a relay that is ready")

    def test_no_key_is_written(self):
        self.assertEqual(self.call("POST", "/api/order", "x").status, 200)
        self.assertFalse((self.folder / "keys.log").exists())


if __name__ == "__main__":
    unittest.main()

"""A SoftHSM2 token behind p11-kit's server, as on another machine: the agent loads p11-kit's client, which speaks to a socket."""

import os
import signal

import harness
from softhsm import SoftHsm

CLIENT = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so"


class P11Kit(SoftHsm):
    name = "p11-kit server"
    packages = ("p11-kit", "p11-kit-modules", *SoftHsm.packages)
    programs = ("p11-kit", CLIENT, *SoftHsm.programs)
    # p11-kit 0.24 does not relay CKM_EDDSA.
    mechanisms = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "rsa-sha512", "p256-sha256", "secp256k1-sha256")

    def start(self):
        super().start()
        self.server = None
        self.served = self.module
        self.module = CLIENT
        self.socket = self.folder / "p11-kit"
        self.variables["P11_KIT_SERVER_ADDRESS"] = f"unix:path={self.socket}"
        self.start_server()

    def start_server(self):
        self.socket.unlink(missing_ok=True)
        self.server = self.serve("p11-kit", "server", "--foreground", "--name", self.socket, "--provider", self.served,
                                 f"pkcs11:token={self.label}")
        harness.wait_until(self.socket.exists, "p11-kit's server is there")

    def end(self, process):
        """A process for each connection goes on without the server."""
        children = harness.children_of(process.pid)
        super().end(process)
        for child in children:
            if child.is_running():
                os.kill(child.pid, signal.SIGKILL)

    def take_away(self):
        self.end(self.server)

    def put_back(self):
        self.start_server()

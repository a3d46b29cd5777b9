"""SoftHSM2: a token in files."""

import harness
from fixture import Fixture

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


class SoftHsm(Fixture):
    name = "SoftHSM2"
    packages = ("softhsm2",)
    programs = (MODULE, "softhsm2-util")
    mechanisms = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "rsa-sha512", "ed25519", "p256-sha256",
                  "secp256k1-sha256")

    def start(self):
        tokens = self.folder / "softhsm"
        tokens.mkdir()
        configuration = self.folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.module = MODULE
        self.variables = {"SOFTHSM2_CONF": str(configuration)}
        self.run("softhsm2-util", "--init-token", "--free", "--label", self.label, "--so-pin", harness.SO_PIN,
                 "--pin", self.pin)

    def take_away(self):
        (self.folder / "softhsm").rename(self.folder / "softhsm.away")

    def put_back(self):
        (self.folder / "softhsm.away").rename(self.folder / "softhsm")

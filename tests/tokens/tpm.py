"""A TPM 2.0 by tpm2-pkcs11: an emulated one (swtpm), with a resource manager (tpm2-abrmd) on a bus of its own.

chancery makes RSA and P-256 keys on it. tpm2-pkcs11 neither makes nor imports HMAC keys; its own tool does.
"""

import functools
import hashlib
import socket
import subprocess

import harness
from fixture import Fixture, Key

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow user="*"/><allow send_destination="*"/><allow receive_type="*"/><allow own="*"/></policy>
</busconfig>
"""


class Tpm(Fixture):
    name = "TPM 2.0 (swtpm)"
    packages = ("swtpm", "tpm2-abrmd", "libtss2-tcti-tabrmd0", "libtss2-tcti-swtpm0", "dbus-daemon", "tpm2-tools", "libtpm2-pkcs11-1",
                "libtpm2-pkcs11-tools")
    programs = ("swtpm", "tpm2-abrmd", "/usr/lib/x86_64-linux-gnu/libtss2-tcti-tabrmd.so.0", "dbus-daemon",
                "tpm2_dictionarylockout", "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so", "tpm2_ptool")
    mechanisms = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "rsa-sha512", "p256-sha256")
    workers = 1

    def __init__(self, folder):
        super().__init__(folder)
        self.module = "tpm2_pkcs11"
        self.variables = {
            "TPM2_PKCS11_STORE": str(self.folder / "store"),
            "TPM2_PKCS11_TCTI": "tabrmd:bus_type=session",
            "TPM2TOOLS_TCTI": "tabrmd:bus_type=session",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/bus",
            "TSS2_LOG": "all+NONE",
        }
        self.resource_manager = None

    def start(self):
        for name in ("store", "state"):
            (self.folder / name).mkdir(mode=0o700)
        (self.folder / "bus.conf").write_text(BUS.format(folder=self.folder))
        self.serve("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state",
                   "--server", f"type=unixio,path={self.folder}/tpm", "--ctrl", f"type=unixio,path={self.folder}/tpm.ctrl",
                   "--flags", "not-need-init,startup-clear")
        self.serve("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile")
        for name in ("tpm", "bus"):  # the resource manager ends if it finds nobody there
            harness.wait_until(functools.partial(self.is_served, name), f"the service {name} is there")
        self.start_resource_manager()
        self.init_token()

    def is_served(self, name):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / name)) == 0

    # ---- the resource manager ----

    def start_resource_manager(self):
        self.resource_manager = self.serve("tpm2-abrmd", "--session", "--allow-root", f"--tcti=swtpm:path={self.folder}/tpm")
        harness.wait_until(self.answers, "the TPM answers", timeout_s=30)

    def answers(self):
        """Allows it more wrong PINs than tests try: a right one does not take them back."""
        done = subprocess.run(["tpm2_dictionarylockout", "--setup-parameters", "--max-tries=100"], capture_output=True,
                              env=self.environment(), check=False)
        return done.returncode == 0

    def take_away(self):
        self.end(self.resource_manager)

    def put_back(self):
        self.start_resource_manager()

    # ---- the token ----

    def import_secret(self, agent, label, mechanism):
        """tpm2_ptool takes the PIN as an argument, and offers no other way."""
        secret = hashlib.sha256(label.encode()).hexdigest()
        file = self.folder / "secret"
        file.write_text(secret)
        self.run("tpm2_ptool", "import", "--label", self.label, "--userpin", self.pin, "--key-label", label,
                 "--algorithm", mechanism.replace("-", ":"), "--privkey", file)
        file.unlink()
        return Key(mechanism, secret=secret.encode())

    def key_fields(self, mechanism):
        """tpm2_ptool cannot make an HMAC key otherwise."""
        return {"tolerate": ["CKA_VERIFY", "CKA_EXTRACTABLE"]} if mechanism.startswith("hmac-") else {}

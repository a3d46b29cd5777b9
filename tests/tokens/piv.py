"""PIV cards by OpenSC: a card in Python (piv_card.py) in the virtual reader of a pcscd of its own.

A machine has one pcscd, by its folder below /run, and its driver for the virtual reader listens on every address; so each has a
mount namespace, with a /run of its own, and a network namespace. Programs reach it by the path of its socket,
$PCSCLITE_CSOCK_NAME. The keys and certificates are on the card from the start, as a card's own tool would
have put them there: no key is made through PKCS#11.
"""

import os
import socket
import subprocess
import sys

import harness
import piv_card
from fixture import Fixture, Key

OPENSC = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"
VPCD = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
READER = """\
FRIENDLYNAME "{name}"
DEVICENAME /dev/null:{port}
LIBPATH {driver}
CHANNELID {port}
"""
PORT = 35963
# slot: kind of key, what its certificate says that the key is for, CKA_ID
SLOTS = {
    "9a": ("rsa", "digitalSignature", "%01"),
    "9c": ("p256", "digitalSignature", "%02"),
    "9d": ("p256", "digitalSignature", "%03"),
    "9e": ("p256", "digitalSignature", "%04"),
}
KINDS = {
    "rsa": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}


class PivCard(Fixture):
    """By OpenSC, with the keys that it must be told to tolerate."""

    name = "PIV card (OpenSC)"
    packages = ("opensc", "pcscd", "vsmartcard-vpcd")
    programs = (OPENSC, VPCD, "pcscd", "unshare")
    label = "main"
    pin = piv_card.PIN.decode()
    mechanisms = ("rsa-sha256", "p256-sha256")
    workers = 1
    reader = "Virtual PCD"
    slots = {"rsa-sha256": "9a", "p256-sha256": "9c"}
    tolerated = {"9a": ["CKA_DECRYPT", "CKA_UNWRAP", "CKA_SIGN_RECOVER"], "9c": ["CKA_ALWAYS_AUTHENTICATE"]}

    def __init__(self, folder):
        super().__init__(folder)
        self.module = OPENSC
        self.card = self.folder / "card"
        self.variables = {"PCSCLITE_CSOCK_NAME": str(self.folder / "run" / "pcscd" / "pcscd.comm")}

    # ---- the card ----

    def openssl(self, *options):
        self.run("openssl", *options)

    def make_slot(self, slot, kind, usage):
        key, pem = self.card / f"{slot}.key", self.card / f"{slot}.pem"
        self.openssl(*KINDS[kind], "-out", pem)
        self.openssl("pkey", "-in", pem, "-traditional", "-outform", "DER", "-out", key)
        self.openssl("req", "-x509", "-key", pem, "-subj", f"/CN={self.label}", "-days", "365", "-addext", f"keyUsage=critical,{usage}",
                     "-outform", "DER", "-out", self.card / f"{slot}.cert")

    def make_card(self):
        self.card.mkdir()
        for slot, (kind, usage, _) in SLOTS.items():
            self.make_slot(slot, kind, usage)

    # ---- its services ----

    def start_pcscd(self):
        """In a namespace where the fixture's folder stands for /run."""
        run, readers = self.folder / "run", self.folder / "readers"
        run.mkdir(exist_ok=True)
        readers.mkdir(exist_ok=True)
        (readers / "card").write_text(READER.format(name=self.reader, port=PORT, driver=VPCD))
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.serve("unshare", *user, "--mount", "--net", "sh", "-c", 'mount --bind "$1" /run && exec pcscd --foreground --config "$2"',
                   "sh", run, readers)
        harness.wait_until(self.is_listening, "pcscd listens")

    def is_listening(self):
        """The socket is there before anybody listens, and that of a pcscd that was killed still is."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.variables["PCSCLITE_CSOCK_NAME"]) == 0

    def start_card(self):
        """In the namespace of pcscd."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.serve("nsenter", "--target", self.services[-1].pid, *user, "--net", sys.executable, "-B", piv_card.__file__, self.card,
                   PORT)

    def start(self):
        self.make_card()
        self.start_services()

    def start_services(self):
        self.start_pcscd()
        self.start_card()
        self.wait_for_token()

    def wait_for_token(self):
        def is_there():
            done = subprocess.run(["pkcs11-tool", "--module", self.module, "--list-token-slots"], check=False,
                                  env=self.environment(), capture_output=True)
            return b"token label" in done.stdout
        harness.wait_until(is_there, "the card is in its reader", timeout_s=20, pause_s=0.2)

    # ---- keys ----

    def make_key(self, agent, label, mechanism):
        pem = self.card / f"{self.slots[mechanism]}.pem"
        return Key(mechanism, public=self.run("openssl", "pkey", "-in", pem, "-pubout"))

    def object_uri(self, label):
        return f"pkcs11:id={SLOTS[self.slots[label]][2]}"

    def key_fields(self, mechanism):
        tolerated = self.tolerated.get(self.slots[mechanism])
        return {"tolerate": tolerated} if tolerated else {}

    # ---- trouble ----

    def take_away(self):
        (self.card / "removed").touch()

    def put_back(self):
        (self.card / "removed").unlink()

    def reset(self):
        """What another program may do to the card at any time."""
        self.run("opensc-tool", "--reset", "--reader", "0")

    def change_pin(self, pin):
        """By another program, with the PUK."""
        command = piv_card.PUK + pin.encode().ljust(8, b"\xff")
        self.run("opensc-tool", "--reader", "0", "--send-apdu", f"002C008010{command.hex()}")

    def set_delay_ms(self, delay_ms):
        (self.card / "delay_ms").write_text(str(delay_ms))

    def count(self, line):
        """How often the card has noted this line."""
        log = self.card / "log"
        return log.read_text().splitlines().count(line) if log.exists() else 0

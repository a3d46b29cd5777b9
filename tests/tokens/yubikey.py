"""YubiKeys by Yubico's ykcs11: the card of piv.py, which ykcs11 takes for a YubiKey by its reader's name and its version."""

import piv_card
from piv import VPCD, PivCard

MODULE = "/usr/lib/x86_64-linux-gnu/libykcs11.so"


class YubiKey(PivCard):
    name = "PIV card (ykcs11)"
    packages = ("ykcs11", "pcscd", "vsmartcard-vpcd")
    programs = (MODULE, VPCD, "pcscd", "unshare", "pkcs11-tool")
    reader = "Yubico YubiKey CCID"
    tolerated = {"9a": ["CKA_DECRYPT"], "9c": ["CKA_DECRYPT", "CKA_ALWAYS_AUTHENTICATE"]}

    def __init__(self, folder):
        super().__init__(folder)
        self.module = MODULE

    def make_card(self):
        """The token's name has the serial number in it."""
        super().make_card()
        (self.card / "yubikey").touch()
        serial = int.from_bytes(piv_card.guid_of(self.card)[:4], "big")
        self.label = f"YubiKey PIV #{serial}"
        self.uri = f"pkcs11:token=YubiKey%20PIV%20%23{serial}"

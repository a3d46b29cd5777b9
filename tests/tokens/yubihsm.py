"""A model of a YubiHSM 2: SoftHSM2 behind the module of tests/faults, which refuses what the source of Yubico's module refuses
(github.com/Yubico/yubihsm-shell, pkcs11/). It is no device, so it is not in KINDS and not in the matrix."""

import unittest

import faults
from softhsm import SoftHsm

# Searches, HMAC keys, and sessions; a device closes idle sessions after 30 s, which is too long for a test.
MODELS = ["@unknown-attr-empty", "@no-generic-secret", "@sessions g16", "@idle 4000"]


class YubiHsmModel(SoftHsm):
    name = "YubiHSM 2 (a model)"
    pin = "0001password"

    def start(self):
        super().start()
        self.control = self.folder / "faults"
        self.variables.update(FAULTS=str(self.control), FAULTS_MODULE=self.module)
        self.module = str(faults.MODULE)
        self.refuse()

    def refuse(self, *lines):
        """From now on it refuses this besides."""
        whole = self.control.with_suffix(".new")
        whole.write_text("".join(f"{line}\n" for line in (*MODELS, *lines)))
        whole.replace(self.control)

    @classmethod
    def require(cls):
        super().require()
        if not faults.MODULE.exists():
            raise unittest.SkipTest("faulty.so is not built; run make regress-programs")

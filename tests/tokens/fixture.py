"""A kind of token that the tests and scripts/token-matrix run on: how it is set up, and how an agent uses it.

A kind is a class in a file of its own, named in KINDS. Its services (a TPM's resource manager, a card's daemon) are started by
start() and ended by stop(), by process id; those of which a machine can have one only run in namespaces of their own, so that
two runs can go side by side. Everything that a kind writes is in its folder.
"""

import hashlib
import hmac
import importlib
import pathlib
import shutil
import subprocess
import unittest

import harness

# file, class
KINDS = [
    ("softhsm", "SoftHsm"),
    ("tpm", "Tpm"),
    ("opencryptoki", "Opencryptoki"),
    ("nss", "Nss"),
    ("p11kit", "P11Kit"),
    ("piv", "PivCard"),
    ("yubikey", "YubiKey"),
]


def kinds():
    return [getattr(importlib.import_module(file), name) for file, name in KINDS]


class Key:
    """What a key's signatures are checked with: a secret, or a public half in PEM."""

    def __init__(self, mechanism, secret=None, public=None):
        self.mechanism = mechanism
        self.secret = secret
        self.public = public

    def verifies(self, folder, message, signature):
        if self.secret is not None:
            return hmac.digest(self.secret, message, self.mechanism.removeprefix("hmac-")) == signature
        options = {"rsa-sha256": ["-digest", "sha256"], "rsa-sha512": ["-digest", "sha512"],
                   "ed25519": []}.get(self.mechanism, ["-digest", "sha256"])
        if self.mechanism.startswith(("p256", "secp256k1")):
            signature = ecdsa_der(signature)
        return harness.openssl_verifies(folder, self.public, message, signature, *options)


def ecdsa_der(raw):
    """r||s as the DER that openssl reads."""
    def integer(part):
        number = part.lstrip(b"\0") or b"\0"
        number = b"\0" + number if number[0] & 0x80 else number
        return bytes([2, len(number)]) + number
    both = integer(raw[:len(raw) // 2]) + integer(raw[len(raw) // 2:])
    return bytes([0x30, len(both)]) + both


class Fixture:
    """One token of its kind."""

    name = ""  # as it is shown
    packages = ()  # Debian's, without which it is skipped
    programs = ()  # found in PATH, /usr/sbin or by their whole path, likewise
    label = "main"
    pin = harness.USER_PIN
    so_pin = harness.SO_PIN
    mechanisms = ()  # that it can have keys for
    workers = 2
    notices_late = False  # the module works on without what take_away() takes, until its process is started anew

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.module = ""  # a path, or p11-kit's name
        self.uri = f"pkcs11:token={self.label}"
        self.variables = {}  # for programs that load the module
        self.fields = {}  # further fields of the token in agent.yaml
        self.services = []
        self.wrapper = []  # the command by which programs that load the module are run, as `nsenter`

    @classmethod
    def require(cls):
        """Skips the test if what the kind needs is missing."""
        for program in cls.programs:
            if not pathlib.Path(program).exists() and not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
                raise unittest.SkipTest(f"{cls.name} needs {program}: apt-get install {' '.join(cls.packages)}")

    def start(self):
        """Starts its services, and makes an empty token with its PIN."""
        raise NotImplementedError

    def stop(self):
        """Ends its services, the last one first; the folder is the caller's."""
        for process in reversed(self.services):
            self.end(process)

    # ---- keys ----

    def options(self):
        """Those of `chancery key ...` that name the token."""
        return ["--module", self.module, "--token", self.label]

    def pins(self):
        """What these commands are told secretly, by the option that names the descriptor."""
        return {"--pin-fd": self.pin}

    def make_key(self, agent, label, mechanism):
        """Makes a key, by `chancery` if the token allows, else with its own tool. Returns a Key."""
        if mechanism.startswith("hmac-"):
            return self.import_secret(agent, label, mechanism)
        agent.must("key", "generate", *self.options(), "--label", label, "--mechanism", mechanism,
                   secrets_by_option=self.pins())
        return Key(mechanism, public=self.public_half(agent, label))

    def import_secret(self, agent, label, mechanism):
        secret = hashlib.sha256(label.encode()).hexdigest()
        agent.must("key", "import", *self.options(), "--label", label, "--mechanism", mechanism, "--encoding", "text",
                   secrets_by_option={**self.pins(), "--secret-fd": secret})
        return Key(mechanism, secret=secret.encode())

    def public_half(self, agent, label):
        return agent.must("key", "public", *self.options(), "--object", label, secrets_by_option=self.pins())

    def object_uri(self, label):
        """The key's `object` in policy."""
        return f"pkcs11:object={label}"

    def key_fields(self, mechanism):
        """Further fields of a key in policy."""
        return {}

    # ---- trouble ----

    def take_away(self):
        """What a restart of its service, or its removal, does to it. Signing must come back by itself after put_back()."""

    def put_back(self):
        pass

    # ---- for the kinds ----

    def serve(self, *command):
        """Starts a service, which stop() ends; it dies with the test, however that ends."""
        with open(self.folder / "services.log", "ab") as log:
            process = subprocess.Popen([*self.wrapper, "setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                                       env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.services.append(process)
        return process

    def end(self, process):
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.services.remove(process)

    def environment(self):
        return {**harness.os.environ, **self.variables}

    def init_token(self):
        """Makes the token by `chancery token init`."""
        done = harness.run_cli(self.environment(), "token", "init", "--module", self.module, "--label", self.label,
                               wrapper=self.wrapper,
                               secrets_by_option={"--so-pin-fd": self.so_pin, "--pin-fd": self.pin})
        if done.returncode != 0:
            raise AssertionError(f"token init: exit status {done.returncode}: {done.stderr.decode()}")

    def run(self, *command, variables=None, **options):
        """Runs a tool on the token; fails with what it said."""
        done = subprocess.run([*self.wrapper, *(str(part) for part in command)], env={**self.environment(), **(variables or {})},
                              capture_output=True, check=False, **options)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}:\n"
                                 f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

"""opencryptoki's soft token. Its daemon and its folders are one per machine, so they are in a namespace."""

import grp
import os
import pathlib
import re
import shutil

import harness
from fixture import Fixture
from namespaces import Namespace

# Where opencryptoki writes; Debian's build has these names in it.
FOLDERS = ("/var/lib/opencryptoki", "/var/log", "/etc/opencryptoki", "/run", "/dev/shm")
CONFIGURATION = "version opencryptoki-3.1\nslot 3\n{\nstdll = libpkcs11_sw.so\n}\n"


class Opencryptoki(Fixture):
    name = "opencryptoki"
    packages = ("opencryptoki",)
    programs = ("pkcsslotd", "/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so", "nsenter", "unshare")
    notices_late = True  # the shared memory stays
    mechanisms = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "rsa-sha512")
    pin = "hush4826"  # 4 to 8 characters
    user = "games"  # in the group pkcs11, for a test that does not run as root
    so_pin = "87654321"  # every new token has this one

    def __init__(self, folder):
        super().__init__(folder)
        self.module = "/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so"
        self.namespace = Namespace()
        self.daemon = None

    @classmethod
    def require(cls):
        super().require()
        Namespace.require()

    def start(self):
        self.make_folders()
        self.namespace.start({at: self.inside(at) for at in (*FOLDERS, "/etc/group")})
        self.wrapper = self.namespace.wrapper()
        self.start_daemon()
        self.init_token()

    def inside(self, at):
        return self.folder / at.replace("/", "_")

    def make_folders(self):
        for at in FOLDERS:
            self.inside(at).mkdir()
        (self.inside("/var/lib/opencryptoki") / "swtok" / "TOK_OBJ").mkdir(parents=True)
        (self.inside("/run") / "lock" / "opencryptoki" / "swtok").mkdir(parents=True)  # /var/lock is a link to /run/lock
        (self.inside("/etc/opencryptoki") / "opencryptoki.conf").write_text(CONFIGURATION)
        self.own_files()
        groups = pathlib.Path("/etc/group").read_text()
        self.inside("/etc/group").write_text(re.sub(r"(?m)^(pkcs11:.*)$", rf"\1,{self.user}", groups))

    def own_files(self):
        """They are the group's, as the package and the daemon have it; the module looks at that."""
        group = grp.getgrnam("pkcs11").gr_gid
        for at in FOLDERS:
            for path in (self.inside(at), *self.inside(at).rglob("*")):
                os.chown(path, 0, group)
                path.chmod(0o770 if path.is_dir() else 0o660)

    def start_daemon(self):
        socket = self.inside("/run") / "pkcsslotd.socket"
        socket.unlink(missing_ok=True)
        self.daemon = self.serve("pkcsslotd", "-f")
        harness.wait_until(socket.exists, "pkcsslotd answers")

    def stop(self):
        super().stop()
        self.namespace.stop()
        for at in FOLDERS:
            shutil.rmtree(self.inside(at), ignore_errors=True)

    def take_away(self):
        self.end(self.daemon)

    def put_back(self):
        self.start_daemon()

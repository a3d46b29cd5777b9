"""NSS's softokn: a database in a folder, which the reserved string of C_Initialize names."""

from fixture import Fixture
from namespaces import Namespace

SOFTOKN = "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"
PROXY = "/usr/lib/x86_64-linux-gnu/p11-kit-proxy.so"


class Nss(Fixture):
    name = "NSS softokn"
    packages = ("libnss3", "libnss3-tools")
    programs = (SOFTOKN, "certutil")
    mechanisms = ("hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "rsa-sha512", "p256-sha256")
    notices_late = True  # it keeps the database open

    def __init__(self, folder):
        super().__init__(folder)
        self.module = SOFTOKN
        self.database = self.folder / "nss"

    def init_args(self):
        return f"configdir='sql:{self.database}' certPrefix='' keyPrefix='' dbTokenDescription='{self.label}' flags="

    def name_init_args(self):
        """Tells the CLI by its variable, the agent by its configuration."""
        self.variables["CHANCERY_INIT_ARGS"] = self.init_args()
        self.fields["init_args"] = self.init_args()

    def start(self):
        self.database.mkdir()
        self.make_database()
        self.name_init_args()

    def make_database(self):
        """With a password, which is the PIN. certutil reads it from a file."""
        password = self.folder / "password"
        password.write_text(self.pin)
        self.run("certutil", "-N", "-d", f"sql:{self.database}", "-f", password)
        password.unlink()

    def take_away(self):
        self.database.rename(self.folder / "nss.away")

    def put_back(self):
        (self.folder / "nss.away").rename(self.database)


class NssWithoutPassword(Nss):
    """The token has no PIN."""

    name = "NSS softokn without a password"

    def make_database(self):
        self.run("certutil", "-N", "-d", f"sql:{self.database}", "--empty-password")
        self.fields["login"] = "none"

    def options(self):
        return [*super().options(), "--no-pin"]

    def pins(self):
        return {}


class NssByP11Kit(Nss):
    """p11-kit knows the module by a name, and has the reserved string in its configuration. Root's is the machine's, so it is in a
    namespace."""

    name = "NSS softokn by p11-kit's name"

    def __init__(self, folder):
        super().__init__(folder)
        self.namespace = Namespace()

    def start(self):
        super().start()
        modules = self.folder / "modules"
        modules.mkdir()
        (modules / "softokn.module").write_text(f"module: {SOFTOKN}\nx-init-reserved: {self.init_args()}\n")
        self.namespace.start({"/usr/share/p11-kit/modules": modules})
        self.wrapper = self.namespace.wrapper()

    def name_init_args(self):
        self.module = "softokn"

    @classmethod
    def require(cls):
        super().require()
        Namespace.require()

    def stop(self):
        super().stop()
        self.namespace.stop()


class NssByProxy(NssByP11Kit):
    """p11-kit's proxy loads the module, and is a module itself."""

    name = "NSS softokn by p11-kit-proxy"
    programs = (*Nss.programs, PROXY)

    def name_init_args(self):
        self.module = PROXY

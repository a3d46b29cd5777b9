"""The venue's own authority, and the certificates of its exchanges, made with the openssl program.

Certificates are made when a client first asks for them, because making all of them takes longer than most tests do.
"""

import pathlib
import ssl
import subprocess

# How a certificate can be wrong, for misbehaviour "certificate".
#   name              issued by        names           days
WRONG = {
    "other-host":      ("authority",     "other.example", 2),
    "other-authority": ("stranger",      None,            2),
    "self-signed":     (None,            None,            2),
    "expired":         ("authority",     None,            -1),
}  # fmt: skip


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.contexts = {}
        for name in ("authority", "stranger"):
            self.make_root(name)
        self.certificate = self.folder / "authority.pem"

    def make_key(self, name):
        key = self.folder / f"{name}.key"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        return key

    def make_root(self, name):
        openssl(
            "req", "-x509", "-new", "-key", self.make_key(name), "-out", self.folder / f"{name}.pem", "-days", 2,
            "-subj", f"/CN=Chancery's venue, {name}",
            "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def files(self, name):
        """Of an exchange's good certificate, once its context was asked for."""
        return {"certificate": str(self.folder / f"{name}.pem"), "key": str(self.folder / f"{name}.key")}

    def context(self, name, hosts, wrong=None):
        """The TLS context of an exchange with these hosts. `wrong` is a row of the table above."""
        found = self.contexts.get((name, wrong))
        if found is None:
            found = self.contexts[name, wrong] = self.make_context(name, hosts, wrong)
        return found

    def make_context(self, name, hosts, wrong):
        issuer, names, days = WRONG[wrong] if wrong else ("authority", None, 2)
        stem = f"{name}-{wrong}" if wrong else name
        key, pem, asked, more = (self.folder / f"{stem}.{end}" for end in ("key", "pem", "csr", "ext"))
        self.make_key(stem)
        listed = ",".join(f"DNS:{host}" for host in ([names] if names else hosts))
        more.write_text(f"subjectAltName={listed}\nextendedKeyUsage=serverAuth\n")
        openssl("req", "-new", "-key", key, "-out", asked, "-subj", f"/CN={name}")
        signer = ["-signkey", key]
        if issuer:
            root = self.folder / issuer
            signer = ["-CA", f"{root}.pem", "-CAkey", f"{root}.key", "-CAcreateserial"]
        openssl("x509", "-req", "-in", asked, "-out", pem, "-days", days, "-extfile", more, *signer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        context.set_alpn_protocols(["http/1.1"])
        return context

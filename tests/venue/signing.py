"""Checks of signatures: HMAC by Python, public keys by OpenSSL's library. Nothing here comes from Chancery."""

import base64
import binascii
import ctypes
import functools
import hashlib
import hmac
import json


def mac(name, secret, message, encoding="hex"):
    """An HMAC in the form in which it is sent. Text is taken as UTF-8."""
    secret = secret.encode() if isinstance(secret, str) else secret
    message = message.encode() if isinstance(message, str) else message
    digest = hmac.digest(secret, message, name)
    if encoding == "hex":
        return digest.hex()
    text = base64.b64encode(digest) if encoding == "base64" else base64.urlsafe_b64encode(digest).rstrip(b"=")
    return text.decode()


def hashed(name, message):
    message = message.encode() if isinstance(message, str) else message
    return hashlib.new(name, message).digest()


def from_base64(text, is_url=False):
    """The bytes, or None if it is not strictly base64."""
    try:
        if is_url:
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def same(given, wanted):
    return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())


# ---- public keys ----


@functools.lru_cache(maxsize=None)
def libcrypto():
    library = ctypes.CDLL("libcrypto.so.3")
    for name in ("BIO_new_mem_buf", "PEM_read_bio_PUBKEY", "EVP_MD_CTX_new", "EVP_get_digestbyname"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


class PublicKey:
    """`hash_name` is None for Ed25519."""

    def __init__(self, pem):
        library = libcrypto()
        data = pem.encode()
        bio = library.BIO_new_mem_buf(data, len(data))
        self.key = library.PEM_read_bio_PUBKEY(ctypes.c_void_p(bio), None, None, None)
        library.BIO_free(ctypes.c_void_p(bio))
        if not self.key:
            raise ValueError("not a public key in PEM")

    def verifies(self, hash_name, message, signature):
        library = libcrypto()
        message = message.encode() if isinstance(message, str) else message
        context = ctypes.c_void_p(library.EVP_MD_CTX_new())
        digest = ctypes.c_void_p(library.EVP_get_digestbyname(hash_name.encode()) if hash_name else None)
        try:
            if library.EVP_DigestVerifyInit(context, None, digest, None, ctypes.c_void_p(self.key)) != 1:
                return False
            size = ctypes.c_size_t
            return library.EVP_DigestVerify(context, signature, size(len(signature)), message, size(len(message))) == 1
        finally:
            library.EVP_MD_CTX_free(context)


def der_of(raw):
    """An ECDSA signature as DER, from the two numbers side by side (RFC 7518, 3.4)."""

    def integer(data):
        data = data.lstrip(b"\0") or b"\0"
        data = b"\0" + data if data[0] & 0x80 else data
        return bytes((2, len(data))) + data

    half = len(raw) // 2
    inner = integer(raw[:half]) + integer(raw[half:])
    return bytes((0x30, len(inner))) + inner


class BadToken(ValueError):
    pass


def read_token(text):
    """Returns header, claims, the text that is signed, and the signature of a JSON Web Token (RFC 7519)."""
    parts = text.split(".")
    raw = [from_base64(part, is_url=True) for part in parts]
    if len(parts) != 3 or any("=" in part or data is None for part, data in zip(parts, raw)):
        raise BadToken("a token is three parts in base64url")
    try:
        header, claims = json.loads(raw[0]), json.loads(raw[1])
    except ValueError:
        raise BadToken("header or claims are no JSON") from None
    return header, claims, f"{parts[0]}.{parts[1]}", raw[2]

"""Makes many keys on a SoftHSM2 token: HMAC keys for signing, labelled k0000, k0001 and so on. A program of its own, because the
module reads SOFTHSM2_CONF when it is loaded:

    SOFTHSM2_CONF=... python3 tests/support/many_keys.py TOKEN COUNT < PIN
"""

import ctypes
import hashlib
import sys

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
ULONG = ctypes.c_ulong
USER, SESSION, WRITABLE = 1, 4, 2
CLASS, TOKEN, PRIVATE, LABEL, VALUE, KEY_TYPE = 0x0, 0x1, 0x2, 0x3, 0x11, 0x100
SECRET_KEY, GENERIC_SECRET = 4, 0x10
# what a signing key is: pkcs11/key_rule.c
TRUE = [TOKEN, PRIVATE, 0x103, 0x108]  # sensitive, sign
FALSE = [0x104, 0x105, 0x106, 0x107, 0x10A, 0x10C, 0x162]  # encrypt, decrypt, wrap, unwrap, verify, derive, extractable


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("size", ULONG)]


def template(values):
    """A list of attributes, and what they point to."""
    kept = [ctypes.create_string_buffer(value, len(value)) for value in values.values()]
    items = [Attribute(kind, ctypes.cast(value, ctypes.c_void_p), len(value)) for kind, value in zip(values, kept)]
    return (Attribute * len(items))(*items), kept


def must(result, what):
    if result != 0:
        raise SystemExit(f"{what}: CKR 0x{result:x}")


def find_slot(module, label):
    count = ULONG(64)
    slots = (ULONG * 64)()
    must(module.C_GetSlotList(ctypes.c_ubyte(1), slots, ctypes.byref(count)), "C_GetSlotList")
    for slot in slots[:count.value]:
        info = ctypes.create_string_buffer(512)  # CK_TOKEN_INFO begins with the label
        must(module.C_GetTokenInfo(ULONG(slot), info), "C_GetTokenInfo")
        if info.raw[:32].decode().rstrip() == label:
            return slot
    raise SystemExit(f"no token '{label}'")


def number(value):
    return value.to_bytes(ctypes.sizeof(ULONG), sys.byteorder)


def make_keys(module, session, count):
    fixed = {CLASS: number(SECRET_KEY), KEY_TYPE: number(GENERIC_SECRET)}
    fixed |= {kind: b"\1" for kind in TRUE} | {kind: b"\0" for kind in FALSE}
    for index in range(count):
        label = f"k{index:04d}".encode()
        items, _kept = template({**fixed, LABEL: label, VALUE: hashlib.sha256(label).digest()})
        must(module.C_CreateObject(session, items, ULONG(len(items)), ctypes.byref(ULONG())), "C_CreateObject")


def main(label, count):
    module = ctypes.CDLL(MODULE)
    pin = sys.stdin.read().strip().encode()
    session = ULONG()
    must(module.C_Initialize(None), "C_Initialize")
    must(module.C_OpenSession(ULONG(find_slot(module, label)), ULONG(SESSION | WRITABLE), None, None,
                              ctypes.byref(session)), "C_OpenSession")
    must(module.C_Login(session, ULONG(USER), pin, ULONG(len(pin))), "C_Login")
    make_keys(module, session, int(count))
    must(module.C_Finalize(None), "C_Finalize")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A PIV card (NIST SP 800-73-4) for tests, as far as OpenSC and ykcs11 use one to sign. It is no card to keep a key on: its keys
are files.

    python3 piv_card.py FOLDER PORT

It is put into the virtual reader of vpcd, a driver for pcscd, which listens on PORT; both must be in a network namespace of their
own. FOLDER holds, for each slot (9a, 9c, 9d, 9e), a key (9a.key, PKCS#1 or SEC 1 in DER) and a certificate (9a.cert, DER). While
it runs, a test may make or change

    FOLDER/removed    while it is there, no card is in the reader
    FOLDER/delay_ms   what a signature takes besides
    FOLDER/yubikey    if it is there at the start, the card says that it is a YubiKey

and reads FOLDER/log: a line for each PIN that came ("verify right", "verify wrong"), signature ("sign 9a") and reset.
"""

import fcntl
import hashlib
import pathlib
import secrets
import select
import socket
import struct
import sys
import time

PIN = b"471100"
PUK = b"47110815"
TRIES = 3
AID = bytes.fromhex("a000000308000010000100")
ATR = bytes.fromhex("3b800181")  # T=1, and nothing else to say
YUBIKEY_ATR = bytes.fromhex("3bfd1300008131fe158073c021c057597562694b657940")
YUBIKEY_VERSION = bytes([5, 2, 7])
CERTIFICATES = {"5fc105": "9a", "5fc10a": "9c", "5fc10b": "9d", "5fc101": "9e"}
# Of a card that no federal agency has issued, as YubiKeys are: then OpenSC asks the certificate what a key is for.
FASC_N = bytes.fromhex("d4e739da739ced39ce739d836858210842108421c84210c3eb")
CHUID, DISCOVERY = "5fc102", "7e"

OK, WRONG_LENGTH, NOT_ALLOWED, BLOCKED = 0x9000, 0x6700, 0x6982, 0x6983
WRONG_DATA, NOT_FOUND, WRONG_P1P2, NO_INSTRUCTION = 0x6A80, 0x6A82, 0x6A86, 0x6D00


class Failed(Exception):
    """A status word other than OK."""


# ---- BER and DER ----


def tlv(tag, value):
    size = len(value)
    length = bytes([size]) if size < 128 else b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return tag + length + value


def take_tlv(data):
    """The first element: its tag (of one byte), its value, and what follows."""
    size, at = data[1], 2
    if size & 0x80:
        at = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:at], "big")
    return data[0], data[at:at + size], data[at + size:]


def integers(sequence):
    """The integers and octet strings of a DER sequence."""
    _, rest, _ = take_tlv(sequence)
    while rest:
        tag, value, rest = take_tlv(rest)
        if tag in (2, 4):
            yield int.from_bytes(value, "big")


def der_integer(number):
    return tlv(b"\x02", number.to_bytes(number.bit_length() // 8 + 1, "big"))


# ---- keys ----


class RsaKey:
    algorithm = 0x07  # 2048 bits

    def __init__(self, der):
        _, self.n, _, _, self.p, self.q, self.dp, self.dq, self.inverse = integers(der)

    def sign(self, data):
        number = int.from_bytes(data, "big")
        a, b = pow(number, self.dp, self.p), pow(number, self.dq, self.q)
        return (b + (a - b) * self.inverse % self.p * self.q).to_bytes(256, "big")


class EcKey:
    """On P-256. A point is (x, y, z) with x/z**2 and y/z**3 (Jacobian)."""

    algorithm = 0x11
    p = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
    n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    base = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5, 1)

    def __init__(self, der):
        _, self.d = integers(der)

    def twice(self, point):
        x, y, z = point
        s, m = 4 * x * y * y % self.p, 3 * (x - z * z) * (x + z * z) % self.p
        x3 = (m * m - 2 * s) % self.p
        return x3, (m * (s - x3) - 8 * y ** 4) % self.p, 2 * y * z % self.p

    def plus_base(self, point):
        """Neither is the other, nor its negative: the factor of `point` is no unit, for it is random."""
        x, y, z = point
        h, r = (self.base[0] * z * z - x) % self.p, (self.base[1] * z ** 3 - y) % self.p
        x3 = (r * r - h ** 3 - 2 * x * h * h) % self.p
        return x3, (r * (x * h * h - x3) - y * h ** 3) % self.p, z * h % self.p

    def times_base(self, k):
        """The first coordinate of k times the base point."""
        point = self.base
        for bit in bin(k)[3:]:
            point = self.twice(point)
            if bit == "1":
                point = self.plus_base(point)
        return point[0] * pow(point[2], -2, self.p) % self.p

    def sign(self, data):
        k = secrets.randbelow(self.n - 1) + 1
        r = self.times_base(k) % self.n
        s = pow(k, -1, self.n) * (int.from_bytes(data[:32], "big") + r * self.d) % self.n
        return tlv(b"\x30", der_integer(r) + der_integer(s))


def load_key(path):
    der = path.read_bytes()
    return RsaKey(der) if len(der) > 400 else EcKey(der)


# ---- the card ----


def guid_of(folder):
    """What tells a card from others."""
    return hashlib.sha256((folder / "9a.cert").read_bytes()).digest()[:16]


class Card:
    def __init__(self, folder):
        self.folder = folder
        self.is_yubikey = (folder / "yubikey").exists()
        self.keys = {path.stem: load_key(path) for path in folder.glob("9?.key")}
        self.pin, self.puk = PIN, PUK
        self.tries, self.puk_tries = TRIES, TRIES
        self.guid = guid_of(folder)
        self.reset()

    def log(self, line):
        with open(self.folder / "log", "a", encoding="ascii") as log:
            log.write(line + "\n")

    @property
    def atr(self):
        return YUBIKEY_ATR if self.is_yubikey else ATR

    def reset(self):
        self.is_verified = False
        self.is_fresh = False  # nothing came since the PIN
        self.chained = b""  # data of a command so far
        self.left = b""  # of a response

    def transmit(self, apdu):
        """The answer to a command: data and status word."""
        try:
            data = self.command(*split(apdu))
        except Failed as failed:
            return failed.args[0].to_bytes(2, "big")
        return data

    def command(self, cla, ins, p1, p2, data, limit):
        if ins == 0xC0:
            return self.respond(self.left, limit)
        self.chained += data
        if cla & 0x10:
            return OK.to_bytes(2, "big")
        data, self.chained = self.chained, b""
        was_fresh, self.is_fresh = self.is_fresh, False
        instruction = self.instructions.get(ins)
        if instruction is None:
            raise Failed(NO_INSTRUCTION)
        return self.respond(instruction(self, p1, p2, data, was_fresh), limit)

    def respond(self, data, limit):
        """What does not fit stays for GET RESPONSE."""
        self.left = data[limit:]
        status = OK if not self.left else 0x6100 | min(len(self.left), 255)
        return data[:limit] + status.to_bytes(2, "big")

    def select(self, _p1, _p2, data, _fresh):
        if len(data) < 5 or not AID.startswith(data):
            self.is_verified = False
            raise Failed(NOT_FOUND)
        return tlv(b"\x61", tlv(b"\x4f", AID[5:]) + tlv(b"\x79", tlv(b"\x4f", AID[:5])))

    def get_data(self, _p1, _p2, data, _fresh):
        name = take_tlv(data)[1].hex()
        if name == DISCOVERY:
            return tlv(b"\x7e", tlv(b"\x4f", AID) + tlv(b"\x5f\x2f", b"\x40\x00"))
        if name == CHUID:
            return tlv(b"\x53", tlv(b"\x30", FASC_N) + tlv(b"\x34", self.guid) + tlv(b"\x35", b"20401231") + b"\x3e\x00\xfe\x00")
        path = self.folder / f"{CERTIFICATES.get(name)}.cert"
        if not path.exists():
            raise Failed(NOT_FOUND)
        return tlv(b"\x53", tlv(b"\x70", path.read_bytes()) + b"\x71\x01\x00\xfe\x00")

    def check_pin(self, data):
        """Counts tries."""
        if self.tries == 0:
            raise Failed(BLOCKED)
        is_right = data.rstrip(b"\xff") == self.pin
        self.log(f"verify {'right' if is_right else 'wrong'}")
        self.tries = TRIES if is_right else self.tries - 1
        self.is_verified = is_right
        if not is_right:
            raise Failed(0x63C0 | self.tries if self.tries else BLOCKED)

    def verify(self, p1, p2, data, _fresh):
        if p2 != 0x80 or p1 not in (0x00, 0xFF):
            raise Failed(WRONG_P1P2)
        if p1 == 0xFF:
            self.is_verified = False
        elif data:
            self.check_pin(data)
            self.is_fresh = True
        elif not self.is_verified:
            raise Failed(0x63C0 | self.tries if self.tries else BLOCKED)
        return b""

    def change(self, _p1, p2, data, _fresh):
        if p2 != 0x80 or len(data) != 16:
            raise Failed(WRONG_P1P2)
        self.check_pin(data[:8])
        self.pin = data[8:].rstrip(b"\xff")
        return b""

    def unblock(self, _p1, _p2, data, _fresh):
        if self.puk_tries == 0:
            raise Failed(BLOCKED)
        if data[:8] != self.puk:
            self.puk_tries -= 1
            raise Failed(0x63C0 | self.puk_tries)
        self.tries, self.puk_tries = TRIES, TRIES
        self.pin = data[8:].rstrip(b"\xff")
        return b""

    def authenticate(self, algorithm, slot, data, was_fresh):
        """GENERAL AUTHENTICATE: the slot's key is used on the challenge (tag 81)."""
        name = f"{slot:02x}"
        key = self.keys.get(name)
        if key is None or key.algorithm != algorithm:
            raise Failed(WRONG_P1P2)
        if (name != "9e" and not self.is_verified) or (name == "9c" and not was_fresh):
            raise Failed(NOT_ALLOWED)
        rest = take_tlv(data)[1]
        while rest:
            tag, value, rest = take_tlv(rest)
            if tag == 0x81:
                self.log(f"sign {name}")
                time.sleep(self.delay_s())
                return tlv(b"\x7c", tlv(b"\x82", key.sign(value)))
        raise Failed(WRONG_DATA)

    def delay_s(self):
        path = self.folder / "delay_ms"
        return int(path.read_text() or 0) / 1000 if path.exists() else 0

    def version(self, _p1, _p2, _data, _fresh):
        if not self.is_yubikey:
            raise Failed(NO_INSTRUCTION)
        return YUBIKEY_VERSION

    def serial(self, _p1, _p2, _data, _fresh):
        if not self.is_yubikey:
            raise Failed(NO_INSTRUCTION)
        return self.guid[:4]

    # SP 800-73-4 part 2, and Yubico's
    instructions = {0xA4: select, 0xCB: get_data, 0x20: verify, 0x24: change, 0x2C: unblock, 0x87: authenticate, 0xFD: version,
                    0xF8: serial}


def split(apdu):
    """Class, instruction, parameters, data, and how much may be answered at once (ISO 7816-4, short and extended)."""
    head, body = apdu[:4], apdu[4:]
    data, limit = b"", 256
    if len(body) == 1:
        limit = body[0] or 256
    elif len(body) >= 3 and body[0] == 0:
        size = int.from_bytes(body[1:3], "big")
        data = body[3:3 + size] if len(body) > 3 else b""
        limit = 65536
    elif body:
        data, rest = body[1:1 + body[0]], body[1 + body[0]:]
        if len(data) != body[0]:
            raise Failed(WRONG_LENGTH)
        limit = (rest[0] or 256) if rest else 256
    return (*head, data, limit)


# ---- the reader ----


class Reader:
    """The card's end of the line to vpcd: messages with a length of two bytes; those of one byte are for the reader."""

    ASK_ATR = 4  # the others: 0 off, 1 on, 2 reset

    def __init__(self, card, port):
        self.card = card
        self.port = port
        self.line = None

    def eject(self):
        if self.line:
            self.line.close()
            self.line = None
            self.card.reset()

    def insert(self):
        line = socket.socket()
        try:
            line.connect(("127.0.0.1", self.port))
            self.line = line
        except OSError:
            line.close()

    def receive(self, size):
        data = b""
        while len(data) < size:
            # vpcd sends the length by itself, and the rest once that is acknowledged, which would take 40 ms.
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self.line.recv(size - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def serve(self):
        """Takes one message."""
        message = self.receive(int.from_bytes(self.receive(2), "big"))
        if len(message) > 1:
            self.send(self.card.transmit(message))
        elif message[0] == self.ASK_ATR:
            self.send(self.card.atr)
        else:
            self.card.log("reset")
            self.card.reset()

    def send(self, data):
        self.line.sendall(len(data).to_bytes(2, "big") + data)

    def turn(self):
        if (self.card.folder / "removed").exists():
            self.eject()
        elif not self.line:
            self.insert()
        if self.line is None:
            time.sleep(0.05)
        elif select.select([self.line], [], [], 0.05)[0]:
            self.serve()


def bring_loopback_up():
    """In a network namespace that was just made, it is down."""
    request = struct.pack("16sh14x", b"lo", 0x41)  # IFF_UP, IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def main(folder, port):
    reader = Reader(Card(folder), port)
    bring_loopback_up()
    while True:
        try:
            reader.turn()
        except OSError:
            reader.eject()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))

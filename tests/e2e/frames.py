"""The frames as wire/frames.def lists them, and the tables of docs/protocol.md that are made from them.

Run as a program, it prints those tables."""

import re
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIELD = re.compile(r"(FIELD|LIST)\((\w+), (\w+)\)")
FRAME = re.compile(r"^FRAME\((\w+), +(\w+), +(\d+), +(\w+), +(\w+), +([A-Z_ |\n]+?), +(\w+), +(.*?)\)\n(?=\n|FRAME|/\*)",
                   re.MULTILINE | re.DOTALL)
RECORD = re.compile(r"^RECORD\((\w+), +(.*?)\)\n(?=\n|RECORD)", re.MULTILINE | re.DOTALL)
DESCRIPTORS = {"NOTHING": "", "SOCKET": "the accepted socket", "PIN_PIPE": "pipe with the PIN, the code, or both"}


def words(name):
    return name.lower().replace("_", " ")


def fields(text, records):
    """The fields in words: "u64 connection, bytes key, list of header (bytes name, bytes value) headers"."""
    parts = []
    for kind, what, name in FIELD.findall(text):
        parts.append(f"{what} {name}" if kind == "FIELD" else f"list {name} of ({records[what]})")
    return ", ".join(parts)


def kinds(text, records):
    """The kinds of the fields, one after the other; a list is the kinds of its record."""
    return [what if kind == "FIELD" else records[what] for kind, what, _ in FIELD.findall(text)]


def read():
    """Each frame as a dict, in the order of the file."""
    text = (ROOT / "wire" / "frames.def").read_text()
    records = {name: fields(body, {}) for name, body in RECORD.findall(text)}
    record_kinds = {name: kinds(body, {}) for name, body in RECORD.findall(text)}
    frames = []
    for name, struct_name, number, direction, id_, states, descriptor, body in FRAME.findall(text):
        frames.append({
            "name": name,
            "struct": struct_name,
            "number": int(number),
            "direction": words(direction),
            "id": "" if id_ == "NONE" else words(id_),
            "states": ", ".join(words(state.strip()) for state in states.split("|")),
            "descriptor": DESCRIPTORS[descriptor],
            "fields": fields(body, records),
            "kinds": kinds(body, record_kinds),
        })
    return frames


def tables():
    """The rows of the tables, by direction."""
    rows = {}
    for frame in read():
        cells = [str(frame["number"]), frame["name"], frame["id"], frame["states"], frame["fields"], frame["descriptor"]]
        rows.setdefault(frame["direction"], []).append("| " + " | ".join(cells) + " |")
    return rows


SIZES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "flag": "B", "bytes": "I"}


def version():
    return int(re.search(r"CH_FRAMES_VERSION (\d+)", (ROOT / "wire" / "frames.h").read_text())[1])


def packet(frame):
    """The frame's bytes with the version of the build, and every other field zero or empty."""
    values = b""
    for field in re.findall(r"[^,]+", re.sub(r"\([^)]*\)", "", frame["fields"])):
        kind, name = field.split()[0], field.split()[-1]
        values += struct.pack("=H" if kind == "list" else "=" + SIZES[kind], version() if name == "version" else 0)
    return with_header(frame["number"], values)


def with_header(number, fields):
    return struct.pack("=IHHQ", 16 + len(fields), number, 0, 0) + fields


def after_fields(kinds_, fields_, at=0):
    """Where the fields end that begin at `at`. Raises struct.error if there are fewer bytes."""
    for kind in kinds_:
        if isinstance(kind, list):
            count, = struct.unpack_from("=H", fields_, at)
            at += 2
            for _ in range(count):
                at = after_fields(kind, fields_, at)
        elif kind == "error":
            at = after_fields(["u32", "bytes", "bytes"], fields_, at)
        else:
            value, = struct.unpack_from("=" + SIZES[kind], fields_, at)
            at += struct.calcsize("=" + SIZES[kind]) + (value if kind == "bytes" else 0)
    return at


def is_whole(frame, fields_):
    """True if these bytes are the fields of the frame, all of them and nothing more."""
    try:
        return after_fields(frame["kinds"], fields_) == len(fields_)
    except struct.error:
        return False


if __name__ == "__main__":
    for direction, lines in tables().items():
        print(f"\n**{direction}**\n\n| number | frame | id | accepted while | fields | descriptor |\n|---|---|---|---|---|---|")
        print("\n".join(lines))

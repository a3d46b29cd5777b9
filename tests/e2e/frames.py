"""The frames as wire/frames.def lists them, written and read, and the tables of docs/protocol.md that are made from them.

Run as a program, it prints those tables."""

import re
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIELD = re.compile(r"(FIELD|LIST)\((\w+), (\w+)\)")
FRAME = re.compile(r"^FRAME\((\w+), +(\w+), +(\d+), +(\w+), +(\w+), +([A-Z_ |\n]+?), +(\w+), +(.*?)\)\n(?=\n|FRAME|/\*)",
                   re.MULTILINE | re.DOTALL)
RECORD = re.compile(r"^RECORD\((\w+), +(.*?)\)\n(?=\n|RECORD)", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r'^STATUS\((\w+), +"([\w-]+)", +(\d+), +\d+, +"([^"]*)"', re.MULTILINE)
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


def layout(text, records):
    """(kind, name) of each field; the kind of a list is the layout of its record."""
    return [(what if kind == "FIELD" else records[what], name) for kind, what, name in FIELD.findall(text)]


def read():
    """Each frame as a dict, in the order of the file."""
    text = (ROOT / "wire" / "frames.def").read_text()
    layouts = {name: layout(body, {}) for name, body in RECORD.findall(text)}
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
            "layout": layout(body, layouts),
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
    return encode(frame["name"], **{name: version() for kind, name in frame["layout"] if (kind, name) == ("u32", "version")})


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


# ---- by name ----

HEADER = "=IHHQ"  # size with the header, type, 0, id
HEADER_SIZE = struct.calcsize(HEADER)
FRAMES = {frame["name"]: frame for frame in read()}
BY_NUMBER = {frame["number"]: frame for frame in FRAMES.values()}


def put(kind, value):
    """None is what is 0 or empty."""
    if isinstance(kind, list):
        records = value or []
        return struct.pack("=H", len(records)) + b"".join(put_fields(kind, record) for record in records)
    if kind == "error":
        status, rule, message = value or (0, "", "")
        return struct.pack("=I", status) + put("bytes", rule) + put("bytes", message)
    if kind == "bytes":
        data = value.encode() if isinstance(value, str) else value or b""
        return struct.pack("=I", len(data)) + data
    return struct.pack("=" + SIZES[kind], value or 0)


def put_fields(layout_, values):
    unknown = set(values) - {name for _, name in layout_}
    if unknown:
        raise TypeError(f"there is no field {', '.join(sorted(unknown))}")
    return b"".join(put(kind, values.get(name)) for kind, name in layout_)


def encode(frame, number=0, /, **values):
    """The bytes of the frame of that name with this id. Lists are of dicts, an error is (status, rule, message), text is UTF-8,
    and what is not given is 0 or empty."""
    data = put_fields(FRAMES[frame]["layout"], values)
    return struct.pack(HEADER, HEADER_SIZE + len(data), FRAMES[frame]["number"], 0, number) + data


def take(kind, data, at):
    """The value, and where the next one begins. Raises struct.error if there are fewer bytes."""
    if isinstance(kind, list):
        count, = struct.unpack_from("=H", data, at)
        at += 2
        records = []
        for _ in range(count):
            record, at = take_fields(kind, data, at)
            records.append(record)
        return records, at
    if kind == "error":
        status, at = take("u32", data, at)
        rule, at = take("bytes", data, at)
        message, at = take("bytes", data, at)
        return (status, rule.decode(), message.decode()), at
    value, = struct.unpack_from("=" + SIZES[kind], data, at)
    at += struct.calcsize("=" + SIZES[kind])
    if kind != "bytes":
        return bool(value) if kind == "flag" else value, at
    if at + value > len(data):
        raise struct.error("the bytes end early")
    return data[at:at + value], at + value


def take_fields(layout_, data, at=0):
    values = {}
    for kind, name in layout_:
        values[name], at = take(kind, data, at)
    return values, at


def decode(data):
    """([(name, id, fields)] of the whole frames, the bytes that are left). Raises ValueError for what are no frames."""
    found = []
    while len(data) >= HEADER_SIZE:
        size, number, zero, id_ = struct.unpack_from(HEADER, data)
        if size < HEADER_SIZE or zero != 0 or number not in BY_NUMBER:
            raise ValueError(f"no frame: {data[:64]!r}")
        if size > len(data):
            break
        frame = BY_NUMBER[number]
        try:
            values, end = take_fields(frame["layout"], data[HEADER_SIZE:size])
        except struct.error as error:
            raise ValueError(f"{frame['name']}: {error}") from error
        if end != size - HEADER_SIZE:
            raise ValueError(f"{frame['name']} has {size - HEADER_SIZE - end} bytes too many")
        found.append((frame["name"], id_, values))
        data = data[size:]
    return found, data


def statuses():
    """Those of base/statuses.def as dicts; the number of each is its place."""
    return [{"name": name, "http": int(http), "title": title}
            for _, name, http, title in STATUS.findall((ROOT / "base" / "statuses.def").read_text())]


if __name__ == "__main__":
    for direction, lines in tables().items():
        print(f"\n**{direction}**\n\n| number | frame | id | accepted while | fields | descriptor |\n|---|---|---|---|---|---|")
        print("\n".join(lines))

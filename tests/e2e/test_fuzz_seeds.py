"""The seeds of the fuzz targets hold frames, as bytes. When a frame gets another field, core takes the old bytes for
malformed and ends whoever sent them, so that a seed no longer reaches what its name says; and nothing else fails. Write
such a seed anew, as a frame of today that means what the seed is named after."""

import functools
import pathlib
import re
import struct
import unittest

import frames

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = struct.Struct("=IHHQ")
MALFORMED = "malformed-"  # names of seeds that hold a frame as no build would write it, and are there for that

# tests/fuzz/fuzz_frames.c takes frames of any direction, without events, after one byte.
FRAMES = "frames"
# door: (bytes before its events, what its events are named, whose frames the bytes of an event are)
DOORS = {
    "front_frames": (0, {"SEND": "front to core", "RELAY": "front to core"}),
    "operator_frames": (0, {"SEND": "operator to core", "ASK": "front to core"}),
    "token_answers": (1, {"SEND": "token to core", "ASK": "front to core"}),
}
# What is said by a stream: a frame may end in the next such event.
STREAMS = {"RELAY"}


@functools.cache
def event_names(door):
    """The events of a door in their order, from its source."""
    source = (ROOT / f"tests/fuzz/fuzz_{door}.c").read_text()
    body = re.search(r"typedef enum what \{(.*?)\} what;", source, re.DOTALL)[1]
    names = re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", body))
    return names[:names.index("WHAT_COUNT")]


def events(door, seed):
    """Pairs of the name of an event and its bytes; as tests/fuzz/events.h has them."""
    names = event_names(door)
    at = DOORS[door][0]
    while at < len(seed):
        what, _, size = struct.unpack_from("=BBH", seed, at)
        yield names[what % len(names)], seed[at + 4:at + 4 + size]
        at += 4 + size


@functools.cache
def frames_by_number(direction):
    return {frame["number"]: frame for frame in frames.read() if direction in ("any to any", frame["direction"])}


def faults(packet, direction):
    """What is wrong with the frames of a packet."""
    known = frames_by_number(direction)
    while packet:
        if len(packet) < HEADER.size or not HEADER.size <= HEADER.unpack_from(packet)[0] <= len(packet):
            yield f"{len(packet)} bytes that are no frame"
            return
        size, number, _, _ = HEADER.unpack_from(packet)
        if number not in known:
            yield f"frame {number}, which does not go from {direction}"
        elif not frames.is_whole(known[number], packet[HEADER.size:size]):
            yield f"{known[number]['name']}, whose fields are not those of wire/frames.def"
        packet = packet[size:]


class Seeds(unittest.TestCase):
    def seeds(self):
        for door in [FRAMES, *DOORS]:
            for path in sorted((ROOT / "tests/fuzz/corpus" / door).iterdir()):
                yield door, path

    def faults_of(self, door, path):
        if door == FRAMES:
            return list(faults(path.read_bytes()[1:], "any to any"))
        found = []
        streams = dict.fromkeys(STREAMS, b"")
        for name, packet in events(door, path.read_bytes()):
            if name in STREAMS:
                streams[name] += packet
            elif name in DOORS[door][1]:
                found += faults(packet, DOORS[door][1][name])
        for name, said in streams.items():
            found += faults(said, DOORS[door][1].get(name))
        return found

    def test_every_frame_of_a_seed_is_whole(self):
        for door, path in self.seeds():
            if not path.name.startswith(MALFORMED):
                with self.subTest(seed=f"{door}/{path.name}"):
                    self.assertEqual(self.faults_of(door, path), [])

    def test_a_seed_that_is_named_malformed_is(self):
        for door, path in self.seeds():
            if path.name.startswith(MALFORMED):
                with self.subTest(seed=f"{door}/{path.name}"):
                    self.assertNotEqual(self.faults_of(door, path), [])

    def test_every_event_with_frames_is_of_its_door(self):
        for door, (_, with_frames) in DOORS.items():
            self.assertLessEqual(set(with_frames), set(event_names(door)))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Random policies and random streams of requests, decided by the agent's rooms and by the slow oracle; no difference.

    tests/oracle/run.py [--count N] [--seed S] [--jobs J] [--build FOLDER]

What must be equal: whether it is allowed, what of which window is taken and used, what is left and when there is room
again, what a release gives back. The rule that refuses must be one by which the oracle refuses, too. What was accepted
never passes a limit in the true window. Besides, for the same levels: one more deny, limit or requirement never allows
what was refused, one more allow never refuses what was allowed, and the order of a file changes nothing.

A failure is shown with a smaller policy and fewer events, and is repeated by --seed and --worlds. The last line is
"N passed, N failed"."""

import argparse
import json
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time
from collections import Counter

import policies
from metamorphic import Changes
from streams import Stream
from world import Difference, Driver, World, replay, shrink

HERE = pathlib.Path(__file__).resolve().parents[2]
ASKS = 250  # of a world
KINDS = ["allow", "deny", "require", "order_value", "order_volume", "price_within", "loss", "value", "volume", "amount",
         "open_value", "orders", "messages", "same_order", "leverage", "validity", "closing", "release", "raw"]


def make_world(driver, seed):
    """The first policy from that seed on that loads, and its stream."""
    for attempt in range(100):
        dice = random.Random(f"{seed}/{attempt}")
        data = policies.Maker(dice).make()
        world = World(driver, data)
        if world.error is None:
            return world, Stream(dice, data, world.oracle), attempt
    raise SystemExit("no policy loads: " + world.error)


def live(world, stream, asks, changes):
    """A stream's life, until it has asked so often."""
    asked = 0
    while asked < asks:
        event = stream.next()
        if event["do"] == "ask":
            asked += 1
            changes.maybe(event)
        answer, said = world.happen(event)
        if event["do"] == "ask":
            stream.hear(event, answer)


def run_world(task):
    seed, asks, options = task
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(str(options.build / "tests/oracle/decisions"), str(HERE / "profiles"), pathlib.Path(folder))
        counts = Counter()
        failure = None
        world, stream, unloaded = make_world(driver, seed)
        changes = Changes(driver, world, random.Random(f"{seed}/changes"))
        try:
            live(world, stream, asks, changes)
        except Difference as difference:
            failure = explain(driver, seed, world, str(difference))
        except Exception:
            print(f"in world {seed}", file=sys.stderr)
            raise
        counts.update({f"{kind} {side}": number for (kind, side), number in world.counts.items()})
        counts.update(changes.counts)
        counts.update({f"selector {name} {answer}": number for (name, answer), number in world.oracle.policy.seen.items()})
        counts["decisions"] += sum(1 for event in world.events if event["do"] == "ask")
        counts["policies"] += 1
        counts["policies that did not load"] += unloaded
        driver.end()
        return counts, failure


def explain(driver, seed, world, difference):
    data, events = world.data, world.events
    if replay(driver, data, events):
        data, events = shrink(driver, data, events, difference)
        difference = replay(driver, data, events) or difference
    lines = [f"world {seed}: {difference}", policies.to_text(data)] + [json.dumps(event) for event in events]
    return "\n".join(lines)


def print_counts(counts):
    print(f"{'kind of rule':14} {'holds':>9} {'refuses':>9}")
    for kind in KINDS + sorted({key.rsplit(" ", 1)[0] for key in counts if key.endswith((" holds", " refuses"))} - set(KINDS)):
        print(f"{kind:14} {counts[kind + ' holds']:9} {counts[kind + ' refuses']:9}")
    print(f"{'selector':14} {'yes':>9} {'no':>9} {'unknown':>9} {'elsewhere':>9}")
    for name in sorted({key.split()[1] for key in counts if key.startswith("selector ")}):
        print(f"{name:14} " + " ".join(f"{counts[f'selector {name} {answer}']:9}" for answer in (
            "yes", "no", "unknown", "not applicable")))
    for key in sorted(counts):
        if not key.endswith((" holds", " refuses")) and not key.startswith("selector "):
            print(f"{key}: {counts[key]}")
    print(f"accepted: {100 * counts['allow holds'] / max(1, counts['decisions']):.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=20000, help="decisions")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--build", type=pathlib.Path, default=HERE / "build")
    parser.add_argument("--worlds", help="only these, as a failure shows them, with commas")
    parser.add_argument("--shown", type=int, default=3, help="failures")
    options = parser.parse_args()
    seeds = options.worlds.split(",") if options.worlds else [
        f"{options.seed}.{i}" for i in range(-(-options.count // ASKS))]
    begin = time.monotonic()
    counts, failures = Counter(), []
    with multiprocessing.Pool(options.jobs) as pool:
        for found, failure in pool.imap_unordered(run_world, [(seed, ASKS, options) for seed in seeds]):
            counts.update(found)
            if failure is not None:
                failures.append(failure)
                if len(failures) <= options.shown:
                    print(failure, "\n", flush=True)
    print_counts(counts)
    print(f"{time.monotonic() - begin:.1f} s")
    print(f"{len(seeds) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

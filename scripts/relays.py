"""What it costs to ask through the relay instead of sending directly; for scripts/bench --relay.

Both ways end at one exchange (tests/bench/venue, by TLS), which checks each signature and counts: orders sent directly, over
connections that stay open and signed by who sends them, and orders sent to the relay by plain HTTP, which the agent judges and
signs anew with the HMAC key on its token. An order that is not accepted, or arrives twice, ends the bench. In each round, exchange,
agent and relay are started anew and both ways are taken in turn; what is compared is of one round."""
import contextlib
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys

from against import median_interval

HOST = "api.binance.com"
KEY_ID = "bench-key-id"
PER_SECOND = {1: 1000, 16: 4000}  # orders of a measurement, for each second that it is to take
# what is compared of which number of connections, its unit, the target
LATENCIES = [("p50_us", 1, 0.5), ("p99_us", 1, 3.0)]  # ms more than directly, at most
RATE_LEAST = 2000  # orders a second over sixteen connections

POLICY = """\
version: 1
callers:
  bench: {{ uid: {uid} }}
  relay: {{ uid: {uid}, socket: relay, role: relay, for: [bench] }}
people: {{ bench: {{ uid: {uid}, roles: [operator] }} }}
allow:
  - {{ name: all, caller: bench, key: any, classes: [read, trade, cancel], markets: any, unlimited: true }}
keys:
  hmac: {{ token: main, object: "pkcs11:object=hmac", profile: binance, scheme: hmac, key_id: {key_id}, relay: only }}
"""


class Venue:
    """The exchange. Its certificate is made once, by what makes those of tests/venue."""

    def __init__(self, bench, authority, secret):
        self.authority = authority.certificate
        self.process = subprocess.Popen(
            [bench.build / "tests/bench/venue", *authority.files(HOST).values(), KEY_ID, secret], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def end(self):
        """Its counts."""
        out, _ = self.process.communicate("")
        return json.loads(out)


def make_authority(bench, root):
    sys.path.insert(0, str(root / "tests/venue"))
    from authority import Authority  # beside the exchange in Python
    folder = bench.folder / "authority"
    folder.mkdir()
    authority = Authority(folder)
    authority.context(HOST, [HOST])
    return authority


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def write(bench, root, venue):
    """The folder of agent and relay, and where and with which token the relay is asked."""
    folder = bench.write_configuration("relayed", root / "profiles")
    (folder / "policy.yaml").write_text(POLICY.format(uid=os.getuid(), key_id=KEY_ID))
    token, port = secrets.token_hex(32), free_port()
    (folder / "token").touch(0o600)
    (folder / "token").write_text(token)
    (folder / "relay.yaml").write_text(
        f"agent: relay.sock\nca: {venue.authority}\nlisteners:\n- {{ caller: bench, port: {port}, token: token }}\n"
        f"routes: {{ {HOST}: '127.0.0.1:{venue.port}' }}\n")
    return folder, port, token


def start(bench, root, venue, wait_for):
    """{way: what tests/bench/bots takes to go it}."""
    folder, port, token = write(bench, root, venue)
    bench.start_agent(folder)
    relay = bench.start([bench.build / "chancery-relay", "--config", folder / "relay.yaml"], bench.env, "relay.log")
    log = bench.folder / "relay.log"
    wait_for(lambda: relay.poll() is not None or "ready:" in log.read_text(), "the relay")
    if relay.poll() is not None:
        raise RuntimeError(f"chancery-relay ended: {log.read_text().strip()}")
    return {"direct": ["--port", venue.port, "--host", HOST, "--authority", venue.authority],
            "relay": ["--port", port, "--host", f"127.0.0.1:{port}", "--path", f"/{token}/hmac"]}


def ask(bench, way, secret, connections):
    count = max(100, int(PER_SECOND[connections] * bench.seconds))
    command = [bench.build / "tests/bench/bots", *way, "--key-id", KEY_ID, "--secret", secret, "--connections", connections,
               "--count", count, "--json"]
    return json.loads(bench.run(command))


def measure_round(bench, root, authority, secret, wait_for, is_relay_first):
    """{(way, connections): its row}."""
    venue = Venue(bench, authority, secret)
    rows = {}
    with contextlib.ExitStack() as stack:
        stack.callback(venue.process.kill)
        ways = start(bench, root, venue, wait_for)
        for way in ways.values(): # the first orders find no connections and cold caches
            ask(bench, way, secret, 1)
        for connections in PER_SECOND:
            for name in sorted(ways, reverse=is_relay_first):
                rows[name, connections] = ask(bench, ways[name], secret, connections)
        bench.stop()
        counts = venue.end()
    asked = sum(row["ops"] for row in rows.values()) + 2 * rows["direct", 1]["ops"]
    if (counts["orders"], counts["repeats"], counts["refused"]) != (asked, 0, 0):
        raise RuntimeError(f"{asked} orders were sent, and the exchange counts {counts}")
    shutil.rmtree(bench.folder / "relayed")
    return rows


def measure(bench, root, secret, wait_for, rounds):
    """Returns whether all targets are met."""
    authority = make_authority(bench, root)
    measured = []
    for i in range(rounds):
        measured.append(measure_round(bench, root, authority, secret, wait_for, i % 2 == 1))
        bench.note(f"round {i + 1} of {rounds}")
    return print_result(bench, measured)


def verdict(values, target, is_most):
    """For people, and whether the target is reached."""
    least, most = median_interval(values)
    value = statistics.median(values)
    is_good = value <= target if is_most else value >= target
    is_sure = len(values) >= 5 and (not least <= target < most if is_most else not least < target <= most)
    text = f"at {'most' if is_most else 'least'} {target:g}: {'yes' if is_good else 'no'}{'' if is_sure else ', unsure'}"
    return text, is_good, (least, most)


def print_result(bench, measured):
    print(f"medians of {len(measured)} rounds (95 % interval)\n{'':<24} {'direct':>10} {'relay':>10} {'ratio':>6}  difference",
          file=sys.stderr)
    is_all_good = True
    for name, connections, most in LATENCIES:
        pairs = [tuple(one[way, connections][name] / 1000 for way in ("direct", "relay")) for one in measured]
        differences = [relay - direct for direct, relay in pairs]
        text, is_good, (low, high) = verdict(differences, most, True)
        is_all_good = is_all_good and is_good
        row = add_row(bench, name, connections, pairs, statistics.median(differences), (low, high))
        print(f"{name[:3]} at one connection, ms {row['direct']:>10.3f} {row['relay']:>10.3f} {row['ratio']:>6.2f}  "
              f"{row['difference']:+.3f} ({low:+.3f} to {high:+.3f})  {text}", file=sys.stderr)
    pairs = [tuple(one[way, 16]["ops_s"] for way in ("direct", "relay")) for one in measured]
    rates = [relay for _, relay in pairs]
    text, is_good, (low, high) = verdict(rates, RATE_LEAST, False)
    differences = [relay - direct for direct, relay in pairs]
    row = add_row(bench, "ops_s", 16, pairs, statistics.median(differences), median_interval(differences))
    print(f"orders/s over sixteen    {row['direct']:>10.0f} {row['relay']:>10.0f} {row['ratio']:>6.2f}  "
          f"{row['difference']:+.0f}; the relay's {statistics.median(rates):.0f} ({low:.0f} to {high:.0f})  {text}", file=sys.stderr,
          flush=True)
    return is_all_good and is_good


def add_row(bench, name, connections, pairs, difference, interval):
    row = {"system": "relay", "figure": name, "connections": connections, "rounds": len(pairs), "difference": difference,
           "interval": interval, "ratio": statistics.median(relay / direct for direct, relay in pairs),
           "direct": statistics.median(direct for direct, _ in pairs), "relay": statistics.median(relay for _, relay in pairs)}
    bench.rows.append(row)
    return row

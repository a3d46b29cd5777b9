"""What it costs to ask through the relay instead of sending directly; for scripts/bench --relay.

All ways end at one exchange (tests/bench/venue, by TLS), which checks each signature and counts. Orders are sent
- directly, over connections that stay open, signed by who sends them;
- asked: the sender has the agent sign them, and sends them then;
- by the relay, to which they go by plain HTTP, and which has the agent judge and sign them anew.
The last two use the same key on the token, by the same policy. An order that is not accepted, or arrives twice, ends the bench. In
each round, exchange, agent and relay are started anew and the ways are taken in turn; what is compared is of one round.

An order's time begins when it is sent, or when the agent is asked; the time that its sender took to sign it does not count. What the
token takes is measured in the same round by itself too (tests/bench/raw, on one thread, in a loop, with the same key). The exchange
checks signatures of one key on all ways, so that what checking takes falls out."""
import collections
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

HOSTS = {"binance": "api.binance.com", "coinbase": "api.coinbase.com"}  # by profile
# A key of a profile's scheme; `make` is how openssl makes it, empty for the HMAC key, which the bench's token has.
Kind = collections.namedtuple("Kind", "name profile scheme mechanism make")
HMAC = Kind("hmac", "binance", "hmac", "hmac-sha256", [])
KINDS = [
    HMAC,
    Kind("rsa", "binance", "rsa", "rsa-sha256", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    Kind("ed25519", "binance", "ed25519", "ed25519", ["ED25519"]),
    Kind("p256", "coinbase", "es256", "p256-sha256", ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
]
WARM_UP = 200  # orders: the first ones find no connections and cold caches
PER_SECOND = {1: 1000, 16: 4000}  # orders of a measurement, for each second that it is to take
# what is compared of which number of connections, its unit, the target
LATENCIES = [("p50_us", 1, 0.5), ("p99_us", 1, 3.0)]  # ms more than directly, at most
BESIDES_SIGNING = 0.3  # ms at p50 more than asking the agent and sending directly, at most
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
"""
KEY = """\
  {0.name}: {{ token: main, object: "pkcs11:object={1}", profile: {0.profile}, scheme: {0.scheme}, key_id: bench-{0.name}{2} }}
"""
# By profile: what a bot that holds a signed request could use it for as well. Through a relay it could not.
ACCEPTS = {"binance": ", accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]"}


def label(kind):
    return f"relay-{kind.name}" if kind.make else kind.name


class Keys:
    """What signs orders before they are sent, and what the exchange checks them by. The token gets the same keys."""

    def __init__(self, bench, secret):
        self.secret = secret
        self.folder = bench.folder / "keys"
        self.folder.mkdir()
        for kind in KINDS:
            if not kind.make:
                continue
            private = self.folder / f"{kind.name}.key"
            bench.run(["openssl", "genpkey", "-algorithm", *kind.make, "-out", private])
            bench.run(["openssl", "pkey", "-in", private, "-pubout", "-out", self.folder / f"{kind.name}.pem"])
            bench.run([bench.build / "chancery", "key", "import", "--token", "pkcs11:token=bench", "--label", label(kind),
                       "--mechanism", kind.mechanism, "--pem"], f"{bench.pin}\n{private.read_text()}")

    def of_sender(self, kind):
        """For tests/bench/bots."""
        return ["--private-key", self.folder / f"{kind.name}.key"] if kind.make else ["--secret", self.secret]

    def of_venue(self):
        """For tests/bench/venue, which takes the HMAC key first."""
        return [text for kind in KINDS
                for text in (f"bench-{kind.name}", self.folder / f"{kind.name}.pem" if kind.make else self.secret)]


class Venue:
    """The exchange. Its certificate is made once, by what makes those of tests/venue."""

    def __init__(self, bench, authority, keys):
        self.authority = authority.certificate
        self.process = subprocess.Popen(
            [bench.build / "tests/bench/venue", *authority.files("venue").values(), *keys.of_venue()], stdin=subprocess.PIPE,
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
    authority.context("venue", list(HOSTS.values()))
    return authority


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def write(bench, root, venue):
    """The folder of agent and relay, and where and with which token the relay is asked."""
    folder = bench.write_configuration("relayed", root / "profiles")
    (folder / "policy.yaml").write_text(
        POLICY.format(uid=os.getuid()) + "".join(KEY.format(kind, label(kind), ACCEPTS.get(kind.profile, "")) for kind in KINDS))
    token, port = secrets.token_hex(32), free_port()
    (folder / "token").touch(0o600)
    (folder / "token").write_text(token)
    (folder / "relay.yaml").write_text(
        f"agent: relay.sock\nca: {venue.authority}\nlisteners:\n- {{ caller: bench, port: {port}, token: token }}\n"
        "routes:\n" + "".join(f"  {host}: '127.0.0.1:{venue.port}'\n" for host in HOSTS.values()))
    return folder, port, token


def start(bench, root, venue, wait_for):
    """Where and with which token the relay is asked."""
    folder, port, token = write(bench, root, venue)
    _, (socket_path, _) = bench.start_agent(folder)
    relay = bench.start([bench.build / "chancery-relay", "--config", folder / "relay.yaml"], bench.env, "relay.log")
    log = bench.folder / "relay.log"
    wait_for(lambda: relay.poll() is not None or "ready:" in log.read_text(), "the relay")
    if relay.poll() is not None:
        raise RuntimeError(f"chancery-relay ended: {log.read_text().strip()}")
    return socket_path, port, token


def ways_of(kind, venue, socket_path, port, token):
    """{way: what tests/bench/bots takes to go it}."""
    directly = ["--port", venue.port, "--host", HOSTS[kind.profile], "--authority", venue.authority]
    return {"direct": directly,
            "asked": [*directly, "--agent", socket_path, "--key", kind.name],
            "relay": ["--port", port, "--host", f"127.0.0.1:{port}", "--path", f"/{token}/{kind.name}"]}


def ask(bench, way, kind, keys, connections, count):
    command = [bench.build / "tests/bench/bots", *way, "--key-id", f"bench-{kind.name}", *keys.of_sender(kind), "--connections",
               connections, "--count", count, "--json"]
    return json.loads(bench.run(command))


def measure_kind(bench, ways, kind, keys, is_relay_first):
    """{(kind's name, way, connections): its row}; the way "token" is the token's signing alone."""
    rows = {}
    for way in ways.values():
        ask(bench, way, kind, keys, 1, WARM_UP)
    for connections in PER_SECOND if kind == HMAC else (1,):
        for name in sorted(ways if connections == 1 else ("direct", "relay"), reverse=is_relay_first):
            count = max(100, int(PER_SECOND[connections] * bench.seconds))
            rows[kind.name, name, connections] = ask(bench, ways[name], kind, keys, connections, count)
    command = bench.raw_command(bench.module, label(kind), kind.mechanism, 1)
    rows[kind.name, "token", 1] = bench.ask(command, bench.env, text=bench.pin)
    return rows


def measure_round(bench, root, authority, keys, wait_for, is_relay_first):
    venue = Venue(bench, authority, keys)
    rows = {}
    with contextlib.ExitStack() as stack:
        stack.callback(venue.process.kill)
        socket_path, port, token = start(bench, root, venue, wait_for)
        for kind in KINDS:
            rows |= measure_kind(bench, ways_of(kind, venue, socket_path, port, token), kind, keys, is_relay_first)
        bench.stop()
        counts = venue.end()
    asked = sum(row["ops"] for (_, way, _), row in rows.items() if way != "token") + 3 * len(KINDS) * WARM_UP
    if (counts["orders"], counts["repeats"], counts["refused"]) != (asked, 0, 0):
        raise RuntimeError(f"{asked} orders were sent, and the exchange counts {counts}")
    shutil.rmtree(bench.folder / "relayed")
    return rows


def measure(bench, root, secret, wait_for, rounds):
    """Returns whether all targets are met."""
    authority = make_authority(bench, root)
    keys = Keys(bench, secret)
    measured = []
    for i in range(rounds):
        measured.append(measure_round(bench, root, authority, keys, wait_for, i % 2 == 1))
        bench.note(f"round {i + 1} of {rounds}")
    is_good = print_result(bench, measured)
    is_good = print_kinds(bench, measured) and is_good
    print_tokens(bench, measured)
    return is_good


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
        pairs = [tuple(one["hmac", way, connections][name] / 1000 for way in ("direct", "relay")) for one in measured]
        differences = [relay - direct for direct, relay in pairs]
        text, is_good, (low, high) = verdict(differences, most, True)
        is_all_good = is_all_good and is_good
        row = add_row(bench, name, connections, pairs, statistics.median(differences), (low, high))
        print(f"{name[:3]} at one connection, ms {row['direct']:>10.3f} {row['relay']:>10.3f} {row['ratio']:>6.2f}  "
              f"{row['difference']:+.3f} ({low:+.3f} to {high:+.3f})  {text}", file=sys.stderr)
    pairs = [tuple(one["hmac", way, 16]["ops_s"] for way in ("direct", "relay")) for one in measured]
    rates = [relay for _, relay in pairs]
    text, is_good, (low, high) = verdict(rates, RATE_LEAST, False)
    differences = [relay - direct for direct, relay in pairs]
    row = add_row(bench, "ops_s", 16, pairs, statistics.median(differences), median_interval(differences))
    print(f"orders/s over sixteen    {row['direct']:>10.0f} {row['relay']:>10.0f} {row['ratio']:>6.2f}  "
          f"{row['difference']:+.0f}; the relay's {statistics.median(rates):.0f} ({low:.0f} to {high:.0f})  {text}", file=sys.stderr,
          flush=True)
    return is_all_good and is_good


def print_kinds(bench, measured):
    """What the relay takes besides signing: the agent's, by which the targets are, and the token's own."""
    print(f"{'p50, ms':<24} {'direct':>10} {'asked':>10} {'relay':>10} {'ratio':>6}  the relay's beyond asked", file=sys.stderr)
    is_all_good = True
    for kind in KINDS:
        pairs = [tuple(one[kind.name, way, 1]["p50_us"] / 1000 for way in ("asked", "relay")) for one in measured]
        differences = [relay - asked for asked, relay in pairs]
        text, is_good, (low, high) = verdict(differences, BESIDES_SIGNING, True)
        is_all_good = is_all_good and is_good
        row = add_row(bench, "p50_us", 1, pairs, statistics.median(differences), (low, high), kind.name, "asked")
        direct = statistics.median(one[kind.name, "direct", 1]["p50_us"] / 1000 for one in measured)
        print(f"{kind.name:<24} {direct:>10.3f} {row['asked']:>10.3f} {row['relay']:>10.3f} {row['ratio']:>6.2f}  "
              f"{row['difference']:+.3f} ({low:+.3f} to {high:+.3f})  {text}", file=sys.stderr, flush=True)
    return is_all_good


def print_tokens(bench, measured):
    """What agent and relay take besides the token's signing, of which there is no target."""
    print(f"{'p50, ms':<24} {'direct':>10} {'token':>10} {'relay':>10} {'ratio':>6}  the relay's beyond both", file=sys.stderr)
    for kind in KINDS:
        parts = [tuple(one[kind.name, way, 1]["p50_us"] / 1000 for way in ("direct", "token", "relay")) for one in measured]
        differences = [relay - direct - token for direct, token, relay in parts]
        low, high = median_interval(differences)
        row = add_row(bench, "p50_us", 1, [(direct + token, relay) for direct, token, relay in parts],
                      statistics.median(differences), (low, high), kind.name, "direct and token")
        direct, token = (statistics.median(part[i] for part in parts) for i in (0, 1))
        print(f"{kind.name:<24} {direct:>10.3f} {token:>10.3f} {row['relay']:>10.3f} {row['ratio']:>6.2f}  "
              f"{row['difference']:+.3f} ({low:+.3f} to {high:+.3f})", file=sys.stderr, flush=True)


def add_row(bench, name, connections, pairs, difference, interval, key="hmac", other="direct"):
    """`pairs` are of another way and the relay's."""
    row = {"system": "relay", "key": key, "figure": name, "connections": connections, "rounds": len(pairs), "difference": difference,
           "interval": interval, "beside": other, "ratio": statistics.median(relay / one for one, relay in pairs),
           other: statistics.median(one for one, _ in pairs), "relay": statistics.median(relay for _, relay in pairs)}
    bench.rows.append(row)
    return row

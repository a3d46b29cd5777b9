"""What budgets cost: an agent whose policy has a thousand rules against one whose policy has one; for scripts/bench --budgets.

Both are of this tree and run side by side, each with a copy of one token. Of the thousand rules twenty apply to the bench's
order, and of a hundred windows five."""
import json
import os
import shutil
import statistics
import sys
import time

import against

RATE_LEAST = 0.85     # of the throughput without budgets, at 16 clients
P50_MOST_US = 40      # more than without, at one client
DECISION_MOST = 0.25  # of the raw token's HMAC
RULES, WINDOWS = 1000, 100
OWN_LIMITS = [
    "order_value: \"1 BTC\"", "order_volume: \"2 LTC\"", "price_within: \"5 %\", price_age: 24h", "leverage: \"5\"",
    "value: \"1000000000000 BTC\", per: 24h, by: account", "volume: \"1000000000000 LTC\", per: 1h, by: [key, symbol]",
    "loss: \"1000000000000 BTC\", per: 24h, by: caller", "orders: 1000000000, per: 1m, by: caller",
    "messages: 1000000000, per: 10s, by: caller, reserve_cancels: 10",
]
OWN_DENIES = ["symbols: [ETHBTC]", "sides: [SELL]", "types: [market]", "time_in_force: [FOK]", "markets: [margin]",
              "items: [withdrawal]", "items: [setting]", "assets: [BTC]", "classes: [withdraw]"]


def policy(uid, is_limited, is_safe=False):
    lines = ["version: 1", "callers:", f"  bench: {{ uid: {uid} }}", f"  feed: {{ uid: {uid}, socket: feed, role: feed }}",
             *(f"  other-{i}: {{ uid: {60000 + i} }}" for i in range(20)),
             f"people: {{ bench: {{ uid: {uid}, roles: [operator] }} }}", "prices: { sources: [bench] }",
             "accounts: { desk: { prices: median, reference_error: \"0.5 %\" } }",
             f"decisions: {{ power_cut_safe: {str(is_safe).lower()} }}", "allow:"]
    if not is_limited:
        lines.append("  - { name: all, caller: bench, key: any, classes: [read, trade, cancel], markets: any, unlimited: true }")
        return lines + ["keys:"]
    own = [f"own-{i}" for i in range(len(OWN_LIMITS))]
    lines.append(f"  - {{ name: all, caller: bench, key: any, classes: [trade], markets: [spot], limits: [{', '.join(own)}] }}")
    lines.append("  - { name: rest, caller: bench, key: any, classes: [read, cancel] }")
    others = RULES - 2 - len(own) - len(OWN_DENIES) - 1 - (WINDOWS - 5)
    lines += [f"  - {{ name: allow-{i}, caller: other-{i % 20}, key: any, classes: [read] }}" for i in range(others)]
    lines += ["deny:", *(f"  - {{ name: deny-{i}, {text} }}" for i, text in enumerate(OWN_DENIES)), "limit:",
              *(f"  - {{ name: own-{i}, {text} }}" for i, text in enumerate(OWN_LIMITS)),
              *(f"  - {{ name: window-{i}, caller: other-{i % 20}, orders: 100, per: 1h, by: caller }}" for i in range(WINDOWS - 5)),
              "require:", "  - { name: large, above: \"100 BTC\", classes: [trade], code: true }", "keys:"]
    return lines


def write(bench, name, is_limited, is_safe=False):
    folder = bench.write_configuration(name)
    text = (folder / "policy.yaml").read_text()
    keys = text[text.index("keys:\n") + len("keys:\n"):].replace("    token:", "    account: desk\n    token:")
    (folder / "policy.yaml").write_text("\n".join(policy(os.getuid(), is_limited, is_safe)) + "\n" + keys)
    return folder


def put_price(bench, socket):
    at = int(time.time() * 1000)
    body = json.dumps({"source": "bench", "prices": [{"pair": "LTC/BTC", "price": "0.1", "time_ms": at}]})
    bench.put(socket.parent / "feed.sock", "/v1/prices", body)


def start(bench, is_limited_first):
    """{side: (agent, socket)}."""
    env = bench.environment("other-token")
    shutil.rmtree(bench.folder / "other-token/tokens")
    shutil.copytree(bench.folder / "main/tokens", bench.folder / "other-token/tokens")
    sides = [("new", write(bench, "new", True), None), ("old", write(bench, "old", False), env)]
    started = {side: bench.start_agent(folder, None, own) for side, folder, own in
               (sides if is_limited_first else reversed(sides))}
    for _, sockets in started.values():
        put_price(bench, sockets[0])
    return {side: (agent, sockets[0]) for side, (agent, sockets) in started.items()}


def decision_ratio(bench, root):
    """The CPU time of a decision, and that of the raw token's HMAC."""
    folder = write(bench, "decide", True)
    found = json.loads(bench.run([bench.build / "tests/bench/decide", folder / "policy.yaml", root / "tests/profiles", "--json"]))
    raw = bench.ask(bench.raw_command(bench.module, "hmac", "hmac-sha256", 1), bench.env, None, bench.pin)
    return found, 1e6 / raw["ops_s"]


def measure_safe(bench):
    """What it costs to survive a power cut too."""
    agent, sockets = bench.start_agent(write(bench, "safe", True, True))
    put_price(bench, sockets[0])
    rows = {clients: bench.ask(bench.load_command(sockets[0], "hmac", clients, bench.seconds), bench.env, agent)
            for clients in (16, 1)}
    bench.stop()
    bench.rows.append({"system": "power_cut_safe", "ops_s": rows[16]["ops_s"], "p50_us": rows[1]["p50_us"]})
    print(f"with power_cut_safe: {rows[16]['ops_s']:.0f} ops/s at 16 clients, p50 {rows[1]['p50_us']:.0f} us at one",
          file=sys.stderr)


def measure(bench, root, rounds):
    """Returns whether all three targets are met."""
    cells = [("hmac", 16), ("hmac", 1)]
    measured = {cell: [] for cell in cells}
    decisions = []
    for i in range(rounds):
        decisions.append(decision_ratio(bench, root))
        against.measure_round(bench, start(bench, i % 2 == 0), i % 2 == 0, measured, cells)
        bench.stop()
        print(f"  round {i + 1} of {rounds}", file=sys.stderr, flush=True)
    measure_safe(bench)
    return print_result(bench, decisions, measured)


def print_result(bench, decisions, measured):
    rate = against.compare(measured["hmac", 16], "ops_s")
    latency = against.compare(measured["hmac", 1], "p50_us")
    more_us = latency["new"] - latency["old"]
    ratios = [found["decision_us"] / raw_us for found, raw_us in decisions]
    decision = statistics.median(ratios)
    found, raw_us = decisions[0]
    print(f"decision: {statistics.median(one['decision_us'] for one, _ in decisions):.2f} us with {found['entries']} entries and "
          f"{found['charges']} windows; {decision:.3f} of raw HMAC ({min(ratios):.3f}-{max(ratios):.3f}), at most {DECISION_MOST}\n"
          f"16 clients: {rate['new']:.0f} ops/s with budgets, {rate['old']:.0f} without: {rate['ratio']:.3f} "
          f"({rate['min']:.3f}-{rate['max']:.3f}), at least {RATE_LEAST}\n"
          f"1 client: p50 {latency['new']:.1f} us with budgets, {latency['old']:.1f} without: {more_us:+.1f} us, at most "
          f"{P50_MOST_US}", file=sys.stderr)
    bench.rows.append({"system": "budgets", "decision_us": found["decision_us"], "raw_us": raw_us, "decision_ratio": decision,
                       "rate": rate, "p50_us": latency})
    return decision <= DECISION_MOST and rate["ratio"] >= RATE_LEAST and more_us <= P50_MOST_US

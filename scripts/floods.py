"""What floods cost a bot that trades; for scripts/bench --floods.

The attacker is another user: a stranger, a bot with `read`, or a bot with `trade`, as each flood needs."""
import json
import os
import statistics
import struct
import subprocess

VICTIM, READER, TRADER, STRANGER = 4501, 4502, 4503, 4242
RATE_LEAST = 1 / 3  # of the victim's own
P99_MOST = 20       # times the victim's own
POLICY = """\
version: 1
callers:
  victim: {{ uid: {victim} }}
  reader: {{ uid: {reader} }}
  trader: {{ uid: {trader} }}
people:
  root: {{ uid: 0, roles: [operator] }}
allow:
  - {{ name: bots, caller: [victim, trader], key: any, classes: [read, trade, cancel], markets: any, unlimited: true }}
  - {{ name: looks, caller: reader, key: any, classes: [read] }}
keys:
  hmac:
    token: main
    object: "pkcs11:object=hmac"
    profile: binance
    scheme: hmac
    key_id: flood-key-id
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, margin-orders, portfolio-orders]
  rsa:
    token: main
    object: "pkcs11:object=rsa"
    profile: binance
    scheme: rsa
    key_id: flood-key-id
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, margin-orders, portfolio-orders]
"""
CANCEL = {"method": "DELETE", "path": "/api/v3/order", "params": {"symbol": "LTCBTC", "orderId": 1}}
ORDER = {"method": "POST", "path": "/api/v3/order",
         "params": {"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1",
                    "price": "0.1"}}
WITHDRAWAL = {"method": "POST", "path": "/sapi/v1/capital/withdraw/apply",
              "params": {"coin": "BTC", "address": "bc1qexample", "amount": "1"}}


def post(path, body):
    return (f"POST {path} HTTP/1.1\r\nHost: chancery\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def sign(document, key="hmac"):
    return post(f"/v1/keys/{key}/sign", json.dumps(document).encode())


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: chancery\r\n\r\n".encode()


def deep_json():
    return post("/v1/keys/hmac/sign", b'{"method":"GET","path":"/","params":' + b"[" * 2000 + b"]" * 2000 + b"}")


def wide_json():
    return sign({"method": "GET", "path": "/api/v3/order", "params": {f"a{i:04}": "bbb" for i in range(3000)}})


def odd_string():
    """Fits nothing: every pair has a name that no endpoint lists."""
    pairs = "&".join(f"a{i:02}=AAAAAAAA" for i in range(100))
    return sign({"string": f"1764000000123KEYID5000{pairs}"})


def slow_body():
    return post("/v1/keys/hmac/sign", b" " * 49000)[:-48000]


def lock_frame():
    """LOCK of every token, with the version of no frames."""
    return struct.pack("<IHHQII", 24, 129, 0, 0, 0, 0)


# name, attacker, connections, what each does, what it sends
FLOODS = [
    ("connect and close",           STRANGER, 1,    "close", lambda: b""),
    ("connect and close",           READER,   1,    "close", lambda: b""),
    ("held connections",            STRANGER, 1100, "hold",  lambda: b""),
    ("held connections",            READER,   1100, "hold",  lambda: b""),
    ("slow bodies",                 STRANGER, 900,  "drip",  slow_body),
    ("slow bodies",                 READER,   900,  "drip",  slow_body),
    ("deep JSON",                   READER,   16,   "ask",   deep_json),
    ("wide JSON",                   READER,   16,   "ask",   wide_json),
    ("unknown paths",               STRANGER, 64,   "ask",   lambda: get("/v2/nothing")),
    ("unknown paths",               READER,   64,   "ask",   lambda: get("/v2/nothing")),
    ("status",                      STRANGER, 64,   "ask",   lambda: get("/v1/status")),
    ("refused withdrawals",         STRANGER, 64,   "ask",   lambda: sign(WITHDRAWAL)),
    ("refused withdrawals",         READER,   64,   "ask",   lambda: sign(WITHDRAWAL)),
    ("strings that fit nothing",    READER,   8,    "ask",   odd_string),
    ("900 orders in flight (HMAC)", TRADER,   900,  "ask",   lambda: sign(ORDER)),
    ("900 orders in flight (RSA)",  TRADER,   900,  "ask",   lambda: sign(ORDER, "rsa")),
    ("orders hung up on",           TRADER,   1,    "close", lambda: sign(ORDER)),
    ("operators' socket",           STRANGER, 1,    "close", lock_frame),
]
NAMES = {STRANGER: "stranger", READER: "bot with `read`", TRADER: "bot with `trade`"}


def as_user(uid):
    return {"user": uid, "group": uid, "extra_groups": []}


def victim(bench, socket, seconds):
    """One connection that asks for cancels, as fast as it is answered."""
    command = [str(part) for part in bench.load_command(socket, "hmac", 1, seconds)]
    done = subprocess.run([*command, "--body", str(bench.folder / "cancel.json")], capture_output=True, check=False, text=True,
                          **as_user(VICTIM))
    if done.returncode != 0:
        return {"ops_s": 0, "p50_us": 0, "p99_us": 0, "failure": done.stderr.strip()}
    return json.loads(done.stdout)


def attack(bench, sockets, flood):
    _, uid, connections, then, payload = flood
    is_operators = "operators" in flood[0]
    command = [str(bench.build / "tests/bench/flood"), "--socket", str(sockets[1 if is_operators else 0]), "--clients",
               str(connections), "--then", then, *(["--seqpacket"] if is_operators else [])]
    attacker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **as_user(uid))
    attacker.stdin.write(payload())
    attacker.stdin.close()
    return attacker


def configure(bench, root):
    folder = bench.write_configuration("floods", root / "profiles")
    (folder / "policy.yaml").write_text(POLICY.format(victim=VICTIM, reader=READER, trader=TRADER))
    (bench.folder / "cancel.json").write_text(json.dumps(CANCEL))
    for path in (bench.folder, folder):
        path.chmod(0o755)
    return folder


def measure(bench, root, rounds, only):
    """Prints the table, in Markdown. Returns whether every flood leaves the victim enough."""
    if os.getuid() != 0:
        raise RuntimeError("--floods needs root, to act as several users")
    _, sockets = bench.start_agent(configure(bench, root))
    chosen = [flood for flood in FLOODS if not only or any(word in flood[0] for word in only)]
    measured = {flood[:2]: [] for flood in chosen} # for each round, the victim alone and under the flood
    victim(bench, sockets[0], 0.5)
    for _ in range(rounds):
        for flood in chosen:
            alone = victim(bench, sockets[0], bench.seconds)
            attacker = attack(bench, sockets, flood)
            victim(bench, sockets[0], 0.5)
            under = victim(bench, sockets[0], bench.seconds)
            attacker.terminate()
            measured[flood[:2]].append((alone, under))
            bench.note(f"{flood[0]}: {under}, flood {attacker.stdout.read().decode().strip()}")
            attacker.wait()
    bench.stop()
    return print_table(measured)


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def ratio(pairs, name):
    """The machine has other work, too: what counts is how the two of a round differ."""
    return statistics.median(under[name] / alone[name] for alone, under in pairs)


def print_row(name, attacker, rows, ratios=""):
    print(f"| {name} | {attacker} | {median(rows, 'ops_s'):,.0f} | {median(rows, 'p50_us') / 1e3:.2f} "
          f"| {median(rows, 'p99_us') / 1e3:.2f} |{ratios or ' | |'}")


def print_table(measured):
    print("| flood | attacker | requests/s | p50 ms | p99 ms | of its rate | times its p99 |\n|---|---|---|---|---|---|---|")
    print_row("none", "", [alone for pairs in measured.values() for alone, _ in pairs])
    is_good = True
    for (name, uid), pairs in measured.items():
        rate, p99 = ratio(pairs, "ops_s"), ratio(pairs, "p99_us")
        is_good = is_good and rate >= RATE_LEAST and p99 <= P99_MOST
        print_row(name, NAMES[uid], [under for _, under in pairs], f" {100 * rate:.0f} % | {p99:.1f} |")
    return is_good

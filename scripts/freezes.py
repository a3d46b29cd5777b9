"""From `chancery freeze --all` to the last signature, with 16 clients that ask all the while; for scripts/bench --freeze."""
import selectors
import socket
import statistics
import subprocess
import threading
import time

from floods import ORDER, sign

CLIENTS = 16
MOST_MS = 1000
BEFORE_S, AFTER_S = 0.5, 1.5
PEOPLE = "roles: [operator, admin]"


class Load(threading.Thread):
    """Each client asks again as soon as it is answered. `signed` has the times at which signatures came."""

    def __init__(self, path, key):
        super().__init__(daemon=True)
        self.request = sign(ORDER, key)
        self.is_over = False
        self.signed = []
        self.refused = 0
        self.selector = selectors.DefaultSelector()
        for _ in range(CLIENTS):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))
            self.selector.register(client, selectors.EVENT_READ)
            client.sendall(self.request)
        self.start()

    def run(self):
        while not self.is_over:
            for key, _ in self.selector.select(0.1):
                answer = key.fileobj.recv(65536)
                if not answer:
                    raise RuntimeError("the agent hung up")
                if answer.startswith(b"HTTP/1.1 200"):
                    self.signed.append(time.monotonic())
                else:
                    self.refused += 1
                key.fileobj.sendall(self.request)

    def end(self):
        self.is_over = True
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def ask(bench, sockets, *words):
    command = [str(bench.build / "chancery"), *words, "--all", "--reason", "bench", "--operator-socket", str(sockets[1])]
    subprocess.run(command, env=bench.env, check=True, stdout=subprocess.DEVNULL)


def measure_once(bench, sockets, key):
    load = Load(sockets[0], key)
    time.sleep(BEFORE_S)
    began = time.monotonic()
    ask(bench, sockets, "freeze")
    answered = time.monotonic()
    time.sleep(AFTER_S)
    load.end()
    ask(bench, sockets, "thaw")
    if not load.signed or load.refused < CLIENTS:
        raise RuntimeError(f"{len(load.signed)} were signed and {load.refused} refused, so nothing was measured")
    return {"rate": sum(at < began for at in load.signed) / BEFORE_S, "answered_ms": (answered - began) * 1e3,
            "last_ms": (load.signed[-1] - began) * 1e3}


def configure(bench):
    folder = bench.write_configuration("freezes")
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("roles: [operator]", PEOPLE))
    return folder


def measure(bench, rounds):
    """Prints the table, in Markdown. Returns whether no signature came later than MOST_MS after the command began."""
    _, sockets = bench.start_agent(configure(bench))
    print("| key | signatures/s before | answered after ms | last signature after ms | at most |\n|---|---|---|---|---|")
    is_good = True
    for key in ("hmac", "rsa"):
        rows = [measure_once(bench, sockets, key) for _ in range(rounds)]
        rate, answered, last = (statistics.median(row[name] for row in rows) for name in ("rate", "answered_ms", "last_ms"))
        most = max(row["last_ms"] for row in rows)
        is_good = is_good and most <= MOST_MS
        print(f"| {key} | {rate:,.0f} | {answered:.0f} | {last:.1f} | {most:.1f} |", flush=True)
    bench.stop()
    return is_good

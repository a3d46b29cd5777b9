"""Many requests over several connections that stay open: straight to the venue by TLS, or to another address, such as a
relay's, by plain HTTP. Tests count what came back; run as a program, it measures orders at Binance's venue:

    tests/venue/load.py --port VENUE --authority PEM --secret SECRET --key-id ID --connections 16 --count 20000 --rate 2000
    tests/venue/load.py --port RELAY --path /TOKEN/KEY ...

It prints one line of JSON: answers a second, milliseconds at p50, p99 and most, and how often each status came.
"""

import argparse
import collections
import hmac
import json
import select
import socket
import ssl
import time


class Lane:
    """One connection, with one request at a time on it."""

    def __init__(self, port, host, context=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.sock.setblocking(False)  # requests are small enough for the buffer of a socket
        self.read = b""
        self.wanted = None  # how long the answer is, once its head is here
        self.n = None
        self.sent_at = None

    def send(self, n, request):
        self.n = n
        self.read, self.wanted = b"", None
        self.sent_at = time.perf_counter()
        self.sock.sendall(request)

    def take(self):
        """Reads what is there. Returns (status, body) of a whole answer, () if it is not whole yet, None at the end."""
        try:
            data = self.sock.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return ()
        except OSError:
            data = b""
        if not data:
            return None
        self.read += data
        if self.wanted is None:
            end = self.read.find(b"\r\n\r\n")
            if end < 0:
                return ()
            head = self.read[:end].lower()
            at = head.find(b"content-length:")
            self.wanted = end + 4 + (int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0)
        if len(self.read) < self.wanted:
            return ()
        head, _, body = self.read.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body


def run(open_lane, make_request, count, connections, rate=None, on_answer=lambda _n, _status, _body: None):
    """Sends `count` requests, as fast as answers come or at `rate` a second in all, and returns (seconds, [latencies in s],
    {status: times}). An answer that did not come counts as status 0, and its connection is opened anew."""
    lanes, poll, idle = {}, select.epoll(), collections.deque()

    def add():
        lane = open_lane()
        lanes[lane.sock.fileno()] = lane
        poll.register(lane.sock.fileno(), select.EPOLLIN)
        idle.append(lane)

    for _ in range(connections):
        add()
    latencies, statuses = [], collections.Counter()
    begin = time.perf_counter()
    sent = 0
    while len(latencies) < count:
        while idle and sent < count and (rate is None or sent <= (time.perf_counter() - begin) * rate):
            idle.popleft().send(sent, make_request(sent))
            sent += 1
        due = rate and idle and sent < count
        wait = max(0.0, begin + sent / rate - time.perf_counter()) if due else 30
        for descriptor, _ in poll.poll(wait):
            lane = lanes[descriptor]
            answer = lane.take()
            if answer == ():
                continue
            if lane.n is not None:
                latencies.append(time.perf_counter() - lane.sent_at)
                status, body = answer or (0, b"")
                statuses[status] += 1
                on_answer(lane.n, status, body)
                lane.n = None
            if answer is None:
                poll.unregister(descriptor)
                lanes.pop(descriptor).sock.close()
                if lane in idle:
                    idle.remove(lane)
                add()
            else:
                idle.append(lane)
    seconds = time.perf_counter() - begin
    for lane in lanes.values():
        lane.sock.close()
    return seconds, latencies, dict(statuses)


def binance_order(host, path, key_id, secret, prefix):
    """Makes requests for an order each, with client ids that do not repeat."""

    def make(n):
        text = (f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.0001&price=30000&newClientOrderId={prefix}-{n}"
                f"&timestamp={time.time_ns() // 1000000}")  # fmt: skip
        body = f"{text}&signature={hmac.digest(secret.encode(), text.encode(), 'sha256').hex()}"
        return (
            f"POST {path}/api/v3/order HTTP/1.1\r\nHost: {host}\r\nX-MBX-APIKEY: {key_id}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return make


def summary(seconds, latencies, statuses):
    ordered = sorted(latencies)
    at = lambda part: round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000, 3)  # noqa: E731
    return {
        "per_second": round(len(ordered) / seconds), "p50_ms": at(0.5), "p99_ms": at(0.99), "most_ms": at(1), "statuses": statuses,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", help="for TLS; without it, plain HTTP")
    parser.add_argument("--path", default="", help="what stands before the exchange's path")
    parser.add_argument("--key-id", default="id")
    parser.add_argument("--secret", default="s" * 64)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--rate", type=float, help="a second in all; as fast as it goes if it is not given")
    chosen = parser.parse_args()
    host = "api.binance.com" if chosen.authority else f"127.0.0.1:{chosen.port}"
    context = ssl.create_default_context(cafile=chosen.authority) if chosen.authority else None
    make = binance_order(host, chosen.path, chosen.key_id, chosen.secret, f"l{time.time_ns()}")
    done = run(lambda: Lane(chosen.port, host, context), make, chosen.count, chosen.connections, chosen.rate)
    print(json.dumps(summary(*done)))


if __name__ == "__main__":
    main()

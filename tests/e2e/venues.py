"""Stand-ins for exchanges whose tickers the feed reads, and for the agent that it reports to."""

import contextlib
import http.server
import json
import pathlib
import socket
import socketserver
import tempfile
import threading
import time

NOW_MS = 1_764_000_000_000


# ---- what exchanges answer ----


def binance(bid="29880.10", ask="29880.30", symbol="BTCUSDT"):
    return {"symbol": symbol, "bidPrice": bid, "bidQty": "1.5", "askPrice": ask, "askQty": "2"}


def kraken(bid="29880.10", ask="29880.30", name="XBTUSDT"):
    return {"error": [], "result": {name: {"a": [ask, "1", "1.000"], "b": [bid, "2", "2.000"], "c": ["29880", "0.1"]}}}


def coinbase(bid="29880.10", ask="29880.30", moment="2025-11-24T16:00:00Z"):
    return {"bids": [[bid, "1.5", 3]], "asks": [[ask, "2", 1]], "sequence": 7, "auction_mode": False, "time": moment}


def okx(bid="29880.10", ask="29880.30", name="BTC-USDT", ts=str(NOW_MS)):
    return {"code": "0", "msg": "", "data": [{"instId": name, "last": "1", "bidPx": bid, "askPx": ask, "ts": ts}]}


def bybit(bid="29880.10", ask="29880.30", name="BTCUSDT", moment=NOW_MS):
    ticker = {"symbol": name, "bid1Price": bid, "ask1Price": ask, "lastPrice": "1"}
    return {"retCode": 0, "result": {"category": "spot", "list": [ticker]}, "time": moment}


ANSWERS = {"binance": binance, "kraken": kraken, "coinbase": coinbase, "okx": okx, "bybit": bybit}
PATHS = {
    "binance": "/api/v3/ticker/bookTicker?symbol=BTCUSDT",
    "kraken": "/0/public/Ticker?pair=XBTUSDT",
    "coinbase": "/products/BTC-USDT/book?level=1",
    "okx": "/api/v5/market/ticker?instId=BTC-USDT",
    "bybit": "/v5/market/tickers?category=spot&symbol=BTCUSDT",
}


def text_of(answer):
    return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


# ---- exchanges ----


class Exchange:
    """Serves scripted answers: by path, bytes or a function that is given the socket. What has no script gets 404."""

    def __init__(self, test, script, tls=None):
        self.script = script
        self.tls = tls
        self.paths = []
        self.visitors = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        test.addCleanup(self.close)

    def close(self):
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def accept(self):
        while True:
            try:
                visitor, _ = self.server.accept()
            except OSError:
                return
            self.visitors += 1
            threading.Thread(target=self.serve, args=(visitor,), daemon=True).start()

    def serve(self, visitor):
        with contextlib.suppress(OSError):
            if self.tls:
                visitor = self.tls.wrap_socket(visitor, server_side=True)
            with visitor:
                while True:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        data = visitor.recv(1)
                        if not data:
                            return
                        head += data
                    path = head.split()[1].decode()
                    self.paths.append(path)
                    answer = self.script.get(path, reply(b"{}", 404))
                    if callable(answer):
                        return answer(visitor)
                    visitor.sendall(answer)


def reply(body, status=200, *headers):
    body = text_of(body)
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drip(text, pause_s=0.05):
    """Byte by byte."""
    def send(visitor):
        for byte in text:
            visitor.sendall(bytes([byte]))
            time.sleep(pause_s)
    return send


def silence(visitor):
    time.sleep(30)


def flood(visitor):
    visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n")
    while True:
        visitor.sendall(b" " * 65536)


def endless_head(visitor):
    visitor.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        visitor.sendall(b"X: y\r\n" * 1000)


# ---- the agent ----


class AgentServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 16


class Agent:
    """Takes reports, and remembers them."""

    def __init__(self, test):
        self.reports = []
        self.answer = lambda report: (200, {"taken": len(report["prices"]), "older": 0, "held": []}, {})
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, document, headers = agent.answer(report)
                if status == 200:
                    agent.reports.append((self.path, self.headers["Content-Type"], report))
                body = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def address_string(self):
                return ""

        home = pathlib.Path(tempfile.mkdtemp(prefix="ch-", dir="/tmp"))
        self.path = home / "agent.sock"
        self.server = AgentServer(str(self.path), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        test.addCleanup(self.close)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.path.unlink()
        self.path.parent.rmdir()

    def prices(self):
        return [(report["source"], row["pair"], row["price"]) for _, _, report in self.reports for row in report["prices"]]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True

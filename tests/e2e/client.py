"""A client of the agent's HTTP socket: one connection, kept open from request to request."""

import http.client
import json
import socket
import time


class UnixHTTPConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s=10.0):
        super().__init__("localhost", timeout=timeout_s)
        self.path = str(path)

    def connect(self):
        """A full backlog is waited for, as a client without a time limit would."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        end = time.monotonic() + (self.timeout or 0)
        while True:
            try:
                self.sock.connect(self.path)
                return
            except BlockingIOError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)


class Answer:
    """One HTTP answer, read whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.json = json.loads(self.body) if "json" in self.headers.get("content-type", "") else None

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """One keep-alive connection of a bot."""

    def __init__(self, path, timeout_s=10.0):
        self.connection = UnixHTTPConnection(path, timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def request(self, method, path, body=None, headers=None):
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
        except (BrokenPipeError, ConnectionResetError):
            pass  # the agent has refused already, and its answer can still be read
        return Answer(self.connection.getresponse())

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, document):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json"})

    def sign(self, key, document):
        return self.post(f"/v1/keys/{key}/sign", document)


def request_bytes(key, document):
    """A request to sign, as a bot sends it."""
    body = json.dumps(document).encode()
    return (f"POST /v1/keys/{key}/sign HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body

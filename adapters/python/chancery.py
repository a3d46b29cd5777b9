"""Asks the agent to sign requests to exchanges: HTTP/1.1 and JSON over its Unix socket, see docs/protocol.md.

    binance = chancery.Client("binance-main")
    request = binance.sign("DELETE", "/api/v3/order", {"symbol": "LTCBTC", "orderId": 1})

Send the result unchanged, with any HTTP library. Needs only the standard library. Use one client per thread.
"""

import base64
import decimal
import http.client
import json
import os
import socket
import typing
import urllib.parse


class Request(typing.NamedTuple):
    """A finished request, to be sent unchanged."""

    method: str
    url: str
    headers: dict
    body: str | None


class ChanceryError(Exception):
    """The agent did not sign. `problem` is its problem document (RFC 9457), the text is that document's detail."""

    def __init__(self, status, problem):
        super().__init__(problem.get("detail") or problem.get("title") or f"status {status}")
        self.status = status
        self.problem = problem
        self.rule = problem.get("rule")


class Refused(ChanceryError):
    """403: the request is well-formed, and policy says no."""


class Locked(ChanceryError):
    """423: the token must be unlocked first."""


class Unavailable(ChanceryError):
    """429 or 503, or no agent answers: try again later. `retry_after_s` is the agent's advice, or None."""

    retry_after_s = None


KINDS = {403: Refused, 423: Locked, 429: Unavailable, 503: Unavailable}


def default_socket():
    if "CHANCERY_SOCK" in os.environ:
        return os.environ["CHANCERY_SOCK"]
    return os.environ.get("XDG_RUNTIME_DIR", "/run") + "/chancery/agent.sock"


class Client:
    """One key of the agent, over one connection that stays open."""

    def __init__(self, key, socket_path=None, timeout_s=30.0):
        self.key = key
        self._connection = _Connection(socket_path or default_socket(), timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._connection.close()

    def sign(self, method, path, params=None, host=None):
        """Returns the finished request. `params` is a dict in the order in which they are sent, or a list if that is the
        whole body. A value of None marks where a field goes that the agent fills in."""
        question = {"method": method, "path": path, "params": {} if params is None else params}
        if host is not None:
            question["host"] = host
        finished = self._ask(question)
        return Request(finished["method"], finished["url"], finished["headers"], finished.get("body"))

    def sign_string(self, string, **about):
        """Returns the signature of another library's string to sign. `about`: method, path and host, if known."""
        return self._ask({"string": string, **about})["signature"]

    def sign_raw(self, payload):
        """Returns the signature of any bytes, if the key's policy says `raw: true`."""
        return self._ask({"raw": base64.b64encode(payload).decode()})["signature"]

    def _ask(self, question):
        body = json.dumps(_plain(question)).encode()
        try:
            answer = self._connection.post(f"/v1/keys/{urllib.parse.quote(self.key, safe='')}/sign", body)
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unavailable(503, {"detail": f"no agent answers at {self._connection.path}: {error}"}) from error
        try:
            document = json.loads(text)
        except ValueError:
            document = {"detail": "the agent's answer is not JSON"}
        if status == 200:
            return document
        failure = KINDS.get(status, ChanceryError)(status, document)
        if isinstance(failure, Unavailable):
            advice = answer.getheader("Retry-After", "")
            failure.retry_after_s = int(advice) if advice.isdecimal() else None
        raise failure


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s):
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def post(self, target, body):
        is_kept = self.sock is not None
        try:
            self.request("POST", target, body, {"Content-Type": "application/json"})
            return self.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # The agent may have closed a kept connection in the meantime. Try once more; asking twice is harmless.
            self.close()
            if not is_kept:
                raise
        self.request("POST", target, body, {"Content-Type": "application/json"})
        return self.getresponse()


def _plain(value):
    """Converts reals to decimal text: binary floating point has no place in an order, so the agent takes none."""
    if isinstance(value, float):
        value = decimal.Decimal(repr(value))
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a decimal number")
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value

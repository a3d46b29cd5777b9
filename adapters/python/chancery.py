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
import pwd
import socket
import stat
import struct
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


class Waiting(ChanceryError):
    """202: people must agree first. `id` is the request's number, for Client.fetch."""

    def __init__(self, status, asked):
        super().__init__(status, {"detail": f"request {asked.get('id')} is {asked.get('state')}: people must agree first"} | asked)
        self.id = asked.get("id")


KINDS = {202: Waiting, 403: Refused, 423: Locked, 429: Unavailable, 503: Unavailable}


def default_socket():
    if "CHANCERY_SOCK" in os.environ:
        return os.environ["CHANCERY_SOCK"]
    return os.environ.get("XDG_RUNTIME_DIR", "/run") + "/chancery/agent.sock"


class Client:
    """One key of the agent, over one connection that stays open.

    Nothing is sent unless root, the bot's own user or the agent's user listens on the socket, and nobody else can change
    the way to it. `agent_user` names the agent's user (default: $CHANCERY_AGENT_USER, else "chancery", if there is one)."""

    def __init__(self, key, socket_path=None, timeout_s=30.0, agent_user=None):
        self.key = key
        self._connection = _Connection(socket_path or default_socket(), timeout_s, agent_user)

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
        return _finished(self._ask(question))

    def fetch(self, id_):
        """Returns the finished request that people have approved; again, the same bytes while they are valid."""
        return _finished(self._connection.ask("POST", f"/v1/requests/{int(id_)}/sign", {}))

    def sign_string(self, string, **about):
        """Returns the signature of another library's string to sign. `about`: method, path and host, if known; and the
        key_id that the library sends, if the key may have several versions."""
        return self._ask({"string": string, **about})["signature"]

    def sign_raw(self, payload):
        """Returns the signature of any bytes, if the key's policy says `raw: true`."""
        return self._ask({"raw": base64.b64encode(payload).decode()})["signature"]

    def _ask(self, question):
        return self._connection.ask("POST", f"/v1/keys/{urllib.parse.quote(self.key, safe='')}/sign", question)


def _finished(answer):
    return Request(answer["method"], answer["url"], answer["headers"], answer.get("body"))


class Feed:
    """Reports reference prices, for callers to whom policy gives the role `feed`. Sends nothing to a stranger, as Client."""

    def __init__(self, socket_path=None, timeout_s=30.0, agent_user=None):
        self._connection = _Connection(socket_path or default_socket(), timeout_s, agent_user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._connection.close()

    def put_prices(self, source, prices):
        """`prices` is a list of pair ("BTC/USDT"), price (text or Decimal) and time in milliseconds since 1970. Returns what
        came of it: a dict of `taken`, `older` and `held`."""
        rows = [{"pair": pair, "price": price, "time_ms": time_ms} for pair, price, time_ms in prices]
        return self._connection.ask("PUT", "/v1/prices", {"source": source, "prices": rows})


def _trusted_users(agent_user):
    """The uids that may be the agent's."""
    named = agent_user or os.environ.get("CHANCERY_AGENT_USER")
    try:
        agent = int(named) if named and named.isdecimal() else pwd.getpwnam(named or "chancery").pw_uid
    except KeyError:
        if named:
            raise ChanceryError(404, {"detail": f"the agent's user: there is no user '{named}'"}) from None
        return {0, os.geteuid()}
    return {0, os.geteuid(), agent}


def _not_trusted(path, why):
    return Refused(403, {"detail": f"{path} {why}, so nothing was sent"})


def _check_owner(path, facts, users):
    if facts.st_uid not in users:
        raise _not_trusted(path, f"belongs to user {facts.st_uid}, who is not root, not this user and not the agent's (if the "
                                 "agent runs as that user, set CHANCERY_AGENT_USER)")


def _check_way(path, users):
    """Looks at the socket, every folder on the way to it, and every link: others must not be able to change them."""
    left = os.path.join(os.getcwd(), path).split("/")[::-1]
    at = "/"
    links = 0
    while left:
        facts = os.lstat(at)
        _check_owner(at, facts, users)
        if not stat.S_ISDIR(facts.st_mode):
            raise _not_trusted(at, "is not a folder")
        is_sticky = facts.st_uid == 0 and facts.st_mode & stat.S_ISVTX
        if facts.st_mode & 0o022 and not is_sticky:
            raise _not_trusted(at, f"can be written to by others (mode {stat.S_IMODE(facts.st_mode):04o})")
        name = left.pop()
        if name in ("", ".", ".."):
            at = os.path.dirname(at) if name == ".." else at
            continue
        entry = os.path.join(at, name)
        facts = os.lstat(entry)
        _check_owner(entry, facts, users)
        if stat.S_ISLNK(facts.st_mode):
            target = os.readlink(entry)
            links += 1
            if links > 40:
                raise _not_trusted(path, "is a link that leads nowhere")
            left += target.split("/")[::-1]
            at = "/" if target.startswith("/") else at
        else:
            at = entry
    if not stat.S_ISSOCK(os.lstat(at).st_mode):
        raise _not_trusted(at, "is not a socket")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s, agent_user):
        super().__init__("localhost", timeout=timeout_s)
        self.path = path
        self.agent_user = agent_user

    def connect(self):
        users = _trusted_users(self.agent_user)
        _check_way(self.path, users)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
        _, uid, _ = struct.unpack("iII", self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in users:
            self.close()
            raise _not_trusted(self.path, f"is listened on by user {uid}, who is not root, not this user and not the agent's")

    def ask(self, method, target, question):
        """Returns the agent's answer, or raises its refusal."""
        body = json.dumps(_plain(question)).encode()
        try:
            answer = self.exchange(method, target, body)
            status, text = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unavailable(503, {"detail": f"no agent answers at {self.path}: {error}"}) from error
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

    def exchange(self, method, target, body):
        is_kept = self.sock is not None
        try:
            self.request(method, target, body, {"Content-Type": "application/json"})
            return self.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # The agent may have closed a kept connection in the meantime. Try once more; asking twice is harmless.
            self.close()
            if not is_kept:
                raise
        self.request(method, target, body, {"Content-Type": "application/json"})
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

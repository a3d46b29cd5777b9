"""HTTP/1.1 as the venue reads and writes it: strict, so that what a client sends wrong is seen."""

import json
import re

HEADER = re.compile(r"([^\s:]+):[ \t]*([^\r\n]*?)[ \t]*\Z")
MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
    307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 418: "I'm a teapot", 421: "Misdirected Request",
    422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
# What exchanges and their content networks send along. A relay must not pass on the last five.
ALWAYS = (
    "Server: venue",
    "Cache-Control: no-store",
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Methods: GET, POST, PUT, DELETE",
    "Set-Cookie: __cf=venue; Path=/; Secure; HttpOnly",
    "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    'Alt-Svc: h3=":443"; ma=86400',
)
_HEAD_END = "\r\n".join(("", *ALWAYS, "", ""))


class BadHttp(Exception):
    pass


class Request:
    """`headers` are in lower case; `target` is as it was sent, and `path` and `query` are its two parts."""

    __slots__ = ("raw", "method", "target", "path", "query", "headers", "body", "host", "connection", "nth", "faults")


def parse(buffer, start_continue):
    """Takes one request off the front of `buffer`, or returns None if it is not there yet. Calls `start_continue` if the
    client waits for leave to send the body."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise BadHttp("the head is too long")
        return None
    lines = buffer[:end].decode("latin-1").split("\r\n")
    request = Request()
    request.faults = []
    request.headers = headers = read_headers(lines, request.faults)
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] != "HTTP/1.1":
        raise BadHttp(f"the request line is {lines[0]!r}")
    request.method, request.target, _ = parts
    if not request.target.startswith("/"):
        raise BadHttp(f"the target is {request.target!r}")
    request.path, _, request.query = request.target.partition("?")
    request.host = headers.get("host", "").lower()
    begin = end + 4
    if "transfer-encoding" in headers:
        got = read_chunks(buffer, begin)
    else:
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise BadHttp(f"the length is {length!r}")
        stop = begin + int(length)
        got = (bytes(buffer[begin:stop]), stop) if len(buffer) >= stop else None
    if got is None:
        if headers.get("expect", "").lower() == "100-continue":
            start_continue()
        return None
    body, stop = got
    request.body = body.decode("utf-8", "replace")
    request.raw = bytes(buffer[:stop])
    del buffer[:stop]
    return request


def read_headers(lines, faults):
    headers = {}
    for line in lines[1:]:
        read = HEADER.match(line)
        if not read:
            raise BadHttp(f"the header line is {line!r}")
        name, value = read.groups()
        name = name.lower()
        if name in headers:
            faults.append(f"header {name} twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    if "content-length" in headers and "transfer-encoding" in headers:
        raise BadHttp("a length beside chunks")
    return headers


def read_chunks(buffer, at):
    parts = []
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[at:line_end]).split(b";")[0], 16)
        except ValueError:
            raise BadHttp("a chunk's size is no number") from None
        at = line_end + 2
        if len(buffer) < at + size + 2:
            return None
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2
        if size == 0:
            return b"".join(parts), at


def head(status, *lines):
    """The head of an answer, with the headers that all answers have."""
    text = "".join(f"\r\n{line}" for line in lines)
    return f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}{text}{_HEAD_END}".encode()


class Answer:
    """`value` becomes JSON, unless it is bytes already."""

    __slots__ = ("status", "body", "headers")

    def __init__(self, value, status=200, headers=()):
        self.status = status
        self.body = value if isinstance(value, bytes) else dumped(value)
        self.headers = headers

    def __bytes__(self):
        return (
            head(
                self.status, "Content-Type: application/json", f"Content-Length: {len(self.body)}", *self.headers
            )
            + self.body
        )


def _make_encoder():
    """Made once: json.dumps() makes one for each call, which takes longer than it works."""
    make = json.encoder.c_make_encoder
    if make is None:
        return json.JSONEncoder(separators=(",", ":"), default=str).iterencode
    encode = make(None, str, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    return lambda value: encode(value, 0)


_encode = _make_encoder()


def dumped(value):
    return "".join(_encode(value)).encode()

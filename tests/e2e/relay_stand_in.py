"""Plays chancery-relay and the exchange behind it: a small HTTP server on loopback or a Unix socket, which answers what a
test tells it to, and notes what it was asked. For tests of clients of the relay, which need no agent and no exchange."""

import email.utils
import http.server
import json
import socketserver
import ssl
import threading
import time


class Answer:
    """Of the exchange; with `problem`, of relay or agent, who did not ask it."""

    def __init__(self, body, status=200, problem=None, date=None, headers=()):
        self.body, self.status, self.problem, self.date, self.headers = body, status, problem, date, headers


def refusal(name, detail, status=403):
    """What the agent refuses: the exchange's form of an error, and its own in a header."""
    problem = {"type": f"urn:chancery:problem:{name}", "title": "No", "status": status, "detail": detail}
    return Answer({"code": -1002, "msg": detail}, 400, problem)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "peer"

    def answer(self):
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size).decode()
        place = self.path
        if self.server.token is not None:
            _, token, place = self.path.split("/", 2)
            place = "/" + place
            if token != self.server.token:
                return self.send(refusal("not-found", "the path does not begin with this port's token", 404))
        self.server.asked.append((self.command, place, dict(self.headers), body))
        key, _, target = place[1:].partition("/")
        call = f"{self.command} /{target}"
        found = self.server.answers.get(call.partition("?")[0])
        if callable(found):
            found = found()
        self.send(found or refusal("not-found", "the profile does not list this call", 404))

    do_GET = do_POST = answer

    def send(self, answer):
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        data = text.encode()
        self.send_response_only(answer.status)
        if answer.date is not False:
            self.send_header("Date", email.utils.formatdate(answer.date or time.time(), usegmt=True))
        if answer.problem is not None:
            self.send_header("Chancery-Problem", json.dumps(answer.problem))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("peer", 0)


class Relay:
    """`answers`: {"GET /path": Answer, or a function that makes one}; what is not there is not listed."""

    def __init__(self, answers, token=None, path=None, certificate=None):
        if path is not None:
            self.server = OnSocket(path, Handler)
        else:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.token, self.server.answers, self.server.asked = token, answers, []
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"unix:{path}" if path else f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def asked(self):
        return self.server.asked

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

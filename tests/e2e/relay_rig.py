"""A real chancery-relay between bots and an exchange that a test scripts: HTTPS with an authority of its own, on loopback.

The agent is a stand-in here, which speaks frames as docs/protocol.md has them for relays, and signs nothing: what these tests
are about is what the relay does with the agent's answers, with bots' bytes and with the exchange's. The real agent is behind
the relay in the tests of the whole way.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import frames
from builds import is_sanitized
from ports import free_port

os.umask(0o022)

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = "exchange.test"
SHAPES = {
    "tag": f"{1:016x}",
    "not-sent": {"status": 503, "headers": {"Content-Type": "application/json"}, "body": '{"code":-1,"msg":"not sent"}'},
    "unknown": {"status": 504, "headers": {"Content-Type": "application/json"}, "body": '{"code":-2,"msg":"unknown"}'},
}


def build_folder():
    if "CHANCERY_BUILD" in os.environ:
        return pathlib.Path(os.environ["CHANCERY_BUILD"]).resolve()
    gcc = ROOT / "build" / "gcc"
    return gcc if (gcc / "chancery-relay").exists() else ROOT / "build"


RELAY = build_folder() / "chancery-relay"
# What a relay may grow by while it streams; the sanitizers keep freed memory for a while.
GROWTH_KIB = 65536 if is_sanitized(RELAY) else 4096


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def wait_until(holds, what, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds} s there was not: {what}")
        time.sleep(0.01)


def make_authority(folder, hosts=(HOST, "second.test")):
    """ca.pem, and server.pem with its key for the hosts; stranger.pem is of another authority."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    names = ",".join(f"DNS:{host}" for host in hosts)
    for authority, leaf in (("ca", "server"), ("other", "stranger")):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.pem")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={leaf}",
                "-addext", f"subjectAltName={names}", "-keyout", f"{leaf}.key", "-out", f"{leaf}.csr")
        openssl("x509", "-req", "-in", f"{leaf}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-days", "2",
                "-copy_extensions", "copy", "-out", f"{leaf}.pem")


class Arrival:
    """A request as the exchange got it."""

    def __init__(self, connection, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.connection = connection
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
        self.path = self.target.partition("?")[0]
        self.body = body


def read_request(stream, connection):
    """None at the end of the stream."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            return None
        head += byte
    found = re.search(rb"(?im)^content-length: (\d+)", head)
    left = int(found[1]) if found else 0
    body = b""
    while len(body) < left:
        part = stream.recv(left - len(body))
        if not part:
            return None
        body += part
    return Arrival(connection, head[:-4], body)


def answer(body=b'{"ok":true}', status="200 OK", *lines):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Served:
    """Connections served by a thread each, until the server is closed."""

    def __init__(self, listener):
        self.listener = listener
        self.connections = []
        self.is_open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.is_open:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(one)
            threading.Thread(target=self.serve_safely, args=(one, len(self.connections)), daemon=True).start()

    def serve_safely(self, one, number):
        with contextlib.suppress(OSError, ssl.SSLError):
            self.serve(one, number)
        with contextlib.suppress(OSError):
            one.close()

    def close(self):
        self.is_open = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def drop(self):
        """Ends all connections, also those that a thread reads from."""
        for one in list(self.connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Exchange(Served):
    """`plays` has a function for a path: it is called with the stream and the arrival, and returns what is to be sent, or
    None if it has done that itself; the connection ends after False."""

    def __init__(self, folder, certificate="server"):
        self.arrivals = []
        self.plays = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        super().__init__(listener)

    def serve(self, one, number):
        stream = self.context.wrap_socket(one, server_side=True)
        self.connections.append(stream)
        with stream:
            while arrival := read_request(stream, number):
                self.arrivals.append(arrival)
                said = self.plays.get(arrival.path, lambda *_: answer())(stream, arrival)
                if said is False:
                    return
                if said is not None:
                    stream.sendall(said)

    def of(self, path):
        return [arrival for arrival in self.arrivals if arrival.path == path]


STATUSES = frames.statuses()


def question_of(fields):
    """What a SIGN frame asks, as a document."""
    wire = {name: fields[name].decode() for name in ("method", "url", "origin", "body") if fields[name] or name == "body"}
    wire["headers"] = {one["name"].decode(): one["value"].decode() for one in fields["headers"]}
    told = {"id": fields["relay_id"].decode(), "for": fields["relay_for"].decode()}
    if fields["errors_tag"]:
        told["errors"] = f"{fields['errors_tag']:016x}"
    return {"wire": wire, "relay": told}


def shape_record(shape):
    return {"status": shape["status"], "lines": "".join(f"{name}: {value}\r\n" for name, value in shape["headers"].items()),
            "body": shape["body"]}


def status_number(status, problem):
    """By the name in the problem's type; else the first one that has this HTTP status."""
    name = problem.get("type", "").rpartition(":")[2]
    numbers = [i for i, one in enumerate(STATUSES) if one["name"] == name] + \
              [i for i, one in enumerate(STATUSES) if one["http"] == status]
    return numbers[0]


def answer_frame(number, status, document):
    """The frame that says what the document does: of a signature (200), of a request that people must approve (202), or a
    problem."""
    told = document.get("relay", {})
    shapes = [shape_record(document["exchange_error"])] if "exchange_error" in document else []
    if status == 202:
        return frames.encode("REQUEST_IS", number, request=document.get("id", 1), state=document.get("state", "waiting"),
                             key=document.get("key", "key-1"), approvals=1, exchange_error=shapes)
    if status != 200:
        return frames.encode("FAILED", number, why=(status_number(status, document), document.get("rule", ""),
                                                      document.get("detail", "no")),
                             relay_id=document.get("relay_id", ""), exchange_error=shapes)
    errors = told.get("errors", {})
    return frames.encode("SIGNED", number, reservation=int(document.get("reservation", 0)), method=document["method"],
                         url=document["url"], body=document["body"], key=document.get("key", "key-1"),
                         headers=[{"name": name, "value": value} for name, value in document["headers"].items()],
                         is_public=document.get("public", False), has_effects=told.get("effects", False),
                         is_serial=told.get("serial", False), errors_tag=int(errors.get("tag", "0"), 16),
                         errors=[shape_record(errors[name]) for name in ("not-sent", "unknown") if name in errors])


class StandIn(Served):
    """`judge` makes (status, document) of a question and its key, in a thread of its own; by default all is signed, and only GET
    has no effects. It may return something else that `say` takes; a question's "number" is its frame's id."""

    def __init__(self, path):
        self.asked = []
        self.headers = []
        self.outcomes = []
        self.strange = []  # what no relay should send
        self.links = 0
        self.serial = False
        self.judge = self.sign
        self.take_outcomes = self.answer_outcomes
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        super().__init__(listener)

    def sign(self, question, key, **changes):
        wire = question["wire"]
        url = wire["url"] if wire["url"].startswith("https:") else f"https://{HOST}{wire['url']}"
        return 200, {"method": wire["method"], "url": url, "headers": {"X-Signed": "yes"}, "body": wire["body"],
                     "reservation": "1",
                     "relay": {"effects": wire["method"] != "GET", "serial": self.serial, "errors": SHAPES}, **changes}

    def public(self, question, key):
        status, document = self.sign(question, key)
        del document["relay"], document["reservation"]
        return status, document | {"public": True, "headers": {}}

    def answer_outcomes(self, number, ends):
        return frames.encode("OUTCOMES_TAKEN", number)

    def serve(self, one, number):
        """Ends with the connection, whose frames must be those of a relay."""
        one_at_a_time = threading.Lock()
        is_started = False
        left = b""
        self.links += 1
        while part := one.recv(65536):
            try:
                found, left = frames.decode(left + part)
            except ValueError as error:
                self.strange.append(str(error))
                return
            for name, id_, fields in found:
                if (name == "RELAY_START") == is_started:
                    self.strange.append((name, id_, fields))
                    return
                is_started = True
                self.take(one, one_at_a_time, name, id_, fields)

    def take(self, one, lock, name, id_, fields):
        if name == "RELAY_START" and (id_, fields["version"]) == (0, frames.version()):
            return
        if name == "OUTCOMES" and id_ != 0 and fields["ends"]:
            ends = [(end["relay_id"].decode(),
                     {"outcome": "answered", "status": end["status"], "body": end["body"].decode()} if end["is_sent"]
                     else {"outcome": "not-sent"}) for end in fields["ends"]]
            self.outcomes += ends
            self.say(one, lock, self.take_outcomes(id_, ends))
        elif name == "SIGN" and id_ != 0:
            question = question_of(fields) | {"number": id_}
            self.headers.append({"idempotency-key": fields["repeat_key"].decode()} if fields["repeat_key"] else {})
            self.asked.append(question)
            threading.Thread(target=self.answer, args=(one, lock, question, fields["key"].decode()), daemon=True).start()
        else:
            self.strange.append((name, id_, fields))

    def answer(self, one, lock, question, key):
        said = self.judge(question, key)
        self.say(one, lock, answer_frame(question["number"], *said) if isinstance(said, tuple) else said)

    def say(self, one, lock, said):
        """Bytes are sent as they are, False ends the connection, None says nothing, a function is called with the socket; of a list
        each, in order."""
        with contextlib.suppress(OSError):
            if isinstance(said, list):
                for part in said:
                    self.say(one, lock, part)
            elif said is False:
                one.shutdown(socket.SHUT_RDWR)
            elif callable(said):
                said(one)
            elif said is not None:
                with lock:
                    one.sendall(said)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        return json.loads(self.headers["Chancery-Problem"])


class RelayTest(unittest.TestCase):
    """Each class has a relay with a TCP listener of caller `bot`, one of `other`, and a Unix socket of `bot`."""

    times = {}
    extra = ""
    certificate = "server"

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="chancery-relay-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        make_authority(cls.folder)
        cls.token = secrets.token_hex(32)
        cls.other_token = secrets.token_hex(32)
        for name, token in (("token", cls.token), ("other_token", cls.other_token)):
            (cls.folder / name).write_text(token + "\n")
            (cls.folder / name).chmod(0o600)
        cls.agent = StandIn(cls.folder / "agent.sock")
        cls.addClassCleanup(cls.agent.close)
        cls.exchange = Exchange(cls.folder, cls.certificate)
        cls.addClassCleanup(cls.exchange.close)
        cls.port, cls.other_port = free_port(), free_port()
        (cls.folder / "relay.yaml").write_text(cls.config())
        cls.start()

    @classmethod
    def config(cls):
        times = "".join(f"\n  {name}: {value}" for name, value in cls.times.items())
        return (f"agent: agent.sock\nca: ca.pem\nlisteners:\n"
                f"- {{caller: bot, port: {cls.port}, token: token}}\n"
                f"- {{caller: other, port: {cls.other_port}, token: other_token}}\n"
                f"- {{caller: bot, socket: bot.sock, mode: '0600'}}\n"
                f"routes:\n  {HOST}: '127.0.0.1:{cls.exchange.port}'\n  second.test: '127.0.0.1:{cls.exchange.port}'\n"
                + (f"times:{times}\n" if times else "") + cls.extra)

    @classmethod
    def start(cls):
        cls.log_path = cls.folder / "relay.log"
        with open(cls.log_path, "wb") as log:
            cls.relay = subprocess.Popen([RELAY, "--config", cls.folder / "relay.yaml", "--debug"], stderr=log,
                                         env={"PATH": os.environ["PATH"], "https_proxy": "http://127.0.0.1:9",
                                              "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"})
        cls.addClassCleanup(cls.end)
        wait_until(lambda: "ready:" in cls.log() or cls.relay.poll() is not None, "a relay that is ready")
        if cls.relay.poll() is not None:
            raise AssertionError(f"the relay ended: {cls.log()}")

    @classmethod
    def end(cls):
        if cls.relay.poll() is None:
            cls.relay.terminate()
            try:
                cls.relay.wait(40)
            except subprocess.TimeoutExpired:
                cls.relay.kill()
                cls.relay.wait()

    @classmethod
    def log(cls):
        return cls.log_path.read_text(errors="replace")

    def setUp(self):
        self.logged = len(self.log())
        self.exchange.plays.clear()
        self.exchange.arrivals.clear()
        self.agent.asked.clear()
        self.agent.headers.clear()
        self.agent.outcomes.clear()
        self.agent.judge = self.agent.sign
        self.agent.take_outcomes = self.agent.answer_outcomes
        self.agent.serial = False
        self.addCleanup(self.look_at_relay)

    def look_at_relay(self):
        self.assertIsNone(self.relay.poll(), self.log())
        self.assertNotIn(self.token, self.log())
        self.assertEqual(self.agent.strange, [])

    def await_state(self, state, count):
        """Until so many requests of this test have come to that state, as the relay's debug log names it."""
        wait_until(lambda: self.log()[self.logged:].count(f": {state}\n") >= count, f"{count} requests that are {state}")

    # ---- as a bot ----

    def call(self, method, path, body=None, headers=None, port=None, token=None, key="key-1", timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, f"/{token or self.token}/{key}{path}", body, headers or {})
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, data):
        """What the relay answers to these bytes, until it closes the connection."""
        with self.connect() as stream:
            stream.sendall(data)
            said = b""
            while part := stream.recv(65536):
                said += part
            return said

    def head(self, line=None, *headers):
        line = line or f"GET /{self.token}/key-1/api HTTP/1.1"
        return "\r\n".join([line, f"Host: 127.0.0.1:{self.port}", *headers]).encode() + b"\r\n\r\n"

    def status_of(self, data):
        said = self.raw(data)
        self.assertTrue(said.startswith(b"HTTP/1.1 "), said)
        return int(said.split(b" ")[1])

    def told(self):
        """What the agent was told of what this test asked."""
        asked = {question["relay"]["id"] for question in self.agent.asked}
        return [outcome for outcome in self.agent.outcomes if outcome[0] in asked]

    def outcome(self):
        wait_until(self.told, "an outcome that the agent is told")
        return self.told()[0]

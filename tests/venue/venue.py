"""The local exchange as tests use it: a process that is started, asked by its control port, and ended.

    with Venue() as venue:
        venue.add_key("binance", "id", secret="…")
        venue.misbehave("close", exchange="binance", reused=True)
        …
        assert venue.book("binance", "id")["value"] == "1000"
"""

import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import urllib.parse

RUN = pathlib.Path(__file__).resolve().parent / "run"


class Venue:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, RUN, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the venue did not start; it ended with {self.process.wait()}")
        self.started = json.loads(line)
        self.port = self.started["port"]
        self.control_port = self.started["control"]
        self.h2_port = self.started["h2"]
        self.authority = pathlib.Path(self.started["authority"])
        self.exchanges = self.started["exchanges"]
        self.hosts = [host for hosts in self.exchanges.values() for host in hosts]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it by closing its input, as the death of the test would."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def connect(self, host, timeout_s=60):
        """A connection for http.client to one of the exchanges' hosts."""
        context = ssl.create_default_context(cafile=self.authority)
        connection = http.client.HTTPSConnection(host, context=context, timeout=timeout_s)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
        connection.sock = context.wrap_socket(plain, server_hostname=host)
        return connection

    def environment(self):
        """For a Node program that is started with through.mjs."""
        return {
            "VENUE_PORT": str(self.port),
            "VENUE_CONTROL": str(self.control_port),
            "NODE_EXTRA_CA_CERTS": str(self.authority),
        }

    def ask(self, method, path, document=None, **query):
        target = f"/_venue/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=60)
        try:
            connection.request(method, target, None if document is None else json.dumps(document))
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise AssertionError(f"{method} {target}: {told['error']}")
        return told

    def add_key(self, exchange, key_id, secret=None, **more):
        """`more` are scheme, passphrase, public_key, and what README.md names besides."""
        self.ask("POST", "keys", {"exchange": exchange, "key_id": key_id, "secret": secret, **more})

    def misbehave(self, do, **how):
        return self.ask("POST", "misbehave", {"do": do, **how})["id"]

    def behave(self):
        """Ends all misbehaviour."""
        self.ask("DELETE", "misbehave")

    def settings(self, **changed):
        return self.ask("POST", "settings", changed)

    def reset(self):
        """Forgets what arrived and was ordered; keys stay."""
        self.ask("POST", "reset")

    def state(self):
        return self.ask("GET", "state")

    def books(self, **query):
        return self.ask("GET", "books", **query)["keys"]

    def book(self, exchange, key):
        return self.books(exchange=exchange, key=key)[0]

    def orders(self, **query):
        return self.ask("GET", "orders", **query)["orders"]

    def arrivals(self, **query):
        return self.ask("GET", "arrivals", **query)["arrivals"]

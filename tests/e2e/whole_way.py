"""The whole way: bots, chancery-relay, the real agent with its token, and the local exchange (tests/venue)."""

import http.client
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

import harness
import relaying
from ports import free_port

sys.path.insert(0, str(harness.ROOT / "tests" / "venue"))
from venue import Venue  # noqa: E402

RELAY = harness.BUILD / "chancery-relay"


def launch(config, log_path):
    """A relay that is ready."""
    with open(log_path, "wb") as log:
        relay = subprocess.Popen([RELAY, "--config", config, "--debug"], stderr=log)
    harness.wait_until(lambda: "ready:" in log_path.read_text(errors="replace"), "a relay that is ready")
    return relay


class WholeWay(harness.AgentTest):
    times = "times: {answer_s: 3, connect_s: 3, agent_s: 10}\n"

    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(cls.policy())
        cls.venue = Venue()
        cls.addClassCleanup(cls.venue.close)
        cls.venue.add_key("binance", harness.BINANCE_KEY_ID, secret=harness.BINANCE_SECRET)
        cls.venue.add_key("kraken", "kraken-key-id", secret=harness.KRAKEN_SECRET)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="chancery-relay-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.token = secrets.token_hex(32)
        (cls.folder / "token").write_text(cls.token)
        (cls.folder / "token").chmod(0o600)
        cls.port = free_port()
        routes = "".join(f"  {host}: '127.0.0.1:{cls.venue.port}'\n" for host in cls.venue.hosts)
        (cls.folder / "relay.yaml").write_text(
            f"agent: {cls.agent.home}/run/relay.sock\nca: {cls.venue.authority}\n{cls.times}"
            f"listeners:\n- {{caller: maker, port: {cls.port}, token: token}}\nroutes:\n{routes}")

    @classmethod
    def policy(cls):
        return relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relay = None
        cls.start_relay()
        cls.addClassCleanup(cls.end_relay)

    @classmethod
    def start_relay(cls):
        cls.log_path = cls.folder / "relay.log"
        cls.relay = launch(cls.folder / "relay.yaml", cls.log_path)

    @classmethod
    def relay_log(cls):
        return cls.log_path.read_text(errors="replace")

    @classmethod
    def end_relay(cls, signal_number=signal.SIGTERM):
        if cls.relay.poll() is None:
            cls.relay.send_signal(signal_number)
        return cls.relay.wait(40)

    def call(self, key, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/{self.token}/{key}{path}", body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def write_order(self, quantity="1", price="0.1", **more):
        """The body of an order as an SDK with a dummy secret would send it now."""
        params = {"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": price,
                  **more, "timestamp": int(time.time() * 1000)}
        return urllib.parse.urlencode(params) + "&signature=dummy"

    def send_order(self, body):
        return self.call("binance-relay", "POST", "/api/v3/order", body,
                         {"X-MBX-APIKEY": "dummy", "Content-Type": "application/x-www-form-urlencoded"})

    def order(self, *arguments, **more):
        return self.send_order(self.write_order(*arguments, **more))

    def kraken(self, path, **params):
        return self.call("kraken-relay", "POST", path, urllib.parse.urlencode({"nonce": int(time.time() * 1000), **params}),
                         {"API-Key": "dummy", "API-Sign": "ZHVtbXk=", "Content-Type": "application/x-www-form-urlencoded"})

"""The curl adapter, against a real agent and a stand-in for the exchange on the loopback, with TLS."""

import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

import counted
import harness
from test_python import HOST, KEY, ORDER, WITHDRAW, WITHDRAWAL, Exchange

SCRIPT = harness.ROOT / "adapters" / "curl" / "chancery-curl"


class CallingWithCurl(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self.server.requests = []
        self.server.status = 200
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.options = ["--cacert", certificate, "--connect-to", f"{HOST}:443:127.0.0.1:{self.server.server_port}"]

    def call(self, question):
        return subprocess.run(
            [SCRIPT, KEY, json.dumps(question), *self.options], capture_output=True, text=True, timeout=30, check=False
        )

    def test_order_is_sent_as_the_agent_made_it(self):
        order = ORDER | {"newClientOrderId": "é\"\\'"}
        done = self.call({"method": "POST", "path": "/api/v3/order", "host": HOST, "params": order})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout), {"orderId": 1})
        method, target, headers, body = self.server.requests[0]
        self.assertEqual((method, target, headers["Host"]), ("POST", "/api/v3/order", HOST))
        counted.assert_good_by_binances_rule(self, headers, body)

    def test_query_is_sent_as_the_agent_made_it(self):
        params = {"symbol": "LTCBTC", "orderId": 1}
        done = self.call({"method": "DELETE", "path": "/api/v3/order", "host": HOST, "params": params})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        method, target, headers, body = self.server.requests[0]
        self.assertEqual((method, body), ("DELETE", ""))
        counted.assert_good_by_binances_rule(self, headers, target.partition("?")[2])

    def test_withdrawal_is_refused_with_the_agents_sentence_and_not_sent(self):
        done = self.call({"method": "POST", "path": WITHDRAW, "params": WITHDRAWAL})
        self.assertEqual(done.returncode, 1)
        self.assertIn("withdraw", done.stderr)
        self.assertEqual(self.server.requests, [])


if __name__ == "__main__":
    counted.main()

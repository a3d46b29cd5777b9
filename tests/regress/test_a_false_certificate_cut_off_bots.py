"""An exchange's certificate did not fit, and connections of bots that speak TLS ended: OpenSSL took the error that libcurl
had left for theirs. Noticed by trying it."""

import http.client
import ssl
import subprocess
import unittest

from relay_rig import RELAY, RelayTest


class TestFalseCertificate(RelayTest):
    certificate = "stranger"

    @classmethod
    def config(cls):
        subprocess.run([RELAY.with_name("chancery"), "relay", "certificate", cls.folder], check=True, capture_output=True,
                       env={"ASAN_OPTIONS": "detect_leaks=0"})
        return super().config().replace("token: token}", "token: token, certificate: relay.pem, key: relay.key}")

    def test_connections_of_bots_stay(self):
        context = ssl.create_default_context(cafile=self.folder / "relay.pem")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        connection.connect()
        first = connection.sock
        for i in range(3):
            connection.request("POST", f"/{self.token}/key-1/api", str(i))
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (503, b'{"code":-1,"msg":"not sent"}'))
            self.assertIs(connection.sock, first)
        connection.close()
        self.assertEqual(self.exchange.arrivals, [])


if __name__ == "__main__":
    unittest.main()

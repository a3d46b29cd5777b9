"""chancery-relay with `http2: true`: what has effects uses HTTP/1.1 all the same."""

import json
import subprocess
import unittest

from ports import free_port
from relay_rig import HOST, RelayTest, wait_until

SERVER = """
const fs = require("node:fs"), [folder, port] = process.argv.slice(1);
require("node:http2").createSecureServer({ allowHTTP1: true, cert: fs.readFileSync(`${folder}/server.pem`),
    key: fs.readFileSync(`${folder}/server.key`) }, (request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    response.setHeader("x-version", request.httpVersion);
    if (request.url === "/api/big") return response.end("z".repeat(3000000));
    response.end(JSON.stringify({ version: request.httpVersion, body: Buffer.concat(parts).toString(), host: request.headers.host }));
  });
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
"""


class TestHttp2(RelayTest):
    extra = "http2: true\n"

    @classmethod
    def start(cls):
        cls.h2_port = free_port()
        server = subprocess.Popen(["node", "-e", SERVER, cls.folder, str(cls.h2_port)], stdout=subprocess.PIPE)
        cls.addClassCleanup(server.stdout.close)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        server.stdout.readline()
        text = (cls.folder / "relay.yaml").read_text()
        (cls.folder / "relay.yaml").write_text(text.replace(f"127.0.0.1:{cls.exchange.port}", f"127.0.0.1:{cls.h2_port}"))
        super().start()

    def test_reads_use_http2_and_what_has_effects_does_not(self):
        for _ in range(2):
            self.assertEqual(json.loads(self.call("GET", "/api/a").body)["version"], "2.0")
            self.assertEqual(json.loads(self.call("POST", "/api/a", f"x{_}").body),
                             {"version": "1.1", "body": f"x{_}", "host": HOST})
        wait_until(lambda: len(self.told()) == 2, "two outcomes")

    def test_large_answer(self):
        reply = self.call("GET", "/api/big")
        self.assertEqual((reply.body, reply.headers["x-version"]), (b"z" * 3000000, "2.0"))


if __name__ == "__main__":
    unittest.main()

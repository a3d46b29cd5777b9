"""A token process that ended whenever it was started was said to be restarted. A token may be away, so the agent goes on, but
it says that it is not ready, and why."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness


class TokenThatCannotStart(unittest.TestCase):
    def setUp(self):
        harness.require_programs()
        self.agent = harness.Agent()
        self.addCleanup(self.agent.close)
        self.programs = self.agent.home / "bin"
        self.programs.mkdir()
        for program in ("chancery-agent", "chancery-front", "chancery-token"):
            shutil.copy(harness.BUILD / program, self.programs / program)
        self.agent.program = self.programs / "chancery-agent"
        self.agent.make_token()
        self.agent.import_hmac("binance-main", "hmac-sha256", harness.BINANCE_SECRET)

    def replace_token(self, text):
        program = self.programs / "chancery-token"
        program.unlink()
        program.write_text(text)
        program.chmod(0o755)

    def status(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["tokens"][0], client.get("/readyz").status

    def check(self, text, *said):
        self.replace_token(text)
        self.agent.start(is_waited_for=False)
        harness.wait_until(self.agent.socket.exists, "a socket", 60)
        harness.wait_until(lambda: "could not start" in self.status()[0]["detail"], "a reason", 60)
        harness.wait_until(lambda: self.agent.log().count("starting it again") > 2, "another try", 60)
        token, readyz = self.status()
        self.assertEqual((token["state"], readyz), ("absent", 503))
        done = self.agent.unlock()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"could not start", done.stderr)
        for word in said:
            self.assertIn(word, self.agent.log())

    def test_one_that_ends_at_once(self):
        self.check("#!/bin/sh\necho something is missing >&2\nexit 3\n", "something is missing")

    def test_one_that_cannot_be_executed(self):
        self.check("#!/nonexistent/interpreter\n")

    def test_it_serves_as_soon_as_it_can_start(self):
        self.check("#!/bin/sh\nexit 3\n")
        (self.programs / "chancery-token").unlink()
        shutil.copy(harness.BUILD / "chancery-token", self.programs / "chancery-token")
        harness.wait_until(lambda: self.status()[0]["state"] == "locked", "a token process", 60)
        self.assertEqual(self.status()[0].get("detail", ""), "")


if __name__ == "__main__":
    unittest.main()

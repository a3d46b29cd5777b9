"""chancery-relay: its start, with what it refuses to start with, sockets of a service manager, and its unit."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest

from builds import is_sanitized
from relay_rig import RELAY, RelayTest, wait_until

UNIT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "systemd" / "chancery-relay.service"


class TestStart(RelayTest):
    def check(self, text, *files):
        for name, content, mode in files:
            (self.folder / name).write_text(content)
            (self.folder / name).chmod(mode)
        (self.folder / "checked.yaml").write_text(text)
        done = subprocess.run([RELAY, "--config", self.folder / "checked.yaml", "--check"], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def test_configuration_is_checked(self):
        status, said = self.check(self.config())
        self.assertEqual((status, "is good" in said), (0, True), said)

    def test_tokens_are_checked(self):
        text = self.config().replace("token: token}", "token: bad}")
        for content, mode, why in (("x" * 64, 0o644, "others can read"), ("x" * 64, 0o620, "chmod"), ("x" * 31, 0o600, "32 characters"),
                                   ("x" * 63 + "/", 0o600, "A-Z a-z 0-9"), ("", 0o600, "token in"), ("x" * 300, 0o600, "token in")):
            with self.subTest(why):
                status, said = self.check(text, ("bad", content, mode))
                self.assertEqual((status, why in said), (10, True), said)
        status, said = self.check(self.config().replace("token: token}", "token: missing}"))
        self.assertEqual(status, 10, said)

    def test_certificates_are_checked(self):
        for certificate, key in (("ca.pem", "server.key"), ("server.key", "server.key"), ("server.pem", "missing")):
            text = self.config().replace("token: token}", f"token: token, certificate: {certificate}, key: {key}}}")
            with self.subTest(certificate):
                self.assertEqual(self.check(text)[0], 10)
        self.assertEqual(self.check(self.config().replace("ca: ca.pem", "ca: missing.pem"))[0], 10)

    def test_address_in_use_is_a_conflict(self):
        done = subprocess.run([RELAY, "--config", self.folder / "relay.yaml"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("another program listens on port", done.stderr)
        (self.folder / "second.yaml").write_text(re.sub(r"- \{caller: \w+, port.*\n", "", self.config()))
        done = subprocess.run([RELAY, "--config", self.folder / "second.yaml"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("another relay listens on", done.stderr)
        self.assertEqual(self.call("GET", "/api").status, 200)

    def test_unix_socket_has_its_mode(self):
        self.assertEqual((self.folder / "bot.sock").stat().st_mode & 0o777, 0o600)

    def test_process_is_confined(self):
        status = pathlib.Path(f"/proc/{self.relay.pid}/status").read_text()
        self.assertRegex(status, r"(?m)^CapEff:\s+0+$")
        self.assertRegex(status, r"(?m)^CapBnd:\s+0+$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")
        if not is_sanitized(RELAY):
            self.assertRegex(status, r"(?m)^Seccomp:\s+2$")


class TestPassedSockets(RelayTest):
    @classmethod
    def start(cls):
        with socket.create_server(("127.0.0.1", cls.port)) as passed:
            cls.log_path = cls.folder / "relay.log"
            with open(cls.log_path, "wb") as log:
                cls.relay = subprocess.Popen(
                    ["/bin/sh", "-c", f"exec 3<&{passed.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec {RELAY} --config relay.yaml"],
                    cwd=cls.folder, stderr=log, pass_fds=[passed.fileno()])
            cls.addClassCleanup(cls.end)
            wait_until(lambda: "ready:" in cls.log() or cls.relay.poll() is not None, "a relay that is ready")

    def test_passed_socket_is_used(self):
        self.assertEqual(self.call("GET", "/api").status, 200)
        self.assertEqual(self.call("GET", "/api", port=self.other_port, token=self.other_token).status, 200)


@unittest.skipUnless(os.geteuid() == 0 and not is_sanitized(RELAY), "needs root, and a build without sanitizers")
class TestUnit(RelayTest):
    UID = 64123

    @classmethod
    def start(cls):
        for path in [cls.folder, *cls.folder.iterdir()]:
            os.chown(path, cls.UID, cls.UID)
        cls.folder.chmod(0o755)
        cls.log_path = cls.folder / "relay.log"
        confined = pathlib.Path(__file__).with_name("confined.py")
        with open(cls.log_path, "wb") as log:
            cls.relay = subprocess.Popen(
                [sys.executable, confined, str(cls.UID), cls.folder, "-", RELAY, "--config", cls.folder / "relay.yaml"],
                stderr=log, env=dict(os.environ, CHANCERY_UNIT=UNIT.name))
        cls.addClassCleanup(cls.end)
        wait_until(lambda: "ready:" in cls.log() or cls.relay.poll() is not None, "a relay that is ready")

    def test_relay_serves_as_its_unit_runs_it(self):
        self.assertEqual(self.call("POST", "/api", "x").status, 200, self.log())
        self.agent.judge = lambda question, key: self.agent.sign(question, key, url="https://localhost:9/api")
        self.assertIn("private network", self.call("POST", "/api", "y").problem["detail"])
        self.assertNotIn("could not", self.log())

    def test_exposure_of_the_unit(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT], capture_output=True, text=True)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        self.assertLessEqual(float(found[1]), 1.2)


if __name__ == "__main__":
    unittest.main()

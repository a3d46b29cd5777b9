"""The agent works as docs/systemd/chancery-agent.service confines it, and that is as much as operations.md says."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import service

SYSTEMD = harness.ROOT / "docs" / "systemd"


class Confined(harness.AgentTest):
    @classmethod
    def setUpClass(cls):
        service.require()
        super().setUpClass()

    @classmethod
    def prepare(cls):
        service.confine(cls.agent, cls.addClassCleanup)

    def test_it_signs(self):
        for key, order in (("binance-main", None), ("binance-ed25519", None), ("binance-rsa", None),
                           ("kraken-main", harness.KRAKEN_ORDER)):
            self.assert_signs(key, order)

    def test_it_runs_as_its_user_without_rights(self):
        for role, process in self.agent.processes().items():
            status = process.status()
            self.assertEqual(set(status["Uid"].split()), {str(service.UID)}, role)
            self.assertEqual(int(status["CapBnd"], 16), 0, role)
            self.assertEqual(int(status["CapPrm"], 16), 0, role)

    def test_nothing_is_said_to_be_missing(self):
        """But for what cgroups and limits do, which the test cannot set up."""
        with self.agent.client() as client:
            gaps = client.get("/v1/status").json["confinement"]
        self.assertEqual([gap for gap in gaps if "swap" not in gap], [])

    def has_another(self, role, killed):
        child = self.agent.child(role)
        return child is not None and child.pid != killed and self.agent.is_ready()

    def test_children_come_back(self):
        for role in ("token", "front"):
            killed = self.agent.child(role).pid
            os.kill(killed, 9)
            harness.wait_until(lambda: self.has_another(role, killed), f"the {role} is back", timeout_s=30)
            self.assert_signs()

    def test_it_locks(self):
        self.assertEqual(self.agent.lock().returncode, 0)
        self.assertEqual(self.agent.unlock().returncode, 0)


class Exposure(unittest.TestCase):
    """systemd's own count, as operations.md quotes it."""

    def measure(self, drop_in):
        with tempfile.TemporaryDirectory() as root:
            units = pathlib.Path(root) / "etc/systemd/system"
            shutil.copytree(SYSTEMD / "chancery-agent.service.d", units / "unused")
            shutil.copy(SYSTEMD / "chancery-agent.service", units)
            (units / "chancery-agent.service.d").mkdir()
            shutil.copy(SYSTEMD / "chancery-agent.service.d" / drop_in, units / "chancery-agent.service.d")
            done = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", f"--root={root}", "--no-pager", "chancery-agent.service"],
                capture_output=True, text=True, check=False,
            )
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        self.assertTrue(found, done.stderr)
        return float(found.group(1))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_is_as_low_as_the_document_says(self):
        rows = re.findall(r"^\| .* \| `([a-z0-9-]+\.conf)` \| .* \| ([0-9.]+) \|$",
                          (harness.ROOT / "docs" / "operations.md").read_text(), re.M)
        self.assertEqual({name for name, _ in rows}, {path.name for path in (SYSTEMD / "chancery-agent.service.d").iterdir()})
        for drop_in, exposure in rows:
            with self.subTest(drop_in):
                # Another version of systemd counts a little differently.
                self.assertLessEqual(self.measure(drop_in), float(exposure) + 0.3)
                self.assertLessEqual(float(exposure), 1.0 if drop_in in ("softhsm2.conf", "tpm.conf", "tpm-abrmd.conf", "pcscd.conf",
                                                                            "opencryptoki.conf") else 1.5)


if __name__ == "__main__":
    unittest.main()

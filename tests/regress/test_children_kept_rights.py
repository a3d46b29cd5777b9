"""Core and token processes kept every capability of root and had no list of system calls; a front could signal core, and
outlived it as root; children wrote to the operator's terminal."""

import os
import pathlib
import re
import signal
import stat
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

CAP_KILL, CAP_SETGID, CAP_SETUID = 1 << 5, 1 << 6, 1 << 7


class Rights(harness.AgentTest):
    def capabilities(self, process):
        return {int(process.status()[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")}

    def test_children_have_no_capabilities(self):
        for role in ("front", "token"):
            self.assertEqual(self.capabilities(self.agent.child(role)), {0}, role)

    def test_core_keeps_what_other_users_for_children_take(self):
        allowed = CAP_KILL | CAP_SETUID | CAP_SETGID if os.getuid() == 0 else 0
        for held in self.capabilities(harness.Process(self.agent.process.pid)):
            self.assertEqual(held & ~allowed, 0)

    def test_every_process_has_a_list_of_system_calls(self):
        if harness.is_sanitized():
            self.skipTest("the runtime of sanitizers makes calls of its own")
        for role, process in self.agent.processes().items():
            self.assertEqual(process.status()["Seccomp"].strip(), "2", role)
            self.assertEqual(process.status()["NoNewPrivs"].strip(), "1", role)

    def test_children_have_a_session_of_their_own(self):
        for role in ("front", "token"):
            pid = self.agent.child(role).pid
            self.assertEqual(os.getsid(pid), pid, role)

    def test_children_write_to_core_only(self):
        for role in ("front", "token"):
            for number in (1, 2):
                mode = os.stat(f"/proc/{self.agent.child(role).pid}/fd/{number}").st_mode
                self.assertTrue(stat.S_ISFIFO(mode), f"{role}'s descriptor {number}")

    def test_helpers_of_a_module_do_not_inherit_the_channel(self):
        for role in ("front", "token"):
            flags = pathlib.Path(f"/proc/{self.agent.child(role).pid}/fdinfo/3").read_text()
            self.assertTrue(int(re.search(r"flags:\s*([0-7]+)", flags).group(1), 8) & os.O_CLOEXEC, role)

    @unittest.skipUnless(os.getuid() == 0, "only root's agent changes users")
    def test_another_users_front_can_be_ended(self):
        """Core needs CAP_KILL for it."""
        front = self.agent.child("front")
        self.assertNotEqual(front.status()["Uid"].split()[0], "0")
        os.kill(front.pid, signal.SIGSTOP)
        harness.wait_until(lambda: not front.is_running(), "core ends a front that is stuck", timeout_s=60)
        harness.wait_until(self.agent.is_serving, "another one serves", timeout_s=30)
        self.assert_signs()


class Death(harness.AgentTest):
    def test_a_stopped_child_dies_with_core(self):
        children = [self.agent.child(role) for role in ("front", "token")]
        for child in children:
            os.kill(child.pid, signal.SIGSTOP)
        self.agent.process.kill()
        self.agent.process.wait(10)
        try:
            for child in children:
                harness.wait_until(lambda child=child: not child.is_running(), f"process {child.pid} dies with core")
        finally:
            for child in children:
                if child.is_running():
                    os.kill(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()

"""An agent that runs as docs/systemd/chancery-agent.service has it run; confined.py does it, without systemd."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

CONFINED = pathlib.Path(__file__).resolve().parent / "confined.py"
UID = 54321  # of nobody else


def why_not():
    """The reason why this machine cannot be made to look like the unit, or None."""
    if os.getuid() != 0:
        return "only root can take rights away as systemd does"
    if shutil.which("systemd-analyze") is None:
        return "systemd-analyze, which knows systemd's groups of system calls, is not installed"
    if harness.is_sanitized():
        return "the runtime of sanitizers makes calls of its own"
    with tempfile.TemporaryDirectory() as home:
        tried = subprocess.run([sys.executable, str(CONFINED), str(UID), home, "-", "/bin/true"],
                               capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"the confinement cannot be made here: {tried.stderr.splitlines()[-1:]}"


def require():
    """Skips the test if it cannot be done here."""
    harness.require_programs()
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)


def confine(agent, add_cleanup, uid=UID, drop_in="-"):
    """Has the agent run so from its next start. All its files are in place by now, and become its user's; `drop_in` is the name of
    one."""
    (agent.home / "run").mkdir(mode=0o755)
    os.chmod(agent.home, 0o755)
    for path in (agent.home, *agent.home.rglob("*")):
        os.chown(path, uid, uid)

    def start(is_waited_for=True):
        log = open(agent.home / "agent.err", "ab")
        add_cleanup(log.close)
        agent.process = subprocess.Popen(
            [*agent.wrapper, sys.executable, str(CONFINED), str(uid), str(agent.home), drop_in, str(harness.AGENT), "--config", str(agent.config)],
            env=agent.environment(), cwd=agent.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        )
        if is_waited_for:
            harness.wait_until(agent.is_serving, f"it serves; its log:\n{agent.log()}", timeout_s=30)

    environment = agent.environment() | {"CHANCERY_AGENT_USER": str(uid)}
    agent.environment = lambda: environment
    agent.start = start

"""The adapters sent requests to whoever had made a socket at the path. Now they look at who owns the socket, the folders on
the way to it and the links, and who can write there; if that may be a stranger, they send nothing and say why."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness

ADAPTERS = harness.ROOT / "adapters"
OTHER = 4242
QUESTION = {"method": "GET", "path": "/api/v3/openOrders", "params": {"symbol": "LTCBTC"}}
PYTHON = """
import chancery, sys
try:
    print(chancery.Client("k").sign("GET", "/api/v3/openOrders", {"symbol": "LTCBTC"}).url)
except chancery.ChanceryError as error:
    sys.exit(f"{error.status}: {error}")
"""
NODE = """
import { sign } from '%s';
try {
    console.log((await sign(%s, { key: 'k' })).url);
} catch (error) {
    console.error(`${error.status}: ${error.message}`);
    process.exit(1);
}
"""
HOOK = """
import { signer } from '%s';
try {
    console.log(await signer({ key: 'k' })('timestamp=1'));
} catch (error) {
    console.error(`${error.status}: ${error.message}`);
    process.exit(1);
}
"""


def commands():
    """By adapter; an adapter whose program is not installed is left out."""
    found = {"python": [sys.executable, "-c", PYTHON]}
    if shutil.which("node"):
        module = ADAPTERS / "node" / "agent.mjs"
        found["node"] = ["node", "--input-type=module", "-e", NODE % (module, json.dumps(QUESTION))]
        for name in ("binance", "bybit-api"):
            found[name] = ["node", "--input-type=module", "-e", HOOK % (ADAPTERS / name / "chancery.mjs")]
    if shutil.which("curl") and shutil.which("jq"):
        # The second curl, which would call the exchange, only prints its version.
        found["curl"] = [ADAPTERS / "curl" / "chancery-curl", "k", json.dumps(QUESTION), "--version"]
    return found


class Listener:
    """Answers every request as an agent would that signs everything, and counts them."""

    def __init__(self, path):
        self.requests = 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                visitor, _ = self.server.accept()
            except OSError:
                return
            with visitor:
                request = b""
                while not request.endswith(b"}") and (data := visitor.recv(65536)):
                    request += data
                if request:
                    self.requests += 1
                    body = json.dumps({"method": "GET", "url": "https://example.org/", "headers": {}, "signature": "s"})
                    visitor.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body.encode()))

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()


def chmod(mode):
    return lambda folder: folder.chmod(mode)


def give_away(name):
    return lambda folder: os.chown(folder / name, OTHER, OTHER, follow_symlinks=False)


def link_by_way_of_everybodys_folder(folder):
    (folder / "open").mkdir()
    (folder / "agent.sock").rename(folder / "real.sock")
    (folder / "agent.sock").symlink_to("open/../real.sock")
    (folder / "open").chmod(0o777)


def sticky(name):
    def change(folder):
        folder.chmod(0o1777)
        if name:
            give_away(name)(folder)
    return change


REFUSED = {
    "folder 0777": (chmod(0o777), "can be written to by others"),
    "folder of its group": (chmod(0o775), "can be written to by others"),
    "folder above 0777": (lambda folder: folder.parent.chmod(0o777), "can be written to by others"),
    "folder of another user": (give_away("."), "belongs to user 4242"),
    "folder above of another user": (give_away(".."), "belongs to user 4242"),
    "socket of another user": (give_away("agent.sock"), "belongs to user 4242"),
    "socket of another user in a sticky folder": (sticky("agent.sock"), "belongs to user 4242"),
    "by way of everybody's folder": (link_by_way_of_everybodys_folder, "can be written to by others"),
}
TRUSTED = {
    "as the agent makes it": lambda folder: None,
    "sticky folder of root's": sticky(None),
}


class Adapters(unittest.TestCase):
    def setUp(self):
        self.commands = commands()
        for name in sorted({"node", "binance", "bybit-api", "curl"} - set(self.commands)):
            print(f"skipped, because its programs are not installed: {name}", file=sys.stderr)

    def listen(self, change):
        home = pathlib.Path(tempfile.mkdtemp(prefix="ch-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, home)
        folder = home / "run"
        folder.mkdir(mode=0o755)
        listener = Listener(folder / "agent.sock")
        self.addCleanup(listener.close)
        change(folder)
        return listener, folder / "agent.sock"

    def call(self, adapter, path, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")}
        return subprocess.run(
            self.commands[adapter], capture_output=True, text=True, timeout=60, check=False, cwd="/",
            env=clean | environment | {"CHANCERY_SOCK": str(path), "PYTHONPATH": str(ADAPTERS / "python"),
                                       "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def test_nothing_is_sent_where_a_stranger_may_listen(self):
        for name, (change, says) in REFUSED.items():
            if "another user" in name and os.getuid() != 0:
                print(f"skipped, because only root can give files away: {name}", file=sys.stderr)
                continue
            listener, path = self.listen(change)
            for adapter in self.commands:
                with self.subTest(case=name, adapter=adapter):
                    done = self.call(adapter, path)
                    self.assertEqual(listener.requests, 0, "a stranger was sent a request")
                    self.assertEqual(done.returncode, 1, done)
                    self.assertIn(says, done.stderr)
                    self.assertIn("nothing was sent", done.stderr)
                listener.requests = 0

    def test_what_nobody_else_can_change_is_used(self):
        for name, change in TRUSTED.items():
            if "root's" in name and os.getuid() != 0:
                continue
            listener, path = self.listen(change)
            for adapter in self.commands:
                with self.subTest(case=name, adapter=adapter):
                    done = self.call(adapter, path)
                    self.assertEqual((done.returncode, listener.requests), (0, 1), done)
                listener.requests = 0

    def test_links_are_no_trouble_in_themselves(self):
        listener, path = self.listen(lambda folder: (folder.parent / "link").symlink_to(folder))
        for adapter in self.commands:
            with self.subTest(adapter=adapter):
                done = self.call(adapter, path.parent.parent / "link" / ".." / "link" / "agent.sock")
                self.assertEqual(done.returncode, 0, done)

    @unittest.skipUnless(os.getuid() == 0, "only root can give files away")
    def test_the_agents_user_can_be_named(self):
        def change(folder):
            give_away("agent.sock")(folder)
            give_away(".")(folder)
        listener, path = self.listen(change)
        for adapter in self.commands:
            with self.subTest(adapter=adapter):
                self.assertEqual(self.call(adapter, path, CHANCERY_AGENT_USER="4242").returncode, 0)
                self.assertEqual(self.call(adapter, path, CHANCERY_AGENT_USER="4243").returncode, 1)

    def test_no_agent_is_no_stranger(self):
        listener, path = self.listen(lambda folder: None)
        for adapter in self.commands.keys() - {"curl"}:
            with self.subTest(adapter=adapter):
                self.assertIn("503: ", self.call(adapter, path.parent / "missing.sock").stderr)


if __name__ == "__main__":
    unittest.main()

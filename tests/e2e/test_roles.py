"""Each call by each role: the table of docs/operations.md, walked through the real agent by users who have these roles. A call that
is not in the table, or a cell that is not true, fails."""

import copy
import json
import os
import pathlib
import re
import socket
import struct
import sys
import unittest

import frames
import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "regress"))

import others  # noqa: E402

REFUSED = 2  # in base/statuses.def
UIDS = {"stranger": others.STRANGER, "root": 0, "bot": 4301, "feed": 4302, "relay": 4303, "operator": 4401, "approver": 4402, "auditor": 4403,
        "admin": 4404}
PEOPLE = ("operator", "approver", "auditor", "admin")
BODIES = {
    ("POST", "sign"): harness.BINANCE_ORDER,
    ("POST", "check"): harness.BINANCE_ORDER,
    ("POST", "release"): {"outcome": "rejected"},
    ("PUT", "prices"): {"source": "binance", "prices": [{"pair": "BTC/USDT", "price": "29880.5", "time_ms": 1}]},
}


def table():
    """docs/operations.md's as {call: {role: what}}."""
    text = (harness.ROOT / "docs" / "operations.md").read_text().split("\n## Roles\n")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: dict(zip(rows[0][1:], row[1:])) for row in rows[2:]}


def http_calls():
    """Those of docs/openapi.yaml."""
    text = (harness.ROOT / "docs" / "openapi.yaml").read_text().split("\npaths:\n")[1].split("\ncomponents:\n")[0]
    calls, path = [], None
    for line in text.splitlines():
        if match := re.fullmatch(r"  (/\S+):", line):
            path = match[1]
        elif match := re.fullmatch(r"    (get|put|post|delete):", line):
            calls.append(f"{match[1].upper()} {path}")
    return calls


# Read by root: other users need not be able to.
PEOPLE_FRAMES = {frame["name"]: (frames.packet(frame), bool(frame["descriptor"])) for frame in frames.read()
                 if frame["direction"] == "operator to core"}
DONE = next(frame["number"] for frame in frames.read() if frame["name"] == "OPERATOR_DONE")


def ask_http(agent, call):
    method, path = call.split()
    name = path.rsplit("/", 1)[1]
    has_body = (method, name) in BODIES and "/requests/" not in path
    body = json.dumps(BODIES[method, name]).encode() if has_body else None
    with agent.client() as client:
        try:
            answer = client.request(method, path.replace("{key}", "binance-main").replace("{id}", "1"), body,
                                    {"Content-Type": "application/json"} if body else {})
        except ConnectionResetError:
            return "closed"
    if answer.status == 403:
        return "403"
    if answer.status == 404:
        return "own"
    little = {"keys": b'"keys":[]', "status": b'"tokens":[]'}.get(name)
    if little and little in answer.body:
        return "none" if name == "keys" else "little"
    return "little" if name == "metrics" and b"chancery_build_info" not in answer.body else "allowed"


def receive(connection):
    """Who is turned away before the request was read gets a reset first, and then the answer."""
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return connection.recv(65536)


def outcome(connection):
    """The status and rule of OPERATOR_DONE, whatever comes before it."""
    while packet := receive(connection):
        while packet:
            size, number = struct.unpack_from("=IH", packet)
            if number == DONE:
                status, length = struct.unpack_from("=II", packet, 16)
                return status, packet[24:24 + length].decode()
            packet = packet[size:]
    return None, ""


def ask_frame(agent, packet, has_descriptor):
    """What no role may is refused by it; what is wrong with an empty request comes after."""
    with others.connect(agent.operator_socket, socket.SOCK_SEQPACKET) as connection:
        reader, writer = os.pipe()
        os.close(writer)
        try:
            socket.send_fds(connection, [packet], [reader] if has_descriptor else [])
        except (BrokenPipeError, ConnectionResetError):
            pass  # turned away already; the answer can be read
        os.close(reader)
        status, rule = outcome(connection)
    return "403" if status == REFUSED and rule in ("operator", "admin") else "allowed" if status is not None else "ended"


def ask_all(tell, agent, calls):
    answers = {}
    for call in calls:
        try:
            answers[call] = ask_frame(agent, *PEOPLE_FRAMES[call]) if call in PEOPLE_FRAMES else ask_http(agent, call)
        except OSError as error:
            answers[call] = str(error)
    tell(answers)


@unittest.skipUnless(os.getuid() == 0, "only root can act as other users")
class Roles(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.agent = harness.prepare_agent(cls.addClassCleanup)
        cls.agent.home.chmod(0o755)
        text = cls.agent.policy.read_text()
        people = "".join(f"  {role}: {{ uid: {UIDS[role]}, roles: [{role}] }}\n" for role in PEOPLE)
        text = re.sub(r"(?ms)^callers:.*?(?=^allow:)",
                      f"callers:\n  tester: {{ uid: {UIDS['bot']} }}\n  other: {{ uid: 4309 }}\n"
                      f"  feed: {{ uid: {UIDS['feed']}, role: feed }}\n"
                      f"  relay: {{ uid: {UIDS['relay']}, socket: relay, role: relay, for: [tester] }}\nprices:\n  sources: [binance]\n"
                      f"people:\n{people}", text)
        cls.agent.policy.write_text(text)
        cls.agent.start(is_waited_for=False)
        harness.wait_until(cls.agent.socket.exists, "the agent listens")

    def test_every_call_is_in_the_table(self):
        self.assertEqual(list(table()), http_calls_in_order(table()) + list(PEOPLE_FRAMES))

    def test_every_cell_is_true(self):
        expected = table()
        for role, uid in UIDS.items():
            agent = copy.copy(self.agent)
            if role == "relay":
                agent.socket = agent.socket.with_name("relay.sock")
            with self.subTest(role=role), others.User(uid, ask_all, agent, list(expected)) as user:
                self.assertEqual(user.hear(), {call: cells[role] for call, cells in expected.items()})


def try_to_connect(tell, path):
    try:
        others.connect(path, socket.SOCK_SEQPACKET).close()
        tell("connected")
    except PermissionError:
        tell("refused")


@unittest.skipUnless(os.getuid() == 0, "only root can act as other users")
class PeoplesFolder(unittest.TestCase):
    def test_only_the_agents_group_gets_to_the_peoples_socket(self):
        agent = harness.prepare_agent(self.addCleanup)
        agent.home.chmod(0o755)
        agent.config.write_text(agent.config.read_text().replace("operator_socket: run/operator.sock\n", ""))
        agent.operator_socket = agent.home / "run" / "people" / "operator.sock"
        agent.start()
        facts = agent.operator_socket.parent.stat()
        self.assertEqual((facts.st_mode & 0o777, facts.st_gid), (0o750, os.getgid()))
        self.assertEqual(agent.unlock().returncode, 0)
        with others.User(UIDS["operator"], try_to_connect, agent.operator_socket) as user:
            self.assertEqual(user.hear(), "refused")
        agent.stop()
        os.chown(agent.operator_socket.parent, 0, UIDS["operator"])  # an administrator's own choice stays
        agent.start()
        with others.User(UIDS["operator"], try_to_connect, agent.operator_socket) as user:
            self.assertEqual(user.hear(), "connected")
        with others.User(UIDS["stranger"], try_to_connect, agent.operator_socket) as user:
            self.assertEqual(user.hear(), "refused")


def http_calls_in_order(rows):
    """All of the interface's, in the order of the table."""
    order = list(rows)
    return sorted(http_calls(), key=lambda call: order.index(call) if call in order else len(order))


if __name__ == "__main__":
    unittest.main()

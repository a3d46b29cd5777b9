"""What the agent does for whoever connects as a relay and does not keep to its frames, and for whoever speaks a relay's frames and
is none: that connection ends, the log says why, and all others are served."""

import itertools
import os
import signal
import socket
import struct
import time
import unittest

import frames
import harness
import relaying
from relaying import Link, Relay, draw, sign_frame

KEY = "binance-relay"
START = frames.encode("RELAY_START", version=frames.version())
OWN = ("RELAY_START", "SIGN", "OUTCOMES")  # what a relay may send
STRANGER = 4242
TIMES = {"method": "GET", "url": "/api/v3/time", "headers": {"User-Agent": "x" * 40000}}  # public, with a long answer
ASKED = 400  # more than core hands to a token at once
UNREAD_KIB = 24 * 1024  # that core may grow by for answers that are not read, and for reading

numbers = itertools.count()


class LinkTest(harness.AgentTest):
    @classmethod
    def prepare(cls):
        cls.agent.policy.write_text(relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID))

    def setUp(self):
        """`witness` is a relay that was there before."""
        super().setUp()
        self.witness = Relay(self.agent, "relay2")
        self.addCleanup(self.witness.close)
        self.addCleanup(self.look_at_agent)
        self.assert_relay_is_served(self.witness)
        self.link_of_witness = self.witness.link
        self.logged = len(self.agent.log())
        self.counted = self.count_signed()

    def look_at_agent(self):
        self.assertIsNone(self.agent.process.poll(), self.agent.log()[-3000:])
        self.assertNotIn("too often", self.new_log())
        self.assert_relay_is_served(self.witness)
        self.assertIs(self.witness.link, self.link_of_witness)
        with self.agent.client() as bot:
            self.assertEqual(bot.get("/readyz").status, 200)
        with Relay(self.agent) as other:
            self.assert_relay_is_served(other)

    def assert_relay_is_served(self, relay):
        answer, _ = relay.sign(KEY, relaying.ACCOUNT)
        self.assertEqual(answer.status, 200, answer)

    def count_signed(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["signed"]

    def path(self, name="relay"):
        return self.agent.home / "run" / f"{name}.sock"

    def new_log(self):
        return self.agent.log()[self.logged:]

    def order(self):
        """As an SDK would send it, and another one each time."""
        document = dict(harness.BINANCE_ORDER, params={**harness.BINANCE_ORDER["params"], "quantity": "0.001",
                                                       "newClientOrderId": f"n{next(numbers)}"})
        return relaying.wire_of(self.agent, KEY, document)

    def sign(self, number=1, **changes):
        return sign_frame(number, changes.pop("key", KEY), self.order(), draw(), "maker", **changes)

    def link(self):
        """No more of them than the agent takes: it would turn away who connects too often."""
        time.sleep(0.015)
        return Link(self.path())

    def said(self, *packets):
        """All that the agent says to these bytes, until it closes."""
        with self.link() as link:
            link.send(*packets)
            return link.rest()

    def assert_ends(self, what, *packets):
        """With nothing but a failure, if the agent says anything."""
        with self.subTest(what):
            try:
                said = self.said(*packets)
            except OSError as error:
                self.fail(f"not ended: {error!r}")
            self.assertEqual([name for name, *_ in said if name != "FAILED"], [], said)


class NoRelay(LinkTest):
    def answer_to(self, path, data):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(str(path))
            stream.sendall(data)
            return stream.recv(65536)

    def test_who_is_no_relay_cannot_speak_frames(self):
        for name in ("agent", "taker", "second"):
            for data in (START + self.sign(), self.sign()):
                self.assertTrue(self.answer_to(self.path(name), data + b"\r\n\r\n").startswith(b"HTTP/1.1 400 "), name)
        self.assertEqual(self.count_signed(), self.counted)

    @unittest.skipUnless(os.getuid() == 0, "only root can be two users")
    def test_a_stranger_at_the_relays_socket_cannot_speak_frames(self):
        self.agent.home.chmod(0o755)
        path = self.path()
        mode = path.stat().st_mode & 0o777
        path.chmod(0o666)
        self.addCleanup(path.chmod, mode)
        os.seteuid(STRANGER)
        try:
            said = self.answer_to(path, START + self.sign() + b"\r\n\r\n")
        finally:
            os.seteuid(0)
        self.assertTrue(said.startswith(b"HTTP/1.1 400 "), said)
        self.assertEqual(self.count_signed(), self.counted)

    def test_a_relay_that_speaks_http_is_closed(self):
        for data in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST /v1/outcomes HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"):
            with self.link() as link:
                link.send(data)
                self.assertEqual(link.rest(), [])
        harness.wait_until(lambda: "cannot ask by HTTP" in self.new_log(), self.new_log)


class Spoiled(LinkTest):
    def test_another_version_is_closed_and_told_why(self):
        for version in (frames.version() - 1, frames.version() + 1, 0, (1 << 32) - 1):
            (name, number, fields), = self.said(frames.encode("RELAY_START", version=version), self.sign())
            self.assertEqual((name, number), ("FAILED", 0))
            self.assertIn(f"version {version} ", fields["why"][2])
        self.assertEqual(self.count_signed(), self.counted)
        harness.wait_until(lambda: "both must be of one build" in self.new_log(), self.new_log)

    def test_what_is_no_frame_ends_the_connection(self):
        sign = self.sign()
        outcomes = relaying.outcomes_frame(1, [{"id": draw(), "outcome": "not-sent"}])
        number = frames.FRAMES["SIGN"]["number"]

        def header(size, kind=number, zero=0):
            return struct.pack(frames.HEADER, size, kind, zero, 1)
        for what, data in (
                ("text", b"hello, agent, how are you today?\n"), ("zeros", bytes(64)), ("ones", b"\xff" * 64),
                ("a size of 0", header(0)), ("a size of 3", header(3)), ("a size of 4", header(4)), ("a size of 15", header(15)),
                ("a size over the limit", header(65537)), ("the largest size", header((1 << 32) - 1)),
                ("a header that is not 0", header(16, zero=1)), ("no fields", header(16)),
                ("an unknown frame", header(16, 250)), ("a number beyond all", header(16, 65535)),
                ("a field more", struct.pack(frames.HEADER, len(sign) + 1, number, 0, 1) + sign[16:] + b"x"),
                ("a field less", struct.pack(frames.HEADER, len(sign) - 1, number, 0, 1) + sign[16:-1]),
                ("a list that is longer than it says", frames.with_header(frames.FRAMES["OUTCOMES"]["number"], outcomes[16:-1])),
                ("a flag of 2", outcomes.replace(b"\x00" * 7, b"\x02" + b"\x00" * 6, 1)[:-7] + b"\x02" + b"\x00" * 6)):
            self.assert_ends(what, START, data)
            self.assert_ends(f"{what}, at once", data)
        self.assertEqual(self.count_signed(), self.counted)

    def test_what_only_a_front_may_send_ends_the_connection(self):
        for name, frame in frames.FRAMES.items():
            if name not in OWN:
                self.assert_ends(name, START, frames.packet(frame))
                self.assert_ends(f"{name}, at once", frames.packet(frame))
        for name in ("SIGN", "OUTCOMES"):
            self.assert_ends(f"{name} before the start", frames.packet(frames.FRAMES[name]))
        self.assert_ends("SIGN before the start, and whole", self.sign(), START)
        self.assert_ends("two starts", START, START)
        self.assertEqual(self.count_signed(), self.counted)

    def test_questions_that_no_relay_asks_end_the_connection(self):
        header = {"name": "A", "value": "b"}
        for what, changes in (
                ("no id of its own", {"relay_id": ""}), ("the form of a bot", {"form": 0}), ("a string", {"form": 1, "text": "a=b"}),
                ("raw bytes", {"form": 2, "text": "a"}), ("a form beyond all", {"form": 4}), ("the last form", {"form": 255}),
                ("a check", {"is_check": True}), ("no id of the question", {"number": 0}), ("a long Idempotency-Key", {"repeat_key": "k" * 129}),
                ("no text in it", {"repeat_key": b"\xff\0\n"}), ("what stands for it in a fetch", {"repeat_key": "\1fetched 1"})):
            self.assert_ends(what, START, self.sign(**{"number": 1, **changes}))
        for what, changes in (
                ("an id in capitals", {"relay_id": draw().upper().replace("0", "A")}), ("a short id", {"relay_id": draw()[1:]}),
                ("a long id", {"relay_id": draw() + "0"}), ("for nobody", {"relay_for": ""}), ("for no name", {"relay_for": "ma\0ker"}),
                ("no key", {"key": ""}), ("a key that is none", {"key": "\xff/../x"}),
                ("no method", {"method": ""}), ("a method that is none", {"method": "PO ST"}), ("no address", {"url": ""}),
                ("no text in the address", {"url": b"/\xff"}), ("no text in the body", {"body": b"\xff\0"}),
                ("more headers than 64", {"headers": [{"name": f"A{i}", "value": "b"} for i in range(65)]}),
                ("a header twice", {"headers": [header, header]}), ("no text in a header", {"headers": [{"name": "A", "value": b"\xff"}]}),
                ("a header without a name", {"headers": [{"name": "", "value": "b"}]})):
            with self.subTest(what), self.link() as link:
                link.send(START, self.sign(**changes))
                try:
                    self.assertEqual(link.next()[0], "FAILED")
                except ConnectionError:
                    pass  # as well
        self.assertEqual(self.count_signed(), self.counted)

    def test_what_no_relay_fills_in_harms_nobody(self):
        for what, changes in (
                ("values", {"values": [{"kind": 0, "name": "a", "value": "b"}]}),
                ("values that do not end", {"values": [{"kind": 5, "name": "a"}] * 600}), ("a text", {"text": "a=b"}),
                ("a host", {"host": "api.binance.com"}), ("a path", {"path": "/api/v3/order"}), ("a key's id", {"key_id": "x"}),
                ("another connection", {"connection": 1}), ("a connection of nobody", {"connection": (1 << 64) - 1})):
            with self.subTest(what), self.link() as link:
                link.send(START, self.sign(**changes))
                try:
                    self.assertIn(link.next()[0], ("FAILED", "SIGNED"))
                except ConnectionError:
                    pass
        self.agent.must("decisions", "--json")

    def test_an_id_that_waits_and_is_asked_again_harms_nobody(self):
        with self.link() as link:
            link.send(START, self.sign(5), self.sign(5))
            try:
                self.assertEqual({link.next()[1] for _ in range(2)}, {5})
            except ConnectionError:
                pass  # as well

    def test_a_frame_in_pieces_is_one(self):
        with self.link() as link:
            for byte in START + self.sign(3):
                link.send(bytes([byte]))
            self.assertEqual(link.next()[:2], ("SIGNED", 3))
            data = self.sign(4) + self.sign(5)
            link.send(data[:-1])
            self.assertEqual(link.next()[:2], ("SIGNED", 4))
            link.send(data[-1:])
            self.assertEqual(link.next()[:2], ("SIGNED", 5))

    def test_half_a_frame_and_then_the_end(self):
        for data in (START[:-1], START + self.sign()[:-1], START + self.sign()[:3], b"\x01"):
            with self.link() as link:
                link.send(data)
                link.stream.shutdown(socket.SHUT_WR)
                self.assertEqual(link.rest(), [])
        self.assertEqual(self.count_signed(), self.counted)

    def test_a_descriptor_ends_the_connection(self):
        before = len(os.listdir(f"/proc/{self.agent.process.pid}/fd"))
        for first, then in ((START + self.sign(), b""), (START, self.sign())):
            for count in (1, 3, 200):
                with self.subTest(count=count), self.link() as link, open("/dev/null") as file:
                    if then:
                        link.send(first)
                    try:
                        socket.send_fds(link.stream, [then or first], [file.fileno()] * count)
                    except PermissionError:
                        continue  # the kernel lets none through, since Linux 6.16
                    self.assertEqual([name for name, *_ in link.rest() if name != "FAILED"], [])
        self.assertEqual(self.count_signed(), self.counted)
        harness.wait_until(lambda: len(os.listdir(f"/proc/{self.agent.process.pid}/fd")) <= before, "no descriptor is left")


class Many(LinkTest):
    def test_the_oldest_connection_gives_way(self):
        links = []
        for number in range(1, 41):
            links.append(self.link().start())
            self.addCleanup(links[-1].close)
            links[-1].send(self.sign(number))
            self.assertEqual(links[-1].next()[:2], ("SIGNED", number))
        for link in links[:-4]:
            self.assertEqual(link.rest(), [])
        for number, link in enumerate(links[-4:], 50):
            link.send(self.sign(number))
            self.assertEqual(link.next()[:2], ("SIGNED", number))

    def test_who_says_nothing_makes_room_too(self):
        links = [self.link() for _ in range(40)]
        for link in links:
            self.addCleanup(link.close)
        with Relay(self.agent) as relay:
            self.assert_relay_is_served(relay)

    def test_a_relay_that_reads_nothing_hurts_nobody(self):
        core = harness.Process(self.agent.process.pid)
        before = core.rss_kib()
        with self.link() as link:
            link.send(START)
            link.stream.settimeout(2)
            sent = 0
            try:
                for number in range(1, 8000):
                    link.send(sign_frame(number, KEY, TIMES, draw(), "maker"))
                    sent = number
            except OSError:
                pass  # core reads no more of it
            self.assertLess(sent, 7999)
            self.assert_relay_is_served(self.witness)
            if not harness.is_sanitized():
                self.assertLess(core.rss_kib() - before, UNREAD_KIB)
            link.stream.settimeout(20)
            for number in range(1, sent + 1):  # and all that was taken is answered
                self.assertEqual(link.next()[1], number)

    def test_a_relay_that_asks_all_the_time_holds_nobody(self):
        with self.link() as link:
            link.send(START)
            link.stream.setblocking(False)
            end = time.monotonic() + 2
            data = b""
            served = 0
            numbers_ = itertools.count(1)
            while time.monotonic() < end:
                data = data or b"".join(sign_frame(next(numbers_), KEY, {"method": "GET", "url": "/api/v3/time"}, draw(), "maker")
                                        for _ in range(100))
                try:
                    data = data[link.stream.send(data):]
                    link.stream.recv(1 << 20)
                except BlockingIOError:
                    self.assert_relay_is_served(self.witness)
                    served += 1
            self.assertGreater(served, 0)


class Reloaded(LinkTest):
    def look_at_agent(self):
        pass  # it is another policy

    def test_a_relay_that_may_speak_no_more_is_not_heard(self):
        """On the connection that it has."""
        first, second = self.order(), self.order()
        with Relay(self.agent) as relay:
            _, drawn = relay.sign(KEY, {"wire": first})
            text = self.agent.policy.read_text()
            self.agent.policy.write_text(text.replace("socket: relay, role: relay, for: [maker, taker]",
                                                      "socket: relay, role: relay, for: [taker]"))
            self.agent.must("reload")
            for wire in (first, second):
                answer, _ = relay.sign(KEY, {"wire": wire})
                self.assertEqual((answer.status, answer.json["rule"]), (403, "relay"), answer)
            self.assertNotIn("relay_id", answer.json)
            self.assertEqual(relay.sign(KEY, relaying.ACCOUNT, caller="taker")[0].status, 200)
            self.assertEqual(relay.not_sent(drawn).json["unknown"], [])  # it may still say how it ended
            self.agent.policy.write_text(text.replace("socket: relay, role: relay, for: [maker, taker]", "socket: relay"))
            self.agent.must("reload")
            answer, _ = relay.sign(KEY, relaying.ACCOUNT, caller="taker")
            self.assertEqual((answer.status, answer.json["rule"]), (403, "relay"), answer)


class Left(LinkTest):
    def test_nothing_is_signed_for_a_relay_that_has_hung_up(self):
        """The token has some already; what waits behind them is not signed any more."""
        token = self.agent.child("token").pid
        waiting = [self.order() for _ in range(ASKED)]
        os.kill(token, signal.SIGSTOP)
        try:
            with self.link() as link:
                link.send(START, *(sign_frame(number, KEY, wire, draw(), "maker") for number, wire in enumerate(waiting, 1)))
                time.sleep(1)  # core has read them all
            time.sleep(0.2)  # and seen the end
        finally:
            os.kill(token, signal.SIGCONT)
        with Relay(self.agent) as relay:
            statuses = [relay.sign(KEY, {"wire": wire})[0].status for wire in waiting]
        self.assertEqual(set(statuses) - {200, 409}, set())
        self.assertGreater(statuses.count(200), ASKED // 2)

    def test_what_was_asked_before_the_end_is_forgotten(self):
        """Also the places that it had."""
        for _ in range(20):
            with self.link() as link:
                link.send(START, *(self.sign(number) for number in range(1, 30)))
        with Relay(self.agent) as relay:
            harness.wait_until(lambda: relay.sign(KEY, {"wire": self.order()})[0].status == 200, "an order is signed")


if __name__ == "__main__":
    unittest.main()

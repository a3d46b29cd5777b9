#!/usr/bin/env python3
"""Reports reference prices to the agent: asks exchanges for their best bid and ask, and puts the middle of the two.

    chancery_feed.py --sources binance,kraken,coinbase BTC/USDT ETH/USDT

Runs until it is ended, as a user of its own to whom policy gives the role `feed`; docs/prices.md says how. Needs only the
standard library, tickers.py beside it, and chancery.py beside it or in ../python. With --print it asks each source once,
prints what it would report, and needs no agent.
"""

import argparse
import decimal
import http.client
import ipaddress
import os
import random
import re
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "python")]
import chancery  # noqa: E402  (beside this file when it is installed)
from tickers import EXCHANGES, BadAnswer, NoSuchPair, Slower, names_of, read_ticker  # noqa: E402

ANSWER_MAX = 64 * 1024  # bytes; a ticker has a few hundred
PAIRS_MAX = 400  # that one report holds
BACKOFF_MAX_S = 60.0
UNKNOWN_PAIR_S = 600.0  # for which a pair that a source does not have is left alone
RETRY_AFTER_MAX_S = 3600.0
REPORT_S = 0.5  # for which a price may wait for others


# ---- asking an exchange ----


def is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Line:
    """A connection to an exchange that is kept from question to question. It follows no redirect, uses no proxy, and takes
    no answer that is larger or later than it should be, however slowly that comes."""

    def __init__(self, base, timeout_s):
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"'{base}' is not https://HOST or https://HOST:PORT")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"'{base}' would be asked without TLS, and anybody on the way could answer; use https")
        self.timeout_s = timeout_s
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port)
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None

    def close(self):
        self.connection.close()

    def get(self, path):
        """The body of the answer, and how old it is in milliseconds by its Age. Raises BadAnswer, or OSError."""
        if self.connection.sock is not None:
            try:
                return self.try_once(path)
            except ConnectionError:
                pass  # the exchange may have closed a kept connection in the meantime
        return self.try_once(path)

    def try_once(self, path):
        is_new = self.connection.sock is None
        if is_new:
            self.connect()
        with Alarm(self.connection.sock, self.timeout_s) as alarm:
            try:
                if is_new and self.tls is not None:
                    self.connection.sock.do_handshake()
                answer, body = self.ask(path)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if alarm.rang:
                    raise TimeoutError(f"none that is whole within {self.timeout_s:g} s") from error
                if isinstance(error, OSError):
                    raise
                raise BadAnswer("it is not HTTP") from error
        if alarm.rang:
            self.close()
            raise TimeoutError(f"none that is whole within {self.timeout_s:g} s")
        return self.judge(answer, body)

    def connect(self):
        address = (self.connection.host, self.connection.port)
        sock = socket.create_connection(address, self.timeout_s)
        sock.settimeout(None)  # The alarm alone ends the waiting: if both did, the error would depend on which came first.
        if self.tls is not None:
            sock = self.tls.wrap_socket(sock, server_hostname=self.connection.host, do_handshake_on_connect=False)
        self.connection.sock = sock

    def ask(self, path):
        self.connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "chancery-feed"})
        answer = self.connection.getresponse()
        return answer, answer.read(ANSWER_MAX + 1)

    def judge(self, answer, body):
        if len(body) > ANSWER_MAX or answer.status != 200:
            self.close()  # what is left of the answer is not for the next question
        if answer.status in (418, 429, 503):
            advice = answer.getheader("Retry-After", "")
            raise Slower(answer.status, min(float(advice), RETRY_AFTER_MAX_S) if re.fullmatch("[0-9]{1,9}", advice) else 0.0)
        if answer.status in (400, 404):
            raise NoSuchPair(f"HTTP status {answer.status}; it may not have this pair")
        if answer.status != 200:
            raise BadAnswer(f"HTTP status {answer.status}")
        if len(body) > ANSWER_MAX:
            raise BadAnswer(f"it is larger than {ANSWER_MAX} bytes")
        age = answer.getheader("Age", "0")
        return body, int(age) * 1000 if re.fullmatch("[0-9]{1,9}", age) else 0


class Alarm:
    """Shuts a socket down after a time, whatever is being done with it. A timeout of the socket's own would begin anew with
    each byte that comes."""

    def __init__(self, sock, seconds):
        self.sock = sock
        self.rang = False
        self.timer = threading.Timer(seconds, self.ring)
        self.timer.daemon = True

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()

    def ring(self):
        self.rang = True
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not TLS's own, which changes what another thread uses
        except OSError:
            pass  # it is closed already


class Source:
    """One exchange, and the pairs that it is asked for."""

    def __init__(self, name, options):
        self.name = name
        self.exchange = EXCHANGES[name]
        self.pairs = list(options.pairs)
        self.spread_max = options.spread_max
        self.line = Line(options.bases.get(name, self.exchange.base), options.timeout_s)
        self.left_alone = {}  # pair: until when, by the monotonic clock
        self.log = Log(name)

    def ask(self, pair):
        asked_ms = time.time_ns() // 1_000_000
        body, age_ms = self.line.get(self.exchange.path.format(**names_of(self.exchange, pair)))
        return read_ticker(self.exchange, pair, body, asked_ms - age_ms, self.spread_max)

    def round(self, stop, report):
        """Asks for every pair once, and hands rows to `report` as they come, several at a time. Returns how long the source is
        to be left alone besides; what concerns the whole source ends the round."""
        rows = []
        begun = time.monotonic()
        rest_s = 0.0
        for pair in list(self.pairs):
            if self.left_alone.get(pair, 0) > time.monotonic():
                continue
            rest_s = self.ask_safely(pair, rows)
            if rest_s > 0:
                self.begin_after(pair)
                break
            if stop.wait(self.exchange.pause_s):
                break
            if time.monotonic() - begun > REPORT_S:
                report(rows)
                rows = []
                begun = time.monotonic()
        else:
            self.log.well("")
        report(rows)
        return rest_s

    def ask_safely(self, pair, rows):
        try:
            rows.append((pair, *self.ask(pair)))
            self.log.well(pair)
        except NoSuchPair as error:
            self.log.trouble(pair, str(error))
            self.left_alone[pair] = time.monotonic() + UNKNOWN_PAIR_S
        except Slower as error:
            self.log.trouble("", str(error))
            return max(error.seconds, 1.0)
        except BadAnswer as error:
            self.log.trouble(pair, f"the answer is of no use: {error}")
        except OSError as error:
            self.log.trouble("", f"no answer: {error}")
            return 1.0
        return 0.0

    def begin_after(self, pair):
        """So that one pair that fails again and again does not keep the others from being asked for."""
        at = self.pairs.index(pair) + 1
        self.pairs = self.pairs[at:] + self.pairs[:at]


class Log:
    """Says what is wrong once, and once that it is over. No text of a stranger gets here but what was read as a number."""

    lock = threading.Lock()

    def __init__(self, name):
        self.name = name
        self.troubles = {}

    def say(self, about, text):
        place = f"{self.name}: {about}" if about else self.name
        shown = "".join(c if c.isprintable() else "?" for c in f"{place}: {text}")
        with self.lock:
            print(shown, file=sys.stderr, flush=True)

    def trouble(self, about, text):
        if self.troubles.get(about) != text:
            self.troubles[about] = text
            self.say(about, text)

    def well(self, about):
        if self.troubles.pop(about, None) is not None:
            self.say(about, "well again")


# ---- reporting ----


class Reporter:
    """Asks one source again and again, and reports. Failures make the pauses longer, up to a minute."""

    def __init__(self, name, options):
        self.source = Source(name, options)
        self.log = Log(f"{name}, at the agent")
        self.every_s = options.every_s
        self.backoff_s = 0.0
        self.rest_s = 0.0  # that the agent needs, or we from it
        self.feed = chancery.Feed(options.socket, 10.0, options.agent_user)

    def report(self, rows):
        if not rows or self.rest_s > 0:
            return
        try:
            came = self.feed.put_prices(self.source.name, rows)
        except chancery.ChanceryError as error:
            self.feed.close()
            self.log.trouble("", str(error))
            self.rest_s = getattr(error, "retry_after_s", None) or 1.0
            return
        self.log.well("")
        for pair, _, _ in rows:
            if pair in came.get("held", []):
                self.log.trouble(pair, "held, because it moved further than policy allows, until an operator confirms it")
            else:
                self.log.well(pair)

    def turn(self, stop):
        """One round and its reports. Returns for how long to wait before the next."""
        begun = time.monotonic()
        self.rest_s = 0.0
        rest_s = max(self.source.round(stop, self.report), self.rest_s)
        self.backoff_s = min(max(self.backoff_s * 2, self.every_s), BACKOFF_MAX_S) if rest_s else 0.0
        wait_s = max(rest_s, self.backoff_s, begun + self.every_s - time.monotonic(), 0.0)
        return wait_s * random.uniform(1.0, 1.1)  # so that sources, and feeds on other machines, do not ask in step

    def run(self, stop):
        while not stop.is_set():
            stop.wait(self.turn(stop))


def serve(options):
    """A thread for each source. A defect in one ends the program, so that the service manager starts it anew."""
    stop = threading.Event()
    failures = []
    ends = {signal.SIGTERM, signal.SIGINT}

    def run(reporter):
        try:
            reporter.run(stop)
        except Exception as error:
            failures.append(error)
            reporter.log.say("", f"a defect: {error!r}")
            os.kill(os.getpid(), signal.SIGTERM)

    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # a handler might find the event's own lock taken
    for name in options.sources:
        threading.Thread(target=run, args=(Reporter(name, options),), daemon=True).start()
    signal.sigwait(ends)
    stop.set()
    return 1 if failures else 0


def show(options):
    """One round of each source, as text."""
    stop = threading.Event()
    for name in options.sources:
        Source(name, options).round(stop, lambda rows, name=name: show_rows(name, rows))
    return 0


def show_rows(name, rows):
    for pair, price, time_ms in rows:
        print(f"{name:10} {pair:12} {price:f} {time_ms}", flush=True)


# ---- the command line ----


def pair_of(text):
    if not re.fullmatch(r"[A-Z0-9]{1,16}/[A-Z0-9]{1,16}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a pair of assets like BTC/USDT")
    return text


def sources_of(text):
    names = text.split(",")
    unknown = [name for name in names if name not in EXCHANGES]
    if unknown or len(set(names)) != len(names):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of different names of {', '.join(EXCHANGES)}")
    return names


def base_of(text):
    name, _, base = text.partition("=")
    if name not in EXCHANGES:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=URL, with a name of {', '.join(EXCHANGES)}")
    try:
        Line(base, 1.0)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name, base


def seconds_of(text):
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text, re.ASCII) or float(text) < 0.1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 0.1 to 9999")
    return float(text)


def percent_of(text):
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,4})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of percent below 100")
    return decimal.Decimal(text) / 100


def read_arguments(arguments):
    parser = argparse.ArgumentParser(prog="chancery_feed.py", description="Reports reference prices to chancery-agent.")
    parser.add_argument("pairs", metavar="PAIR", nargs="+", type=pair_of, help="base and quote asset: BTC/USDT")
    parser.add_argument("--sources", type=sources_of, default=list(EXCHANGES), metavar="NAMES",
                        help=f"the exchanges to ask, as policy names them (default: {','.join(EXCHANGES)})")
    parser.add_argument("--every", dest="every_s", type=seconds_of, default=2.0, metavar="SECONDS",
                        help="how often each source is asked (default: 2)")
    parser.add_argument("--timeout", dest="timeout_s", type=seconds_of, default=5.0, metavar="SECONDS",
                        help="how long an answer may take (default: 5)")
    parser.add_argument("--spread", dest="spread_max", type=percent_of, default=decimal.Decimal("0.02"), metavar="PERCENT",
                        help="how far bid and ask may be from each other (default: 2)")
    parser.add_argument("--base", dest="bases", type=base_of, action="append", default=[], metavar="NAME=URL",
                        help="another address of an exchange's public API")
    parser.add_argument("--socket", help="the agent's socket (default: as for bots)")
    parser.add_argument("--agent-user", help="the agent's user (default: $CHANCERY_AGENT_USER, else chancery)")
    parser.add_argument("--print", dest="is_printing", action="store_true", help="ask once, print, and report nothing")
    options = parser.parse_args(arguments)
    if len(options.pairs) > PAIRS_MAX or len(set(options.pairs)) != len(options.pairs):
        parser.error(f"there may be at most {PAIRS_MAX} pairs, each once")
    options.bases = dict(options.bases)
    return options


def main(arguments=None):
    options = read_arguments(arguments)
    return show(options) if options.is_printing else serve(options)


if __name__ == "__main__":
    sys.exit(main())

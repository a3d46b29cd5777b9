"""An agent under load from several bots with limits, and a book of what they got signed: whatever happens to the agent, its
own count may never be below that book."""

import collections
import decimal
import hashlib
import http.client
import os
import random
import threading
import time
import urllib.parse

import harness
import rules

BOTS = ("bot-0", "bot-1", "bot-2", "bot-3")
KEYS = ("kraken", "okx", "okx-uses")
LIMITS = ("all-time", "a-day", "desk", "orders")
USES = {"okx-uses": 7}
PRICE = 30000
DECISION = 0  # the kind of a row (state/journal.h)

POLICY = """\
version: 1
people:
  tester: {{ uid: {uid}, roles: [operator, admin] }}
decisions: {{ keep: 1m }}
accounts:
  desk: {{ prices: none }}
keys:
  kraken: {{ account: desk, token: main, object: "pkcs11:object=kraken-main", profile: kraken, scheme: hmac, key_id: k }}
  okx: {{ account: desk, token: main, object: "pkcs11:object=okx", profile: okx, scheme: hmac, key_id: o, passphrase: p,
        assume_uses: 1 }}
  okx-uses: {{ account: desk, token: main, object: "pkcs11:object=okx", profile: okx, scheme: hmac, key_id: o, passphrase: p,
             assume_uses: {uses} }}
callers:
{callers}
allow:
  - {{ name: trades, caller: [{bots}], key: any, classes: [trade], markets: any, limits: [{limits}] }}
limit:
  - {{ name: all-time, value: "1000000000000000 USDT", per: ever, by: caller }}
  - {{ name: a-day, value: "1000000000000000 USDT", per: 24h, by: [caller, key] }}
  - {{ name: desk, value: "1000000000000000 USDT", per: calendar-month, by: account }}
  - {{ name: orders, orders: 1000000000, per: 24h, by: caller }}
"""


class Agent(rules.Agent):
    def write_files(self, relogin):
        super().write_files(relogin)
        uid = os.getuid()
        callers = "\n".join(f"  {bot}: {{ uid: {uid}, socket: {bot} }}" for bot in BOTS)
        self.policy.write_text(POLICY.format(uid=uid, callers=callers, bots=", ".join(BOTS), limits=", ".join(LIMITS),
                                             uses=USES["okx-uses"]))

    def make(self):
        self.make_token()
        self.import_hmac("kraken-main", "hmac-sha512", harness.KRAKEN_SECRET, "base64")
        self.import_hmac("okx", "hmac-sha256", rules.OKX_SECRET)

    def begin(self):
        """Starts and unlocks it."""
        self.start()
        done = self.unlock()
        if done.returncode != 0:
            raise AssertionError(f"unlock: {done.stderr.decode()}\n{self.log()[-2000:]}")

    def limits(self, bot, key):
        with self.by(bot) as client:
            answer = client.get(f"/v1/keys/{key}/limits")
            while answer.status == 503 and "too often" in answer.json["detail"]:
                time.sleep(0.2)
                answer = client.get(f"/v1/keys/{key}/limits")
        if answer.status != 200:
            raise AssertionError(answer)
        return {limit["limit"]: decimal.Decimal(limit["used"].split()[0]) for limit in answer.json["limits"]}

    def journal(self):
        """The rows of the journal by id, of an agent that has ended: (kind, of, record)."""
        with self.copied_state() as database:
            assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            return {row[0]: row[1:] for row in database.execute("SELECT id, kind, of, record FROM journal")}


def order(key, quantity):
    if key == "kraken":
        return rules.order(volume=quantity, price=str(PRICE))
    return rules.swap(instId="BTC-USDT", tdMode="cash", sz=quantity, px=str(PRICE))


class Book:
    """What the bots got."""

    def __init__(self):
        self.lock = threading.Lock()
        self.value = collections.Counter()  # by bot and key, times its uses
        self.orders = collections.Counter()
        self.nonces = set()
        self.twice = []
        self.unseen = {}  # by reservation: what was signed since the journal was looked at
        self.signed = 0
        self.others = collections.Counter()  # statuses
        self.refused = collections.Counter()  # by bot

    def note(self, bot, key, quantity, finished):
        uses = USES.get(key, 1)
        with self.lock:
            self.signed += 1
            self.value[bot, key] += decimal.Decimal(quantity) * PRICE * uses
            self.orders[bot] += uses
            self.unseen[int(finished["reservation"])] = (bot, key, quantity, finished)
            if key == "kraken":
                nonce = urllib.parse.parse_qs(finished["body"])["nonce"][0]
                if nonce in self.nonces:
                    self.twice.append(nonce)
                self.nonces.add(nonce)

    def expected(self, bot, key):
        """What each limit must have counted at least."""
        with self.lock:
            return {"all-time": sum(value for (who, _), value in self.value.items() if who == bot),
                    "a-day": self.value[bot, key], "desk": sum(self.value.values()), "orders": self.orders[bot]}

    def await_refusals(self):
        """Waits until each bot has asked anew and been refused. Then the book has all that was signed before."""
        before = self.refused.copy()
        harness.wait_until(lambda: all(self.refused[bot] >= before[bot] + 2 for bot in BOTS), "every bot is refused", 60)

    def take_unseen(self):
        with self.lock:
            found, self.unseen = self.unseen, {}
        return found


class Bot(threading.Thread):
    """Orders without pause, and connects again when a connection breaks."""

    def __init__(self, agent, name, book, pause_s=0.0):
        super().__init__(daemon=True)
        self.agent = agent
        self.name_of_caller = name
        self.book = book
        self.pause_s = pause_s
        self.is_over = threading.Event()

    def run(self):
        client = None
        while not self.is_over.is_set():
            key = random.choice(KEYS)
            quantity = f"0.{random.randint(1, 9999):04}"
            try:
                client = client or self.agent.by(self.name_of_caller, 5)
                answer = client.sign(key, order(key, quantity))
                if answer.status == 200:
                    self.book.note(self.name_of_caller, key, quantity, answer.json)
                    self.is_over.wait(self.pause_s)
                else:
                    self.book.others[answer.status] += 1
                    self.book.refused[self.name_of_caller] += 1
                    self.is_over.wait(0.02)
            except (OSError, http.client.HTTPException, ValueError):
                if client:
                    client.close()
                client = None
                self.is_over.wait(0.02)
        if client:
            client.close()


class Load:
    def __init__(self, agent, pause_s=0.0):
        self.book = Book()
        self.bots = [Bot(agent, name, self.book, pause_s) for name in BOTS]

    def __enter__(self):
        for bot in self.bots:
            bot.start()
        return self.book

    def __exit__(self, *_):
        for bot in self.bots:
            bot.is_over.set()
        for bot in self.bots:
            bot.join(15)


def digest_of(key, finished):
    """SHA-256 of what the token signed, as the record has it."""
    url = urllib.parse.urlsplit(finished["url"])
    if key == "kraken":
        nonce = urllib.parse.parse_qs(finished["body"])["nonce"][0]
        payload = url.path.encode() + hashlib.sha256((nonce + finished["body"]).encode()).digest()
    else:
        payload = (finished["headers"]["OK-ACCESS-TIMESTAMP"] + finished["method"] + url.path + finished["body"]).encode()
    return hashlib.sha256(payload).hexdigest()

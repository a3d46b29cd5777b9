"""Random streams of what happens under a policy: prices, requests at five exchanges, releases, an operator.

A stream looks at the oracle's windows: many orders are as large as what a limit has left, and many come at the very instant
at which a window has room again, a bucket ends or a day begins."""

from fractions import Fraction

import terms
from policies import ADDRESSES, CALLERS, SYMBOLS, WORTH
from readings import Item
from asking import Requests
from venues import EXCHANGES

NS = terms.NS
PAIRS = ["BTC/USD", "BTC/USDT", "BTC/USDC", "BTC/EUR", "ETH/USD", "ETH/USDT", "ETH/EUR", "ETH/BTC", "SOL/USDT", "SOL/EUR",
         "SOL/USD"]
UNREAD = ["XXBTZUSD", "BTC-USD-260327-50000-C", "BTC-27MAR26-50000-C"]
NICE = sorted(2 ** a * 5 ** b for a in range(12) for b in range(6))


def text_of(value, digits=None):
    """A plain decimal, rounded if it is told how."""
    value = Fraction(value)
    if digits is not None:
        value = Fraction(round(value * 10 ** digits), 10 ** digits)
    return terms.plain(value)


class Stream(Requests):
    def __init__(self, dice, data, oracle):
        self.dice = dice
        self.data = data
        self.oracle = oracle
        self.now = dice.choice([1772000000, 1774745990, 1772953190, 1772323190, 1782856000]) * NS
        self.now += dice.randrange(NS) if self.chance(50) else 0
        self.moods = {pair: self.fair(pair) for pair in PAIRS}
        self.queue = []
        self.serial = 0
        self.accepted = []
        self.last_refused = None  # a request, and when its window has room
        self.ids = {}  # by key, those that orders were given

    def chance(self, percent):
        return self.dice.randrange(100) < percent

    def fair(self, pair):
        base, quote = pair.split("/")
        value = WORTH[base] / WORTH[quote] * self.dice.uniform(0.97, 1.03)
        return self.rounded(value)

    def rounded(self, value):
        digits = self.dice.choice([2, 3, 3, 4, 4, 5, 6, 11])
        return Fraction(f"{value:.{digits}g}")

    # ---- time ----

    def step(self):
        pick = self.dice.randrange(100)
        if pick < 15:
            return
        if pick < 55:
            self.now += self.dice.randrange(2 * NS)
        elif pick < 62:
            self.now += self.dice.randrange(30) * NS
        elif pick < 72:
            self.now += self.dice.randrange(60 * NS)
        elif pick < 86:
            self.step_to_edge()
        elif pick < 94:
            self.now += self.dice.randrange(3600) * NS
        else:
            self.now += self.dice.choice([6, 12, 24, 31]) * 3600 * NS

    def step_to_edge(self):
        """To where a bucket, a day, a week or a month of some limit ends, or an instant before it."""
        limits = list(self.oracle.policy.limits.values())
        if not limits:
            return
        period = self.dice.choice(limits).period
        if period.is_sliding:
            edge = (self.now // period.bucket_ns + self.dice.choice([1, 1, 2, 59, 60, 61])) * period.bucket_ns
        else:
            edge = period.end(self.now) or self.now + NS
        if edge - self.now < 40 * 86400 * NS:
            self.now = max(self.now, edge - self.dice.choice([0, 0, 1]))

    # ---- what happens next ----

    def next(self):
        if self.queue:
            return self.queue.pop(0)
        if self.last_refused is not None and self.chance(60):
            return self.ask_again()
        self.step()
        pick = self.dice.randrange(100)
        if pick < 4 and self.accepted:
            return {"do": "release", "now": self.now, "id": self.accepted.pop(self.dice.randrange(len(self.accepted)))}
        if pick < 10:
            return self.operator()
        ask = self.ask()
        for pair in PAIRS:
            if self.chance(92 if pair in self.needed else 15):
                self.quote(pair)
        self.queue.append(ask)
        while self.chance(12):  # the same again
            self.now += self.dice.choice([0, NS, 20 * NS])
            self.queue.append(dict(ask, now=self.now, id=self.count()))
        return self.queue.pop(0)

    def ask_again(self):
        """Just before its window has room, or just then."""
        ask, at = self.last_refused
        self.last_refused = None
        if at - self.now > 45 * 86400 * NS:
            return self.next()
        self.now = max(self.now, at - self.dice.choice([0, 0, 1]))
        for pair in PAIRS:
            self.quote(pair)
        again = dict(ask, now=self.now, id=self.count())
        if self.chance(70):
            self.queue.append({"do": "state", "of": "caller", "name": self.dice.choice(ask["callers"] or CALLERS),
                               "state": "active", "until": 0, "now": self.now})
        self.queue.append(again)
        return self.queue.pop(0)

    def count(self):
        self.serial += 1
        return self.serial

    def operator(self):
        halted = [name for (of, name) in self.oracle.states if of == "caller"]
        name = self.dice.choice(halted) if halted and self.chance(90) else self.dice.choice(CALLERS)
        of = "caller"
        if self.chance(12):
            of, name = "key", self.dice.choice(list(self.data["keys"]))
        state = "active" if self.chance(93) else self.dice.choice(["reducing", "halted"])
        until = 0 if self.chance(40) else self.now + self.dice.randrange(1, 120) * NS
        return {"do": "state", "of": of, "name": name, "state": state, "until": until if state != "active" else 0,
                "now": self.now}

    def quote(self, pair):
        if self.chance(20):
            self.moods[pair] = self.rounded(float(self.moods[pair]) * self.dice.uniform(0.985, 1.015))
        price = self.moods[pair]
        sources = self.dice.sample(["s1", "s2", "s3"], self.dice.choice([1, 2, 2, 3]))
        for source in sources:
            off = price if self.chance(50) else self.rounded(float(price) * self.dice.uniform(0.998, 1.002))
            late = self.dice.choice([0, 0, 0, 1, NS, 5 * NS, 5 * NS + 1])
            self.queue.append({"do": "price", "now": self.now, "source": source, "pair": pair, "price": text_of(off),
                               "quoted": self.now - late})

    # ---- requests ----

    def ask(self):
        key = self.dice.choice(list(self.data["keys"]))
        self.profile = self.data["keys"][key]["profile"]
        self.needed = set()
        if self.data["keys"][key].get("raw") and self.chance(25) or self.chance(1):
            return {"do": "ask", "now": self.now, "callers": [self.dice.choice(CALLERS)], "key": key, "raw": True, "method": "",
                    "path": "", "params": {}, "id": self.count()}
        self.key = key
        made = getattr(self, self.profile.split("-")[0])()
        callers = self.dice.sample(CALLERS, self.dice.choice([1, 1, 1, 1, 1, 1, 2, 3]))
        if self.chance(1):
            callers = []
        method, path, params = made
        ask = {"do": "ask", "now": self.now, "callers": callers, "key": key, "method": method, "path": path, "params": params,
               "id": self.count()}
        if self.profile == "bitvavo":
            ask["window"] = self.dice.choice([1000, 10000, 5000, 10001])
        return ask

    def terms(self):
        """What an order is to be: its symbol, side, type, price, trigger and base quantity."""
        dice = self.dice
        symbol = dice.choice(SYMBOLS[self.profile] + [one for one in SYMBOLS[self.profile] if one not in UNREAD] * 2)
        probe = Item("order")
        exchange = EXCHANGES[self.profile]
        getattr(exchange, "pair", getattr(exchange, "instrument", None))(probe, symbol)
        base, quote = probe.known("base"), probe.known("quote")
        self.needed |= {pair for pair in PAIRS if pair.split("/")[0] == base}
        fair = float(self.moods.get(f"{base}/{quote}") or self.fair(f"{base or 'BTC'}/{quote or 'USD'}"))
        side = dice.choice(["buy", "sell"])
        lean = dice.choice([0.002, 0.003, 0.004, 0.01, 0.01, 0.04])
        price = self.rounded(fair * dice.uniform(1 - lean, 1 + lean)) if self.chance(85) else Fraction(str(fair))
        if self.chance(5):  # just at the edge of a collar
            within = dice.choice([1, 2, 5]) * dice.choice([1, -1])
            price = Fraction(str(fair)) * (100 + within) / 100
        kind = dice.choice(["limit"] * 9 + ["limit-maker", "limit-maker", "stop-limit", "take-profit-limit", "market", "market",
                                            "stop"])
        trigger = self.rounded(fair * dice.uniform(0.97, 1.03))
        quantity = Fraction(str(round(dice.choice([100, 500, 1000, 1000, 3000]) * dice.uniform(0.2, 1.5)
                                      / WORTH.get(base, 32000.0), dice.choice([4, 4, 6, 6, 8, 12])))) or Fraction(1, 1000)
        if self.chance(30):
            quantity, price = self.exactly(quote, fair, quantity, price)
        return {"symbol": symbol, "side": side, "kind": kind, "price": price, "trigger": trigger, "quantity": quantity,
                "contract": probe.contract, "unit": probe.unit, "quote": quote,
                "id": self.new_id() if self.chance(60) else None}

    def exactly(self, quote, fair, quantity, price):
        """A quantity and a price whose product is what some limit has left."""
        limits = [limit for limit in self.oracle.policy.limits.values() if limit.asset == quote]
        if not limits:
            return quantity, price
        limit = self.dice.choice(limits)
        left = limit.most
        if limit.field in ("value", "open_value", "loss"):
            levels = [level for (name, _, _), level in self.oracle.levels.items() if name == limit.name]
            if levels:
                left -= self.dice.choice(levels).used(self.now)
        uses = self.data["keys"][self.key].get("assume_uses", 1)
        left = left / uses + self.dice.choice([0, 0, 0, Fraction(1, 10 ** 8)])
        if left <= 0 or left.denominator > 10 ** 14:
            return quantity, price
        wanted, digits = left / Fraction(str(fair)), 0
        while wanted * 10 ** digits < 1000:
            digits += 1
        best = max((one for one in NICE if one <= wanted * 10 ** digits), default=None)
        if best is None:
            return quantity, price
        exact = Fraction(best, 10 ** digits)
        return exact, left / exact

    def number(self, value):
        """As a decimal that the profile takes: at most 18 digits after the point."""
        value = Fraction(value)
        if (10 ** 18) % value.denominator:
            value = Fraction(round(value * 10 ** 8), 10 ** 8)
        return text_of(value) if value > 0 or self.chance(50) else "0.00000001"

    def new_id(self):
        """Now and then one that there was."""
        return f"id{self.dice.randrange(2000)}" if self.chance(96) else self.old_id()

    def hear(self, event, answer):
        """What became of a request."""
        if answer["ok"]:
            self.accepted.append(event["id"])
            known = self.ids.setdefault(event["key"], [])
            for one in event["params"] if isinstance(event["params"], list) else [event["params"]]:
                known.extend(one[name] for name in ("cl_ord_id", "clOrdId", "clientOrderId", "client_oid", "label") if name in one)
        elif answer["retry"]:
            self.last_refused = (event, event["now"] + answer["retry"])

    def old_id(self):
        return self.dice.choice(self.ids.get(self.key, [])[-8:] or ["id0"])

    def cid(self, params, name, order):
        if order["id"] is not None:
            params[name] = order["id"]

    def withdrawal(self):
        place = self.dice.choice(["cold", "tagged", "stable"])
        address = dict(ADDRESSES[place])
        if self.chance(10):
            address["address"] = "elsewhere"
        if self.chance(8):
            address["tag"] = "78" if self.chance(50) else None
        size = {"BTC": 0.02, "USDT": 400, "XRP": 300}[address["asset"]] * self.dice.uniform(0.1, 2)
        left = [limit.most for limit in self.oracle.policy.limits.values() if limit.asset == address["asset"] and limit.field == "amount"]
        amount = self.dice.choice(left) if left and self.chance(20) else self.rounded(size)
        return address, self.number(amount)

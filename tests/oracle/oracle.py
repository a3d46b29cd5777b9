"""The slow oracle: what a policy decides, written from the documents alone, with fractions, lists and no haste.

A policy is the data that its YAML stands for. Oracle.decide says whether a request may be signed, which of the rules that
refuse it may be named, and what it takes of which windows; Oracle.accept takes it. Nothing here was read from the C."""

import itertools
from fractions import Fraction

import terms
from counting import Counting, is_reducing
from entries import CLASSES, Subject
from limits import Level, Policy, has_room
from readings import HAS, HAS_TRIGGER, LACKS_PRICE, UNKNOWN, Item
from venues import EXCHANGES
from worth import Prices, Pricing, Unknown, fact

WORST = ("active", "reducing", "halted")
COMBINATIONS = 900
NARROWS = {"classes", "endpoints", "markets", "symbols", "sides", "types", "time_in_force", "items", "settings", "to", "assets"}


class Decision:
    def __init__(self):
        self.refusing = {}  # rule: what is known of the refusal
        self.allowed = False
        self.charges = {}  # (limit, scope, is_closing): amount
        self.by = None
        self.items = []
        self.asked = set()  # kinds of rules that were asked and did not refuse

    def refuse(self, rule, **figures):
        self.refusing.setdefault(rule, []).append(figures)


class Oracle(Counting):
    def __init__(self, data):
        self.policy = Policy(data)
        self.levels = {}
        self.states = {}  # (of, name): (state, until)
        prices = data.get("prices", {})
        self.prices = Prices(prices.get("sources", []), prices.get("at_least", 1))
        self.orders = {}  # (account, id): item
        self.reservations = {}

    # ---- what is asked ----

    def decide(self, ask):
        """`ask` has now, callers, key, method, path, params, window."""
        said = self.said = Decision()
        self.ask, self.now = ask, ask["now"]
        policy = self.policy
        key = policy.keys[ask["key"]]
        self.key, self.account_name = ask["key"], policy.account_of(ask["key"])
        self.account = policy.accounts[self.account_name]
        self.exchange = EXCHANGES[key["profile"]]
        entries = {verb: [entry for entry in all_of if entry.is_for(ask["callers"], self.key, self.account_name)]
                   for verb, all_of in policy.entries.items()}
        if not entries["allow"]:
            said.refuse("grant")
            return said
        self.validity = self.exchange.validity(ask.get("window"))
        if ask.get("raw"):
            return self.decide_raw(said, entries, key)
        self.uses = key.get("assume_uses") or self.exchange.uses(ask.get("window"))
        readings = self.exchange.read(ask["method"], ask["path"], ask["params"])
        state = self.state_of(ask["callers"], self.key)
        places = []
        for number, reading in enumerate(readings):
            self.check_classes(said, entries["allow"], reading, state)
            for item in reading.items:
                whole = self.complete(item)
                subject = Subject(reading, whole, HAS[item.kind])
                said.items.append((reading, item))
                places.append((number, self.options(said, entries, subject, state)))
            self.check_requirements(said, entries["require"], reading)
        self.choose(said, places)
        said.allowed = not said.refusing
        return said

    def decide_raw(self, said, entries, key):
        """Any bytes: they may be whatever the key can do, so nothing may narrow it but the count of messages."""
        live = [allow for allow in entries["allow"] if allow.takes_anything() and allow.holds_now(self.now)]
        covered = {class_ for allow in live for class_ in allow.classes or []}
        if not key.get("raw") or covered != set(CLASSES):
            said.refuse("raw")
            said.refuse("class")
        if self.state_of(self.ask["callers"], self.key) != "active":
            said.refuse("state")
        charges = {}
        for verb in ("deny", "limit", "require"):
            for entry in entries[verb]:
                limit = self.policy.limits.get(entry.name)
                if limit is not None and limit.is_named or not entry.holds_now(self.now):
                    continue
                if limit is not None and limit.field == "messages" and not set(limit.by) - {"caller", "key", "account"} and (
                        not set(entry.data) & NARROWS):
                    for scope in self.scopes(limit, None):
                        charges[entry.name, scope, False] = Fraction(1)
                else:
                    said.refuse(entry.name)
        for rule, figures in self.find_full(charges):
            said.refuse(rule, **figures)
        said.asked.add("raw")
        said.by = ""
        said.charges = charges
        said.allowed = not said.refusing
        return said

    def state_of(self, callers, key):
        worst = "active"
        for of, name in [("caller", name) for name in callers] + [("key", key)]:
            state, until = self.states.get((of, name), ("active", None))
            if until is None or self.now < until:
                worst = max(worst, state, key=WORST.index)
        return worst

    def check_classes(self, said, allows, reading, state):
        live = [allow for allow in allows if allow.holds_now(self.now)]
        if not any(allow.is_about(reading) for allow in live):
            said.refuse("class")
            said.refuse("allow")
        for class_ in reading.needs:
            if not any(allow.classes is not None and class_ in allow.classes for allow in live):
                said.refuse("confusion" if class_ == "session" else "class")  # what a signature opens, or what a value needs
        passing = self.policy.states[state]
        if passing is not None and (reading.class_ not in passing or reading.needs - passing):
            said.refuse("state")

    def complete(self, item):
        """An amendment is the full new order, as far as the record of the order says it."""
        if not item.amends:
            return item
        whole = Item(item.kind, amends=True)
        whole.facts = dict(item.facts)
        whole.unit, whole.contract, whole.spoken = item.unit, item.contract, item.spoken
        record = self.record_of(item)
        for name in HAS["order"] if record is not None else []:
            if item.get(name) is UNKNOWN and name not in item.spoken and name not in ("order", "client_id"):
                value = record.get(name)
                if value is None:
                    whole.facts.pop(name)
                else:
                    whole.facts[name] = value
                if name == "quantity":
                    whole.unit, whole.contract = record.unit, record.contract
        if "price" in whole.facts and (whole.known("type") is None or whole.get("type") in LACKS_PRICE):
            whole.facts["price"] = UNKNOWN  # it may be no price of such an order
        return whole

    def record_of(self, item):
        if item.id_name is None or item.known("order") is None:
            return None
        record = self.orders.get((self.account_name, item.get("order")))
        if record is None or record.id_name != item.id_name:
            return None
        if item.known("symbol") is not None and record.known("symbol") is None:
            return None  # nobody knows whether it is
        for name in ("market", "symbol", "side"):
            if None not in (item.known(name), record.known(name)) and item.known(name) != record.known(name):
                return None  # it is of another order
        return record

    # ---- one item ----

    def options(self, said, entries, subject, state):
        """The ways in which the item may pass: each allow that covers it, with what its limits say."""
        item = subject.item
        self.check_state(said, subject, state)
        for deny in entries["deny"]:
            if deny.narrows(subject, self.now):
                said.refuse(deny.name)
            else:
                said.asked.add("deny")
        covering = [allow for allow in entries["allow"] if allow.covers(subject, self.now)]
        if not covering:
            said.refuse("allow")
            said.refuse("class")
        options, refused = [], []
        for allow in covering:
            limits = [self.policy.limits[entry.name] for entry in entries["limit"]
                      if (not self.policy.limits[entry.name].is_named or entry.name in allow.limits)
                      and entry.narrows(subject, self.now)]
            collars = [(limit.most, limit.age_ns) for limit in limits
                       if limit.field == "price_within" and limit.name in allow.limits]
            pricing = Pricing(item, self.account, self.prices, self.policy.conversions, self.now, collars)
            costs, against = {}, []
            for limit in limits:
                self.ask_limit(limit, subject, pricing, costs, against)
                said.asked.add(limit.field)
            self.ask_amounts(allow, limits, subject, against)
            said.asked.update("closing" for at in costs if at[2])
            if against:
                refused.extend(against)
            else:
                options.append((allow, costs))
        if covering and not options:
            for rule, figures in refused:
                said.refuse(rule, **figures)
        return options

    def check_state(self, said, subject, state):
        item = subject.item
        if state == "active":
            return
        said.asked.add(state)
        if item.kind == "read" or item.kind == "cancel":
            kept = state == "halted" and self.policy.keeps_stops and item.kind == "cancel"
            if kept and self.may_be_stop(item):
                said.refuse("state")
            return
        if state == "halted" or item.kind != "order" or not is_reducing(item):
            said.refuse("state")

    def may_be_stop(self, item):
        """Unless the record of the order that is cancelled says that it has no trigger."""
        record = self.record_of(item)
        kind = None if record is None else record.known("type")
        return kind is None or kind in HAS_TRIGGER

    # ---- requirements ----

    def check_requirements(self, said, requires, reading):
        for entry in requires:
            applies, total = False, Fraction(0)
            for item in reading.items:
                whole = self.complete(item)
                subject = Subject(reading, whole, HAS[item.kind])
                if not entry.narrows(subject, self.now):
                    continue
                if "above" not in entry.data:
                    applies = True
                    continue
                most, asset = terms.amount(entry.data["above"])
                try:
                    worth = self.worth_above(whole, asset)
                except Unknown:
                    applies = True
                    continue
                total += 0 if worth is None else worth
                applies = applies or total > most
            if applies:
                said.refuse(entry.name)
            else:
                said.asked.add("require")

    def worth_above(self, item, asset):
        """None: the kind of item has no worth."""
        pricing = Pricing(item, self.account, self.prices, self.policy.conversions, self.now, [])
        if item.kind == "order":
            return pricing.convert(pricing.value(), asset)
        if item.kind in ("transfer", "withdrawal", "borrow"):
            return pricing.convert((fact(item, "amount"), fact(item, "asset").upper()), asset)
        return None

    # ---- windows ----

    def choose(self, said, places):
        """The first choice of allows with which all windows have room; else all windows that have none."""
        if any(not options for _, options in places):
            return
        tried = 0
        found = []
        for choice in itertools.product(*(options for _, options in places)):
            tried += 1
            if tried > COMBINATIONS:
                break
            charges = self.sum_up([(places[i][0], choice[i][1]) for i in range(len(choice))])
            full = self.find_full(charges)
            if not full:
                said.charges, said.by = charges, choice[0][0].name
                return
            found.extend(full)
        for rule, figures in found:
            said.refuse(rule, **figures)

    def sum_up(self, chosen):
        by_reading = {}
        for reading, costs in chosen:
            sums = by_reading.setdefault(reading, {})
            for at, (how, amount) in costs.items():
                sums[at] = amount if how == "request" else sums.get(at, 0) + amount
        charges = {}
        for sums in by_reading.values():
            for at, amount in sums.items():
                charges[at] = max(charges.get(at, 0), amount)
        return charges

    def find_full(self, charges):
        full = []
        for (name, scope, is_closing), amount in charges.items():
            limit = self.policy.limits[name]
            level = self.levels.get((name, scope, is_closing), Level())
            is_cancel = limit.field == "messages" and self.is_cancel()
            room = limit.room(is_closing, is_cancel)
            used = level.used(self.now)
            if not has_room(used, amount, room):
                full.append((name, {"control": limit.control, "asked": amount, "left": max(Fraction(0), room - used),
                                    "closing": is_closing, "up": amount <= room, "retry": level.wait(amount, room, self.now),
                                    "window": True}))
        return full

    def is_cancel(self):
        if self.ask.get("raw"):
            return False
        return self.exchange.read(self.ask["method"], self.ask["path"], self.ask["params"])[0].class_ == "cancel"

    # ---- what follows ----

    def accept(self, said, number):
        """It was signed."""
        taken = []
        for (name, scope, is_closing), amount in said.charges.items():
            level = self.levels.setdefault((name, scope, is_closing), Level())
            charge = [amount, self.policy.limits[name].period.end(self.now), self.now, amount]
            level.charges.append(charge)
            taken.append((name, scope, is_closing, charge))
        self.reservations[number] = taken
        for _, item in said.items:
            self.note_order(item)

    def note_order(self, item):
        """Two orders with one id, or one that was changed: what differs is not known any more."""
        if item.kind != "order":
            return
        name = item.known("order" if item.amends else "client_id")
        if name is None:
            return
        at = (self.account_name, name)
        old = self.orders.get(at)
        if old is None:
            if not item.amends:
                self.orders[at] = item
            return
        merged = Item("order")
        merged.facts = dict(old.facts)
        if old.id_name != item.id_name:  # of another exchange
            merged.facts = {fact_name: UNKNOWN for fact_name in HAS["order"]}
        merged.unit, merged.contract, merged.id_name = old.unit, old.contract, old.id_name
        for fact_name in HAS["order"]:
            if fact_name in ("client_id", "order") or item.amends and fact_name not in item.spoken:
                continue
            differs = old.get(fact_name) != item.get(fact_name)
            if fact_name == "quantity":
                differs = differs or (old.unit, old.contract) != (item.unit, item.contract)
            if differs:
                merged.facts[fact_name] = UNKNOWN
        self.orders[at] = merged

    def punish(self, rule):
        """A limit is used up: its `then` sets the state of its callers."""
        limit = self.policy.limits[rule]
        is_repeated = limit.field == "same_order"
        state = "halted" if is_repeated else limit.data.get("then", "active")
        if state == "active":
            return
        until = None
        if not is_repeated and limit.data.get("until") == "window":
            until = limit.period.end(self.now)
        for name in self.ask["callers"]:
            if limit.entry.callers is None or name in limit.entry.callers:
                self.tighten(name, state, until)

    def tighten(self, name, state, until):
        old, ends = self.states.get(("caller", name), ("active", None))
        if old == "active" or ends is not None and self.now >= ends:
            self.states["caller", name] = (state, until)
            return
        worse = max(old, state, key=WORST.index)
        self.states["caller", name] = (worse, None if None in (ends, until) else max(ends, until))

    def set_state(self, of, name, state, until):
        if state == "active":
            self.states.pop((of, name), None)
        else:
            self.states[of, name] = (state, until or None)

    def release(self, number, now_ns):
        """Gives back what the exchange rejected, as far as each limit lets. Returns that, limit by limit."""
        given = []
        for name, scope, is_closing, charge in self.reservations.pop(number, []):
            limit = self.policy.limits[name]
            level = self.levels[name, scope, is_closing]
            held = charge[0] if charge[1] is None or now_ns < charge[1] else Fraction(0)
            if limit.field != "open_value":
                before = sum((one[0] for one in level.released if one[1] is None or now_ns < one[1]), Fraction(0))
                most = limit.release * (limit.closing if is_closing else limit.most)
                held = max(Fraction(0), min(held, most - before))
                level.released.append([held, limit.period.end(now_ns)])
            charge[0] -= held
            given.append((name, held))
        return given

    # ---- what must never be ----

    def passed(self, said):
        """The limits that what was accepted so far passes, in the true window that ends now."""
        wrong = []
        for name, scope, is_closing in said.charges:
            limit = self.policy.limits[name]
            level = self.levels[name, scope, is_closing]
            begin = limit.period.begin(self.now)
            total = sum((one[3] for one in level.charges if begin < one[2] <= self.now), Fraction(0))
            room = limit.room(is_closing, True) * (1 + limit.release)
            if limit.field == "open_value":
                total = sum((one[0] for one in level.charges), Fraction(0))
            if total > room:
                wrong.append(f"{name} {scope}: {float(total)} of {float(room)}")
        return wrong

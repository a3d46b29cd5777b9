"""One policy and what happens under it, decided by both sides: the driver (decisions.c) and the oracle."""

import json
import random
import subprocess
from fractions import Fraction

import policies
import terms
from oracle import Oracle
from streams import Stream


class Driver:
    """The agent's rooms, in a process."""

    def __init__(self, program, profiles, folder):
        self.process = subprocess.Popen([program, profiles], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder = folder
        self.files = 0

    def say(self, event):
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return json.loads(self.process.stdout.readline())

    def do(self, event):
        self.say(event)
        return self.hear()

    def load(self, text, now, keep=False):
        """Returns None, or why the policy does not load."""
        path = self.folder / "policy.yaml"
        path.write_text(text)
        path.chmod(0o600)
        return self.do({"do": "policy", "path": str(path), "now": now, "keep": keep}).get("error")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Difference(Exception):
    pass


def number_of(text):
    """The first number of "4000 USDT", "2 %", "5s"."""
    if not text:
        return None
    digits = text.split()[0].rstrip("s")
    try:
        return Fraction(digits)
    except ValueError:
        return None


class World:
    def __init__(self, driver, data, start=0, text=None):
        self.driver = driver
        self.data = data
        self.oracle = Oracle(data)
        self.events = []
        self.error = driver.load(text or policies.to_text(data), start)
        self.counts = {}

    def count(self, kind, side):
        at = (kind, side)
        self.counts[at] = self.counts.get(at, 0) + 1

    def happen(self, event):
        """Both sides live through it. Returns the driver's answer and the oracle's decision."""
        self.events.append(event)
        return getattr(self, event["do"])(event)

    def price(self, event):
        said = self.oracle.prices.put(event["source"], event["pair"], Fraction(event["price"]), event["quoted"], event["now"])
        answer = self.driver.do(event)
        if answer["ok"] != said:
            raise Difference(f"price: {answer['ok']}, oracle: {said}")
        return answer, said

    def state(self, event):
        self.oracle.set_state(event["of"], event["name"], event["state"], event["until"])
        return self.driver.do(event), None

    def release(self, event):
        given = self.oracle.release(event["id"], event["now"])
        answer = self.driver.do(event)
        ours = sorted((name, amount) for name, amount in given)
        theirs = sorted((name, Fraction(amount)) for name, amount in answer["released"])
        if ours != theirs:
            raise Difference(f"release: {theirs}, oracle: {ours}")
        if any(amount > 0 for _, amount in given):
            self.count("release", "holds")
        elif given:
            self.count("release", "refuses")
        return answer, given

    def ask(self, event):
        self.driver.say(event)
        said = self.oracle.decide(event)
        answer = self.driver.hear()
        if answer["ok"] != said.allowed:
            raise Difference(f"allowed: {answer['ok']}, oracle: {said.allowed}\n  driver {show(answer)}\n  oracle {self.show(said)}")
        if said.allowed:
            self.accepted(event, said, answer)
        else:
            self.refused(event, said, answer)
        return answer, said

    def accepted(self, event, said, answer):
        self.oracle.accept(said, event["id"])
        ours = sorted((name, is_closing, amount, self.oracle.levels[name, scope, is_closing].used(event["now"]))
                      for (name, scope, is_closing), amount in said.charges.items())
        theirs = sorted((name, is_closing, Fraction(amount), Fraction(used))
                        for name, _, is_closing, amount, used in answer["charges"])
        if ours != theirs or answer["by"] != said.by:
            raise Difference(f"figures:\n  driver {answer['by']} {show(theirs)}\n  oracle {said.by} {show(ours)}")
        passed = self.oracle.passed(said)
        if passed:
            raise Difference(f"passed: {passed}")
        for kind in said.asked:
            self.count(kind, "holds")
        self.count("allow", "holds")

    def refused(self, event, said, answer):
        rule = answer["rule"]
        figures = said.refusing.get(rule)
        if figures is None:
            raise Difference(f"rule: {show(answer)}\n  oracle {self.show(said)}")
        kind = self.kind(rule)
        self.count(kind, "refuses")
        if any(one.get("closing") for one in figures):
            self.count("closing", "refuses")
        if any(one.get("window") for one in figures):
            self.compare_window(figures, answer)
        if answer["up"]:
            self.oracle.punish(rule)

    def compare_window(self, figures, answer):
        """The figures of a window that has no room are those of one of the choices."""
        if "more digits than can be counted" in answer["message"]:
            return
        theirs = (answer["up"], number_of(answer["left"]), answer["retry"] or None)
        ours = [(one["up"], one["left"], one["retry"]) for one in figures if one.get("window")]
        ours += [(False, None, None)] if any(not one.get("window") for one in figures) else []
        if theirs not in ours:
            raise Difference(f"window: {show(answer)}\n  driver {show(theirs)}\n  oracle {show(ours)}")

    def kind(self, rule):
        limit = self.oracle.policy.limits.get(rule)
        if limit is not None:
            return limit.field
        for verb in ("deny", "require"):
            if any(entry.name == rule for entry in self.oracle.policy.entries[verb]):
                return verb
        return rule

    def show(self, said):
        return show({"by": said.by, "charges": said.charges, "refusing": said.refusing})


def show(thing):
    """With fractions as decimals."""
    if isinstance(thing, Fraction):
        return terms.plain(thing) if (10 ** 40) % thing.denominator == 0 else str(thing)
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{show(key)}: {show(value)}" for key, value in thing.items()) + "}"
    if isinstance(thing, (list, tuple)):
        return "[" + ", ".join(show(one) for one in thing) + "]"
    return str(thing)


def replay(driver, data, events):
    """Returns the first difference, or None; False if the policy does not load."""
    world = World(driver, data)
    if world.error is not None:
        return False
    for event in events:
        try:
            world.happen(event)
        except Difference as difference:
            return str(difference)
    return None


def kind_of(difference):
    return difference.split(":")[0] if difference else None


def shrink(driver, data, events, difference):
    """A smaller policy and fewer events with a difference of the same kind."""
    wanted = kind_of(difference)

    def fails(some_data, some_events):
        try:
            return kind_of(replay(driver, some_data, some_events)) == wanted
        except Exception:
            return False

    size = max(1, len(events) // 2)
    while size >= 1:
        at = 0
        while at < len(events) and len(events) > 1:
            fewer = events[:at] + events[at + size:]
            if fewer and fails(data, fewer):
                events = fewer
            else:
                at += size
        size //= 2
    for verb in ("require", "deny", "limit", "allow", "conversions"):
        for entry in list(data.get(verb, [])):
            smaller = dict(data, **{verb: [one for one in data[verb] if one is not entry]})
            if verb == "limit":
                smaller["allow"] = [without(allow, entry["name"]) for allow in data["allow"]]
            if fails(smaller, events):
                data = smaller
    for profile in list(data["listings"]):
        smaller = dict(data, listings={name: one for name, one in data["listings"].items() if name != profile})
        if fails(smaller, events):
            data = smaller
    return data, events


def without(allow, name):
    """The allow without that limit."""
    if name not in allow.get("limits", []):
        return allow
    left = [one for one in allow["limits"] if one != name]
    allow = {key: value for key, value in allow.items() if key != "limits"}
    allow.update({"limits": left} if left else {"unlimited": True})
    return allow

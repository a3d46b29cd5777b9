"""What a change of the policy may do to a decision, for the same levels."""

import copy

import policies
from world import Difference


class Changes:
    """Now and then asks under a changed policy, without anything being taken, and puts the policy back."""

    def __init__(self, driver, world, dice):
        self.driver = driver
        self.world = world
        self.dice = dice
        self.counts = {}
        self.others = policies.Maker(dice)
        self.others.profiles = [key["profile"] for key in world.data["keys"].values()]
        self.others.serial = 1000

    def maybe(self, event):
        if self.dice.randrange(100) < 3:
            self.try_change(event)

    def try_change(self, event):
        verb = self.dice.choice(["shuffle", "allow", "deny", "limit", "require"])
        dry = dict(event, dry=True)
        before = self.driver.do(dry)
        data = self.world.data if verb == "shuffle" else self.changed(verb)
        text = policies.to_text(data, self.dice if verb == "shuffle" else None)
        if self.driver.load(text, event["now"], keep=True) is None:
            after = self.driver.do(dry)
            if self.driver.load(policies.to_text(self.world.data), event["now"], keep=True) is not None:
                raise Difference("change: the policy does not load again")
            self.compare(verb, before, after, data)
        elif verb == "shuffle":
            raise Difference("change: shuffled, it does not load")

    def changed(self, verb):
        data = copy.copy(self.world.data)
        limits = [one["name"] for one in data["limit"]]
        profile = self.dice.choice(self.others.profiles)
        if verb == "deny":
            one = self.others.deny()
        elif verb == "require":
            one = self.others.require()
        elif verb == "limit":
            one = self.others.limit(self.dice.choice(["order_value", "price_within", "loss", "value", "orders", "messages",
                                                      "same_order", "volume", "open_value", "validity"]))
        else:
            one = self.others.trade(profile, limits)
        data[verb] = data[verb] + [one]
        return data

    def compare(self, verb, before, after, data):
        name = f"changes: {verb}, {before['ok']} to {after['ok']}"
        self.counts[name] = self.counts.get(name, 0) + 1
        wrong = (verb in ("deny", "limit", "require") and after["ok"] and not before["ok"]
                 or verb == "allow" and before["ok"] and not after["ok"]
                 or verb == "shuffle" and before != after)
        if wrong:
            raise Difference(f"change: {verb} {data[verb][-1] if verb != 'shuffle' else ''}\n  before {before}\n  after {after}")

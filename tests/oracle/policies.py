"""Random policies: as the data that the oracle takes, and as the text of a file.

Sizes are such that a good part of what streams.py asks for is allowed, and that no kind of rule always holds or always
refuses."""

import json

CLASSES = "read trade cancel transfer withdraw keys account session".split()
CALLERS = ["maker", "dca", "ops-bot", "watcher"]
QUOTES = {"kraken": ["USD", "USDT", "EUR"], "okx": ["USDT", "USD"], "bitvavo": ["EUR"], "coinbase-exchange": ["USD", "BTC"],
          "deribit": ["USD", "USDC"]}
SYMBOLS = {
    "kraken": ["XBTUSD", "XBTUSDT", "ETHUSDT", "ETH/USD", "SOL/EUR", "XXBTZUSD"],
    "okx": ["BTC-USDT", "ETH-USDT", "BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP", "BTC-USD-SWAP",
            "BTC-USD-260327-50000-C"],
    "bitvavo": ["BTC-EUR", "ETH-EUR", "SOL-EUR"],
    "coinbase-exchange": ["BTC-USD", "ETH-USD", "ETH-BTC", "BTC-USDT"],
    "deribit": ["BTC-PERPETUAL", "ETH-PERPETUAL", "BTC_USDC-PERPETUAL", "BTC_USDC", "BTC-27MAR26-50000-C"],
}
MARKETS = {"kraken": ["spot", "margin"], "okx": ["spot", "margin", "linear", "inverse"], "bitvavo": ["spot"],
           "coinbase-exchange": ["spot"], "deribit": ["linear", "inverse", "spot"]}
ORDERS = {"kraken": ["POST /0/private/AddOrder", "POST /0/private/AddOrderBatch", "POST /0/private/AmendOrder"],
          "okx": ["POST /api/v5/trade/order", "POST /api/v5/trade/batch-orders", "POST /api/v5/trade/amend-order"],
          "bitvavo": ["POST /v2/order", "PUT /v2/order"], "coinbase-exchange": ["POST /orders"],
          "deribit": ["GET /api/v2/private/buy", "GET /api/v2/private/sell"]}
WORTH = {"USD": 1.0, "USDT": 1.0, "USDC": 1.0, "EUR": 1.1, "BTC": 32000.0, "ETH": 2000.0, "SOL": 50.0}
TYPES = ["limit", "limit-maker", "stop-limit", "take-profit-limit"]
PRICELESS = ["market", "stop", "take-profit"]
ADDRESSES = {
    "cold": {"asset": "BTC", "network": "BTC", "address": "bc1qcold"},
    "tagged": {"asset": "XRP", "network": "XRP", "address": "rTagged", "tag": "77"},
    "stable": {"asset": "USDT", "network": "TRX", "address": "TStable"},
    "to-trading": {"from": "funding", "to": "trading"},
    "to-futures": {"from": "Spot Wallet", "to": "Futures Wallet", "asset": "USDT"},
}
PERIODS = ["1s", "10s", "1m", "7m", "1h", "24h", "90ms", "calendar-day", "calendar-week", "calendar-month", "ever"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]
HOURS = ["Mon-Fri 09:00-17:30 Europe/Berlin", "Mon-Sun 00:00-24:00", "Sat,Sun 22:00-06:00 America/New_York",
         "Mon,Wed,Fri 00:00-12:00"]


class Maker:
    def __init__(self, dice):
        self.dice = dice
        self.serial = 0

    def chance(self, percent):
        return self.dice.randrange(100) < percent

    def some(self, all_of, least=1):
        count = self.dice.randint(least, len(all_of))
        return self.dice.sample(all_of, count)

    def name(self, stem):
        self.serial += 1
        return f"{stem}-{self.dice.randrange(1000):03d}-{self.serial}"

    def percent(self, *choices):
        return f"{self.dice.choice(choices)} %"

    def decimal(self, value):
        """About that much, with few or with many digits."""
        digits = self.dice.choice([2, 2, 3, 3, 4, 9])
        text = f"{value * self.dice.uniform(0.6, 1.6):.{digits}g}"
        number = float(text)
        return f"{number:.12f}".rstrip("0").rstrip(".") or "1"

    # ---- what there is ----

    def make(self):
        data = {"version": 1}
        self.profiles = self.some(list(SYMBOLS))[:self.dice.choice([1, 1, 2, 3])]
        data["callers"] = {name: {"uid": 2001 + i} for i, name in enumerate(CALLERS)}
        data["people"] = {"alice": {"uid": 3001, "roles": ["operator", "approver"]},
                          "bob": {"uid": 3002, "roles": ["approver"]}}
        data["prices"] = {"sources": ["s1", "s2", "s3"], "at_least": self.dice.choice([1, 1, 2])}
        data["accounts"] = self.accounts()
        data["conversions"] = self.conversions()
        data["addresses"] = ADDRESSES
        data["keys"] = {profile[:2]: self.key(profile) for profile in self.profiles}
        data["listings"] = {profile: [one for one in SYMBOLS[profile] if one != "XXBTZUSD"] for profile in self.profiles}
        states = self.states() if self.chance(40) else {}
        if states:
            data["states"] = states
        data["limit"] = self.limits(data)
        data["allow"] = self.allows(data)
        data["deny"] = [self.deny() for _ in range(self.dice.choice([0, 0, 0, 1, 2]))]
        data["require"] = [self.require() for _ in range(self.dice.choice([0, 0, 0, 1, 2]))]
        return data

    def accounts(self):
        desk = {"prices": "median", "reference_error": self.percent("0.5", "1", "0.33", "2.5")}
        if self.chance(50):
            desk["market_slippage"] = self.percent("1", "3", "0.7")
        plain = {"prices": "none"} if self.chance(30) else {"prices": "median", "reference_error": "0.1 %"}
        return {"desk": desk, "other": plain}

    def conversions(self):
        found = []
        for source in ("USDT", "USDC", "EUR", "USD", "BTC", "ETH", "SOL"):
            for target in ("USD", "USDT", "EUR"):
                if source == target or self.chance(35):
                    continue
                one = {"from": source, "to": target, "haircut": self.percent("0", "1", "0.25")}
                if self.chance(40) and source in ("BTC", "ETH", "SOL"):
                    one["max_age"] = self.dice.choice(["10s", "1m", "1h"])
                else:
                    one["rate"] = self.decimal(WORTH[source] / WORTH[target])
                found.append(one)
        return found

    def key(self, profile):
        key = {"account": self.dice.choice(["desk", "desk", "desk", "desk", "other"]), "token": "main",
               "object": f"pkcs11:object={profile}", "profile": profile, "scheme": "hmac", "key_id": "key"}
        if profile in ("okx", "coinbase-exchange"):
            key["passphrase"] = "phrase"
        if self.chance(10 if profile == "kraken" else 93):
            key["assume_uses"] = self.dice.choice([1, 1, 1, 2, 3])
        if self.chance(9):
            key["raw"] = True
        return key

    def states(self):
        states = {}
        if self.chance(50):
            states["halted"] = {"classes": self.dice.choice([["read", "cancel"], ["cancel"], ["read"]]),
                                "keep_stops": self.chance(40)}
        if self.chance(50):
            states["reducing"] = {"classes": self.dice.choice([["read", "cancel", "trade"], ["cancel", "trade"], ["cancel"]])}
        return states

    # ---- limits ----

    def quote(self):
        return self.dice.choice(QUOTES[self.dice.choice(self.profiles)])

    def limits(self, data):
        """A pool: of each kind one or none."""
        pool = []
        for field, percent in (("order_value", 40), ("order_volume", 22), ("price_within", 40), ("loss", 30), ("value", 55),
                               ("volume", 30), ("open_value", 22), ("orders", 35), ("messages", 45), ("same_order", 45),
                               ("leverage", 25), ("validity", 15), ("price_within", 15), ("value", 15)):
            if self.chance(percent):
                pool.append(self.limit(field))
        # An allow that names amounts must have one for the asset of each address, or it does not load.
        for asset in ("BTC", "USDT", "XRP"):
            if self.chance(85):
                pool.append(self.limit("amount", asset))
            if self.chance(20):
                pool.append(self.limit("amount", asset))
        return pool

    def limit(self, field, asset=None):
        limit = {"name": self.name(field.replace("_", "-"))}
        quote = self.quote()
        typical = 1000 / WORTH[quote]
        if field == "order_value":
            limit[field] = f"{self.decimal(typical * self.dice.choice([1, 2, 4, 8]))} {quote}"
        elif field in ("value", "loss", "open_value"):
            times = self.dice.choice([3, 10, 40]) * {"loss": 0.06, "open_value": 4}.get(field, 1)
            limit[field] = f"{self.decimal(typical * times)} {quote}"
        elif field in ("order_volume", "volume"):
            base = self.dice.choice(["BTC", "BTC", "ETH", "SOL"] if self.chance(60) else ["USD", "USDT", "EUR"])
            times = self.dice.choice([1, 3, 6]) * (10 if field == "volume" else 1)
            limit[field] = f"{self.decimal(1000 / WORTH[base] * times)} {base}"
        elif field == "price_within":
            limit.update({field: self.percent("1", "2", "5", "5", "0.4"), "price_age": self.dice.choice(["5s", "10s", "1m", "10m"])})
        elif field == "orders":
            limit[field] = self.dice.choice([3, 6, 20])
        elif field == "messages":
            limit[field] = self.dice.choice([4, 8, 30])
            if self.chance(60):
                limit["reserve_cancels"] = self.dice.choice([1, 3])
        elif field == "same_order":
            limit[field] = {"at_most": self.dice.choice([1, 1, 2, 3]), "within": self.dice.choice(["10s", "1m", "1h"])}
        elif field == "leverage":
            limit[field] = self.dice.choice(["2", "5", "3.5"])
        elif field == "validity":
            limit[field] = self.dice.choice(["5s", "10s", "30s", "1m"])
        elif field == "amount":
            limit[field] = f"{self.decimal({'BTC': 0.05, 'USDT': 1000, 'XRP': 1000}[asset])} {asset}"
        self.window(field, limit)
        if self.chance(15):
            self.narrow(limit, field)
        return limit

    def window(self, field, limit):
        if field in ("value", "volume", "loss", "orders", "messages") or field == "amount" and self.chance(60):
            limit["per"] = self.dice.choice(PERIODS)
            if limit["per"].startswith("calendar") and self.chance(60):
                limit["time_zone"] = self.dice.choice(ZONES)
            if limit["per"] == "ever" and self.chance(80):
                limit["per"] = "1m"
        has_window = "per" in limit or field in ("open_value", "same_order")
        if not has_window:
            return
        by = ["caller", "key", "account"]
        if field in ("value", "volume", "loss", "open_value", "orders"):
            by.append("symbol")
        if field == "amount":
            by += ["asset", "address"]
        if self.chance(60) and field != "same_order":
            limit["by"] = self.some(by)[:2]
        if field not in ("same_order", "open_value", "amount") and self.chance(35):
            limit["then"] = self.dice.choice(["reducing", "reducing", "halted"])
            limit["until"] = self.dice.choice(["operator", "window", "window"])
            if limit["per"] == "ever":
                limit["until"] = "operator"
        if field in ("value", "loss", "volume") and {"okx", "deribit"} & set(self.profiles) and self.chance(55):
            limit.update({"then": "reducing", "until": self.dice.choice(["operator", "window"])})
            if limit["per"] == "ever":
                limit["until"] = "operator"
        if field in ("value", "loss", "volume") and limit.get("then") == "reducing" and self.chance(85):
            number, asset = limit[field].split()
            limit["closing"] = f"{self.decimal(float(number) / self.dice.choice([4, 20, 20]))} {asset}"
        if field in ("value", "volume", "loss") and self.chance(35):
            limit["release"] = self.percent("10", "25", "100")

    def narrow(self, limit, field):
        """A selector of the limit's own."""
        which = self.dice.randrange(4)
        if which == 0:
            limit["caller"] = self.some(CALLERS)
        elif which == 1:
            limit["key"] = self.some([profile[:2] for profile in self.profiles])
        elif which == 2 and field not in ("amount", "messages", "validity", "leverage"):
            limit["sides"] = [self.dice.choice(["BUY", "sell"])]
        elif which == 3 and field not in ("amount", "messages", "validity", "leverage"):
            limit["symbols"] = [self.dice.choice(SYMBOLS[self.dice.choice(self.profiles)][:3]), self.dice.choice(["BT*", "*E*", "*X*"])][: self.dice.choice([1, 1, 2])]

    # ---- allows ----

    def allows(self, data):
        found = []
        trade = [one["name"] for one in data["limit"] if not any(name in one for name in ("amount", "messages"))]
        money = [one["name"] for one in data["limit"] if "amount" in one]
        messages = [one["name"] for one in data["limit"] if "messages" in one]
        self.unnamed = {name for name in trade + money if self.chance(25)} | {name for name in messages if self.chance(85)}
        for profile in self.profiles:
            for _ in range(self.dice.choice([1, 1, 2, 3])):
                found.append(self.trade(profile, [one for one in trade + messages if one not in self.unnamed]))
            if self.chance(93):
                found.append({"name": self.name("rest"), "caller": self.callers(), "key": self.key_of(profile),
                              "classes": ["read", "cancel"] + (["session"] if profile == "deribit" else [])})
            elif profile == "deribit" and self.chance(70):
                found.append({"name": self.name("log-on"), "caller": self.callers(), "key": "de", "classes": ["session"]})
            if self.chance(90):
                found.extend(self.money(profile, [one for one in money if one not in self.unnamed]))
            if data["keys"][profile[:2]].get("raw"):
                found.append({"name": self.name("anything"), "caller": self.callers(), "key": profile[:2],
                              "classes": CLASSES if self.chance(90) else CLASSES[1:], "markets": "any", "to": "any",
                              "unlimited": True})
            if profile == "okx" and self.chance(60):
                found.append(self.settings(profile, data))
        named = {name for one in found for name in one.get("limits", [])}
        data["limit"] = [one for one in data["limit"] if one["name"] in named or one["name"] in self.unnamed or self.chance(50)]
        return found

    def callers(self):
        return "any" if self.chance(75) else self.some(CALLERS, 3)

    def key_of(self, profile):
        return "any" if len(self.profiles) == 1 and self.chance(20) else profile[:2]

    def trade(self, profile, limits):
        allow = {"name": self.name("trade"), "caller": self.callers(), "key": profile[:2]}
        if self.chance(80):
            allow["classes"] = ["trade"]
        else:
            allow["endpoints"] = self.some(ORDERS[profile], max(1, len(ORDERS[profile]) - 1))
        allow["markets"] = ["any"] if self.chance(25) else self.some(MARKETS[profile], max(1, len(MARKETS[profile]) - (1 if self.chance(30) else 0)))
        if allow["markets"] == ["any"]:
            allow["markets"] = "any"
        limits = [one for one in limits if self.chance(70)]
        if limits and self.chance(90):
            allow["limits"] = limits
        else:
            allow["unlimited"] = True
        if self.chance(25):
            listed = [one for one in SYMBOLS[profile] if one != "XXBTZUSD"]
            allow["symbols"] = self.some(listed, max(1, len(listed) - 1))
            if self.chance(30):
                allow["symbols"] = [self.dice.choice(["B*", "*USD*", "E*"])] if profile != "bitvavo" else ["*EUR"]
                if profile == "kraken":
                    allow["symbols"] = ["*USD*"]
        if self.chance(65):
            allow["types"] = ["limit"] + self.some(TYPES[1:], 2) + (["market"] + self.some(PRICELESS[1:]) if self.chance(80) else [])
        if self.chance(8):
            allow["sides"] = [self.dice.choice(["BUY", "SELL"])]
        if self.chance(5):
            allow["time_in_force"] = self.some(["IOC", "GTC", "fok"], 2)
        if self.chance(6):
            allow["hours"] = self.dice.choice(HOURS)
        if self.chance(5):
            allow["expires"] = self.dice.choice(["2027-01-31", "2026-03-02", "2026-03-03T12:00:00Z"])
        return allow

    def settings(self, profile, data):
        limits = [one["name"] for one in data["limit"] if "leverage" in one]
        allow = {"name": self.name("settings"), "caller": self.callers(), "key": profile[:2], "classes": ["trade"],
                 "markets": "any", "settings": ["leverage"], "items": ["setting"]}
        allow.update({"limits": limits} if limits else {"unlimited": True})
        return allow

    def money(self, profile, limits):
        found = []
        for class_, names in (("withdraw", ["cold", "tagged", "stable"]), ("transfer", ["to-trading", "to-futures"])):
            if profile != "okx" and profile != "kraken" and class_ == "transfer":
                continue
            allow = {"name": self.name(class_), "caller": self.callers(), "key": profile[:2], "classes": [class_]}
            allow["to"] = "any" if self.chance(50) else self.some(names)
            if limits and self.chance(90):
                allow["limits"] = limits
            else:
                allow["unlimited"] = True
            if self.chance(15):
                allow["assets"] = self.some(["BTC", "USDT", "xrp"], 2)
            found.append(allow)
        return found

    # ---- what only narrows ----

    def deny(self):
        profile = self.dice.choice(self.profiles)
        entry = {"name": self.name("deny"), "key": profile[:2] if self.chance(50) else "any"}
        which = self.dice.randrange(9)
        if which == 4 and "okx" not in self.profiles:
            which = 5
        if which == 0:
            entry.update(classes=["withdraw"], assets=[self.dice.choice(["BTC", "USDT"])])
        elif which == 1:
            entry["symbols"] = [self.dice.choice(SYMBOLS[profile][:4]), self.dice.choice(["ETH*", "*ETH*", "E*"])]
        elif which == 2:
            entry["types"] = [self.dice.choice(TYPES + PRICELESS)]
        elif which == 3:
            entry.update(sides=["SELL"], markets=[self.dice.choice(MARKETS[profile])], symbols=["*ETH*"])
        elif which == 4:
            entry["settings"] = ["leverage"]
        elif which == 5:
            entry.update(caller=self.dice.choice(CALLERS), time_in_force=["FOK"], items=["order"])
        elif which == 6:
            entry.update(hours=self.dice.choice(HOURS), caller=self.dice.choice(CALLERS), classes=["trade"])
        elif which == 7:
            entry.update(to=[self.dice.choice(["cold", "tagged", "stable"])])
        else:
            entry.update(endpoints=[self.dice.choice(["POST *batch*", "POST *atch", "PUT *", "DELETE /*"])], caller="watcher")
            if profile != self.profiles[0] or profile not in ("okx", "kraken", "bitvavo"):
                entry["endpoints"] = ["* /*"]
                entry["items"] = ["cancel"]
            else:
                entry["endpoints"] = [{"okx": "POST *batch*", "kraken": "POST *OrderBatch", "bitvavo": "PUT *"}[profile]]
                entry["key"] = profile[:2]
        return entry

    def require(self):
        entry = {"name": self.name("require")}
        which = self.dice.randrange(4)
        if which == 2 and "okx" not in self.profiles:
            which = 1
        if which == 0:
            entry.update(classes=["withdraw"], approvals=self.dice.choice([1, 2]), of=["alice", "bob"], within="1h")
            if self.chance(70):
                entry["above"] = f"{self.decimal(400)} USDT"
        elif which == 1:
            entry.update(classes=["trade"], above=f"{self.decimal(2500)} {self.quote()}", delay="6h")
        elif which == 2:
            entry.update(settings=["leverage"], code=True)
        else:
            entry.update(classes=["transfer"], above=f"{self.decimal(500)} USDT", code=True)
        return entry


def to_text(data, dice=None):
    """The file; its entries in another order, if `dice` is given."""
    lines = []
    for section, value in data.items():
        if isinstance(value, list):
            rows = list(value)
            if dice is not None:
                dice.shuffle(rows)
            if rows:
                lines.append(f"{section}:")
                lines.extend(f"  - {json.dumps(row)}" for row in rows)
        elif isinstance(value, dict):
            rows = list(value.items())
            lines.append(f"{section}:")
            lines.extend(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows)
        else:
            lines.append(f"{section}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"

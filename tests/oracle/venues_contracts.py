"""Exchanges that trade contracts, too: OKX, Deribit."""

from fractions import Fraction

from readings import UNKNOWN, Exchange, Item, Reading, maker, number


class Okx(Exchange):
    rate = (1000, 2)
    validity_s = 30
    types = {"market": ("market", None), "limit": ("limit", None), "post_only": ("limit-maker", None),
             "fok": ("limit", "fok"), "ioc": ("limit", "ioc"), "optimal_limit_ioc": ("market", "ioc"),
             "op_fok": (UNKNOWN, UNKNOWN)}
    calls = [
        (r"POST /api/v5/trade/order", "one"),
        (r"POST /api/v5/trade/batch-orders", "batch"),
        (r"POST /api/v5/trade/amend-order", "amend"),
        (r"POST /api/v5/trade/amend-batch-orders", "amend_batch"),
        (r"POST /api/v5/trade/close-position", "close"),
        (r"POST /api/v5/trade/cancel-order", "cancel"),
        (r"POST /api/v5/trade/cancel-batch-orders", "cancel_batch"),
        (r"POST /api/v5/account/set-leverage", "leverage"),
        (r"POST /api/v5/asset/withdrawal", "withdraw"),
        (r"POST /api/v5/asset/transfer", "transfer"),
        (r"GET /api/v5/account/balance", "look"),
    ]

    def instrument(self, item, symbol, mode=None):
        """Market, base and quote by the name; how it is traded tells a pair on cash from one on credit."""
        item.facts["symbol"] = symbol
        parts = symbol.split("-")
        if len(parts) == 2:
            base, quote = parts
            market = {"cash": "spot", "spot_isolated": "spot", "cross": "margin", "isolated": "margin"}.get(mode, UNKNOWN)
        elif len(parts) == 3 and parts[1] in ("USDT", "USDC"):
            base, quote, market = parts[0], parts[1], "linear"
        elif len(parts) == 3 and parts[1] == "USD":
            base, quote, market = parts[0], "USD", "inverse"
        elif len(parts) == 5 and parts[1] == "USD":
            base, quote, market = parts[0], "USD", "option"
        else:
            base = quote = market = UNKNOWN
        item.facts.update(market=market, base=base, quote=quote)
        if len(parts) >= 3:
            item.unit = "contracts"
            item.contract = self.contract(symbol)
        return len(parts) >= 3

    def contract(self, symbol):
        for start, size, asset in (("BTC-USDT-", "0.01", "BTC"), ("ETH-USDT-", "0.1", "ETH")):
            if symbol.startswith(start):
                return Fraction(size), asset
        if symbol == "SOL-USDT-SWAP":
            return Fraction(1), "SOL"
        if symbol.endswith("-USD-SWAP"):
            return Fraction(100 if symbol.startswith("BTC-") else 10), "USD"
        return None

    def quantity(self, item, params, is_contract):
        item.facts["quantity"] = number(params["sz"])
        if is_contract:
            if "tgtCcy" in params:
                item.facts["quantity"] = UNKNOWN
            return
        by = params.get("tgtCcy")
        if by is not None:
            item.unit = "base" if by == "base_ccy" else "quote"
            if params["tdMode"] != "cash" or params["ordType"] != "market":
                item.facts["quantity"] = UNKNOWN
        elif params["side"] == "buy" and params["ordType"] == "market":
            item.unit = "quote"

    def order(self, params):
        kind, force = self.types[params["ordType"]]
        item = Item("order", side=params["side"], type=kind, time_in_force=force, client_id=params.get("clOrdId"))
        item.id_name = "clOrdId"
        is_contract = self.instrument(item, params["instId"], params["tdMode"])
        self.quantity(item, params, is_contract)
        is_option = params["instId"][-2:] in ("-C", "-P")
        if "px" in params:
            item.facts["price"] = UNKNOWN if is_option else number(params["px"])
        if "reduceOnly" in params:
            hidden = (is_option or params.get("posSide") in ("long", "short")
                      or params["tdMode"] in ("cash", "spot_isolated"))
            reduces = str(params["reduceOnly"]).lower() == "true"
            item.facts["reduce_only"] = UNKNOWN if hidden else "yes" if reduces else "no"
        return item

    def protections(self, order, params):
        """Take-profit and stop-loss that come with it, each on the other side."""
        items = []
        for leg, kind in (("tp", "take-profit"), ("sl", "stop")):
            trigger, price = params.get(f"{leg}TriggerPx"), params.get(f"{leg}OrdPx")
            if trigger is None and price is None:
                continue
            opposite = {"buy": "sell", "sell": "buy"}[params["side"]]
            item = Item("order", side=opposite, quantity=order.facts["quantity"])
            item.unit, item.contract, item.leg = order.unit, order.contract, ("tp", "sl").index(leg)
            for name in ("market", "symbol", "base", "quote"):
                item.facts[name] = order.facts[name]
            if trigger is not None:
                item.facts["trigger_price"] = number(trigger)
                if order.unit != "contracts" and params["ordType"] not in ("limit", "post_only", "fok", "ioc"):
                    item.facts["quantity"] = UNKNOWN
            if price is not None:
                item.facts["type"] = kind if price.startswith("-") else kind + "-limit"
                if not price.startswith("-"):
                    item.facts["price"] = number(price)
            if params.get("posSide") in ("long", "short") and trigger is not None:
                closes = "sell" if params["posSide"] == "long" else "buy"
                item.facts["side"] = closes
            items.append(item)
        return items

    def whole(self, params):
        order = self.order(params)
        return [order] + self.protections(order, params)

    def one(self, call, params):
        return [Reading(call, "trade", self.whole(params))]

    def batch(self, call, params):
        orders = [self.order(one) for one in params]
        legs = [self.protections(order, one) for order, one in zip(orders, params)]
        legs = sorted((item for some in legs for item in some), key=lambda item: item.leg)  # first all that take profits
        return [Reading(call, "trade", orders + legs)]

    def amended(self, params):
        item = Item("order", amends=True)
        is_contract = self.instrument(item, params["instId"])
        self.names_order(item, params)
        if "newSz" in params:
            item.facts["quantity"] = number(params["newSz"])
        if "newPx" in params:
            item.facts["price"] = number(params["newPx"])
        if not is_contract:
            item.unit = "base"
            del item.facts["market"]  # on cash or on credit
        return item

    def names_order(self, item, params):
        if "clOrdId" in params:
            item.facts["order"] = params["clOrdId"]
            item.id_name = "clOrdId"
        if "ordId" in params:
            item.facts["order"] = UNKNOWN if "clOrdId" in params else params["ordId"]
            item.id_name = None

    def amend(self, call, params):
        return [Reading(call, "trade", [self.amended(params)])]

    def amend_batch(self, call, params):
        return [Reading(call, "trade", [self.amended(one) for one in params])]

    def close(self, call, params):
        item = Item("order", type="market", close_position="yes", client_id=params.get("clOrdId"))
        item.id_name = "clOrdId"
        is_contract = self.instrument(item, params["instId"], "cross")
        item.unit = "base"
        if not is_contract:
            item.facts["market"] = "margin"
        side = {"net": UNKNOWN, "long": "sell", "short": "buy"}.get(params.get("posSide"))
        if side is not None:
            item.facts["side"] = side
        items = [item.complete()]
        if str(params.get("autoCxl", False)).lower() == "true":
            items.append(Item("cancel", market=item.facts["market"], symbol=item.facts["symbol"]))
        return [Reading(call, "trade", items)]

    def cancelled(self, params):
        item = Item("cancel", symbol=params["instId"])
        probe = Item("cancel")
        self.instrument(probe, params["instId"])
        item.facts["market"] = probe.facts["market"]
        self.names_order(item, params)
        return item

    def cancel(self, call, params):
        return [Reading(call, "cancel", [self.cancelled(params)])]

    def cancel_batch(self, call, params):
        return [Reading(call, "cancel", [self.cancelled(one) for one in params])]

    def leverage(self, call, params):
        item = Item("setting", name="leverage", value=params["lever"], symbol=params.get("instId"))
        return [Reading(call, "trade", [item])]

    def withdraw(self, call, params):
        item = Item("withdrawal", asset=params["ccy"], amount=number(params["amt"]), address=params["toAddr"],
                    network=params.get("chain"))
        if ":" in params["toAddr"]:  # the tag after the address
            item.facts["address"] = item.facts["tag"] = UNKNOWN
        return [Reading(call, "withdraw", [item])]

    def transfer(self, call, params):
        wallets = {"6": "funding", "18": "trading"}
        item = Item("transfer", asset=params["ccy"], amount=number(params["amt"]), from_=wallets[params["from"]],
                    to=wallets[params["to"]])
        return [Reading(call, "transfer", [item])]

    def look(self, call, params):
        return [Reading(call, "read", [Item("read")])]


class Deribit(Exchange):
    """Each signed call may serve as a log-on, so each needs the class `session` besides its own."""

    rate = (100, 1)
    types = {"limit": "limit", "stop_limit": "stop-limit", "take_limit": "take-profit-limit", "market": "market",
             "stop_market": "stop", "take_market": "take-profit", "trailing_stop": "trailing"}
    times = {"good_til_cancelled": "gtc", "good_til_day": "day", "fill_or_kill": "fok", "immediate_or_cancel": "ioc"}
    calls = [
        (r"GET /api/v2/private/(buy|sell)", "order"),
        (r"GET /api/v2/private/edit_by_label", "amend"),
        (r"GET /api/v2/private/cancel", "cancel"),
        (r"GET /api/v2/private/cancel_by_label", "cancel"),
        (r"GET /api/v2/private/cancel_all", "cancel"),
        (r"GET /api/v2/private/withdraw", "withdraw"),
        (r"GET /api/v2/private/get_positions", "look"),
    ]

    def instrument(self, item, symbol):
        item.facts["symbol"] = symbol
        first, *rest = symbol.split("-")
        pair = first.split("_")
        base, quote = pair[0], pair[1] if len(pair) == 2 else UNKNOWN
        if len(rest) == 3:
            market = "option"
            quote = UNKNOWN
            base = base if len(pair) == 1 else UNKNOWN
        elif not rest:
            market = "spot"
        elif len(pair) == 2:
            market = "linear"
        else:
            market, quote = "inverse", "USD"
        item.facts.update(market=market, base=base, quote=quote)
        item.unit = "contracts"
        if symbol in ("BTC-PERPETUAL", "ETH-PERPETUAL"):
            item.contract = Fraction(1), "USD"
        elif len(pair) == 2 or len(rest) == 3:
            item.contract = Fraction(1), pair[0]

    def terms(self, item, params):
        for name, fact in (("amount", "quantity"), ("price", "price"), ("trigger_price", "trigger_price")):
            if name in params:
                item.facts[fact] = number(params[name])
        if "reduce_only" in params:
            item.facts["reduce_only"] = "yes" if str(params["reduce_only"]).lower() == "true" else "no"

    def order(self, call, params, side):
        kind = self.types.get(params.get("type", "limit"), UNKNOWN)
        item = Item("order", side=side, type=maker(kind, str(params.get("post_only", False)).lower() == "true"),
                    client_id=params.get("label"))
        item.id_name = "label"
        if "time_in_force" in params:
            item.facts["time_in_force"] = self.times[params["time_in_force"]]
        self.instrument(item, params["instrument_name"])
        self.terms(item, params)
        return [Reading(call, "trade", [item], needs=["session"])]

    def amend(self, call, params):
        item = Item("order", amends=True)
        self.instrument(item, params["instrument_name"])
        if "label" in params:
            item.facts["order"] = params["label"]
            item.id_name = "label"
        self.terms(item, params)
        return [Reading(call, "trade", [item], needs=["session"])]

    def cancel(self, call, params):
        item = Item("cancel", order=params.get("order_id", params.get("label")))
        item.id_name = "label" if "label" in params else None
        return [Reading(call, "cancel", [item], needs=["session"])]

    def withdraw(self, call, params):
        item = Item("withdrawal", asset=params["currency"], amount=number(params["amount"]), address=params["address"])
        return [Reading(call, "withdraw", [item], needs=["session"])]

    def look(self, call, params):
        return [Reading(call, "read", [Item("read")], needs=["session"])]

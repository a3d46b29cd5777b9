"""Exchanges that trade pairs: Kraken, Bitvavo, Coinbase Exchange."""

from readings import UNKNOWN, Exchange, Item, Reading, maker, number


class Kraken(Exchange):
    once = True
    names = {"XBT": "BTC", "XXBT": "BTC", "XETH": "ETH", "ZUSD": "USD", "ZEUR": "EUR", "XDG": "DOGE"}
    quotes = ("USD ZUSD EUR ZEUR GBP ZGBP CAD ZCAD JPY ZJPY AUD ZAUD CHF AED USDT USDC USDG USDQ USDR USD1 RLUSD PYUSD DAI "
              "EURT EURQ EURR EUROP XBT XXBT BTC ETH XETH SOL DOT").split()
    types = {"market": "market", "limit": "limit", "iceberg": "limit", "stop-loss": "stop", "take-profit": "take-profit",
             "stop-loss-limit": "stop-limit", "take-profit-limit": "take-profit-limit"}
    calls = [
        (r"POST /0/private/AddOrder", "add"),
        (r"POST /0/private/AddOrderBatch", "batch"),
        (r"POST /0/private/AmendOrder", "amend"),
        (r"POST /0/private/EditOrder", "edit"),
        (r"POST /0/private/CancelOrder", "cancel"),
        (r"POST /0/private/CancelAll", "cancel"),
        (r"POST /0/private/CancelAllOrdersAfter", "switch"),
        (r"POST /0/private/Withdraw", "withdraw"),
        (r"POST /0/private/WalletTransfer", "transfer"),
        (r"POST /0/private/AccountTransfer", "transfer"),
        (r"POST /0/private/Balance", "look"),
    ]

    def pair(self, item, symbol):
        if symbol is None:
            return
        item.facts["symbol"] = symbol
        if "/" in symbol:
            ways = [tuple(symbol.split("/"))]
        else:
            ways = [(symbol[:-len(quote)], quote) for quote in self.quotes
                    if symbol.endswith(quote) and len(symbol) > len(quote)]
        for place, name in ((0, "base"), (1, "quote")):
            found = {self.names.get(way[place], way[place]) for way in ways}
            item.facts[name] = found.pop() if len(found) == 1 else UNKNOWN

    def prices(self, item, kind, params):
        price, second = params.get("price"), params.get("price2")
        has_trigger = params["ordertype"] in ("stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit")
        if price is not None:
            item.facts["trigger_price" if has_trigger else "price"] = number(price)
        if second is not None and params["ordertype"] in ("stop-loss-limit", "take-profit-limit"):
            item.facts["price"] = number(second)

    def order(self, params, pair):
        kind = maker(self.types.get(params["ordertype"], UNKNOWN), params.get("oflags") == "post")
        item = Item("order", market="spot", side=params["type"], type=kind, quantity=number(params["volume"]),
                    client_id=params.get("cl_ord_id"))
        item.id_name = "cl_ord_id"
        if "timeinforce" in params:
            item.facts["time_in_force"] = params["timeinforce"].lower()
        if "leverage" in params:
            item.facts["leverage"] = number(params["leverage"])
            item.facts["market"] = "margin"
        if "reduce_only" in params:
            reduces = str(params["reduce_only"]).lower() == "true"
            item.facts["reduce_only"] = (UNKNOWN if reduces and "leverage" not in params else "yes" if reduces else "no")
        self.pair(item, pair)
        self.prices(item, kind, params)
        if params["ordertype"] not in self.types:  # says nothing of what it does
            item.facts["price"] = item.facts["trigger_price"] = UNKNOWN
        return item

    def closing(self, order, params):
        """The order that closes it once it has filled."""
        opposite = {"buy": "sell", "sell": "buy"}[order.facts["side"]]
        item = Item("order", side=opposite, type=self.types[params["ordertype"]], quantity=order.facts["quantity"])
        for name in ("market", "symbol", "base", "quote"):
            item.facts[name] = order.facts[name]
        self.prices(item, item.facts["type"], params)
        return item

    def add(self, call, params):
        items = [self.order(params, params["pair"])]
        close = {name[6:-1]: value for name, value in params.items() if name.startswith("close[")}
        if close:
            items.append(self.closing(items[0], close))
        return [Reading(call, "trade", items)]

    def batch(self, call, params):
        orders = [self.order(one, params["pair"]) for one in params["orders"]]
        closing = [self.closing(order, one["close"]) for order, one in zip(orders, params["orders"]) if "close" in one]
        return [Reading(call, "trade", orders + closing)]

    def names_order(self, item, params):
        if "cl_ord_id" in params:
            item.facts["order"] = params["cl_ord_id"]
            item.id_name = "cl_ord_id"
        if "txid" in params:
            item.facts["order"] = UNKNOWN if "cl_ord_id" in params else params["txid"]
            item.id_name = None

    def amend(self, call, params):
        item = Item("order", amends=True)
        self.names_order(item, params)
        for name, fact in (("order_qty", "quantity"), ("limit_price", "price"), ("trigger_price", "trigger_price")):
            if name in params:
                item.facts[fact] = number(params[name])
        self.pair(item, params.get("pair"))
        return [Reading(call, "trade", [item])]

    def edit(self, call, params):
        item = Item("order", amends=True, order=params["txid"])
        self.pair(item, params["pair"])
        if "volume" in params:
            item.facts["quantity"] = number(params["volume"])
        if params.get("oflags") == "post":
            item.facts["type"] = "limit-maker"
        return [Reading(call, "trade", [item])]

    def cancel(self, call, params):
        item = Item("cancel")
        self.names_order(item, params)
        return [Reading(call, "cancel", [item])]

    def switch(self, call, params):
        """Without an intent, it is a cancel of which nothing is known; 0 takes the safety off."""
        off = str(params["timeout"]) == "0"
        item = Item("cancel", market=UNKNOWN, symbol=UNKNOWN, order=UNKNOWN)
        return [Reading(call, "cancel", [item], needs=["account"] if off else [])]

    def withdraw(self, call, params):
        item = Item("withdrawal", asset=params["asset"], address=params["key"], amount=number(params["amount"]))
        return [Reading(call, "withdraw", [item])]

    def transfer(self, call, params):
        item = Item("transfer", asset=params["asset"], amount=number(params["amount"]), from_=params["from"],
                    to=params["to"])
        return [Reading(call, "transfer", [item])]

    def look(self, call, params):
        return [Reading(call, "read", [Item("read")])]


class Bitvavo(Exchange):
    rate = (1000, 60)
    has_window = True
    window_default = 10000
    types = {"market": "market", "limit": "limit", "stopLoss": "stop", "stopLossLimit": "stop-limit",
             "takeProfit": "take-profit", "takeProfitLimit": "take-profit-limit"}
    calls = [
        (r"POST /v2/order", "order"),
        (r"PUT /v2/order", "amend"),
        (r"DELETE /v2/order", "cancel"),
        (r"DELETE /v2/orders", "cancel"),
        (r"POST /v2/withdrawal", "withdraw"),
        (r"POST /v2/crypto/withdrawal", "withdraw"),
        (r"GET /v2/balance", "look"),
    ]

    def pair(self, item, symbol):
        if symbol is not None:
            base, quote = symbol.split("-")
            item.facts.update(symbol=symbol, base=base, quote=quote)

    def terms(self, item, params, is_new):
        """Quantity, prices, time in force."""
        if "amount" in params:
            item.facts["quantity"] = number(params["amount"])
        if "amountQuote" in params:
            both = "amount" in params
            item.facts["quantity"] = UNKNOWN if both else number(params["amountQuote"])
            item.unit = "quote"
        for name, fact in (("price", "price"), ("triggerAmount", "trigger_price")):
            if name in params:
                item.facts[fact] = number(params[name])
        if "timeInForce" in params:
            item.facts["time_in_force"] = params["timeInForce"].lower()
        post_only = str(params.get("postOnly", False)).lower() == "true"
        if is_new:
            item.facts["type"] = maker(self.types[params["orderType"]], post_only)
        elif post_only:
            item.facts["type"] = "limit-maker"

    def order(self, call, params):
        item = Item("order", market="spot", side=params["side"], client_id=params.get("clientOrderId"))
        item.id_name = "clientOrderId"
        self.pair(item, params["market"])
        self.terms(item, params, True)
        return [Reading(call, "trade", [item])]

    def names_order(self, item, params):
        if "clientOrderId" in params:
            item.facts["order"] = params["clientOrderId"]
            item.id_name = "clientOrderId"
        if "orderId" in params:
            item.facts["order"] = UNKNOWN if "clientOrderId" in params else params["orderId"]
            item.id_name = None

    def amend(self, call, params):
        item = Item("order", amends=True, market="spot")
        self.pair(item, params["market"])
        self.names_order(item, params)
        self.terms(item, params, False)
        return [Reading(call, "trade", [item])]

    def cancel(self, call, params):
        item = Item("cancel", market="spot", symbol=params.get("market"))
        self.names_order(item, params)
        return [Reading(call, "cancel", [item])]

    def withdraw(self, call, params):
        item = Item("withdrawal", asset=params.get("symbol", params.get("asset")), amount=number(params["amount"]),
                    address=params["address"], network=params.get("network"),
                    tag=params.get("paymentId", params.get("memo")))
        return [Reading(call, "withdraw", [item])]

    def look(self, call, params):
        return [Reading(call, "read", [Item("read")])]


class Coinbase(Exchange):
    rate = (30, 1)
    validity_s = 30
    quotes = "USD USDC USDT DAI EURC EUR GBP BTC ETH".split()
    calls = [
        (r"POST /orders", "order"),
        (r"DELETE /orders", "cancel_all"),
        (r"DELETE /orders/([A-Za-z0-9._-]+)", "cancel"),
        (r"POST /withdrawals/crypto", "withdraw"),
        (r"GET /accounts", "look"),
    ]
    times = {"GTC": "gtc", "GTT": "gtd", "IOC": "ioc", "FOK": "fok"}

    def pair(self, item, symbol):
        base, quote = symbol.split("-")
        item.facts["symbol"] = symbol
        known = quote in self.quotes
        item.facts.update(base=base if known else UNKNOWN, quote=quote if known else UNKNOWN)

    def order(self, call, params):
        kind = params.get("type", "limit")
        if "stop" in params:
            kind = "stop-limit" if kind == "limit" else UNKNOWN
        item = Item("order", market="spot", side=params["side"], client_id=params.get("client_oid"),
                    type=maker(kind, str(params.get("post_only", False)).lower() == "true"))
        item.id_name = "client_oid"
        if "stop_price" in params:
            item.facts["trigger_price"] = number(params["stop_price"])
            if "stop" not in params:
                item.facts["type"] = UNKNOWN
        self.pair(item, params["product_id"])
        if "size" in params:
            item.facts["quantity"] = number(params["size"])
        if "funds" in params:
            item.facts["quantity"] = UNKNOWN if "size" in params else number(params["funds"])
            item.unit = "quote"
        if "price" in params:
            item.facts["price"] = number(params["price"])
        if "time_in_force" in params:
            item.facts["time_in_force"] = self.times[params["time_in_force"]]
        return [Reading(call, "trade", [item])]

    def cancel(self, call, params, order):
        item = Item("cancel", market="spot", order=order, symbol=params.get("product_id"))
        return [Reading("DELETE /orders/{order_id}", "cancel", [item])]

    def cancel_all(self, call, params):
        return [Reading(call, "cancel", [Item("cancel", market="spot", symbol=params.get("product_id"))])]

    def withdraw(self, call, params):
        item = Item("withdrawal", asset=params["currency"], amount=number(params["amount"]),
                    address=params["crypto_address"], network=params.get("network"), tag=params.get("destination_tag"))
        return [Reading(call, "withdraw", [item])]

    def look(self, call, params):
        return [Reading(call, "read", [Item("read")])]

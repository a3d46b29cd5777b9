"""Requests at five exchanges, as bots would make them, and now and then as they would not."""

from fractions import Fraction

from policies import SYMBOLS


class Requests:
    """What a stream asks for, exchange by exchange: method, path and params."""

    def kraken(self):
        pick = self.dice.randrange(100)
        if pick < 60:
            params = self.kraken_order(self.terms())
            if self.chance(8):
                close = self.terms()
                params["close[ordertype]"], params["close[price]"] = "limit", self.number(close["price"])
            return "POST", "/0/private/AddOrder", params
        if pick < 68:
            orders = [self.terms() for _ in range(self.dice.choice([2, 2, 3]))]
            params = {"pair": orders[0]["symbol"], "orders": [self.kraken_order(one, batch=True) for one in orders]}
            if self.chance(10):
                params["orders"][0]["close"] = {"ordertype": "stop-loss", "price": self.number(orders[0]["trigger"])}
            return "POST", "/0/private/AddOrderBatch", params
        if pick < 76:
            order = self.terms()
            params = {"cl_ord_id": self.old_id()} if self.chance(85) else {"txid": "OABC"}
            for name, value in (("order_qty", order["quantity"]), ("limit_price", order["price"])):
                if self.chance(70):
                    params[name] = self.number(value)
            if self.chance(20):
                params["pair"] = order["symbol"]
            return "POST", "/0/private/AmendOrder", params
        if pick < 78:
            return "POST", "/0/private/EditOrder", {"txid": "OABC", "pair": "XBTUSD", "volume": "0.01"}
        if pick < 88:
            kind = self.dice.randrange(4)
            if kind == 3:
                return "POST", "/0/private/CancelAllOrdersAfter", {"timeout": self.dice.choice([0, 60])}
            params = [{"txid": "OABC"}, {"cl_ord_id": self.old_id()}, {}][kind]
            return "POST", "/0/private/CancelAll" if kind == 2 else "/0/private/CancelOrder", params
        if pick < 92:
            address, amount = self.withdrawal()
            return "POST", "/0/private/Withdraw", {"asset": address["asset"], "key": address["address"], "amount": amount}
        if pick < 96:
            return "POST", "/0/private/WalletTransfer", {"asset": self.dice.choice(["USDT", "BTC"]), "from": "Spot Wallet",
                                                         "to": "Futures Wallet", "amount": self.withdrawal()[1]}
        return "POST", "/0/private/Balance", {}

    def kraken_order(self, order, batch=False):
        kinds = {"limit": "limit", "limit-maker": "limit", "stop-limit": "stop-loss-limit", "stop": "stop-loss",
                 "take-profit-limit": "take-profit-limit", "market": "market"}
        params = {"ordertype": kinds[order["kind"]], "type": order["side"], "volume": self.number(order["quantity"])}
        if not batch:
            params["pair"] = order["symbol"]
        if order["kind"] in ("limit", "limit-maker"):
            params["price"] = self.number(order["price"])
        elif order["kind"] in ("stop-limit", "take-profit-limit"):
            params["price"], params["price2"] = self.number(order["trigger"]), self.number(order["price"])
        elif order["kind"] == "stop":
            params["price"] = self.number(order["trigger"])
        elif self.chance(5):
            params["price"] = self.number(order["price"])
        if order["kind"] == "limit-maker":
            params["oflags"] = "post"
        if self.chance(15):
            params["timeinforce"] = self.dice.choice(["GTC", "IOC", "FOK"])
        if self.chance(12):
            params["leverage"] = self.dice.choice(["2", "3", "5", "3.5", "3.6"])
            if self.chance(40):
                params["reduce_only"] = self.chance(70)
        self.cid(params, "cl_ord_id", order)
        return params

    def okx(self):
        pick = self.dice.randrange(100)
        if pick < 58:
            return "POST", "/api/v5/trade/order", self.okx_order(self.terms())
        if pick < 66:
            return "POST", "/api/v5/trade/batch-orders", [self.okx_order(self.terms()) for _ in range(self.dice.choice([2, 2, 3]))]
        if pick < 73:
            one = self.okx_amendment()
            return ("POST", "/api/v5/trade/amend-order", one) if self.chance(70) else (
                "POST", "/api/v5/trade/amend-batch-orders", [one, self.okx_amendment()])
        if pick < 76:
            params = {"instId": self.dice.choice(SYMBOLS["okx"][:6]), "mgnMode": "cross"}
            if self.chance(70):
                params["posSide"] = self.dice.choice(["net", "long", "short"])
            if self.chance(40):
                params["autoCxl"] = self.chance(50)
            return "POST", "/api/v5/trade/close-position", params
        if pick < 84:
            params = {"instId": self.dice.choice(SYMBOLS["okx"]), "clOrdId" if self.chance(50) else "ordId": "id5"}
            if self.chance(20):
                return "POST", "/api/v5/trade/cancel-batch-orders", [params, dict(params, instId="BTC-USDT-SWAP")]
            return "POST", "/api/v5/trade/cancel-order", params
        if pick < 90:
            params = {"lever": self.dice.choice(["2", "3", "5", "5.5", "20"]), "mgnMode": "cross"}
            params.update({"instId": self.dice.choice(SYMBOLS["okx"][2:6])} if self.chance(80) else {"ccy": "USDT"})
            return "POST", "/api/v5/account/set-leverage", params
        if pick < 94:
            address, amount = self.withdrawal()
            params = {"ccy": address["asset"], "amt": amount, "dest": "4", "toAddr": address["address"]}
            if address.get("tag") and self.chance(50):
                params["toAddr"] += ":" + address["tag"]
            if self.chance(90):
                params["chain"] = address["network"]
            return "POST", "/api/v5/asset/withdrawal", params
        if pick < 98:
            way = ["6", "18"] if self.chance(75) else ["18", "6"]
            return "POST", "/api/v5/asset/transfer", {"ccy": self.dice.choice(["USDT", "BTC", "XRP"]), "amt": self.withdrawal()[1],
                                                      "from": way[0], "to": way[1]}
        return "GET", "/api/v5/account/balance", {}

    def okx_order(self, order):
        kinds = {"limit": ["limit", "limit", "limit", "ioc", "fok"], "limit-maker": ["post_only"],
                 "market": ["market", "market", "optimal_limit_ioc"], "stop-limit": ["limit"], "take-profit-limit": ["limit"],
                 "stop": ["op_fok"]}
        kind = self.dice.choice(kinds[order["kind"]])
        is_pair = order["unit"] != "contracts"
        mode = self.dice.choice(["cash", "cash", "cash", "cross"]) if is_pair else self.dice.choice(["cross", "isolated"])
        quantity = order["quantity"]
        if not is_pair and order["contract"] is not None:
            size, asset = order["contract"]
            quantity = quantity * order["price"] / size if asset == "USD" else quantity / size
            quantity = Fraction(round(quantity * 10000), 10000) if self.chance(70) else quantity
        params = {"instId": order["symbol"], "tdMode": mode, "side": order["side"], "ordType": kind}
        if is_pair and kind == "market" and order["side"] == "buy" and self.chance(80):
            quantity = quantity * order["price"]
        params["sz"] = self.number(quantity)
        if is_pair and kind == "market" and self.chance(20):
            params["tgtCcy"] = self.dice.choice(["base_ccy", "quote_ccy"])
        if kind not in ("market", "optimal_limit_ioc"):
            params["px"] = self.number(order["price"])
        if not is_pair and self.chance(50):
            params["reduceOnly"] = self.chance(85)
            if self.chance(10):
                params["posSide"] = self.dice.choice(["long", "net"])
        if self.chance(8):
            leg = self.dice.choice(["tp", "sl"])
            params[leg + "TriggerPx"] = self.number(order["trigger"])
            params[leg + "OrdPx"] = "-1" if self.chance(40) else self.number(order["trigger"])
        self.cid(params, "clOrdId", order)
        return params

    def okx_amendment(self):
        order = self.terms()
        params = {"instId": order["symbol"]}
        params.update({"clOrdId": self.old_id()} if self.chance(85) else {"ordId": "77"})
        params["newSz" if self.chance(50) else "newPx"] = self.number(order["price"] if self.chance(30) else order["quantity"])
        if "newPx" in params:
            params["newPx"] = self.number(order["price"])
        return params

    def bitvavo(self):
        pick = self.dice.randrange(100)
        kinds = {"limit": "limit", "limit-maker": "limit", "stop-limit": "stopLossLimit", "stop": "stopLoss",
                 "take-profit-limit": "takeProfitLimit", "market": "market"}
        order = self.terms()
        if pick < 68:
            params = {"market": order["symbol"], "side": order["side"], "orderType": kinds[order["kind"]]}
            if order["kind"] == "market" and self.chance(50) or self.chance(5):
                params["amountQuote"] = self.number(order["quantity"] * order["price"])
            else:
                params["amount"] = self.number(order["quantity"])
            if order["kind"] not in ("market", "stop"):
                params["price"] = self.number(order["price"])
            if order["kind"] in ("stop-limit", "stop", "take-profit-limit"):
                params["triggerAmount"] = self.number(order["trigger"])
            if order["kind"] == "limit-maker":
                params["postOnly"] = True
            if self.chance(20):
                params["timeInForce"] = self.dice.choice(["GTC", "IOC", "FOK"])
            self.cid(params, "clientOrderId", order)
            return "POST", "/v2/order", params
        if pick < 78:
            params = {"market": order["symbol"]}
            params.update({"clientOrderId": self.old_id()} if self.chance(85) else {"orderId": "77"})
            if self.chance(70):
                params["amount"] = self.number(order["quantity"])
            if self.chance(70):
                params["price"] = self.number(order["price"])
            return "PUT", "/v2/order", params
        if pick < 88:
            if self.chance(30):
                return "DELETE", "/v2/orders", {"market": order["symbol"]} if self.chance(50) else {}
            return "DELETE", "/v2/order", {"market": order["symbol"], "clientOrderId": self.old_id()}
        if pick < 96:
            address, amount = self.withdrawal()
            params = {"asset": address["asset"], "network": address["network"], "address": address["address"], "amount": amount}
            if address.get("tag"):
                params["memo"] = address["tag"]
            if self.chance(15):
                params = {"symbol": address["asset"], "address": address["address"], "amount": amount}
                return "POST", "/v2/withdrawal", params
            return "POST", "/v2/crypto/withdrawal", params
        return "GET", "/v2/balance", {}

    def coinbase(self):
        pick = self.dice.randrange(100)
        order = self.terms()
        if pick < 78:
            params = {"product_id": order["symbol"], "side": order["side"]}
            if order["kind"] == "market":
                params["type"] = "market"
            elif self.chance(70):
                params["type"] = "limit"
            if order["kind"] == "market" and self.chance(50) or self.chance(4):
                params["funds"] = self.number(order["quantity"] * order["price"])
            else:
                params["size"] = self.number(order["quantity"])
            if order["kind"] != "market":
                params["price"] = self.number(order["price"])
            if order["kind"] in ("stop-limit", "stop"):
                params["stop"], params["stop_price"] = self.dice.choice(["loss", "entry"]), self.number(order["trigger"])
            if order["kind"] == "limit-maker":
                params["post_only"] = True
            if self.chance(20):
                params["time_in_force"] = self.dice.choice(["GTC", "IOC", "FOK"])
            self.cid(params, "client_oid", order)
            return "POST", "/orders", params
        if pick < 90:
            if self.chance(30):
                return "DELETE", "/orders", {"product_id": order["symbol"]} if self.chance(50) else {}
            return "DELETE", f"/orders/{self.old_id()}", {}
        if pick < 96:
            address, amount = self.withdrawal()
            params = {"currency": address["asset"], "crypto_address": address["address"], "amount": amount}
            if address.get("tag"):
                params["destination_tag"] = address["tag"]
            if self.chance(85):
                params["network"] = address["network"]
            return "POST", "/withdrawals/crypto", params
        return "GET", "/accounts", {}

    def deribit(self):
        pick = self.dice.randrange(100)
        order = self.terms()
        if pick < 72:
            return "GET", f"/api/v2/private/{order['side']}", self.deribit_order(order)
        if pick < 80:
            params = {"instrument_name": order["symbol"], "label": self.old_id()}
            if self.chance(70):
                params["amount"] = self.deribit_order(order)["amount"]
            if self.chance(70):
                params["price"] = self.number(order["price"])
            return "GET", "/api/v2/private/edit_by_label", params
        if pick < 90:
            kind = self.dice.randrange(3)
            return "GET", ["/api/v2/private/cancel", "/api/v2/private/cancel_by_label", "/api/v2/private/cancel_all"][kind], (
                [{"order_id": "77"}, {"label": self.old_id()}, {}][kind])
        if pick < 95:
            address, amount = self.withdrawal()
            return "GET", "/api/v2/private/withdraw", {"currency": address["asset"], "address": address["address"], "amount": amount}
        return "GET", "/api/v2/private/get_positions", {}

    def deribit_order(self, order):
        kinds = {"limit": "limit", "limit-maker": "limit", "stop-limit": "stop_limit", "stop": "stop_market",
                 "take-profit-limit": "take_limit", "market": "market"}
        quantity = order["quantity"]
        if order["contract"] is not None and order["contract"][1] == "USD":
            quantity = quantity * order["price"]
        params = {"instrument_name": order["symbol"], "amount": self.number(quantity)}
        if order["kind"] != "limit" or self.chance(50):
            params["type"] = kinds[order["kind"]]
        if order["kind"] not in ("market", "stop"):
            params["price"] = self.number(order["price"])
        if order["kind"] in ("stop-limit", "stop", "take-profit-limit"):
            params["trigger_price"] = self.number(order["trigger"])
        if order["kind"] == "limit-maker":
            params["post_only"] = True
        if self.chance(50):
            params["reduce_only"] = self.chance(85)
        if self.chance(15):
            params["time_in_force"] = self.dice.choice(["good_til_cancelled", "immediate_or_cancel", "fill_or_kill"])
        self.cid(params, "label", order)
        return params

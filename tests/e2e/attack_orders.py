"""Orders as a bot asks for them at each exchange: 0.1 BTC at 30000, if nothing else is said."""


def request(method, path, params):
    """What is None is left out."""
    return {"method": method, "path": path, "params": {name: value for name, value in params.items() if value is not None}}


def post(path, params=None, **more):
    return request("POST", path, {**(params or {}), **more})


def get(path, **params):
    return request("GET", path, params)


def put(path, **params):
    return request("PUT", path, params)


def changed(document, **changes):
    """The same request with other parameters; None takes one away."""
    return {**document, "params": request("", "", {**document["params"], **changes})["params"]}


def kraken(side="buy", quantity="0.1", price="30000", pair="XBTUSDT", **more):
    return post("/0/private/AddOrder", {"ordertype": "limit", "type": side, "volume": quantity, "price": price, "pair": pair,
                                        **more})


def okx(side="buy", quantity="0.1", price="30000", pair="BTC-USDT", **more):
    return post("/api/v5/trade/order", {"instId": pair, "tdMode": "cash", "side": side, "ordType": "limit", "sz": quantity,
                                        "px": price, **more})


def bitvavo(side="buy", quantity="0.1", price="30000", pair="BTC-EUR", **more):
    return post("/v2/order", {"market": pair, "operatorId": 5, "side": side, "orderType": "limit", "amount": quantity,
                              "price": price, **more})


def coinbase(side="buy", quantity="0.1", price="30000", pair="BTC-USD", **more):
    return post("/orders", {"product_id": pair, "side": side, "type": "limit", "size": quantity, "price": price, **more})


def gate(side="buy", quantity="0.1", price="30000", pair="BTC_USDT", **more):
    return post("/api/v4/spot/orders", {"currency_pair": pair, "side": side, "type": "limit", "amount": quantity, "price": price,
                                        **more})


def bitget(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", **more):
    return post("/api/v2/spot/trade/place-order", {"symbol": pair, "side": side, "orderType": "limit", "force": "gtc",
                                                   "size": quantity, "price": price, **more})


def bybit(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", category="spot", **more):
    return post("/v5/order/create", {"category": category, "symbol": pair, "side": side.capitalize(), "orderType": "Limit",
                                     "qty": quantity, "price": price, **more})


def binance(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", **more):
    return post("/api/v3/order", {"symbol": pair, "side": side.upper(), "type": "LIMIT", "timeInForce": "GTC",
                                  "quantity": quantity, "price": price, **more})


def mexc(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", **more):
    return post("/api/v3/order", {"symbol": pair, "side": side.upper(), "type": "LIMIT", "quantity": quantity, "price": price,
                                  **more})


def deribit(side="buy", quantity="0.1", price="30000", pair="BTC_USDC", **more):
    return get(f"/api/v2/private/{side}", **{"instrument_name": pair, "amount": quantity, "type": "limit", "price": price,
                                             **more})


def futures(side="buy", quantity="0.1", price="30000", pair="PF_XBTUSD", **more):
    """Contracts at Kraken."""
    return post("/derivatives/api/v3/sendorder", {"orderType": "lmt", "symbol": pair, "side": side, "size": quantity,
                                                  "limitPrice": price, **more})


def swap(side="buy", quantity="10", price="30000", pair="BTC-USDT-SWAP", **more):
    """Contracts of 0.01 BTC at OKX."""
    return okx(side, quantity, price, pair, **{"tdMode": "cross", **more})


def mix(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", **more):
    """Contracts at Bitget."""
    return post("/api/v2/mix/order/place-order", {
        "symbol": pair, "productType": "USDT-FUTURES", "marginMode": "crossed", "marginCoin": "USDT", "size": quantity,
        "side": side, "orderType": "limit", "price": price, "force": "gtc", **more})


def usdm(side="buy", quantity="0.1", price="30000", pair="BTCUSDT", **more):
    """Contracts at Binance."""
    return {**binance(side, quantity, price, pair, **more), "path": "/fapi/v1/order"}


def dollars(side="buy", quantity="0.1", price="30000", pair="BTC_USDT", **more):
    """Contracts at Gate."""
    signed = quantity if side == "buy" else f"-{quantity}"
    return post("/api/v4/futures/usdt/orders", {"contract": pair, "size": signed, "price": price, "tif": "gtc", **more})


PLACE = {"kraken": kraken, "okx": okx, "bitvavo": bitvavo, "coinbase-exchange": coinbase, "gate": gate, "bitget": bitget,
         "bybit": bybit, "binance": binance, "deribit": deribit, "kraken-futures": futures, "mexc": mexc}


# ---- orders that few exchanges have ----


def stop_limit(key, side, price, trigger):
    """A stop order with a limit price."""
    return {
        "kraken": lambda: kraken(side, price=trigger, price2=price, ordertype="stop-loss-limit"),
        "kraken-futures": lambda: changed(futures(side, price=price, stopPrice=trigger), orderType="stp"),
        "okx": lambda: algo("trigger", side, triggerPx=trigger, orderPx=price),
        "deribit": lambda: changed(deribit(side, price=price, trigger="mark_price", trigger_price=trigger), type="stop_limit"),
        "bitvavo": lambda: changed(bitvavo(side, price=price, triggerAmount=trigger, triggerType="price",
                                           triggerReference="lastTrade"), orderType="stopLossLimit"),
        "coinbase-exchange": lambda: coinbase(side, price=price, stop="loss" if side == "sell" else "entry", stop_price=trigger),
        "bybit": lambda: bybit(side, price=price, triggerPrice=trigger, orderFilter="StopOrder"),
        "binance": lambda: changed(binance(side, price=price, stopPrice=trigger), type="STOP_LOSS_LIMIT"),
    }[key]()


def algo(kind, side="sell", quantity="10", **more):
    return post("/api/v5/trade/order-algo", instId="BTC-USDT-SWAP", tdMode="cross", side=side, ordType=kind, sz=quantity, **more)


def trailing(key, quantity):
    """A stop that follows the market: it has no price that a collar could hold."""
    return {
        "kraken-futures": lambda: futures("buy", quantity, None, trailingStopMaxDeviation="10",
                                          trailingStopDeviationUnit="PERCENT", orderType="trailing_stop"),
        "okx": lambda: algo("move_order_stop", "buy", str(int(float(quantity) * 100)), callbackRatio="0.01"),
        "bitget": lambda: post("/api/v2/mix/order/place-plan-order", symbol="BTCUSDT", productType="USDT-FUTURES",
                               marginMode="crossed", marginCoin="USDT", planType="track_plan", size=quantity,
                               triggerPrice="30000", triggerType="mark_price", side="buy", orderType="market",
                               callbackRatio="2"),
        "deribit": lambda: get("/api/v2/private/buy", instrument_name="BTC-PERPETUAL", amount=str(float(quantity) * 30000),
                               type="trailing_stop", trigger_offset="5", trigger="mark_price"),
    }[key.removesuffix("-slips")]()


def bracket(key, price):
    """An honest order, and with it one that is sent once it has filled, with this limit price."""
    return {
        "kraken": lambda: kraken(**{"close[ordertype]": "stop-loss-limit", "close[price]": "29500", "close[price2]": price}),
        "okx": lambda: swap(attachAlgoOrds=[{"slTriggerPx": "29500", "slOrdPx": price}]),
        "phemex": lambda: post("/g-orders", symbol="BTCUSDT", side="Buy", posSide="Merged", ordType="Limit", orderQtyRq="0.1",
                               priceRp="30000", stopLossRp="29500", slPxRp=price),
        "deribit": lambda: deribit(pair="BTC_USDC-PERPETUAL", linked_order_type="one_triggers_other", otoco_config=[
            {"direction": "sell", "amount": "0.1", "type": "stop_limit", "trigger_price": "29500", "price": price,
             "trigger": "mark_price"}]),
    }[key]()


def batch(key, *quantities):
    """Limit orders to buy at 30000."""
    if key == "deribit":
        return get("/api/v2/private/mass_quote", mmp_group="g", quotes=[
            {"instrument_name": "BTC_USDC", "bid": {"price": "30000", "amount": quantity}} for quantity in quantities])
    orders = [PLACE[key](quantity=quantity)["params"] for quantity in quantities]
    own = {"kraken": ("pair",), "bitget": ("symbol",)}.get(key, ())
    parts = [{name: value for name, value in order.items() if name not in own} for order in orders]
    if key == "gate":
        parts = [{**part, "text": f"t-{number}"} for number, part in enumerate(parts)]
    path, place = {
        "kraken": ("/0/private/AddOrderBatch", "orders"), "okx": ("/api/v5/trade/batch-orders", ""),
        "gate": ("/api/v4/spot/batch_orders", ""), "bitget": ("/api/v2/spot/trade/batch-orders", "orderList"),
    }[key]
    return post(path, {**{name: orders[0][name] for name in own}, place: parts})


NAMES = {  # how an order is named when it is placed
    "kraken": "cl_ord_id", "okx": "clOrdId", "bitvavo": "clientOrderId", "bybit": "orderLinkId", "deribit": "label",
    "bitget": "clientOid", "phemex": "clOrdID",
}


def amend(key, quantity=None, price=None, order=None):
    """Of the order with that name; None leaves it as it is."""
    order = order or f"a-{key}"
    return {
        "kraken": lambda: post("/0/private/AmendOrder", cl_ord_id=order, order_qty=quantity, limit_price=price),
        "okx": lambda: post("/api/v5/trade/amend-order", instId="BTC-USDT", clOrdId=order, newSz=quantity, newPx=price),
        "bitvavo": lambda: put("/v2/order", market="BTC-EUR", operatorId=5, clientOrderId=order, amount=quantity, price=price),
        "bybit": lambda: post("/v5/order/amend", category="linear", symbol="BTCUSDT", orderLinkId=order, qty=quantity,
                              price=price),
        "deribit": lambda: get("/api/v2/private/edit_by_label", label=order, instrument_name="BTC_USDC", amount=quantity,
                               price=price),
        "phemex": lambda: put("/g-orders/replace", symbol="BTCUSDT", origClOrdID=order, orderQtyRq=quantity, priceRp=price),
        "bitget": lambda: post("/api/v2/spot/trade/cancel-replace-order", symbol="BTCUSDT", clientOid=order, size=quantity,
                               price=price),
    }[key]()


def stated(key, side, amount):
    """A market order that says how much of the quote asset it is for."""
    return {
        "okx": lambda: okx(side, amount, None, ordType="market", tgtCcy="quote_ccy"),
        "bitvavo": lambda: changed(bitvavo(side, None, None, amountQuote=amount), orderType="market"),
        "coinbase-exchange": lambda: changed(coinbase(side, None, None, funds=amount), type="market"),
        "gate": lambda: changed(gate(side, amount, None, time_in_force="ioc"), type="market"),
        "bitget": lambda: changed(bitget(side, amount, None), orderType="market"),
        "bybit": lambda: changed(bybit(side, amount, None, marketUnit="quoteCoin"), orderType="Market"),
        "binance": lambda: changed(binance(side, None, None, quoteOrderQty=amount), type="MARKET", timeInForce=None),
    }[key]()


def leverage(key, value):
    return {
        "okx": lambda: post("/api/v5/account/set-leverage", instId="BTC-USDT-SWAP", lever=value, mgnMode="cross"),
        "gate": lambda: post("/api/v4/futures/usdt/positions/BTC_USDT/leverage", leverage=value),
        "kraken-futures": lambda: put("/derivatives/api/v3/leveragepreferences", symbol="PF_XBTUSD", maxLeverage=value),
        "bybit": lambda: post("/v5/position/set-leverage", category="linear", symbol="BTCUSDT", buyLeverage=value,
                              sellLeverage=value),
        "binance": lambda: post("/fapi/v1/leverage", symbol="BTCUSDT", leverage=value),
        "bitget": lambda: post("/api/v2/mix/account/set-leverage", symbol="BTCUSDT", productType="USDT-FUTURES",
                               marginCoin="USDT", leverage=value),
        "phemex": lambda: put("/g-positions/leverage", symbol="BTCUSDT", leverageRr=value),
    }[key]()


def phemex(quantity="10000000", price="3000000000000", **more):
    """0.1 BTC at 30000, scaled by 8."""
    return post("/spot/orders", symbol="sBTCUSDT", side="Buy", qtyType="ByBase", ordType="Limit", baseQtyEv=quantity,
                priceEp=price, timeInForce="GoodTillCancel", **more)


def contract(side="buy", **more):
    """A contract at Phemex."""
    return post("/g-orders", {"symbol": "BTCUSDT", "side": side.capitalize(), "posSide": "Merged", "ordType": "Limit",
                              "orderQtyRq": "0.1", "priceRp": "30000", **more})

"""What a bot that was taken over writes to the relay to have more than its budget: requests in a table, for five exchanges.
Small orders are of a few cents, so that what is accepted of them leaves the budget to the load that comes after."""

import itertools
import json

import test_policy_attacks
import test_policy_attacks_in_steps
from exact_way import FORM, Request, encode, flat, now_ms

SMALL = "0.00001"  # 0.30 USDT
LARGE = "1"
SIZES = {"quantity", "qty", "sz", "volume", "amount", "newSz", "order_qty", "quoteOrderQty", "workingQuantity", "pendingQuantity"}
NUMBERS = ("1e0", "0.00001e5", "1E+0", "+1", "\uff11", "\u0661", " 1", "1 ", "1\n", "1\0", "01", "1.", ".1e1", "-1", "1,0", "0x1", "1_0",
           "0.00001;1", "0.00001 1", "Infinity", "NaN", "9" * 40, "1e400", "")
JSON_VALUES = ("1", "1e0", "1.0", "true", '["1"]', '{"a":"1"}', "null", "1E400", "-1", "0.1e1", "01", "+1", "NaN", "'1'")


numbers = itertools.count()


def new_id(exchange):
    """So that no order of the bot's own is one of before."""
    return exchange.own_id(f"e{next(numbers)}")


# ---- the attacks of the policy's tests ----


def scaled(value, name=""):
    """The same request a hundred thousand times smaller."""
    if isinstance(value, dict):
        return {each: scaled(inner, each) for each, inner in value.items()}
    if isinstance(value, list):
        return [scaled(inner, name) for inner in value]
    try:
        return f"{float(value) * 1e-5:.10f}" if name in SIZES and isinstance(value, str) else value
    except ValueError:
        return value


def known_attacks(exchange, change=lambda params: params):
    """All steps at that exchange of the policy's attack tests."""
    for name, attack in {**test_policy_attacks.ATTACKS, **test_policy_attacks_in_steps.ATTACKS}.items():
        for key, *steps in attack.rows:
            if key.partition("-")[0] != exchange.name or key.startswith("kraken-futures"):
                continue
            own = new_id(exchange)
            for asked, *_ in steps:
                params = named(change(asked["params"]), f"a-{exchange.name}", own)
                yield f"attack {name}", exchange.write(asked["method"], asked["path"], own_place(params))


def named(params, old, new):
    """With another id of the bot's own."""
    return {name: new if value == old else value for name, value in params.items()}


def own_place(params):
    """A batch is the whole body, or one member of it."""
    return params[""] if isinstance(params, dict) and list(params) == [""] else params


# ---- encodings ----


def encodings(exchange):
    is_form = exchange.write("POST", "", {}).headers["Content-Type"] == FORM
    yield from form_encodings(exchange) if is_form else json_encodings(exchange)
    for number in NUMBERS:
        yield f"quantity {number[:12]!r}", exchange.order(number, new_id(exchange))
        yield f"price {number[:12]!r}", exchange.order(SMALL, new_id(exchange), **{exchange.price: number})
    for extra in (f"{exchange.quantity}={LARGE}", f"%{ord(exchange.quantity[0]):02x}{exchange.quantity[1:]}={LARGE}"):
        for is_first in (True, False):
            small = exchange.order(SMALL, new_id(exchange))
            query = f"{extra}&{small.query}" if is_first else f"{small.query}&{extra}"
            yield "large beside it in the query", Request("POST", small.path, query.strip("&"), small.body, small.headers)
    for method, path in (("POST", "/https://evil.example{}"), ("POST", "/x/..{}"), ("POST", "/{}"), ("PUT", "{}"), ("GET", "{}")):
        small = exchange.order(SMALL, new_id(exchange))
        yield f"{method} {path}", Request(method, path.format(small.path), small.query, small.body, small.headers)
    for headers in ({"X_HTTP_Method_Override": "DELETE"}, {"Content_Encoding": "gzip"}, {"Transfer_Encoding": "chunked"},
                    {"Expect": "100-continue"}, {"Content_Type": "text/plain"}, {"Content_Type": "application/json; charset=utf-7"}):
        yield f"header {headers}", exchange.order(SMALL, new_id(exchange)).with_headers(**headers)
    for ago_s in (7, 400, 86400, -7, -400):
        yield f"{ago_s} s old", exchange.order(SMALL, new_id(exchange), ago_s)


def form_encodings(exchange):
    name = exchange.quantity
    for extra in (f"{name}={LARGE}", f"%{ord(name[0]):02x}{name[1:]}={LARGE}", f"{name.upper()}={LARGE}",
                                f"{name}[]={LARGE}", f"{name}%00={LARGE}", f"+{name}={LARGE}", f"{exchange.price}=3000000000",
                                f"a=%0d%0a{name}%3d{LARGE}", f"a=1;{name}={LARGE}", f"{name}", "&&", f"nonce={now_ms()}", "timestamp=1",
                                "signature=dummy", "recvWindow=60000", f"symbol=ETHUSDT&{name}={LARGE}"):
        for form in ("{}&{}", "{1}&{0}"):
            text = encode(exchange.params(SMALL, new_id(exchange)))
            yield f"{extra!r} beside it", exchange.write("POST", exchange.path, form.format(text, extra))
    text = encode(exchange.params(SMALL, new_id(exchange)))
    yield "an ampersand in a value", exchange.write("POST", exchange.path, text.replace(SMALL, f"{SMALL}%26{name}%3d{LARGE}"))
    yield "all percent-encoded", exchange.write("POST", exchange.path, "&".join(
        f"{''.join(f'%{ord(letter):02X}' for letter in one)}={value}" for one, value in flat(exchange.params(SMALL, new_id(exchange)))))


def json_encodings(exchange):
    name = exchange.quantity
    for extra in (f'"{name}":"{LARGE}"', f'"\\u{ord(name[0]):04x}{name[1:]}":"{LARGE}"', f'"{name.upper()}":"{LARGE}"',
                                f'"{name}\\u0000":"{LARGE}"', f'"{exchange.price}":"3000000000"', f'"{name}":{LARGE}',
                                f'"a":{{"{name}":"{LARGE}"}}', f'"":"{LARGE}"', f'"{name} ":"{LARGE}"'):
        for form in ("{{{}, {}}}", "{{{1}, {0}}}"):
            text = json.dumps(exchange.params(SMALL, new_id(exchange)))[1:-1]
            yield f"{extra} beside it", exchange.write("POST", exchange.path, form.format(text, extra))
    for value in JSON_VALUES:
        text = json.dumps(exchange.params("@", new_id(exchange))).replace('"@"', value)
        yield f"quantity {value}", exchange.write("POST", exchange.path, text)
    for form in ("\ufeff{}", "{}{}", "{}\n{}", "[{}]", "[{},{}]", "{},", "/**/{}", "{}\0{}", '{{"a":' * 40 + "{}" + "}}" * 40):
        text, large = (json.dumps(exchange.params(size, new_id(exchange))) for size in (SMALL, LARGE))
        yield f"body {form[:20]!r}", exchange.write("POST", exchange.path, form.format(text, large))
    form = exchange.write("POST", exchange.path, encode(exchange.params(SMALL, new_id(exchange))))
    yield "a form", form.with_headers(Content_Type=FORM)


# ---- other ways to an order ----


def other_ways(exchange):
    """More than one order in a request, orders by other calls, and what changes an order."""
    made = {}

    def own(text, again=False):
        """A new id; or the last one with that text."""
        if not again:
            made[text] = new_id(exchange)
        return made[text]
    def batches():
        """Of small orders, with a large one, and of too many."""
        for sizes in ((SMALL,) * 3, (SMALL, LARGE), (LARGE, SMALL), (SMALL,) * 25):
            yield [exchange.params(size, own("b")) for size in sizes]

    yield from ((name, exchange.write(method, path, params)) for name, method, path, params in
                OTHER_WAYS[exchange.name](exchange, own, batches()))


def without(params, *names):
    return {name: value for name, value in params.items() if name not in names}


def ways_at_binance(exchange, own, batches):
    for size in (SMALL, LARGE):
        yield "quote", "POST", exchange.path, exchange.params(None, own("q"), price=None, timeInForce=None, type="MARKET",
                                                              quoteOrderQty="0.5" if size == SMALL else "5000")
        yield "both", "POST", exchange.path, exchange.params(SMALL, own("t"), price=None, timeInForce=None, type="MARKET",
                                                             quoteOrderQty="0.5" if size == SMALL else "5000")
        yield "market", "POST", exchange.path, exchange.params(size, own("k"), price=None, timeInForce=None, type="MARKET")
        for path in ("/api/v3/sor/order", "/api/v3/order/test", "/sapi/v1/margin/order", "/fapi/v1/order", "/papi/v1/um/order",
                     "/API/v3/order", "/api/v3/order/", "/api/v3//order", "/api/v1/order"):
            yield path, "POST", path, exchange.params(size, own("p" if size == SMALL else "x"))
        yield "replace", "POST", "/api/v3/order/cancelReplace", exchange.params(
            size, own("r"), cancelReplaceMode="ALLOW_FAILURE", cancelOrigClientOrderId=own("q", True))
        yield "stop", "POST", exchange.path, exchange.params(size, own("s"), type="STOP_LOSS_LIMIT", stopPrice="30100")
        yield "stop beyond", "POST", exchange.path, exchange.params(SMALL, own("v"), type="STOP_LOSS_LIMIT", stopPrice="0.01",
                                                                    price="300000" if size == LARGE else "30100")
        yield "iceberg", "POST", exchange.path, exchange.params(size, own("i"), icebergQty=SMALL)
        yield "list", "POST", "/api/v3/orderList/oco", without(exchange.params(size, None, side="SELL", aboveType="LIMIT_MAKER",
                                                               abovePrice="31000", belowType="STOP_LOSS", belowStopPrice="29000"),
                                                               "type", "timeInForce", "price")
    for batch in batches:
        yield "batch", "POST", "/fapi/v1/batchOrders", {"batchOrders": json.dumps(batch)}
    yield "amend", "PUT", "/api/v3/order/amend/keepPriority", {"symbol": "BTCUSDT", "origClientOrderId": own("r", True), "newQty": LARGE}
    yield "amend", "PUT", "/fapi/v1/order", {"symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": own("p", True), "quantity": LARGE,
                                             "price": "30000"}
    yield "withdraw", "POST", "/sapi/v1/capital/withdraw/apply", {"coin": "USDT", "address": "0xevil", "amount": "5"}
    yield "transfer", "POST", "/sapi/v1/asset/transfer", {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "5"}
    yield "leverage", "POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "100"}


def ways_at_bybit(exchange, own, batches):
    for size, quote in ((SMALL, "0.5"), (LARGE, "5000")):
        market = {"price": None, "orderType": "Market"}
        yield "quote", "POST", exchange.path, exchange.params(quote, own("q"), marketUnit="quoteCoin", **market)
        yield "market", "POST", exchange.path, exchange.params(size, own("k"), marketUnit="baseCoin", **market)
        yield "silent", "POST", exchange.path, exchange.params(size, own("u"), **market)
        yield "linear", "POST", exchange.path, exchange.params(size, own("l" if size == SMALL else "x"), category="linear")
        yield "inverse", "POST", exchange.path, exchange.params(quote, own("n"), category="inverse", symbol="BTCUSD")
        yield "stop", "POST", exchange.path, exchange.params(size, own("s"), orderFilter="StopOrder", triggerPrice="30100")
        yield "bracket", "POST", exchange.path, exchange.params(SMALL, own("t"), category="linear", takeProfit="31000", stopLoss="29000",
                                                                tpLimitPrice="310000" if size == LARGE else "31000",
                                                                tpOrderType="Limit", tpslMode="Partial")
        yield "amend", "POST", "/v5/order/amend", {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": own("l", True), "qty": size}
        yield "amend", "POST", "/v5/order/amend", {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": own("l", True), "qty": SMALL,
                                                   "price": "300000" if size == LARGE else "30000"}
    for batch in batches:
        yield "batch", "POST", "/v5/order/create-batch", {"category": "spot", "request": [without(one, "category") for one in batch]}
    yield "batch of another", "POST", "/v5/order/create-batch", {"category": "spot", "request": [exchange.params(SMALL, own("c"))]}
    yield "withdraw", "POST", "/v5/asset/withdraw/create", {"coin": "USDT", "chain": "ETH", "address": "0xevil", "amount": "5",
                                                              "timestamp": now_ms()}
    yield "leverage", "POST", "/v5/position/set-leverage", {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "100",
                                                            "sellLeverage": "100"}


def ways_at_okx(exchange, own, batches):
    for size, quote in ((SMALL, "0.5"), (LARGE, "5000")):
        contracts = {SMALL: "0.001", LARGE: "100"}[size]
        market = {"px": None, "ordType": "market"}
        yield "quote", "POST", exchange.path, exchange.params(quote, own("q"), tgtCcy="quote_ccy", **market)
        yield "base", "POST", exchange.path, exchange.params(size, own("k"), tgtCcy="base_ccy", **market)
        yield "silent", "POST", exchange.path, exchange.params(size, own("u"), **market)
        yield "swap", "POST", exchange.path, exchange.params(contracts, own("l" if size == SMALL else "x"), instId="BTC-USDT-SWAP", tdMode="cross")
        yield "attached", "POST", exchange.path, exchange.params("0.001", own("a"), instId="BTC-USDT-SWAP", tdMode="cross", attachAlgoOrds=[
            {"tpTriggerPx": "30500", "tpOrdPx": "30400", "sz": contracts}])
        yield "algo", "POST", "/api/v5/trade/order-algo", {
            "instId": "BTC-USDT", "tdMode": "cash", "side": "buy", "ordType": "trigger", "sz": size, "triggerPx": "30100",
            "orderPx": "30100", "algoClOrdId": own("g")}
        yield "amend", "POST", "/api/v5/trade/amend-order", {"instId": "BTC-USDT-SWAP", "clOrdId": own("l", True), "newSz": contracts}
        yield "amend", "POST", "/api/v5/trade/amend-order", {"instId": "BTC-USDT-SWAP", "clOrdId": own("l", True), "newSz": "0.001",
                                                             "newPx": "300000000" if size == LARGE else "30000"}
        yield "amend", "POST", "/api/v5/trade/amend-batch-orders", [
            {"instId": "BTC-USDT-SWAP", "clOrdId": own("l", True), "newSz": one} for one in ("0.001", contracts)]
    for batch in batches:
        yield "batch", "POST", "/api/v5/trade/batch-orders", batch
    yield "withdraw", "POST", "/api/v5/asset/withdrawal", {"ccy": "USDT", "amt": "5", "dest": "4", "toAddr": "0xevil"}
    yield "transfer", "POST", "/api/v5/asset/transfer", {"ccy": "USDT", "amt": "5", "from": "6", "to": "18"}


def ways_at_htx(exchange, own, batches):
    for size, quote in ((SMALL, "0.5"), (LARGE, "5000")):
        yield "market", "POST", exchange.path, exchange.params(quote, own("q"), type="buy-market", price=None)
        for kind in ("buy-limit-maker", "buy-ioc", "sell-limit", "sell-market", "buy-stop-limit", "buy-limit-fok"):
            stop = {"stop-price": "30100", "operator": "gte"} if "stop" in kind else {}
            yield kind, "POST", exchange.path, exchange.params(size, own(f"k{kind[-4:]}"), type=kind, **stop)
        yield "auto", "POST", "/v1/order/auto/place", exchange.params(size, own("u"), source="spot-api")
        yield "algo", "POST", "/v2/algo-orders", {
            "accountId": 100009, "symbol": "btcusdt", "orderSide": "buy", "orderType": "limit", "orderSize": size, "orderPrice": "30000",
            "stopPrice": "30100", "clientOrderId": own("g"), "timeInForce": "gtc"}
        yield "swap", "POST", "/v5/trade/order", {
            "contract_code": "BTC-USDT", "margin_mode": "cross", "side": "buy", "type": "limit", "price": "30000", "position_side": "both",
            "volume": "1" if size == LARGE else "1000", "client_order_id": now_ms()}
    for batch in batches:
        yield "batch", "POST", "/v1/order/batch-orders", batch
    yield "withdraw", "POST", "/v1/dw/withdraw/api/create", {"address": "0xevil", "amount": "5", "currency": "usdt"}


def ways_at_kraken(exchange, own, batches):
    for size, quote in ((SMALL, "0.5"), (LARGE, "5000")):
        yield "quote", "POST", exchange.path, exchange.params(quote, own("q"), ordertype="market", price=None, oflags="viqc")
        yield "market", "POST", exchange.path, exchange.params(size, own("k"), ordertype="market", price=None)
        yield "stop", "POST", exchange.path, exchange.params(size, own("s"), ordertype="stop-loss-limit", price="30100", price2="30200")
        yield "attached", "POST", exchange.path, exchange.params(SMALL, own("a"), **{
            "close[ordertype]": "stop-loss-limit", "close[price]": "29500", "close[price2]": "29400" if size == SMALL else "0.01"})
        yield "relative", "POST", exchange.path, exchange.params(SMALL, own("r"), price="+1%" if size == SMALL else "+900%")
        yield "lever", "POST", exchange.path, exchange.params(size, own("l" if size == SMALL else "x"), leverage="5")
        yield "amend", "POST", "/0/private/AmendOrder", {"cl_ord_id": own("l", True), "order_qty": size}
        yield "amend", "POST", "/0/private/AmendOrder", {"cl_ord_id": own("l", True), "order_qty": SMALL,
                                                         "limit_price": "30000" if size == SMALL else "30000000"}
        yield "edit", "POST", "/0/private/EditOrder", {"txid": "OVENUE-10000-000001", "pair": "XBTUSDT", "volume": size, "price": "30000"}
        yield "only to see", "POST", exchange.path, exchange.params(SMALL, own("v"), validate="true" if size == SMALL else "false")
    for batch in batches:
        orders = [without(one, "pair") for one in batch]
        yield "batch", "POST", "/0/private/AddOrderBatch", {"pair": "XBTUSDT", "orders": orders}
        yield "batch", "POST", "/0/private/AddOrderBatch", json.dumps({"nonce": now_ms() * 1000, "pair": "XBTUSDT", "orders": [
            {**one, "cl_ord_id": own("j")} for one in orders]})
    yield "withdraw", "POST", "/0/private/Withdraw", {"asset": "XBT", "key": "evil", "amount": "5"}


OTHER_WAYS = {"binance": ways_at_binance, "bybit": ways_at_bybit, "okx": ways_at_okx, "htx": ways_at_htx, "kraken": ways_at_kraken}


def tricks(exchange):
    """They come to a few dollars, if each is taken for what it says."""
    yield from known_attacks(exchange, scaled)
    yield from encodings(exchange)
    yield from other_ways(exchange)

"""HTX: spot at api.huobi.pro, contracts at api.hbdm.

https://www.htx.com/en-us/opend/newApiPages/ "Authentication": base64 of HMAC-SHA256 of four lines: method, host, path, and
the query sorted by name in byte order, without the signature. The body is not covered. The time may be five minutes off.
"""

import calendar
import time as clock

from books import Market, price_of
from exchanges.base import Exchange, Refusal, fields, json_body, text, with_params
from http1 import Answer
from signing import mac

SPOT = [Market(f"{base.lower()}usdt", base, "USDT") for base in ("BTC", "ETH", "XRP", "DOGE")]
SWAP = [Market("BTC-USDT", "BTC", "USDT", "linear", "0.001"), Market("ETH-USDT", "ETH", "USDT", "linear", "0.01")]
INVERSE = [Market("BTC-USD", "BTC", "USD", "inverse", "100")]
AUTHENTICATION = ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp", "Signature")
ACCOUNT = 100009


def failure(code, message, status=200):
    return status, {"status": "error", "err-code": code, "err-msg": message, "data": None}


class Htx(Exchange):
    NAME = "htx"
    HOSTS = (
        "api.huobi.pro", "api-aws.huobi.pro", "api.hbdm.com", "api.hbdm.vn", "api.htx.com", "status.huobigroup.com",
    )  # fmt: skip
    MARKETS = SPOT + SWAP + INVERSE
    WINDOW_MS = AHEAD_MS = 300000
    REFUSALS = {
        "key": failure("api-signature-not-valid", "Signature not valid: Incorrect Access key [Access key错误]"),
        "signature": failure("api-signature-not-valid", "Signature not valid: Verification failure [校验失败]"),
        "time": failure("api-signature-not-valid", "Signature not valid: Invalid Timestamp [时间戳错误]"),
        "params": failure("invalid-parameter", "invalid parameter {why}"),
        "symbol": failure("base-symbol-error", "The symbol is invalid"),
        "order": failure("base-record-invalid", "record invalid"),
        "path": failure("not-found", "{why}", 404),
        "funds": failure("account-frozen-balance-insufficient-error", "insufficient balance"),
        "duplicate": failure("client-order-id-duplicate", "Duplicate client order id"),
        "limit": failure("api-limit", "exceeded rate limit", 429),
        "permission": failure("api-not-support-temp-addr", "API withdrawal does not support temporary addresses"),
        "busy": failure("base-system-busy", "system busy", 503),
        "other": failure("bad-request", "{why}"),
    }

    def check(self, call):
        request = call.request
        parts = request.query.split("&")
        given = fields(request.query)
        key = self.key_named(call, given.get("AccessKeyId"))
        self.check_type(call, "application/json")
        if (given.get("SignatureMethod"), given.get("SignatureVersion")) != ("HmacSHA256", "2"):
            raise Refusal("signature", "method or version")
        covered = sorted((part for part in parts if not part.startswith("Signature=")), key=lambda part: part.split("=")[0])
        payload = "\n".join((request.method, request.host, request.path, "&".join(covered)))
        self.check_signature(given.get("Signature"), mac("sha256", key.secret, payload, "base64"))
        try:
            moment = calendar.timegm(clock.strptime(given["Timestamp"], "%Y-%m-%dT%H:%M:%S"))
        except (KeyError, ValueError):
            raise Refusal("time", "Timestamp is no time here") from None
        self.check_moment(call, moment * 1000)
        rest = {name: value for name, value in given.items() if name not in AUTHENTICATION}
        body = json_body(request.body)
        call.params = body if isinstance(body, list) else rest | body

    def wrap(self, call, result):
        if call.request.path.startswith(("/v2/", "/v5/")):
            return {"code": 200, "message": "success", "data": result, "ts": call.now_ms}
        return {"status": "ok", "data": result, "ts": call.now_ms}

    def refusal(self, kind, why, call=None):
        """Newer calls answer with a code instead."""
        answer = super().refusal(kind, why, call)
        if call and call.request.path.startswith(("/v2/", "/v5/")):
            code = {"signature": 1003, "key": 1003, "time": 1003, "order": 1061}.get(kind, 1030)
            return Answer({"code": code, "message": {1003: "invalid signature"}.get(code, why), "data": None}, answer.status)
        return answer

    # ---- spot orders ----

    def one(self, call):
        if str(call.need("account-id")) != str(ACCOUNT):
            raise Refusal("params", "account-id")
        market = self.market(call.need("symbol"))
        side, _, kind = call.need("type").partition("-")
        amount = call.need_number("amount")
        price = None if kind == "market" else call.need_number("price")
        cost = None
        if kind == "market" and side == "buy":
            amount, cost = None, amount
        return self.place(call, market, side, kind, amount, price, cost, call.params.get("client-order-id"))

    def order(self, call):
        return self.one(call).id

    def batch(self, call):
        made = [self.one(with_params(call, part)) for part in call.params]
        return [{"order-id": order.number, "client-order-id": order.client_id} for order in made]

    def algo_order(self, call):
        market = self.market(call.need("symbol"))
        kind = call.params.get("orderType", "limit")
        price = call.number("orderPrice", call.number("stopPrice"))
        order = self.place(
            call, market, call.need("orderSide"), f"algo-{kind}", call.number("orderSize"), price, call.number("orderValue"),
            call.params.get("clientOrderId"),
        )  # fmt: skip
        return {"clientOrderId": order.client_id}

    def cancel_order(self, call):
        return self.cancel(call, call.values["id"]).id

    def cancel_by_name(self, call):
        return self.cancel(call, client_id=call.need("client-order-id")).id

    def cancel_batch(self, call):
        ids = call.params.get("order-ids") or []
        return {"success": [self.cancel(call, id).id for id in ids], "failed": []}

    def cancel_open(self, call):
        orders = self.open_orders(call)
        for order in orders:
            order.state = "canceled"
        return {"success-count": len(orders), "failed-count": 0, "next-id": -1}

    def opened(self, call):
        market = self.market(call.params["symbol"]) if call.params.get("symbol") else None
        return [
            {
                "id": order.number, "symbol": order.market.id, "account-id": ACCOUNT, "client-order-id": order.client_id,
                "amount": text(order.amount), "price": text(order.price), "created-at": order.time_ms, "source": "api",
                "type": f"{order.side}-{order.kind}", "state": "submitted", "filled-amount": "0", "filled-cash-amount": "0",
                "filled-fees": "0",
            }
            for order in self.open_orders(call, market)
            if order.market.kind == "spot"
        ]  # fmt: skip

    def withdraw(self, call):
        call.need("address")
        call.need_number("amount")
        return Answer({"status": "ok", "data": call.now_ms, "tx-hash": "none yet"})

    # ---- contracts ----

    def contract_one(self, call):
        market = self.market(call.need("contract_code"))
        kind = call.need("type")
        price = call.need_number("price") if kind in ("limit", "post_only") else None
        amount = call.need_number("volume")
        return self.place(call, market, call.need("side"), kind, amount, price, None, call.params.get("client_order_id"))

    def contract_order(self, call):
        order = self.contract_one(call)
        return {"order_id": order.id, "client_order_id": order.client_id}

    def contract_batch(self, call):
        parts = call.params if isinstance(call.params, list) else call.params.get("orders_data") or []
        made = [self.contract_one(with_params(call, part)) for part in parts]
        return [{"order_id": order.id, "client_order_id": order.client_id} for order in made]

    def contract_cancel(self, call):
        order = self.cancel(call, call.params.get("order_id"), call.params.get("client_order_id"))
        return {"order_id": order.id, "client_order_id": order.client_id}

    def contract_opened(self, call):
        market = self.market(call.params["contract_code"]) if call.params.get("contract_code") else None
        return [
            {
                "id": order.id, "contract_code": order.market.id, "side": order.side, "position_side": "both",
                "type": order.kind, "price_match": None, "order_id": order.id, "client_order_id": order.client_id,
                "margin_mode": "cross", "price": text(order.price), "volume": text(order.amount), "lever_rate": 1,
                "state": "new", "order_source": "api", "reduce_only": False, "time_in_force": "gtc", "trade_volume": "0",
                "trade_turnover": "0", "trade_avg_price": "0", "fee": "0", "fee_currency": "USDT",
                "created_time": str(order.time_ms), "updated_time": str(order.time_ms),
            }
            for order in self.open_orders(call, market)
            if order.market.kind != "spot"
        ]  # fmt: skip

    def contract_balance(self, call):
        row = {"currency": "USDT", "equity": "1000000", "available": "1000000", "available_margin": "1000000"}
        return {"state": "normal", "equity": "1000000", "details": [row]}

    # ---- reads ----

    def accounts(self, call):
        return [{"id": ACCOUNT, "type": "spot", "subtype": "", "state": "working"}]

    def balance(self, call):
        rows = [
            {"currency": name, "type": kind, "balance": n if kind == "trade" else "0"}
            for name, n in (("btc", "10"), ("usdt", "1000000"))
            for kind in ("trade", "frozen")
        ]  # fmt: skip
        return {"id": ACCOUNT, "type": "spot", "state": "working", "list": rows}

    def uid(self, call):
        return 1

    def key_info(self, call):
        key = call.key
        return [{
            "accessKey": key.id, "note": "venue", "status": "normal", "createTime": call.now_ms, "updateTime": call.now_ms,
            "permission": ",".join({"read": "readOnly"}.get(name, name) for name in key.may), "ipAddresses": ",".join(key.ips),
            "validDays": (key.expires_ms - call.now_ms) // 86400000 if key.expires_ms else -1,
        }]  # fmt: skip

    # ---- public ----

    def timestamp(self, call):
        return call.now_ms

    def currencies(self, call):
        return [
            {"currency": name, "assetType": 1, "instStatus": "normal", "chains": [{
                "chain": name, "displayName": name.upper(), "baseChain": "", "withdrawFeeType": "fixed",
                "transactFeeWithdraw": "0",
                "minWithdrawAmt": "0.001", "maxWithdrawAmt": "100", "withdrawPrecision": 8, "minDepositAmt": "0.001",
                "withdrawStatus": "allowed", "depositStatus": "allowed", "numOfConfirmations": 1, "numOfFastConfirmations": 1,
            }]}
            for name in ("btc", "eth", "usdt")
        ]  # fmt: skip

    def symbols(self, call):
        return [
            {
                "symbol": market.id, "base-currency": market.base.lower(), "quote-currency": "usdt", "price-precision": 6,
                "amount-precision": 6, "value-precision": 8, "symbol-partition": "main", "state": "online",
                "min-order-amt": 0.00001, "max-order-amt": 1000, "min-order-value": 1, "api-trading": "enabled",
            }
            for market in SPOT
        ]  # fmt: skip

    def contracts(self, call):
        return [
            {
                "symbol": market.base, "contract_code": market.id, "contract_size": float(market.size), "price_tick": 0.1,
                "create_date": "20201021", "contract_status": 1, "settlement_date": "1640764800000",
                "support_margin_mode": "all", "business_type": "swap", "pair": market.id, "contract_type": "swap",
                "delivery_date": None, "trade_partition": "USDT",
            }
            for market in SWAP
        ]  # fmt: skip

    def inverse_contracts(self, call):
        """Swaps, or contracts that end."""
        row = {"symbol": "BTC", "contract_size": 100, "price_tick": 0.1, "create_date": "20211112", "contract_status": 1}
        if "swap" in call.request.path:
            return [row | {"contract_code": "BTC-USD", "delivery_time": "", "settlement_date": "1637481600000"}]
        ending = {"contract_type": "quarter", "delivery_date": "20991225", "delivery_time": "4101840000000"}
        return [row | ending | {"contract_code": "BTC991225"}]

    def ticker(self, call):
        market = self.market(call.params.get("symbol") or call.params.get("contract_code"))
        price = float(price_of(market))
        tick = {
            "id": call.now_ms, "amount": 1, "open": price, "close": price, "high": price, "low": price, "vol": 1, "count": 1,
            "bid": [price, 1], "ask": [price, 1], "ts": call.now_ms, "version": 1,
        }  # fmt: skip
        return Answer({"status": "ok", "ch": f"market.{market.id}.detail.merged", "ts": call.now_ms, "tick": tick})

    def tickers(self, call):
        rows = [{"symbol": m.id, "close": float(price_of(m)), "bid": float(price_of(m)),
            "ask": float(price_of(m))} for m in SPOT]
        return rows

    # fmt: off
    ROUTES = [
        # method  path                                                  kind       act
        ("GET",  "/v1/common/timestamp",                               "public",  timestamp),
        ("GET",  "/v1/common/symbols",                                 "public",  symbols),
        ("GET",  "/v2/reference/currencies",                           "public",  currencies),
        ("GET",  "/market/detail/merged",                              "public",  ticker),
        ("GET",  "/market/tickers",                                    "public",  tickers),
        ("GET",  "/v2/user/uid",                                       "read",    uid),
        ("GET",  "/v2/user/api-key",                                   "read",    key_info),
        ("GET",  "/v1/account/accounts",                               "read",    accounts),
        ("GET",  "/v1/account/accounts/{account}/balance",             "read",    balance),
        ("GET",  "/v1/order/openOrders",                               "read",    opened),
        ("GET",  "/v1/order/matchresults",                             "read",    Exchange.nothing),
        ("GET",  "/v1/order/orders",                                   "read",    Exchange.nothing),
        ("POST", "/v1/order/orders/place",                             "order",   order),
        ("POST", "/v1/order/auto/place",                               "order",   order),
        ("POST", "/v1/order/batch-orders",                             "order",   batch),
        ("POST", "/v2/algo-orders",                                    "order",   algo_order),
        ("POST", "/v1/order/orders/submitCancelClientOrder",           "cancel",  cancel_by_name),
        ("POST", "/v1/order/orders/batchcancel",                       "cancel",  cancel_batch),
        ("POST", "/v1/order/orders/batchCancelOpenOrders",             "cancel",  cancel_open),
        ("POST", "/v1/order/orders/{id}/submitcancel",                 "cancel",  cancel_order),
        ("POST", "/v1/dw/withdraw/api/create",                         "withdraw", withdraw),
        ("POST", "/v2/account/transfer",                               "transfer", Exchange.nothing),
        ("GET",  "/linear-swap-api/v1/swap_contract_info",             "public",  contracts),
        ("GET",  "/swap-api/v1/swap_contract_info",                     "public",  inverse_contracts),
        ("GET",  "/api/v1/contract_contract_info",                     "public",  inverse_contracts),
        ("GET",  "/linear-swap-ex/market/detail/merged",               "public",  ticker),
        ("GET",  "/v5/account/balance",                                "read",    contract_balance),
        ("GET",  "/v5/trade/order/opens",                              "read",    contract_opened),
        ("POST", "/v5/trade/order",                                    "order",   contract_order),
        ("POST", "/v5/trade/batch_orders",                             "order",   contract_batch),
        ("POST", "/v5/trade/cancel_order",                             "cancel",  contract_cancel),
    ]
    # fmt: on


EXCHANGES = [Htx]

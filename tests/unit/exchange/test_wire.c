/* A request as an SDK sends it becomes what the bot asks for, or is refused with the name of what nobody can explain.
 * Run from the repository's root. */
#include "exchange/wire.h"

#include "exchange/check.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>
#include <string.h>

#define NOW_NS 1764000000123000000ULL

LARGEST_LOADED_ONCE

typedef struct rig {
    ch_profile *profile;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_wire_input input;
    ch_wire_request request;
    char headers[1024];
    ch_buffer shown;
    ch_error err;
} rig;

static ch_wire_reading reading; /* large; each test has a process of its own */

/* A request with headers as "Name: value|Name: value". */
typedef struct sent {
    const char *name;
    const char *profile;
    const char *environment;
    const char *method;
    const char *url;
    const char *headers;
    const char *body;
    const char *expected; /* what is read, or what the refusal says */
} sent;

static void set_up(rig *r, const sent *of)
{
    char path[128];
    *r = (rig){.err = CH_ERROR_INIT};
    snprintf(path, sizeof path, "%s/%s.yaml", strcmp(of->profile, "oddball") == 0 ? "tests/profiles" : "profiles",
             of->profile);
    r->profile = load(path);
    r->scratch = ch_scratch_new();
    r->draft = ch_draft_new(r->scratch);
    r->input = (ch_wire_input){.profile = r->profile,
                               .environment = ch_profile_environment(r->profile, of->environment),
                               .now_ns = NOW_NS,
                               .started_ns = NOW_NS - 30000000000ULL,
                               .draft = r->draft};
    r->request = (ch_wire_request){
        .method = ch_slice_of(of->method), .url = ch_slice_of(of->url), .body = ch_slice_of(of->body)};
    snprintf(r->headers, sizeof r->headers, "%s", of->headers);
    char *rest = r->headers;
    for (char *header; (header = strsep(&rest, "|")) != NULL && *header != '\0';) {
        char *value = strstr(header, ": ");
        *value = '\0';
        r->request.headers[r->request.header_count++] = (ch_header){ch_slice_of(header), ch_slice_of(value + 2)};
    }
}

static void tear_down(rig *r)
{
    ch_buffer_free(&r->shown);
    ch_draft_free(r->draft);
    ch_scratch_free(r->scratch);
    ch_profile_free(r->profile);
    ch_wire_free(&reading);
}

static ch_status read_it(rig *r)
{
    CH_TRY(ch_wire_read(&r->input, &r->request, &reading, &r->err));
    return ch_endpoint_check(reading.endpoint, ch_profile_scheme_at(r->profile, 0), &reading.request, &r->err);
}

/* "POST api.example.com/path a='text' b=5 c=[d={...}]" */
static const char *show(rig *r)
{
    const ch_request *request = &reading.request;
    ch_buffer_add_format(&r->shown, "%.*s %.*s%.*s", CH_SLICE_ARGS(request->method), CH_SLICE_ARGS(request->host),
                         CH_SLICE_ARGS(request->path));
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        if (param->kind == CH_PARAM_END) {
            ch_buffer_add_text(&r->shown, " )");
            continue;
        }
        ch_buffer_add_format(&r->shown, " %.*s=", CH_SLICE_ARGS(param->name));
        if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT)
            ch_buffer_add_text(&r->shown, param->kind == CH_PARAM_LIST ? "list(" : "object(");
        else
            ch_buffer_add_format(&r->shown, param->kind == CH_PARAM_TEXT ? "'%.*s'" : "%.*s",
                                 CH_SLICE_ARGS(param->value));
    }
    return ch_buffer_text(&r->shown);
}

#define BINANCE "https://api.binance.com/api/v3/order"
#define ORDER "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.5&price=30000"
#define READ_ORDER " symbol='BTCUSDT' side='BUY' type='LIMIT' timeInForce='GTC' quantity='0.5' price='30000'"
#define STAMP "&timestamp=1764000000100&signature=dummy"
#define BYBIT_HEADERS "X-BAPI-API-KEY: k|X-BAPI-TIMESTAMP: 1764000000100|X-BAPI-SIGN: dummy|"
#define OKX_HEADERS                                                                                                    \
    "OK-ACCESS-KEY: k|OK-ACCESS-PASSPHRASE: p|OK-ACCESS-TIMESTAMP: 2025-11-24T16:00:00.100Z|OK-ACCESS-SIGN: s"
#define OKX_ORDER "https://www.okx.com/api/v5/trade/order"
#define OKX_BODY "{\"instId\":\"BTC-USDT\",\"tdMode\":\"cash\",\"side\":\"buy\",\"ordType\":\"market\",\"sz\":\"1\"}"
#define OKX_READ                                                                                                       \
    "POST www.okx.com/api/v5/trade/order instId='BTC-USDT' tdMode='cash' side='buy' ordType='market' sz='1'"

/* clang-format off */
static const sent taken[] = {
    /* name, profile, environment, method, URL, headers, body, what is read */
    { "body", "binance", "live", "POST", BINANCE, "X-MBX-APIKEY: k|User-Agent: x|Content-Type: text/plain|accept: */*",
      ORDER STAMP, "POST api.binance.com/api/v3/order" READ_ORDER },
    { "query of a POST", "binance", "live", "POST", BINANCE "?" ORDER STAMP, "x-mbx-apikey: k", "",
      "POST api.binance.com/api/v3/order" READ_ORDER },
    { "query and body", "binance", "live", "POST", BINANCE "?" ORDER, "X-MBX-APIKEY: k", STAMP,
      "POST api.binance.com/api/v3/order" READ_ORDER },
    { "port and case of the host", "binance", "live", "POST", "https://API.binance.com:443/api/v3/order", "", ORDER STAMP,
      "POST api.binance.com/api/v3/order" READ_ORDER },
    { "base URL", "binance", "live", "POST", "/api/v3/order", "", ORDER STAMP,
      "POST api.binance.com/api/v3/order" READ_ORDER },
    { "exponents", "binance", "live", "POST", BINANCE, "",
      "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1e-7&price=3.05E%2B4" STAMP,
      "POST api.binance.com/api/v3/order symbol='BTCUSDT' side='SELL' type='LIMIT' timeInForce='GTC' "
      "quantity='0.0000001' price='30500'" },
    { "a window that is a parameter", "binance", "live", "GET", "https://api.binance.com/api/v3/account?recvWindow=10000" STAMP,
      "", "", "GET api.binance.com/api/v3/account recvWindow='10000'" },
    { "a bare ?", "okx", "live", "GET", "https://www.okx.com/api/v5/account/balance?", OKX_HEADERS, "",
      "GET www.okx.com/api/v5/account/balance" },
    { "JSON", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, OKX_BODY, OKX_READ },
    { "JSON with space", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS,
      " { \"instId\" : \"BTC\\u002dUSDT\",\n \"tdMode\":\"cash\" , \"side\":\"buy\",\"ordType\":\"market\",\"sz\":\"1\" } ",
      OKX_READ },
    { "a list that is the body", "okx", "live", "POST", "https://www.okx.com/api/v5/trade/cancel-batch-orders", OKX_HEADERS,
      "[{\"instId\":\"BTC-USDT\",\"ordId\":\"1\"}]",
      "POST www.okx.com/api/v5/trade/cancel-batch-orders =list( =object( instId='BTC-USDT' ordId='1' ) )" },
    { "demo", "okx", "demo", "POST", OKX_ORDER, OKX_HEADERS "|x-simulated-trading: 1", OKX_BODY, OKX_READ },
    { "window in a header", "bybit", "live", "GET", "https://api.bybit.com/v5/order/realtime?category=spot",
      BYBIT_HEADERS "X-BAPI-RECV-WINDOW: 9000", "", "GET api.bybit.com/v5/order/realtime category='spot' recv_window='9000'" },
    { "usual window", "bybit", "live", "GET", "https://api.bybit.com/v5/order/realtime?category=spot",
      BYBIT_HEADERS "X-BAPI-RECV-WINDOW: 5000", "", "GET api.bybit.com/v5/order/realtime category='spot'" },
    { "numbers in JSON", "bitvavo", "live", "POST", "https://api.bitvavo.com/v2/order",
      "BITVAVO-ACCESS-KEY: k|BITVAVO-ACCESS-SIGNATURE: s|BITVAVO-ACCESS-TIMESTAMP: 1764000000100|BITVAVO-ACCESS-WINDOW: 10000",
      "{\"market\":\"BTC-EUR\",\"side\":\"buy\",\"orderType\":\"limit\",\"amount\":1.5e-3,\"price\":12.50,\"operatorId\":12}",
      "POST api.bitvavo.com/v2/order market='BTC-EUR' side='buy' orderType='limit' amount='0.0015' price='12.50' "
      "operatorId=12" },
    { "nonce in the body", "kraken", "live", "POST", "https://api.kraken.com/0/private/Balance",
      "API-Key: k|API-Sign: s", "nonce=5", "POST api.kraken.com/0/private/Balance" },
    { "payload in a header", "gemini", "live", "POST", "https://api.gemini.com/v1/order/cancel",
      "X-GEMINI-APIKEY: account-k|X-GEMINI-SIGNATURE: s|Content-Type: text/plain|X-GEMINI-PAYLOAD: "
      "eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2NhbmNlbCIsIm5vbmNlIjoxLCJvcmRlcl9pZCI6MTIzNH0=",
      "", "POST api.gemini.com/v1/order/cancel order_id=1234" },
    { "its parameters in the body too", "gemini", "live", "POST", "https://api.gemini.com/v1/order/cancel",
      "X-GEMINI-APIKEY: account-k|X-GEMINI-SIGNATURE: s|X-GEMINI-PAYLOAD: "
      "eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2NhbmNlbCIsIm5vbmNlIjoxLCJvcmRlcl9pZCI6MTIzNH0=",
      "{\"order_id\":1234}", "POST api.gemini.com/v1/order/cancel order_id=1234" },
    { "members of the body", "whitebit", "live", "POST", "https://whitebit.com/api/v4/order/cancel",
      "X-TXC-APIKEY: k|X-TXC-PAYLOAD: e30=|X-TXC-SIGNATURE: s",
      "{\"request\":\"/api/v4/order/cancel\",\"nonce\":\"1\",\"market\":\"BTC_USDT\",\"orderId\":7}",
      "POST whitebit.com/api/v4/order/cancel market='BTC_USDT' orderId=7" },
    { "parameters in a member", "cryptocom", "live", "POST", "https://api.crypto.com/exchange/v1/private/cancel-order", "",
      "{\"id\":\"1\",\"method\":\"private/cancel-order\",\"params\":{\"order_id\":\"77\"},\"api_key\":\"k\",\"sig\":\"s\","
      "\"nonce\":1}",
      "POST api.crypto.com/exchange/v1/private/cancel-order order_id='77'" },
    { "JSON in a pair", "kraken-futures", "live", "POST", "https://futures.kraken.com/derivatives/api/v3/batchorder",
      "APIKey: k|Authent: s",
      "json=%7B%22batchOrder%22%3A%5B%7B%22order%22%3A%22cancel%22%2C%22order_id%22%3A%22e35%22%7D%5D%7D",
      "POST futures.kraken.com/derivatives/api/v3/batchorder batchOrder=list( =object( order='cancel' order_id='e35' ) )" },
    { "a time among others", "deribit", "live", "GET", "https://www.deribit.com/api/v2/private/get_positions?currency=BTC",
      "Authorization: deri-hmac-sha256 id=k,ts=1764000000100,sig=s,nonce=1", "",
      "GET www.deribit.com/api/v2/private/get_positions currency='BTC'" },
    { "a time that expires", "bitmex", "live", "GET", "https://www.bitmex.com/api/v1/position",
      "api-key: k|api-expires: 1764000005|api-signature: s", "", "GET www.bitmex.com/api/v1/position" },
    { "another scheme's token", "coinbase", "live", "GET", "https://api.coinbase.com/api/v3/brokerage/accounts?limit=5",
      "Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJuYmYiOjE3NjQwMDAwMDAsImV4cCI6MTc2NDAwMDEyMH0.c2ln", "",
      "GET api.coinbase.com/api/v3/brokerage/accounts limit='5'" },
    { "lists in a query", "oddball", "live", "GET",
      "https://api.oddball.example/api/v1/lists?note=a+b&comma=x%2Cy&repeat=1&repeat=2&brackets%5B%5D=p&brackets[]=q"
      "&index[0]=u&index[1]=v&orders=[{\"symbol\":\"A\",\"lot\":1}]&ts=1764000000123&sig=s", "", "",
      "GET api.oddball.example/api/v1/lists note='a b' comma=list( ='x' ='y' ) repeat=list( ='1' ='2' ) "
      "brackets=list( ='p' ='q' ) index=list( ='u' ='v' ) orders=list( =object( symbol='A' lot=1 ) )" },
};
/* clang-format on */

START_TEST(test_what_the_bot_asks_for_is_left)
{
    rig r;
    set_up(&r, &taken[_i]);
    ck_assert_msg(read_it(&r) == CH_OK, "%s: %s", taken[_i].name, r.err.message);
    ck_assert_msg(strcmp(show(&r), taken[_i].expected) == 0, "%s\nread     %s\nexpected %s", taken[_i].name,
                  ch_buffer_text(&r.shown), taken[_i].expected);
    tear_down(&r);
}
END_TEST

#define KRAKEN_BALANCE "https://api.kraken.com/0/private/Balance"
#define ODD_LISTS "https://api.oddball.example/api/v1/lists?ts=1764000000123&"

/* clang-format off */
static const sent refused[] = {
    /* name, profile, environment, method, URL, headers, body, a part of the refusal */
    { "unknown parameter", "binance", "live", "POST", BINANCE, "", ORDER "&evil=1" STAMP, "takes no parameter 'evil'" },
    { "twice", "binance", "live", "POST", BINANCE, "", ORDER "&price=1" STAMP, "'price' is given twice" },
    { "twice, in query and body", "binance", "live", "POST", BINANCE "?price=1", "", ORDER STAMP, "'price' is given twice" },
    { "twice alike, in query and body", "binance", "live", "POST", BINANCE "?price=30000", "", ORDER STAMP,
      "'price' is given twice" },
    { "twice, escaped", "binance", "live", "POST", BINANCE, "", ORDER "&%70rice=1" STAMP, "'price' is given twice" },
    { "twice by name and brackets", "oddball", "live", "GET", ODD_LISTS "brackets[]=a&brackets=[%22b%22]", "", "",
      "'brackets' is given twice" },
    { "twice a time", "binance", "live", "POST", BINANCE, "", ORDER STAMP "&timestamp=1764000000100",
      "'timestamp' is given twice" },
    { "items without order", "oddball", "live", "GET", ODD_LISTS "index[1]=a", "", "", "not numbered" },
    { "unknown header", "binance", "live", "POST", BINANCE, "X-Evil: 1", ORDER STAMP, "header 'X-Evil'" },
    { "header twice", "binance", "live", "POST", BINANCE, "X-MBX-APIKEY: a|x-mbx-apikey: b", ORDER STAMP, "is given twice" },
    { "another host", "binance", "live", "POST", "https://api.example.com/api/v3/order", "", ORDER STAMP,
      "has no host 'api.example.com'" },
    { "host of the testnet", "binance", "live", "POST", "https://testnet.binance.vision/api/v3/order", "", ORDER STAMP,
      "of environment 'testnet'" },
    { "host of live", "binance", "testnet", "POST", BINANCE, "", ORDER STAMP, "of environment 'live'" },
    { "demo's header with a live key", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS "|x-simulated-trading: 1", OKX_BODY,
      "environment 'demo'" },
    { "demo's header lacks", "okx", "demo", "POST", OKX_ORDER, OKX_HEADERS, OKX_BODY, "lacks it" },
    { "demo's header says no", "okx", "demo", "POST", OKX_ORDER, OKX_HEADERS "|x-simulated-trading: 0", OKX_BODY,
      "header 'x-simulated-trading'" },
    { "plain HTTP", "binance", "live", "POST", "http://api.binance.com/api/v3/order", "", ORDER STAMP, "https://" },
    { "another port", "binance", "live", "POST", "https://api.binance.com:444/api/v3/order", "", ORDER STAMP, "no host" },
    { "a user", "binance", "live", "POST", "https://a@api.binance.com/api/v3/order", "", ORDER STAMP, "plain host" },
    { "a fragment", "binance", "live", "POST", BINANCE "#x", "", ORDER STAMP, "fragment" },
    { "two hosts", "oddball", "live", "PUT", "/api/v1/twin", "Odd-Alg: x", "", "name the origin" },
    { "another path", "binance", "live", "POST", "https://api.binance.com/api/v3/orders", "", ORDER STAMP, "does not list" },
    { "another method", "binance", "live", "PATCH", BINANCE, "", ORDER STAMP, "not with this method" },
    { "a socket", "okx", "live", "WS", "/ws/v5/private", "", "", "socket" },
    { "old", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1763999993000", "is 8 s old, and good for 5 s" },
    { "old by its own window", "binance", "live", "POST", BINANCE, "", ORDER "&recvWindow=1000&timestamp=1763999998000",
      "good for 1 s" },
    { "from before the start", "binance", "live", "POST", BINANCE, "", ORDER "&recvWindow=60000&timestamp=1763999960000",
      "before the agent started" },
    { "from the second of the start", "htx", "live", "GET", "https://api.huobi.pro/v1/account/accounts"
      "?AccessKeyId=k&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2025-11-24T15:59:30&Signature=s", "", "",
      "before the agent started" },
    { "a nonce from before the start", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1763999960000", "by its 'nonce'" },
    { "the same in microseconds", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1763999960000000", "by its 'nonce'" },
    { "the same in nanoseconds", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1763999960000000000", "by its 'nonce'" },
    { "the same in a payload", "gemini", "live", "POST", "https://api.gemini.com/v1/balances",
      "X-GEMINI-PAYLOAD: eyJyZXF1ZXN0IjoiL3YxL2JhbGFuY2VzIiwibm9uY2UiOjE3NjM5OTk5NjAwMDB9", "", "by its 'nonce'" },
    { "ahead", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000900000", "ahead" },
    { "no time", "binance", "live", "POST", BINANCE, "", ORDER "&signature=x", "does not say when" },
    { "no such time", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=soon", "'timestamp' does not say" },
    { "an old token", "coinbase", "live", "GET", "https://api.coinbase.com/api/v3/brokerage/accounts",
      "Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJuYmYiOjE3NjM5OTk3MDAsImV4cCI6MTc2Mzk5OTgyMH0.c2ln", "", "s old" },
    { "an old time among others", "deribit", "live", "GET",
      "https://www.deribit.com/api/v2/private/get_positions?currency=BTC",
      "Authorization: deri-hmac-sha256 id=k,ts=1763999900100,sig=s,nonce=1", "", "s old" },
    { "what the agent fills in, at another place", "kraken", "live", "POST", "https://api.kraken.com/0/private/Balance?nonce=1",
      "", "", "fills in 'nonce'" },
    { "no JSON", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, "{\"a\":}", "no JSON" },
    { "JSON and more", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, "{} {}", "no JSON" },
    { "null", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, "{\"tag\":null}", "'tag' is null" },
    { "NaN", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, "{\"sz\":NaN}", "no JSON" },
    { "a control character", "okx", "live", "POST", OKX_ORDER, OKX_HEADERS, "{\"tag\":\"a\\u0000\"}", "'tag' is not plain" },
    { "half an escape", "binance", "live", "POST", BINANCE, "", ORDER "&newClientOrderId=%4" STAMP, "wrongly escaped" },
    { "too many digits", "binance", "live", "POST", BINANCE, "", "quantity=1e99" STAMP, "too many digits" },
    { "another path in the payload", "gemini", "live", "POST", "https://api.gemini.com/v1/order/cancel/all",
      "X-GEMINI-PAYLOAD: eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2NhbmNlbCIsIm5vbmNlIjoxLCJvcmRlcl9pZCI6MTIzNH0=", "",
      "names another call" },
    { "another value in the body", "gemini", "live", "POST", "https://api.gemini.com/v1/order/cancel",
      "X-GEMINI-PAYLOAD: eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2NhbmNlbCIsIm5vbmNlIjoxLCJvcmRlcl9pZCI6MTIzNH0=",
      "{\"order_id\":1235}", "not alike" },
    { "a payload that is none", "gemini", "live", "POST", "https://api.gemini.com/v1/order/cancel", "X-GEMINI-PAYLOAD: e30", "",
      "'X-GEMINI-PAYLOAD' does not hold" },
};
/* clang-format on */

START_TEST(test_what_nobody_can_explain_is_refused_by_name)
{
    rig r;
    set_up(&r, &refused[_i]);
    ck_assert_msg(read_it(&r) != CH_OK, "%s was taken: %s", refused[_i].name, show(&r));
    ck_assert_msg(strstr(r.err.message, refused[_i].expected) != NULL, "%s: %s", refused[_i].name, r.err.message);
    tear_down(&r);
}
END_TEST

/* ---- what was signed before the start, ahead of the clock ---- */

#define AHEAD_NS 1764000020000000000ULL
#define DERIBIT "https://www.deribit.com/api/v2/private/get_positions?currency=BTC"

/* clang-format off */
static const struct {
    sent of; /* `expected`: "" if it is taken */
    uint64_t signed_ns;
    uint64_t own_ns; /* that is read */
} signed_before[] = {
    { { "nothing was", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000020000", "" }, 0, AHEAD_NS },
    { { "the very time was", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000020000",
        "by its 'timestamp' the request is no newer" }, AHEAD_NS, 0 },
    { { "a later one was", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000019999", "no newer" }, AHEAD_NS, 0 },
    { { "an earlier one was", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000020001", "" },
      AHEAD_NS, AHEAD_NS + 1000000 },
    { { "it is past by now", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1763999999000", "no newer" },
      NOW_NS - 1000000000ULL, 0 },
    { { "the second was", "htx", "live", "GET", "https://api.huobi.pro/v1/account/accounts"
        "?AccessKeyId=k&SignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp=2025-11-24T16:00:20&Signature=s", "", "",
        "'Timestamp' the request is no newer" }, AHEAD_NS, 0 },
    { { "a nonce was", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1764000020000000", "'nonce' the request is no newer" },
      AHEAD_NS, 0 },
    { { "a nonce that rises", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1764000020000001", "" },
      AHEAD_NS, AHEAD_NS + 1000 },
    { { "a nonce an hour ahead was", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1764003600000", "no newer" },
      NOW_NS + 3600000000000ULL, 0 },
    { { "a nonce two days ahead is a number like any", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=1764172800000", "" },
      NOW_NS + 172800000000000ULL, 0 },
    { { "a nonce that is no time", "kraken", "live", "POST", KRAKEN_BALANCE, "", "nonce=5", "" }, AHEAD_NS, 0 },
    { { "a time is read beside a nonce", "deribit", "live", "GET", DERIBIT,
        "Authorization: deri-hmac-sha256 id=k,ts=1764000020001,sig=s,nonce=1764000019000", "", "" }, AHEAD_NS, AHEAD_NS + 1000000 },
    { { "a year ahead, before the clock was set back", "binance", "live", "POST", BINANCE, "", ORDER "&timestamp=1764000020000",
        "no newer" }, NOW_NS + 31536000000000000ULL, 0 },
};
/* clang-format on */

START_TEST(test_what_is_no_newer_than_what_was_signed_is_refused)
{
    rig r;
    const sent *of = &signed_before[_i].of;
    set_up(&r, of);
    r.input.signed_ns = signed_before[_i].signed_ns;
    bool is_taken = ch_wire_read(&r.input, &r.request, &reading, &r.err) == CH_OK;
    ck_assert_msg(is_taken == (*of->expected == '\0'), "%s: %s", of->name, r.err.message);
    ck_assert_msg(strstr(r.err.message, of->expected) != NULL, "%s: %s", of->name, r.err.message);
    if (is_taken)
        ck_assert_msg(reading.own_ns == signed_before[_i].own_ns, "%s: %llu", of->name,
                      (unsigned long long)reading.own_ns);
    tear_down(&r);
}
END_TEST

static const sent later[] = {
    {"a nonce", "kraken",  "live", "POST", KRAKEN_BALANCE, "", "nonce=1764000019000",            ""},
    {"a time",  "binance", "live", "POST", BINANCE,        "", ORDER "&timestamp=1764000020000", ""},
};

/* A start a minute and more ago: a nonce that counts on is not held back, and a clock that was set back keeps nobody
 * waiting for it. */
START_TEST(test_it_ends)
{
    rig r;
    set_up(&r, &later[_i]);
    r.input.started_ns = NOW_NS - 101000000000ULL;
    r.input.signed_ns = NOW_NS + 3600000000000ULL;
    ck_assert_msg(ch_wire_read(&r.input, &r.request, &reading, &r.err) == CH_OK, "%s: %s", later[_i].name,
                  r.err.message);
    tear_down(&r);
}
END_TEST

CH_TESTS("wire", CH_TEST_ROWS(test_what_the_bot_asks_for_is_left, taken),
         CH_TEST_ROWS(test_what_nobody_can_explain_is_refused_by_name, refused),
         CH_TEST_ROWS(test_what_is_no_newer_than_what_was_signed_is_refused, signed_before),
         CH_TEST_ROWS(test_it_ends, later))

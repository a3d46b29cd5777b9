/* What one signature can be, endpoint by endpoint. Run from the repository's root. */
#include "exchange/readings.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/scene.h"

LARGEST_LOADED_ONCE

/* ---- real profiles ---- */

#define BINANCE "profiles/binance.yaml"
#define BYBIT "profiles/bybit.yaml"
#define BARE "cut-values fast-withdraw-switch bare-settings bare-transfers bare-trades"
#define NOT_SPOT BARE " margin-orders usdm-orders coinm-orders options-orders portfolio-orders"
#define NOT_USDM BARE " margin-orders spot-orders coinm-orders options-orders portfolio-orders"
#define BYBIT_BOT "key-deletion demo-account bare-trades spread-orders copy-trading contract-orders amendments"
#define ORDER "symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=0.2 price=30000"

/* How many readings of each class a request has, with the names that policy accepts. */
/* clang-format off */
static const struct {
    const char *profile;
    const char *call;
    const char *params;
    const char *names;
    size_t trades;  /* of any class that is neither read nor cancel, all of one market */
    const char *market;
} bots[] = {
    /* profile                     call                                params                                                                  names       trades  market */
    { BINANCE,                     "POST /api/v3/order",               ORDER,                                                                  NOT_SPOT,   4,      "spot" },
    { BINANCE,                     "POST /api/v3/order",               ORDER " newClientOrderId=x1",                                           NOT_SPOT,   4,      "spot" },
    { BINANCE,                     "POST /api/v3/order",               "symbol=BTCUSDT side=BUY type=MARKET quoteOrderQty=100",                NOT_SPOT,   2,      "spot" },
    { BINANCE,                     "POST /fapi/v1/order",              ORDER " positionSide=LONG",                                             NOT_USDM,   2,      "linear" },
    { BINANCE,                     "DELETE /api/v3/order",             "symbol=BTCUSDT origClientOrderId=x1",                                  NOT_SPOT,   0,      NULL },
    { BINANCE,                     "DELETE /api/v3/order",             "symbol=BTCUSDT orderId=1",                                             NOT_SPOT " loan-renewal", 0, NULL },
    { BINANCE,                     "GET /api/v3/account",              "",                                                                     NOT_SPOT,   0,      NULL },
    { BINANCE,                     "POST /sapi/v1/capital/withdraw/apply", "coin=BTC network=BTC address=abc amount=1",                        NOT_SPOT " staking prediction-wallet", 1, NULL },
    { BYBIT,                       "POST /v5/order/create",            "category=spot symbol=BTCUSDT side=Buy orderType=Limit qty=1 price=2",  BYBIT_BOT,  2,      "spot" },
    { BYBIT,                       "POST /v5/order/create",            "category=spot symbol=BTCUSDT side=Buy orderType=Limit qty=1 price=2 orderLinkId=x", BYBIT_BOT, 2, "spot" },
    { "profiles/bingx.yaml",       "POST /openApi/spot/v1/trade/order", "symbol=BTC-USDT side=BUY type=LIMIT quantity=1 price=2",              "swap-orders swap-positions coin-swap-orders dual-currency", 1, "spot" },
    { "profiles/mexc.yaml",        "POST /api/v3/order",               "symbol=BTCUSDT side=BUY type=LIMIT quantity=1 price=2",                "margin-orders cut-values", 2, "spot" },
    { "profiles/upbit.yaml",       "POST /v1/orders",                  "market=KRW-BTC side=bid ord_type=limit volume=1 price=2",              "",         2,      "spot" },
    { "profiles/okx.yaml",         "POST /api/v5/trade/order",         "instId=BTC-USDT tdMode=cash side=buy ordType=limit sz=1 px=2",         "",         1,      "spot" },
    { "profiles/kraken.yaml",      "POST /0/private/AddOrder",         "pair=XBTUSD type=buy ordertype=limit volume=1 price=2",                "",         1,      "spot" },
};
/* clang-format on */

START_TEST(test_a_bot_is_read_in_one_market_by_what_its_policy_accepts)
{
    scene s;
    size_t found = 0;
    set_up(&s, bots[_i].profile, bots[_i].call, bots[_i].params, bots[_i].names);
    for (size_t i = 0; i < ch_readings_count(s.readings); i++) {
        const ch_reading_at *reading = ch_readings_at(s.readings, i);
        if (reading->class_ == CH_CLASS_READ || reading->class_ == CH_CLASS_CANCEL)
            continue;
        found++;
        ck_assert_msg(!reading->is_unread, "%s", ch_endpoint_path(reading->endpoint));
        ck_assert_msg(bots[_i].market == NULL || is_fact(reading, CH_FACT_MARKET, bots[_i].market), "%s",
                      ch_endpoint_path(reading->endpoint));
    }
    ck_assert_uint_eq(found, bots[_i].trades);
    ck_assert_ptr_eq(ch_readings_at(s.readings, 0)->endpoint, s.endpoint);
    tear_down(&s);
}
END_TEST

START_TEST(test_an_order_is_read_at_every_endpoint_that_takes_it)
{
    scene s;
    set_up(&s, BINANCE, "POST /api/v3/order", ORDER, "cut-values");
    const ch_reading_at *margin = find(&s, "/sapi/v1/margin/order");
    const ch_reading_at *usdm = find(&s, "/fapi/v1/order");
    const ch_reading_at *coinm = find(&s, "/dapi/v1/order");
    ck_assert(margin != NULL && is_fact(margin, CH_FACT_MARKET, "margin") && is_fact(margin, CH_FACT_QUANTITY, "0.2"));
    ck_assert(usdm != NULL && is_fact(usdm, CH_FACT_MARKET, "linear") && is_fact(usdm, CH_FACT_PRICE, "30000"));
    ck_assert_int_eq(ch_intent_item(usdm->intent, 0)->unit, CH_UNIT_BASE);
    ck_assert(coinm != NULL && is_fact(coinm, CH_FACT_MARKET, "inverse"));
    ck_assert_int_eq(ch_intent_item(coinm->intent, 0)->unit, CH_UNIT_CONTRACTS);
    ck_assert_ptr_null(find(&s, "/api/v3/orderList/oco"));
    tear_down(&s);
}
END_TEST

/* One reading stands for all reads, and its class is a need of the request itself. */
START_TEST(test_reads_and_cancels_are_read_by_class)
{
    scene s;
    size_t counts[CH_CLASS_COUNT] = {0};
    set_up(&s, BINANCE, "POST /fapi/v1/order", ORDER, NOT_USDM);
    for (size_t i = 0; i < ch_readings_count(s.readings); i++)
        counts[ch_readings_at(s.readings, i)->class_]++;
    ck_assert_uint_eq(counts[CH_CLASS_READ], 1);
    ck_assert_uint_eq(counts[CH_CLASS_CANCEL], 1);
    ck_assert_uint_eq(ch_readings_at(s.readings, 0)->needs, BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL));
    ck_assert(is_all_unknown(ch_readings_at(s.readings, 1)));
    tear_down(&s);
}
END_TEST

/* HTX signs no body: whoever has the signature writes the order. */
START_TEST(test_what_the_signature_leaves_open_is_not_read)
{
    scene s;
    set_up(&s, "profiles/htx.yaml", "POST /v1/order/orders/place",
           "account-id=1 symbol=btcusdt type=buy-limit amount=1 price=2", "");
    const ch_reading_at *own = ch_readings_at(s.readings, 0);
    ck_assert(own->is_unread);
    ck_assert(is_all_unknown(own));
    ck_assert_int_eq(ch_intent_item(own->intent, 0)->kind, CH_ITEM_ORDER);
    ck_assert(!ch_intent_is_unique(own->intent));
    tear_down(&s);
}
END_TEST

START_TEST(test_a_reading_of_the_request_is_its_intent)
{
    scene s;
    ch_autointent *intent = ch_intent_new();
    set_up(&s, "profiles/okx.yaml", "POST /api/v5/trade/order",
           "instId=BTC-USDT tdMode=cash side=buy ordType=limit sz=1 px=2", "");
    ch_intent_read(intent, s.endpoint, &s.request);
    ck_assert_uint_eq(ch_readings_count(s.readings), 1);
    ck_assert(ch_intent_equal(intent, ch_readings_at(s.readings, 0)->intent));
    tear_down(&s);
}
END_TEST

/* ---- profiles for the purpose ---- */

/* The signature covers the parameters alone, and unknown ones are ignored. */
#define HEAD                                                                                                           \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example}\n"                                                                             \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "recipe: r\n"                                                                                                      \
    "recipes:\n"                                                                                                       \
    "  r:\n"                                                                                                           \
    "    covers: [params]\n"                                                                                           \
    "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}}\n"                                                 \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{payload}\"\n"                                                                                     \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"                                                            \
    "params:\n"                                                                                                        \
    "  pair: {type: text, role: symbol}\n"                                                                             \
    "  side: {type: enum, values: [buy, sell], role: side}\n"                                                          \
    "  qty: {type: decimal, role: quantity}\n"                                                                         \
    "  price: {type: decimal, role: price}\n"                                                                          \
    "  note: {type: text, neutral: a note}\n"
#define INTENT ", intent: {order: {market: spot, type: limit}}"

/* What another endpoint makes of pair=A-B side=buy qty=1 price=2 note=n. */
/* clang-format off */
static const struct {
    const char *params;    /* more definitions */
    const char *endpoints; /* POST /o is asked for, POST /x is opened */
    const char *quantity;  /* there; NULL: it cannot be read */
    bool is_opened;
} elsewhere[] = {
    { "",                                                        "  - {call: POST /x, class: trade, required: [pair, side, qty, price]" INTENT "}\n", "1",  true },
    /* A name that it does not list is ignored. */
    { "",                                                        "  - {call: POST /x, class: trade, required: [pair, side, qty]" INTENT "}\n",        "1",  true },
    /* Another definition of the same name: in hundredths. */
    { "  cents: {name: qty, type: integer, role: quantity, scale: 2}\n", "  - {call: POST /x, class: trade, required: [pair, side, cents, price]" INTENT "}\n", "0.01", true },
    /* What it would refuse is still opened, and nothing is known of it. */
    { "  letter: {name: side, type: enum, values: [B, S], role: side, means: {B: buy, S: sell}}\n", "  - {call: POST /x, class: trade, required: [pair, letter, qty, price]" INTENT "}\n", NULL, true },
    { "  list: {name: qty, type: list, max: 3, items: qty}\n",   "  - {call: POST /x, class: trade, required: [pair, side, list, price]" INTENT "}\n", NULL, true },
    /* If what it would refuse means nothing, the rest is known. */
    { "  number: {name: note, type: integer, neutral: a number}\n", "  - {call: POST /x, class: trade, required: [pair, side, qty, price, number]" INTENT "}\n", "1", true },
    /* It needs what the request does not show. */
    { "  more: {type: text, neutral: more}\n",                   "  - {call: POST /x, class: trade, required: [pair, side, qty, price, more]" INTENT "}\n", NULL, false },
    /* Nobody says what it means. */
    { "",                                                        "  - {call: POST /x, class: trade, required: [pair]}\n",                            NULL, true },
    /* The path is not signed, so what stands there may be anything. */
    { "  id: {type: text, role: client_id}\n",                   "  - {call: \"POST /x/{id}\", class: trade, required: [pair, side, qty, price]" INTENT "}\n", NULL, true },
};
/* clang-format on */

START_TEST(test_the_same_parameters_are_read_as_another_endpoint_defines_them)
{
    scene s;
    char source[4096];
    snprintf(source, sizeof source,
             HEAD "%sendpoints:\n  - {call: POST /o, class: trade, required: [pair, side, qty, "
                  "price], optional: [note]" INTENT "}\n%s",
             elsewhere[_i].params, elsewhere[_i].endpoints);
    set_up_text(&s, source, "POST /o", "pair=A-B side=buy qty=1 price=2 note=n");
    ck_assert_int_eq(s.status, CH_OK);
    ck_assert_uint_eq(ch_readings_count(s.readings), elsewhere[_i].is_opened ? 2 : 1);
    ck_assert(is_fact(ch_readings_at(s.readings, 0), CH_FACT_QUANTITY, "1"));
    if (elsewhere[_i].is_opened && elsewhere[_i].quantity != NULL) {
        ck_assert(is_fact(ch_readings_at(s.readings, 1), CH_FACT_QUANTITY, elsewhere[_i].quantity));
        ck_assert(!ch_readings_at(s.readings, 1)->is_unread);
    } else if (elsewhere[_i].is_opened)
        ck_assert(is_all_unknown(ch_readings_at(s.readings, 1)));
    tear_down(&s);
}
END_TEST

START_TEST(test_more_readings_than_can_be_judged_are_refused)
{
    scene s;
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add_text(&source, HEAD "endpoints:\n");
    for (size_t i = 0; i <= CH_READINGS_MAX; i++)
        ch_buffer_add_format(&source, "  - {call: POST /%zu, class: trade, optional: [pair, side, qty, price, note]}\n",
                             i);
    set_up_text(&s, ch_buffer_text(&source), "POST /7", "pair=A-B");
    ck_assert_int_eq(s.status, CH_REFUSED);
    ck_assert_str_eq(s.err.rule, "confusion");
    ck_assert_msg(strstr(s.err.message, "POST /7 is good for 128 other calls") != NULL, "%s", s.err.message);
    tear_down(&s);
}
END_TEST

/* A path that two endpoints fit, at an exchange that signs it. */
#define PATHS                                                                                                          \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example}\n"                                                                             \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "recipe: r\n"                                                                                                      \
    "recipes:\n"                                                                                                       \
    "  r:\n"                                                                                                           \
    "    covers: [method, path, params]\n"                                                                             \
    "    lists: {all: {}}\n"                                                                                           \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{method} {path} {time_ms} {payload}\"\n"                                                           \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"                                                            \
    "params:\n"                                                                                                        \
    "  pair: {type: text, role: symbol}\n"                                                                             \
    "  qty: {type: decimal, role: quantity}\n"                                                                         \
    "endpoints:\n"                                                                                                     \
    "  - {call: POST /buy/all, class: transfer, required: [qty]}\n"                                                    \
    "  - {call: \"POST /buy/{pair}\", class: trade, required: [qty], intent: {order: {market: spot, side: buy, type: " \
    "market}}}\n"                                                                                                      \
    "  - {call: \"PUT /buy/{pair}\", class: trade, required: [qty], intent: {order: {market: spot, side: buy, type: "  \
    "market}}}\n"

START_TEST(test_a_path_that_another_endpoint_fits_is_read_there_too)
{
    scene s;
    set_up_text(&s, PATHS, "POST /buy/all", "qty=1");
    ck_assert_uint_eq(ch_readings_count(s.readings), 2);
    const ch_reading_at *other = ch_readings_at(s.readings, 1);
    ck_assert(is_fact(other, CH_FACT_SYMBOL, "all") && is_fact(other, CH_FACT_QUANTITY, "1"));
    tear_down(&s);
    set_up_text(&s, PATHS, "POST /buy/other", "qty=1");
    ck_assert_uint_eq(ch_readings_count(s.readings), 1);
    ck_assert(!ch_readings_at(s.readings, 0)->is_unread);
    tear_down(&s);
}
END_TEST

/* ---- how often, and for how long ---- */

/* clang-format off */
static const struct {
    const char *fields;
    uint32_t window_ms;
    uint64_t validity_ms; /* 0: unknown */
    uint32_t uses;        /* in that time; 0: unknown */
} rates[] = {
    { "",                                                          0,    0,      0         },
    { "",                                                          1000, 1000,   0         },
    { "order_rate: {count: 100, per: 10s}\n",                      0,    0,      0         },
    { "order_rate: {count: 100, per: 10s}\n",                      1000, 1000,   100       },
    { "order_rate: {count: 100, per: 10s}\nvalidity: 10s\n",       0,    10000,  100       },
    { "order_rate: {count: 100, per: 10s}\nvalidity: 10s\n",       10001, 10001, 200       },
    { "order_rate: {count: 15, per: 100ms}\nvalidity: 1m\n",       0,    60000,  9000      },
    { "order_rate: {count: 1000000, per: 1ms}\nvalidity: 24h\n",   0,    86400000, UINT32_MAX },
};
/* clang-format on */

START_TEST(test_a_signature_is_good_as_often_as_the_rate_lets_through)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    char source[2048];
    snprintf(source, sizeof source, "%s%s", rates[_i].fields, SOUND_PROFILE);
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    uint64_t validity_ns = ch_profile_validity_ns(profile, rates[_i].window_ms);
    ck_assert_uint_eq(validity_ns, rates[_i].validity_ms * 1000000);
    ck_assert_uint_eq(ch_profile_uses_within(profile, validity_ns), rates[_i].uses);
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *profile;
    const char *call;
    const char *params;
    uint64_t validity_us;
} validities[] = {
    { BINANCE,              "GET /api/v3/account",      "",                             5000000  },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=1000",              1000000  },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=999.5",             1000000  },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=60000",             60000000 },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=0",                 5000000  },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=0.5",               5000000  },
    { BINANCE,              "GET /api/v3/account",      "recvWindow=12345678901",       0        },
    { BYBIT,                "GET /v5/user/query-api",   "",                             5000000  },
    { BYBIT,                "GET /v5/user/query-api",   "recv_window=700",              700000   },
    { "profiles/okx.yaml",  "GET /api/v5/account/balance", "",                          30000000 },
    { "profiles/kraken.yaml", "POST /0/private/Balance", "",                            0        },
};
/* clang-format on */

START_TEST(test_a_request_says_for_how_long_it_is_valid)
{
    scene s;
    set_up(&s, validities[_i].profile, validities[_i].call, validities[_i].params, "");
    ck_assert_uint_eq(ch_request_validity_ns(s.endpoint, first_scheme(s.profile), &s.request),
                      validities[_i].validity_us * 1000);
    tear_down(&s);
}
END_TEST

CH_TESTS("readings", CH_TEST_ROWS(test_a_bot_is_read_in_one_market_by_what_its_policy_accepts, bots),
         CH_TEST(test_an_order_is_read_at_every_endpoint_that_takes_it),
         CH_TEST(test_reads_and_cancels_are_read_by_class), CH_TEST(test_what_the_signature_leaves_open_is_not_read),
         CH_TEST(test_a_reading_of_the_request_is_its_intent),
         CH_TEST_ROWS(test_the_same_parameters_are_read_as_another_endpoint_defines_them, elsewhere),
         CH_TEST(test_more_readings_than_can_be_judged_are_refused),
         CH_TEST(test_a_path_that_another_endpoint_fits_is_read_there_too),
         CH_TEST_ROWS(test_a_signature_is_good_as_often_as_the_rate_lets_through, rates),
         CH_TEST_ROWS(test_a_request_says_for_how_long_it_is_valid, validities))

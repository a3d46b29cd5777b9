/* The same signed text with its query ending elsewhere. Run from the repository's root. */
#include "tests/support/suite.h"
#include "tests/unit/exchange/scene.h"

LARGEST_LOADED_ONCE

/* Query and body are signed as one text. */
#define TOP                                                                                                            \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example}\n"                                                                             \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
#define RECIPE                                                                                                         \
    "recipe: r\n"                                                                                                      \
    "recipes:\n"                                                                                                       \
    "  r:\n"                                                                                                           \
    "    covers: [params]\n"                                                                                           \
    "    joins_body: true\n"                                                                                           \
    "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}}\n"                                                 \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{payload}\"\n"                                                                                     \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"
#define PARAMS                                                                                                         \
    "params:\n"                                                                                                        \
    "  pair: {type: text, role: symbol}\n"                                                                             \
    "  side: {type: enum, values: [buy, sell], role: side}\n"                                                          \
    "  qty: {type: decimal, role: quantity}\n"                                                                         \
    "  price: {type: decimal, role: price}\n"                                                                          \
    "  note: {type: text, neutral: a note}\n"
#define INTENT ", intent: {order: {market: spot, type: limit}}}\n"
#define ORDER_AT(path)                                                                                                 \
    "  - {call: POST " path ", class: trade, required: [pair, side, qty, price], optional: [note]" INTENT
#define REFUSES "refuses_unknown: [{path: /api/, why: w}]\n"
#define ACCEPTS "acceptable_confusions: {shorter: {lets: l, cuts: true}}\n"
#define SIGNED "pair=A-B side=buy qty=10 price=25"

/* ---- at the endpoint that is asked for ---- */

/* clang-format off */
static const struct {
    const char *top;
    const char *endpoints;
    const char *call;
    const char *params;
    const char *names;
    bool is_unread;         /* it has a second reading, of which nothing is known */
} own[] = {
    /* top             endpoints                                        call            params                      names      unread */
    { "",              ORDER_AT("/o"),                                  "POST /o",      SIGNED,                     "",        true  },
    { ACCEPTS,         ORDER_AT("/o"),                                  "POST /o",      SIGNED,                     "",        true  },
    { ACCEPTS,         ORDER_AT("/o"),                                  "POST /o",      SIGNED,                     "shorter", false },
    /* What is left over is refused, unless it is a name. */
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED,                     "",        false },
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=x",           "",        false },
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=xprice",      "",        true  },
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=price",       "",        true  },
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=pricex",      "",        false },
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=xPRICE",      "",        false },
    /* The agent's own field, twice. */
    { REFUSES,         ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=bots",        "",        true  },
    { REFUSES ACCEPTS, ORDER_AT("/api/o"),                              "POST /api/o",  SIGNED " note=xprice",      "shorter", false },
    /* Elsewhere it does not refuse. */
    { REFUSES,         ORDER_AT("/o") ORDER_AT("/api/o"),               "POST /o",      SIGNED,                     "",        true  },
    /* If nothing means anything, nothing can be changed; but there might be something else then. */
    { "",  "  - {call: POST /o, class: trade, optional: [note, price, pair, side, qty]" INTENT, "POST /o", "note=x", "",       false },
    { "",  "  - {call: POST /o, class: trade, optional: [note, price, pair, side, qty]" INTENT, "POST /o", "note=xprice", "",  true  },
    { "",  "  - {call: POST /o, class: trade, optional: [note, price, pair, side, qty]" INTENT, "POST /o", "",       "",       false },
    /* A cancel is a cancel, a read is a read; and of this order nothing is known anyway. */
    { "",  "  - {call: DELETE /o, class: cancel, optional: [note, price, pair, side, qty], intent: order}\n", "DELETE /o", SIGNED, "", false },
    { "",  "  - {call: GET /o, class: read, optional: [note, price, pair, side, qty]}\n",  "GET /o",  SIGNED,        "",       false },
    { "",  "  - {call: POST /o, class: trade, optional: [note, price, pair, side, qty]}\n", "POST /o", SIGNED,       "",       false },
};
/* clang-format on */

START_TEST(test_a_request_that_can_be_cut_is_unread_too)
{
    scene s = {.err = CH_ERROR_INIT};
    char source[4096];
    snprintf(source, sizeof source, TOP "%s" RECIPE PARAMS "endpoints:\n%s", own[_i].top, own[_i].endpoints);
    ck_assert_msg(load_text(source, &s.profile, &s.err) == CH_OK, "%s", s.err.message);
    read_on(&s, own[_i].call, own[_i].params, own[_i].names);
    ck_assert_int_eq(s.status, CH_OK);
    const ch_reading_at *first = ch_readings_at(s.readings, 0);
    const ch_reading_at *second = ch_readings_count(s.readings) > 1 ? ch_readings_at(s.readings, 1) : NULL;
    bool is_unread = second != NULL && second->endpoint == first->endpoint;
    ck_assert(!first->is_unread && !first->is_cut);
    ck_assert_int_eq(is_unread, own[_i].is_unread);
    ck_assert(!is_unread || (second->is_unread && second->is_cut && is_all_unknown(second)));
    ck_assert(!is_unread || second->class_ == first->class_);
    tear_down(&s);
}
END_TEST

/* ---- at others ---- */

/* POST /o is asked for. */
/* clang-format off */
static const struct {
    const char *params;    /* more definitions */
    const char *endpoints;
    const char *sent;
    const char *names;
    bool is_opened;        /* POST /x */
    bool is_unread;
} elsewhere[] = {
    { "", ORDER_AT("/x"),                                                                  SIGNED,             "",        true,  true  },
    { "", ORDER_AT("/x"),                                                                  SIGNED,             "shorter", true,  false },
    { "", "  - {call: POST /x, class: trade, required: [pair]" INTENT,                     SIGNED,             "",        true,  true  },
    /* The end of a text becomes a name; only a text may be empty. */
    { "", "  - {call: POST /x, class: trade, required: [note]" INTENT,                     SIGNED,             "",        false, false },
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /x, class: keys, required: [memo]}\n", SIGNED " note=mymemo", "", true, false },
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /x, class: keys, required: [memo]}\n", SIGNED " note=mymemo", "shorter", true, false },
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /x, class: keys, required: [memo]}\n", SIGNED " note=mymemos", "", false, false },
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /x, class: keys, required: [[memo, side]]}\n", "pair=Amemo side=buy qty=10 price=25", "", true, false },
    { "  memo: {type: integer, neutral: m}\n", "  - {call: POST /x, class: keys, required: [memo]}\n", SIGNED " note=mymemo", "", false, false },
    { "  memo: {type: list, items: side, neutral: m}\n", "  - {call: POST /x, class: keys, required: [memo]}\n", SIGNED " note=mymemo", "", true, false },
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /x, class: keys, required: [memo, more]}\n  - {call: GET /y, class: read, required: [more]}\n", SIGNED " note=mymemo", "", false, false },
    /* Both halves of a name. */
    { "  uid: {type: integer, neutral: u}\n  id: {type: integer, neutral: i}\n", "  - {call: POST /x, class: withdraw, required: [id]}\n", SIGNED " uid=5", "", true, false },
    { "  uid: {type: integer, neutral: u}\n  id: {type: integer, neutral: i}\n", "  - {call: POST /x, class: withdraw, required: [id]}\n", SIGNED,          "", false, false },
    { "  uid: {type: integer, neutral: u}\n  id: {type: integer, neutral: i}\n", "  - {call: POST /x, class: withdraw, required: [uid, id]}\n", SIGNED " uid=5", "", true, false },
    { "  uid: {type: integer, neutral: u}\n  u: {type: text, neutral: t}\n",     "  - {call: POST /x, class: withdraw, required: [u]}\n",  SIGNED " uid=5", "", true, false },
    { "  uid: {type: integer, neutral: u}\n  u: {type: integer, neutral: t}\n",  "  - {call: POST /x, class: withdraw, required: [u]}\n",  SIGNED " uid=5", "", false, false },
    /* Where all else is refused, nothing but what is listed may be left over. */
    { "  memo: {type: text, neutral: m}\n",    "  - {call: POST /api/x, class: keys, required: [memo]}\n", SIGNED " note=mymemo", "", false, false },
};
/* clang-format on */

START_TEST(test_what_cuts_open_is_read_there)
{
    scene s = {.err = CH_ERROR_INIT};
    char source[4096];
    snprintf(source, sizeof source,
             TOP "%s" ACCEPTS RECIPE PARAMS "%s%sendpoints:\n  - {call: POST /o, class: trade, required: [pair, side, "
                 "qty, price], optional: [note%s]" INTENT "%s",
             strstr(elsewhere[_i].endpoints, "/api/") != NULL ? REFUSES : "", elsewhere[_i].params,
             strstr(elsewhere[_i].endpoints, "more") != NULL ? "  more: {type: text, neutral: m}\n" : "",
             strstr(elsewhere[_i].params, "uid") != NULL ? ", uid" : "", elsewhere[_i].endpoints);
    ck_assert_msg(load_text(source, &s.profile, &s.err) == CH_OK, "%s", s.err.message);
    read_on(&s, "POST /o", elsewhere[_i].sent, elsewhere[_i].names);
    ck_assert_int_eq(s.status, CH_OK);
    const ch_reading_at *other = find(&s, "/x");
    ck_assert_int_eq(other != NULL, elsewhere[_i].is_opened);
    ck_assert(find(&s, "/api/x") == NULL);
    ck_assert(other == NULL || other->is_unread == elsewhere[_i].is_unread);
    ck_assert(other == NULL || elsewhere[_i].is_unread || !other->is_cut);
    const ch_key_traits key = {ch_profile_live(s.profile), 0, 0};
    unsigned classes = ch_endpoint_confused_classes(s.endpoint, first_scheme(s.profile), &key, &s.request);
    ck_assert(other == NULL || (classes & BIT(other->class_)) != 0);
    tear_down(&s);
}
END_TEST

START_TEST(test_the_call_that_a_cut_opens_is_named)
{
    scene s;
    set_up(&s, "profiles/binance.yaml", "POST /fapi/v1/order",
           "symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=0.2 price=30000 "
           "newClientOrderId=xsubAccountString",
           "");
    const ch_key_traits key = {ch_profile_live(s.profile), 0, 0};
    const ch_reading_at *other = find(&s, "/sapi/v1/sub-account/virtualSubAccount");
    ck_assert(other != NULL && is_all_unknown(other));
    ck_assert_ptr_nonnull(
        ch_endpoint_confused_with(s.endpoint, first_scheme(s.profile), &key, &s.request, other->class_));
    tear_down(&s);
}
END_TEST

/* ---- classes of values, and for how long ---- */

/* clang-format off */
static const struct {
    const char *value;
    bool needs_account;
} values[] = {
    { "a",   true  },
    { "ab",  true  }, /* cut after the a */
    { "b",   false },
    { "ba",  false },
};
/* clang-format on */

START_TEST(test_the_beginning_of_a_value_needs_its_class)
{
    scene s;
    char params[64];
    snprintf(params, sizeof params, "word=%s", values[_i].value);
    set_up_text(&s,
                TOP RECIPE "params:\n  word: {type: enum, values: [a, ab, b, ba], needs: {a: account}}\nendpoints:\n"
                           "  - {call: POST /o, class: cancel, required: [word]}\n",
                "POST /o", params);
    unsigned needs = ch_readings_at(s.readings, 0)->needs;
    ck_assert_int_eq((needs & BIT(CH_CLASS_ACCOUNT)) != 0, values[_i].needs_account);
    tear_down(&s);
}
END_TEST

#define LINEAR "symbol=BTCUSDT side=BUY type=LIMIT timeInForce=GTC quantity=0.2 price=30000"
#define ALL_BUT(names) "fast-withdraw-switch bare-settings bare-transfers bare-trades " names

/* clang-format off */
static const struct {
    const char *profile;
    const char *call;
    const char *params;
    const char *names;
    uint64_t own_ms;
    uint64_t validity_ms; /* 0: unknown */
} validities[] = {
    { "profiles/binance.yaml", "POST /fapi/v1/order", LINEAR, "",            1000,  5000  },
    { "profiles/binance.yaml", "POST /fapi/v1/order", LINEAR, "",            60000, 60000 },
    { "profiles/binance.yaml", "POST /fapi/v1/order", LINEAR, "",            0,     0     },
    { "profiles/binance.yaml", "POST /fapi/v1/order", LINEAR, "cut-values",  1000,  1000  },
    /* Refused there, but not where else it may be sent. */
    { "profiles/binance.yaml", "POST /api/v3/order",  LINEAR, "",            1000,  5000  },
    { "profiles/binance.yaml", "POST /api/v3/order",  LINEAR, ALL_BUT("cut-values"), 1000, 1000 },
    { "profiles/mexc.yaml",    "GET /api/v3/account", "",     "",            1000,  5000  },
    { "profiles/okx.yaml",     "GET /api/v5/account/balance", "", "",        30000, 30000 },
    { "profiles/bybit.yaml",   "GET /v5/user/query-api", "",  "",            1000,  1000  },
};
/* clang-format on */

START_TEST(test_a_cut_may_leave_out_how_long_a_request_is_valid)
{
    scene s;
    set_up(&s, validities[_i].profile, validities[_i].call, validities[_i].params, validities[_i].names);
    ck_assert_uint_eq(ch_readings_validity_ns(s.readings, validities[_i].own_ms * 1000000),
                      validities[_i].validity_ms * 1000000);
    tear_down(&s);
}
END_TEST

/* ---- profiles that do not load ---- */

/* clang-format off */
static const struct {
    const char *top;
    const char *recipe;
    const char *params;
    const char *listed;  /* by GET /api/x */
    const char *reason;
} wrong[] = {
    { "",                                                              RECIPE, "  xts: {type: text}\n", "xts",         "'xts' can be cut so that its value becomes that of 'ts'" },
    { REFUSES,                                                         RECIPE, "  ab: {type: text}\n  a: {type: text}\n  b: {type: text}\n", "ab, a, b", "GET /api/x can't be among those that refuse unknown names: 'ab' can be cut into 'a' and 'b'" },
    { "acceptable_confusions: {a: {lets: l, cuts: false}}\n",          RECIPE, "  a: {type: text}\n",  "a",            "write cuts: true" },
    { "acceptable_confusions: {a: {lets: l, cuts: 1}}\n",              RECIPE, "  a: {type: text}\n",  "a",            "true or false" },
    { "acceptable_confusions: {a: {lets: l, cuts: true}, b: {lets: l, cuts: true}}\n", RECIPE, "  a: {type: text}\n", "a", "another name stands for cuts already" },
    { "acceptable_confusions: {a: {lets: l, cuts: true}}\n",           "recipe: r\nrecipes: {r: {covers: [], lists: {all: {}}, message: \"{all|json}\", url: \"{origin}{path}{signature|prefix:?}\"}}\n", "  a: {type: text}\n", "a", "no recipe has 'joins_body'" },
    { "",  "recipe: r\nrecipes: {r: {covers: [], joins_body: true, lists: {all: {}}, message: \"{all|form}{time_s}\", url: \"{origin}{path}{signature|prefix:?}\"}}\n", "  a: {type: text}\n", "a", "ends in a list in a form style" },
    { "",  "recipe: r\nrecipes: {r: {covers: [], joins_body: true, lists: {all: {}}, message: \"{all|json}\", url: \"{origin}{path}{signature|prefix:?}\"}}\n", "  a: {type: text}\n", "a", "ends in a list in a form style" },
    { "",  "recipe: r\nrecipes: {r: {covers: [], joins_body: true, lists: {all: {}}, message: \"{all|form}.\", url: \"{origin}{path}{signature|prefix:?}\"}}\n", "  a: {type: text}\n", "a", "ends in a list in a form style" },
};
/* clang-format on */

START_TEST(test_a_profile_that_no_reading_answers_for_is_refused)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    char source[4096];
    snprintf(source, sizeof source,
             TOP "%s%sparams:\n%sendpoints:\n  - {call: GET /api/x, class: read, optional: [%s]}\n", wrong[_i].top,
             wrong[_i].recipe, wrong[_i].params, wrong[_i].listed);
    ck_assert_int_eq(load_text(source, &profile, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "%s", err.message);
    ck_assert_ptr_null(profile);
}
END_TEST

/* ---- real profiles ---- */

/* clang-format off */
static const struct {
    const char *profile;
    const char *call;
    const char *params;
    const char *names;
    bool is_unread;
} real[] = {
    { "profiles/binance.yaml", "POST /fapi/v1/order",          LINEAR,                                       "",           true  },
    { "profiles/binance.yaml", "POST /fapi/v1/order",          LINEAR,                                       "cut-values", false },
    { "profiles/binance.yaml", "POST /dapi/v1/order",          LINEAR,                                       "",           true  },
    { "profiles/binance.yaml", "POST /sapi/v1/margin/order",   LINEAR,                                       "",           true  },
    { "profiles/binance.yaml", "POST /sapi/v1/capital/withdraw/apply", "coin=BTC address=abc amount=10",     "",           true  },
    { "profiles/binance.yaml", "POST /api/v3/order",           LINEAR,                                       "",           false },
    { "profiles/binance.yaml", "POST /api/v3/order",           LINEAR " newClientOrderId=grid-7",            "",           false },
    { "profiles/binance.yaml", "POST /api/v3/order",           LINEAR " newClientOrderId=stopPrice",         "",           true  },
    { "profiles/mexc.yaml",    "POST /api/v3/order",           "symbol=BTCUSDT side=BUY type=LIMIT quantity=1 price=2", "", true },
    { "profiles/mexc.yaml",    "POST /api/v3/order",           "symbol=BTCUSDT side=BUY type=LIMIT quantity=1 price=2", "cut-values", false },
    { "profiles/okx.yaml",     "GET /api/v5/account/spot-manual-borrow-repay", "ccy=USDT side=borrow amt=100", "",     true  },
    { "profiles/okx.yaml",     "POST /api/v5/trade/order",     "instId=BTC-USDT tdMode=cash side=buy ordType=limit sz=1 px=2", "", false },
    { "profiles/kraken.yaml",  "POST /0/private/AddOrder",     "pair=XBTUSD type=buy ordertype=limit volume=1 price=2", "", false },
};
/* clang-format on */

START_TEST(test_exchanges_that_sign_query_and_body_as_one)
{
    scene s;
    set_up(&s, real[_i].profile, real[_i].call, real[_i].params, real[_i].names);
    bool is_unread = ch_readings_count(s.readings) > 1 && ch_readings_at(s.readings, 1)->endpoint == s.endpoint;
    ck_assert_int_eq(is_unread, real[_i].is_unread);
    tear_down(&s);
}
END_TEST

CH_TESTS("recuts", CH_TEST_ROWS(test_a_request_that_can_be_cut_is_unread_too, own),
         CH_TEST_ROWS(test_what_cuts_open_is_read_there, elsewhere), CH_TEST(test_the_call_that_a_cut_opens_is_named),
         CH_TEST_ROWS(test_the_beginning_of_a_value_needs_its_class, values),
         CH_TEST_ROWS(test_a_cut_may_leave_out_how_long_a_request_is_valid, validities),
         CH_TEST_ROWS(test_a_profile_that_no_reading_answers_for_is_refused, wrong),
         CH_TEST_ROWS(test_exchanges_that_sign_query_and_body_as_one, real))

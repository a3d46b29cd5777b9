/* Which classes a signature opens besides the one that it was asked for. */
#include "exchange/confusion.h"

#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/needs.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

LARGEST_LOADED_ONCE

static const char sound[] = SOUND_PROFILE;

/* By a key of no special kind, and by one of all kinds at once. */
#define NO_KINDS 0U
#define ALL_KINDS ~0U
static const ch_key_traits plain;

/* By a key that accepts the confusions with these names, separated by a space. */
static unsigned accepted_names(const ch_profile *profile, const char *names)
{
    unsigned accepts = 0;
    char text_[128];
    snprintf(text_, sizeof text_, "%s", names);
    for (char *name = strtok(text_, " "); name != NULL; name = strtok(NULL, " ")) {
        unsigned bit = ch_profile_acceptance(profile, name);
        ck_assert_msg(bit != 0, "%s", name);
        accepts |= bit;
    }
    return accepts;
}

static unsigned confused_by(unsigned kinds, const char *names, const char *path, const char *method, const char *call,
                            ch_param *given, size_t count)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load(path);
    const ch_key_traits key = {ch_profile_live(profile), kinds, accepted_names(profile, names)};
    const ch_endpoint *endpoint = match(profile, method, call);
    ch_request request = request_of(method, call, given, count);
    ck_assert_msg(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err) == CH_OK, "%s", err.message);
    unsigned classes_ = ch_endpoint_confused_classes(endpoint, first_scheme(profile), &key, &request);
    ch_profile_free(profile);
    return classes_;
}

static unsigned confused(const char *path, const char *method, const char *call, ch_param *given, size_t count)
{
    return confused_by(NO_KINDS, "", path, method, call, given, count);
}

#define BINANCE "profiles/binance.yaml"
#define BYBIT "profiles/bybit.yaml"
#define UPBIT "profiles/upbit.yaml"
#define BOT "fast-withdraw-switch bare-settings bare-transfers"
#define READER BOT " bare-trades"
#define TRADING (BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_CANCEL))
/* What a call that requires nothing can do at Binance, outside /api. */
#define BARE (TRADING | BIT(CH_CLASS_TRANSFER) | BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_ACCOUNT))

/* What trading bots ask for, and the names that make it possible with the classes read, trade and cancel. */
/* clang-format off */
static const struct {
    const char *profile;
    const char *method;
    const char *call;
    const char *names;
    unsigned without;
    size_t count;
    const char *params[7];
} bots[] = {
    /* profile  method    call                         names                         without                                 parameters */
    { BINANCE,  "POST",   "/api/v3/order",             BOT,                          BARE,                                   6, {"symbol", "side", "type", "timeInForce", "quantity", "price"} },
    { BINANCE,  "DELETE", "/api/v3/order",             BOT,                          BARE,                                   2, {"symbol", "orderId"} },
    { BINANCE,  "DELETE", "/api/v3/openOrders",        BOT,                          BARE,                                   1, {"symbol"} },
    { BINANCE,  "GET",    "/api/v3/account",           BOT,                          BARE,                                   0, {NULL} },
    { BINANCE,  "GET",    "/fapi/v3/balance",          BOT,                          BARE,                                   0, {NULL} },
    { BINANCE,  "POST",   "/fapi/v1/order",            BOT,                          BARE,                                   6, {"symbol", "side", "type", "timeInForce", "quantity", "price"} },
    { BINANCE,  "POST",   "/fapi/v1/leverage",         BOT,                          BARE,                                   2, {"symbol", "leverage"} },
    { BYBIT,    "POST",   "/v5/order/create",          "key-deletion demo-account",  TRADING | BIT(CH_CLASS_KEYS) | BIT(CH_CLASS_ACCOUNT), 5, {"category", "symbol", "side", "orderType", "qty"} },
    { BYBIT,    "POST",   "/v5/order/cancel",          "key-deletion demo-account loan-offer-cancellation", TRADING | BIT(CH_CLASS_KEYS) | BIT(CH_CLASS_ACCOUNT) | BIT(CH_CLASS_TRANSFER), 3, {"category", "symbol", "orderId"} },
    { BYBIT,    "POST",   "/v5/order/cancel",          "key-deletion demo-account",  TRADING | BIT(CH_CLASS_KEYS) | BIT(CH_CLASS_ACCOUNT), 3, {"category", "symbol", "orderLinkId"} },
    { UPBIT,    "POST",   "/v1/orders",                "",                           TRADING,                                5, {"market", "side", "ord_type", "volume", "price"} },
    { UPBIT,    "DELETE", "/v1/order",                 "withdrawal-cancellation",    BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_WITHDRAW), 1, {"uuid"} },
};
/* clang-format on */

static const char *value_of(const char *name)
{
    static const char *const values[][2] = {
        {"symbol",      "BTCUSDT" },
        {"type",        "LIMIT"   },
        {"timeInForce", "GTC"     },
        {"market",      "KRW-BTC" },
        {"ord_type",    "limit"   },
        {"category",    "linear"  },
        {"uuid",        "cdd92199"},
        {"orderLinkId", "mine-1"  },
        {"orderType",   "Limit"   },
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    }
    return "1";
}

static const char *side_at(const char *profile)
{
    return strcmp(profile, BINANCE) == 0 ? "BUY" : strcmp(profile, BYBIT) == 0 ? "Buy" : "bid";
}

START_TEST(test_a_bot_trades_by_what_its_policy_accepts)
{
    ch_param given[8];
    for (size_t i = 0; i < bots[_i].count; i++) {
        const char *name = bots[_i].params[i];
        given[i] = text(name, strcmp(name, "side") == 0 ? side_at(bots[_i].profile) : value_of(name));
    }
    unsigned without = confused(bots[_i].profile, bots[_i].method, bots[_i].call, given, bots[_i].count);
    ck_assert_msg(without == bots[_i].without, "%s: %x", bots[_i].call, without);
    unsigned with =
        confused_by(NO_KINDS, bots[_i].names, bots[_i].profile, bots[_i].method, bots[_i].call, given, bots[_i].count);
    ck_assert_msg((with & ~TRADING) == 0, "%s: %x", bots[_i].call, with);
}
END_TEST

/* Merchants' calls take any parameters at all, and releasing coins is a withdrawal: no name lets that through. */
START_TEST(test_what_only_some_keys_can_call_counts_for_those)
{
    ch_param given[] = {text("symbol", "BTCUSDT"), text("side", "BUY"), text("type", "LIMIT")};
    ck_assert_uint_eq(confused_by(NO_KINDS, BOT, BINANCE, "POST", "/api/v3/order", given, 3), TRADING);
    ck_assert_uint_eq(confused_by(ALL_KINDS, READER, BINANCE, "POST", "/api/v3/order", given, 3) & ~TRADING,
                      BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_KEYS) | BIT(CH_CLASS_ACCOUNT));
}
END_TEST

/* Trade: an isolated margin account is opened and closed by its symbol alone. */
START_TEST(test_reading_one_symbol_opens_cancelling_it)
{
    ch_param given[] = {text("symbol", "BTCUSDT")};
    ck_assert_uint_eq(confused_by(NO_KINDS, READER, BINANCE, "GET", "/api/v3/openOrders", given, 1), TRADING);
}
END_TEST

START_TEST(test_a_reader_reads_by_what_its_policy_accepts)
{
    ch_param given[] = {
        {CH_PARAM_BOOLEAN, CH_LITERAL("omitZeroBalances"), CH_LITERAL("false"), NULL}
    };
    ck_assert_uint_eq(confused(BINANCE, "GET", "/api/v3/account", given, 1), BARE);
    ck_assert_uint_eq(confused_by(NO_KINDS, READER, BINANCE, "GET", "/api/v3/account", given, 1), BIT(CH_CLASS_READ));
}
END_TEST

/* What policy accepts is what the signature opens besides; the call itself needs its class as ever. */
START_TEST(test_what_is_accepted_is_still_refused_when_it_is_asked_for)
{
    ck_assert_uint_eq(
        confused_by(NO_KINDS, READER, BINANCE, "POST", "/sapi/v1/account/enableFastWithdrawSwitch", NULL, 0) &
            BIT(CH_CLASS_WITHDRAW),
        BIT(CH_CLASS_WITHDRAW));
}
END_TEST

START_TEST(test_each_name_takes_out_its_calls_and_no_others)
{
    ch_param given[] = {text("symbol", "BTCUSDT"), text("side", "BUY"), text("type", "LIMIT")};
    ck_assert_uint_eq(confused_by(NO_KINDS, "fast-withdraw-switch", BINANCE, "POST", "/api/v3/order", given, 3),
                      BARE & ~BIT(CH_CLASS_WITHDRAW));
    ck_assert_uint_eq(confused_by(NO_KINDS, "bare-settings", BINANCE, "POST", "/api/v3/order", given, 3), BARE);
    ck_assert_uint_eq(confused_by(NO_KINDS, "bare-transfers", BINANCE, "POST", "/api/v3/order", given, 3),
                      BARE & ~BIT(CH_CLASS_TRANSFER));
}
END_TEST

/* Pockets' transfers show an amount, which is all that a withdrawal of won requires: no name lets that through. */
START_TEST(test_an_amount_opens_a_withdrawal_where_unknown_names_are_ignored)
{
    ch_profile *profile = load(UPBIT);
    const ch_key_traits key = {.accepts = ~0U};
    const ch_endpoint *endpoint = match(profile, "POST", "/v1/pockets/transfers");
    unsigned opened = ch_endpoint_openable_classes(endpoint, first_scheme(profile), &key, CH_UNKNOWN_AS_LISTED);
    ck_assert_uint_eq(opened & BIT(CH_CLASS_WITHDRAW), BIT(CH_CLASS_WITHDRAW));
    opened = ch_endpoint_openable_classes(endpoint, first_scheme(profile), &key, CH_UNKNOWN_REFUSED);
    ck_assert_uint_eq(opened & BIT(CH_CLASS_WITHDRAW), 0);
    ch_profile_free(profile);
}
END_TEST

/* A log-on takes Ed25519 keys alone, so the same bytes by another key only subscribe. */
START_TEST(test_a_subscription_is_a_log_on_by_the_scheme_that_logs_on)
{
    ch_profile *profile = load(BINANCE);
    const ch_key_traits key = {ch_profile_live(profile), 0, accepted_names(profile, READER)};
    const ch_endpoint *endpoint = match(profile, "WS", "/ws-api/v3/userDataStream.subscribe.signature");
    const char *const schemes[] = {"hmac", "rsa", "ed25519"};
    for (size_t i = 0; i < 3; i++) {
        ch_error err = CH_ERROR_INIT;
        ch_param given[] = {text("apiKey", "k")};
        ch_request request = request_of("WS", "/ws-api/v3/userDataStream.subscribe.signature", given, 1);
        const ch_scheme *scheme = ch_profile_scheme(profile, schemes[i]);
        ck_assert_int_eq(ch_endpoint_check(endpoint, scheme, &request, &err), CH_OK);
        ck_assert_uint_eq(ch_endpoint_confused_classes(endpoint, scheme, &key, &request),
                          BIT(CH_CLASS_READ) | (i == 2 ? BIT(CH_CLASS_SESSION) : 0));
    }
    ch_profile_free(profile);
}
END_TEST

/* With an amount, as Lightning wants it, all is there that a withdrawal from the prediction wallet requires. */
START_TEST(test_reading_a_deposit_address_opens_a_withdrawal_by_its_amount)
{
    ch_param given[] = {text("coin", "BTC"), text("network", "BTC"), text("amount", "1")};
    ck_assert_uint_eq(confused_by(NO_KINDS, READER, BINANCE, "GET", "/sapi/v1/capital/deposit/address", given, 2) &
                          BIT(CH_CLASS_WITHDRAW),
                      0);
    ck_assert_uint_eq(confused_by(NO_KINDS, READER, BINANCE, "GET", "/sapi/v1/capital/deposit/address", given, 3) &
                          BIT(CH_CLASS_WITHDRAW),
                      BIT(CH_CLASS_WITHDRAW));
}
END_TEST

START_TEST(test_a_signature_over_the_path_opens_nothing_else)
{
    ck_assert_uint_eq(confused("profiles/kraken.yaml", "POST", "/0/private/Balance", NULL, 0), BIT(CH_CLASS_READ));
}
END_TEST

START_TEST(test_an_uncovered_method_and_uncovered_params_open_the_path)
{
    ck_assert_uint_eq(confused("tests/profiles/oddball.yaml", "DELETE", "/api/v1/things", NULL, 0),
                      BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_CANCEL));
}
END_TEST

START_TEST(test_a_path_that_fits_two_endpoints_needs_both_classes)
{
    ck_assert_uint_eq(confused("tests/profiles/oddball.yaml", "PUT", "/api/v1/things/all", NULL, 0),
                      BIT(CH_CLASS_ACCOUNT) | BIT(CH_CLASS_TRADE));
    ck_assert_uint_eq(confused("tests/profiles/oddball.yaml", "PUT", "/api/v1/things/7", NULL, 0), BIT(CH_CLASS_TRADE));
}
END_TEST

/* A profile of these recipes, params and endpoints beside the sound one's head, and the classes that GET /x opens. */
static unsigned opened_by(const char *source, ch_param *given, size_t count)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    ch_request request = request_of("GET", "/x", given, count);
    const ch_endpoint *endpoint = match(profile, "GET", "/x");
    ck_assert_msg(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err) == CH_OK, "%s", err.message);
    const ch_key_traits key = {.environment = ch_profile_live(profile)};
    unsigned classes_ = ch_endpoint_confused_classes(endpoint, first_scheme(profile), &key, &request);
    ch_profile_free(profile);
    return classes_;
}

START_TEST(test_an_endpoint_that_ignores_what_it_does_not_know_is_opened_by_more)
{
    static const char more[] = "  - {call: POST /w/x, class: withdraw}\n"
                               "  - {call: POST /v/x, class: transfer}\n"
                               "refuses_unknown: [{path: /v/, why: tested}]\n";
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add_text(&source, sound);
    ch_buffer_add_text(&source, more);
    ch_param given[] = {text("p", "1")};
    ck_assert_uint_eq(opened_by(ch_buffer_text(&source), given, 1), BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW));
    ck_assert_uint_eq(opened_by(ch_buffer_text(&source), NULL, 0),
                      BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_TRANSFER));
}
END_TEST

#define HEAD                                                                                                           \
    "name: t\ntitle: T\norigins: {main: https://a.example}\n"                                                          \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "refuses_unknown: [{path: /, why: tested}]\nrecipe: r\nrecipes:\n"

START_TEST(test_what_a_payload_shows_counts_whatever_it_claims_to_cover)
{
    static const char source[] =
        HEAD "  r: {covers: [], lists: {q: {takes: query}, b: {takes: body}}, values: {sent: \"{q|form}\"},\n"
             "      message: \"{sent}\", url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "params: {coin: {type: text, in: query}, amount: {type: decimal, in: query}, memo: {type: text}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: read, optional: [coin, amount, memo]}\n"
             "  - {call: POST /w, class: withdraw, required: [coin, amount], optional: [memo]}\n"
             "  - {call: POST /v, class: transfer, required: [coin, memo]}\n";
    ch_param given[] = {text("coin", "BTC"), text("amount", "1")};
    ck_assert_uint_eq(opened_by(source, given, 2), BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW));
    /* The memo of a transfer is not in the payload, so nobody must have signed it. */
    ck_assert_uint_eq(opened_by(source, given, 1), BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRANSFER));
}
END_TEST

START_TEST(test_a_field_of_the_agents_counts_as_a_parameter_elsewhere)
{
    static const char source[] = HEAD
        "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
        "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
        "  stamped: {covers: [params], lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}},\n"
        "      values: {sent: \"{all|form}\"}, message: \"{sent}\", url: \"{origin}{path}?{sent}&s={signature}\"}\n"
        "params: {coin: {type: text}, ts: {type: integer}}\n"
        "endpoints:\n"
        "  - {call: GET /x, class: read, required: [coin], optional: [ts]}\n"
        "  - {call: POST /w, class: withdraw, required: [coin], recipe: stamped}\n";
    ch_param given[] = {text("coin", "BTC"), text("ts", "1764000000123")};
    ck_assert_uint_eq(opened_by(source, given, 2), BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW));
}
END_TEST

START_TEST(test_empty_payloads_are_the_same_whatever_they_would_hold)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{time_ms}{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "  j: {covers: [params], lists: {all: {}}, values: {sent: \"{all|json-optional}\"},\n"
             "      message: \"{time_ms}{sent}\", url: \"{origin}{path}?s={signature}\", body: \"{sent}\"}\n"
             "params: {coin: {type: text}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: read, optional: [coin]}\n"
             "  - {call: POST /c, class: trade, optional: [coin], recipe: j}\n";
    ch_param given[] = {text("coin", "BTC")};
    ck_assert_uint_eq(opened_by(source, NULL, 0), BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE));
    ck_assert_uint_eq(opened_by(source, given, 1), BIT(CH_CLASS_READ));
}
END_TEST

START_TEST(test_an_empty_query_with_its_question_mark_is_nothing)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"},\n"
             "      message: \"{time_ms}{sent|prefix:?}\", url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "  b: {covers: [params], lists: {all: {}}, values: {sent: \"{all|json-optional}\"},\n"
             "      message: \"{time_ms}{sent}\", url: \"{origin}{path}?s={signature}\", body: \"{sent}\"}\n"
             "params: {coin: {type: text}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: read, optional: [coin]}\n"
             "  - {call: POST /c, class: trade, optional: [coin], recipe: b}\n";
    ch_param given[] = {text("coin", "BTC")};
    ck_assert_uint_eq(opened_by(source, NULL, 0), BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE));
    ck_assert_uint_eq(opened_by(source, given, 1), BIT(CH_CLASS_READ));
}
END_TEST

START_TEST(test_one_of_a_choice_must_be_in_the_payload)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "params: {symbol: {type: text}, id: {type: text}, own: {type: text}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: read, optional: [symbol, id]}\n"
             "  - {call: DELETE /x, class: cancel, required: [symbol, [id, own]]}\n";
    ch_param both[] = {text("symbol", "A"), text("id", "1")};
    ck_assert_uint_eq(opened_by(source, both, 1), BIT(CH_CLASS_READ));
    ck_assert_uint_eq(opened_by(source, both, 2), BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL));
}
END_TEST

/* ---- needs ---- */

#define SWITCH                                                                                                         \
    HEAD "  r: {covers: [method, path, params], lists: {all: {}}, values: {sent: \"{all|form}\"},\n"                   \
         "      message: \"{method}{path}{sent}\", url: \"{origin}{path}?{sent}&s={signature}\"}\n"                    \
         "params: {time: {type: integer, negative: true, needs: {0: account, -1: keys}}}\n"                            \
         "endpoints: [{call: GET /x, class: cancel, optional: [time]}]\n"

START_TEST(test_a_value_needs_its_class_and_others_do_not)
{
    ch_param off[] = {text("time", "0")};
    ch_param never[] = {
        {CH_PARAM_INTEGER, CH_LITERAL("time"), CH_LITERAL("-1"), NULL}
    };
    ch_param on[] = {text("time", "10")};
    ck_assert_uint_eq(opened_by(SWITCH, off, 1), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(opened_by(SWITCH, never, 1), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_KEYS));
    ck_assert_uint_eq(opened_by(SWITCH, on, 1), BIT(CH_CLASS_CANCEL));
    ck_assert_uint_eq(opened_by(SWITCH, NULL, 0), BIT(CH_CLASS_CANCEL));
}
END_TEST

START_TEST(test_a_value_that_is_not_signed_may_be_any)
{
    static const char source[] =
        HEAD "  r: {covers: [method, path], lists: {all: {}}, values: {sent: \"{all|json}\"},\n"
             "      message: \"{method}{path}\", url: \"{origin}{path}?s={signature}\", body: \"{sent}\"}\n"
             "params: {time: {type: integer, needs: {0: account}}}\n"
             "endpoints: [{call: GET /x, class: cancel, optional: [time]}]\n";
    ch_param on[] = {text("time", "10")};
    ck_assert_uint_eq(opened_by(source, on, 1), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(opened_by(source, NULL, 0), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
}
END_TEST

/* Of the same class, so that only the value makes a difference. */
START_TEST(test_a_value_counts_where_the_signature_is_good_too)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "params:\n"
             "  loose: {name: time, type: text}\n"
             "  time: {type: integer, needs: {0: account}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: cancel, optional: [loose]}\n"
             "  - {call: POST /y, class: cancel, required: [time]}\n";
    ch_param off[] = {text("time", "0")};
    ch_param odd[] = {text("time", "00")};
    ch_param on[] = {text("time", "10")};
    ck_assert_uint_eq(opened_by(source, off, 1), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(opened_by(source, odd, 1), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(opened_by(source, on, 1), BIT(CH_CLASS_CANCEL));
    ck_assert_uint_eq(opened_by(source, NULL, 0), BIT(CH_CLASS_CANCEL));
}
END_TEST

START_TEST(test_a_value_of_the_agents_counts_too)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "  stopped: {covers: [params], lists: {all: {fields: [{name: time, value: \"0\"}]}},\n"
             "      values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "params: {p: {type: text}, time: {type: integer, needs: {0: account}}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: cancel, recipe: stopped, optional: [p]}\n"
             "  - {call: POST /y, class: cancel, required: [time]}\n";
    ck_assert_uint_eq(opened_by(source, NULL, 0), BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
}
END_TEST

/* At Binance the signature is good for the other futures host too. */
START_TEST(test_a_countdown_of_0_takes_a_safety_off)
{
    ch_param off[] = {text("symbol", "BTCUSDT"), text("countdownTime", "0")};
    ch_param on[] = {text("symbol", "BTCUSDT"), text("countdownTime", "5000")};
    ck_assert_uint_eq(confused_by(NO_KINDS, BOT, BINANCE, "POST", "/fapi/v1/countdownCancelAll", off, 2),
                      TRADING | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(confused_by(NO_KINDS, BOT, BINANCE, "POST", "/fapi/v1/countdownCancelAll", on, 2), TRADING);
}
END_TEST

START_TEST(test_what_values_may_need_is_said_of_the_endpoint)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(SWITCH, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", "/x");
    ck_assert_uint_eq(ch_endpoint_openable_classes(endpoint, first_scheme(profile), &plain, CH_UNKNOWN_AS_LISTED), 0);
    ck_assert_uint_eq(ch_needs_of_endpoint(endpoint), BIT(CH_CLASS_ACCOUNT) | BIT(CH_CLASS_KEYS));
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("confusion", CH_TEST_ROWS(test_a_bot_trades_by_what_its_policy_accepts, bots),
         CH_TEST(test_a_reader_reads_by_what_its_policy_accepts),
         CH_TEST(test_what_is_accepted_is_still_refused_when_it_is_asked_for),
         CH_TEST(test_each_name_takes_out_its_calls_and_no_others),
         CH_TEST(test_an_amount_opens_a_withdrawal_where_unknown_names_are_ignored),
         CH_TEST(test_a_subscription_is_a_log_on_by_the_scheme_that_logs_on),
         CH_TEST(test_what_only_some_keys_can_call_counts_for_those),
         CH_TEST(test_reading_one_symbol_opens_cancelling_it),
         CH_TEST(test_reading_a_deposit_address_opens_a_withdrawal_by_its_amount),
         CH_TEST(test_a_signature_over_the_path_opens_nothing_else),
         CH_TEST(test_an_uncovered_method_and_uncovered_params_open_the_path),
         CH_TEST(test_a_path_that_fits_two_endpoints_needs_both_classes),
         CH_TEST(test_an_endpoint_that_ignores_what_it_does_not_know_is_opened_by_more),
         CH_TEST(test_what_a_payload_shows_counts_whatever_it_claims_to_cover),
         CH_TEST(test_a_field_of_the_agents_counts_as_a_parameter_elsewhere),
         CH_TEST(test_empty_payloads_are_the_same_whatever_they_would_hold),
         CH_TEST(test_an_empty_query_with_its_question_mark_is_nothing),
         CH_TEST(test_one_of_a_choice_must_be_in_the_payload), CH_TEST(test_a_value_needs_its_class_and_others_do_not),
         CH_TEST(test_a_value_that_is_not_signed_may_be_any),
         CH_TEST(test_a_value_counts_where_the_signature_is_good_too), CH_TEST(test_a_value_of_the_agents_counts_too),
         CH_TEST(test_a_countdown_of_0_takes_a_safety_off), CH_TEST(test_what_values_may_need_is_said_of_the_endpoint))

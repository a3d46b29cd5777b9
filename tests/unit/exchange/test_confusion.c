/* Which classes a signature opens besides the one that it was asked for. */
#include "exchange/confusion.h"

#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/needs.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

static const char sound[] = SOUND_PROFILE;

/* By a key of no special kind, and by one of all kinds at once. */
#define NO_KINDS 0U
#define ALL_KINDS ~0U

static unsigned confused_of(unsigned kinds, const char *path, const char *method, const char *call, ch_param *given,
                            size_t count)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load(path);
    const ch_endpoint *endpoint = match(profile, method, call);
    ch_request request = request_of(method, call, given, count);
    ck_assert_msg(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err) == CH_OK, "%s", err.message);
    unsigned classes_ =
        ch_endpoint_confused_classes(endpoint, first_scheme(profile), ch_profile_live(profile), kinds, &request);
    ch_profile_free(profile);
    return classes_;
}

static unsigned confused(const char *path, const char *method, const char *call, ch_param *given, size_t count)
{
    return confused_of(NO_KINDS, path, method, call, given, count);
}

START_TEST(test_a_binance_order_opens_nothing_but_orders)
{
    ch_param given[] = {text("symbol", "BTCUSDT"),  text("side", "BUY"),   text("type", "LIMIT"),
                        text("timeInForce", "GTC"), text("quantity", "1"), text("price", "1")};
    ck_assert_uint_eq(confused("profiles/binance.yaml", "POST", "/api/v3/order", given, 6), BIT(CH_CLASS_TRADE));
}
END_TEST

/* Merchants' calls take any parameters at all, and releasing coins is a withdrawal. */
START_TEST(test_what_only_some_keys_can_call_counts_for_those)
{
    ch_param given[] = {text("symbol", "BTCUSDT"), text("side", "BUY"), text("type", "LIMIT")};
    ck_assert_uint_eq(confused_of(NO_KINDS, "profiles/binance.yaml", "POST", "/api/v3/order", given, 3),
                      BIT(CH_CLASS_TRADE));
    ck_assert_uint_eq(confused_of(ALL_KINDS, "profiles/binance.yaml", "POST", "/api/v3/order", given, 3),
                      BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_ACCOUNT));
}
END_TEST

/* Trade: an isolated margin account is opened and closed by its symbol alone. */
START_TEST(test_reading_one_symbol_opens_cancelling_it)
{
    ch_param given[] = {text("symbol", "BTCUSDT")};
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/api/v3/openOrders", given, 1),
                      BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_CANCEL));
}
END_TEST

/* Of every class but keys and session, Binance has a call that takes no parameters. */
START_TEST(test_a_request_without_parameters_opens_all_others_without)
{
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/api/v3/account", NULL, 0),
                      BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_TRANSFER) |
                          BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_ACCOUNT));
    ch_param given[] = {
        {CH_PARAM_BOOLEAN, CH_LITERAL("omitZeroBalances"), CH_LITERAL("false"), NULL}
    };
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/api/v3/account", given, 1), BIT(CH_CLASS_READ));
}
END_TEST

/* With an amount, as Lightning wants it, all is there that a withdrawal from the prediction wallet requires. */
START_TEST(test_reading_a_deposit_address_opens_a_withdrawal_by_its_amount)
{
    ch_param given[] = {text("coin", "BTC"), text("network", "BTC"), text("amount", "1")};
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/sapi/v1/capital/deposit/address", given, 2),
                      BIT(CH_CLASS_READ));
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/sapi/v1/capital/deposit/address", given, 3),
                      BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW));
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

START_TEST(test_an_endpoint_that_ignores_what_it_does_not_know_is_opened_by_more)
{
    static const char loose[] = "  - {call: POST /w, class: withdraw, ignores_unknown: true}\n"
                                "  - {call: POST /v, class: transfer}\n";
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add_text(&source, sound);
    ch_buffer_add_text(&source, loose);
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(ch_buffer_text(&source), &profile, &err) == CH_OK, "%s", err.message);
    ch_param given[] = {text("p", "1")};
    ch_request request = request_of("GET", "/x", given, 1);
    const ch_endpoint *endpoint = match(profile, "GET", "/x");
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_OK);
    ck_assert_uint_eq(
        ch_endpoint_confused_classes(endpoint, first_scheme(profile), ch_profile_live(profile), ~0U, &request),
        BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW));
    ch_profile_free(profile);
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
    unsigned classes_ =
        ch_endpoint_confused_classes(endpoint, first_scheme(profile), ch_profile_live(profile), 0, &request);
    ch_profile_free(profile);
    return classes_;
}

#define HEAD                                                                                                           \
    "name: t\ntitle: T\norigins: {main: https://a.example}\n"                                                          \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\nrecipes:\n"

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

/* At Binance the signature is good for the other futures host too. */
START_TEST(test_a_countdown_of_0_takes_a_safety_off)
{
    ch_param off[] = {text("symbol", "BTCUSDT"), text("countdownTime", "0")};
    ch_param on[] = {text("symbol", "BTCUSDT"), text("countdownTime", "5000")};
    ck_assert_uint_eq(confused("profiles/binance.yaml", "POST", "/fapi/v1/countdownCancelAll", off, 2),
                      BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_ACCOUNT));
    ck_assert_uint_eq(confused("profiles/binance.yaml", "POST", "/fapi/v1/countdownCancelAll", on, 2),
                      BIT(CH_CLASS_CANCEL));
}
END_TEST

START_TEST(test_what_values_may_need_is_said_of_the_endpoint)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(SWITCH, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", "/x");
    ck_assert_uint_eq(ch_endpoint_openable_classes(endpoint, first_scheme(profile)), 0);
    ck_assert_uint_eq(ch_needs_of_endpoint(endpoint), BIT(CH_CLASS_ACCOUNT) | BIT(CH_CLASS_KEYS));
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("confusion", CH_TEST(test_a_binance_order_opens_nothing_but_orders),
         CH_TEST(test_what_only_some_keys_can_call_counts_for_those),
         CH_TEST(test_reading_one_symbol_opens_cancelling_it),
         CH_TEST(test_a_request_without_parameters_opens_all_others_without),
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
         CH_TEST(test_a_value_counts_where_the_signature_is_good_too),
         CH_TEST(test_a_countdown_of_0_takes_a_safety_off), CH_TEST(test_what_values_may_need_is_said_of_the_endpoint))

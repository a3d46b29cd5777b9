/* What may flatten a key: a table of requests, and what the loader says of each. */
#include "policy/prepared.h"

#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <stdio.h>
#include <string.h>

static decide_rig rig;

/* Loads a policy in which the key of the made-up exchange is flattened by that list. */
static ch_status load(const char *flatten)
{
    static const char from[] = "k: {account: desk";
    ch_autobuffer text = CH_BUFFER_INIT;
    const char *at = strstr(decide_head, from);
    ck_assert_ptr_nonnull(at);
    ch_buffer_add(&text, decide_head, (size_t)(at - decide_head));
    ch_buffer_add_format(&text, "k: {flatten: %s, account: desk%s", flatten, at + strlen(from));
    return decide_load(&rig, ch_buffer_text(&text), NULL);
}

#define ONLY "what flattens only cancels"

/* clang-format off */
static const struct {
    const char *name;
    const char *flatten;
    const char *said; /* a part of the message; "": it loads */
} cases[] = {
    { "a cancel", "[{method: DELETE, path: /order, params: {symbol: BTCUSDT}}]", "" },
    { "a cancel of all", "[{method: DELETE, path: /order}]", "" },
    { "a cancel whose signature opens a cancel", "[{method: DELETE, path: /open/order, params: {symbol: BTCUSDT, clientId: a}}]", "" },
    { "a reduce-only order", "[{method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, type: market, qty: \"1\", reduce: true}}]", "" },
    { "one that closes a position", "[{method: POST, path: /inverse, params: {symbol: BTCUSD_INV, side: SELL, type: market, close: true}}]", "" },
    { "several, in their order", "[{method: DELETE, path: /order}, {method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, reduce: true}}]", "" },
    { "an order", "[{method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, type: market, qty: \"1\"}}]", ONLY },
    { "one that says that it does not reduce", "[{method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, reduce: false}}]", ONLY },
    { "one that says so in a text", "[{method: POST, path: /linear, params: {symbol: BTCUSDT, side: SELL, reduce: \"true\"}}]", "" },
    { "where there are no positions", "[{method: POST, path: /margin, params: {symbol: BTCUSDT, side: SELL, type: market, qty: \"1\", reduce: true}}]", ONLY },
    { "a spot order", "[{method: POST, path: /order, params: {symbol: BTCUSDT, side: SELL, type: market, qty: \"1\"}}]", ONLY },
    { "a cancel with an order", "[{method: POST, path: /replace, params: {symbol: BTCUSDT, side: SELL, type: limit, qty: \"1\", price: \"1\", origClientId: a}}]", ONLY },
    { "an amendment", "[{method: POST, path: /amend, params: {symbol: BTCUSDT, side: SELL, type: limit, qty: \"1\", price: \"1\", origClientId: a}}]", ONLY },
    { "what nobody can read", "[{method: POST, path: /unread}]", ONLY },
    { "a batch", "[{method: POST, path: /batch, params: {many: [{symbol: BTCUSDT, side: SELL}]}}]", ONLY },
    { "a read", "[{method: GET, path: /x}]", ONLY },
    { "a cancel that needs another class", "[{method: POST, path: /timeout, params: {timeout: 0}}]", ONLY },
    { "a withdrawal", "[{method: POST, path: /withdraw, params: {coin: BTC, net: BTC, addr: a, amount: \"1\"}}]", ONLY },
    { "a transfer", "[{method: POST, path: /transfer, params: {coin: BTC, from: a, to: b, amount: \"1\"}}]", ONLY },
    { "a setting", "[{method: POST, path: /set, params: {name: leverage, value: \"1\"}}]", ONLY },
    { "a new key", "[{method: POST, path: /keys}]", ONLY },
    { "a log-on", "[{method: POST, path: /logon}]", ONLY },
    { "the second of two", "[{method: DELETE, path: /order}, {method: GET, path: /x}]", "request 2 of 'flatten' of key 'k': it is GET /x, of class 'read'" },
    { "a call that there is not", "[{method: DELETE, path: /orders}]", "request 1 of 'flatten' of key 'k': " },
    { "another method", "[{method: PUT, path: /order}]", "not with this method" },
    { "another host", "[{method: DELETE, path: /order, host: b.example}]", "at this host" },
    { "a parameter that the call does not take", "[{method: DELETE, path: /order, params: {price: \"1\"}}]", "takes no parameter 'price'" },
    { "a parameter that is missing", "[{method: DELETE, path: /open/order, params: {symbol: BTCUSDT}}]", "clientId" },
    { "a parameter twice", "[{method: DELETE, path: /order, params: {symbol: A, symbol: B}}]", "symbol" },
    { "parameters in a list", "[{method: DELETE, path: /order, params: [symbol]}]", "params" },
    { "an empty value", "[{method: DELETE, path: /order, params: {symbol: }}]", "symbol" },
    { "too many levels", "[{method: POST, path: /batch, params: {many: [[[[[1]]]]]}}]", "in at most 4 levels" },
    { "no method", "[{path: /order}]", "'method' is missing" },
    { "no path", "[{method: DELETE}]", "'path' is missing" },
    { "another field", "[{method: DELETE, path: /order, body: x}]", "there is no field 'body' here" },
    { "an empty list", "[]", "request" },
    { "no list", "{method: DELETE, path: /order}", "list" },
};
/* clang-format on */

START_TEST(test_only_what_cancels_or_reduces_flattens)
{
    ch_status st = load(cases[_i].flatten);
    if (cases[_i].said[0] == '\0') {
        ck_assert_msg(st == CH_OK, "%s: %s", cases[_i].name, rig.err.message);
        decide_tear_down(&rig);
        return;
    }
    ck_assert_msg(st == CH_CONFIG && strstr(rig.err.message, cases[_i].said) != NULL, "%s: %s", cases[_i].name,
                  rig.err.message);
}
END_TEST

START_TEST(test_a_key_has_as_many_as_it_may)
{
    for (int more = 0; more < 2; more++) {
        ch_autobuffer list = CH_BUFFER_INIT;
        for (int i = 0; i < CH_FLATTEN_MAX + more; i++)
            ch_buffer_add_text(&list, i == 0 ? "[{method: DELETE, path: /order}" : ", {method: DELETE, path: /order}");
        ch_buffer_add_text(&list, "]");
        ck_assert_int_eq(load(ch_buffer_text(&list)), more == 0 ? CH_OK : CH_CONFIG);
        if (more == 0)
            decide_tear_down(&rig);
    }
}
END_TEST

/* A signature that does not cover what is called can be sent where it does more than cancel, unless policy accepts
 * that. */
START_TEST(test_what_a_signature_opens_besides_counts)
{
    static const char policy[] =
        "version: 1\npeople: {alice: {uid: 1, roles: [operator]}}\n"
        "keys:\n  k: {token: main, object: \"pkcs11:object=k\", profile: binance, scheme: hmac, key_id: id,\n"
        "      accepts: [%s],\n      flatten: [{method: DELETE, path: /api/v3/openOrders, params: {symbol: "
        "LTCBTC}}]}\n";
    char text[1024];
    snprintf(text, sizeof text, policy, "bare-settings");
    ck_assert_int_eq(decide_load(&rig, text, "profiles"), CH_CONFIG);
    ck_assert_msg(strstr(rig.err.message, "its signature can also be ") != NULL, "%s", rig.err.message);
    snprintf(text, sizeof text, policy,
             "bare-settings, bare-transfers, bare-trades, fast-withdraw-switch, loan-renewal, margin-orders, "
             "portfolio-orders");
    ck_assert_msg(decide_load(&rig, text, "profiles") == CH_OK, "%s", rig.err.message);
    decide_tear_down(&rig);
}
END_TEST

START_TEST(test_a_request_is_printed_as_it_is)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_param params[CH_PARAMS_MAX];
    ck_assert_msg(load("[{method: POST, path: /linear, host: a.example, params: {symbol: BTCUSDT, side: SELL, lots: 7, "
                       "reduce: true}}]") == CH_OK,
                  "%s", rig.err.message);
    const ch_key *key = ch_policy_find_key(&rig.policy, CH_LITERAL("k"));
    ck_assert_uint_eq(key->flatten_count, 1);
    ch_prepared_print(&key->flatten[0], &text);
    ck_assert_str_eq(ch_buffer_text(&text), "POST a.example/linear symbol='BTCUSDT' side='SELL' lots=7 reduce=true");
    const ch_request request = ch_prepared_request(&key->flatten[0], params);
    ck_assert_uint_eq(request.param_count, 4);
    ck_assert_int_eq(request.params[2].kind, CH_PARAM_INTEGER);
    ck_assert_int_eq(request.params[3].kind, CH_PARAM_BOOLEAN);
    decide_tear_down(&rig);
}
END_TEST

CH_TESTS("flatten", CH_TEST_ROWS(test_only_what_cancels_or_reduces_flattens, cases),
         CH_TEST(test_a_key_has_as_many_as_it_may), CH_TEST(test_what_a_signature_opens_besides_counts),
         CH_TEST(test_a_request_is_printed_as_it_is))

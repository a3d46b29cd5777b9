/* What stands before a number of the agent's does not end in a digit, and a path that runs on opens what it begins
 * with. */
#include "exchange/confusion.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/rig.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *profile;
    const char *method;
    const char *path;
    const char *params;  /* name=value, with a space in between */
    const char *payload; /* NULL: it is refused */
} cases[] = {
    /* profile    method    path                                     params                       payload */
    {"bitmex",    "GET",    "/api/v1/execution",                     "count=5",                   NULL                                                    },
    {"bitmex",    "GET",    "/api/v1/execution",                     "count=5 reverse=true",      "GET/api/v1/execution?count=5&reverse=true1764000005"    },
    {"bitmex",    "GET",    "/api/v1/execution",                     "reverse=true count=5",      "GET/api/v1/execution?count=5&reverse=true1764000005"    },
    {"bitmex",    "GET",    "/api/v1/execution",                     "symbol=XBTUSD",             "GET/api/v1/execution?symbol=XBTUSD1764000005"           },
    {"bitmex",    "GET",    "/api/v1/execution",                     "symbol=XBTZ25",             NULL                                                    },
    {"phemex",    "GET",    "/g-orders/active",                      "symbol=BTCUSDT orderID=a1", "/g-orders/activeorderID=a1&symbol=BTCUSDT1764000060"    },
    {"phemex",    "GET",    "/g-orders/active",                      "symbol=BTC5 orderID=a1",    NULL                                                    },
    /* a shorter id is another order, for which policy is asked the same */
    {"bitfinex",  "POST",   "/v2/auth/w/ext/recurring-ao/cancel/10", "",                          "/api/v2/auth/w/ext/recurring-ao/cancel/1017640000000000001{}"},
};
/* clang-format on */

static size_t split(const char *text, ch_param *params)
{
    size_t count = 0;
    while (*text != '\0') {
        size_t name = strcspn(text, "=");
        size_t value = strcspn(text + name + 1, " ");
        params[count++] = (ch_param){
            .kind = CH_PARAM_TEXT,
            .name = {(const uint8_t *)text,            name },
            .value = {(const uint8_t *)text + name + 1, value}
        };
        text += name + 1 + value;
        text += *text == ' ';
    }
    return count;
}

START_TEST(test_no_digit_stands_before_a_number)
{
    char path[64];
    rig r;
    ch_param params[4];
    snprintf(path, sizeof path, "profiles/%s.yaml", cases[_i].profile);
    set_up(&r, path, "hmac");
    r.input.now_ns = 1764000000000000000U;
    r.input.nonce = 17640000000000001U;
    size_t count = split(cases[_i].params, params);
    ch_status st = build(&r, cases[_i].method, cases[_i].path, params, count);
    if (cases[_i].payload == NULL) {
        ck_assert_int_eq(st, CH_BAD_INPUT);
        ck_assert_ptr_nonnull(strstr(r.err.message, "the query ends in a digit"));
    } else {
        ck_assert_msg(st == CH_OK, "%s", r.err.message);
        assert_slice(r.payload, cases[_i].payload);
    }
    tear_down(&r);
}
END_TEST

START_TEST(test_a_path_that_runs_on_opens_what_it_begins_with)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *source = "name: x\ntitle: X\norigins: {main: https://x.example}\n"
                         "schemes: {h: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\nrecipes:\n"
                         "  r:\n    covers: [path, params]\n    lists: {all: {}}\n    values: {query: '{all|form}'}\n"
                         "    message: '{path}{query}|{time_s}'\n    url: '{origin}{path}?{query}&sig={signature}'\n"
                         "params: {p: {type: text}, q: {type: text}}\nendpoints:\n"
                         "  - {call: GET /orders/active, class: read, optional: [p, q]}\n"
                         "  - {call: DELETE /orders, class: cancel, required: [p]}\n";
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", "/orders/active");
    const struct {
        ch_param params[2];
        size_t count;
        unsigned classes;
    } asked[] = {
        {{text("p", "1")},                 1, BIT(CH_CLASS_READ)                       }, /* p is spoilt */
        {{text("q", "1")},                 1, BIT(CH_CLASS_READ)                       },
        {{text("q", "1"), text("p", "1")}, 2, BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL)},
    };
    const ch_key_traits key = {.environment = ch_profile_live(profile)};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        ch_param params[2] = {asked[i].params[0], asked[i].params[1]};
        ch_request request = request_of("GET", "/orders/active", params, asked[i].count);
        ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_OK);
        ck_assert_uint_eq(ch_endpoint_confused_classes(endpoint, first_scheme(profile), &key, &request),
                          asked[i].classes);
    }
    ck_assert_uint_eq(ch_endpoint_openable_classes(endpoint, first_scheme(profile), &key, CH_UNKNOWN_AS_LISTED),
                      BIT(CH_CLASS_CANCEL));
    ch_profile_free(profile);
}
END_TEST

/* What the other call requires in a body that is not signed needs no place in the query. */
START_TEST(test_what_is_not_signed_is_not_missed_by_a_path_that_runs_on)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *source = "name: x\ntitle: X\norigins: {main: https://x.example}\n"
                         "schemes: {h: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
                         "recipe: {GET: r, POST: b}\nrecipes:\n"
                         "  r:\n    covers: [path, params]\n    lists: {all: {}}\n    values: {query: '{all|form}'}\n"
                         "    message: '{path}{query}|{time_s}'\n    url: '{origin}{path}?{query}&sig={signature}'\n"
                         "  b:\n    covers: [path]\n    lists: {all: {takes: query}, rest: {takes: body}}\n"
                         "    values: {query: '{all|form}', sent: '{rest|json}'}\n"
                         "    message: '{path}{query}|{time_s}'\n    url: '{origin}{path}?{query}&sig={signature}'\n"
                         "    body: '{sent}'\n"
                         "params: {q: {type: text, in: query}, p: {type: text}}\nendpoints:\n"
                         "  - {call: GET /orders/active, class: read, optional: [q]}\n"
                         "  - {call: POST /orders, class: trade, required: [p], optional: [q]}\n";
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", "/orders/active");
    const ch_key_traits key = {.environment = ch_profile_live(profile)};
    for (size_t count = 0; count < 2; count++) {
        ch_param params[1] = {text("q", "1")};
        ch_request request = request_of("GET", "/orders/active", params, count);
        ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_OK);
        ck_assert_uint_eq(ch_endpoint_confused_classes(endpoint, first_scheme(profile), &key, &request),
                          BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE));
    }
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_value_may_not_hide_a_seam)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *source = "name: x\ntitle: X\norigins: {main: https://x.example}\n"
                         "schemes: {h: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\nrecipes:\n"
                         "  r:\n    covers: [path]\n    lists: {all: {}}\n"
                         "    values: {stamped: '{all|form}{time_s}'}\n"
                         "    message: '{path}|{stamped}'\n    url: '{origin}{path}?sig={signature}'\n"
                         "params: {p: {type: text}}\nendpoints:\n  - {call: GET /x, class: read, optional: [p]}\n";
    ck_assert_int_eq(load_text(source, &profile, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "'stamped' puts a number directly after"));
}
END_TEST

CH_TESTS("seams", CH_TEST_ROWS(test_no_digit_stands_before_a_number, cases),
         CH_TEST(test_a_path_that_runs_on_opens_what_it_begins_with),
         CH_TEST(test_what_is_not_signed_is_not_missed_by_a_path_that_runs_on),
         CH_TEST(test_a_value_may_not_hide_a_seam))

/* A request's parameters are those of its endpoint, each once and of its type. */
#include "exchange/check.h"

#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct {
    const char *name; /* NULL: the required ones alone */
    ch_param_kind kind;
    const char *value;
    bool is_taken;
} params[] = {
    /* name      kind                  value                                       taken */
    {NULL,       CH_PARAM_TEXT,        "",                                         true },
    {"size",     CH_PARAM_TEXT,        "0",                                        true },
    {"size",     CH_PARAM_TEXT,        "0.1",                                      true },
    {"size",     CH_PARAM_TEXT,        "12345678901234567890.123456789012345678",  true },
    {"size",     CH_PARAM_INTEGER,     "12",                                       true },
    {"size",     CH_PARAM_TEXT,        "123456789012345678901.123456789012345678", false},
    {"size",     CH_PARAM_TEXT,        "0.1234567890123456789",                    false},
    {"size",     CH_PARAM_TEXT,        "",                                         false},
    {"size",     CH_PARAM_TEXT,        ".5",                                       false},
    {"size",     CH_PARAM_TEXT,        "5.",                                       false},
    {"size",     CH_PARAM_TEXT,        "00.5",                                     false},
    {"size",     CH_PARAM_TEXT,        "01",                                       false},
    {"size",     CH_PARAM_TEXT,        "1e3",                                      false},
    {"size",     CH_PARAM_TEXT,        "+1",                                       false},
    {"size",     CH_PARAM_TEXT,        "-1",                                       false},
    {"size",     CH_PARAM_TEXT,        "1,5",                                      false},
    {"size",     CH_PARAM_TEXT,        " 1",                                       false},
    {"size",     CH_PARAM_TEXT,        "1.2.3",                                    false},
    {"size",     CH_PARAM_TEXT,        "0x10",                                     false},
    {"size",     CH_PARAM_TEXT,        "NaN",                                      false},
    {"size",     CH_PARAM_TEXT,        "\xd9\xa1",                                 false}, /* an Arabic-Indic digit */
    {"size",     CH_PARAM_BOOLEAN,     "true",                                     false},
    {"size",     CH_PARAM_PLACEHOLDER, "",                                         false},
    {"count",    CH_PARAM_TEXT,        "-5",                                       true },
    {"count",    CH_PARAM_TEXT,        "-0",                                       false},
    {"count",    CH_PARAM_TEXT,        "5.0",                                      false},
    {"count",    CH_PARAM_TEXT,        "--5",                                      false},
    {"kind",     CH_PARAM_TEXT,        "a",                                        true },
    {"kind",     CH_PARAM_TEXT,        "A",                                        false},
    {"kind",     CH_PARAM_TEXT,        "a ",                                       false},
    {"flag",     CH_PARAM_BOOLEAN,     "true",                                     true },
    {"flag",     CH_PARAM_TEXT,        "false",                                    true },
    {"flag",     CH_PARAM_TEXT,        "TRUE",                                     false},
    {"flag",     CH_PARAM_INTEGER,     "1",                                        false},
    {"note",     CH_PARAM_TEXT,        "a b&c=\xc3\xa9",                           true },
    {"note",     CH_PARAM_TEXT,        "",                                         false},
    {"note",     CH_PARAM_TEXT,        "a\nb",                                     false},
    {"note",     CH_PARAM_TEXT,        "a\x7f",                                    false},
    {"note",     CH_PARAM_TEXT,        "\xff",                                     false},
    {"note",     CH_PARAM_TEXT,        "\xc0\xaf",                                 false},
    {"note",     CH_PARAM_INTEGER,     "12",                                       true },
    {"note",     CH_PARAM_INTEGER,     "1,\"size\":\"9\"",                         false}, /* bare in JSON */
    {"note",     CH_PARAM_INTEGER,     "06",                                       false},
    {"kind",     CH_PARAM_INTEGER,     "a",                                        false},
    {"symbol",   CH_PARAM_TEXT,        "B",                                        false}, /* twice */
    {"Symbol",   CH_PARAM_TEXT,        "B",                                        false},
    {"symbo",    CH_PARAM_TEXT,        "B",                                        false},
    {"",         CH_PARAM_TEXT,        "B",                                        false},
    {"unlisted", CH_PARAM_TEXT,        "1",                                        false},
    {"nonce",    CH_PARAM_PLACEHOLDER, "",                                         true },
    {"nonce",    CH_PARAM_TEXT,        "1",                                        false},
    {"request",  CH_PARAM_TEXT,        "/elsewhere",                               false},
};
/* clang-format on */

START_TEST(test_a_parameter_is_listed_once_and_of_its_type)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = match(profile, "POST", "/api/v1/things");
    ch_param given[2] = {text("symbol", "A")};
    ch_request request = request_of("POST", "/api/v1/things", given, 1);
    if (params[_i].name != NULL)
        given[request.param_count++] =
            (ch_param){params[_i].kind, ch_slice_of(params[_i].name), ch_slice_of(params[_i].value), NULL};
    ck_assert_msg((ch_endpoint_check(endpoint, first_scheme(profile), &request, &err) == CH_OK) == params[_i].is_taken,
                  "%s = '%s': %s", params[_i].name, params[_i].value, err.message);
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *value;
    bool is_taken;
} symbols[] = {
    /* value                                                              taken */
    {"BTCUSDT",                                                           true },
    {"XBT/USD",                                                           true },
    {"AAPLx-USD_P.d:1",                                                   true },
    {"",                                                                  false},
    {"BTC USDT",                                                          false},
    {"BTC&symbol=X",                                                      false},
    {"BTC%2FUSD",                                                         false},
    {"\xd0\x92TC",                                                        false}, /* a Cyrillic letter */
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
};
/* clang-format on */

/* clang-format off */
static const struct {
    const char *profile;
    const char *method;
    const char *path;
    const char *value;
    const char *reason; /* NULL: it is taken */
} letters[] = {
    /* profile    method    path                             value                                       reason */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xe5\xb8\x81\xe5\xae\x89USDT",             NULL                       },
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xe5\xb8\x81\xe2\x80\x8bUSDT",             "letters, digits"          }, /* invisible */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xe2\x80\xaeUSDT",                         "letters, digits"          }, /* right to left */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xef\xbc\xa1USDT",                         "letters, digits"                       }, /* a full-width A */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xd0\x90USDT",                         "letters, digits"                       }, /* a Cyrillic A */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xef\xbc\x86USDT",                         "letters, digits"          }, /* a full-width & */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xe5\xb8",                                 "letters, digits"          }, /* half a letter */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xc5\xbf" "OLUSDT",                          "letters, digits"          }, /* a long s, in upper case an S */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xc4\xb1NJUSDT",                          "letters, digits"          }, /* a dotless i, in upper case an I */
    {"binance",   "DELETE", "/api/v3/openOrders",            "\xc4\xb0NJUSDT",                          "letters, digits"          }, /* a dotted I, in lower case an i */
    {"binance",   "DELETE", "/api/v3/openOrders",            "GRA\xc3\x9fUSDT",                         "letters, digits"          }, /* in upper case SS */
    {"binance",   "DELETE", "/api/v3/openOrders",            "BE\xc5\x80USDT",                          "letters, digits"          }, /* an L with a dot, by compatibility an L and a dot */
    {"bingx",     "GET",    "/openApi/spot/v1/trade/openOrders", "M\xc3\x98TH-USDT",                      NULL                       },
    {"kraken",    "POST",   "/0/private/Level3",        "\xe5\xb8\x81USD",                          "how this exchange signs"  },
};
/* clang-format on */

START_TEST(test_a_symbol_has_other_letters_where_the_rule_is_known)
{
    ch_error err = CH_ERROR_INIT;
    char path[64];
    snprintf(path, sizeof path, "profiles/%s.yaml", letters[_i].profile);
    ch_profile *profile = load(path);
    const ch_endpoint *endpoint = match(profile, letters[_i].method, letters[_i].path);
    ch_param given[] = {text(strcmp(letters[_i].profile, "kraken") == 0 ? "pair" : "symbol", letters[_i].value)};
    ch_request request = request_of(letters[_i].method, letters[_i].path, given, 1);
    ch_status st = ch_endpoint_check(endpoint, first_scheme(profile), &request, &err);
    ck_assert_int_eq(st, letters[_i].reason == NULL ? CH_OK : CH_BAD_INPUT);
    ck_assert_msg(letters[_i].reason == NULL || strstr(err.message, letters[_i].reason) != NULL, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_symbol_is_plain)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = match(profile, "GET", "/api/v1/things");
    ch_param given[] = {text("symbol", symbols[_i].value)};
    ch_request request = request_of("GET", "/api/v1/things", given, 1);
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err) == CH_OK, symbols[_i].is_taken);
    ch_profile_free(profile);
}
END_TEST

/* A list of entries as the front sends them: "[orders" opens a list, "{" an object, "]" ends either. */
static size_t entries(const char *const *words, ch_param *out)
{
    size_t count = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        const char *word = words[i];
        const char *equals = strchr(word, '=');
        if (*word == ']')
            out[count++] = (ch_param){.kind = CH_PARAM_END};
        else if (*word == '[' || *word == '{')
            out[count++] =
                (ch_param){.kind = *word == '[' ? CH_PARAM_LIST : CH_PARAM_OBJECT, .name = ch_slice_of(word + 1)};
        else
            out[count++] = (ch_param){
                .kind = CH_PARAM_TEXT,
                .name = {(const uint8_t *)word, equals == NULL ? 0 : (size_t)(equals - word)},
                .value = ch_slice_of(equals == NULL ? word : equals + 1)
            };
    }
    return count;
}

/* clang-format off */
static const struct {
    const char *path;
    const char *words[16];
    const char *problem; /* NULL: taken */
} nested[] = {
    /* path              entries                                                                  problem */
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1", "]", "]"},                         NULL                                       },
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1", "[tags", "x", "y", "]", "]", "]"}, NULL                                       },
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1", "exact=0.5", "]", "]", "note=x"},  NULL                                       },
    {"/api/v1/things/7", {"[orders", "]"},                                                        "1 to 4 items"                             },
    {"/api/v1/things/7", {"orders=[]"},                                                           "must be a list"                           },
    {"/api/v1/things/7", {"{orders", "symbol=A", "lot=1", "]"},                                   "must be a list"                           },
    {"/api/v1/things/7", {"[orders", "A", "]"},                                                   "must be an object"                        },
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "]", "]"},                                  "'lot' is missing; object 'order' needs it"},
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1", "side=B", "]", "]"},               "takes no member 'side'"                   },
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1", "lot=2", "]", "]"},                "'lot' is given twice"                     },
    {"/api/v1/things/7", {"[orders", "{", "symbol=A", "lot=1.5", "]", "]"},                       "'lot' must be a whole number"             },
    {"/api/v1/things/7",
     {"[orders", "{", "symbol=A", "lot=1", "[tags", "a", "b", "c", "d", "]", "]", "]"},
     "1 to 3 items"                                                                                                                          },
    {"/api/v1/things/7", {"note=a", "[orders", "{", "symbol=A", "lot=1", "]", "]", "note=b"},     "'note' is given twice"                    },
    {"/api/v1/batch",    {"[", "{", "symbol=A", "lot=1", "]", "]"},                               NULL                                       },
    {"/api/v1/batch",    {"[", "{", "symbol=A", "lot=1", "]", "]", "level=3"},                    NULL                                       },
    {"/api/v1/batch",    {"level=3"},                                                             "'' is missing"                            },
};
/* clang-format on */

START_TEST(test_what_lists_and_objects_hold_is_checked)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = match(profile, "PUT", nested[_i].path);
    ch_param given[16];
    ch_request request = request_of("PUT", nested[_i].path, given, entries(nested[_i].words, given));
    ch_status st = ch_endpoint_check(endpoint, first_scheme(profile), &request, &err);
    if (nested[_i].problem == NULL)
        ck_assert_msg(st == CH_OK, "%s", err.message);
    else
        ck_assert_msg(st == CH_BAD_INPUT && strstr(err.message, nested[_i].problem) != NULL, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_parameter_in_the_path_is_of_its_type)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    static const char path[] = "/api/v1/things/BTC/of:1.5";
    ch_request request = request_of("PUT", path, NULL, 0);
    ck_assert_int_eq(ch_endpoint_check(match(profile, "PUT", path), first_scheme(profile), &request, &err),
                     CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'count' must be a whole number"));
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_missing_and_doubled_parameters_are_named)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("profiles/binance.yaml");
    const ch_endpoint *endpoint = match(profile, "POST", "/api/v3/order");
    ch_param given[] = {text("symbol", "A"), text("side", "BUY")};
    ch_request request = request_of("POST", "/api/v3/order", given, 2);
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'type' is missing"));
    const ch_param null = {.kind = CH_PARAM_PLACEHOLDER, .name = CH_LITERAL("timestamp")};
    ch_param twice[] = {text("symbol", "A"), text("side", "BUY"), text("type", "MARKET"), null, null};
    request = request_of("POST", "/api/v3/order", twice, 5);
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'timestamp' is given twice"));
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_of_a_choice_one_is_given)
{
    static const char source[] =
        "name: t\ntitle: T\norigins: {main: https://a.example}\n"
        "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\nrecipes:\n"
        "  r: {covers: [], lists: {all: {}}, message: \"{time_ms}\", url: \"{origin}{path}?s={signature}\"}\n"
        "params: {symbol: {type: text}, id: {type: text}, own: {type: text}}\n"
        "endpoints:\n"
        "  - {call: DELETE /x, class: cancel, required: [symbol, [id, own]]}\n";
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    ch_param given[] = {text("symbol", "A"), text("own", "1")};
    ch_request request = request_of("DELETE", "/x", given, 1);
    const ch_endpoint *endpoint = match(profile, "DELETE", "/x");
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "DELETE /x needs at least one of 'id', 'own'"));
    request.param_count = 2;
    ck_assert_int_eq(ch_endpoint_check(endpoint, first_scheme(profile), &request, &err), CH_OK);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("check", CH_TEST_ROWS(test_a_parameter_is_listed_once_and_of_its_type, params),
         CH_TEST_ROWS(test_a_symbol_is_plain, symbols),
         CH_TEST_ROWS(test_a_symbol_has_other_letters_where_the_rule_is_known, letters),
         CH_TEST_ROWS(test_what_lists_and_objects_hold_is_checked, nested),
         CH_TEST(test_a_parameter_in_the_path_is_of_its_type), CH_TEST(test_missing_and_doubled_parameters_are_named),
         CH_TEST(test_of_a_choice_one_is_given))

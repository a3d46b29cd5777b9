/* agent/profile: which profiles are refused and where, which requests, and what a signature would open.
 *
 * Run from the repository's root. */
#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/confusion.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "exchange/profile.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIT(class_) (1U << (class_))

static ch_param text(const char *name, const char *value)
{
    return (ch_param){CH_PARAM_TEXT, ch_slice_of(name), ch_slice_of(value), NULL};
}

static ch_profile *load(const char *path)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(ch_profile_load(path, &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

static const ch_endpoint *match(const ch_profile *profile, const char *method, const char *path)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_request request = {.method = ch_slice_of(method), .path = ch_slice_of(path)};
    ck_assert_msg(ch_profile_match(profile, &request, &endpoint, &err) == CH_OK, "%s", err.message);
    return endpoint;
}

static const ch_scheme *scheme(const ch_profile *profile)
{
    return ch_profile_scheme_at(profile, 0);
}

static ch_request request_of(const char *method, const char *path, ch_param *params, size_t count)
{
    return (ch_request){
        .method = ch_slice_of(method), .path = ch_slice_of(path), .params = params, .param_count = count};
}

/* ---- loading ---- */

static const char sound[] = "name: t\n"
                            "title: T\n"
                            "origins: {main: https://a.example}\n"
                            "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
                            "recipe: r\n"
                            "recipes:\n"
                            "  r:\n"
                            "    covers: [params]\n"
                            "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}}\n"
                            "    values: {payload: \"{all|form}\"}\n"
                            "    message: \"{payload}\"\n"
                            "    url: \"{origin}{path}?{payload}&s={signature}\"\n"
                            "params:\n"
                            "  p: {type: text}\n"
                            "endpoints:\n"
                            "  - {call: \"GET /x\", class: read, optional: [p]}\n";

/* One change to the sound profile, and where and why it is refused. */
static const struct {
    const char *from;
    const char *to;
    unsigned line;
    const char *reason;
} wrong[] = {
    {"title: T",               "titel: T",                                             1,  "'title' is missing"            },
    {"name: t\n",              "name: t\nextra: 1\n",                                  2,  "no field 'extra'"              },
    {"name: t\n",              "name: T/..\n",                                         1,  "can't be a profile's name"     },
    {"https://a.example",      "http://a.example",                                     3,  "an origin is https://"         },
    {"https://a.example",      "https://a.example/x",                                  3,  "an origin is https://"         },
    {"https://a.example",      "https://u@a.example",                                  3,  "an origin is https://"         },
    {"mechanism: hmac-sha256", "mechanism: md5",                                       4,  "there is no mechanism 'md5'"   },
    {"secret: text",           "secret: rot13",                                        4,  "unknown encoding 'rot13'"      },
    {"recipe: r\n",            "recipe: q\n",                                          5,  "there is no recipe 'q'"        },
    {"recipe: r\n",            "recipe: {POST: r}\n",                                  5,  "no recipe for method GET"      },
    {"recipe: r\n",            "nonce: h\nrecipe: r\n",                                5,  "unknown nonce unit 'h'"        },
    {"[params]\n",             "[parms]\n",                                            8,  "part of a request 'parms'"     },
    {"[params]\n",             "[params, path]\n",                                     8,  "claims path, but"              },
    {"[params]\n",             "[params, host]\n",                                     8,  "claims host, but"              },
    {"[params]\n",             "[params, method]\n",                                   8,  "claims method, but"            },
    {"{all: {fields",          "{all: {takes: none, fields",                           8,  "claims params, but"            },
    {"{all: {fields",          "{all: {takes: query, fields",                          8,  "claims params, but"            },
    {"{all: {fields",          "{all: {takes: all, fields",                            9,  "set of parameters 'all'"       },
    {"{all|form}",             "{all|form|plus:x}",                                    10, "can't take 'x'"                },
    {"{all|form}",             "{all|form|when:q}",                                    10, "no value 'q'"                  },
    {"message: ",              "also_signs: {x: \"{payload}\"}\n    message: ",        11, "no value 'payload'"            },
    {"message: ",              "also_signs: {x: \"{path}\"}\n    message: ",           11, "no value 'path'"               },
    {"message: ",              "also_signs: {path: \"{key_id}\"}\n    message: ",      11, "already"                       },
    {"type: text",             "type: list",                                           14, "'items' is missing"            },
    {"type: text",             "type: list, items: p",                                 14, "does not define 'p'"           },
    {"type: text",             "type: object, required: [z]",                          14, "does not define 'z'"           },
    {"type: text",             "type: list, items: p",                                 14, "does not define 'p'"           },
    {"type: text",             "type: object, required: [p]",                          14, "does not define 'p'"           },
    {"type: text",             "type: enum, values: []",                               14, "at least 1 value"              },
    {"type: text",             "type: text, max: 3",                                   14, "no field 'max'"                },
    {"type: text",             "type: text, unit: lots",                               14, "unknown unit 'lots'"           },
    {"type: text",             "type: text, in: header",                               14, "unknown place 'header'"        },
    {"type: text",             "type: text, name: \"\"",                               14, "only a list"                   },
    {"GET /x",                 "GET /x/{q}",                                           16, "does not define 'q'"           },
    {"GET /x",                 "GET /x/{p",                                            16, "is not closed"                 },
    {"GET /x",                 "GET /x/p}",                                            16, "closes nothing"                },
    {"GET /x",                 "GET /x/{p}y",                                          16, "only a '/' may follow"         },
    {"GET /x",                 "WS /x",                                                16, "go together"                   },
    {"value: \"{time_ms}\"",   "value: \"{nonce}\"",                                   9,  "no value 'nonce'"              },
    {"value: \"{time_ms}\"",   "value: \"{all|form}\"",                                9,  "no value 'all'"                },
    {"value: \"{time_ms}\"",   "value: \"{time_ms}\", at: here",                       9,  "unknown place 'here'"          },
    {"{all|form}",             "{all}",                                                10, "a list needs a style"          },
    {"{all|form}",             "{all|hex}",                                            10, "unknown style 'hex'"           },
    {"{all|form}",             "{all|form|rot13}",                                     10, "no filter 'rot13'"             },
    {"{all|form}",             "{all|form|prefix}",                                    10, "needs a text"                  },
    {"{all|form}",             "{all|form|hex:1}",                                     10, "takes nothing"                 },
    {"{all|form}",             "{all|form|hex|hex|hex|hex|hex}",                       10, "more than 4 filters"           },
    {"{all|form}",             "{all|form",                                            10, "is not closed"                 },
    {"{all|form}",             "x}",                                                   10, "closes nothing"                },
    {"{all|form}",             "{payload}",                                            10, "no value 'payload'"            },
    {"{payload: ",             "{path: ",                                              10, "already"                       },
    {"message: \"{payload}\"", "message: \"{signature}\"",                             11, "no value 'signature'"          },
    {"{payload}&s",            "{all|form}&s",                                         12, "no value 'all'"                },
    {"{signature}",            "x",                                                    8,  "neither url, body nor a header"},
    {"type: text",             "type: string",                                         14, "unknown type 'string'"         },
    {"type: text",             "type: text, role: boss",                               14, "unknown role 'boss'"           },
    {"type: text",             "type: enum",                                           14, "'values' is missing"           },
    {"type: text}",            "type: text}\n  q: {type: text}",                       15, "no endpoint uses parameter 'q'"},
    {"  p: {type: text}",      "  p: {type: text, name: ts}",                          16, "fills in 'ts'"                 },
    {"GET /x",                 "GET x",                                                16, "a plain path"                  },
    {"GET /x",                 "GET /x/../y",                                          16, "a plain path"                  },
    {"GET /x",                 "GET /x?y=1",                                           16, "a plain path"                  },
    {"GET /x",                 "get /x",                                               16, "a method and a path"           },
    {"class: read",            "class: reads",                                         16, "unknown class 'reads'"         },
    {"optional: [p]",          "optional: [p], required: [p]",                         16, "listed here already"           },
    {"optional: [p]",          "optional: [p, z]",                                     16, "'params' does not define 'z'"  },
    {"optional: [p]",          "optional: [p, +g]",                                    16, "no group 'g'"                  },
    {"optional: [p]",          "optional: [p], origin: b",                             16, "no origin 'b'"                 },
    {"optional: [p]}\n",       "optional: [p]}\n  - {call: GET /x, class: read}\n",    16, "listed twice"                  },
    {"title: T\n",             "title: T\ncontracts: [{symbol: a, size: x, of: b}]\n", 3,  "not a plain decimal"           },
    {"p: {type: text}",
     "p: {type: text}\n  l1: {type: list, items: p}\n  l2: {type: list, items: l1}\n"
     "  l3: {type: list, items: l2}\n  l4: {type: list, items: l3}\n"
     "  l5: {type: list, items: l4}",                                                  19, "nest at most 4 deep"           },
    {"p: {type: text}",
     "p: {type: text}\n  l1: {type: list, items: p}\n"
     "  l2: {type: list, items: l1, spelling: comma}",                                 16, "can only have the spelling"    },
    {"optional: [p]}\n",       "optional: [p], clas: x}\n",                            16, "no field 'clas'"               },
};

static ch_status load_text(const char *source, ch_profile **profile, ch_error *err)
{
    char path[] = "/tmp/chancery-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, source, strlen(source)), (ssize_t)strlen(source));
    (void)close(fd);
    ch_status st = ch_profile_load(path, profile, err);
    (void)unlink(path);
    return st;
}

START_TEST(test_the_sound_profile_is_taken)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(sound, &profile, &err) == CH_OK, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_wrong_profile_is_refused_with_line_and_reason)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *at = strstr(sound, wrong[_i].from);
    ck_assert_ptr_nonnull(at);
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add(&source, sound, (size_t)(at - sound));
    ch_buffer_add_text(&source, wrong[_i].to);
    ch_buffer_add_text(&source, at + strlen(wrong[_i].from));
    ck_assert_msg(load_text(ch_buffer_text(&source), &profile, &err) == CH_CONFIG, "'%s' was taken", wrong[_i].to);
    ck_assert_ptr_null(profile);
    char line[16];
    (void)snprintf(line, sizeof line, ":%u: ", wrong[_i].line);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "'%s': %s", wrong[_i].to, err.message);
    ck_assert_msg(strstr(err.message, line) != NULL, "'%s' in line %u: %s", wrong[_i].to, wrong[_i].line, err.message);
}
END_TEST

/* ---- matching ---- */

static const struct {
    const char *method;
    const char *path;
    ch_status status;
} calls[] = {
    {"POST",  "/api/v3/order",     CH_OK        },
    {"PATCH", "/api/v3/order",     CH_BAD_METHOD},
    {"post",  "/api/v3/order",     CH_BAD_METHOD},
    {"",      "/api/v3/order",     CH_BAD_METHOD},
    {"POST",  "/api/v3/order/",    CH_NOT_FOUND },
    {"POST",  "/api/v3//order",    CH_NOT_FOUND },
    {"POST",  "/api/v3/./order",   CH_NOT_FOUND },
    {"POST",  "/api/v3/Order",     CH_NOT_FOUND },
    {"POST",  "/api/v3/order?a=1", CH_NOT_FOUND },
    {"POST",  "/api/v3/ord%65r",   CH_NOT_FOUND },
    {"POST",  "/api/v3/orde",      CH_NOT_FOUND },
    {"POST",  "api/v3/order",      CH_NOT_FOUND },
    {"POST",  "",                  CH_NOT_FOUND },
};

START_TEST(test_a_path_matches_to_the_byte)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_profile *profile = load("profiles/binance.yaml");
    ch_request request = request_of(calls[_i].method, calls[_i].path, NULL, 0);
    ck_assert_int_eq(ch_profile_match(profile, &request, &endpoint, &err), calls[_i].status);
    ch_profile_free(profile);
}
END_TEST

static const struct {
    const char *profile;
    const char *method;
    const char *path;
    ch_class class_;
} classes[] = {
    {"binance", "POST",   "/sapi/v1/capital/withdraw/apply",                         CH_CLASS_WITHDRAW},
    {"binance", "POST",   "/sapi/v1/asset/transfer",                                 CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v1/sub-account/universalTransfer",                  CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v1/sub-account/transfer/subToSub",                  CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v2/sub-account/subAccountApi/ipRestriction",        CH_CLASS_KEYS    },
    {"binance", "DELETE", "/sapi/v1/sub-account/subAccountApi/ipRestriction/ipList", CH_CLASS_KEYS    },
    {"binance", "POST",   "/sapi/v1/account/enableFastWithdrawSwitch",               CH_CLASS_ACCOUNT },
    {"binance", "POST",   "/api/v3/order/cancelReplace",                             CH_CLASS_TRADE   },
    {"binance", "DELETE", "/api/v3/openOrders",                                      CH_CLASS_CANCEL  },
    {"kraken",  "POST",   "/0/private/Withdraw",                                     CH_CLASS_WITHDRAW},
    {"kraken",  "POST",   "/0/private/WalletTransfer",                               CH_CLASS_TRANSFER},
    {"kraken",  "POST",   "/0/private/GetWebSocketsToken",                           CH_CLASS_SESSION },
    {"kraken",  "POST",   "/0/private/EditOrder",                                    CH_CLASS_TRADE   },
    {"kraken",  "POST",   "/0/private/CancelAll",                                    CH_CLASS_CANCEL  },
    {"kraken",  "POST",   "/0/private/Balance",                                      CH_CLASS_READ    },
};

START_TEST(test_endpoints_that_move_money_have_their_class)
{
    char path[64];
    (void)snprintf(path, sizeof path, "profiles/%s.yaml", classes[_i].profile);
    ch_profile *profile = load(path);
    ck_assert_str_eq(ch_profile_name(profile), classes[_i].profile);
    const ch_endpoint *endpoint = match(profile, classes[_i].method, classes[_i].path);
    ck_assert_str_eq(ch_class_name(ch_endpoint_class(endpoint)), ch_class_name(classes[_i].class_));
    ch_profile_free(profile);
}
END_TEST

/* ---- checking ---- */

static const struct {
    const char *name; /* NULL: the required ones alone */
    ch_param_kind kind;
    const char *value;
    bool is_taken;
} params[] = {
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
    ck_assert_msg((ch_endpoint_check(endpoint, scheme(profile), &request, &err) == CH_OK) == params[_i].is_taken,
                  "%s = '%s': %s", params[_i].name, params[_i].value, err.message);
    ch_profile_free(profile);
}
END_TEST

static const struct {
    const char *value;
    bool is_taken;
} symbols[] = {
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

static const struct {
    const char *path;
    const char *words[16];
    const char *problem; /* NULL: taken */
} nested[] = {
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

START_TEST(test_what_lists_and_objects_hold_is_checked)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = match(profile, "PUT", nested[_i].path);
    ch_param given[16];
    ch_request request = request_of("PUT", nested[_i].path, given, entries(nested[_i].words, given));
    ch_status st = ch_endpoint_check(endpoint, scheme(profile), &request, &err);
    if (nested[_i].problem == NULL)
        ck_assert_msg(st == CH_OK, "%s", err.message);
    else
        ck_assert_msg(st == CH_BAD_INPUT && strstr(err.message, nested[_i].problem) != NULL, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

static const struct {
    const char *path;
    const char *wanted; /* NULL: none fits */
} paths[] = {
    {"/api/v1/things/7",         "/api/v1/things/{id}"               },
    {"/api/v1/things/a-Z0._~:9", "/api/v1/things/{id}"               },
    {"/api/v1/things/all",       "/api/v1/things/all"                },
    {"/api/v1/things/BTC/of:12", "/api/v1/things/{symbol}/of:{count}"},
    {"/api/v1/things/",          NULL                                },
    {"/api/v1/things/.",         NULL                                },
    {"/api/v1/things/..",        NULL                                },
    {"/api/v1/things/7/",        NULL                                },
    {"/api/v1/things//7",        NULL                                },
    {"/api/v1/things/7%2F8",     NULL                                },
    {"/api/v1/things/7?x=1",     NULL                                },
    {"/api/v1/things/7;x",       NULL                                },
    {"/api/v1/things/7 8",       NULL                                },
    {"/api/v1/things/7+8",       NULL                                },
    {"/api/v1/things/\xc3\xa9",  NULL                                },
    {"/api/v1/things/BTC/of:",   NULL                                },
    {"/api/v1/things/BTC/if:12", NULL                                },
};

START_TEST(test_a_parameter_in_the_path_is_plain)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = NULL;
    ch_request request = request_of("PUT", paths[_i].path, NULL, 0);
    ch_status st = ch_profile_match(profile, &request, &endpoint, &err);
    ck_assert_msg((st == CH_OK) == (paths[_i].wanted != NULL), "%s: %s", paths[_i].path, err.message);
    if (st == CH_OK)
        ck_assert_str_eq(ch_endpoint_path(endpoint), paths[_i].wanted);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_parameter_in_the_path_is_of_its_type)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    static const char path[] = "/api/v1/things/BTC/of:1.5";
    ch_request request = request_of("PUT", path, NULL, 0);
    ck_assert_int_eq(ch_endpoint_check(match(profile, "PUT", path), scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'count' must be a whole number"));
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_call_at_two_hosts_needs_its_host)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = NULL;
    ch_request request = request_of("PUT", "/api/v1/twin", NULL, 0);
    ck_assert_int_eq(ch_profile_match(profile, &request, &endpoint, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "name one with"));
    request.host = CH_LITERAL("vault.oddball.example");
    ck_assert_int_eq(ch_profile_match(profile, &request, &endpoint, &err), CH_OK);
    ck_assert_int_eq(ch_endpoint_class(endpoint), CH_CLASS_TRANSFER);
    request.host = CH_LITERAL("evil.example");
    ck_assert_int_eq(ch_profile_match(profile, &request, &endpoint, &err), CH_NOT_FOUND);
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
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err) == CH_OK, symbols[_i].is_taken);
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
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'type' is missing"));
    const ch_param null = {.kind = CH_PARAM_PLACEHOLDER, .name = CH_LITERAL("timestamp")};
    ch_param twice[] = {text("symbol", "A"), text("side", "BUY"), text("type", "MARKET"), null, null};
    request = request_of("POST", "/api/v3/order", twice, 5);
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "'timestamp' is given twice"));
    ch_profile_free(profile);
}
END_TEST

/* ---- endpoint confusion ---- */

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
    ck_assert_msg(ch_endpoint_check(endpoint, scheme(profile), &request, &err) == CH_OK, "%s", err.message);
    unsigned classes_ = ch_endpoint_confused_classes(endpoint, scheme(profile), kinds, &request);
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

/* Of every class but withdraw, keys and session, Binance has a call that takes no parameters. */
START_TEST(test_a_request_without_parameters_opens_all_others_without)
{
    ck_assert_uint_eq(confused("profiles/binance.yaml", "GET", "/api/v3/account", NULL, 0),
                      BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_TRANSFER) |
                          BIT(CH_CLASS_ACCOUNT));
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
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err), CH_OK);
    ck_assert_uint_eq(ch_endpoint_confused_classes(endpoint, scheme(profile), ~0U, &request),
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
    ck_assert_msg(ch_endpoint_check(endpoint, scheme(profile), &request, &err) == CH_OK, "%s", err.message);
    unsigned classes_ = ch_endpoint_confused_classes(endpoint, scheme(profile), 0, &request);
    ch_profile_free(profile);
    return classes_;
}

#define HEAD                                                                                                           \
    "name: t\ntitle: T\norigins: {main: https://a.example}\n"                                                          \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\nrecipes:\n"

START_TEST(test_what_a_message_shows_counts_whatever_it_claims_to_cover)
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
    /* The memo of a transfer is not in the message, so nobody has to have signed it. */
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

START_TEST(test_empty_messages_are_the_same_whatever_they_would_hold)
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

START_TEST(test_of_a_choice_one_is_given)
{
    static const char source[] =
        HEAD "  r: {covers: [params], lists: {all: {}}, values: {sent: \"{all|form}\"}, message: \"{sent}\",\n"
             "      url: \"{origin}{path}?{sent}&s={signature}\"}\n"
             "params: {symbol: {type: text}, id: {type: text}, own: {type: text}}\n"
             "endpoints:\n"
             "  - {call: GET /x, class: read, optional: [symbol, id]}\n"
             "  - {call: DELETE /x, class: cancel, required: [symbol, [id, own]]}\n";
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(source, &profile, &err) == CH_OK, "%s", err.message);
    ch_param given[] = {text("symbol", "A"), text("own", "1")};
    ch_request request = request_of("DELETE", "/x", given, 1);
    const ch_endpoint *endpoint = match(profile, "DELETE", "/x");
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "DELETE /x needs at least one of 'id', 'own'"));
    request.param_count = 2;
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme(profile), &request, &err), CH_OK);
    ch_profile_free(profile);
    ch_param both[] = {text("symbol", "A"), text("id", "1")};
    ck_assert_uint_eq(opened_by(source, both, 1), BIT(CH_CLASS_READ));
    ck_assert_uint_eq(opened_by(source, both, 2), BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile");
    TCase *tests = tcase_create("profile");
    tcase_add_test(tests, test_the_sound_profile_is_taken);
    tcase_add_loop_test(tests, test_a_wrong_profile_is_refused_with_line_and_reason, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_loop_test(tests, test_a_path_matches_to_the_byte, 0, sizeof calls / sizeof calls[0]);
    tcase_add_loop_test(tests, test_endpoints_that_move_money_have_their_class, 0, sizeof classes / sizeof classes[0]);
    tcase_add_loop_test(tests, test_a_parameter_is_listed_once_and_of_its_type, 0, sizeof params / sizeof params[0]);
    tcase_add_loop_test(tests, test_what_lists_and_objects_hold_is_checked, 0, sizeof nested / sizeof nested[0]);
    tcase_add_loop_test(tests, test_a_parameter_in_the_path_is_plain, 0, sizeof paths / sizeof paths[0]);
    tcase_add_test(tests, test_a_parameter_in_the_path_is_of_its_type);
    tcase_add_test(tests, test_a_call_at_two_hosts_needs_its_host);
    tcase_add_loop_test(tests, test_a_symbol_is_plain, 0, sizeof symbols / sizeof symbols[0]);
    tcase_add_test(tests, test_missing_and_doubled_parameters_are_named);
    tcase_add_test(tests, test_a_binance_order_opens_nothing_but_orders);
    tcase_add_test(tests, test_what_only_some_keys_can_call_counts_for_those);
    tcase_add_test(tests, test_reading_one_symbol_opens_cancelling_it);
    tcase_add_test(tests, test_a_request_without_parameters_opens_all_others_without);
    tcase_add_test(tests, test_reading_a_deposit_address_opens_a_withdrawal_by_its_amount);
    tcase_add_test(tests, test_a_signature_over_the_path_opens_nothing_else);
    tcase_add_test(tests, test_an_uncovered_method_and_uncovered_params_open_the_path);
    tcase_add_test(tests, test_a_path_that_fits_two_endpoints_needs_both_classes);
    tcase_add_test(tests, test_an_endpoint_that_ignores_what_it_does_not_know_is_opened_by_more);
    tcase_add_test(tests, test_what_a_message_shows_counts_whatever_it_claims_to_cover);
    tcase_add_test(tests, test_a_field_of_the_agents_counts_as_a_parameter_elsewhere);
    tcase_add_test(tests, test_empty_messages_are_the_same_whatever_they_would_hold);
    tcase_add_test(tests, test_of_a_choice_one_is_given);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#include "agent/front/routes.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *method;
    const char *path;
    ch_question question;
    const char *name;
    uint64_t id;
} found[] = {
    /* method  path                                 question           name       id */
    { "POST",  "/v1/keys/binance/sign",             CH_ASK_SIGN,       "binance", 0 },
    { "POST",  "/v1/keys/a.b_c-9/sign",             CH_ASK_SIGN,       "a.b_c-9", 0 },
    { "POST",  "/v1/keys/sign/sign",                CH_ASK_SIGN,       "sign",    0 },
    { "POST",  "/v1/keys/sign/check",               CH_ASK_CHECK,      "sign",    0 },
    { "GET",   "/v1/keys/check/limits",             CH_ASK_LIMITS,     "check",   0 },
    { "GET",   "/v1/keys",                          CH_ASK_KEYS,       "",        0 },
    { "GET",   "/v1/prices",                        CH_ASK_PRICES,     "",        0 },
    { "PUT",   "/v1/prices",                        CH_ASK_PUT_PRICES, "",        0 },
    { "POST",  "/v1/reservations/1/release",        CH_ASK_RELEASE,    "",        1 },
    { "POST",  "/v1/reservations/100/release",      CH_ASK_RELEASE,    "",        100 },
    { "POST",  "/v1/reservations/18446744073709551615/release", CH_ASK_RELEASE, "", UINT64_MAX },
    { "GET",   "/v1/requests/1042",                 CH_ASK_REQUEST,    "",        1042 },
    { "DELETE", "/v1/requests/1042",                CH_ASK_WITHDRAW,   "",        1042 },
    { "POST",  "/v1/requests/1042/sign",            CH_ASK_FETCH,      "",        1042 },
    { "GET",   "/v1/status",                        CH_ASK_STATUS,     "",        0 },
    { "GET",   "/v1/time",                          CH_ASK_TIME,       "",        0 },
    { "GET",   "/metrics",                          CH_ASK_METRICS,    "",        0 },
    { "GET",   "/readyz",                           CH_ASK_READY,      "",        0 },
    { "GET",   "/healthz",                          CH_ASK_HEALTH,     "",        0 },
};

static const struct {
    const char *method;
    const char *path;
    const char *takes; /* the methods that the path takes; empty: there is no such path */
} refused[] = {
    /* method    path                              takes */
    { "GET",     "/v1/keys/binance/sign",          "POST" },
    { "post",    "/v1/keys/binance/sign",          "POST" },
    { "",        "/v1/keys/binance/sign",          "POST" },
    { "GET",     "/v1/keys/binance/check",         "POST" },
    { "POST",    "/v1/keys/binance/limits",        "GET" },
    { "POST",    "/v1/keys",                       "GET" },
    { "POST",    "/v1/prices",                     "GET, PUT" },
    { "DELETE",  "/v1/prices",                     "GET, PUT" },
    { "GET, PUT", "/v1/prices",                    "GET, PUT" },
    { "GET",     "/v1/reservations/7/release",     "POST" },
    { "PUT",     "/v1/reservations/7/release",     "POST" },
    { "PUT",     "/v1/requests/7",                 "GET, DELETE" },
    { "GET",     "/v1/requests/7/sign",            "POST" },
    { "GET",     "/v1/requests/0",                 "" },
    { "GET",     "/v1/requests/7x",                "" },
    { "DELETE",  "/v1/requests/",                  "" },
    { "POST",    "/v1/requests/07/sign",           "" },
    { "POST",    "/v1/requests//sign",             "" },
    { "HEAD",    "/v1/status",                     "GET" },
    { "POST",    "/metrics",                       "GET" },
    { "GE",      "/readyz",                        "GET" },
    { "GETS",    "/healthz",                       "GET" },
    { "POST",    "/v1/keys/sign",                  "" },
    { "POST",    "/v1/keys//sign",                 "" },
    { "POST",    "/v1/keys/a/b/sign",              "" },
    { "POST",    "/v1/keys/a%2Fb/sign",            "" },
    { "POST",    "/v1/keys/../keys/a/sign",        "" },
    { "POST",    "/v1/keys/A/sign",                "" },
    { "POST",    "/v1/keys/a/sign/",               "" },
    { "POST",    "/v1/keys/a/signs",               "" },
    { "POST",    "/v1/keys/a/check/sign",          "" },
    { "POST",    "/v2/keys/a/sign",                "" },
    { "GET",     "/v1/keys//limits",               "" },
    { "GET",     "/v1/keys/limits",                "" },
    { "GET",     "/v1/keys/",                      "" },
    { "PUT",     "/v1/prices/",                    "" },
    { "PUT",     "/v1/prices/BTC",                 "" },
    { "PUT",     "/v1/price",                      "" },
    { "POST",    "/v1/outcomes",                      "" },
    { "POST",    "/v1/reservations/release",       "" },
    { "POST",    "/v1/reservations//release",      "" },
    { "POST",    "/v1/reservations/0/release",     "" },
    { "POST",    "/v1/reservations/07/release",    "" },
    { "POST",    "/v1/reservations/+7/release",    "" },
    { "POST",    "/v1/reservations/-7/release",    "" },
    { "POST",    "/v1/reservations/7a/release",    "" },
    { "POST",    "/v1/reservations/0x7/release",   "" },
    { "POST",    "/v1/reservations/7.0/release",   "" },
    { "POST",    "/v1/reservations/7 /release",    "" },
    { "POST",    "/v1/reservations/key/release",   "" },
    { "POST",    "/v1/reservations/7/8/release",   "" },
    { "POST",    "/v1/reservations/18446744073709551616/release",  "" },
    { "POST",    "/v1/reservations/99999999999999999999/release",  "" },
    { "POST",    "/v1/reservations/118446744073709551615/release", "" },
    { "POST",    "/v1/reservations/7",             "" },
    { "GET",     "/v1/statu",                      "" },
    { "GET",     "/v1/status?",                    "" },
    { "GET",     "/metrics/",                      "" },
    { "GET",     "/v1/metrics",                    "" },
    { "GET",     "//v1/status",                    "" },
    { "GET",     "/",                              "" },
    { "GET",     "",                               "" },
};

static const char *const no_ids[] = {"", "0", "07", "+7", "key", "7a", "7/8", "18446744073709551616"};

static const struct {
    const char *method;
    const char *path;
    bool takes_query;
} queries[] = {
    /* method  path                  takes query */
    { "GET",   "/v1/keys",           true },
    { "GET",   "/v1/prices",         true },
    { "GET",   "/readyz",            true },
    { "POST",  "/v1/prices",         true }, /* so that the method is what is refused */
    { "PUT",   "/v1/prices",         false },
    { "GET",   "/v1/keys/a/limits",  false },
    { "POST",  "/v1/keys/a/sign",    false },
    { "POST",  "/v1/keys/a/check",   false },
    { "POST",  "/v1/reservations/1/release", false },
    { "GET",   "/v1/status",         false },
    { "GET",   "/none",              false },
};

static const struct {
    const char *text;
    ch_question question;
    const char *says; /* NULL: it is taken */
    unsigned limit;
    const char *after;
    const char *key;
} asked[] = {
    /* query                  question        says                                  limit  after   key */
    { "",                     CH_ASK_KEYS,    NULL,                                 100,   "",     "" },
    { "limit=1&after=k",      CH_ASK_KEYS,    NULL,                                 1,     "k",    "" },
    { "limit=1000",           CH_ASK_PRICES,  NULL,                                 1000,  "",     "" },
    { "after=QlRD_-8&limit=7", CH_ASK_PRICES, NULL,                                 7,     "QlRD_-8", "" },
    { "key=k",                CH_ASK_READY,   NULL,                                 100,   "",     "k" },
    { "wait_s=60",            CH_ASK_REQUEST, NULL,                                 100,   "",     "" },
    { "limit=0",              CH_ASK_PRICES,  "limit must be",                      0,     NULL,   NULL },
    { "limit=1001",           CH_ASK_PRICES,  "limit must be",                      0,     NULL,   NULL },
    { "limit=-1",             CH_ASK_PRICES,  "limit must be",                      0,     NULL,   NULL },
    { "limit=",               CH_ASK_PRICES,  "limit must be",                      0,     NULL,   NULL },
    { "limit=1&limit=1",      CH_ASK_PRICES,  "limit is given twice",               0,     NULL,   NULL },
    { "after=",               CH_ASK_PRICES,  "after must be what \"next\" was",    0,     NULL,   NULL },
    { "after=A",              CH_ASK_KEYS,    "after must be the name of a key",    0,     NULL,   NULL },
    { "key=k",                CH_ASK_PRICES,  "limit=N and after=NEXT",             0,     NULL,   NULL },
    { "pair=BTC/USDT",        CH_ASK_PRICES,  "limit=N and after=NEXT",             0,     NULL,   NULL },
    { "limit",                CH_ASK_PRICES,  "limit=N and after=NEXT",             0,     NULL,   NULL },
    { "&",                    CH_ASK_PRICES,  "limit=N and after=NEXT",             0,     NULL,   NULL },
    { "limit=1&",             CH_ASK_PRICES,  "limit=N and after=NEXT",             0,     NULL,   NULL },
    { "limit=1",              CH_ASK_READY,   "key=NAME",                           0,     NULL,   NULL },
    { "wait_s=0",             CH_ASK_REQUEST, "wait_s must be",                     0,     NULL,   NULL },
    { "wait_s=61",            CH_ASK_REQUEST, "wait_s must be",                     0,     NULL,   NULL },
    { "wait_s=060",           CH_ASK_REQUEST, "wait_s must be",                     0,     NULL,   NULL },
    { "wait_s=100",           CH_ASK_REQUEST, "wait_s must be",                     0,     NULL,   NULL },
    { "wait_s=",              CH_ASK_REQUEST, "wait_s must be",                     0,     NULL,   NULL },
    { "wait_s=1&wait_s=1",    CH_ASK_REQUEST, "wait_s is given twice",              0,     NULL,   NULL },
    { "limit=1",              CH_ASK_REQUEST, "wait_s=N",                           0,     NULL,   NULL },
    { "wait_s=1",             CH_ASK_KEYS,    "limit=N and after=NEXT",             0,     NULL,   NULL },
};
/* clang-format on */

static ch_error err;

START_TEST(test_a_path_has_its_route_and_what_it_names)
{
    const ch_route *route = NULL;
    ch_route_what what;
    ch_status st = ch_route_find(ch_slice_of(found[_i].method), ch_slice_of(found[_i].path), &route, &what, &err);
    ck_assert_msg(st == CH_OK, "%s: %s", found[_i].path, err.message);
    ck_assert_int_eq(route->question, found[_i].question);
    ck_assert(ch_slice_is(what.name, found[_i].name));
    ck_assert_uint_eq(what.id, found[_i].id);
}
END_TEST

START_TEST(test_other_paths_and_methods_are_refused)
{
    const ch_route *route = NULL;
    ch_route_what what;
    ch_autobuffer methods = CH_BUFFER_INIT;
    const char *takes = refused[_i].takes;
    ch_slice path = ch_slice_of(refused[_i].path);
    ch_status st = ch_route_find(ch_slice_of(refused[_i].method), path, &route, &what, &err);
    ck_assert_msg(st == (*takes == '\0' ? CH_NOT_FOUND : CH_BAD_METHOD), "%s", refused[_i].path);
    ck_assert_ptr_null(route);
    ck_assert_uint_eq(what.id + what.name.size, 0);
    ch_route_add_methods(path, &methods);
    ck_assert_str_eq(ch_buffer_text(&methods), takes);
    ck_assert_msg(strstr(err.message, takes) != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_what_is_no_id_of_a_reservation_is_said_to_be_none)
{
    const ch_route *route = NULL;
    ch_route_what what;
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "/v1/reservations/%s/release", no_ids[_i]);
    ck_assert_int_eq(ch_route_find(CH_LITERAL("POST"), ch_buffer_slice(&path), &route, &what, &err), CH_NOT_FOUND);
    ck_assert_msg(strstr(err.message, "its id is a number") != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_a_path_takes_a_query_by_its_method)
{
    bool takes_query = ch_route_takes_query(ch_slice_of(queries[_i].method), ch_slice_of(queries[_i].path));
    ck_assert_msg(takes_query == queries[_i].takes_query, "%s %s", queries[_i].method, queries[_i].path);
}
END_TEST

START_TEST(test_a_query_says_what_its_path_takes)
{
    ch_query query;
    ch_status st = ch_query_read(ch_slice_of(asked[_i].text), asked[_i].question, &query, &err);
    if (asked[_i].says != NULL) {
        ck_assert_msg(st == CH_BAD_INPUT, "%s", asked[_i].text);
        ck_assert_msg(strstr(err.message, asked[_i].says) != NULL, "%s: %s", asked[_i].text, err.message);
        return;
    }
    ck_assert_msg(st == CH_OK, "%s: %s", asked[_i].text, err.message);
    ck_assert_uint_eq(query.limit, asked[_i].limit);
    ck_assert(ch_slice_is(query.after, asked[_i].after) && ch_slice_is(query.key, asked[_i].key));
}
END_TEST

CH_TESTS("routes", CH_TEST_ROWS(test_a_path_has_its_route_and_what_it_names, found),
         CH_TEST_ROWS(test_other_paths_and_methods_are_refused, refused),
         CH_TEST_ROWS(test_what_is_no_id_of_a_reservation_is_said_to_be_none, no_ids),
         CH_TEST_ROWS(test_a_path_takes_a_query_by_its_method, queries),
         CH_TEST_ROWS(test_a_query_says_what_its_path_takes, asked))

#include "agent/front/routes.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *method;
    const char *path;
    ch_question question;
    const char *key;
} found[] = {
    /* method  path                       question        key */
    { "POST",  "/v1/keys/binance/sign",   CH_ASK_SIGN,    "binance" },
    { "POST",  "/v1/keys/a.b_c-9/sign",   CH_ASK_SIGN,    "a.b_c-9" },
    { "POST",  "/v1/keys/sign/sign",      CH_ASK_SIGN,    "sign" },
    { "GET",   "/v1/keys",                CH_ASK_KEYS,    "" },
    { "GET",   "/v1/status",              CH_ASK_STATUS,  "" },
    { "GET",   "/metrics",                CH_ASK_METRICS, "" },
    { "GET",   "/readyz",                 CH_ASK_READY,   "" },
    { "GET",   "/healthz",                CH_ASK_HEALTH,  "" },
};

static const struct {
    const char *method;
    const char *path;
    ch_status status;
    const char *takes; /* the method that the path takes */
} refused[] = {
    /* method    path                       status          takes */
    { "GET",     "/v1/keys/binance/sign",   CH_BAD_METHOD,  "POST" },
    { "post",    "/v1/keys/binance/sign",   CH_BAD_METHOD,  "POST" },
    { "",        "/v1/keys/binance/sign",   CH_BAD_METHOD,  "POST" },
    { "POST",    "/v1/keys",                CH_BAD_METHOD,  "GET" },
    { "HEAD",    "/v1/status",              CH_BAD_METHOD,  "GET" },
    { "POST",    "/metrics",                CH_BAD_METHOD,  "GET" },
    { "GE",      "/readyz",                 CH_BAD_METHOD,  "GET" },
    { "GETS",    "/healthz",                CH_BAD_METHOD,  "GET" },
    { "POST",    "/v1/keys/sign",           CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys//sign",          CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/a/b/sign",       CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/a%2Fb/sign",     CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/../keys/a/sign", CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/A/sign",         CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/a/sign/",        CH_NOT_FOUND,   NULL },
    { "POST",    "/v1/keys/a/signs",        CH_NOT_FOUND,   NULL },
    { "POST",    "/v2/keys/a/sign",         CH_NOT_FOUND,   NULL },
    { "GET",     "/v1/keys/",               CH_NOT_FOUND,   NULL },
    { "GET",     "/v1/statu",               CH_NOT_FOUND,   NULL },
    { "GET",     "/v1/status?",             CH_NOT_FOUND,   NULL },
    { "GET",     "/metrics/",               CH_NOT_FOUND,   NULL },
    { "GET",     "/v1/metrics",             CH_NOT_FOUND,   NULL },
    { "GET",     "//v1/status",             CH_NOT_FOUND,   NULL },
    { "GET",     "/",                       CH_NOT_FOUND,   NULL },
    { "GET",     "",                        CH_NOT_FOUND,   NULL },
};
/* clang-format on */

START_TEST(test_a_path_has_its_route_and_the_key_in_it)
{
    ch_error err = CH_ERROR_INIT;
    const ch_route *route = NULL;
    ch_slice key;
    ch_status st = ch_route_find(ch_slice_of(found[_i].method), ch_slice_of(found[_i].path), &route, &key, &err);
    ck_assert_msg(st == CH_OK, "%s: %s", found[_i].path, err.message);
    ck_assert_int_eq(route->question, found[_i].question);
    ck_assert(ch_slice_is(key, found[_i].key));
}
END_TEST

START_TEST(test_other_paths_and_methods_are_refused)
{
    ch_error err = CH_ERROR_INIT;
    const ch_route *route = NULL;
    ch_slice key;
    ch_status st = ch_route_find(ch_slice_of(refused[_i].method), ch_slice_of(refused[_i].path), &route, &key, &err);
    ck_assert_msg(st == refused[_i].status, "%s %s", refused[_i].method, refused[_i].path);
    if (refused[_i].takes == NULL) {
        ck_assert_ptr_null(route);
        return;
    }
    ck_assert_str_eq(route->method, refused[_i].takes);
    ck_assert_msg(strstr(err.message, refused[_i].takes) != NULL, "%s", err.message);
}
END_TEST

CH_TESTS("routes", CH_TEST_ROWS(test_a_path_has_its_route_and_the_key_in_it, found),
         CH_TEST_ROWS(test_other_paths_and_methods_are_refused, refused))

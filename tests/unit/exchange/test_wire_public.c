/* Calls that need no signature go on without credentials; what the profile lists as an endpoint is never one of them.
 * Run from the repository's root. */
#include "exchange/wire_public.h"

#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>
#include <string.h>

#define PROFILE(public_)                                                                                               \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example, other: https://b.example}\n"                                                   \
    "environments: {demo: {origins: {main: https://demo.example}, headers: {X-Demo: \"1\"}}}\n"                        \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "recipe: r\n"                                                                                                      \
    "recipes:\n"                                                                                                       \
    "  r:\n"                                                                                                           \
    "    covers: [params]\n"                                                                                           \
    "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}, {name: who, value: \"{key_id}\"}]}}\n"               \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{payload}\"\n"                                                                                     \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"                                                            \
    "    headers: {X-Key: \"{key_id}\", X-Sign: \"{signature}\"}\n"                                                    \
    "params:\n"                                                                                                        \
    "  p: {type: text}\n"                                                                                              \
    "endpoints:\n"                                                                                                     \
    "  - {call: \"GET /market/mine\", class: read, optional: [p]}\n"                                                   \
    "  - {call: \"GET /both/{p}\", class: read}\n"                                                                     \
    "  - {call: \"POST /market/order\", class: trade}\n"                                                               \
    "left_out:\n"                                                                                                      \
    "  - {call: \"GET /market/gone\", why: it is}\n"                                                                   \
    "sdk: {headers: [{name: X-Broker, why: a name}]}\n"                                                                \
    "public:\n" public_

#define CALLS                                                                                                          \
    "  - {calls: [\"GET /market/*\", \"GET /both/{p}\", POST /calc, \"GET /a/*/b\"]}\n"                                \
    "  - {origin: other, calls: [GET /time, \"GET /a/*/b\"]}\n"                                                        \
    "  - {key_id: true, calls: [POST /listen]}\n"

static ch_wire_reading reading;
static ch_wire_public found;
static ch_profile *profile;
static ch_error err = CH_ERROR_INIT;

/* What became of a request: "none", "refused: ..." or "URL body Name=value ...". */
static const char *read_public(const char *environment, const char *method, const char *url, const char *header,
                               const char *value, const char *body)
{
    static char shown[4096];
    ch_status status = CH_OK;
    if (profile == NULL)
        ck_assert_msg(load_text(PROFILE(CALLS), &profile, &err) == CH_OK, "%s", err.message);
    const ch_wire_input input = {.profile = profile, .environment = ch_profile_environment(profile, environment)};
    ch_wire_request request = {.method = ch_slice_of(method), .url = ch_slice_of(url), .body = ch_slice_of(body)};
    if (*header != '\0')
        request.headers[request.header_count++] = (ch_header){ch_slice_of(header), ch_slice_of(value)};
    if (!ch_wire_public_read(&input, &request, CH_LITERAL("our-key"), &reading, &found, &status, &err))
        return "none";
    if (status != CH_OK) {
        snprintf(shown, sizeof shown, "refused: %s", err.message);
        return shown;
    }
    int size = snprintf(shown, sizeof shown, "%.*s %.*s", CH_SLICE_ARGS(found.url), CH_SLICE_ARGS(found.body));
    for (size_t i = 0; i < found.header_count; i++)
        size += snprintf(shown + size, sizeof shown - (size_t)size, " %.*s=%.*s", CH_SLICE_ARGS(found.headers[i].name),
                         CH_SLICE_ARGS(found.headers[i].value));
    return shown;
}

/* clang-format off */
static const struct {
    const char *name;
    const char *environment;
    const char *method;
    const char *url;
    const char *header;
    const char *value;
    const char *body;
    const char *expected; /* the beginning of it */
} rows[] = {
    { "market data",               "live", "GET",  "https://a.example/market/book?p=A%2fB&n=5", "", "", "", "https://a.example/market/book?p=A%2fB&n=5 " },
    { "by base URL",               "live", "GET",  "/market/book/5", "", "", "", "https://a.example/market/book/5 " },
    { "credentials in the query",  "live", "GET",  "/market/book?s=x&p=1&who=me&%73=y", "", "", "", "https://a.example/market/book?p=1 " },
    { "credentials in a header",   "live", "GET",  "/market/book", "x-sign", "s", "", "https://a.example/market/book " },
    { "a broker's header",         "live", "GET",  "/market/book", "x-broker", "s", "", "https://a.example/market/book " },
    { "what answer is wanted",     "live", "GET",  "/market/book", "Accept", "a/b", "", "https://a.example/market/book  Accept=a/b" },
    { "how it travels",            "live", "GET",  "/market/book", "Connection", "close", "", "https://a.example/market/book " },
    { "a body",                    "live", "POST", "/calc", "", "", "{\"a\":1}", "https://a.example/calc {\"a\":1}" },
    { "the key's own id",          "live", "POST", "/listen", "X-Key", "dummy", "", "https://a.example/listen  X-Key=our-key" },
    { "another origin",            "live", "GET",  "/time", "", "", "", "https://b.example/time " },
    { "a demo",                    "demo", "GET",  "/market/book", "", "", "", "https://demo.example/market/book  X-Demo=1" },
    { "a demo with its header",    "demo", "GET",  "/market/book", "x-demo", "1", "", "https://demo.example/market/book  X-Demo=1" },
    { "an endpoint that is both",  "live", "GET",  "/both/1", "Accept", "a", "", "https://a.example/both/1  Accept=a" },
    { "the same with a key id",    "live", "GET",  "/both/1", "X-Key", "k", "", "none" },
    { "the same with a signature", "live", "GET",  "/both/1?s=1", "", "", "", "none" },
    { "an endpoint",               "live", "GET",  "/market/mine", "", "", "", "none" },
    { "left out",                  "live", "GET",  "/market/gone", "", "", "", "none" },
    { "another path",              "live", "GET",  "/markets", "", "", "", "none" },
    { "nothing for the star",      "live", "GET",  "/market/", "", "", "", "none" },
    { "another method",            "live", "POST", "/market/book", "", "", "", "none" },
    { "dots",                      "live", "GET",  "/market/../x", "", "", "", "none" },
    { "two slashes",               "live", "GET",  "/market//x", "", "", "", "none" },
    { "an escape in the path",     "live", "GET",  "/market/%2e%2e", "", "", "", "none" },
    { "another host",              "live", "GET",  "https://c.example/market/book", "", "", "", "none" },
    { "the demo's host",           "live", "GET",  "https://demo.example/market/book", "", "", "", "none" },
    { "an origin that is not there", "demo", "GET", "/time", "", "", "", "none" },
    { "two origins",               "live", "GET",  "/a/1/b", "", "", "", "refused: this path is at several hosts" },
    { "one of them",               "live", "GET",  "https://b.example/a/1/b", "", "", "", "https://b.example/a/1/b " },
    { "a strange header",          "live", "GET",  "/market/book", "X-Strange", "1", "", "refused: header 'X-Strange'" },
    { "a demo's header",           "live", "GET",  "/market/book", "X-Demo", "1", "", "refused: header X-Demo makes" },
    { "credentials in a body",     "live", "POST", "/calc", "", "", "{\"who\":1}", "refused: a public call has no 'who'" },
    { "credentials in a form",     "live", "POST", "/calc", "", "", "a=1&s=x", "refused: a public call has no 's'" },
    { "a space in the query",      "live", "GET",  "/market/book?a b", "", "", "", "refused: the URL holds" },
};
/* clang-format on */

START_TEST(test_a_public_call_goes_on_without_credentials)
{
    const char *got = read_public(rows[_i].environment, rows[_i].method, rows[_i].url, rows[_i].header, rows[_i].value,
                                  rows[_i].body);
    ck_assert_msg(strncmp(got, rows[_i].expected, strlen(rows[_i].expected)) == 0, "%s: %s", rows[_i].name, got);
    ck_assert_msg(strstr(got, "dummy") == NULL && strstr(got, "who=") == NULL, "%s", got);
    ch_buffer_free(&found.text);
    ch_wire_free(&reading);
    ch_profile_free(profile);
    profile = NULL;
}
END_TEST

/* clang-format off */
static const struct {
    const char *lines;
    const char *says;
} wrong[] = {
    { "  - {calls: [POST /market/order]}\n",                 "only a plain read" },
    { "  - {calls: [GET /market/mine], key_id: true}\n",     "only a plain read" },
    { "  - {calls: [GET /x, GET /x]}\n",                     "is public twice" },
    { "  - {calls: [\"POST /x/*\"], key_id: true}\n",        "must be named whole" },
    { "  - {calls: [GET x]}\n",                              "a method and a path" },
    { "  - {calls: [WS /x]}\n",                              "a method and a path" },
    { "  - {calls: [GET /x], origin: third}\n",              "has no origin 'third'" },
    { "  - {calls: GET /x}\n",                               "list" },
    { "  - {call: GET /x}\n",                                "call" },
    { "  - {calls: [GET /x], key_id: maybe}\n",              "true" },
};
/* clang-format on */

START_TEST(test_a_list_that_could_not_hold_is_refused)
{
    char source[4096];
    snprintf(source, sizeof source, PROFILE("%s"), wrong[_i].lines);
    ck_assert_int_eq(load_text(source, &profile, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, wrong[_i].says) != NULL, "%s", err.message);
}
END_TEST

CH_TESTS("wire_public", CH_TEST_ROWS(test_a_public_call_goes_on_without_credentials, rows),
         CH_TEST_ROWS(test_a_list_that_could_not_hold_is_refused, wrong))

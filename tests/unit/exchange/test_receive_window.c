/* A receive window that an ordinary parameter says: added if it is missing, and refused if it is too long. */
#include "exchange/receive_window.h"

#include "exchange/check.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

/* "w" says it; the body of /unsigned is signed by nobody, and /recipe has a window of the recipe's. */
#define HEAD                                                                                                           \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example}\n"                                                                             \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "recipe: all\n"                                                                                                    \
    "recipes:\n"                                                                                                       \
    "  all:\n"                                                                                                         \
    "    covers: [path, params]\n"                                                                                     \
    "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}}\n"                                                 \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{path}?{payload}\"\n"                                                                              \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"                                                            \
    "  query:\n"                                                                                                       \
    "    covers: [path]\n"                                                                                             \
    "    lists: {query: {takes: query}, rest: {takes: body}}\n"                                                        \
    "    values: {sent: \"{rest|form}\"}\n"                                                                            \
    "    message: \"{path}?{query|form}\"\n"                                                                           \
    "    url: \"{origin}{path}?s={signature}\"\n"                                                                      \
    "    body: \"{sent}\"\n"                                                                                           \
    "  windowed:\n"                                                                                                    \
    "    covers: [path, params]\n"                                                                                     \
    "    lists: {all: {}}\n"                                                                                           \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{path}?{payload}&{window}\"\n"                                                                     \
    "    url: \"{origin}{path}?{payload}&v={window}&s={signature}\"\n"                                                 \
    "params:\n"                                                                                                        \
    "  id: {type: text}\n"                                                                                             \
    "  w: {type: decimal}\n"                                                                                           \
    "  one: {type: object, optional: [id, w]}\n"                                                                       \
    "  many: {type: list, items: one}\n"                                                                               \
    "endpoints:\n"                                                                                                     \
    "  - {call: POST /order, class: trade, optional: [id, w, many]}\n"                                                 \
    "  - {call: POST /bare, class: trade, optional: [id]}\n"                                                           \
    "  - {call: POST /unsigned, class: trade, recipe: query, optional: [id, w]}\n"                                     \
    "  - {call: POST /recipe, class: trade, recipe: windowed, optional: [id, w]}\n"                                    \
    "window: {param: v, default: 5000, max: 60000}\n"

#define FIVE "validity: {param: w, default: 5s}\n"
#define HALF "validity: {param: w, default: 500ms}\n"
#define FIXED "validity: 5s\n"
#define PARAMS_MAX 8

typedef struct scene {
    ch_profile *profile;
    const ch_endpoint *endpoint;
    ch_param params[PARAMS_MAX + 1];
    char text[256];
    char digits[CH_RECEIVE_WINDOW_TEXT_MAX];
    ch_request request;
    ch_error err;
} scene;

/* "name=value", "many=[", "{", "}", "]", "name=null" */
static ch_param param_of(char *word)
{
    char *value = strchr(word, '=');
    if (strcmp(word, "{") == 0)
        return (ch_param){.kind = CH_PARAM_OBJECT};
    if (strcmp(word, "}") == 0 || strcmp(word, "]") == 0)
        return (ch_param){.kind = CH_PARAM_END};
    *value++ = '\0';
    ch_param param = text(word, value);
    if (strcmp(value, "[") == 0)
        param.kind = CH_PARAM_LIST;
    if (strcmp(value, "null") == 0)
        param.kind = CH_PARAM_PLACEHOLDER;
    return param;
}

static void set_up(scene *s, const char *validity, const char *path, const char *params)
{
    char source[4096];
    *s = (scene){.err = CH_ERROR_INIT};
    snprintf(source, sizeof source, "%s%s", HEAD, validity);
    ck_assert_msg(load_text(source, &s->profile, &s->err) == CH_OK, "%s", s->err.message);
    s->endpoint = match(s->profile, "POST", path);
    s->request = request_of("POST", path, s->params, 0);
    snprintf(s->text, sizeof s->text, "%s", params);
    for (char *word = strtok(s->text, " "); word != NULL; word = strtok(NULL, " "))
        s->params[s->request.param_count++] = param_of(word);
}

static bool add(scene *s, uint32_t max_ms)
{
    return ch_receive_window_add(s->endpoint, first_scheme(s->profile), max_ms, s->digits, &s->request);
}

static ch_status check(scene *s, uint32_t max_ms, bool is_harmless)
{
    ck_assert_msg(ch_endpoint_check(s->endpoint, first_scheme(s->profile), &s->request, &s->err) == CH_OK, "%s",
                  s->err.message);
    return ch_receive_window_check(s->endpoint, first_scheme(s->profile), &s->request, max_ms, is_harmless, &s->err);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *validity;
    const char *path;
    const char *params;
    uint32_t max_ms;
    const char *added; /* NULL: nothing */
} additions[] = {
    { "the default is longer",            FIVE,  "/order",  "id=1",                     1000,  "1000" },
    { "nothing else is given",            FIVE,  "/order",  "",                         1000,  "1000" },
    { "by one millisecond",               FIVE,  "/order",  "id=1",                     4999,  "4999" },
    { "one of an order is not its own",   FIVE,  "/order",  "many=[ { w=700 } ]",       1000,  "1000" },
    { "the default is as long",           FIVE,  "/order",  "id=1",                     5000,  NULL   },
    { "the default is shorter",           HALF,  "/order",  "id=1",                     1000,  NULL   },
    { "the policy does not clamp",        FIVE,  "/order",  "id=1",                     0,     NULL   },
    { "the bot gave a shorter one",       FIVE,  "/order",  "w=700",                    1000,  NULL   },
    { "the bot gave a longer one",        FIVE,  "/order",  "w=7000",                   1000,  NULL   },
    { "the bot sent null",                FIVE,  "/order",  "w=null",                   1000,  NULL   },
    { "the endpoint takes none",          FIVE,  "/bare",   "id=1",                     1000,  NULL   },
    { "the recipe has a window",          FIVE,  "/recipe", "id=1",                     1000,  NULL   },
    { "no parameter says it",             FIXED, "/order",  "id=1",                     1000,  NULL   },
    { "nobody knows the default",         "",    "/order",  "id=1",                     1000,  NULL   },
};
/* clang-format on */

START_TEST(test_a_window_is_added_only_if_it_is_missing_and_shorter)
{
    scene s;
    set_up(&s, additions[_i].validity, additions[_i].path, additions[_i].params);
    size_t before = s.request.param_count;
    const char *added = additions[_i].added;
    ck_assert_msg(add(&s, additions[_i].max_ms) == (added != NULL), "%s", additions[_i].name);
    ck_assert_uint_eq(s.request.param_count, before + (added != NULL));
    if (added != NULL) {
        const ch_param *last = &s.params[before];
        ck_assert(ch_slice_is(last->name, "w") && ch_slice_is(last->value, added));
        ck_assert_int_eq(last->kind, CH_PARAM_INTEGER);
        ck_assert_msg(check(&s, additions[_i].max_ms, false) == CH_OK, "%s", s.err.message);
    }
    ch_profile_free(s.profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    const char *validity;
    const char *path;
    const char *params;
    bool is_harmless;
    const char *says; /* a part; NULL: it is taken */
} checks[] = {
    /* name                               validity path         params                      harmless  says */
    { "as long as it may be",             FIVE,    "/order",    "w=1000",                   false,    NULL },
    { "shorter",                          FIVE,    "/order",    "w=1",                      false,    NULL },
    { "a part of a millisecond",          FIVE,    "/order",    "w=999.5",                  false,    NULL },
    { "the default is short",             HALF,    "/order",    "id=1",                     false,    NULL },
    { "0 is a default that is short",     HALF,    "/order",    "w=0",                      false,    NULL },
    { "in a recipe, which sees to it",    FIVE,    "/recipe",   "id=1",                     false,    NULL },
    { "a read that takes none",           FIVE,    "/bare",     "id=1",                     true,     NULL },
    { "a read with one nobody signs",     FIVE,    "/unsigned", "w=1",                      true,     NULL },
    { "a read of unknown validity",       "",      "/order",    "id=1",                     true,     NULL },
    { "too long",                         FIVE,    "/order",    "w=1001",                   false,    "the receive window of 1001 ms is longer than the 1000 ms that the key's policy lets it be; set w to at most 1000" },
    { "by a part of a millisecond",       FIVE,    "/order",    "w=1000.1",                 false,    "the receive window of 1001 ms is longer" },
    { "of a read",                        FIVE,    "/order",    "w=1001",                   true,     "the receive window of 1001 ms is longer" },
    { "0 is the default",                 FIVE,    "/order",    "w=0",                      false,    "the receive window of 5000 ms is longer" },
    { "what is cut down to 0",            FIVE,    "/order",    "w=0.9",                    false,    "the receive window of 5000 ms is longer" },
    { "more digits than anybody reads",   FIVE,    "/order",    "w=10000000000",            false,    "the receive window is longer than the 1000 ms" },
    { "of an order in a batch",           FIVE,    "/order",    "w=1 many=[ { w=2000 } ]",  false,    "the receive window of 2000 ms is longer" },
    { "longer than the default",          HALF,    "/order",    "w=5000",                   false,    "the receive window of 5000 ms is longer" },
    { "missing",                          FIVE,    "/order",    "id=1",                     false,    "without 'w', T takes this request for 5000 ms, longer than the 1000 ms that the key's policy lets it be; set w to at most 1000, in the SDK's options" },
    { "missing in a read",                FIVE,    "/order",    "id=1",                     true,     "without 'w', T takes this request for 5000 ms" },
    { "taken nowhere",                    FIVE,    "/bare",     "id=1",                     false,    "POST /bare takes no receive window that is signed, so it is valid for 5000 ms, and the key's policy lets it be 1000 ms; use a key" },
    { "signed by nobody",                 FIVE,    "/unsigned", "w=1",                      false,    "so nobody knows how long it is valid, and" },
    { "missing and signed by nobody",     HALF,    "/unsigned", "id=1",                     false,    "so nobody knows how long it is valid, and" },
    { "fixed",                            FIXED,   "/order",    "id=1",                     false,    "POST /order takes no receive window that is signed, so it is valid for 5000 ms" },
    { "unknown",                          "",      "/order",    "id=1",                     false,    "so nobody knows how long it is valid, and" },
};
/* clang-format on */

START_TEST(test_what_is_valid_for_too_long_is_refused)
{
    scene s;
    set_up(&s, checks[_i].validity, checks[_i].path, checks[_i].params);
    ch_status st = check(&s, 1000, checks[_i].is_harmless);
    ck_assert_msg((st == CH_OK) == (checks[_i].says == NULL), "%s: %s", checks[_i].name, s.err.message);
    if (checks[_i].says != NULL) {
        ck_assert_int_eq(st, CH_REFUSED);
        ck_assert_str_eq(s.err.rule, "receive_window");
        ck_assert_msg(strstr(s.err.message, checks[_i].says) != NULL, "%s", s.err.message);
    }
    ch_profile_free(s.profile);
}
END_TEST

CH_TESTS("receive_window", CH_TEST_ROWS(test_a_window_is_added_only_if_it_is_missing_and_shorter, additions),
         CH_TEST_ROWS(test_what_is_valid_for_too_long_is_refused, checks))

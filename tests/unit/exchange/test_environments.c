/* An environment is read as the profile says, or refused with the reason; and a key of it signs for its hosts only. */
#include "exchange/environments.h"

#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/confusion.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/rig.h"
#include "tests/unit/exchange/samples.h"

/* The signature covers the parameters alone with `open`, and the host besides with `bound`. */
static const char head[] = "name: t\n"
                           "title: T\n"
                           "origins: {main: https://a.example, vault: https://v.example, socket: wss://a.example}\n"
                           "schemes:\n"
                           "  open: {mechanism: hmac-sha256, secret: text, signature: hex, recipe: open}\n"
                           "  bound: {mechanism: hmac-sha256, secret: text, signature: hex, recipe: bound}\n"
                           "recipes:\n"
                           "  open:\n"
                           "    covers: [params]\n"
                           "    lists: {all: {}}\n"
                           "    message: \"{all|form}\"\n"
                           "    url: \"{origin}{path}\"\n"
                           "    headers: {X-Key: \"{key_id}\", X-Sign: \"{signature}\"}\n"
                           "  bound:\n"
                           "    covers: [host, params]\n"
                           "    lists: {all: {}}\n"
                           "    message: \"{host} {all|form}\"\n"
                           "    url: \"{origin}{path}\"\n"
                           "    body: \"{signature}\"\n"
                           "params: {p: {type: text}, id: {type: text}}\n"
                           "endpoints:\n"
                           "  - {call: GET /v1/x, class: read, optional: [p]}\n"
                           "  - {call: POST /v1/w, class: withdraw, optional: [p], origin: vault}\n"
                           "  - {call: POST /v1/xx/all, class: cancel, required: [p]}\n"
                           "  - {call: \"POST /v1/xx/{id}\", class: trade, required: [p]}\n"
                           "  - {call: GET /v2/both, class: read, required: [p]}\n"
                           "  - {call: GET /v2/both, class: transfer, required: [p], origin: vault}\n"
                           "  - {call: WS /s, class: session, required: [p], origin: socket}\n"
                           "%s"
                           "environments:\n";
#define LINE_OF_FIRST 30

static ch_status load_both(const char *endpoints, const char *environments, ch_profile **out, ch_error *err)
{
    ch_autobuffer source = CH_BUFFER_INIT;
    const char *at = strstr(head, "%s");
    ch_buffer_add(&source, head, (size_t)(at - head));
    ch_buffer_add_text(&source, endpoints);
    ch_buffer_add_text(&source, at + 2);
    ch_buffer_add_text(&source, environments);
    return load_text(ch_buffer_text(&source), out, err);
}

static ch_status load_with(const char *environments, ch_profile **out, ch_error *err)
{
    return load_both("", environments, out, err);
}

/* clang-format off */
static const struct {
    const char *environments;
    unsigned line; /* the first of them is 1 */
    const char *reason;
} wrong[] = {
    /* environments                                                      line  reason */
    { "  live: {origins: {main: https://b.example}}\n",                  1,    "the profile's own 'origins' are environment 'live'" },
    { "  T: {origins: {main: https://b.example}}\n",                     1,    "'T' can't be an environment's name" },
    { "  t: x\n",                                                        1,    "must be a map" },
    { "  t: {title: x}\n",                                               1,    "'origins' is missing" },
    { "  t: {origins: {main: https://b.example}, paths: {}}\n",          1,    "no field 'paths'" },
    { "  t: {origins: [main]}\n",                                        1,    "must be a map" },
    { "  t: {origins: {}}\n",                                            1,    "no endpoint of the profile exists in environment 't'" },
    { "  t: {origins: {mian: https://b.example}}\n",                     1,    "there is no origin 'mian'" },
    { "  t: {origins: {main: http://b.example}}\n",                      1,    "an origin is https:// or wss://" },
    { "  t: {origins: {main: https://b.example/x}}\n",                   1,    "an origin is https:// or wss://" },
    { "  t: {origins: {main: wss://b.example}}\n",                       1,    "origin 'main' must begin as the profile's does" },
    { "  t: {origins: {socket: https://b.example}}\n",                   1,    "origin 'socket' must begin as the profile's does" },
    { "  t:\n    origins: {main: https://b.example}\n    headers: {}\n", 3,    "at least 1 header" },
    { "  t: {origins: {main: https://b.example}, headers: {x-KEY: \"1\"}}\n", 1, "recipe 'open' has a header 'x-KEY' already" },
    { "  t: {origins: {main: https://b.example}, headers: {A: x, a: y}}\n", 1, "header 'a' is given twice" },
    { "  t: {origins: {main: https://b.example}, headers: {\"A:\": x}}\n", 1,  "can't be the name of a header" },
    { "  t: {origins: {main: https://b.example}, headers: {A: \"\"}}\n",  1,   "'A' must be plain ASCII text" },
    { "  t: {origins: {main: https://b.example}, headers: {A: \"x{key_id}\"}}\n", 1, "it can't be a template" },
    { "  t: {origins: {main: https://b.example}, headers: {A: \"\u00e9\"}}\n", 1, "'A' must be plain ASCII text" },
    { "  t: {origins: {main: https://b.example}, headers: {A: x, B: x, C: x, D: x, E: x}}\n", 1, "there are 5 headers; at most 4" },
    { "  t: {origins: {main: https://b.example}, keys: own}\n",          1,    "unknown keys 'own'; use live" },
    { "  t: {origins: {main: https://b.example}, only: [/v1], without: [/v2]}\n", 1, "either 'only' or 'without'" },
    { "  t: {origins: {main: https://b.example}, only: /v1}\n",          1,    "must be a list" },
    { "  t: {origins: {main: https://b.example}, only: []}\n",           1,    "at least 1 path" },
    { "  t: {origins: {main: https://b.example}, without: []}\n",        1,    "at least 1 path" },
    { "  t: {origins: {main: https://b.example}, only: [\"\"]}\n",       1,    "is or is under ''" },
    { "  t: {origins: {main: https://b.example}, only: [/v3/]}\n",       1,    "is or is under '/v3/'" },
    { "  t: {origins: {main: https://b.example}, only: [/v1/xx/a]}\n",   1,    "is or is under '/v1/xx/a'" },
    { "  t: {origins: {main: https://b.example}, without: [/v1/w]}\n",   1,    "is or is under '/v1/w'" },
    { "  t: {origins: {main: https://b.example}, without: [/]}\n",       1,    "no endpoint of the profile exists" },
    { "  t: {origins: {main: https://b.example, vault: https://b.example}}\n", 1, "GET /v2/both is listed twice for one host in environment 't'" },
    { "  a: {origins: {main: https://b.example}}\n  a: {origins: {main: https://c.example}}\n", 2, "is here already" },
};
/* clang-format on */

START_TEST(test_a_mistake_is_refused_with_its_line)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_autobuffer at = CH_BUFFER_INIT;
    ck_assert_msg(load_with(wrong[_i].environments, &profile, &err) == CH_CONFIG, "taken: %s", wrong[_i].environments);
    ck_assert_ptr_null(profile);
    ch_buffer_add_format(&at, ":%u: ", LINE_OF_FIRST + wrong[_i].line - 1);
    ck_assert_msg(strstr(err.message, ch_buffer_text(&at)) != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "%s", err.message);
}
END_TEST

START_TEST(test_a_map_without_environments_is_refused)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_int_eq(load_text(SOUND_PROFILE "environments: {}\n", &profile, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "at least 1 environment"));
}
END_TEST

START_TEST(test_headers_of_recipe_and_environment_fit_together)
{
    static const char headers[] =
        "    headers: {A: a, B: a, C: a, D: a, E: a, F: a, G: a, H: a, I: a, J: a, K: a, L: a, M: "
        "a}\nparams:\n";
    static const char environments[] =
        "environments: {t: {origins: {main: https://b.example}, headers: {N: a, O: a, P: a%s}}}\n";
    ch_error err = CH_ERROR_INIT;
    for (unsigned more = 0; more < 2; more++) {
        ch_profile *profile = NULL;
        ch_autobuffer source = CH_BUFFER_INIT;
        const char *params = strstr(SOUND_PROFILE, "params:\n  p:");
        ch_buffer_add(&source, SOUND_PROFILE, strlen(SOUND_PROFILE) - strlen(params));
        ch_buffer_add_text(&source, headers);
        ch_buffer_add_text(&source, params + strlen("params:\n"));
        ch_buffer_add_format(&source, environments, more == 0 ? "" : ", Q: a");
        ck_assert_int_eq(load_text(ch_buffer_text(&source), &profile, &err), more == 0 ? CH_OK : CH_CONFIG);
        ch_profile_free(profile);
    }
    ck_assert_msg(strstr(err.message, "with those of recipe 'r' these are more than 16 headers") != NULL, "%s",
                  err.message);
}
END_TEST

/* ---- what was read ---- */

static const char three[] =
    "  test:\n"
    "    title: Testnet\n"
    "    origins: {main: https://b.example, socket: wss://s.example}\n"
    "    headers: {X-Test: \"1\"}\n"
    "    without: [/v1/xx/all, /v2]\n"
    "  one: {origins: {main: https://o.example, vault: https://o.example}, only: [/v1/x, /v1/w]}\n"
    "  alias: {origins: {main: https://l.example}, keys: live, only: [/v1/x]}\n";

static ch_profile *load_three(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_with(three, &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

START_TEST(test_environments_are_what_the_profile_says)
{
    ch_profile *profile = load_three();
    ch_autobuffer names = CH_BUFFER_INIT;
    const char *name = NULL;
    ch_profile_add_environments(profile, &names);
    ck_assert_str_eq(ch_buffer_text(&names), "live, test, one and alias");
    const ch_environment *test = ch_profile_environment(profile, "test");
    ck_assert_str_eq(ch_environment_name(test), "test");
    ck_assert_str_eq(ch_environment_title(test), "Testnet");
    ck_assert_str_eq(ch_environment_keys(test), "test");
    ck_assert_str_eq(ch_environment_origin_at(test, 0, &name), "https://b.example");
    ck_assert_str_eq(name, "main");
    ck_assert_str_eq(ch_environment_origin_at(test, 1, &name), "");
    ck_assert_str_eq(ch_environment_origin_at(test, 2, &name), "wss://s.example");
    ck_assert_ptr_null(ch_environment_origin_at(test, 3, &name));
    ck_assert_str_eq(ch_environment_header_at(test, 0, &name), "1");
    ck_assert_str_eq(name, "X-Test");
    ck_assert_ptr_null(ch_environment_header_at(test, 1, &name));
    ck_assert_uint_eq(ch_environment_endpoint_count(test), 3);
    ck_assert_uint_eq(ch_environment_endpoint_count(ch_profile_live(profile)), 7);
    ck_assert_str_eq(ch_environment_keys(ch_profile_environment(profile, "alias")), "live");
    ck_assert_ptr_null(ch_profile_environment(profile, "Test"));
    ck_assert_ptr_null(ch_profile_environment_at(profile, 4));
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_profile_without_environments_has_live)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *name = NULL;
    ck_assert_int_eq(load_text(SOUND_PROFILE, &profile, &err), CH_OK);
    const ch_environment *live = ch_profile_environment(profile, "live");
    ck_assert_ptr_nonnull(live);
    ck_assert_ptr_eq(live, ch_profile_live(profile));
    ck_assert_str_eq(ch_environment_title(live), "");
    ck_assert_str_eq(ch_environment_origin_at(live, 0, &name), "https://a.example");
    ch_profile_free(profile);
}
END_TEST

/* ---- which calls there are ---- */

/* clang-format off */
static const struct {
    const char *environment;
    const char *method;
    const char *path;
    const char *host;
    ch_status status;
    const char *reason;
} calls[] = {
    /* environment method  path          host          status         reason */
    { "live",      "GET",  "/v1/x",      "",           CH_OK,         "" },
    { "live",      "GET",  "/v1/x",      "b.example",  CH_NOT_FOUND,  "does not list this path at this host" },
    { "test",      "GET",  "/v1/x",      "",           CH_OK,         "" },
    { "test",      "GET",  "/v1/x",      "b.example",  CH_OK,         "" },
    { "test",      "GET",  "/v1/x",      "a.example",  CH_NOT_FOUND,  "does not list this path at this host" },
    { "test",      "POST", "/v1/x",      "",           CH_BAD_METHOD, "not with this method" },
    { "test",      "POST", "/v1/w",      "",           CH_NOT_FOUND,  "lists this call, but it does not exist in environment 'test'" },
    { "test",      "POST", "/v1/w",      "v.example",  CH_NOT_FOUND,  "lists this call, but it does not exist in environment 'test'" },
    { "test",      "POST", "/v1/xx/all", "",           CH_NOT_FOUND,  "lists this call, but it does not exist in environment 'test'" },
    { "test",      "POST", "/v1/xx/1",   "",           CH_OK,         "" },
    { "test",      "GET",  "/v2/both",   "",           CH_NOT_FOUND,  "lists this call, but it does not exist in environment 'test'" },
    { "test",      "GET",  "/v3",        "",           CH_NOT_FOUND,  "does not list this path" },
    { "test",      "WS",   "/s",         "s.example",  CH_OK,         "" },
    { "live",      "GET",  "/v2/both",   "",           CH_BAD_INPUT,  "at several hosts" },
    { "one",       "POST", "/v1/w",      "o.example",  CH_OK,         "" },
    { "one",       "POST", "/v1/xx/1",   "",           CH_NOT_FOUND,  "does not exist in environment 'one'" },
    { "one",       "WS",   "/s",         "",           CH_NOT_FOUND,  "does not exist in environment 'one'" },
    { "alias",     "GET",  "/v1/x",      "l.example",  CH_OK,         "" },
    { "alias",     "GET",  "/v1/x",      "a.example",  CH_NOT_FOUND,  "does not list this path at this host" },
};
/* clang-format on */

START_TEST(test_a_call_matches_where_it_exists)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_profile *profile = load_three();
    ch_request request = request_of(calls[_i].method, calls[_i].path, NULL, 0);
    request.host = ch_slice_of(calls[_i].host);
    const ch_environment *environment = ch_profile_environment(profile, calls[_i].environment);
    ck_assert_int_eq(ch_environment_match(environment, &request, &endpoint, &err), calls[_i].status);
    ck_assert_msg(strstr(err.message, calls[_i].reason) != NULL, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

/* ---- what is built ---- */

static void build_in(rig *r, const char *environment, const char *method, const char *path)
{
    ch_param params[] = {text("p", "1")};
    *r = (rig){.err = CH_ERROR_INIT, .profile = load_three()};
    r->scratch = ch_scratch_new();
    r->draft = ch_draft_new(r->scratch);
    r->input.profile = r->profile;
    r->input.scheme = ch_profile_scheme_at(r->profile, 0);
    r->input.environment = ch_profile_environment(r->profile, environment);
    r->input.key_id = CH_LITERAL("id");
    ck_assert_msg(build(r, method, path, params, 1) == CH_OK, "%s", r->err.message);
    sign_and_finish(r, EVP_sha256(), CH_ENCODE_TEXT, "secret");
}

START_TEST(test_a_request_goes_to_the_environment_with_its_headers)
{
    rig live;
    rig test;
    build_in(&live, "live", "GET", "/v1/x");
    build_in(&test, "test", "GET", "/v1/x");
    assert_slice(live.finished.url, "https://a.example/v1/x");
    assert_slice(test.finished.url, "https://b.example/v1/x");
    ck_assert_uint_eq(live.finished.header_count, 2);
    ck_assert_uint_eq(test.finished.header_count, 3);
    assert_slice(header(&test, "X-Test"), "1");
    ck_assert(ch_slice_equal(header(&test, "X-Sign"), header(&live, "X-Sign")));
    tear_down(&live);
    tear_down(&test);
}
END_TEST

START_TEST(test_a_message_on_a_socket_has_no_header_of_the_environment)
{
    rig r;
    build_in(&r, "test", "WS", "/s");
    assert_slice(r.finished.url, "wss://s.example/s");
    ck_assert_uint_eq(r.finished.header_count, 2);
    tear_down(&r);
}
END_TEST

/* ---- confusion ---- */

/* clang-format off */
static const struct {
    const char *environment;
    const char *scheme;
    unsigned classes;
} opened[] = {
    /* environment scheme    classes that GET /v1/x opens */
    { "live",      "open",   BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_TRADE) |
                             BIT(CH_CLASS_TRANSFER) | BIT(CH_CLASS_SESSION) },
    { "live",      "bound",  BIT(CH_CLASS_READ) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_SESSION) },
    { "test",      "open",   BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) | BIT(CH_CLASS_SESSION) },
    { "test",      "bound",  BIT(CH_CLASS_READ) | BIT(CH_CLASS_TRADE) },
    { "one",       "open",   BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW) },
    { "one",       "bound",  BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW) }, /* live has the two at two hosts */
    { "alias",     "open",   BIT(CH_CLASS_READ) | BIT(CH_CLASS_WITHDRAW) | BIT(CH_CLASS_CANCEL) | BIT(CH_CLASS_TRADE) |
                             BIT(CH_CLASS_TRANSFER) | BIT(CH_CLASS_SESSION) }, /* live takes the key, too */
    { "alias",     "bound",  BIT(CH_CLASS_READ) }, /* but not another host's signature */
};
/* clang-format on */

START_TEST(test_a_signature_opens_what_its_key_reaches)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load_three();
    const ch_endpoint *endpoint = match(profile, "GET", "/v1/x");
    const ch_scheme *scheme = ch_profile_scheme(profile, opened[_i].scheme);
    const ch_key_traits key = {.environment = ch_profile_environment(profile, opened[_i].environment)};
    ch_param given[] = {text("p", "1")};
    ch_request request = request_of("GET", "/v1/x", given, 1);
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme, &request, &err), CH_OK);
    ck_assert_uint_eq(ch_endpoint_confused_classes(endpoint, scheme, &key, &request), opened[_i].classes);
    ck_assert((ch_endpoint_openable_classes(endpoint, scheme, &(ch_key_traits){0}, CH_UNKNOWN_AS_LISTED) &
               BIT(CH_CLASS_WITHDRAW)) != 0);
    ch_profile_free(profile);
}
END_TEST

/* ---- other ways to live ---- */

static const char ways[] = "  b: {origins: {main: https://b.example}, keys: live}\n"
                           "  c: {origins: {main: https://c.example}, keys: live, only: [/v1/x]}\n"
                           "  own: {origins: {main: https://o.example}, only: [/v1/x]}\n"
                           "  crossed: {origins: {main: https://v.example, vault: https://a.example}, keys: live}\n";

/* clang-format off */
static const struct {
    const char *environment;
    const char *scheme;
    ch_class class_;
    bool is_opened;
} opened_elsewhere[] = {
    /* environment scheme   class               GET /v1/x opens it */
    { "live",     "open",   CH_CLASS_KEYS,      true },  /* POST /o is in b only, where live's keys are good */
    { "c",        "open",   CH_CLASS_KEYS,      true },
    { "b",        "bound",  CH_CLASS_KEYS,      true },
    { "live",     "bound",  CH_CLASS_KEYS,      false },
    { "own",      "open",   CH_CLASS_KEYS,      false },
    { "live",     "bound",  CH_CLASS_WITHDRAW,  true },  /* POST /v1/w is at live's main host in `crossed` */
    { "crossed",  "bound",  CH_CLASS_WITHDRAW,  true },  /* where GET /v1/x is, POST /v1/w is in live */
    { "b",        "bound",  CH_CLASS_WITHDRAW,  false },
};
/* clang-format on */

START_TEST(test_a_key_of_live_reaches_every_way_to_live)
{
    static const char endpoints[] = "  - {call: POST /o, class: keys, optional: [p], only_in: [b]}\n";
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_both(endpoints, ways, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", "/v1/x");
    const ch_scheme *scheme = ch_profile_scheme(profile, opened_elsewhere[_i].scheme);
    const ch_key_traits key = {.environment = ch_profile_environment(profile, opened_elsewhere[_i].environment)};
    ch_param given[] = {text("p", "1")};
    ch_request request = request_of("GET", "/v1/x", given, 1);
    ck_assert_int_eq(ch_endpoint_check(endpoint, scheme, &request, &err), CH_OK);
    unsigned classes = ch_endpoint_confused_classes(endpoint, scheme, &key, &request);
    ck_assert_int_eq((classes & BIT(opened_elsewhere[_i].class_)) != 0, opened_elsewhere[_i].is_opened);
    ch_profile_free(profile);
}
END_TEST

/* ---- only_in ---- */

/* clang-format off */
static const struct {
    const char *endpoint;
    const char *reason;
} wrong_calls[] = {
    /* endpoint                                                             reason */
    { "  - {call: GET /o, class: read, only_in: t}\n",                       "only_in: this must be a list" },
    { "  - {call: GET /o, class: read, only_in: []}\n",                      "at least 1 environment" },
    { "  - {call: GET /o, class: read, only_in: [live]}\n",                  "there is no environment 'live' besides live" },
    { "  - {call: GET /o, class: read, only_in: [u]}\n",                     "there is no environment 'u' besides live" },
    { "  - {call: GET /o, class: read, only_in: [t], origin: vault}\n",      "GET /o exists nowhere" },
    { "  - {call: GET /v1/x, class: read, only_in: [t]}\n",                  "GET /v1/x is listed twice for one host in environment 't'" },
};
/* clang-format on */

START_TEST(test_a_call_of_some_environments_is_of_those_that_there_are)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    static const char environments[] = "  t: {origins: {main: https://b.example}}\n";
    ck_assert_int_eq(load_both(wrong_calls[_i].endpoint, environments, &profile, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, wrong_calls[_i].reason) != NULL, "%s", err.message);
}
END_TEST

static ch_status match_in(const ch_profile *profile, const char *environment, const char *path, const ch_endpoint **out)
{
    ch_error err = CH_ERROR_INIT;
    ch_request request = request_of("GET", path, NULL, 0);
    return ch_environment_match(ch_profile_environment(profile, environment), &request, out, &err);
}

START_TEST(test_environments_that_are_no_map_have_no_calls)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_int_eq(
        load_text(SOUND_PROFILE "  - {call: GET /o, class: read, only_in: [t]}\nenvironments: [t]\n", &profile, &err),
        CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "there is no environment 't'"));
}
END_TEST

START_TEST(test_a_call_of_one_environment_is_in_no_other)
{
    static const char endpoints[] = "  - {call: GET /o, class: keys, optional: [p], only_in: [t]}\n"
                                    "  - {call: GET /v1/x, class: transfer, required: [p], only_in: [t]}\n";
    static const char environments[] = "  t: {origins: {main: https://b.example}, without: [/v1/x]}\n"
                                       "  u: {origins: {main: https://c.example}, only: [/v1/x]}\n";
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const ch_endpoint *endpoint = NULL;
    ck_assert_msg(load_both(endpoints, environments, &profile, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(match_in(profile, "live", "/o", &endpoint), CH_NOT_FOUND);
    ck_assert_int_eq(match_in(profile, "u", "/o", &endpoint), CH_NOT_FOUND);
    ck_assert_int_eq(match_in(profile, "t", "/o", &endpoint), CH_OK);
    ck_assert_str_eq(ch_environment_name(ch_endpoint_home(endpoint)), "t");
    ck_assert_int_eq(match_in(profile, "t", "/v1/x", &endpoint), CH_OK);
    ck_assert_int_eq(ch_endpoint_class(endpoint), CH_CLASS_TRANSFER);
    ck_assert_int_eq(match_in(profile, "live", "/v1/x", &endpoint), CH_OK);
    ck_assert_int_eq(ch_endpoint_class(endpoint), CH_CLASS_READ);
    ck_assert(
        (ch_endpoint_openable_classes(endpoint, first_scheme(profile), &(ch_key_traits){0}, CH_UNKNOWN_AS_LISTED) &
         BIT(CH_CLASS_KEYS)) == 0);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("environments", CH_TEST_ROWS(test_a_mistake_is_refused_with_its_line, wrong),
         CH_TEST(test_a_map_without_environments_is_refused),
         CH_TEST(test_headers_of_recipe_and_environment_fit_together),
         CH_TEST(test_environments_are_what_the_profile_says), CH_TEST(test_a_profile_without_environments_has_live),
         CH_TEST_ROWS(test_a_call_matches_where_it_exists, calls),
         CH_TEST(test_a_request_goes_to_the_environment_with_its_headers),
         CH_TEST(test_a_message_on_a_socket_has_no_header_of_the_environment),
         CH_TEST_ROWS(test_a_call_of_some_environments_is_of_those_that_there_are, wrong_calls),
         CH_TEST(test_environments_that_are_no_map_have_no_calls),
         CH_TEST(test_a_call_of_one_environment_is_in_no_other),
         CH_TEST_ROWS(test_a_signature_opens_what_its_key_reaches, opened),
         CH_TEST_ROWS(test_a_key_of_live_reaches_every_way_to_live, opened_elsewhere))

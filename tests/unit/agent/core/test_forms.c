/* Reading and building each form, with a profile whose signature covers parameters alone, so that a string may come
 * without its path. */
#include "agent/core/forms.h"

#include "base/clock.h"
#include "base/memory.h"
#include "exchange/check.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char plain[] =
    "name: plain\n"
    "title: Plain\n"
    "origins: {main: https://a.example}\n"
    "schemes:\n"
    "  hmac: {mechanism: hmac-sha256, secret: text, signature: hex}\n"
    "recipe: signed\n"
    "recipes:\n"
    "  signed:\n"
    "    covers: [params]\n"
    "    lists: {all: {fields: [{name: time, value: \"{time_ms}\"}]}}\n"
    "    values: {payload: \"{all|form}\"}\n"
    "    message: \"{payload}\"\n"
    "    also_signs: {phrase: \"{passphrase}\"}\n"
    "    url: \"{origin}{path}?{payload}&s={signature}&p={phrase}\"\n"
    "params: {id: {type: text}, amount: {type: decimal}, tags: {type: list, items: id}}\n"
    "endpoints:\n"
    "  - {call: \"GET /account\", class: read, required: [id]}\n"
    "  - {call: \"POST /broker\", class: trade, required: [amount], optional: [id], only_for: broker}\n"
    "  - {call: \"POST /order\", class: trade, required: [amount], optional: [id, tags]}\n";

static const char nonced[] = "name: nonced\n"
                             "title: Nonced\n"
                             "origins: {main: https://a.example}\n"
                             "nonce: us\n"
                             "schemes:\n"
                             "  hmac: {mechanism: hmac-sha256, secret: text, signature: hex}\n"
                             "recipe: signed\n"
                             "recipes:\n"
                             "  signed:\n"
                             "    covers: [params]\n"
                             "    lists: {all: {fields: [{name: nonce, value: \"{nonce}\"}]}}\n"
                             "    values: {payload: \"{all|form}\"}\n"
                             "    message: \"{payload}\"\n"
                             "    url: \"{origin}{path}?{payload}&s={signature}\"\n"
                             "params: {id: {type: text}}\n"
                             "endpoints:\n"
                             "  - {call: \"GET /account\", class: read, required: [id]}\n";

static const char limited[] = "name: limited\n"
                              "title: Limited\n"
                              "origins: {main: https://a.example}\n"
                              "validity: {param: window, default: 5s}\n"
                              "schemes:\n"
                              "  hmac: {mechanism: hmac-sha256, secret: text, signature: hex}\n"
                              "recipe: signed\n"
                              "recipes:\n"
                              "  signed:\n"
                              "    covers: [params]\n"
                              "    lists: {all: {fields: [{name: time, value: \"{time_s}\"}]}}\n"
                              "    values: {payload: \"{all|form}\"}\n"
                              "    message: \"{payload}\"\n"
                              "    url: \"{origin}{path}?{payload}&s={signature}\"\n"
                              "params: {id: {type: text}, window: {type: integer}}\n"
                              "endpoints:\n"
                              "  - {call: \"GET /account\", class: read, required: [id], optional: [window]}\n";

static ch_error err;
static ch_scratch *scratch;
static ch_jobs *jobs;
static ch_job *job;
static ch_key key;
static ch_nonces *nonces;
static ch_writer *writer;
static size_t counter;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void on_claimed(void *context, ch_nonce_claim *claim, const ch_error *outcome)
{
    (void)context;
    ck_assert_ptr_eq(claim, &job->claim);
    ck_assert_msg(outcome->status == CH_OK, "%s", outcome->message);
}

static void open_nonces(void)
{
    const ch_nonce_name id = {"profile", "live", "id"};
    const ch_nonce_rule rule = {.unit_ns = 1000};
    const ch_nonce_owner owner = {.on_claimed = on_claimed};
    ch_store *store = NULL;
    ch_autofree char *folder = ch_test_path("state");
    MUST(ch_store_open(folder, &store, &err));
    MUST(ch_nonces_open(store, &nonces, &err));
    MUST(ch_writer_start(store, &writer, &err));
    ch_nonces_start(nonces, writer, &owner);
    counter = ch_nonces_counter(nonces, &id, &rule);
}

static ch_moment read_clock(void)
{
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    return now;
}

static uint64_t clock_ms(void)
{
    return read_clock().wall_ns / 1000000;
}

static ch_status build(void)
{
    const ch_moment now = read_clock();
    if (ch_form_needs_nonce(job))
        MUST(ch_nonces_claim(nonces, counter, &job->claim, &now, &err));
    while (job->claim.place == CH_CLAIM_WAITING) {
        struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(writer);
    }
    return ch_form_build(job, nonces, &now, &err);
}

static void begin(const char *profile_text)
{
    static ch_profile *profile;
    ch_autofree char *path = ch_test_file("profile.yaml", profile_text, strlen(profile_text));
    MUST(ch_profile_load(path, &profile, &err));
    open_nonces();
    key = (ch_key){.name = "k",
                   .key_id = "id",
                   .passphrase = "phrase",
                   .profile = profile,
                   .scheme = ch_profile_scheme_at(profile, 0),
                   .traits = {.environment = ch_profile_live(profile)},
                   .nonce = ch_profile_nonce(profile, 0)};
    scratch = ch_scratch_new();
    jobs = ch_jobs_new(1, scratch);
    job = ch_jobs_take(jobs);
    job->key = &key;
    job->request = (ch_request){0};
    job->values = (ch_records){0};
}

static void name(const char *method, const char *path, const char *host)
{
    job->request.method = ch_slice_of(method);
    job->request.path = ch_slice_of(path);
    job->request.host = ch_slice_of(host);
}

static void add_value(unsigned kind, const char *value_name, const char *value)
{
    static ch_buffer records;
    ch_value_record record = {.kind = (uint8_t)kind, .name = ch_slice_of(value_name), .value = ch_slice_of(value)};
    ch_value_record_put(&job->values, &records, &record);
}

/* ---- typed ---- */

typedef struct value {
    unsigned kind;
    const char *name;
    const char *value;
} value;

/* clang-format off */
static const struct {
    const char *name;
    value values[12]; /* up to the first without a name */
    ch_status status;
    const char *says;
} typed[] = {
    { "no values",             { { 0, NULL, NULL } },                                                                    CH_OK, "" },
    { "one of each kind",      { { CH_VALUE_TEXT, "a", "x" }, { CH_VALUE_INTEGER, "b", "-1" }, { CH_VALUE_BOOLEAN, "c", "true" },
                                 { CH_VALUE_NULL, "d", "" }, { CH_VALUE_LIST, "e", "" }, { CH_VALUE_OBJECT, "", "" },
                                 { CH_VALUE_TEXT, "f", "y" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" } },      CH_OK, "" },
    { "four levels",           { { CH_VALUE_LIST, "a", "" }, { CH_VALUE_LIST, "", "" }, { CH_VALUE_LIST, "", "" }, { CH_VALUE_LIST, "", "" },
                                 { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" } },
                                                                                                                         CH_OK, "" },
    { "five levels",           { { CH_VALUE_LIST, "a", "" }, { CH_VALUE_LIST, "", "" }, { CH_VALUE_LIST, "", "" }, { CH_VALUE_LIST, "", "" },
                                 { CH_VALUE_LIST, "", "" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" },
                                 { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" } },                                   CH_INTERNAL, "do not close" },
    { "a kind of the future",  { { CH_VALUE_KIND_COUNT, "a", "x" } },                                                    CH_BAD_INPUT, "parameter 1 is of an unknown kind" },
    { "a name with a newline", { { CH_VALUE_TEXT, "a", "x" }, { CH_VALUE_TEXT, "b\n", "x" } },                           CH_BAD_INPUT, "parameter 2 is not plain UTF-8" },
    { "a name of no UTF-8",    { { CH_VALUE_TEXT, "a\xff", "x" } },                                                      CH_BAD_INPUT, "parameter 1 is not plain UTF-8" },
    { "a value with a tab",    { { CH_VALUE_TEXT, "a", "x\ty" } },                                                       CH_BAD_INPUT, "parameter 1 is not plain UTF-8" },
    { "a value of no UTF-8",   { { CH_VALUE_TEXT, "a", "\xc0\xaf" } },                                                   CH_BAD_INPUT, "parameter 1 is not plain UTF-8" },
    { "an end too many",       { { CH_VALUE_LIST, "a", "" }, { CH_VALUE_END, "", "" }, { CH_VALUE_END, "", "" } },       CH_INTERNAL, "do not close" },
    { "an end first",          { { CH_VALUE_END, "", "" }, { CH_VALUE_LIST, "a", "" } },                                 CH_INTERNAL, "do not close" },
    { "no end",                { { CH_VALUE_OBJECT, "a", "" } },                                                         CH_INTERNAL, "do not close" },
};
/* clang-format on */

START_TEST(test_values_become_parameters)
{
    size_t count = 0;
    begin(plain);
    job->form = CH_FORM_TYPED;
    for (; typed[_i].values[count].name != NULL; count++)
        add_value(typed[_i].values[count].kind, typed[_i].values[count].name, typed[_i].values[count].value);
    ch_status st = ch_form_read(job, scratch, &(ch_form_clock){0}, &err);
    ck_assert_msg(st == typed[_i].status, "%s: %s", typed[_i].name, err.message);
    ck_assert_msg(strstr(err.message, typed[_i].says) != NULL, "%s: %s", typed[_i].name, err.message);
    if (st != CH_OK)
        return;
    ck_assert_uint_eq(job->request.param_count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq((int)job->request.params[i].kind, (int)typed[_i].values[i].kind);
        ck_assert(ch_slice_is(job->request.params[i].name, typed[_i].values[i].name));
        ck_assert(ch_slice_is(job->request.params[i].value, typed[_i].values[i].value));
    }
}
END_TEST

START_TEST(test_the_number_of_parameters_is_bounded)
{
    begin(plain);
    for (size_t i = 0; i < CH_PARAMS_MAX; i++)
        add_value(CH_VALUE_TEXT, "a", "x");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    ck_assert_uint_eq(job->request.param_count, CH_PARAMS_MAX);
    add_value(CH_VALUE_TEXT, "a", "x");
    ck_assert_int_eq(ch_form_read(job, scratch, &(ch_form_clock){0}, &err), CH_BAD_INPUT);
    ck_assert_str_eq(err.message, "a request has at most 512 parameters");
}
END_TEST

static void read_account(void)
{
    name("GET", "/account", "");
    add_value(CH_VALUE_TEXT, "id", "x");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    MUST(ch_environment_match(key.traits.environment, &job->request, &job->endpoint, &err));
}

START_TEST(test_a_typed_request_is_built_with_the_time_of_now)
{
    begin(plain);
    read_account();
    uint64_t before_ms = clock_ms();
    MUST(build());
    ck_assert_uint_eq(job->payloads.count, 2);
    ck_assert(ch_slice_is(job->payloads.items[1], "phrase"));
    char text[64];
    snprintf(text, sizeof text, "%.*s", CH_SLICE_ARGS(job->payloads.items[0]));
    ck_assert_msg(strncmp(text, "id=x&time=", 10) == 0, "%s", text);
    uint64_t time_ms = strtoull(text + 10, NULL, 10);
    ck_assert(time_ms >= before_ms && time_ms <= clock_ms());
}
END_TEST

/* clang-format off */
static const struct {
    uint32_t clamp_ms;
    ch_form form;
    const char *window;  /* NULL: the bot does not give it */
    const char *expected;
} windows[] = {
    { 0,    CH_FORM_TYPED,  NULL,   "id=x&time="             },
    { 5000, CH_FORM_TYPED,  NULL,   "id=x&time="             },
    { 1000, CH_FORM_TYPED,  NULL,   "id=x&window=1000&time=" },
    { 1000, CH_FORM_TYPED,  "700",  "id=x&window=700&time="  },
    { 1000, CH_FORM_STRING, NULL,   "id=x&time="             },
};
/* clang-format on */

START_TEST(test_a_typed_request_keeps_to_its_keys_window)
{
    char payload[64];
    begin(limited);
    key.receive_window_ms = windows[_i].clamp_ms;
    name("GET", "/account", "");
    add_value(CH_VALUE_TEXT, "id", "x");
    if (windows[_i].window != NULL)
        add_value(CH_VALUE_INTEGER, "window", windows[_i].window);
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    job->form = windows[_i].form;
    MUST(ch_environment_match(key.traits.environment, &job->request, &job->endpoint, &err));
    ch_form_add_window(job);
    ck_assert_int_eq(job->is_window_added, strstr(windows[_i].expected, "1000") != NULL);
    MUST(ch_endpoint_check(job->endpoint, key.scheme, &job->request, &err));
    job->form = CH_FORM_TYPED;
    MUST(build());
    snprintf(payload, sizeof payload, "%.*s", CH_SLICE_ARGS(job->payloads.items[0]));
    ck_assert_msg(strncmp(payload, windows[_i].expected, strlen(windows[_i].expected)) == 0, "%s", payload);
}
END_TEST

START_TEST(test_no_window_is_added_to_as_many_parameters_as_there_may_be)
{
    begin(limited);
    key.receive_window_ms = 1000;
    for (size_t i = 0; i < CH_PARAMS_MAX; i++)
        add_value(CH_VALUE_TEXT, "id", "x");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    name("GET", "/account", "");
    MUST(ch_environment_match(key.traits.environment, &job->request, &job->endpoint, &err));
    ch_form_add_window(job);
    ck_assert(!job->is_window_added);
    ck_assert_uint_eq(job->request.param_count, CH_PARAMS_MAX);
}
END_TEST

START_TEST(test_each_build_draws_a_nonce)
{
    uint64_t last = 0;
    begin(nonced);
    read_account();
    for (size_t i = 0; i < 100; i++) {
        char text[64];
        MUST(build());
        snprintf(text, sizeof text, "%.*s", CH_SLICE_ARGS(job->payloads.items[0]));
        uint64_t nonce = strtoull(text + strlen("id=x&nonce="), NULL, 10);
        ck_assert_uint_gt(nonce, last);
        last = nonce;
    }
}
END_TEST

/* ---- strings ---- */

static void set_string(const char *before, int64_t offset_s, const char *after)
{
    static char text[128];
    int64_t time_ms = (int64_t)clock_ms() + offset_s * 1000;
    snprintf(text, sizeof text, "%s%" PRId64 "%s", before, time_ms, after);
    job->form = CH_FORM_STRING;
    job->text = ch_slice_of(text);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *profile;
    const char *method;
    const char *path;
    const char *host;
    const char *before; /* the time */
    const char *after;
    ch_status status;
    const char *says;
} strings[] = {
    /* name                          profile  method   path        host         before the time        after  status         says */
    { "with its path",               plain,   "POST",  "/order",   "",          "amount=1&time=",      "",    CH_OK,         "" },
    { "with path and host",          plain,   "POST",  "/order",   "a.example", "amount=1&time=",      "",    CH_OK,         "" },
    { "without its path",            plain,   "",      "",         "",          "amount=1&time=",      "",    CH_OK,         "" },
    { "with another's path",         plain,   "GET",   "/account", "",          "amount=1&time=",      "",    CH_OK,         "" }, /* parameters are checked later */
    { "no such path",                plain,   "POST",  "/orders",  "",          "amount=1&time=",      "",    CH_NOT_FOUND,  "" },
    { "not by that method",          plain,   "PUT",   "/order",   "",          "amount=1&time=",      "",    CH_BAD_METHOD, "" },
    { "another host",                plain,   "POST",  "/order",   "b.example", "amount=1&time=",      "",    CH_NOT_FOUND,  "" },
    { "a path without a method",     plain,   "",      "/order",   "",          "amount=1&time=",      "",    CH_BAD_INPUT,  "\"path\" needs \"method\"" },
    { "a method without a path",     plain,   "POST",  "",         "",          "amount=1&time=",      "",    CH_BAD_INPUT,  "need \"path\"" },
    { "a host without a path",       plain,   "",      "",         "a.example", "amount=1&time=",      "",    CH_BAD_INPUT,  "need \"path\"" },
    { "what no endpoint takes",      plain,   "",      "",         "",          "oddity=1&time=",      "",    CH_BAD_INPUT,  "is not a call that profile 'plain' lists" },
    { "a parameter twice",           plain,   "",      "",         "",          "amount=1&amount=1&time=", "", CH_BAD_INPUT, "is not a call that profile 'plain' lists" },
    { "more after the end",          plain,   "",      "",         "",          "amount=1&time=",      "&",   CH_BAD_INPUT,  "is not a call that profile 'plain' lists" },
    { "the agent's own nonces",      nonced,  "",      "",         "",          "id=x&nonce=",         "",    CH_BAD_INPUT,  "send the request, not its string" },
};
/* clang-format on */

START_TEST(test_a_string_is_read_as_a_request)
{
    begin(strings[_i].profile);
    name(strings[_i].method, strings[_i].path, strings[_i].host);
    set_string(strings[_i].before, 0, strings[_i].after);
    ch_status st = ch_form_read(job, scratch, &(ch_form_clock){0}, &err);
    ck_assert_msg(st == strings[_i].status, "%s: %s", strings[_i].name, err.message);
    ck_assert_msg(strstr(err.message, strings[_i].says) != NULL, "%s: %s", strings[_i].name, err.message);
    if (st != CH_OK)
        return;
    ck_assert_uint_eq(job->request.param_count, 2);
    ck_assert(ch_slice_is(job->request.params[0].name, "amount"));
    ck_assert(ch_slice_is(job->request.params[0].value, "1"));
    ck_assert_int_eq(job->request.params[1].kind, CH_PARAM_PLACEHOLDER); /* the time */
    ck_assert_uint_gt(job->text_time_ns, 0);
}
END_TEST

/* The first that fits stands for all: not the broker's call, which this key can't make. */
START_TEST(test_a_string_without_a_path_is_given_one)
{
    begin(plain);
    set_string("amount=1&time=", 0, "");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    ck_assert(ch_slice_is(job->request.method, "POST"));
    ck_assert(ch_slice_is(job->request.path, "/order"));
    ck_assert(ch_slice_is(job->request.host, "a.example"));
}
END_TEST

START_TEST(test_an_empty_string_is_refused)
{
    begin(plain);
    job->form = CH_FORM_STRING;
    job->text = CH_LITERAL("");
    ck_assert_int_eq(ch_form_read(job, scratch, &(ch_form_clock){0}, &err), CH_BAD_INPUT);
    ck_assert_str_eq(err.message, "the string to sign is empty");
}
END_TEST

static void read_string(const char *before, int64_t offset_s)
{
    name("POST", "/order", "");
    set_string(before, offset_s, "");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    MUST(ch_environment_match(key.traits.environment, &job->request, &job->endpoint, &err));
}

START_TEST(test_a_string_is_built_as_it_came_and_alone)
{
    begin(plain);
    read_string("amount=1&id=a%2Cb&time=", 0);
    ck_assert(ch_slice_is(job->request.params[1].value, "a,b"));
    MUST(build());
    ck_assert_uint_eq(job->payloads.count, 1);
    ck_assert(ch_slice_equal(job->payloads.items[0], job->text));
}
END_TEST

static const struct {
    int64_t offset_s;
    bool is_signed;
} times[] = {
    {-70, false},
    {-50, true },
    {50,  true },
    {70,  false},
};

START_TEST(test_the_time_of_a_string_is_near_the_agents)
{
    begin(plain);
    read_string("amount=1&time=", times[_i].offset_s);
    ch_status st = build();
    ck_assert_int_eq(st, times[_i].is_signed ? CH_OK : CH_BAD_INPUT);
    if (st != CH_OK)
        ck_assert_str_eq(err.message, "the time in the string is more than a minute from this machine's");
}
END_TEST

/* What was read is a guess; the bytes decide. */
START_TEST(test_a_string_that_its_reading_does_not_spell_is_not_signed)
{
    begin(plain);
    read_string("amount=1&time=", 0);
    job->params[0].value = CH_LITERAL("2");
    ck_assert_int_eq(build(), CH_BAD_INPUT);
    ck_assert_str_eq(err.message, "the string to sign is not spelled as this exchange's profile spells it");
}
END_TEST

/* ---- raw bytes, and no form ---- */

START_TEST(test_raw_bytes_are_neither_read_nor_changed)
{
    begin(plain);
    job->form = CH_FORM_RAW;
    job->text = CH_LITERAL("\x01\xff");
    MUST(ch_form_read(job, scratch, &(ch_form_clock){0}, &err));
    ck_assert_uint_eq(job->request.param_count, 0);
    MUST(build());
    ck_assert_uint_eq(job->payloads.count, 1);
    ck_assert(ch_slice_is(job->payloads.items[0], "\x01\xff"));
}
END_TEST

START_TEST(test_an_unknown_form_is_not_read)
{
    begin(plain);
    job->form = (ch_form)CH_FORM_COUNT;
    ck_assert_int_eq(ch_form_read(job, scratch, &(ch_form_clock){0}, &err), CH_INTERNAL);
    ck_assert_str_eq(err.message, "the front sent a request of an unknown form");
}
END_TEST

CH_TESTS("forms", CH_TEST_ROWS(test_values_become_parameters, typed), CH_TEST(test_the_number_of_parameters_is_bounded),
         CH_TEST(test_a_typed_request_is_built_with_the_time_of_now),
         CH_TEST_ROWS(test_a_typed_request_keeps_to_its_keys_window, windows),
         CH_TEST(test_no_window_is_added_to_as_many_parameters_as_there_may_be), CH_TEST(test_each_build_draws_a_nonce),
         CH_TEST_ROWS(test_a_string_is_read_as_a_request, strings), CH_TEST(test_a_string_without_a_path_is_given_one),
         CH_TEST(test_an_empty_string_is_refused), CH_TEST(test_a_string_is_built_as_it_came_and_alone),
         CH_TEST_ROWS(test_the_time_of_a_string_is_near_the_agents, times),
         CH_TEST(test_a_string_that_its_reading_does_not_spell_is_not_signed),
         CH_TEST(test_raw_bytes_are_neither_read_nor_changed), CH_TEST(test_an_unknown_form_is_not_read))

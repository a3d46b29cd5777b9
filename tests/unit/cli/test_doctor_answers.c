/* Answers of exchanges, read by places: whatever stands there, and in whatever type. */
#include "cli/doctor_answers.h"

#include "cli/jansson.h"
#include "tests/support/suite.h"

#include <string.h>

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(value);
    return value;
}

/* clang-format off */
static const struct {
    const char *answer;
    const char *place;
    const char *values; /* NULL: the place is not there */
} places[] = {
    /* answer                                   place             values */
    { "{\"a\":1}",                              "/a",             "[1]" },
    { "{\"a\":1}",                              "/b",             NULL },
    { "{\"a\":1}",                              "/a/b",           NULL },
    { "{\"a\":null}",                           "/a",             NULL },
    { "{\"a\":[1,null]}",                       "/a/*",           "[1]" },
    { "{\"a\":[]}",                             "/a",             "[]" },
    { "{\"a\":[1,\"x\",true]}",                 "/a",             "[1,\"x\",true]" },
    { "{\"a\":[1,2]}",                          "/a/1",           "[2]" },
    { "{\"a\":[1,2]}",                          "/a/2",           NULL },
    { "{\"a\":{\"1\":3}}",                      "/a/1",           "[3]" },
    { "[[\"x\",5],[\"y\",6]]",                  "/1/1",           "[6]" },
    { "[[\"x\",5],[\"y\",6]]",                  "/[0=y]/1",       "[6]" },
    { "[[\"x\",5],[\"y\",6]]",                  "/[0=z]/1",       NULL },
    { "{\"a\":[{\"b\":1},{\"b\":2},{}]}",       "/a/*/b",         "[1,2]" },
    { "{\"a\":{\"x\":{\"b\":1},\"y\":{\"b\":2}}}", "/a/*/b",      "[1,2]" },
    { "{\"k\":[{\"id\":\"me\",\"r\":[1]},{\"id\":\"you\",\"r\":[2]}]}", "/k/[id={key_id}]/r", "[1]" },
    { "{\"k\":[{\"id\":7,\"r\":[1]}]}",         "/k/[id=7]/r",    "[1]" },
    { "{\"k\":[{\"id\":\"{key_id}\",\"r\":[1]}]}", "/k/[id={key_id}]/r", NULL },
    { "5",                                      "/a",             NULL },
    { "\"text\"",                               "/0",             NULL },
};
/* clang-format on */

START_TEST(test_places)
{
    ch_autojansson answer = parse(places[_i].answer);
    ch_autojansson values = ch_doctor_values(answer, places[_i].place, "me");
    if (places[_i].values == NULL) {
        ck_assert_ptr_null(values);
        return;
    }
    ch_autojansson wanted = parse(places[_i].values);
    ck_assert_msg(json_equal(values, wanted), "%s in %s", places[_i].place, places[_i].answer);
}
END_TEST

START_TEST(test_an_answer_that_is_no_json_holds_nothing)
{
    ck_assert_ptr_null(ch_doctor_values(NULL, "/a", ""));
}
END_TEST

START_TEST(test_without_a_key_id_no_key_is_ours)
{
    ch_autojansson answer = parse("[{\"id\":\"\",\"r\":1}]");
    ck_assert_ptr_null(ch_doctor_values(answer, "/[id={key_id}]/r", ""));
}
END_TEST

/* clang-format off */
static const struct {
    const char *value; /* at /v of the answer */
    char *pattern;
    bool fits;
} patterns[] = {
    /* value              pattern     fits */
    { "\"abc\"",          "abc",      true },
    { "\"abc\"",          "ab",       false },
    { "\"abc\"",          "ab*",      true },
    { "\"abc\"",          "*bc",      true },
    { "\"abc\"",          "*b*",      true },
    { "\"abc\"",          "*x*",      false },
    { "\"abc\"",          "*",        true },
    { "\"\"",             "*",        true },
    { "\"bc\"",           "*abc",     false },
    { "-1021",            "-1021",    true },
    { "\"-1021\"",        "-1021",    true },
    { "true",             "true",     true },
    { "false",            "true",     false },
    { "0",                "00",       false },
    { "[1,2]",            "2",        true },
    { "[]",               "*",        true },
    { "[]",               "1",        false },
    { "{\"a\":1}",        "*",        true },
    { "{\"a\":1}",        "",         false },
    { "null",             "*",        false },
    { "null",             "",         false },
};
/* clang-format on */

START_TEST(test_patterns)
{
    ch_autojansson value = parse(patterns[_i].value);
    ch_autojansson answer = json_pack("{s:O}", "v", value);
    char at[] = "/v";
    char *values[] = {patterns[_i].pattern};
    const ch_doctor_member member = {.at = at, .values = values, .value_count = 1};
    ck_assert_msg(ch_doctor_fits(answer, &member, 1, "") == patterns[_i].fits, "%s as %s", patterns[_i].value,
                  patterns[_i].pattern);
}
END_TEST

/* clang-format off */
static const struct {
    const char *value;
    ch_doctor_unit unit;
    uint64_t ns; /* 0: it is none */
    uint64_t exact_ns;
} times[] = {
    /* value                                unit            ns                      exact to */
    { "1700000000",                         CH_DOCTOR_S,    1700000000000000000U,   1000000000 },
    { "\"1700000000\"",                     CH_DOCTOR_S,    1700000000000000000U,   1000000000 },
    { "1700000000.5",                       CH_DOCTOR_S,    1700000000500000000U,   1000000 },
    { "1700000000123",                      CH_DOCTOR_MS,   1700000000123000000U,   1000000 },
    { "1700000000123456",                   CH_DOCTOR_US,   1700000000123456000U,   1000 },
    { "\"1700000000123456789\"",            CH_DOCTOR_NS,   1700000000123456789U,   1 },
    { "\"2023-11-14T22:13:20Z\"",           CH_DOCTOR_ISO,  1700000000000000000U,   1000000000 },
    { "\"2023-11-14T22:13:20.999Z\"",       CH_DOCTOR_ISO,  1700000000000000000U,   1000000000 },
    { "\"2023-11-15T07:13:20+09:00\"",      CH_DOCTOR_ISO,  1700000000000000000U,   1000000000 },
    { "\"2023-11-14T17:43:20.1-04:30\"",    CH_DOCTOR_ISO,  1700000000000000000U,   1000000000 },
    { "\"2023-11-14T22:13:20\"",            CH_DOCTOR_ISO,  0,                      0 },
    { "\"2023-11-14T22:13:20+99:00\"",      CH_DOCTOR_ISO,  0,                      0 },
    { "\"2023-13-14T22:13:20Z\"",           CH_DOCTOR_ISO,  0,                      0 },
    { "\"soon\"",                           CH_DOCTOR_MS,   0,                      0 },
    { "\"1700000000123x\"",                 CH_DOCTOR_MS,   0,                      0 },
    { "\"1700000000123.5.6\"",              CH_DOCTOR_MS,   0,                      0 },
    { "-5",                                 CH_DOCTOR_MS,   0,                      0 },
    { "\"99999999999999999999\"",           CH_DOCTOR_MS,   0,                      0 },
    { "null",                               CH_DOCTOR_MS,   0,                      0 },
    { "true",                               CH_DOCTOR_ISO,  0,                      0 },
    { "5",                                  CH_DOCTOR_DAYS, 0,                      0 },
};
/* clang-format on */

START_TEST(test_times)
{
    ch_autojansson value = parse(times[_i].value);
    uint64_t ns = 0;
    uint64_t exact_ns = 0;
    bool is_read = ch_doctor_read_time(value, times[_i].unit, &ns, &exact_ns);
    ck_assert_msg(is_read == (times[_i].ns > 0), "%s", times[_i].value);
    if (is_read) {
        ck_assert_msg(ns / 1000 == times[_i].ns / 1000, "%s: %llu", times[_i].value, (unsigned long long)ns);
        ck_assert_uint_eq(exact_ns, times[_i].exact_ns);
    }
}
END_TEST

CH_TESTS("doctor_answers", CH_TEST_ROWS(test_places, places), CH_TEST(test_an_answer_that_is_no_json_holds_nothing),
         CH_TEST(test_without_a_key_id_no_key_is_ours), CH_TEST_ROWS(test_patterns, patterns),
         CH_TEST_ROWS(test_times, times))

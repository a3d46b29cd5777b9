/* What a profile says of SDKs is read strictly, and holds where it says. Run from the repository's root. */
#include "exchange/sdk.h"

#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

#define RULES                                                                                                          \
    SOUND_PROFILE "  - {call: \"GET /y\", class: read}\n"                                                              \
                  "sdk:\n"                                                                                             \
                  "  headers: [{name: Referer, why: w}, {name: Mode, value: \"0\", why: w}]\n"                         \
                  "  left_out: [{name: p, call: GET /y, why: w}, {name: q, why: w}]\n"                                 \
                  "  empty: [{name: p, call: GET /x, why: w}]\n"

/* clang-format off */
static const struct {
    const char *path;
    ch_sdk_habit habit;
    const char *name;
    const char *value;
    bool holds;
} rows[] = {
    { "/x", CH_SDK_HEADER,   "referer", "me", true },
    { "/x", CH_SDK_HEADER,   "Mode",    "0",  true },
    { "/x", CH_SDK_HEADER,   "Mode",    "1",  false },
    { "/x", CH_SDK_HEADER,   "p",       "",   false },
    { "/y", CH_SDK_LEFT_OUT, "p",       "1",  true },
    { "/x", CH_SDK_LEFT_OUT, "p",       "1",  false },
    { "/x", CH_SDK_LEFT_OUT, "q",       "1",  true },
    { "/x", CH_SDK_LEFT_OUT, "Q",       "1",  false },
    { "/x", CH_SDK_EMPTY,    "p",       "",   true },
    { "/y", CH_SDK_EMPTY,    "p",       "",   false },
    { "/x", CH_SDK_SINGLE,   "p",       "",   false },
};
/* clang-format on */

START_TEST(test_a_rule_holds_where_it_says)
{
    ch_profile *profile = NULL;
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(load_text(RULES, &profile, &err) == CH_OK, "%s", err.message);
    const ch_endpoint *endpoint = match(profile, "GET", rows[_i].path);
    ck_assert_int_eq(ch_sdk_has(endpoint, rows[_i].habit, ch_slice_of(rows[_i].name), ch_slice_of(rows[_i].value)),
                     rows[_i].holds);
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *lines;
    const char *says;
} wrong[] = {
    { "sdk: {left_out: [{name: p, call: GET /x, why: w}]}\n", "takes 'p'" },
    { "sdk: {left_out: [{name: p, call: GET /z, why: w}]}\n", "no endpoint is the call GET /z" },
    { "sdk: {left_out: [{name: q}]}\n",                       "why" },
    { "sdk: {left_out: [{name: \"\", why: w}]}\n",            "write something" },
    { "sdk: {left_out: q}\n",                                 "list" },
    { "sdk: {left_out: []}\n",                                "rule" },
    { "sdk: {single: [{name: q, why: w}]}\n",                 "no such call takes 'q'" },
    { "sdk: {brokers: [{name: q, why: w}]}\n",                "brokers" },
    { "sdk: [q]\n",                                           "map" },
};
/* clang-format on */

START_TEST(test_a_rule_that_could_not_hold_is_refused)
{
    char source[4096];
    ch_profile *profile = NULL;
    ch_error err = CH_ERROR_INIT;
    snprintf(source, sizeof source, "%s%s", SOUND_PROFILE, wrong[_i].lines);
    ck_assert_int_eq(load_text(source, &profile, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, wrong[_i].says) != NULL, "%s", err.message);
}
END_TEST

CH_TESTS("sdk", CH_TEST_ROWS(test_a_rule_holds_where_it_says, rows),
         CH_TEST_ROWS(test_a_rule_that_could_not_hold_is_refused, wrong))

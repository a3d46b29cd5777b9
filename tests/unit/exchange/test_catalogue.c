/* The names that a policy may use are those that some request can have. */
#include "exchange/catalogue.h"

#include "base/memory.h"
#include "exchange/load.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

#define PROFILE(window)                                                                                                \
    "name: t\ntitle: T\norigins: {a: https://a.example}\n"                                                             \
    "schemes: {k: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                           \
    "recipe: r\nrecipes:\n  r:\n    covers: [path, params]\n    lists: {all: {}}\n"                                    \
    "    message: \"{path}{all|form}" window "\"\n    url: \"{origin}{path}?s={signature}" window "\"\n"               \
    "params:\n"                                                                                                        \
    "  on: {type: enum, values: [a, b], means: {a: {name: from-a-value}, b: {name: other}}}\n"                         \
    "  level: {type: decimal, role: value, says: {name: from-a-param}}\n"                                              \
    "endpoints:\n"                                                                                                     \
    "  - {call: POST /x, class: account, intent: {setting: {name: margin-mode}}}\n"                                    \
    "  - {call: POST /y, class: account, optional: [level, on], intent: setting}\n"

static ch_profile *load(const char *text)
{
    ch_profile *profile = NULL;
    ch_error err = CH_ERROR_INIT;
    ch_autofree char *path = ch_test_file("t.yaml", text, strlen(text));
    ck_assert_msg(ch_profile_load(path, &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

/* clang-format off */
static const struct {
    const char *name;
    bool is_there;
} settings[] = {
    { "margin-mode",  true  },
    { "MARGIN_MODE",  true  },
    { "from-a-param", true  },
    { "from-a-value", true  },
    { "margin-mod",   false },
    { "margin-modes", false },
    { "margin mode",  false },
    { "",             false },
    { "value",        false },
};
/* clang-format on */

START_TEST(test_settings_are_those_that_requests_can_make)
{
    ch_profile *profile = load(PROFILE(""));
    ck_assert_int_eq(ch_profile_has_setting(profile, ch_slice_of(settings[_i].name)), settings[_i].is_there);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_the_longest_window_is_the_profiles)
{
    ch_profile *without = load(PROFILE(""));
    ch_profile *with = load("window: {param: w, default: 10, max: 700}\n" PROFILE("{window}"));
    ch_profile *by_param = load("validity: {param: level, default: 5s}\n" PROFILE(""));
    ck_assert_uint_eq(ch_profile_window_max_ms(without), 0);
    ck_assert_uint_eq(ch_profile_window_max_ms(with), 700);
    ck_assert_uint_eq(ch_profile_window_max_ms(by_param), 60000);
    ch_profile_free(without);
    ch_profile_free(with);
    ch_profile_free(by_param);
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    uint64_t fixed_ms; /* 0: none */
} fixed[] = {
    { PROFILE(""),                                                                           0     },
    { "validity: 30s\n" PROFILE(""),                                                         30000 },
    { "validity: {param: level, default: 30s}\n" PROFILE(""),                                0     },
    { "window: {param: w, default: 10, max: 700}\n" PROFILE("{window}"),                     0     },
    { "validity: 30s\nwindow: {param: w, default: 10, max: 700}\n" PROFILE("{window}"),      0     },
};
/* clang-format on */

START_TEST(test_what_no_request_can_change_is_fixed)
{
    ch_profile *profile = load(fixed[_i].text);
    ck_assert_uint_eq(ch_profile_fixed_validity_ns(profile), fixed[_i].fixed_ms * 1000000);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("catalogue", CH_TEST_ROWS(test_settings_are_those_that_requests_can_make, settings),
         CH_TEST(test_the_longest_window_is_the_profiles),
         CH_TEST_ROWS(test_what_no_request_can_change_is_fixed, fixed))

/* Each filter makes what docs/profiles.md says, and what it makes of nothing is what its row says. */
#include "exchange/template.h"

#include "tests/support/suite.h"

#include <string.h>

/* clang-format off */
static const struct {
    const char *text;
    const char *value;
    const char *expected; /* NULL: it fails */
} filtered[] = {
    /* text                       value         expected */
    { "{v}",                      "a b",        "a b" },
    { "x{v}y{{{v}}}",             "1",          "x1y{1}" },
    { "{v|hex}",                  "\xff" "A",   "ff41" },
    { "{v|hex-upper}",            "\xff" "A",   "FF41" },
    { "{v|base64}",               "\xfb\xff",   "+/8=" },
    { "{v|base64url}",            "\xfb\xff",   "-_8" },
    { "{v|sha256|hex}",           "abc",        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "{v|percent}",              "a b+c~",     "a%20b%2Bc~" },
    { "{v|json}",                 "a\"\\",      "\"a\\\"\\\\\"" },
    { "{v|upper}",                "aZ-9",       "AZ-9" },
    { "{v|lower}",                "aZ-9",       "az-9" },
    { "{v|plus:60}",              "5",          "65" },
    { "{v|plus:60}",              "-5",         NULL },
    { "{v|plus:60}",              "",           NULL },
    { "{v|plus:1}",               "18446744073709551615", NULL },
    { "{v|prefix:?}",             "a=1",        "?a=1" },
    { "{v|drop:/api}",            "/api/v1",    "/v1" },
    { "{v|drop:/api}",            "/v1/api",    "/v1/api" },
    { "{v|then:json}",            "{}",         "json" },
    { "{v|when:w}",               "a",          "a" },
    { "{v|unless:w}",             "a",          "" },
    { "{v|when:empty}",           "a",          "" },
    { "{v|unless:empty}",         "a",          "a" },
    { "{v|upper|hex|prefix:0x}",  "a",          "0x41" },
};
/* clang-format on */

static ch_status run(const char *text, const char *value, ch_buffer *out, ch_error *err)
{
    static const char *const value_names[] = {"v", "w", "empty"};
    const ch_names names = {.values = value_names, .value_count = 3};
    const ch_slice values[] = {ch_slice_of(value), CH_LITERAL("w"), CH_LITERAL("")};
    const ch_template_input input = {.values = values};
    ch_template compiled;
    ck_assert_msg(ch_template_compile(text, &names, &compiled, err) == CH_OK, "%s: %s", text, err->message);
    ch_scratch *scratch = ch_scratch_new();
    ch_status st = ch_template_run(&compiled, &input, scratch, out, err);
    ch_scratch_free(scratch);
    ch_template_free(&compiled);
    return st;
}

START_TEST(test_filters_make_what_they_say)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_status st = run(filtered[_i].text, filtered[_i].value, &out, &err);
    ck_assert_msg((st == CH_OK) == (filtered[_i].expected != NULL), "%s: %s", filtered[_i].text, err.message);
    if (filtered[_i].expected != NULL)
        ck_assert_str_eq(ch_buffer_text(&out), filtered[_i].expected);
}
END_TEST

static const char *const filters[] = {"sha256",    "sha384",  "sha512", "hex",    "hex-upper",   "base64",
                                      "base64url", "percent", "json",   "upper",  "lower",       "plus:1",
                                      "prefix:x",  "drop:x",  "then:x", "when:w", "unless:empty"};

/* The shape of an empty payload relies on it. */
START_TEST(test_a_filter_makes_nothing_of_nothing_if_its_row_says_so)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_slice name = {(const uint8_t *)filters[_i], strcspn(filters[_i], ":")};
    const ch_filter *filter = ch_filter_find(name);
    ck_assert_ptr_nonnull(filter);
    ch_buffer_add_format(&text, "{v|%s}", filters[_i]);
    bool is_nothing = run(ch_buffer_text(&text), "", &out, &err) == CH_OK && out.size == 0;
    ck_assert_int_eq(is_nothing, filter->keeps_empty);
}
END_TEST

CH_TESTS("template", CH_TEST_ROWS(test_filters_make_what_they_say, filtered),
         CH_TEST_ROWS(test_a_filter_makes_nothing_of_nothing_if_its_row_says_so, filters))

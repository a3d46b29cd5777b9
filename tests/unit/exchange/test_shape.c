/* Payloads that could be the same bytes have the same shape, and what a payload shows is found wherever it stands. */
#include "exchange/profile_impl.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

/* clang-format off */
static const struct {
    const char *values;
    const char *message;
    const char *shape;
    const char *empty_shape;
    unsigned shows;
} spelled[] = {
    /* values                              message                       shape                              empty shape            shows */
    { "s: \"{all|form}\"",                 "{time_ms}{s}",               "{time_ms}[form]",                 "{time_ms}",           CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|form-plus}\"",            "{time_ms}{s}",               "{time_ms}[form]",                 "{time_ms}",           CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|json}\"",                 "{s}",                        "[json]",                          "[json]",              CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|json-optional}\"",        "{s}",                        "[json]",                          "",                    CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|form}\", t: \"a{s}b\"",   "{t}c",                       "a[form]bc",                       "abc",                 CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|form}\"",                 "{s|prefix:?}",               "([form]|prefix:?)",               "",                    CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{all|form}\"",                 "{s|sha256|hex}",             "([form]|sha256:|hex:)",           "(|sha256:|hex:)",     CH_SHOWS_QUERY | CH_SHOWS_BODY },
    { "s: \"{path}\"",                     "{method}{s|drop:/a}",        "{method}({path}|drop:/a)",        "{method}({path}|drop:/a)", CH_SHOWS_METHOD | CH_SHOWS_PATH },
    { "s: \"{host}\"",                     "{{path}}[form]|:",           "\\{path\\}\\[form\\]\\|\\:",      "\\{path\\}\\[form\\]\\|\\:", 0 },
    { "s: \"{stamped|form}\"",             "{s}",                        "[form]",                          "[form]",              CH_SHOWS_PATH },
};
/* clang-format on */

static const ch_recipe *load_recipe(const char *values, const char *message, ch_profile **profile)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add_format(&source,
                         "name: t\ntitle: T\norigins: {main: https://a.example}\n"
                         "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\nrecipe: r\n"
                         "recipes:\n"
                         "  r:\n"
                         "    covers: []\n"
                         "    lists: {all: {}, stamped: {takes: none, fields: [{name: at, value: \"{path}\"}]}}\n"
                         "    values: {%s}\n"
                         "    message: \"%s\"\n"
                         "    url: \"{origin}{path}?s={signature}\"\n"
                         "endpoints: [{call: GET /x, class: read}]\n",
                         values, message);
    ck_assert_msg(load_text(ch_buffer_text(&source), profile, &err) == CH_OK, "%s", err.message);
    return &(*profile)->recipes[0];
}

START_TEST(test_a_shape_is_the_template_written_out)
{
    ch_autoprofile *profile = NULL;
    const ch_recipe *recipe = load_recipe(spelled[_i].values, spelled[_i].message, &profile);
    ck_assert_str_eq(recipe->shape, spelled[_i].shape);
    ck_assert_str_eq(recipe->empty_shape, spelled[_i].empty_shape);
    ck_assert_uint_eq(recipe->shows, spelled[_i].shows);
    ck_assert(!recipe->has_joined_list);
}
END_TEST

START_TEST(test_a_joined_list_is_known_by_its_style)
{
    ch_autoprofile *profile = NULL;
    ck_assert(load_recipe("s: \"{all|pairs}\", t: \"{s|sha256}\"", "{t|hex}", &profile)->has_joined_list);
    ch_profile_free(profile);
    ck_assert(!load_recipe("s: \"[pairs]\"", "{s}[pairs]", &profile)->has_joined_list);
}
END_TEST

/* Values that double their size with each use: the sixteenth would have 2^16 parts. */
START_TEST(test_too_many_parts_are_refused_at_once)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_autobuffer values = CH_BUFFER_INIT;
    ch_buffer_add_text(&values, "values: {v0: \"{time_ms}\"");
    for (int i = 1; i < 16; i++)
        ch_buffer_add_format(&values, ", v%d: \"{v%d}{v%d}\"", i, i - 1, i - 1);
    ch_buffer_add_text(&values, "}\n    message: \"{v15}\"\n");
    ch_autobuffer source = CH_BUFFER_INIT;
    const char *at = strstr(SOUND_PROFILE, "    values:");
    const char *end = strstr(SOUND_PROFILE, "    url:");
    ch_buffer_add(&source, SOUND_PROFILE, (size_t)(strlen(SOUND_PROFILE) - strlen(at)));
    ch_buffer_add_format(&source, "    %s    url: \"{origin}{path}?s={signature}\"%s", ch_buffer_text(&values),
                         strchr(end, '\n'));
    ck_assert_int_eq(load_text(ch_buffer_text(&source), &profile, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, "too many parts") != NULL, "%s", err.message);
}
END_TEST

CH_TESTS("shape", CH_TEST_ROWS(test_a_shape_is_the_template_written_out, spelled),
         CH_TEST(test_a_joined_list_is_known_by_its_style), CH_TEST(test_too_many_parts_are_refused_at_once))

#include "base/memory.h"
#include "conf/fields.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

typedef enum shape { SHAPE_ROUND, SHAPE_SQUARE } shape;

typedef struct side {
    char *name;
    uint16_t length;
} side;

typedef struct thing {
    char *title;
    char *home;
    char *even;
    bool is_open;
    bool is_last;
    uint8_t small;
    uint16_t medium;
    uint32_t large;
    uint64_t huge;
    shape form;
    unsigned days;
    char *twice; /* the title, twice: read by a reader that relies on the row above */
    side *sides;
    size_t side_count;
} thing;

/* clang-format off */
static const ch_word shape_words[] = {
    /* text      value */
    { "round",   SHAPE_ROUND },
    { "square",  SHAPE_SQUARE },
};
static const ch_word end_words[] = {
    { "first",   false },
    { "last",    true },
};
static const ch_word day_words[] = {
    { "mon",     1 },
    { "tue",     2 },
    { "sun",     64 },
};
/* clang-format on */
static const ch_words shapes = CH_WORDS("form", shape_words);
static const ch_words ends = CH_WORDS("end", end_words);
static const ch_words days = CH_WORDS("day", day_words);

static bool is_square(const void *out)
{
    return ((const thing *)out)->form == SHAPE_SQUARE;
}

static ch_status check_even(const char *text, ch_error *err)
{
    return strlen(text) % 2 == 0 ? CH_OK : ch_fail(err, CH_BAD_INPUT, "'%s' is odd", text);
}

static ch_status read_twice(const ch_value *value, ch_error *err)
{
    thing *out = value->out;
    ch_autobuffer text = CH_BUFFER_INIT;
    if (*(const bool *)value->context)
        return ch_yaml_fail(value->node, err, "%s is not for today", value->name);
    ch_buffer_add_format(&text, "%s%s", out->title, out->title);
    out->twice = ch_strdup(ch_buffer_text(&text));
    return CH_OK;
}

static const ch_field side_fields[] = {
    {"length", true, ch_field_uint, CH_MEMBER(side, length), .min = 1, .max = 9},
};

static ch_status read_side(const ch_value *value, ch_error *err)
{
    side *out = value->out;
    out->name = value->name == NULL ? NULL : ch_strdup(value->name);
    return ch_fields_read(value->node, CH_FIELDS(side_fields), out, NULL, err);
}

static const ch_entries sides = {
    "side", CH_YAML_MAP, 1, 4, {.read = read_side, .size = sizeof(side)}
};

static ch_status read_sides(const ch_value *value, ch_error *err)
{
    thing *out = value->out;
    out->sides = ch_alloc(ch_yaml_count(value->node) * sizeof *out->sides);
    return ch_entries_read(value->node, &sides, out->sides, &out->side_count, NULL, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name      required  reader            where                          bounds, words, check, condition */
    { "title",   true,     ch_field_text,    CH_MEMBER(thing, title)      },
    { "form",    true,     ch_field_choice,  CH_MEMBER(thing, form),        .words = &shapes },
    { "home",    false,    ch_field_path,    CH_MEMBER(thing, home)       },
    { "even",    false,    ch_field_text,    CH_MEMBER(thing, even),        .check = check_even },
    { "open",    false,    ch_field_bool,    CH_MEMBER(thing, is_open)    },
    { "end",     false,    ch_field_choice,  CH_MEMBER(thing, is_last),     .words = &ends },
    { "small",   false,    ch_field_uint,    CH_MEMBER(thing, small)      },
    { "medium",  false,    ch_field_uint,    CH_MEMBER(thing, medium),      .min = 10, .max = 20 },
    { "large",   false,    ch_field_uint,    CH_MEMBER(thing, large)      },
    { "huge",    false,    ch_field_uint,    CH_MEMBER(thing, huge)       },
    { "days",    false,    ch_field_set,     CH_MEMBER(thing, days),        .words = &days },
    { "twice",   false,    read_twice,       CH_WHOLE                     },
    { "sides",   true,     read_sides,       CH_WHOLE,                      .only_if = is_square },
    { "later",   false,    NULL,             CH_WHOLE                     },
};
/* clang-format on */

static ch_status load(const char *text, bool is_twice_refused, thing *out, ch_error *err)
{
    ch_yaml_document *document = NULL;
    ch_status st = ch_yaml_parse("/etc/t.yaml", text, strlen(text), &document, err);
    ck_assert_msg(st == CH_OK, "%s", err->message);
    st = ch_fields_read(ch_yaml_root(document), CH_FIELDS(fields), out, &is_twice_refused, err);
    ch_yaml_free(document);
    return st;
}

static void free_thing(thing *out)
{
    for (size_t i = 0; i < out->side_count; i++)
        free(out->sides[i].name);
    free(out->sides);
    free(out->title);
    free(out->home);
    free(out->even);
    free(out->twice);
}

START_TEST(test_each_reader_fills_its_member)
{
    ch_error err = CH_ERROR_INIT;
    thing out = {.title = ch_strdup("before"), .days = 128};
    const char *text =
        "sides: {a: {length: 1}, b: {length: 9}}\ndays: [mon, sun]\nhuge: 18446744073709551615\n"
        "large: 4294967295\nmedium: 20\nsmall: 255\nend: last\nopen: true\nhome: x/y\neven: aa\nform: square\n"
        "twice: yes\nlater: [1]\ntitle: ab\n";
    ck_assert_msg(load(text, false, &out, &err) == CH_OK, "%s", err.message);
    ck_assert_str_eq(out.title, "ab");
    ck_assert_str_eq(out.twice, "abab");
    ck_assert_str_eq(out.home, "/etc/x/y");
    ck_assert_str_eq(out.even, "aa");
    ck_assert(out.is_open && out.is_last);
    ck_assert_int_eq(out.form, SHAPE_SQUARE);
    ck_assert_uint_eq(out.small, 255);
    ck_assert_uint_eq(out.medium, 20);
    ck_assert_uint_eq(out.large, 4294967295U);
    ck_assert_uint_eq(out.huge, UINT64_MAX);
    ck_assert_uint_eq(out.days, 128 + 64 + 1);
    ck_assert_uint_eq(out.side_count, 2);
    ck_assert_str_eq(out.sides[1].name, "b");
    ck_assert_uint_eq(out.sides[1].length, 9);
    free_thing(&out);
}
END_TEST

START_TEST(test_what_is_not_there_stays_as_it_is)
{
    ch_error err = CH_ERROR_INIT;
    thing out = {.home = ch_strdup("/home"), .medium = 3, .is_last = true};
    ck_assert_msg(load("title: ab\nform: round\n", false, &out, &err) == CH_OK, "%s", err.message);
    ck_assert_str_eq(out.home, "/home");
    ck_assert_uint_eq(out.medium, 3);
    ck_assert(out.is_last && !out.is_open);
    ck_assert_ptr_null(out.twice);
    free_thing(&out);
}
END_TEST

#define SOUND "title: ab\nform: round\n"
#define SQUARE "title: ab\nform: square\n"

/* clang-format off */
static const struct {
    const char *text;
    const char *message; /* the whole of it */
} refused[] = {
    { "[a]",                              "/etc/t.yaml:1: this must be a map, not a list" },
    { "form: round\nopen: true\n",        "/etc/t.yaml:1: 'title' is missing here" },
    { "title: ab\n",                      "/etc/t.yaml:1: 'form' is missing here" },
    { "title:\nform: round\n",            "/etc/t.yaml:1: title: there is no value here; write \"\" for an empty text" },
    { "title: [a]\nform: round\n",        "/etc/t.yaml:1: title: this must be a single value, not a list" },
    { "title: ab\nform: oval\n",          "/etc/t.yaml:2: unknown form 'oval'; use round or square" },
    { "title: ab\nform: {a: 1}\n",        "/etc/t.yaml:2: form: this must be a single value, not a map" },
    { SOUND "home: \"\"\n",               "/etc/t.yaml:3: home: this is empty; write a path" },
    { SOUND "even: abc\n",                "/etc/t.yaml:3: even: 'abc' is odd" },
    { SOUND "open: yes\n",                "/etc/t.yaml:3: open: 'yes' must be true or false" },
    { SOUND "open: \"true\"\n",           "/etc/t.yaml:3: open: 'true' must be true or false" },
    { SOUND "small: 256\n",               "/etc/t.yaml:3: small: '256' is not a whole number from 0 to 255" },
    { SOUND "small: -1\n",                "/etc/t.yaml:3: small: '-1' is not a whole number from 0 to 255" },
    { SOUND "small: 1.0\n",               "/etc/t.yaml:3: small: '1.0' is not a whole number from 0 to 255" },
    { SOUND "small: \"1\"\n",             "/etc/t.yaml:3: small: '1' is not a whole number from 0 to 255" },
    { SOUND "medium: 9\n",                "/etc/t.yaml:3: medium: '9' is not a whole number from 10 to 20" },
    { SOUND "medium: 21\n",               "/etc/t.yaml:3: medium: '21' is not a whole number from 10 to 20" },
    { SOUND "large: 4294967296\n",        "/etc/t.yaml:3: large: '4294967296' is not a whole number from 0 to 4294967295" },
    { SOUND "days: mon\n",                "/etc/t.yaml:3: days: this must be a list, not a single value" },
    { SOUND "days:\n- mon\n- wed\n",      "/etc/t.yaml:5: unknown day 'wed'; use mon, tue or sun" },
    { SOUND "twice: today\n",             "/etc/t.yaml:3: twice is not for today" },
    { SOUND "shade: 1\n",                 "/etc/t.yaml:3: there is no field 'shade' here; the fields are title, form, home, even, "
                                          "open, end, small, medium, large, huge, days, twice and later" },
    { SOUND "shade:\n\n  - 1\n",          "/etc/t.yaml:3: there is no field 'shade' here; the fields are title, form, home, even, "
                                          "open, end, small, medium, large, huge, days, twice and later" },
    { SOUND "sides: {a: {length: 1}}\n",  "/etc/t.yaml:3: there is no field 'sides' here; the fields are title, form, home, even, "
                                          "open, end, small, medium, large, huge, days, twice and later" },
    { SQUARE "shade: 1\n",                "/etc/t.yaml:1: 'sides' is missing here" },
    { SQUARE "sides: []\n",               "/etc/t.yaml:3: sides: this must be a map, not a list" },
    { SQUARE "sides: {}\n",               "/etc/t.yaml:3: sides: there must be at least 1 side" },
    { SQUARE "sides: {q: 1}\n",           "/etc/t.yaml:3: q: this must be a map, not a single value" },
    { SQUARE "sides:\n  a: {length: 1}\n  b: {length: 0}\n",
                                          "/etc/t.yaml:5: length: '0' is not a whole number from 1 to 9" },
    { SQUARE "sides:\n  a: {length: 1, width: 2}\n",
                                          "/etc/t.yaml:4: there is no field 'width' here; the only field is length" },
    { SQUARE "sides: {a: , b: , c: , d: , e: }\n",
                                          "/etc/t.yaml:3: there are 5 sides; at most 4 are possible" },
};
/* clang-format on */

START_TEST(test_a_mistake_is_refused_with_file_and_line)
{
    ch_error err = CH_ERROR_INIT;
    thing out = {0};
    ck_assert_msg(load(refused[_i].text, true, &out, &err) == CH_CONFIG, "accepted: %s", refused[_i].text);
    ck_assert_str_eq(err.message, refused[_i].message);
    free_thing(&out);
}
END_TEST

START_TEST(test_a_list_has_entries_without_a_name)
{
    static const ch_entries list = {
        "side", CH_YAML_LIST, 2, 0, {.read = read_side, .size = sizeof(side)}
    };
    static const char text[] = "- {length: 1}\n- {length: 2}\n- {length: 3}\n";
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    side out[3] = {0};
    size_t count = 0;
    ck_assert_int_eq(ch_yaml_parse("t.yaml", text, strlen(text), &document, &err), CH_OK);
    ck_assert_int_eq(ch_entries_read(ch_yaml_root(document), &list, out, &count, NULL, &err), CH_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_ptr_null(out[2].name);
    ck_assert_uint_eq(out[2].length, 3);
    ch_yaml_free(document);
    ck_assert_int_eq(ch_yaml_parse("t.yaml", "- {length: 1}", 13, &document, &err), CH_OK);
    ck_assert_int_eq(ch_entries_read(ch_yaml_root(document), &list, out, &count, NULL, &err), CH_CONFIG);
    ck_assert_str_eq(err.message, "t.yaml:1: there must be at least 2 sides");
    ch_yaml_free(document);
}
END_TEST

START_TEST(test_an_entry_that_fails_is_counted)
{
    ch_error err = CH_ERROR_INIT;
    thing out = {0};
    ck_assert_int_eq(load(SQUARE "sides: {a: {length: 1}, b: {}, c: {length: 1}}\n", false, &out, &err), CH_CONFIG);
    ck_assert_uint_eq(out.side_count, 2);
    ck_assert_str_eq(out.sides[1].name, "b");
    free_thing(&out);
}
END_TEST

START_TEST(test_a_word_is_found_by_its_value)
{
    ck_assert_str_eq(ch_words_text(&days, 64), "sun");
    ck_assert_ptr_null(ch_words_text(&days, 3));
}
END_TEST

CH_TESTS("fields", CH_TEST(test_each_reader_fills_its_member), CH_TEST(test_what_is_not_there_stays_as_it_is),
         CH_TEST_ROWS(test_a_mistake_is_refused_with_file_and_line, refused),
         CH_TEST(test_a_list_has_entries_without_a_name), CH_TEST(test_an_entry_that_fails_is_counted),
         CH_TEST(test_a_word_is_found_by_its_value))

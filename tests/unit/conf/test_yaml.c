/* What is accepted is small; what is refused says where and why. */
#include "base/memory.h"
#include "conf/yaml.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_status parse(const char *text, ch_yaml_document **document, ch_error *err)
{
    return ch_yaml_parse("t.yaml", text, strlen(text), document, err);
}

/* clang-format off */
static const struct {
    const char *name;
    const char *text;
    const char *message;
} refused[] = {
    /* name                     text                                   message begins with */
    { "empty file",             "",                                    "t.yaml:1: the file is empty" },
    { "duplicate key",          "a: 1\nb: 2\na: 3\n",                  "t.yaml:3: 'a' is here already, in line 1" },
    { "duplicate, quoted",      "a: 1\n\"a\": 3\n",                    "t.yaml:2: 'a' is here already" },
    { "duplicate, deep",        "x:\n  - {a: 1, a: 2}\n",              "t.yaml:2: 'a' is here already" },
    { "anchor",                 "a: &x 1\n",                           "t.yaml:1: anchors and aliases" },
    { "anchor on a list",       "a: &x [1]\n",                         "t.yaml:1: anchors and aliases" },
    { "anchor on a map",        "a: &x {b: 1}\n",                      "t.yaml:1: anchors and aliases" },
    { "alias",                  "b: 2\na: *x\n",                       "t.yaml:2: anchors and aliases" },
    { "tag",                    "a: !!str 1\n",                        "t.yaml:1: tags (!) are not accepted" },
    { "tag on a map",           "--- !x\na: 1\n",                      "t.yaml:1: tags (!) are not accepted" },
    { "directive",              "%YAML 1.1\n---\na: 1\n",              "t.yaml:1: directives" },
    { "second document",        "a: 1\n---\nb: 1\n",                   "t.yaml:2: a second document" },
    { "map as a key",           "{a: 1}: 2\n",                         "t.yaml:1: the key of a map must be text" },
    { "block of lines",         "a: |\n  x\n  y\n",                    "t.yaml:1: a value must be one line" },
    { "escaped NUL",            "a: \"x\\0y\"\n",                      "t.yaml:1: a value must be one line" },
    { "escaped newline",        "a: 1\nb: \"x\\ny\"\n",                "t.yaml:2: a value must be one line" },
    { "invalid UTF-8",          "a: 1\nb: \xff\n",                     "t.yaml:2: " },
    { "control character",      "a: 1\nb: 2\nc: \x01\n",               "t.yaml:3: control characters are not allowed; save it as UTF-8" },
    { "tab as indent",          "a:\n\t- b\n",                         "t.yaml:2: a tab cannot indent; use spaces" },
    { "not closed",             "a: [1, 2\n",                          "t.yaml:2: " },
    { "seventeen deep",         "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "t.yaml:1: this is nested deeper than 16" },
    { "UTF-8 byte order mark",  "\xef\xbb\xbf" "a: 1\n",               "t.yaml:1: the file starts with a byte order mark; save it as UTF-8 without one" },
    { "UTF-16 byte order mark", "\xff\xfe" "a",                        "t.yaml:1: the file starts with a byte order mark" },
    { "big-endian UTF-16",      "\xfe\xff" "a",                        "t.yaml:1: the file starts with a byte order mark" },
};
/* clang-format on */

START_TEST(test_what_has_two_meanings_is_refused_with_its_line)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ck_assert_msg(parse(refused[_i].text, &document, &err) == CH_CONFIG, "%s was accepted", refused[_i].name);
    ck_assert_ptr_null(document);
    ck_assert_msg(strncmp(err.message, refused[_i].message, strlen(refused[_i].message)) == 0, "%s: %s",
                  refused[_i].name, err.message);
}
END_TEST

START_TEST(test_sixteen_deep_is_read)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ck_assert_int_eq(parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", &document, &err), CH_OK);
    ch_yaml_free(document);
}
END_TEST

START_TEST(test_file_over_4_mib_is_refused)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ch_autofree char *text = ch_alloc(CH_YAML_SIZE_MAX + 1);
    memset(text, '#', CH_YAML_SIZE_MAX + 1);
    ck_assert_int_eq(ch_yaml_parse("t.yaml", text, CH_YAML_SIZE_MAX + 1, &document, &err), CH_CONFIG);
    ck_assert_int_eq(ch_yaml_load("/nonexistent/t.yaml", &document, &err), CH_CONFIG);
}
END_TEST

START_TEST(test_a_tree_is_read_with_lines)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ck_assert_int_eq(parse("name: x\nlist:\n  - one\n  - \"2\"\nflag: true\nnumber: 42\n", &document, &err), CH_OK);
    const ch_yaml *root = ch_yaml_root(document);
    const char *text = NULL;
    uint64_t number = 0;
    bool flag = false;
    ck_assert_uint_eq(ch_yaml_count(root), 4);
    ck_assert_str_eq(ch_yaml_key_at(root, 1), "list");
    const ch_yaml *list = ch_yaml_get(root, "list");
    ck_assert_int_eq(ch_yaml_text(ch_yaml_item(list, 1), &text, &err), CH_OK);
    ck_assert_str_eq(text, "2");
    ck_assert_int_eq(ch_yaml_fail(ch_yaml_item(list, 1), &err, "so"), CH_CONFIG);
    ck_assert_str_eq(err.message, "t.yaml:4: so");
    ck_assert_str_eq(ch_yaml_path(list), "t.yaml");
    ck_assert_int_eq(ch_yaml_flag(root, "flag", &flag, &err), CH_OK);
    ck_assert(flag);
    ck_assert_int_eq(ch_yaml_uint(ch_yaml_get(root, "number"), &number, 42, &err), CH_OK);
    ck_assert_uint_eq(number, 42);
    ck_assert_int_eq(ch_yaml_check_known(root, &err), CH_CONFIG);
    ck_assert_str_eq(err.message, "t.yaml:1: there is no field 'name' here; see the documentation of this file");
    ck_assert_ptr_nonnull(ch_yaml_get(root, "name"));
    ck_assert_int_eq(ch_yaml_check_known(root, &err), CH_OK);
    ck_assert_ptr_null(ch_yaml_get(root, "absent"));
    ck_assert_int_eq(ch_yaml_require(root, "absent", &list, &err), CH_CONFIG);
    ck_assert_str_eq(err.message, "t.yaml:1: 'absent' is missing here");
    ch_yaml_free(document);
}
END_TEST

static const struct {
    const char *value;
    bool is_uint; /* up to 1000 */
    bool is_bool;
    bool is_text;
} scalars[] = {
    {"0",                    true,  false, true },
    {"1000",                 true,  false, true },
    {"1001",                 false, false, true },
    {"007",                  false, false, true },
    {"+1",                   false, false, true },
    {"-1",                   false, false, true },
    {"1_0",                  false, false, true },
    {"0x1",                  false, false, true },
    {"1.0",                  false, false, true },
    {"18446744073709551617", false, false, true },
    {"\"5\"",                false, false, true },
    {"true",                 false, true,  true },
    {"yes",                  false, false, true },
    {"True",                 false, false, true },
    {"\"true\"",             false, false, true },
    {"~",                    false, false, false},
    {"null",                 false, false, false},
    {"\"\"",                 false, false, true },
    {"[1]",                  false, false, false},
    {"{a: 1}",               false, false, false},
};

START_TEST(test_a_scalar_has_the_type_that_is_asked_for)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "a: %s\n", scalars[_i].value);
    ck_assert_int_eq(parse(ch_buffer_text(&text), &document, &err), CH_OK);
    const ch_yaml *node = ch_yaml_get(ch_yaml_root(document), "a");
    uint64_t number;
    bool flag;
    const char *out;
    ck_assert_msg((ch_yaml_uint(node, &number, 1000, &err) == CH_OK) == scalars[_i].is_uint, "%s", scalars[_i].value);
    ck_assert_msg((ch_yaml_bool(node, &flag, &err) == CH_OK) == scalars[_i].is_bool, "%s", scalars[_i].value);
    ck_assert_msg((ch_yaml_text(node, &out, &err) == CH_OK) == scalars[_i].is_text, "%s", scalars[_i].value);
    ch_yaml_free(document);
}
END_TEST

CH_TESTS("yaml", CH_TEST_ROWS(test_what_has_two_meanings_is_refused_with_its_line, refused),
         CH_TEST(test_sixteen_deep_is_read), CH_TEST(test_file_over_4_mib_is_refused),
         CH_TEST(test_a_tree_is_read_with_lines), CH_TEST_ROWS(test_a_scalar_has_the_type_that_is_asked_for, scalars))

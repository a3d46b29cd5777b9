/* Classes are written as words, in profiles and policies. */
#include "exchange/class.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_status read_text(const char *source, unsigned *classes, ch_error *err)
{
    ch_autoyaml *document = NULL;
    ck_assert_int_eq(ch_yaml_parse("test.yaml", source, strlen(source), &document, err), CH_OK);
    return ch_classes_read(ch_yaml_root(document), classes, err);
}

static const char *const names[CH_CLASS_COUNT] = {"read",     "trade", "cancel",  "transfer",
                                                  "withdraw", "keys",  "account", "session"};

START_TEST(test_each_class_is_read_by_its_name)
{
    ch_error err = CH_ERROR_INIT;
    unsigned classes = 0;
    ch_autobuffer source = CH_BUFFER_INIT;
    ck_assert_str_eq(ch_class_name((ch_class)_i), names[_i]);
    ch_buffer_add_format(&source, "[%s]", names[_i]);
    ck_assert_msg(read_text(ch_buffer_text(&source), &classes, &err) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(classes, 1U << _i);
}
END_TEST

START_TEST(test_classes_are_added_to_a_set)
{
    ch_error err = CH_ERROR_INIT;
    unsigned classes = 1U << CH_CLASS_READ;
    ck_assert_int_eq(read_text("[trade, cancel, trade]", &classes, &err), CH_OK);
    ck_assert_uint_eq(classes, 1U << CH_CLASS_READ | 1U << CH_CLASS_TRADE | 1U << CH_CLASS_CANCEL);
}
END_TEST

/* clang-format off */
static const struct {
    const char *source;
    const char *reason;
} wrong[] = {
    /* source               reason */
    { "[reads]",            "unknown class 'reads'; use read, trade, cancel, transfer, withdraw, keys, account or session" },
    { "[READ]",             "unknown class 'READ'" },
    { "[\"\"]",             "unknown class ''" },
    { "[[read]]",           "test.yaml:1" },
    { "read",               "must be a list" },
};
/* clang-format on */

START_TEST(test_another_word_is_refused)
{
    ch_error err = CH_ERROR_INIT;
    unsigned classes = 0;
    ck_assert_int_eq(read_text(wrong[_i].source, &classes, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "%s", err.message);
    ck_assert_uint_eq(classes, 0);
}
END_TEST

CH_TESTS("class", CH_TEST_ROWS(test_each_class_is_read_by_its_name, names), CH_TEST(test_classes_are_added_to_a_set),
         CH_TEST_ROWS(test_another_word_is_refused, wrong))

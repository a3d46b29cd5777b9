#include "cli/output.h"

#include "cli/jansson.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ch_error err;
static char printed[4096];

static const ch_column columns[] = {
    {"LABEL", "label"},
    {"N",       "n"},
    {"OK","ok"},
    {0   }
};

/* From here to `finish`, standard output goes to a file. */
static FILE *begin(void)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    fflush(stdout);
    ck_assert_int_ge(dup2(fileno(file), STDOUT_FILENO), 0);
    return file;
}

static const char *finish(FILE *file)
{
    ck_assert_int_eq(ch_output_finish(&err), CH_OK);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
    return printed;
}

static json_t *row(const char *label, int n, bool is_ok)
{
    return json_pack("{s:o s:i s:b}", "label", ch_jansson_text(label), "n", n, "ok", is_ok);
}

START_TEST(test_columns_are_as_wide_as_characters_not_bytes)
{
    ch_autojansson rows = json_pack("[o o]", row("ü", 1, true), row("longer", 22, false));
    FILE *file = begin();
    ch_output_table(rows, columns);
    ck_assert_str_eq(finish(file), "LABEL   N   OK\n"
                                   "ü       1   yes\n"
                                   "longer  22  no\n");
}
END_TEST

START_TEST(test_a_cell_without_a_value_is_a_dash)
{
    ch_autojansson rows = json_pack("[{s:s s:n}]", "label", "", "n");
    FILE *file = begin();
    ch_output_table(rows, columns);
    ck_assert_str_eq(finish(file), "LABEL  N  OK\n"
                                   "-      -  -\n");
}
END_TEST

START_TEST(test_text_can_not_drive_a_terminal)
{
    FILE *file = begin();
    ch_output_text("a\x1b[31m\r\n\x7f\xc2\x9b!");
    const char *text = finish(file);
    ck_assert_ptr_null(strpbrk(text, "\x1b\r\n\x7f"));
    ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
    ck_assert_int_eq(text[strlen(text) - 1], '!');
}
END_TEST

START_TEST(test_every_line_begins_as_it_must)
{
    FILE *file = begin();
    ch_output_lines(stdout, "# ", "one\n\ntwo\rrm\x1b[2J\n");
    ch_output_lines(stdout, "# ", "");
    ch_output_lines(stdout, "", "no end");
    ck_assert_str_eq(finish(file), "# one\n# \n# two?rm?[2J\nno end\n");
}
END_TEST

START_TEST(test_a_listing_is_a_table_or_json_or_a_sentence)
{
    ch_arguments as_text = {0};
    ch_arguments as_json = {0};
    ch_autojansson rows = json_pack("[o]", row("k", 1, true));
    ch_autojansson no_rows = json_array();
    as_json.option[CH_OPT_JSON] = "";
    FILE *file = begin();
    ck_assert_int_eq(ch_output_listing(&as_text, "keys", rows, columns, "Nothing.", &err), CH_OK);
    ck_assert_int_eq(ch_output_listing(&as_text, "keys", no_rows, columns, "Nothing.", &err), CH_OK);
    ck_assert_int_eq(ch_output_listing(&as_json, "keys", no_rows, columns, "Nothing.", &err), CH_OK);
    ck_assert_str_eq(finish(file), "LABEL  N  OK\n"
                                   "k      1  yes\n"
                                   "Nothing.\n"
                                   "{\n  \"keys\": []\n}\n");
}
END_TEST

START_TEST(test_json_is_exact_and_can_not_drive_a_terminal)
{
    static const char label[] = "a\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81";
    ch_autojansson value = json_pack("{s:o}", "label", ch_jansson_text(label));
    FILE *file = begin();
    ck_assert_int_eq(ch_output_json(value, &err), CH_OK);
    ck_assert_str_eq(finish(file), "{\n  \"label\": \"a\\u001B[2J\\u007f\\u009B\\u202E\\uDB40\\uDC41\"\n}\n");
}
END_TEST

START_TEST(test_what_nobody_sees_does_not_bend_columns)
{
    ch_autojansson rows = json_pack("[o o]", row("a\xe2\x80\x8b", 1, true), row("b", 2, true));
    FILE *file = begin();
    ch_output_table(rows, columns);
    ck_assert_str_eq(finish(file), "LABEL  N  OK\n"
                                   "a?"
                                   "?"
                                   "?   1  yes\n"
                                   "b      2  yes\n");
}
END_TEST

START_TEST(test_a_full_disk_is_an_error)
{
    ck_assert_ptr_nonnull(freopen("/dev/full", "w", stdout));
    puts("x");
    ck_assert_int_eq(ch_output_finish(&err), CH_IO);
}
END_TEST

START_TEST(test_a_label_that_is_not_utf8_is_shown_all_the_same)
{
    ch_autojansson text = ch_jansson_text("a\xff"
                                          "b");
    ck_assert_str_eq(json_string_value(text), "a?b");
}
END_TEST

START_TEST(test_a_member_that_is_missing_or_not_text_is_empty)
{
    ch_autojansson object = json_pack("{s:i}", "n", 1);
    ck_assert_str_eq(ch_jansson_member(object, "n"), "");
    ck_assert_str_eq(ch_jansson_member(object, "x"), "");
    ck_assert_str_eq(ch_jansson_member(NULL, "x"), "");
}
END_TEST

CH_TESTS("output", CH_TEST(test_columns_are_as_wide_as_characters_not_bytes),
         CH_TEST(test_a_cell_without_a_value_is_a_dash), CH_TEST(test_text_can_not_drive_a_terminal),
         CH_TEST(test_every_line_begins_as_it_must), CH_TEST(test_a_listing_is_a_table_or_json_or_a_sentence),
         CH_TEST(test_a_full_disk_is_an_error), CH_TEST(test_json_is_exact_and_can_not_drive_a_terminal),
         CH_TEST(test_what_nobody_sees_does_not_bend_columns),
         CH_TEST(test_a_label_that_is_not_utf8_is_shown_all_the_same),
         CH_TEST(test_a_member_that_is_missing_or_not_text_is_empty))

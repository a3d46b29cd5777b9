#include "cli/commands.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

#define LINE_MAX_BYTES 110

/* The longest line of `text`. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (const char *line = text; *line != '\0'; line += strspn(line, "\n")) {
        size_t length = strcspn(line, "\n");
        width = length > width ? length : width;
        line += length;
    }
    return width;
}

START_TEST(test_every_command_is_described)
{
    const ch_command *command;
    size_t i = 0;
    for (; (command = ch_command_at(i)) != NULL; i++) {
        ck_assert_msg(command->run != NULL, "%s", command->name);
        ck_assert_msg(strlen(command->summary) > 5 && width_of(command->summary) < 70, "%s", command->name);
        ck_assert_msg(strlen(command->details) > 20 && width_of(command->details) <= 80, "%s", command->name);
        ck_assert_msg(command->details[strlen(command->details) - 1] == '.', "%s", command->name);
        ck_assert_msg(command->examples[strlen(command->examples) - 1] == '\n', "%s", command->name);
        ck_assert_msg(width_of(command->examples) <= LINE_MAX_BYTES, "%s", command->name);
    }
    ck_assert_uint_gt(i, 10);
}
END_TEST

START_TEST(test_every_example_begins_with_its_command)
{
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        ch_autobuffer begin = CH_BUFFER_INIT;
        ch_buffer_add_text(&begin, "  chancery ");
        ch_command_add_name(command, &begin);
        ck_assert_msg(strncmp(command->examples, ch_buffer_text(&begin), begin.size) == 0, "%s", command->examples);
    }
}
END_TEST

START_TEST(test_arguments_are_named_and_counted)
{
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        const ch_syntax *syntax = &command->syntax;
        ck_assert_msg((syntax->positional != NULL) == (syntax->positional_max > 0), "%s", command->name);
        ck_assert_msg(syntax->positional_min <= syntax->positional_max, "%s", command->name);
        ck_assert_msg((syntax->options >> CH_OPT_COUNT) == 0, "%s", command->name);
    }
}
END_TEST

START_TEST(test_a_command_is_found_by_its_name)
{
    const ch_command *command;
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        char *with_family[] = {(char *)command->family, (char *)command->name, "x"};
        char **words = command->family == NULL ? with_family + 1 : with_family;
        int count = command->family == NULL ? 1 : 2;
        int name_words = 0;
        ck_assert_ptr_eq(ch_command_find(count, words, &name_words), command);
        ck_assert_int_eq(name_words, count);
        ck_assert_ptr_null(ch_command_find(count - 1, words, &name_words));
        ck_assert(command->family == NULL || ch_command_is_family(command->family));
    }
}
END_TEST

START_TEST(test_names_that_are_not_commands_are_not_found)
{
    static char *const words[][2] = {
        {"token",   "sign"  },
        {"unlock2", ""      },
        {"init",    "token" },
        {"",        ""      },
        {"key",     "Import"}
    };
    int name_words = 0;
    for (size_t i = 0; i < CH_ROWS(words); i++)
        ck_assert_ptr_null(ch_command_find(2, words[i], &name_words));
    ck_assert(!ch_command_is_family("unlock"));
    ck_assert(!ch_command_is_family(""));
}
END_TEST

CH_TESTS("commands", CH_TEST(test_every_command_is_described), CH_TEST(test_every_example_begins_with_its_command),
         CH_TEST(test_arguments_are_named_and_counted), CH_TEST(test_a_command_is_found_by_its_name),
         CH_TEST(test_names_that_are_not_commands_are_not_found))

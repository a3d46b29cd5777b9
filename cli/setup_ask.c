/* To know before a change: until the last question is answered nothing exists, so a signal at a prompt simply ends the
 * program. The echo is on all the while, but for secrets, whose prompt puts it back (cli/terminal.c). */
#include "base/memory.h"
#include "base/printable.h"
#include "base/slice.h"
#include "base/users.h"
#include "cli/output.h"
#include "cli/setup_impl.h"
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define LONG_LIST 9 /* from so many choices on, they stand side by side */
#define PER_ROW 4

void ch_setup_say(const ch_setup *setup, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    if (setup->given != NULL)
        return;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size >= 0)
        ch_output_lines(stderr, "", text);
    free(text);
}

/* ---- lists ---- */

bool ch_setup_names_have(const ch_setup_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->text[i], name) == 0)
            return true;
    }
    return false;
}

void ch_setup_names_add(void *names, const char *name)
{
    ch_setup_names *to = names;
    if (ch_setup_names_have(to, name))
        return;
    to->text = ch_realloc_array(to->text, to->count + 1, sizeof *to->text);
    to->text[to->count++] = ch_strdup(name);
}

void ch_setup_names_free(ch_setup_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free((char *)names->text[i]);
    free(names->text);
}

/* ---- a question as people see it ---- */

static void add_choices(const ch_setup_question *question, ch_buffer *out)
{
    bool is_long = question->choice_count >= LONG_LIST;
    for (size_t i = 0; i < question->choice_count; i++) {
        ch_autofree char *choice = ch_strdup(question->choices[i]);
        bool ends_row = !is_long || i % PER_ROW == PER_ROW - 1 || i + 1 == question->choice_count;
        ch_make_printable(choice);
        ch_buffer_add_format(out, ends_row ? "  %2zu  %s" : "  %2zu  %-18s", i + 1, choice);
        if (ends_row)
            ch_buffer_add_byte(out, '\n');
    }
}

static void add_prompt(const ch_setup_question *question, ch_buffer *out)
{
    add_choices(question, out);
    ch_buffer_add_text(out, question->prompt);
    if (question->fallback != NULL && question->fallback[0] != '\0') {
        ch_autofree char *fallback = ch_strdup(question->fallback);
        ch_make_printable(fallback);
        ch_buffer_add_format(out, " [%s]", fallback);
    }
    ch_buffer_add_text(out, ": ");
}

/* ---- an answer ---- */

static bool is_number_of(const char *answer, size_t count, size_t *index)
{
    size_t digits = strspn(answer, "0123456789");
    if (digits == 0 || digits > 3 || answer[digits] != '\0')
        return false;
    *index = strtoul(answer, NULL, 10);
    return *index >= 1 && *index <= count;
}

static ch_status choose(const ch_setup_question *question, char **answer, ch_error *err)
{
    size_t index;
    for (size_t i = 0; i < question->choice_count; i++) {
        if (strcmp(question->choices[i], *answer) == 0)
            return CH_OK;
    }
    if (is_number_of(*answer, question->choice_count, &index)) {
        free(*answer);
        *answer = ch_strdup(question->choices[index - 1]);
        return CH_OK;
    }
    return question->is_open
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT, "answer one of the %zu by its number or its name", question->choice_count);
}

/* Takes `text` as the answer: the fallback if it is empty, a choice by its number. */
static ch_status settle(ch_setup *setup, const ch_setup_question *question, const char *text, char **out, ch_error *err)
{
    ch_autofree char *answer = ch_strdup(text);
    if (*answer == '\0' && question->fallback == NULL)
        return ch_fail(err, CH_BAD_INPUT, "there must be an answer");
    if (*answer == '\0') {
        free(answer);
        answer = ch_strdup(question->fallback);
    }
    if (!ch_slice_is_text(ch_slice_of(answer)))
        return ch_fail(err, CH_BAD_INPUT, "that is not text in UTF-8");
    if (question->choice_count > 0)
        CH_TRY(choose(question, &answer, err));
    if (question->check != NULL)
        CH_TRY(question->check(setup, answer, err));
    free(*out);
    *out = answer;
    answer = NULL;
    return CH_OK;
}

/* ---- where answers come from ---- */

static ch_status answer_given(ch_setup *setup, const ch_setup_question *question, char **out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(ch_yaml_root(setup->given), question->name);
    const char *text = "";
    if (node != NULL)
        CH_TRY(ch_yaml_text(node, &text, err));
    if (node == NULL && question->fallback == NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s says nothing of '%s'; add it", ch_yaml_path(ch_yaml_root(setup->given)),
                       question->name);
    if (settle(setup, question, text, out, err) == CH_OK)
        return CH_OK;
    return ch_error_wrap(err, "%s: '%s'", ch_yaml_path(ch_yaml_root(setup->given)), question->name);
}

/* Cuts off the line end, and blanks at both ends. Returns false if there is no line end. */
static bool trim(char *line)
{
    size_t size = strlen(line);
    size_t begin = strspn(line, " \t");
    if (size == 0 || line[size - 1] != '\n')
        return false;
    while (size > begin && strchr(" \t\r\n", line[size - 1]) != NULL)
        size--;
    memmove(line, line + begin, size - begin);
    line[size - begin] = '\0';
    return true;
}

static ch_status read_aloud(const char *prompt, char line[LINE_MAX_BYTES], ch_error *err)
{
    CH_TRY(ch_terminal_ask(prompt, line, LINE_MAX_BYTES, err));
    if (!trim(line))
        return ch_fail(err, CH_BAD_INPUT,
                       "the answer is missing: the terminal is at its end of file; nothing was made");
    return CH_OK;
}

static ch_status read_silently(const char *prompt, char line[LINE_MAX_BYTES], ch_error *err)
{
    ch_autosecret typed = CH_SECRET_INIT;
    size_t size = 0;
    CH_TRY(ch_secret_alloc(&typed, LINE_MAX_BYTES, err));
    CH_TRY(ch_terminal_ask_secret(prompt, "the answer", &typed, &size, err));
    memcpy(line, typed.data, size);
    line[size] = '\0';
    return CH_OK;
}

static ch_status answer_typed(ch_setup *setup, const ch_setup_question *question, char **out, ch_error *err)
{
    char line[LINE_MAX_BYTES];
    ch_autobuffer prompt = CH_BUFFER_INIT;
    ch_error wrong = CH_ERROR_INIT;
    add_prompt(question, &prompt);
    do {
        if (wrong.status != CH_OK)
            ch_setup_say(setup, "%s.\n", wrong.message);
        wrong = (ch_error)CH_ERROR_INIT;
        ch_status st = (question->is_silent ? read_silently : read_aloud)(ch_buffer_text(&prompt), line, err);
        if (st == CH_OK)
            ch_ignore(settle(setup, question, line, out, &wrong)); /* then it is asked again */
        explicit_bzero(line, sizeof line);
        CH_TRY(st);
    } while (wrong.status != CH_OK);
    return CH_OK;
}

ch_status ch_setup_ask(ch_setup *setup, const ch_setup_question *question, char **out, ch_error *err)
{
    return (setup->given != NULL ? answer_given : answer_typed)(setup, question, out, err);
}

ch_status ch_setup_check_user(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    uid_t uid;
    return ch_user_find(answer, &uid, err);
}

static ch_status check_yes(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    static const char *const words[] = {"yes", "y", "no", "n", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(answer, words[i]) == 0)
            return CH_OK;
    }
    return ch_fail(err, CH_BAD_INPUT, "answer yes or no");
}

ch_status ch_setup_ask_yes(ch_setup *setup, const char *name, const char *prompt, bool fallback, bool *out,
                           ch_error *err)
{
    ch_autofree char *answer = NULL;
    const ch_setup_question question = {
        .name = name, .prompt = prompt, .fallback = fallback ? "yes" : "no", .check = check_yes};
    CH_TRY(ch_setup_ask(setup, &question, &answer, err));
    *out = answer != NULL && strchr("yYtT", answer[0]) != NULL;
    return CH_OK;
}

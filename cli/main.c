/* chancery: the one command-line tool for all roles. This file is the way in and out: before a command runs, the
 * process is made unreadable to others; after it, an error becomes a line and an exit status. */
#include "base/nodump.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/output.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- before a command ---- */

/* If descriptor 0, 1 or 2 is closed, the next file opened would take its number, and be written to. */
static ch_status fill_standard_descriptors(ch_error *err)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd < 0)
        return ch_fail_errno(err, "opening /dev/null");
    close(fd);
    return CH_OK;
}

/* ---- which command ---- */

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "chancery help ..." */
static ch_status help(int count, char *const *words, ch_error *err)
{
    int name_words;
    const ch_command *command = ch_command_find(count, words, &name_words);
    if (command != NULL)
        ch_help_command(command);
    else if (count == 0 || ch_command_is_family(words[0]))
        ch_help_overview(count == 0 ? NULL : words[0]);
    else if (!ch_help_topic(words[0]))
        return ch_fail(err, CH_BAD_INPUT, "there is no help on that; 'chancery help' lists the commands");
    return CH_OK;
}

static ch_status no_such_command(int count, char *const *words, ch_error *err)
{
    for (int i = 0; i < count; i++)
        CH_TRY(ch_options_refuse_secret(words[i], err));
    if (count == 0)
        return ch_fail(err, CH_BAD_INPUT, "no command is given; 'chancery help' lists them");
    if (ch_command_is_family(words[0]))
        return ch_fail(err, CH_BAD_INPUT, "no such command of '%s'; 'chancery %s --help' lists them", words[0],
                       words[0]);
    return ch_fail(err, CH_BAD_INPUT, "there is no such command; 'chancery help' lists them");
}

static ch_status run_command(const ch_command *command, int count, char *const *words, ch_error *err)
{
    ch_autoarguments arguments = {0};
    CH_TRY(ch_options_parse(&command->syntax, count, words, &arguments, err));
    if (arguments.option[CH_OPT_HELP] == NULL)
        return command->run(&arguments, err);
    ch_help_command(command);
    return CH_OK;
}

static ch_status run(int count, char *const *words, ch_error *err)
{
    if (count > 0 && is_help(words[0]))
        return help(count - 1, words + 1, err);
    if (count == 2 && ch_command_is_family(words[0]) && is_help(words[1]))
        return help(1, words, err);
    if (count == 1 && (strcmp(words[0], "--version") == 0 || strcmp(words[0], "-V") == 0)) {
        puts("chancery " CH_VERSION);
        return CH_OK;
    }
    int name_words;
    const ch_command *command = ch_command_find(count, words, &name_words);
    if (command == NULL)
        return no_such_command(count, words, err);
    return run_command(command, count - name_words, words + name_words, err);
}

/* ---- after it ---- */

/* What a person can do about it with this tool: the sentence itself may come from the agent, which many clients ask. */
static const char *hint_for(const ch_error *err)
{
    bool has_pin = strcmp(err->rule, "CKR_USER_PIN_NOT_INITIALIZED") != 0;
    if (err->status == CH_LOCKED && has_pin)
        return "an operator unlocks the token with 'chancery unlock'";
    if (err->status == CH_WRONG_PIN)
        return "'chancery token list' shows the state of the PIN";
    return NULL;
}

static void print_error(const ch_error *err)
{
    const char *hint = hint_for(err);
    fprintf(stderr, "chancery: %s", err->message);
    if (err->rule[0] != '\0')
        fprintf(stderr, " [%s]", err->rule);
    fprintf(stderr, "\n");
    if (hint != NULL)
        fprintf(stderr, "hint: %s\n", hint);
}

static ch_status do_all(int count, char *const *words, ch_error *err)
{
    CH_TRY(fill_standard_descriptors(err));
    CH_TRY(ch_forbid_dumps(err)); /* secrets pass through this process */
    CH_TRY(run(count, words, err));
    return ch_output_finish(err);
}

int main(int argc, char **argv)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = do_all(argc - 1, argv + 1, &err);
    if (st != CH_OK)
        print_error(&err);
    return ch_status_exit(st);
}

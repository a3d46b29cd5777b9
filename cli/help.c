#include "cli/help.h"

#include "base/buffer.h"
#include "cli/completion.h"
#include "pkcs11/mechanism.h"

#include <stdio.h>
#include <string.h>

static bool is_of_family(const ch_command *command, const char *family)
{
    return family == NULL || (command->family != NULL && strcmp(command->family, family) == 0);
}

static void print_command_line(const ch_command *command)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_command_add_name(command, &name);
    printf("  %-18s %s\n", ch_buffer_text(&name), command->summary);
}

void ch_help_overview(const char *family)
{
    const ch_command *command;
    printf("usage: chancery %s [arguments]\n\n", family == NULL ? "command" : family);
    if (family == NULL)
        printf("Keeps exchange API secrets in a PKCS#11 token and has requests signed there.\n\n");
    printf("commands:\n");
    for (size_t i = 0; (command = ch_command_at(i)) != NULL; i++) {
        if (is_of_family(command, family))
            print_command_line(command);
    }
    printf("\n'chancery COMMAND --help' says more, with examples.\n");
    if (family == NULL)
        printf("'chancery help exit-codes' and 'chancery help mechanisms' list those.\n"
               "\n"
               "PINs and secrets are asked for on the terminal, read from standard input if it is a pipe (one a\n"
               "line), or from a descriptor (--pin-fd N and the like), or asked for by --pinentry and\n"
               "--ask-password. They are never arguments.\n");
}

static void print_option(const ch_option_row *row)
{
    char form[48];
    const char *value = row->value == NULL ? "" : row->value;
    if (ch_option_may_be_bare(row))
        snprintf(form, sizeof form, "--%s[=%s", row->name, value + 1);
    else
        snprintf(form, sizeof form, "--%s%s%s", row->name, *value == '\0' ? "" : " ", value);
    printf("  %-27s %s", form, row->help);
    if (row->variable != NULL)
        printf(" (or $%s)", row->variable);
    printf("\n");
}

void ch_help_command(const ch_command *command)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    const char *positional = command->syntax.positional;
    ch_command_add_name(command, &name);
    printf("usage: chancery %s%s%s [options]\n\n%s\n", ch_buffer_text(&name), positional == NULL ? "" : " ",
           positional == NULL ? "" : positional, command->details);
    printf("\noptions:\n");
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        if (ch_syntax_has(&command->syntax, option))
            print_option(ch_option_at(option));
    }
    printf("\nexamples:\n%s", command->examples);
}

static void print_exit_codes(void)
{
    printf("Exit statuses, which scripts can rely on:\n");
    for (ch_status status = CH_OK; status < CH_STATUS_COUNT; status++) {
        if (*ch_status_help(status) != '\0')
            printf("  %2d  %s\n", ch_status_exit(status), ch_status_help(status));
    }
}

static void print_mechanisms(void)
{
    printf("Mechanisms (--mechanism); a token may lack some of them:\n");
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++)
        printf("  %s\n", ch_mechanism_at(i)->name);
}

static const struct {
    const char *name;
    void (*print)(void);
} topics[] = {
  /* clang-format off */
    /* name         print */
    { "exit-codes", print_exit_codes },
    { "mechanisms", print_mechanisms },
    { "completion", ch_completion_print }, /* for make install; the overview does not mention it */
  /* clang-format on */
};

bool ch_help_topic(const char *topic)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (strcmp(topic, topics[i].name) == 0) {
            topics[i].print();
            return true;
        }
    }
    return false;
}

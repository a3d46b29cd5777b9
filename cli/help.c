#include "cli/help.h"

#include "cli/options.h"
#include "pkcs11/mechanism.h"

#include <stdio.h>
#include <string.h>

static void print_command_line(const ch_command *command)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s%s", command->family == NULL ? "" : command->family,
                   command->family == NULL ? "" : " ", command->name);
    (void)printf("  %-14s %s\n", name, command->summary);
}

void ch_help_overview(const char *family)
{
    (void)printf("usage: chancery %s [arguments]\n\n", family == NULL ? "command" : family);
    if (family == NULL)
        (void)printf("Keeps exchange API secrets in a PKCS#11 token and has requests signed there.\n\n");
    (void)printf("commands:\n");
    for (size_t i = 0; ch_command_at(i) != NULL; i++) {
        const ch_command *command = ch_command_at(i);
        if (family == NULL || (command->family != NULL && strcmp(command->family, family) == 0))
            print_command_line(command);
    }
    (void)printf("\n'chancery COMMAND --help' says more, with examples.\n");
    if (family == NULL)
        (void)printf("'chancery help exit-codes' and 'chancery help mechanisms' list what they say.\n"
                     "\n"
                     "PINs and secrets are asked for on the terminal, read from standard input when it is a pipe (one\n"
                     "a line), or from a descriptor (--pin-fd N and the like). They are never arguments.\n");
}

void ch_help_command(const ch_command *command)
{
    (void)printf("usage: chancery %s%s%s%s%s [options]\n\n%s\n", command->family == NULL ? "" : command->family,
                 command->family == NULL ? "" : " ", command->name, command->synopsis == NULL ? "" : " ",
                 command->synopsis == NULL ? "" : command->synopsis, command->details);
    (void)printf("\noptions:\n");
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        if (((command->options | CH_OPTION_BIT(CH_OPT_HELP)) & CH_OPTION_BIT(option)) == 0)
            continue;
        const ch_option_row *row = ch_option_at(option);
        char form[48];
        (void)snprintf(form, sizeof form, "--%s%s%s", row->name, row->value == NULL ? "" : " ",
                       row->value == NULL ? "" : row->value);
        (void)printf("  %-27s %s\n", form, row->help);
    }
    (void)printf("\nexamples:\n%s", command->examples);
}

static void print_exit_codes(void)
{
    (void)printf("Exit statuses, which scripts can rely on:\n");
    for (ch_status status = CH_OK; status < CH_STATUS_COUNT; status++) {
        if (*ch_status_help(status) != '\0')
            printf("  %2d  %s\n", ch_status_exit(status), ch_status_help(status));
    }
}

static void print_mechanisms(void)
{
    (void)printf("Mechanisms (--mechanism); a token need not offer all of them:\n");
    for (size_t i = 0; ch_mechanism_at(i) != NULL; i++)
        (void)printf("  %s\n", ch_mechanism_at(i)->name);
}

bool ch_help_topic(const char *topic)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } topics[] = {
        {"exit-codes", print_exit_codes},
        {"mechanisms", print_mechanisms}
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (strcmp(topic, topics[i].name) == 0) {
            topics[i].print();
            return true;
        }
    }
    return false;
}

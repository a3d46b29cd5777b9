/* The help of `chancery`, made from the table of commands. */
#ifndef CH_CLI_HELP_H
#define CH_CLI_HELP_H

#include "cli/commands.h"

/* Prints all commands, or those of one family (NULL: all). */
void ch_help_overview(const char *family);

/* Prints the syntax, options and examples of one command. */
void ch_help_command(const ch_command *command);

/* Prints the help on "exit-codes" or "mechanisms", or the script for "completion"; false if there is no such topic. */
bool ch_help_topic(const char *topic);

#endif

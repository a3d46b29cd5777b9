/* The help of `chancery`, made from the table of commands. */
#ifndef CH_CLI_HELP_H
#define CH_CLI_HELP_H

#include "cli/command.h"

#include <stdbool.h>

/* All commands, or those of one family (NULL: all). */
void ch_help_overview(const char *family);
void ch_help_command(const ch_command *command);
/* "exit-codes" or "mechanisms"; false if there is no such topic. */
bool ch_help_topic(const char *topic);

#endif

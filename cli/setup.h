/* chancery setup: five questions, and then everything that a first signature needs. What it makes, it makes by the
 * other commands, and whatever goes wrong later takes it back. Single-threaded. */
#ifndef CH_CLI_SETUP_H
#define CH_CLI_SETUP_H

#include "cli/options.h"

/* Runs another command. */
typedef ch_status ch_setup_runner(const char *family, const char *name, const ch_arguments *arguments, ch_error *err);

/* Asks, makes, and says what comes next. */
CH_CHECKED ch_status ch_setup_all(const ch_arguments *arguments, ch_setup_runner *run, ch_error *err);

#endif

/* key adopt: a key that another tool made is narrowed to signing, and what is still wrong with it is said. */
#ifndef CH_CLI_KEY_ADOPT_H
#define CH_CLI_KEY_ADOPT_H

#include "cli/options.h"

/* Runs `key adopt`. CH_REFUSED if the agent would not sign with the key as it is now. */
CH_CHECKED ch_status ch_key_adopt_run(const ch_arguments *arguments, ch_error *err);

#endif

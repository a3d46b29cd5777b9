/* key check: does a key on a token make the signature that somebody knows? A wrong import shows so before the first
 * order. Nothing that the token signs is printed. */
#ifndef CH_CLI_KEY_CHECK_H
#define CH_CLI_KEY_CHECK_H

#include "cli/options.h"

/* Runs `key check`. CH_REFUSED if the signature is not the key's. */
CH_CHECKED ch_status ch_key_check_run(const ch_arguments *arguments, ch_error *err);

#endif

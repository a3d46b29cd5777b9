/* Where PINs and API secrets come from: a descriptor that was named, a pipe on standard input, or a terminal without
 * echo; never the command line or the environment.
 *
 * For each secret, in this order:
 *   1. --pin-fd N, --so-pin-fd N, --secret-fd N: that descriptor;
 *   2. standard input, when it is a pipe, socket or file and no --...-fd 0 claimed it;
 *   3. /dev/tty with the echo off. The terminal's settings come back on every way out, signals included.
 * From a descriptor each secret takes one line, so that several can share one; a PEM takes the rest. What was read goes
 * straight to locked memory. Single-threaded. */
#ifndef CH_CLI_SECRET_INPUT_H
#define CH_CLI_SECRET_INPUT_H

#include "base/secret.h"
#include "cli/command.h"

#include <stdbool.h>

typedef struct ch_secret_request {
    ch_option descriptor_option; /* CH_OPT_PIN_FD, CH_OPT_SO_PIN_FD, CH_OPT_SECRET_FD */
    const char *name;            /* "the user PIN", for errors */
    const char *prompt;          /* "PIN of token 'demo': " */
    bool is_asked_twice;         /* on a terminal: newly set, so a slip would lock out */
    bool is_pem;                 /* many lines, and never typed */
} ch_secret_request;

/* Reads one secret. Ask for all that a command needs before the first is used: what is missing then costs no try of a
 * PIN. CH_BAD_INPUT when it is empty, cut short or not what it should be. */
CH_CHECKED ch_status ch_secret_ask(const ch_arguments *arguments, const ch_secret_request *request, ch_secret *out,
                                   ch_error *err);

/* Asks on the terminal; only "yes" and "y" are yes. CH_BAD_INPUT without a terminal: say --yes. CH_REFUSED on no. */
CH_CHECKED ch_status ch_confirm(const char *question, ch_error *err);

#endif

/* Where PINs and API secrets come from: a descriptor that was named, a pipe on standard input, a program that asks for
 * them, a credential of the service manager, or a terminal without echo; never the command line or the environment.
 *
 * For each secret, in this order:
 *   1. --pin-fd N, --code-fd N, --so-pin-fd N, --secret-fd N, --payload-fd N: that descriptor;
 *   2. the user PIN, with --credential NAME: that file in $CREDENTIALS_DIRECTORY;
 *   3. a PIN, with --pinentry or --ask-password: that program;
 *   4. standard input, if it is a pipe, socket or file and no such option names descriptor 0;
 *   5. what can be typed, with --pinentry or --ask-password: that program;
 *   6. the terminal.
 * From a descriptor a PIN takes one line, so that several can share one; what a command asks for last takes the rest.
 * What is read goes straight to locked memory. Single-threaded. */
#ifndef CH_CLI_SECRET_INPUT_H
#define CH_CLI_SECRET_INPUT_H

#include "base/secret.h"
#include "cli/options.h"

typedef struct ch_input_question {
    ch_option descriptor;  /* CH_OPT_PIN_FD, CH_OPT_CODE_FD, CH_OPT_SO_PIN_FD, CH_OPT_SECRET_FD, CH_OPT_PAYLOAD_FD */
    const char *name;      /* "the user PIN", for errors */
    const char *prompt;    /* "User PIN of token demo: "; NULL: can't be typed */
    const char *not_typed; /* without a prompt: what to do instead */
    bool is_asked_twice;   /* on a terminal: newly set, so a slip would lock out */
    bool is_asked_again;   /* on a terminal: after a slip, which is otherwise an error */
    size_t rest_max_bytes; /* takes all that is left of the descriptor, at most so much; 0: a PIN, which takes a line */
} ch_input_question;

/* Reads one secret into `out`, which must be empty. Ask for all that a command needs before the first is used, so that
 * a missing one does not cost a try of the PIN. `next` is what the command asks for next, NULL if that is nothing.
 *
 * A PIN comes without its line end, which must be all that is left, unless `next` is read from the same descriptor.
 * What takes the rest comes as it is, line ends and all: its reader knows what may stand there. Returns CH_BAD_INPUT if
 * it is missing, empty or not what it should be, CH_TOO_LARGE if it is too long. */
CH_CHECKED ch_status ch_input_secret(const ch_arguments *arguments, const ch_input_question *question,
                                     const ch_input_question *next, ch_secret *out, ch_error *err);

/* Returns CH_BAD_INPUT if --no-pin was given together with something that says where a PIN comes from. */
CH_CHECKED ch_status ch_input_check_no_pin(const ch_arguments *arguments, ch_error *err);

/* Asks on the terminal; only "yes" and "y" are yes. Returns CH_REFUSED on anything else, CH_BAD_INPUT without a
 * terminal: the error then says to give --yes. */
CH_CHECKED ch_status ch_input_confirm(const char *question, ch_error *err);

#endif

/* One-time codes as people type them: six to eight digits, perhaps in two groups; and how they travel with a PIN.
 * Single-threaded. */
#ifndef CH_CLI_CODE_INPUT_H
#define CH_CLI_CODE_INPUT_H

#include "base/secret.h"
#include "cli/secret_input.h"

/* Asks as ch_input_secret does, for a code that goes by --code-fd, and takes the blanks out. Returns CH_BAD_INPUT for
 * what is no code, so that the agent is not asked about it. */
extern const ch_input_question ch_code_question;
CH_CHECKED ch_status ch_input_code(const ch_arguments *arguments, ch_secret *out, ch_error *err);
/* Asks for a code on the terminal, whatever the options say: only who has seen the new seed has one. */
CH_CHECKED ch_status ch_input_new_code(ch_secret *out, ch_error *err);

/* Joins `count` secrets, with a NUL between them, as they go into a pipe. An empty one stays empty. */
CH_CHECKED ch_status ch_secrets_join(const ch_secret *const *parts, size_t count, ch_secret *out, ch_error *err);

#endif

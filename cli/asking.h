/* Asking a person for a secret by a program: pinentry, in the Assuan protocol, or systemd-ask-password. */
#ifndef CH_CLI_ASKING_H
#define CH_CLI_ASKING_H

#include "base/secret.h"

/* Asks with `prompt` and sets `*size_bytes` to what was written into `line`, which is allocated and holds a whole line.
 * Returns CH_REFUSED if the person left or did not answer in time, CH_IO if the program failed. `name` ("the user PIN")
 * is for errors. */
CH_CHECKED ch_status ch_pinentry_ask(const char *program, const char *prompt, const char *name, const ch_secret *line,
                                     size_t *size_bytes, ch_error *err);
CH_CHECKED ch_status ch_ask_password_ask(const char *program, const char *prompt, const char *name,
                                         const ch_secret *line, size_t *size_bytes, ch_error *err);

#endif

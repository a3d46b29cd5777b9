/* Questions to the person at the terminal, /dev/tty, whatever standard input is. Single-threaded. */
#ifndef CH_CLI_TERMINAL_H
#define CH_CLI_TERMINAL_H

#include "base/secret.h"

/* Asks for a secret without echo, and sets `*size_bytes` to the length of what was typed into `line`, without the line
 * end. The caller allocates `line`, which must hold a whole line. After Ctrl-Z and fg it asks again. A signal that ends
 * the program does so after the terminal's settings are back; one that is only noted (cli/interrupt.h) is CH_REFUSED.
 * Returns CH_BAD_INPUT if there is no terminal, if the line ended early or is too long, or if several lines were
 * pasted; `name` ("the user PIN") is for errors. */
CH_CHECKED ch_status ch_terminal_ask_secret(const char *prompt, const char *name, const ch_secret *line,
                                            size_t *size_bytes, ch_error *err);

/* Asks, with echo, and reads one line into `answer`, which holds `capacity` bytes and is terminated. Returns
 * CH_BAD_INPUT if there is no terminal, CH_REFUSED if it hangs up. */
CH_CHECKED ch_status ch_terminal_ask(const char *question, char *answer, size_t capacity, ch_error *err);

#endif

/* A program that asks a person for a secret: run without a shell, by its path, with a pipe for its output, a time
 * limit, and nothing else that this process has open.
 *
 * While it runs, the signals that end a program are held back. One that comes ends the program, puts the terminal back
 * as it was, and then takes effect. Single-threaded; one at a time. */
#ifndef CH_CLI_PROGRAM_H
#define CH_CLI_PROGRAM_H

#include "base/secret.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

typedef struct ch_program {
    const char *path; /* for errors */
    pid_t pid;
    int in;
    int out;
    int signals;
    int terminal; /* -1: there is none */
    int caught;   /* a signal; 0: none */
    uint64_t end_ms;
    struct termios before;
    sigset_t mask_before;
} ch_program;

#define CH_PROGRAM_NONE                                                                                                \
    {                                                                                                                  \
        .pid = 0, .in = -1, .out = -1, .signals = -1, .terminal = -1                                                   \
    }
#define CH_PROGRAM_TIMEOUT_S 100 /* the agent waits somewhat longer for whoever has connected */

/* What the program has as its standard input: a pipe, for ch_program_write; or the terminal, as far as there is one. */
typedef enum ch_program_input { CH_PROGRAM_PIPE, CH_PROGRAM_TERMINAL } ch_program_input;

/* Starts `path` with `words`, of which the first is its name and the last NULL. Returns CH_BAD_INPUT if the
 * path is not absolute, CH_CONFIG if somebody else could exchange the program. End it with ch_program_close, also after
 * a failure. */
CH_CHECKED ch_status ch_program_start(const char *path, char *const *words, ch_program_input input, ch_program *out,
                                      ch_error *err);
/* Ends it, if it runs; the signal that came takes effect now. */
void ch_program_close(ch_program *program);
#define ch_autoprogram __attribute__((cleanup(ch_program_close))) ch_program

CH_CHECKED ch_status ch_program_write(ch_program *program, const char *text, ch_error *err);
/* Reads a line, without its end, into `line`, which is allocated. Sets `*is_end` if the output has ended. */
CH_CHECKED ch_status ch_program_read_line(ch_program *program, const ch_secret *line, size_t *size_bytes, bool *is_end,
                                          ch_error *err);
/* Waits for its end. Returns CH_REFUSED unless it ended with status 0. */
CH_CHECKED ch_status ch_program_wait(ch_program *program, ch_error *err);

#endif

/* Log lines on stderr, where a service manager collects them: time, process, message; one write a line.
 *
 * Logging never waits: a line that the reader has no room for is dropped, and the next that finds room says how many
 * were. Never log a secret, PIN, code or signature. A line is printable UTF-8 whatever it quotes (base/printable.h),
 * and is cut off after 1,023 bytes. Thread-safe, save for the two functions that set how to log: call them first thing
 * in main. */
#ifndef CH_BASE_LOG_H
#define CH_BASE_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The role that lines are marked with; must outlive the process's last line. NULL: lines are only their messages, for a
 * process whose lines another one logs. */
void ch_log_set_role(const char *role);
/* Off at first. */
void ch_log_set_debug(bool is_on);
bool ch_log_is_debug(void);

void ch_log(const char *format, ...) CH_PRINTF(1, 2);
/* For a line that another process wrote. */
void ch_log_as(const char *role, const char *text);
/* For watching the agent work: a line marked "debug:", or nothing unless debug is on. */
void ch_log_debug(const char *format, ...) CH_PRINTF(1, 2);

/* What strangers can cause as often as they like is logged through a limit of its own: a few lines a second, and then
 * how many there were beside them. Zero it first. One thread. */
typedef struct ch_log_limit {
    uint64_t second; /* monotonic */
    unsigned count;  /* lines in it, the dropped ones too */
} ch_log_limit;
#define CH_LOG_LINES_A_SECOND 5
void ch_log_limited(ch_log_limit *limit, const char *format, ...) CH_PRINTF(2, 3);

#endif

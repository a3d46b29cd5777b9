/* Log lines on stderr, where a service manager collects them: time, process, message; one write a line.
 *
 * Never give it a secret, PIN, code or signature. Control characters come out as '?'. Thread-safe. */
#ifndef CH_BASE_LOG_H
#define CH_BASE_LOG_H

#include "base/error.h"

/* The role that lines are marked with; set once, first thing in main. */
void ch_log_set_role(const char *role);
void ch_log(const char *format, ...) CH_PRINTF(1, 2);

#endif

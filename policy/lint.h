/* Warnings: what a policy may say, and is dangerous or does nothing. Pure. */
#ifndef CH_POLICY_LINT_H
#define CH_POLICY_LINT_H

#include "policy/policy.h"

typedef struct ch_warning {
    const char *code;           /* "unlimited": never changes, for programs */
    const ch_entry_rule *entry; /* with its file and line; NULL: it is about something else */
    const char *of;             /* "key", "caller", "account", "token", "policy" if it is */
    const char *name;
    const char *text;
} ch_warning;

/* Calls `warn` for each. `now_ns` is for what has expired. */
typedef struct ch_lint_reader {
    void *context;
    void (*warn)(void *context, const ch_warning *warning);
} ch_lint_reader;
void ch_policy_lint(const ch_policy *policy, uint64_t now_ns, const ch_lint_reader *reader);

#endif

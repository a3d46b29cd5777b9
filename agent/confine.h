/* Ways to take rights from the process that calls, for good. Each says in `gaps` what it could not take; nothing here
 * fails. In a build with sanitizers, whose runtime makes calls of its own, nothing is taken by Landlock, by lists of
 * system calls or by locking memory, and that is a gap.
 *
 * Call them first thing, while the process has one thread. */
#ifndef CH_AGENT_CONFINE_H
#define CH_AGENT_CONFINE_H

#include "agent/gaps.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CH_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CH_IS_SANITIZED 1
#endif
#endif
#ifndef CH_IS_SANITIZED
#define CH_IS_SANITIZED 0
#endif

/* Becomes the first of `users`, a list that ends with NULL, that exists; with its groups, or with none. Does nothing
 * but for root. The process still dies with its parent. */
void ch_confine_user(const char *const *users, bool with_groups, ch_gaps *gaps);

/* Keeps the capabilities in `keep`, as far as it has them: 1 << CAP_KILL and so on. */
void ch_confine_capabilities(uint64_t keep, ch_gaps *gaps);

/* No file, no TCP, no signals to others and no abstract sockets, as far as the kernel's Landlock knows them. */
void ch_confine_to_nothing(ch_gaps *gaps);
/* No signals but to processes that it starts later, if the kernel's Landlock knows those (6.12). */
void ch_confine_signals(void);

/* Nothing that it has in memory, now or later, is written to a swap device. */
void ch_confine_memory(ch_gaps *gaps);
/* Raises the limit that stands in the way of that, if it may. */
void ch_confine_raise_memory_limit(void);

/* ---- system calls (agent/confine_calls.c) ---- */

typedef enum ch_call_list {
    CH_CALLS_FRONT, /* what serving takes; any other kills the process */
    CH_CALLS_TOKEN, /* all but what no driver needs; those fail with EPERM */
    CH_CALLS_CORE,  /* the same, but it may start programs, and signal them. Its children inherit the list */
} ch_call_list;

void ch_confine_calls(ch_call_list list, ch_gaps *gaps);

#endif

/* Core with its loop, both links, requests, ledger and operators, on the stage of tests/fuzz/stage.h: what
 * agent/core/core.c puts together, with two tokens, of which the second never comes up. One at a time. */
#ifndef CH_TESTS_FUZZ_CORE_H
#define CH_TESTS_FUZZ_CORE_H

#include "policy/policy.h"
#include "tests/fuzz/stage.h"

#include <stddef.h>

/* Once, before the first input: reads the policy. */
void fuzz_core_init(void);

/* The policy that core goes by. */
const ch_policy *fuzz_core_policy(void);

/* Starts core with the state that is on the disk, and with it its children, which have not said anything yet. */
void fuzz_core_open(void (*on_start)(const fuzz_end *child));
void fuzz_core_close(void);
/* One turn of the loop, which never sleeps, and more until the disk has done what it can. */
void fuzz_core_turn(void);

/* A bot's or an operator's socket; -1 if core has too many. The caller closes it. */
int fuzz_core_connect_bot(void);
int fuzz_core_connect_operator(void);
/* The relay's, by the socket that is its own. */
int fuzz_core_connect_relay(void);

/* Locks the tokens and tells nobody. */
void fuzz_core_lock(void);
/* Answers the bots that wait for a change of a request, as before a new policy. */
void fuzz_core_recall(void);
/* Has the approver approve all that waits for people. */
void fuzz_core_approve(void);
/* As if the kernel had said so. */
void fuzz_core_child_died(pid_t pid);

/* Holds the state to what core counts. Nothing may be on its way. */
void fuzz_core_check_state(void);

/* The keys of the first token. Bots have grants for all of them but "odd-other". */
size_t fuzz_core_key_count(void);
const char *fuzz_core_key_name(size_t key);

#endif

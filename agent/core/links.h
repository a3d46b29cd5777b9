/* The links to all tokens of agent.yaml, in its order: a key's `token` is an index here, and its `token_key` one of
 * that link's. Core's thread only. */
#ifndef CH_AGENT_CORE_LINKS_H
#define CH_AGENT_CORE_LINKS_H

#include "agent/core/config.h"
#include "agent/core/dying.h"
#include "agent/core/token_link.h"
#include "base/loop.h"
#include "policy/policy.h"
#include "policy/states.h"
#include "state/prints.h"

typedef struct ch_links {
    ch_token_link *links[CH_TOKENS_MAX];
    size_t count;
    /* How each is made. */
    ch_loop *loop;
    ch_confinement *confinement; /* may be NULL */
    ch_dying *dying;             /* may be NULL */
    ch_prints *prints;           /* may be NULL */
    ch_tries *tries;             /* may be NULL */
    ch_link_owner owner;
} ch_links;

/* Makes the links what `config` and `policy` say, and sets every key's `token_key`. A link whose token is the same as
 * before stays as it is, unlocked or locked, and looks for its keys anew. The jobs of one that does not stay fail; of
 * the others none may wait. Links that are made are not started. */
void ch_links_apply(ch_links *links, const ch_config *config, ch_policy *policy);
void ch_links_free(ch_links *links);

/* Starts those that are not started. */
void ch_links_start(ch_links *links);
/* True if `pid` was the process of one. */
bool ch_links_died(ch_links *links, pid_t pid);
/* Locks those whose unlock has ended. In each turn of the loop, before jobs are dispatched. */
void ch_links_look_at_ends(ch_links *links);
/* Ends the unlocks that policy does not let survive a freeze, when trading was just frozen for the key of that name, or
 * for all if the name is empty. The unlock of a token ends if `states` cover all keys on it. */
void ch_links_freeze(ch_links *links, const ch_policy *policy, ch_slice key, const ch_states *states, uint64_t now_ns);
/* Gives each process the jobs that it should have. At the end of each turn of the loop. */
void ch_links_dispatch(ch_links *links);
/* True while one looks for keys. */
bool ch_links_are_finding(const ch_links *links);
/* Jobs at all token processes. */
size_t ch_links_sent(const ch_links *links);
/* Has keys that cannot sign looked for again soon. */
void ch_links_hurry(const ch_links *links);
void ch_links_forget_waiter(ch_links *links, const void *context);
/* Returns the index of `link`, which must be one of them. */
size_t ch_links_index(const ch_links *links, const ch_token_link *link);
/* The link of that name, or the only one if the name is empty. CH_NOT_FOUND. */
CH_CHECKED ch_status ch_links_find(const ch_links *links, ch_slice name, ch_token_link **out, ch_error *err);

#endif

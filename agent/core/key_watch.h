/* Logs the dates of keys, from some days before: that a key is to be rotated, will expire, has expired. Each is
 * said once for each policy. Core's thread only. */
#ifndef CH_AGENT_CORE_KEY_WATCH_H
#define CH_AGENT_CORE_KEY_WATCH_H

#include "base/loop.h"
#include "policy/policy.h"

typedef struct ch_key_watch ch_key_watch;

/* `policy` must outlive it; another may take its place at the same address. */
ch_key_watch *ch_key_watch_new(ch_loop *loop, const ch_policy *policy);
/* NULL is fine. */
void ch_key_watch_free(ch_key_watch *watch);
/* The policy is there, or it is another one: says what is due, and goes on watching. */
void ch_key_watch_follow(ch_key_watch *watch);
/* Says what has become due. Does so by itself, once a minute. */
void ch_key_watch_look(ch_key_watch *watch);

#endif

/* Core's end of one token process: its life, the token's state, logins, and the jobs that it signs.
 *
 * Whether the token is unlocked is core's own word: it is, from the moment a login that core asked for has succeeded
 * until a lock or the process's end. token_link_logins.c deals in logins, token_link_codes.c in one-time codes,
 * token_link_keys.c in keys, token_link_trust.c in what may be thought of them, token_link_jobs.c in jobs,
 * token_link_unlock.c in when unlocks end. Core's thread only. */
#ifndef CH_AGENT_CORE_TOKEN_LINK_H
#define CH_AGENT_CORE_TOKEN_LINK_H

#include "agent/core/confinement.h"
#include "agent/core/dying.h"
#include "agent/core/meter.h"
#include "agent/core/token_jobs.h"
#include "agent/core/variables.h"
#include "base/loop.h"
#include "base/secret.h"
#include "base/slice.h"
#include "pkcs11/key_rule.h"
#include "policy/unlock.h"
#include "state/prints.h"
#include "state/tries.h"
#include "wire/frames.h"
#include "wire/link_state.h"

#include <sys/types.h>

typedef struct ch_token_link ch_token_link;

/* A key object on the token; the texts are copied. */
typedef struct ch_link_key {
    const char *name; /* the policy's, for messages */
    const char *uri;
    const char *mechanism;
    ch_lapses tolerated; /* the rules that it may break */
    ch_unlock_ends ends; /* when it is locked before the token is */
} ch_link_key;

/* The texts are copied. */
typedef struct ch_link_config {
    const char *name;
    const char *module;
    const char *init_args; /* NULL: none */
    const char *uri;
    ch_variables variables; /* for the process's environment; copied too */
    ch_login login;         /* without a PIN, an empty one stands for it */
    uint32_t workers;
    unsigned pin_tries;          /* wrong PINs in a row that lock the token; 0: it does not lock itself */
    ch_token_tries *tries;       /* where they are counted; NULL: nowhere */
    bool may_relogin;            /* keep the PIN in locked memory, to log a process in again that was started anew */
    ch_confinement *confinement; /* what the process could not give up is reported there; may be NULL */
    ch_prints *prints;           /* what key objects were when they were first used; NULL: it is not looked at */
    ch_dying *dying;             /* takes a process that is ended; NULL: it is killed */
} ch_link_config;

/* What the link calls. Each job that was queued gets `on_turn`, and then one of the others, unless it left before. */
typedef struct ch_link_owner {
    void *context;
    ch_meter *meter; /* NULL: none */
    /* The ticket's turn has come: call ch_token_link_sign now, or ch_token_link_leave. */
    void (*on_turn)(void *context, ch_ticket *ticket);
    /* The ticket is out of the link. The signatures, one per payload, are views valid during the call. */
    void (*on_signed)(void *context, ch_ticket *ticket, const ch_slice *signatures, size_t count);
    /* The ticket is out of the link, and was not tried: the token has become slow, and others may be more urgent. */
    void (*on_returned)(void *context, ch_ticket *ticket);
    /* The ticket is out of the link, waiting or sent. */
    void (*on_failed)(void *context, ch_ticket *ticket, const ch_error *why);
} ch_link_owner;

/* Who waits for a login or a lock; `answer` is called once, and before it `tell`, unless it is NULL, as often as the
 * process has come further in looking for the keys. Of a login with a code, `passed` says that it was the right one, of
 * that step and a seed of that print: the login is taken when ch_token_link_go_on is called. */
typedef struct ch_link_waiter {
    void (*tell)(void *context, uint32_t done, uint32_t total);
    void (*passed)(void *context, uint64_t step, ch_slice print);
    void (*answer)(void *context, const ch_error *outcome);
    void *context;
} ch_link_waiter;

/* What is asked of a one-time code; the texts are copied. */
typedef struct ch_link_code {
    const char *seed; /* the URI of its object */
    const char *mechanism;
    unsigned digits;
    uint64_t lowest_step; /* that was never used */
    ch_slice print;       /* of the seed that was enrolled; empty: any, to enrol it */
} ch_link_code;

/* Who waits for a code to be looked at; called once. */
typedef struct ch_code_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome, uint64_t step, ch_slice print);
} ch_code_waiter;

/* What has happened since the link was made. */
typedef struct ch_link_counts {
    uint64_t signatures; /* that the token has made for requests */
    uint64_t failures;   /* jobs that failed at the token, or were lost with its process */
    uint64_t starts;     /* of the process */
    uint64_t logins;     /* that were tried, whatever came of them */
} ch_link_counts;

/* Knows no key yet. */
ch_token_link *ch_token_link_new(ch_loop *loop, const ch_link_config *config, const ch_link_owner *owner);
/* Ends the process, wipes PINs; calls nobody. */
void ch_token_link_free(ch_token_link *link);
/* Starts the process, unless that was done before. */
void ch_token_link_start(ch_token_link *link);
/* True, and the link starts it again, if `pid` was its process. */
bool ch_token_link_died(ch_token_link *link, pid_t pid);

/* ---- keys ---- */

/* The policy has changed: only those keys count that are added from here on. */
void ch_token_link_begin_keys(ch_token_link *link);
/* Returns the key's index, which is its own for the link's life: no job can mean another key. A key that the link knows
 * by name and object, with what it may break, has its index already. */
size_t ch_token_link_add_key(ch_token_link *link, const ch_link_key *key);
/* Does the link know it, from this policy or an earlier one? */
bool ch_token_link_knows(const ch_token_link *link, const ch_link_key *key);
/* May this many be added that it does not know? Indices are never used again. */
bool ch_token_link_has_room(const ch_token_link *link, size_t count);
/* Has the process look for every key anew, if somebody is logged in: one may be new, or made anew, or gone. Some at a
 * time, with jobs in between. */
void ch_token_link_find_keys(ch_token_link *link);
/* True while it does. */
bool ch_token_link_is_finding(const ch_token_link *link);
/* Whether a process that is started anew may be logged in with a PIN that is kept; one that may not be kept is wiped.
 */
void ch_token_link_set_relogin(ch_token_link *link, bool may_relogin);
void ch_token_link_set_pin_tries(ch_token_link *link, unsigned pin_tries);
/* Is everything the same but `may_relogin` and `pin_tries`? Then the link can stay as it is. */
bool ch_token_link_is_of(const ch_token_link *link, const ch_link_config *config);

/* ---- what it says of itself ---- */

const char *ch_token_link_name(const ch_token_link *link);
ch_link_state ch_token_link_state(const ch_token_link *link);
/* What bots and operators see of that: "absent", "locked" or "unlocked". */
const char *ch_token_link_state_name(const ch_token_link *link);
ch_link_counts ch_token_link_counts(const ch_token_link *link);
bool ch_token_link_is_unlocked(const ch_token_link *link);
ch_login ch_token_link_login(const ch_token_link *link);
unsigned ch_token_link_pin_tries(const ch_token_link *link);
/* Why it is not as it should be; "" if there is nothing to say. */
const char *ch_token_link_detail(const ch_token_link *link);
/* True if the token is unlocked and `key` was found there as it should be, or as is tolerated. */
bool ch_token_link_is_ready(const ch_token_link *link, size_t key);
/* The rules for keys that `key` breaks, as far as they are tolerated; 0 unless it is ready. */
ch_lapses ch_token_link_lapses(const ch_token_link *link, size_t key);

/* An operator accepts the object that `key` has now in the place of the one that it had; `waiter` is answered when that
 * is on disk, and ch_prints_forget makes it be forgotten. CH_CONFLICT: it is the same. After a failure nobody is
 * called.
 */
CH_CHECKED ch_status ch_token_link_confirm_key(ch_token_link *link, size_t key, ch_link_waiter waiter, ch_error *err);
/* Has keys that cannot sign looked for again soon, and not only in some seconds. */
void ch_token_link_hurry(ch_token_link *link);

/* ---- jobs ---- */

/* Returns CH_OK if `key` can sign now, or once the process is back by itself; else CH_LOCKED or CH_UNAVAILABLE, or what
 * is wrong with the key. */
CH_CHECKED ch_status ch_token_link_check_key(const ch_token_link *link, size_t key, ch_error *err);
/* Keeps a place in the queue for a job. CH_BUSY: too many have one. */
CH_CHECKED ch_status ch_token_link_admit(ch_token_link *link, ch_ticket *ticket, ch_error *err);
/* Queues a job, which is admitted first if it has no place. */
CH_CHECKED ch_status ch_token_link_queue(ch_token_link *link, ch_ticket *ticket, ch_error *err);
/* True if the process takes jobs now: it may be another one than when the job was called. */
bool ch_token_link_may_sign(const ch_token_link *link);
/* Hands over a job whose turn has come, as ch_token_link_may_sign must say. CH_TOO_LARGE: the payloads do not fit a
 * frame; let the job leave. */
CH_CHECKED ch_status ch_token_link_sign(ch_token_link *link, ch_ticket *ticket, const ch_slice *payloads, size_t count,
                                        ch_error *err);
/* After a job was handed over that had waited for its record: sends the packet that it is in, if that has enough. */
void ch_token_link_pass_on(ch_token_link *link);
/* Takes a job out, wherever it is. */
void ch_token_link_leave(ch_token_link *link, ch_ticket *ticket);
/* Gives the process as many jobs as it should have, and sends them. At the end of each turn of the loop. */
void ch_token_link_dispatch(ch_token_link *link);
/* For how many seconds the process has had the oldest job, if that is much more than such jobs take; else 0. It may be
 * a device that waits for somebody's touch. */
uint64_t ch_token_link_overdue_s(const ch_token_link *link, uint64_t now_ms);
/* Jobs at the token process. */
size_t ch_token_link_sent(const ch_token_link *link);

/* ---- logins ---- */

/* Logs in with `pin`, which is taken over; an empty one if the token takes none. CH_REFUSED:
 * if it is wrong, the token may lock itself; `is_last_try` says that the operator knows. */
void ch_token_link_unlock(ch_token_link *link, ch_secret *pin, bool is_last_try, ch_link_waiter waiter);
/* The same with a code: `pin_and_code` is the PIN, a NUL and the code. CH_REFUSED with this rule: one of the two is
 * wrong. */
#define CH_RULE_PIN_AND_CODE "pin-and-code"
#define CH_PIN_OR_CODE_IS_WRONG                                                                                        \
    "the PIN of token '%s' or the code is wrong, or the code was used before; a code is good once, and for a minute "  \
    "or so"
void ch_token_link_unlock_by_code(ch_token_link *link, ch_secret *pin_and_code, const ch_link_code *code,
                                  bool is_last_try, ch_link_waiter waiter);
/* The same as ch_token_link_unlock, with a PIN that nobody typed. */
void ch_token_link_unlock_unattended(ch_token_link *link, ch_secret *pin, ch_link_waiter waiter);
/* Returns how many tries count against the token: those that failed since the last that succeeded, and one under way.
 */
unsigned ch_token_link_tries(const ch_token_link *link);
/* Goes on with a login whose code has passed, once its step is on disk. If `outcome` says that it is not, nothing is
 * unlocked. With `stays_locked` the login was only for the code, and the token is locked again. */
void ch_token_link_go_on(ch_token_link *link, const ch_error *outcome, bool stays_locked);
/* Has a code verified by a token that is unlocked. CH_LOCKED if it is not; CH_REFUSED with CH_RULE_CODE if the code is
 * wrong, or CH_RULE_SEED if the seed is not the one that was enrolled. */
void ch_token_link_check_code(ch_token_link *link, const ch_link_code *code, const ch_secret *typed,
                              ch_code_waiter waiter);
/* Fails what waits, forgets the PIN and logs out; a process that does not is ended. */
void ch_token_link_lock(ch_token_link *link, ch_link_waiter waiter);
/* What policy says of unlocks now, and by ch_link_key of those of keys: what is shorter holds at once, what is longer
 * from the next unlock on. */
void ch_token_link_set_unlock(ch_token_link *link, const ch_unlock_rule *rule);
/* End the unlock of the token, or of its key of that name, if policy does not let it survive a freeze. The token itself
 * is locked in ch_token_link_look_at_end. */
void ch_token_link_freeze(ch_token_link *link);
void ch_token_link_freeze_key(ch_token_link *link, const char *name);
/* Locks it if its unlock has ended. In each turn of the loop, before jobs are dispatched. */
void ch_token_link_look_at_end(ch_token_link *link);
/* An unattended unlock has failed; the token is locked because of that. */
void ch_token_link_note_not_unattended(ch_token_link *link, const char *why);

/* How an unlock ends, if nothing more is signed. */
typedef struct ch_link_unlock {
    uint64_t end_ns; /* by ch_clock_boot_ns; CH_UNLOCK_NEVER: it does not, or none is under way */
    ch_unlock_end by;
    bool is_unattended;
} ch_link_unlock;
ch_link_unlock ch_token_link_unlock_end(const ch_token_link *link);
/* The key's own end, which may be later than the token's. */
ch_link_unlock ch_token_link_key_end(const ch_token_link *link, size_t key);
/* The waiter with this context has left: it gets no answer. */
void ch_token_link_forget_waiter(ch_token_link *link, const void *context);
/* The token is no longer the agent's: fails all jobs, and whoever waits, before ch_token_link_free. */
void ch_token_link_retire(ch_token_link *link);

#endif

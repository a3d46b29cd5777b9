/* One-time codes, by which operators, admins and approvers prove who they are. A code is verified at the token that
 * holds the person's seed, and is good once; after failures the person must wait.
 *
 * A try counts on disk before it is made, and a code is used on disk before anybody hears that it was right; so nothing
 * of this is undone by a crash. Each person has one try at a time. Core's thread only. */
#ifndef CH_AGENT_CORE_CODES_H
#define CH_AGENT_CORE_CODES_H

#include "agent/core/links.h"
#include "agent/core/token_link.h"
#include "base/loop.h"
#include "base/secret.h"
#include "policy/policy.h"
#include "state/people.h"

typedef struct ch_codes ch_codes;

/* All of it must outlive the room. */
typedef struct ch_codes_context {
    ch_loop *loop;
    const ch_policy *policy;
    ch_links *links;
    ch_people *people;
} ch_codes_context;

/* Who waits; called once, perhaps before the function that took it returns. */
typedef struct ch_codes_waiter {
    void *context;
    void (*tell)(void *context, uint32_t done, uint32_t total); /* of an unlock; may be NULL */
    void (*answer)(void *context, const ch_error *outcome);
} ch_codes_waiter;

ch_codes *ch_codes_new(const ch_codes_context *context);
/* Calls nobody. NULL is fine. */
void ch_codes_free(ch_codes *codes);
/* Whoever waits with this context has left: nobody is called, and what was begun goes on. NULL codes are fine. */
void ch_codes_forget(ch_codes *codes, const void *context);

/* Verifies that `typed`, which is taken over, is `person`'s code now, and uses it: for whatever takes a fresh code.
 * CH_REFUSED: it is not; CH_CONFLICT: the person has no seed; CH_TOO_OFTEN: the person must wait; CH_LOCKED: the token
 * of the seeds is locked; CH_BUSY: another code is being looked at; CH_IO: it cannot be written that the code was used.
 */
void ch_codes_verify(ch_codes *codes, const ch_person *person, ch_secret *typed, const ch_codes_waiter *waiter);

/* codes_unlock.c. Unlocks a token with `pin_and_code` (the PIN, a NUL, the code), which is taken over. Whichever of the
 * two is wrong, the answer is the same, and comes after the same time. */
void ch_codes_unlock(ch_codes *codes, ch_token_link *link, const ch_person *person, ch_secret *pin_and_code,
                     bool is_last_try, const ch_codes_waiter *waiter);

/* Unlocks a token that takes no code with `pin`, which is taken over. The person's failures count, and make them wait,
 * as with a code; but a wrong PIN is answered as CH_WRONG_PIN. */
void ch_codes_unlock_by_pin(ch_codes *codes, ch_token_link *link, const ch_person *person, ch_secret *pin,
                            bool is_last_try, const ch_codes_waiter *waiter);
/* Returns true if there are several operators, who share the tries that a token has. NULL codes are fine. */
bool ch_codes_shares_tries(const ch_codes *codes);

/* True if the seed that the policy names was enrolled. */
bool ch_codes_is_enrolled(const ch_codes *codes, const ch_person *person);

/* ---- codes_enroll.c ---- */

/* Pins the seed of `person`, which lies on the token already. `given` is the PIN, a NUL and a code of that seed; and,
 * unless nobody is enrolled yet, a NUL and a code of the admin. Taken over. The first to be enrolled must be an admin.
 */
void ch_codes_enroll(ch_codes *codes, const ch_person *admin, ch_slice person, ch_secret *given,
                     const ch_codes_waiter *waiter);
/* Unpins it, with a code of the admin, which is taken over. */
void ch_codes_revoke(ch_codes *codes, const ch_person *admin, ch_slice person, ch_secret *typed,
                     const ch_codes_waiter *waiter);
/* Puts a page of the list of people with seeds, from the one at `*next` of the policy on, which it moves on. */
CH_CHECKED ch_status ch_codes_list(const ch_codes *codes, size_t *next, ch_buffer *out, ch_error *err);

#endif

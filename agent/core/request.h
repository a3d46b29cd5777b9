/* Requests for a signature, from the front's frame to its answer.
 *
 * Every request takes the steps of the table in request.c, in that order, whatever its form. A step goes on, waits, or
 * refuses; a refusal leaves through the undo of every step so far. Core's thread only. */
#ifndef CH_AGENT_CORE_REQUEST_H
#define CH_AGENT_CORE_REQUEST_H

#include "agent/core/clockwatch.h"
#include "agent/core/callers.h"
#include "agent/core/connections.h"
#include "agent/core/intake.h"
#include "agent/core/jobs.h"
#include "agent/core/ledger.h"
#include "agent/core/links.h"
#include "agent/core/shadow.h"
#include "exchange/scratch.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

/* What the steps work with. Everything outlives the requests; `policy` may be replaced, see ch_requests_recall. */
typedef struct ch_request_context {
    const ch_policy *policy;
    ch_connections *connections;
    ch_clockwatch *clock;
    ch_nonces *nonces;
    ch_ledger *ledger;
    ch_callers *callers;
    ch_shadow *shadow;
    ch_scratch *scratch;
    const ch_links *links;
    ch_meter *meter; /* NULL: none */
} ch_request_context;

typedef struct ch_request_counts {
    uint64_t signed_count;
    uint64_t refused_count; /* by policy, a check, or a lock: the caller's side */
    uint64_t failed_count;  /* the token's or the agent's side */
} ch_request_counts;

typedef struct ch_requests ch_requests;

ch_requests *ch_requests_new(const ch_request_context *context);
void ch_requests_free(ch_requests *requests);
ch_request_counts ch_requests_counts(const ch_requests *requests);

/* A SIGN frame came: takes the request as far as it goes now. It is answered once, now or later. */
void ch_requests_begin(ch_requests *requests, ch_asker asker, const ch_sign_frame *sign);

/* A FETCH frame came: does the same for a request that people must approve. It is signed if what they gave meets the
 * policy of now; else the answer says what is missing. */
void ch_requests_fetch(ch_requests *requests, ch_asker asker, const ch_fetch_frame *fetch);

/* An OUTCOMES frame came: a relay says how requests ended that were signed for it. Answers, and gives back what policy
 * lets of those that placed nothing. */
void ch_requests_take_outcomes(ch_requests *requests, ch_asker asker, const ch_outcomes_frame *outcomes);

/* ---- for people (request_person.c) ---- */

/* Takes a request that policy has prepared for `key` through the steps of every other. A person asks for it, and no
 * trading state stops it. Keeps a copy of `asker`; answers it once, now or later. */
void ch_requests_begin_prepared(ch_requests *requests, const ch_person_asker *asker, const ch_key *key,
                                const ch_prepared *prepared);
/* The person with that context has left: their job ends without an answer. `requests` may be NULL. */
void ch_requests_forget_person(ch_requests *requests, const void *context);

/* ---- as time goes on ---- */

/* Goes on with the requests that waited for the first one with their Idempotency-Key. At the end of each turn of the
 * loop, before what was queued leaves. */
void ch_requests_resume(ch_requests *requests);

/* Puts on record what was refused more than once. In each turn, before the ledger's. */
void ch_requests_note(ch_requests *requests);

/* Turns those back that wait though their caller has left, and those for which the state's disk keeps a nonce or
 * the record back too long. In each turn; it looks now and then. */
void ch_requests_sweep(ch_requests *requests, uint64_t now_ms);

/* ---- another policy ---- */

/* Before the policy is replaced, and before any link goes: every request that waits gives back all that it took. What
 * is at a token goes on by the policy by which it was judged, which must be at `old` while ch_requests_old says so. */
void ch_requests_recall(ch_requests *requests, const ch_policy *old);
/* Afterwards: they are judged again, in the order in which they came. */
void ch_requests_judge_again(ch_requests *requests);
/* How many requests go by the policy of before. */
size_t ch_requests_old(const ch_requests *requests);

/* For the links: `on_turn`, `on_signed` and `on_failed` of requests' tickets. */
ch_link_owner ch_requests_link_owner(ch_requests *requests);
/* For the ledger: the rows of requests are on the disk. */
ch_ledger_owner ch_requests_ledger_owner(ch_requests *requests);
/* For the nonces: `on_claimed` of requests' claims. */
ch_nonce_owner ch_requests_nonce_owner(ch_requests *requests);

#endif

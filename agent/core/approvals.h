/* The table of approvals (agent/core/approval.h).
 *
 * An approval is used once: ch_approvals_use ends it, and only a token that says that it did not sign gives it back.
 * What has ended is kept for a day, so that it can be asked what became of it.
 *
 * Open ones are bounded, with a share per user; so are those that have ended, of which the user with most loses the
 * oldest. It is the ledger that writes each change into the journal: change the table there (agent/core/ledger.h), and
 * only look here. Pure; core's thread only. */
#ifndef CH_AGENT_CORE_APPROVALS_H
#define CH_AGENT_CORE_APPROVALS_H

#include "agent/core/approval.h"
#include "policy/given.h"

#define CH_APPROVALS_MAX 256 /* open */
#define CH_APPROVALS_SHARE 8 /* of one user; above it, only while RESERVE are left */
#define CH_APPROVALS_RESERVE 192
#define CH_APPROVALS_FIRST 2         /* a user has besides, when all are taken */
#define CH_APPROVALS_ENDED_MAX 512   /* above it, the user who has most loses the oldest */
#define CH_APPROVALS_ENDED_SHARE 128 /* of one user, who loses the oldest above it */
/* A user who has withdrawn as many of late asks for no more: each is in the journal, and no limit of policy counts what
 * is not signed. Less than the share above, so that they are all there to be counted. */
#define CH_APPROVALS_WITHDRAWN_MAX 100
#define CH_APPROVALS_WITHDRAWN_NS (300 * UINT64_C(1000000000))
#define CH_APPROVALS_KEEP_NS (24 * 3600 * UINT64_C(1000000000))

typedef struct ch_approvals ch_approvals;

ch_approvals *ch_approvals_new(void);
void ch_approvals_free(ch_approvals *approvals);

/* ---- to look ---- */

/* NULL if there is none. It is valid until the table changes. */
const ch_approval *ch_approvals_find(const ch_approvals *approvals, uint64_t id);
/* All, in the order of their ids; NULL at the end. */
const ch_approval *ch_approvals_at(const ch_approvals *approvals, size_t index);
/* The open one of that user with the same callers, digest and Idempotency-Key; NULL if there is none. */
const ch_approval *ch_approvals_find_same(const ch_approvals *approvals, const ch_approval_asked *asked,
                                          uint64_t now_ns);
/* The one with that id, if that user asked for it as those callers. CH_NOT_FOUND, as if there were none, if not. */
CH_CHECKED ch_status ch_approvals_find_own(const ch_approvals *approvals, uint64_t id, uid_t uid, ch_slice callers,
                                           const ch_approval **out, ch_error *err);
size_t ch_approvals_open(const ch_approvals *approvals, uint64_t now_ns);
/* Goes up with each change but those that time alone brings. */
uint64_t ch_approvals_changes(const ch_approvals *approvals);

/* ---- to change: the ledger's ---- */

/* Adds one, which needs nothing yet. CH_TOO_OFTEN: the user, or all together, have too many that are open, or
 * the user has withdrawn too many of late.
 * CH_TOO_LARGE: the request is. */
CH_CHECKED ch_status ch_approvals_ask(ch_approvals *approvals, const ch_approval_asked *asked, uint64_t now_ns,
                                      ch_approval **out, ch_error *err);
/* Takes it out again: its row was lost. Harmless if there is none. */
void ch_approvals_remove(ch_approvals *approvals, uint64_t id);
/* One that is open, to be changed. CH_NOT_FOUND; CH_CONFLICT: it has ended, or it has another digest (rule `digest`).
 * A digest that is NULL is not compared. */
CH_CHECKED ch_status ch_approvals_get(ch_approvals *approvals, uint64_t id, const uint8_t *digest, uint64_t now_ns,
                                      ch_approval **out, ch_error *err);
/* Returns the approval with that id, open or not; or NULL if there is none. */
ch_approval *ch_approvals_find_to_change(ch_approvals *approvals, uint64_t id);
/* It was changed. */
void ch_approvals_touch(ch_approvals *approvals);

/* A person approves what has that digest; `*given` is what is kept of it. As ch_approvals_get and
 * ch_approval_check_person; CH_CONFLICT, rule `again`: the user has approved already (with a code after one without is
 * not again, if that is still needed). */
CH_CHECKED ch_status ch_approvals_give(ch_approvals *approvals, uint64_t id, const uint8_t *digest,
                                       const ch_given_by *by, const ch_given_by **given, ch_error *err);
/* It is used: from here on it is signed. Harmless if there is none. */
void ch_approvals_use(ch_approvals *approvals, uint64_t id, uint64_t now_ns);
/* Nothing was signed for it: it is as it was before. Harmless if it was not used, or is forgotten. */
void ch_approvals_unuse(ch_approvals *approvals, uint64_t id);
/* Forgets what ended long ago. In each turn; it looks now and then. */
void ch_approvals_sweep(ch_approvals *approvals, uint64_t now_ns);

/* ---- to restore ---- */

/* Adds one by its id, in place of what has that id, whatever the bounds say. */
ch_approval *ch_approvals_restore(ch_approvals *approvals, uint64_t id, const ch_approval_asked *asked,
                                  uint64_t asked_ns);
/* Ids begin there at least. */
void ch_approvals_restore_next(ch_approvals *approvals, uint64_t next);
uint64_t ch_approvals_next(const ch_approvals *approvals);

#endif

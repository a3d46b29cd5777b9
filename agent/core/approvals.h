/* The table of approvals (agent/core/approval.h).
 *
 * An approval is used once. ch_approvals_use ends it; ch_approvals_unuse opens it again, if the token says that it
 * signed nothing. An ended approval is kept for a day, so that bots and people can ask what became of it.
 *
 * The number of open approvals is bounded, with a share per user. So is the number of ended ones: above the bound, the
 * user who has most of them loses the oldest. Only the ledger (agent/core/ledger.h) changes the table, for it writes
 * each change into the journal; everybody else only looks. Pure; core's thread only. */
#ifndef CH_AGENT_CORE_APPROVALS_H
#define CH_AGENT_CORE_APPROVALS_H

#include "agent/core/approval.h"
#include "policy/given.h"

#define CH_APPROVALS_MAX 256 /* open */
#define CH_APPROVALS_SHARE 8 /* of one user; above it, only while RESERVE are left */
#define CH_APPROVALS_RESERVE 192
#define CH_APPROVALS_FIRST 2         /* that each user may have even when all are taken */
#define CH_APPROVALS_ENDED_MAX 512   /* above it, the user who has most loses the oldest */
#define CH_APPROVALS_ENDED_SHARE 128 /* of one user, who loses the oldest above it */
/* A user who has withdrawn so many within the time below may not ask for more: each takes a row of the journal, and no
 * limit of policy counts what is not signed. It is less than the share above, so that all of them are still there to be
 * counted. */
#define CH_APPROVALS_WITHDRAWN_MAX 100
#define CH_APPROVALS_WITHDRAWN_NS (300 * UINT64_C(1000000000))
#define CH_APPROVALS_KEEP_NS (24 * 3600 * UINT64_C(1000000000))

typedef struct ch_approvals ch_approvals;

ch_approvals *ch_approvals_new(void);
void ch_approvals_free(ch_approvals *approvals);

/* ---- to look ---- */

/* Finds an approval by its id. Returns NULL for an unknown id. The pointer is valid until the table changes. */
const ch_approval *ch_approvals_find(const ch_approvals *approvals, uint64_t id);
/* Returns the approval at `index` in the order of ids, or NULL after the last one. */
const ch_approval *ch_approvals_at(const ch_approvals *approvals, size_t index);
/* Finds an open approval of that user with the same callers, digest and Idempotency-Key. Returns NULL if no approval
 * is like that. */
const ch_approval *ch_approvals_find_same(const ch_approvals *approvals, const ch_approval_asked *asked,
                                          uint64_t now_ns);
/* Finds the approval that this user asked for as these callers. Returns CH_NOT_FOUND if it is somebody else's, as if
 * there were none. */
CH_CHECKED ch_status ch_approvals_find_own(const ch_approvals *approvals, uint64_t id, uid_t uid, ch_slice callers,
                                           const ch_approval **out, ch_error *err);
size_t ch_approvals_open(const ch_approvals *approvals, uint64_t now_ns);
/* True if the approval ended a day ago or more: the next sweep forgets it. */
bool ch_approval_is_outdated(const ch_approval *approval, uint64_t now_ns);
/* Returns how often the table has changed, not counting the changes that time alone brings. */
uint64_t ch_approvals_changes(const ch_approvals *approvals);

/* ---- to change: only the ledger does ---- */

/* Adds an approval, without any requirement yet. Returns CH_TOO_OFTEN if too many are open, of this user or of all, or
 * if this user has withdrawn too many of late; CH_TOO_LARGE if the request is too large. */
CH_CHECKED ch_status ch_approvals_ask(ch_approvals *approvals, const ch_approval_asked *asked, uint64_t now_ns,
                                      ch_approval **out, ch_error *err);
/* Removes an approval whose row was lost. Ignores an unknown id. */
void ch_approvals_remove(ch_approvals *approvals, uint64_t id);
/* Finds an open approval, which the caller may change. Returns CH_NOT_FOUND for an unknown id; CH_CONFLICT
 * if it has ended, or has another digest (rule `digest`). A digest of NULL is not compared. */
CH_CHECKED ch_status ch_approvals_get(ch_approvals *approvals, uint64_t id, const uint8_t *digest, uint64_t now_ns,
                                      ch_approval **out, ch_error *err);
/* Finds an approval by its id, open or ended, for a caller that changes it. Returns NULL for an unknown id. */
ch_approval *ch_approvals_find_to_change(ch_approvals *approvals, uint64_t id);
/* Counts a change that the caller has made. */
void ch_approvals_touch(ch_approvals *approvals);

/* Adds a person's approval of what has that digest; `*given` is what the table keeps of it. Refuses as ch_approvals_get
 * and ch_approval_check_person do. Returns CH_CONFLICT (rule `again`) if the user has approved already; but who
 * approved without a code may do so with one, as long as people have not done their part. */
CH_CHECKED ch_status ch_approvals_give(ch_approvals *approvals, uint64_t id, const uint8_t *digest,
                                       const ch_given_by *by, const ch_given_by **given, ch_error *err);
/* Marks an approval as signed. Ignores an unknown id. */
void ch_approvals_use(ch_approvals *approvals, uint64_t id, uint64_t now_ns);
/* Opens an approval again for which nothing was signed. Does nothing if it was not used, or is forgotten. */
void ch_approvals_unuse(ch_approvals *approvals, uint64_t id);
/* Takes out the outdated ones. To be called now and then. */
void ch_approvals_sweep(ch_approvals *approvals, uint64_t now_ns);

/* ---- to restore ---- */

/* Adds an approval that was read from the journal, in place of one with the same id. The bounds do not hold here. */
ch_approval *ch_approvals_restore(ch_approvals *approvals, uint64_t id, const ch_approval_asked *asked,
                                  uint64_t asked_ns);
/* Raises the next id to `next`, if it is lower. */
void ch_approvals_restore_next(ch_approvals *approvals, uint64_t next);
uint64_t ch_approvals_next(const ch_approvals *approvals);

#endif

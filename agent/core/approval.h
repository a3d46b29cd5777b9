/* One approval: a request that policy would let pass if people agreed, from the asking to its end.
 *
 *     waiting -> ready -> signed          ready: people have done their part and the delay is over, as far as is known
 *        |         |                      here; only a fetch asks the policy of now
 *        +---------+-> denied, withdrawn, expired
 *
 * It expires if people have not done their part within the shortest `within` of what is needed, counted from the
 * asking; and again so long after it became ready. Nobody notes that: the state is computed from the time. All times
 * are of the wall clock. agent/core/approvals.h has them all. Pure. */
#ifndef CH_AGENT_CORE_APPROVAL_H
#define CH_AGENT_CORE_APPROVAL_H

#include "base/buffer.h"
#include "policy/given.h"

#define CH_APPROVAL_REQUEST_MAX 8192 /* bytes of the request that is kept */
#define CH_APPROVAL_WORDS_MAX 16384  /* bytes of what people read of it; what is more is cut off, and said to be */
#define CH_APPROVAL_NEEDED_MAX 32    /* requirements */
#define CH_APPROVAL_DIGEST_SIZE 32

typedef enum ch_approval_state {
    CH_APPROVAL_WAITING,
    CH_APPROVAL_READY,
    CH_APPROVAL_SIGNED,
    CH_APPROVAL_DENIED,
    CH_APPROVAL_WITHDRAWN,
    CH_APPROVAL_EXPIRED,
    CH_APPROVAL_STATE_COUNT
} ch_approval_state;

/* One `require` that the request needs, as it was when it was asked for, or fetched in vain. */
typedef struct ch_needed {
    char *name;
    ch_requirement requirement; /* without `above` */
} ch_needed;

typedef struct ch_approval {
    uint64_t id;   /* never used again */
    uid_t uid;     /* who asked */
    char *callers; /* their names, as ch_callers_print writes them */
    char *key;
    uint8_t digest[CH_APPROVAL_DIGEST_SIZE]; /* of what people approve */
    ch_buffer repeat_key;                    /* the Idempotency-Key of the asking; may be empty */
    ch_buffer request; /* as agent/core/request_approval.c writes it; empty when it cannot be fetched any more */
    ch_buffer words;   /* for people: lines of plain text, each with its line feed */
    ch_needed needed[CH_APPROVAL_NEEDED_MAX];
    size_t needed_count;
    ch_given given;
    uint64_t given_rows[CH_GIVEN_MAX]; /* of the journal, of each that was given, until that is on the disk; then 0 */
    ch_approval_state end;             /* CH_APPROVAL_WAITING: none that anybody brought about */
    uint64_t ended_ns;
    char *ended_by; /* who denied it; else "" */
    uid_t ended_uid;
    char *why;        /* of a denial; else "" */
    uint64_t end_row; /* of the journal, that it was denied or withdrawn in; 0: none, or it was read from there */
    uint64_t row;     /* of the journal, that it was asked in, until that is on the disk; then 0 */
} ch_approval;

/* What is to be kept of a request that is asked for. */
typedef struct ch_approval_asked {
    uid_t uid;
    ch_slice callers;
    ch_slice key;
    const uint8_t *digest;
    ch_slice repeat_key;
    ch_slice request;
    ch_slice words;
} ch_approval_asked;

/* What is needed all together, and what is known of when. */
typedef struct ch_approval_needs {
    uint32_t approvals; /* the most */
    bool needs_code;
    uint64_t delay_ns;   /* the longest */
    uint64_t within_ns;  /* the shortest */
    uint64_t ready_ns;   /* when it is ready, or was; 0: people have not done their part */
    uint64_t expires_ns; /* if nothing more happens */
} ch_approval_needs;

ch_approval *ch_approval_new(uint64_t id, const ch_approval_asked *asked, uint64_t asked_ns);
void ch_approval_free(ch_approval *approval);

/* Copies the requirement. CH_REFUSED: there are too many. */
CH_CHECKED ch_status ch_approval_need(ch_approval *approval, const char *name, const ch_requirement *requirement,
                                      ch_error *err);
void ch_approval_clear_needed(ch_approval *approval);
/* Takes an approval in, or in place of one of the same user. False: there are too many. */
bool ch_approval_add_given(ch_approval *approval, const ch_given_by *by);
/* What that user has given is in that row of the journal, which is not on the disk yet. */
void ch_approval_await_given(ch_approval *approval, uid_t uid, uint64_t row);
/* The rows up to `row` are on the disk, or lost, and with them what was given in them. Returns how many are left to
 * come. */
size_t ch_approval_settle_given(ch_approval *approval, uint64_t row, bool is_recorded);
/* How it ends; CH_APPROVAL_WAITING takes an end back. */
void ch_approval_set_end(ch_approval *approval, ch_approval_state how, const char *person, uid_t uid, const char *why,
                         uint64_t at_ns);

ch_approval_needs ch_approval_sum(const ch_approval *approval);
ch_approval_state ch_approval_state_at(const ch_approval *approval, uint64_t now_ns);
static inline bool ch_approval_is_open(const ch_approval *approval, uint64_t now_ns)
{
    return ch_approval_state_at(approval, now_ns) <= CH_APPROVAL_READY;
}
/* When it ended, or will if nothing more happens. */
uint64_t ch_approval_end_ns(const ch_approval *approval);
/* "waiting", "ready", ... */
const char *ch_approval_state_name(ch_approval_state state);

/* CH_CONFLICT unless it is open, and says why not: rule `denied`, `withdrawn`, `expired` or `signed`. */
CH_CHECKED ch_status ch_approval_check_open(const ch_approval *approval, uint64_t now_ns, ch_error *err);
/* CH_REFUSED if that person's approval would not count: it is their own (rule `own`), or nothing needs them (rule
 * `approver`). */
CH_CHECKED ch_status ch_approval_check_person(const ch_approval *approval, const char *person, uid_t uid,
                                              ch_error *err);

#endif

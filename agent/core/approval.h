/* One approval: a request that policy lets pass only if people agree, from the asking to its end.
 *
 *     waiting -> ready -> signed
 *        |         |
 *        +---------+-> denied, withdrawn, expired
 *
 * It is ready when people have done their part and the delay is over, by the requirements that it keeps. Only a fetch
 * asks the policy of now.
 *
 * It expires if people do not do their part in time: within the shortest `within` of its requirements, counted from the
 * asking. Once it is ready, it can be fetched for as long again. No record says so: the state is computed from the
 * time. All times are of the wall clock. agent/core/approvals.h is the table of all approvals. Pure. */
#ifndef CH_AGENT_CORE_APPROVAL_H
#define CH_AGENT_CORE_APPROVAL_H

#include "base/buffer.h"
#include "policy/given.h"

#define CH_APPROVAL_REQUEST_MAX 8192 /* bytes of the request that is kept */
#define CH_APPROVAL_WORDS_MAX 16384  /* bytes that people read; the rest is cut off, and a line says so */
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

/* One `require` that applies to the request, as it was at the asking or at the last fetch in vain. */
typedef struct ch_needed {
    char *name;
    ch_requirement requirement; /* without `above` */
} ch_needed;

typedef struct ch_approval {
    uint64_t id;   /* no other approval ever has it */
    uid_t uid;     /* who asked */
    char *callers; /* their names, as ch_callers_print writes them */
    char *key;
    uint8_t digest[CH_APPROVAL_DIGEST_SIZE]; /* of what people approve */
    ch_buffer repeat_key;                    /* the Idempotency-Key of the asking; may be empty */
    ch_buffer request; /* as agent/core/request_approval.c writes it; empty once it can no longer be fetched */
    ch_buffer words;   /* for people: lines of plain text, each with its line feed */
    ch_needed needed[CH_APPROVAL_NEEDED_MAX];
    size_t needed_count;
    ch_given given;
    uint64_t given_rows[CH_GIVEN_MAX]; /* the journal's row of each approval given; 0 once that is on the disk */
    ch_approval_state end;             /* how somebody ended it; CH_APPROVAL_WAITING: nobody has */
    uint64_t ended_ns;
    char *ended_by; /* who denied it; else "" */
    uid_t ended_uid;
    char *why;        /* the reason of a denial; else "" */
    uint64_t end_row; /* the journal's row of the denial or withdrawal; 0: this process has written none */
    uint64_t row;     /* the journal's row of the asking; 0 once that is on the disk */
} ch_approval;

/* What an approval keeps of the request. */
typedef struct ch_approval_asked {
    uid_t uid;
    ch_slice callers;
    ch_slice key;
    const uint8_t *digest;
    ch_slice repeat_key;
    ch_slice request;
    ch_slice words;
} ch_approval_asked;

/* What all requirements need together, and the times that follow from what was given. */
typedef struct ch_approval_needs {
    uint32_t approvals; /* the most */
    bool needs_code;
    uint64_t delay_ns;   /* the longest */
    uint64_t within_ns;  /* the shortest */
    uint64_t ready_ns;   /* when it becomes ready, or became; 0: people have not done their part */
    uint64_t expires_ns; /* when it expires if nobody does anything more */
} ch_approval_needs;

ch_approval *ch_approval_new(uint64_t id, const ch_approval_asked *asked, uint64_t asked_ns);
void ch_approval_free(ch_approval *approval);

/* Adds a copy of the requirement. Returns CH_REFUSED if the approval has too many already. */
CH_CHECKED ch_status ch_approval_need(ch_approval *approval, const char *name, const ch_requirement *requirement,
                                      ch_error *err);
void ch_approval_clear_needed(ch_approval *approval);
/* Adds what a user gives, in place of what the same user gave before. Returns false if there are too many. */
bool ch_approval_add_given(ch_approval *approval, const ch_given_by *by);
/* Notes the journal's row of what that user has given; the row is not on the disk yet. */
void ch_approval_await_given(ch_approval *approval, uid_t uid, uint64_t row);
/* The rows up to `row` are on the disk; or else they are lost, and what was given in them is removed. Returns how many
 * of those given still wait for their rows. */
size_t ch_approval_settle_given(ch_approval *approval, uint64_t row, bool is_recorded);
/* Ends it in that state; CH_APPROVAL_WAITING takes an end back. */
void ch_approval_set_end(ch_approval *approval, ch_approval_state how, const char *person, uid_t uid, const char *why,
                         uint64_t at_ns);

ch_approval_needs ch_approval_sum(const ch_approval *approval);
ch_approval_state ch_approval_state_at(const ch_approval *approval, uint64_t now_ns);
static inline bool ch_approval_is_open(const ch_approval *approval, uint64_t now_ns)
{
    return ch_approval_state_at(approval, now_ns) <= CH_APPROVAL_READY;
}
/* Returns when it ended, or when it expires if nobody does anything more. */
uint64_t ch_approval_end_ns(const ch_approval *approval);
/* "waiting", "ready", ... */
const char *ch_approval_state_name(ch_approval_state state);

/* Returns CH_CONFLICT unless it is open. The rule is how it ended: `denied`, `withdrawn`, `expired` or `signed`. */
CH_CHECKED ch_status ch_approval_check_open(const ch_approval *approval, uint64_t now_ns, ch_error *err);
/* Returns CH_REFUSED if that person's approval would not count: because they asked for the request (rule `own`), or
 * because no requirement means them (rule `approver`). */
CH_CHECKED ch_status ch_approval_check_person(const ch_approval *approval, const char *person, uid_t uid,
                                              ch_error *err);

#endif

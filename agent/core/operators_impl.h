/* What the files of the operators' room share, and nobody else sees. */
#ifndef CH_AGENT_CORE_OPERATORS_IMPL_H
#define CH_AGENT_CORE_OPERATORS_IMPL_H

#include "agent/core/acceptor.h"
#include "agent/core/operators.h"
#include "base/log.h"
#include "wire/channel.h"

/* What a session waits for the disk with, and so what it hears if that takes too long (operators_kept.c). */
typedef enum ch_keeping {
    CH_KEPT_STATE,    /* a state of trading or of a key, which is in effect already */
    CH_KEPT_CHANGE,   /* another change that is in effect already */
    CH_KEPT_APPROVAL, /* an approval, which is in effect already, but not if the disk fails */
    CH_KEPT_DENIAL,   /* a denial, which is in effect already */
    CH_KEPT_FIRST,    /* a change that counts only once it is on the disk */
    CH_KEPT_QUESTION, /* a question, which changes nothing */
} ch_keeping;

/* A key that is being flattened: one request after the other, so that their nonces rise in their order. */
typedef struct ch_flattening {
    uint8_t policy[CH_POLICY_HASH_SIZE];
    size_t count;
    size_t next;
    size_t failed;
    ch_error first;  /* the first failure */
    ch_buffer asked; /* the request before `next`, in words */
    bool is_asked;   /* that request is under way */
    bool is_going;   /* the next requests are being asked for */
} ch_flattening;

/* One operator's request, and its answer. */
typedef struct ch_session {
    ch_operators *operators;
    ch_channel channel; /* fd -1: free */
    ch_source source;
    ch_receiving state;
    ch_peer peer;
    uint64_t began_ms;
    uint64_t kept_by_ms; /* the session is answered by then, though the disk is not; 0: it does not wait for it */
    ch_keeping keeping;  /* what it waits with */
    size_t left;         /* answers that are still to come */
    uint32_t wanted;     /* rows of decisions */
    ch_buffer asked;     /* the frame of a thaw or an approval whose code is being verified; or the key to flatten */
    ch_flattening flattening;
    ch_error answer; /* the first failure */
} ch_session;

struct ch_operators {
    ch_loop *loop;
    ch_operator_context context;
    ch_acceptor acceptor;
    ch_timer check;
    ch_log_limit log_limit;
    ch_session sessions[CH_OPERATORS_MAX];
};

#define CH_EVERY_ROLE (CH_ROLE_OPERATOR | CH_ROLE_APPROVER | CH_ROLE_ADMIN | CH_ROLE_AUDITOR)

/* ---- operators.c ---- */

/* Something that the session waits for has been done, or has failed; `context` is the session. */
void ch_session_on_outcome(void *context, const ch_error *outcome);
void ch_session_on_progress(void *context, uint32_t done, uint32_t total);
/* Returns CH_REFUSED unless the operator has one of the roles, as bits. */
CH_CHECKED ch_status ch_session_check_right(const ch_session *self, unsigned roles, ch_error *err);
/* The same, and CH_BAD_INPUT unless the operator's chancery is of the agent's version. */
CH_CHECKED ch_status ch_session_check(const ch_session *self, uint32_t version, unsigned roles, ch_error *err);
/* A request that fails is answered; it does not end the session's protocol. */
void ch_session_answer_failure(ch_session *self, ch_status st, const ch_error *err);

/* Appends what policy calls the user. */
void ch_session_name(const ch_session *self, ch_buffer *out);
/* The wall clock, as far as it is trusted. */
uint64_t ch_session_time_ns(const ch_session *self);
/* CH_BAD_INPUT unless it is plain text of a size that a log can keep. */
CH_CHECKED ch_status ch_session_check_reason(ch_slice reason, ch_error *err);
/* operators_unlock.c: makes sure that PINs and codes come in a pipe, and puts one of core's own in the place of `fd`,
 * which keeps nobody waiting. */
CH_CHECKED ch_status ch_session_prepare_pipe(int fd, ch_error *err);
/* The same file. Reads a code alone. Returns CH_REFUSED with the rule CH_RULE_CODE and the sentence `needs` if there is
 * none: whoever brings no code has tried none. */
CH_CHECKED ch_status ch_session_read_code(int fd, const char *needs, ch_secret *code, ch_error *err);

/* ---- operators_kept.c ---- */

/* Waits for `row` to be on the disk; whether it is, is the session's next outcome. Does not wait long, because a disk
 * that hangs must not keep anybody from hearing what holds. */
void ch_session_await_disk(ch_session *self, ch_keeping keeping, uint64_t row);
/* Limits how long the session waits for something else than a row, which ends with ch_session_on_outcome. */
void ch_session_limit_wait(ch_session *self, ch_keeping keeping);
/* Answers a session that the disk has not answered in time. */
void ch_session_on_late(ch_session *self);

/* ---- takers of frames: operators_unlock.c has those of tokens and people, operators_requests.c of rules and time,
 * operators_freeze.c those that freeze and thaw, operators_flatten.c the one that flattens, operators_approvals.c of
 * what waits for people, operators_trading.c the rest ---- */

CH_CHECKED ch_status ch_session_on_unlock(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_lock(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_unlock_needs(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_totp_list(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_totp_enroll(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_totp_revoke(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_reload(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_nonce_list(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_nonce_set(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_clock_confirm(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_key_confirm(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_freeze(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_thaw(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_flatten(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_trading_list(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_price_confirm(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_state_accept(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_decision_list(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_key_revoke(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_approval_list(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_approval_show(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_approval_give(void *context, ch_frame *frame, int *fd, ch_error *err);
CH_CHECKED ch_status ch_session_on_approval_deny(void *context, ch_frame *frame, int *fd, ch_error *err);

#endif

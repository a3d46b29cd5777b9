/* What people may ask of requests that wait for them. Everybody of the policy's people sees them; approvers approve,
 * each for themselves, and they and admins deny.
 *
 * Whether an approval would count is looked at before the code is, so that no code is used up in vain, and once more
 * when the code was right. */
#include "agent/core/operators_impl.h"

#include "agent/core/approvals.h"
#include "base/memory.h"
#include "base/secret.h"
#include "policy/policy.h"
#include "policy/words.h"

#include <string.h>

#define NS_A_MS 1000000
#define NS_A_S 1000000000
#define PAGE_BYTES_MAX 32768
#define WHAT_MAX 200 /* bytes of a listing's words */

static const ch_approvals *approvals_of(const ch_session *self)
{
    return ch_ledger_approvals(self->operators->context.ledger);
}

static ch_status find(const ch_session *self, uint64_t id, const ch_approval **out, ch_error *err)
{
    *out = ch_approvals_find(approvals_of(self), id);
    return *out != NULL ? CH_OK
                        : ch_fail(err, CH_NOT_FOUND,
                                  "there is no request %llu that waits for people, nor one that ended within a day; "
                                  "'chancery approvals list --all' shows them",
                                  (unsigned long long)id);
}

/* ---- list ---- */

static ch_slice next_line(ch_slice *words)
{
    const uint8_t *end = ch_slice_find(*words, '\n');
    ch_slice line = {words->data, end == NULL ? words->size : (size_t)(end - words->data)};
    *words = ch_slice_after(*words, line.size < words->size ? line.size + 1 : line.size);
    return line;
}

/* Lines without a label of their own continue the one before them: those that are indented say more of the same order,
 * the others are orders of their own. */
static bool names_another(ch_slice words)
{
    static const char no_label[CH_WORDS_LABEL + 1] = "          ";
    while (words.size > 0) {
        ch_slice line = next_line(&words);
        if (line.size <= CH_WORDS_LABEL || memcmp(line.data, no_label, CH_WORDS_LABEL) != 0)
            return false;
        if (line.data[CH_WORDS_LABEL] != ' ')
            return true;
    }
    return false;
}

/* Appends the first line of its words, without the label, and says if the request does more than that. */
static void add_what(const ch_approval *approval, ch_buffer *out)
{
    ch_slice words = ch_buffer_slice(&approval->words);
    ch_slice first = next_line(&words);
    ch_slice shown = ch_slice_after(first, first.size < CH_WORDS_LABEL ? first.size : CH_WORDS_LABEL);
    bool is_all = shown.size <= WHAT_MAX && !names_another(words);
    shown.size = shown.size < WHAT_MAX ? shown.size : WHAT_MAX;
    shown.size = ch_slice_count_text(shown);
    ch_buffer_add_format(out, "%s%.*s", is_all ? "" : "(among other things) ", CH_SLICE_ARGS(shown));
}

/* Returns how many of the approvals count for the requirement that needs most of them. */
static uint32_t count_given(const ch_session *self, const ch_approval *approval)
{
    const ch_policy *policy = self->operators->context.policy;
    const ch_needed *most = NULL;
    for (size_t i = 0; i < approval->needed_count; i++) {
        if (most == NULL || approval->needed[i].requirement.approvals > most->requirement.approvals)
            most = &approval->needed[i];
    }
    return most == NULL ? 0 : (uint32_t)ch_given_count(&approval->given, &most->requirement, policy);
}

static void add_row(const ch_session *self, const ch_approval *approval, uint64_t now_ns, ch_records *rows,
                    ch_buffer *records)
{
    ch_approval_needs needs = ch_approval_sum(approval);
    ch_autobuffer what = CH_BUFFER_INIT;
    add_what(approval, &what);
    const ch_listed_approval_record record = {
        .id = approval->id,
        .state = ch_slice_of(ch_approval_state_name(ch_approval_state_at(approval, now_ns))),
        .what = ch_buffer_slice(&what),
        .key = ch_slice_of(approval->key),
        .callers = ch_slice_of(approval->callers),
        .asked_ms = approval->given.asked_ns / NS_A_MS,
        .expires_ms = needs.expires_ns / NS_A_MS,
        .approvals = needs.approvals,
        .given = count_given(self, approval),
    };
    ch_listed_approval_record_put(rows, records, &record);
}

static ch_status list(ch_session *self, const ch_approval_list_frame *ask, ch_error *err)
{
    const ch_approval *approval;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_approvals_are_frame page = {.is_last = true};
    uint64_t now_ns = ch_session_time_ns(self);
    CH_TRY(ch_session_check(self, ask->version, CH_EVERY_ROLE, err));
    for (size_t i = 0; (approval = ch_approvals_at(approvals_of(self), i)) != NULL && page.is_last; i++) {
        bool is_asked = approval->id > ask->after && (ask->is_all || ch_approval_is_open(approval, now_ns));
        page.is_last = !is_asked || records.size < PAGE_BYTES_MAX;
        if (is_asked && page.is_last)
            add_row(self, approval, now_ns, &page.rows, &records);
    }
    CH_TRY(ch_approvals_are_frame_put(ch_channel_out(&self->channel), 0, &page, err));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

/* ---- show ---- */

static void add_needed(const ch_session *self, const ch_approval *approval, ch_records *list, ch_buffer *records)
{
    uint64_t now_ns = ch_session_time_ns(self);
    const ch_policy *policy = self->operators->context.policy;
    for (size_t i = 0; i < approval->needed_count; i++) {
        const ch_requirement *require = &approval->needed[i].requirement;
        ch_autobuffer of = CH_BUFFER_INIT;
        for (size_t k = 0; k < require->of.count; k++)
            ch_buffer_add_format(&of, "%s%s", k == 0 ? "" : ",", require->of.items[k]);
        const ch_needed_approval_record record = {
            .rule = ch_slice_of(approval->needed[i].name),
            .approvals = require->approvals,
            .of = ch_buffer_slice(&of),
            .needs_code = require->needs_code,
            .delay_s = require->delay_ns / NS_A_S,
            .within_s = ch_given_within_ns(require) / NS_A_S,
            .given = (uint32_t)ch_given_count(&approval->given, require, policy),
            .is_met = ch_given_meets(&approval->given, require, policy, now_ns),
        };
        ch_needed_approval_record_put(list, records, &record);
    }
}

static void add_given(const ch_approval *approval, ch_records *list, ch_buffer *records)
{
    for (size_t i = 0; i < approval->given.count; i++) {
        const ch_given_by *by = &approval->given.by[i];
        const ch_given_approval_record record = {.person = ch_slice_of(by->person),
                                                 .uid = by->uid,
                                                 .at_ms = by->at_ns / NS_A_MS,
                                                 .is_by_code = by->is_by_code};
        ch_given_approval_record_put(list, records, &record);
    }
}

static const ch_person *person_of(const ch_session *self, unsigned roles)
{
    return ch_policy_find_person(self->operators->context.policy, &self->peer, roles);
}

static bool takes_code(const ch_session *self)
{
    return ch_policy_has_seeds(self->operators->context.policy);
}

/* Whoever has approved without a code may do so once more with one. */
static ch_status check_again(const ch_session *self, const ch_approval *approval, ch_error *err)
{
    for (size_t i = 0; i < approval->given.count; i++) {
        const ch_given_by *by = &approval->given.by[i];
        if (by->uid == self->peer.uid && (by->is_by_code || !takes_code(self)))
            return ch_fail_rule(err, CH_CONFLICT, "again",
                                "you have approved this already, as '%s'; others must approve it", by->person);
    }
    return CH_OK;
}

/* Returns CH_OK if an approval by the session's person would count. */
static ch_status check_person(const ch_session *self, const ch_approval *approval, ch_error *err)
{
    CH_TRY(ch_session_check_right(self, CH_ROLE_APPROVER, err));
    const ch_person *person = person_of(self, CH_ROLE_APPROVER);
    CH_TRY(ch_approval_check_open(approval, ch_session_time_ns(self), err));
    CH_TRY(ch_approval_check_person(approval, person->name, self->peer.uid, err));
    return check_again(self, approval, err);
}

static ch_status show(ch_session *self, const ch_approval_show_frame *ask, ch_error *err)
{
    const ch_approval *approval = NULL;
    ch_autobuffer needed = CH_BUFFER_INIT;
    ch_autobuffer given = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, ask->version, CH_EVERY_ROLE, err));
    CH_TRY(find(self, ask->approval, &approval, err));
    uint64_t now_ns = ch_session_time_ns(self);
    ch_approval_state state = ch_approval_state_at(approval, now_ns);
    ch_approval_is_frame answer = {
        .approval = approval->id,
        .state = ch_slice_of(ch_approval_state_name(state)),
        .digest = {approval->digest, sizeof approval->digest},
        .words = ch_buffer_slice(&approval->words),
        .key = ch_slice_of(approval->key),
        .callers = ch_slice_of(approval->callers),
        .uid = approval->uid,
        .asked_ms = approval->given.asked_ns / NS_A_MS,
        .expires_ms = ch_approval_sum(approval).expires_ns / NS_A_MS,
        .ended_ms = ch_approval_is_open(approval, now_ns) ? 0 : ch_approval_end_ns(approval) / NS_A_MS,
        .ended_by = ch_slice_of(approval->ended_by),
        .why = ch_slice_of(approval->why),
        .obstacle = CH_ERROR_INIT,
        .takes_code = takes_code(self),
    };
    add_needed(self, approval, &answer.needed, &needed);
    add_given(approval, &answer.given, &given);
    ch_ignore(check_person(self, approval, &answer.obstacle)); /* the answer says it */
    CH_TRY(ch_approval_is_frame_put(ch_channel_out(&self->channel), 0, &answer, err));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

/* ---- approve and deny ---- */

static ch_status check_digest(ch_slice digest, const ch_approval *approval, ch_error *err)
{
    const ch_slice its = {approval->digest, sizeof approval->digest};
    return ch_slice_equal(digest, its)
               ? CH_OK
               : ch_fail_rule(err, CH_CONFLICT, "digest", "this is not the request that was shown; look at it again");
}

static ch_status check_give(const ch_session *self, const ch_approval_give_frame *ask, ch_error *err)
{
    const ch_approval *approval = NULL;
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_APPROVER, err));
    CH_TRY(find(self, ask->approval, &approval, err));
    CH_TRY(check_digest(ask->digest, approval, err));
    return check_person(self, approval, err);
}

static ch_status give(ch_session *self, const ch_approval_give_frame *ask, bool is_by_code, ch_error *err)
{
    uint64_t row = 0;
    CH_TRY(check_give(self, ask, err));
    ch_given_by by = {.uid = self->peer.uid, .at_ns = ch_session_time_ns(self), .is_by_code = is_by_code};
    const char *name = person_of(self, CH_ROLE_APPROVER)->name;
    memcpy(by.person, name, strlen(name) + 1); /* no name is longer than that array */
    CH_TRY(ch_ledger_approve(self->operators->context.ledger, ask->approval, ask->digest.data, &by, &row, err));
    ch_session_await_disk(self, CH_KEPT_APPROVAL, row);
    return CH_OK;
}

static ch_status give_asked(ch_session *self, ch_error *err)
{
    ch_frame frame;
    ch_approval_give_frame ask;
    ch_slice bytes = ch_buffer_slice(&self->asked);
    if (!ch_frame_next(&bytes, &frame))
        return ch_fail(err, CH_INTERNAL, "an approval that was kept is not a frame");
    CH_TRY(ch_approval_give_frame_get(&frame, &ask, err));
    return give(self, &ask, true, err);
}

/* The request may have ended meanwhile, and the policy be another: all is looked at again. */
static void on_code(void *context, const ch_error *outcome)
{
    ch_session *self = context;
    ch_error why = *outcome;
    ch_status st = outcome->status == CH_OK ? give_asked(self, &why) : outcome->status;
    ch_session_answer_failure(self, st, &why);
}

static ch_status give_by_code(ch_session *self, const ch_approval_give_frame *ask, int fd, ch_error *err)
{
    const ch_codes_waiter waiter = {.context = self, .answer = on_code};
    ch_autosecret code = CH_SECRET_INIT;
    CH_TRY(check_give(self, ask, err));
    if (!takes_code(self))
        return give(self, ask, false, err);
    CH_TRY(ch_session_read_code(fd, "an approval takes a code of yours; 'chancery approvals approve' asks for it",
                                &code, err));
    CH_TRY(ch_approval_give_frame_put(&self->asked, 0, ask, err));
    ch_codes_verify(self->operators->context.codes, person_of(self, CH_ROLE_APPROVER), &code, &waiter);
    return CH_OK;
}

static ch_status deny(ch_session *self, const ch_approval_deny_frame *ask, ch_error *err)
{
    uint64_t row = 0;
    const ch_approval *approval = NULL;
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_APPROVER | CH_ROLE_ADMIN, err));
    CH_TRY(find(self, ask->approval, &approval, err));
    CH_TRY(check_digest(ask->digest, approval, err));
    CH_TRY(ch_session_check_reason(ask->reason, err));
    ch_autofree char *why = ch_slice_strdup(ask->reason);
    const ch_approval_ending ending = {.digest = ask->digest.data,
                                       .how = CH_APPROVAL_DENIED,
                                       .person = person_of(self, CH_ROLE_APPROVER | CH_ROLE_ADMIN)->name,
                                       .uid = self->peer.uid,
                                       .why = why};
    CH_TRY(ch_ledger_end_approval(self->operators->context.ledger, ask->approval, &ending, ch_session_time_ns(self),
                                  &row, err));
    ch_session_await_disk(self, CH_KEPT_DENIAL, row);
    return CH_OK;
}

/* ---- takers of frames ---- */

ch_status ch_session_on_approval_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_approval_list_frame request;
    CH_TRY(ch_approval_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, list(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_approval_show(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_approval_show_frame request;
    CH_TRY(ch_approval_show_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, show(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_approval_give(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_approval_give_frame request;
    CH_TRY(ch_approval_give_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, give_by_code(self, &request, *fd, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_approval_deny(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_approval_deny_frame request;
    CH_TRY(ch_approval_deny_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, deny(self, &request, &why), &why);
    return CH_OK;
}

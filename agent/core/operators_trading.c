/* What operators may ask of trading besides freezing: which states there are, held prices, and what was decided. A
 * change is answered when it is on the disk, or when that takes too long. */
#include "agent/core/operators_impl.h"

#include "policy/policy.h"
#include "policy/states.h"
#include "state/journal.h"

#define REASON_MAX 200       /* bytes */
#define PAGE_BYTES_MAX 49152 /* a row more fits the frame besides, unless it is large */
#define DECISIONS_A_PAGE 200

uint64_t ch_session_time_ns(const ch_session *self)
{
    return ch_clockwatch_time_ns(self->operators->context.keeper->clock);
}

ch_status ch_session_check_reason(ch_slice reason, ch_error *err)
{
    return reason.size > 0 && reason.size <= REASON_MAX && ch_slice_is_text(reason)
               ? CH_OK
               : ch_fail(err, CH_BAD_INPUT, "give a reason in plain text, of at most %d bytes", REASON_MAX);
}

/* ---- trading states ---- */

/* In as many frames as it takes. */
static ch_status list_trading(ch_session *self, const ch_trading_list_frame *list, ch_error *err)
{
    ch_state_row row;
    ch_trading_are_frame page = {0};
    ch_autobuffer records = CH_BUFFER_INIT;
    const ch_states *states = ch_ledger_states(self->operators->context.ledger);
    CH_TRY(ch_session_check(self, list->version, CH_ROLE_OPERATOR | CH_ROLE_AUDITOR, err));
    for (size_t i = 0; ch_states_at(states, i, &row); i++) {
        ch_trading_row_record record = {.of = (uint8_t)row.of,
                                        .name = row.name,
                                        .state = (uint8_t)row.state,
                                        .until_ns = row.until_ns,
                                        .why = row.why};
        if (records.size > PAGE_BYTES_MAX) {
            CH_TRY(ch_trading_are_frame_put(ch_channel_out(&self->channel), 0, &page, err));
            ch_buffer_clear(&records);
            page = (ch_trading_are_frame){0};
        }
        ch_trading_row_record_put(&page.rows, &records, &record);
    }
    page.is_last = true;
    CH_TRY(ch_trading_are_frame_put(ch_channel_out(&self->channel), 0, &page, err));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

ch_status ch_session_on_trading_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_trading_list_frame request;
    CH_TRY(ch_trading_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, list_trading(self, &request, &why), &why);
    return CH_OK;
}

/* ---- prices, and the state ---- */

static ch_status confirm_price(ch_session *self, const ch_price_confirm_frame *confirm, ch_error *err)
{
    uint64_t row = 0;
    ch_decimal seen;
    ch_autobuffer name = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, confirm->version, CH_ROLE_OPERATOR, err));
    if (!ch_decimal_read(confirm->price, &seen))
        return ch_fail(err, CH_BAD_INPUT, "that price is no number; take it from `chancery prices list`");
    ch_session_name(self, &name);
    const ch_doer by = {.uid = self->peer.uid, .name = ch_buffer_slice(&name)};
    CH_TRY(ch_ledger_confirm_price(self->operators->context.ledger, confirm->source, confirm->pair, seen, &by,
                                   ch_session_time_ns(self), &row, err));
    ch_session_await_disk(self, CH_KEPT_CHANGE, row);
    return CH_OK;
}

ch_status ch_session_on_price_confirm(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_price_confirm_frame request;
    CH_TRY(ch_price_confirm_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, confirm_price(self, &request, &why), &why);
    return CH_OK;
}

static ch_status accept_state(ch_session *self, const ch_state_accept_frame *accept, ch_error *err)
{
    uint64_t row = 0;
    ch_autobuffer name = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, accept->version, CH_ROLE_ADMIN, err));
    CH_TRY(ch_session_check_reason(accept->reason, err));
    ch_session_name(self, &name);
    const ch_doer by = {.uid = self->peer.uid, .name = ch_buffer_slice(&name)};
    CH_TRY(ch_ledger_accept(self->operators->context.ledger, &by, accept->reason, ch_session_time_ns(self), &row, err));
    ch_session_await_disk(self, CH_KEPT_CHANGE, row);
    return CH_OK;
}

ch_status ch_session_on_state_accept(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_state_accept_frame request;
    CH_TRY(ch_state_accept_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, accept_state(self, &request, &why), &why);
    return CH_OK;
}

/* ---- keys ---- */

/* With several versions, it must say which. */
static ch_status find_version(const ch_session *self, const ch_key_revoke_frame *revoke, const ch_key **out,
                              ch_error *err)
{
    const ch_key *key = ch_policy_find_key(self->operators->context.policy, revoke->key);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s' in the policy", CH_SLICE_ARGS(revoke->key));
    if (revoke->key_id.size == 0 && key->version_count > 0)
        return ch_fail(err, CH_BAD_INPUT, "key '%s' has %zu versions; say which one, with --key-id", key->name,
                       key->version_count + 1);
    *out = revoke->key_id.size == 0 ? key : ch_key_version_of(key, revoke->key_id);
    return *out != NULL ? CH_OK : ch_fail(err, CH_NOT_FOUND, "key '%s' has no version with that key id", key->name);
}

static ch_status revoke_key(ch_session *self, const ch_key_revoke_frame *revoke, ch_error *err)
{
    const ch_key *version = NULL;
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_autobuffer why = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, revoke->version, CH_ROLE_OPERATOR | CH_ROLE_ADMIN, err));
    CH_TRY(ch_session_check_reason(revoke->reason, err));
    CH_TRY(find_version(self, revoke, &version, err));
    ch_states_name_version(version, &name);
    ch_session_name(self, &why);
    ch_buffer_add_format(&why, ": %.*s", CH_SLICE_ARGS(revoke->reason));
    const ch_state_row row = {.of = CH_STATE_OF_VERSION,
                              .name = ch_buffer_slice(&name),
                              .state = CH_TRADING_HALTED,
                              .why = ch_buffer_slice(&why)};
    ch_session_await_disk(self, CH_KEPT_STATE,
                          ch_ledger_set_state(self->operators->context.ledger, &row, ch_session_time_ns(self)));
    return CH_OK;
}

ch_status ch_session_on_key_revoke(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_key_revoke_frame request;
    CH_TRY(ch_key_revoke_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, revoke_key(self, &request, &why), &why);
    return CH_OK;
}

/* ---- decisions ---- */

static ch_status put_decisions(ch_session *self, const ch_journal_row *rows, size_t count, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_decisions_are_frame page = {.is_last = true};
    for (size_t i = 0; i < count && page.is_last; i++) {
        ch_decision_record record = {
            .id = rows[i].id, .kind = (uint8_t)rows[i].kind, .of = rows[i].of, .record = rows[i].record};
        page.is_last = i == 0 || records.size + rows[i].record.size <= PAGE_BYTES_MAX;
        if (page.is_last)
            ch_decision_record_put(&page.rows, &records, &record);
    }
    page.is_last = page.is_last && count < self->wanted;
    return ch_decisions_are_frame_put(ch_channel_out(&self->channel), 0, &page, err);
}

static void on_decisions(void *context, const ch_journal_row *rows, size_t count, const ch_error *outcome)
{
    ch_session *self = context;
    ch_error answer = *outcome;
    if (answer.status == CH_OK)
        ch_ignore(put_decisions(self, rows, count, &answer)); /* the answer says it */
    ch_session_on_outcome(self, &answer);
}

static ch_status list_decisions(ch_session *self, const ch_decision_list_frame *list, ch_error *err)
{
    CH_TRY(ch_session_check(self, list->version, CH_ROLE_OPERATOR | CH_ROLE_AUDITOR, err));
    self->wanted = list->limit == 0 || list->limit > DECISIONS_A_PAGE ? DECISIONS_A_PAGE : list->limit;
    const ch_journal_query query = {
        .after = list->after, .limit = self->wanted, .context = self, .answer = on_decisions};
    CH_TRY(ch_ledger_ask(self->operators->context.ledger, &query, err));
    ch_session_limit_wait(self, CH_KEPT_QUESTION);
    return CH_OK;
}

ch_status ch_session_on_decision_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_decision_list_frame request;
    CH_TRY(ch_decision_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, list_decisions(self, &request, &why), &why);
    return CH_OK;
}

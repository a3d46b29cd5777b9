/* The kill switch. What it sets counts in memory at once, and that is answered at once (FROZEN); the outcome comes when
 * it is on the disk, or says that it is not. So neither a token nor a disk that hangs holds a freeze up.
 *
 * An operator freezes, which can only tighten; an admin thaws, with a code if the people of the policy have any. A
 * freeze does as much as it can: of several names, those that are known are frozen. A thaw does all or nothing. */
#include "agent/core/operators_impl.h"

#include "base/secret.h"
#include "policy/policy.h"
#include "policy/states.h"

#define ROWS_BYTES_MAX 32768 /* what is left out fits no frame; the listing has it */

typedef struct target {
    ch_state_of of;
    ch_slice name;
} target;

/* ---- names ---- */

static bool is_caller(const ch_policy *policy, ch_slice name)
{
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_slice_is(name, policy->callers[i].name))
            return true;
    }
    return false;
}

static bool is_in_policy(const ch_session *self, ch_state_of of, ch_slice name)
{
    const ch_policy *policy = self->operators->context.policy;
    return of == CH_STATE_OF_KEY ? ch_policy_find_key(policy, name) != NULL : is_caller(policy, name);
}

static bool has_state(const ch_session *self, ch_state_of of, ch_slice name)
{
    ch_state_row row;
    return ch_states_get(ch_ledger_states(self->operators->context.ledger), of, name, ch_session_time_ns(self), &row);
}

typedef bool is_one(const ch_session *self, ch_state_of of, ch_slice name);

/* `is` says whether there is a key or a caller of a name. */
static ch_status find_target(const ch_session *self, const ch_freeze_target_record *asked, is_one *is, target *out,
                             ch_error *err)
{
    bool may_be_key = asked->of == CH_STATE_OF_KEY || asked->of == CH_TARGET_OF_EITHER;
    bool may_be_caller = asked->of == CH_STATE_OF_CALLER || asked->of == CH_TARGET_OF_EITHER;
    if (!ch_slice_is_text(asked->name) || asked->of > CH_TARGET_OF_EITHER ||
        (asked->of == CH_STATE_OF_ALL) != (asked->name.size == 0))
        return ch_fail(err, CH_BAD_INPUT, "there is no such caller or key");
    may_be_key = may_be_key && is(self, CH_STATE_OF_KEY, asked->name);
    may_be_caller = may_be_caller && is(self, CH_STATE_OF_CALLER, asked->name);
    if (may_be_key && may_be_caller)
        return ch_fail(err, CH_BAD_INPUT, "'%.*s' is a key and a caller; write key:%.*s or caller:%.*s",
                       CH_SLICE_ARGS(asked->name), CH_SLICE_ARGS(asked->name), CH_SLICE_ARGS(asked->name));
    out->name = asked->name;
    out->of = asked->of == CH_STATE_OF_ALL ? CH_STATE_OF_ALL : may_be_key ? CH_STATE_OF_KEY : CH_STATE_OF_CALLER;
    return may_be_key || may_be_caller || asked->of == CH_STATE_OF_ALL ? CH_OK : CH_NOT_FOUND;
}

/* ---- answers ---- */

/* What counts of these names, and of all, which may be what keeps them from trading. */
static void add_row(const ch_session *self, const target *of, ch_records *rows, ch_buffer *records)
{
    ch_state_row row;
    ch_states_get(ch_ledger_states(self->operators->context.ledger), of->of, of->name, ch_session_time_ns(self), &row);
    const ch_trading_row_record record = {
        .of = (uint8_t)row.of, .name = row.name, .state = (uint8_t)row.state, .until_ns = row.until_ns, .why = row.why};
    if (records->size < ROWS_BYTES_MAX)
        ch_trading_row_record_put(rows, records, &record);
}

static const target of_all = {
    CH_STATE_OF_ALL, {(const uint8_t *)"", 0}
};

static ch_status tell(ch_session *self, ch_frozen_frame *frozen, ch_buffer *records, ch_error *err)
{
    add_row(self, &of_all, &frozen->rows, records);
    CH_TRY(ch_frozen_frame_put(ch_channel_out(&self->channel), 0, frozen, err));
    return ch_channel_flush(&self->channel, err);
}

/* One more answer is waited for: that of the disk. */
static void await_disk(ch_session *self, uint64_t row)
{
    self->left++;
    ch_session_await_disk(self, CH_KEPT_STATE, row);
}

/* ---- freeze ---- */

static uint64_t set(const ch_session *self, const target *of, ch_trading state, ch_slice reason)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    ch_ledger *ledger = self->operators->context.ledger;
    ch_session_name(self, &why);
    ch_buffer_add_format(&why, ": %.*s", CH_SLICE_ARGS(reason));
    const ch_state_row row = {.of = of->of, .name = of->name, .state = state, .why = ch_buffer_slice(&why)};
    return state == CH_TRADING_ACTIVE ? ch_ledger_set_state(ledger, &row, ch_session_time_ns(self))
                                      : ch_ledger_freeze(ledger, &row, ch_session_time_ns(self));
}

/* To freeze a caller ends no unlock: others go on with its keys. */
static void end_unlocks(const ch_session *self, const target *frozen)
{
    const ch_operator_context *context = &self->operators->context;
    if (frozen->of != CH_STATE_OF_CALLER)
        ch_links_freeze(context->links, context->policy, frozen->name, ch_ledger_states(context->ledger),
                        ch_session_time_ns(self));
}

/* The first that cannot be frozen is what is answered of those. */
static ch_status freeze_each(ch_session *self, const ch_freeze_frame *request, uint64_t *last_row,
                             ch_frozen_frame *frozen, ch_buffer *records, ch_error *err)
{
    ch_freeze_target_record asked;
    ch_records left = request->targets;
    ch_status st = CH_OK;
    while (ch_freeze_target_record_next(&left, &asked)) {
        target found;
        ch_error why = CH_ERROR_INIT;
        ch_status is_found = find_target(self, &asked, is_in_policy, &found, &why);
        if (is_found == CH_NOT_FOUND)
            ch_error_set(&why, CH_NOT_FOUND, "", "there is no %s '%.*s' in the policy",
                         asked.of == CH_STATE_OF_KEY      ? "key"
                         : asked.of == CH_STATE_OF_CALLER ? "caller"
                                                          : "key or caller",
                         CH_SLICE_ARGS(asked.name));
        if (is_found != CH_OK) {
            *err = st == CH_OK ? why : *err;
            st = err->status;
            continue;
        }
        *last_row = set(self, &found, request->is_reducing ? CH_TRADING_REDUCING : CH_TRADING_HALTED, request->reason);
        end_unlocks(self, &found);
        if (found.of != CH_STATE_OF_ALL)
            add_row(self, &found, &frozen->rows, records);
    }
    return st;
}

static ch_status freeze(ch_session *self, const ch_freeze_frame *request, ch_error *err)
{
    uint64_t row = 0;
    ch_frozen_frame frozen = {0};
    ch_error unsent = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, request->version, CH_ROLE_OPERATOR | CH_ROLE_ADMIN, err));
    CH_TRY(ch_session_check_reason(request->reason, err));
    if (request->targets.count == 0)
        return ch_fail(err, CH_BAD_INPUT, "name keys or callers, or freeze all of them");
    ch_status st = freeze_each(self, request, &row, &frozen, &records, err);
    if (row == 0)
        return st;
    await_disk(self, row);
    ch_ignore(tell(self, &frozen, &records, &unsent)); /* who has left is not told */
    if (st != CH_OK)
        return ch_error_wrap(err, "the others are frozen, but");
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

ch_status ch_session_on_freeze(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_freeze_frame request;
    CH_TRY(ch_freeze_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, freeze(self, &request, &why), &why);
    return CH_OK;
}

/* ---- thaw ---- */

static ch_status find_frozen(const ch_session *self, const ch_freeze_target_record *asked, target *out, ch_error *err)
{
    const ch_freeze_file *file = self->operators->context.freeze_file;
    ch_status st = find_target(self, asked, has_state, out, err);
    if (st == CH_NOT_FOUND)
        return ch_fail(err, CH_NOT_FOUND,
                       "'%.*s' has no trading state of its own; chancery trading list shows what has",
                       CH_SLICE_ARGS(asked->name));
    CH_TRY(st);
    if (out->of == CH_STATE_OF_ALL && ch_freeze_file_is_there(file))
        return ch_fail(err, CH_CONFLICT, "freeze_file %s is still there, and would freeze at the next start; remove it",
                       ch_freeze_file_path(file));
    return out->of != CH_STATE_OF_ALL || has_state(self, out->of, out->name)
               ? CH_OK
               : ch_fail(err, CH_NOT_FOUND,
                         "not all is frozen; chancery trading list shows which callers and keys are");
}

static ch_status check_thaw(const ch_session *self, const ch_thaw_frame *request, ch_error *err)
{
    target found;
    ch_freeze_target_record asked;
    CH_TRY(ch_session_check(self, request->version, CH_ROLE_ADMIN, err));
    CH_TRY(ch_session_check_reason(request->reason, err));
    if (request->targets.count == 0)
        return ch_fail(err, CH_BAD_INPUT, "name what was frozen: keys, callers, or all");
    for (ch_records left = request->targets; ch_freeze_target_record_next(&left, &asked);)
        CH_TRY(find_frozen(self, &asked, &found, err));
    return CH_OK;
}

static ch_status thaw(ch_session *self, const ch_thaw_frame *request, ch_error *err)
{
    uint64_t row = 0;
    target found;
    ch_freeze_target_record asked;
    ch_frozen_frame frozen = {0};
    ch_error unsent = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    CH_TRY(check_thaw(self, request, err));
    for (ch_records left = request->targets; ch_freeze_target_record_next(&left, &asked);) {
        if (find_frozen(self, &asked, &found, err) != CH_OK)
            continue; /* it was named twice */
        row = set(self, &found, CH_TRADING_ACTIVE, request->reason);
        if (found.of != CH_STATE_OF_ALL)
            add_row(self, &found, &frozen.rows, &records);
    }
    await_disk(self, row);
    ch_ignore(tell(self, &frozen, &records, &unsent));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

static ch_status thaw_asked(ch_session *self, ch_error *err)
{
    ch_frame frame;
    ch_thaw_frame request;
    ch_slice bytes = ch_buffer_slice(&self->asked);
    if (!ch_frame_next(&bytes, &frame))
        return ch_fail(err, CH_INTERNAL, "a thaw that was kept is not a frame");
    CH_TRY(ch_thaw_frame_get(&frame, &request, err));
    return thaw(self, &request, err);
}

/* What was asked may have changed meanwhile, and is looked at again. */
static void on_code(void *context, const ch_error *outcome)
{
    ch_session *self = context;
    ch_error why = *outcome;
    ch_status st = outcome->status == CH_OK ? thaw_asked(self, &why) : outcome->status;
    ch_session_answer_failure(self, st, &why);
}

/* If people have codes, whoever thaws proves to be that very admin. */
static ch_status thaw_by_code(ch_session *self, const ch_thaw_frame *request, int fd, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    const ch_codes_waiter waiter = {.context = self, .answer = on_code};
    ch_autosecret code = CH_SECRET_INIT;
    CH_TRY(check_thaw(self, request, err));
    if (!ch_policy_has_seeds(context->policy))
        return thaw(self, request, err);
    CH_TRY(ch_session_read_code(fd, "a thaw takes a code of yours; 'chancery thaw' asks for it", &code, err));
    CH_TRY(ch_thaw_frame_put(&self->asked, 0, request, err));
    ch_codes_verify(context->codes, ch_policy_find_person(context->policy, &self->peer, CH_ROLE_ADMIN), &code, &waiter);
    return CH_OK;
}

ch_status ch_session_on_thaw(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_thaw_frame request;
    CH_TRY(ch_thaw_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, thaw_by_code(self, &request, *fd, &why), &why);
    return CH_OK;
}

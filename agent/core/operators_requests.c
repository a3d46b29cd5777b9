/* What operators may ask of rules, keys, nonces and time. */
#include "agent/core/operators_impl.h"

#include "policy/policy.h"

#include <stdio.h>

/* The list goes first; the outcome ends it. */
static ch_status list_nonces(ch_session *self, const ch_nonce_list_frame *ask, ch_error *err)
{
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_OPERATOR, err));
    CH_TRY(ch_timekeeper_list(self->operators->context.keeper, ask, ch_channel_out(&self->channel), err));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

static ch_time_waiter waiter_of(ch_session *self)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_time_waiter waiter = {.context = self, .answer = ch_session_on_outcome};
    ch_session_name(self, &name);
    snprintf(waiter.name, sizeof waiter.name, "%s", ch_buffer_text(&name));
    return waiter;
}

static ch_status set_nonce(ch_session *self, const ch_nonce_set_frame *set, ch_error *err)
{
    const ch_time_waiter waiter = waiter_of(self);
    CH_TRY(ch_session_check(self, set->version, CH_ROLE_OPERATOR, err));
    CH_TRY(ch_timekeeper_set(self->operators->context.keeper, set, &waiter, err));
    ch_session_limit_wait(self, CH_KEPT_FIRST);
    return CH_OK;
}

static ch_status confirm_clock(ch_session *self, const ch_clock_confirm_frame *confirm, ch_error *err)
{
    const ch_time_waiter waiter = waiter_of(self);
    CH_TRY(ch_session_check(self, confirm->version, CH_ROLE_OPERATOR, err));
    CH_TRY(ch_timekeeper_confirm(self->operators->context.keeper, &waiter, err));
    ch_session_limit_wait(self, CH_KEPT_FIRST);
    return CH_OK;
}

static void on_confirmed(void *context, const ch_error *outcome)
{
    ch_session *self = context;
    if (outcome->status == CH_OK)
        ch_links_hurry(self->operators->context.links);
    ch_session_on_outcome(self, outcome);
}

static ch_status confirm_key(ch_session *self, const ch_key_confirm_frame *confirm, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    ch_autobuffer who = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, confirm->version, CH_ROLE_OPERATOR, err));
    const ch_key *key = ch_policy_find_version(context->policy, confirm->key);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s' in the policy", CH_SLICE_ARGS(confirm->key));
    const ch_link_waiter waiter = {.answer = on_confirmed, .context = self};
    CH_TRY(ch_token_link_confirm_key(context->links->links[key->token], key->token_key, waiter, err));
    ch_session_limit_wait(self, CH_KEPT_FIRST);
    ch_session_name(self, &who);
    ch_log("%s accepts the object that key '%s' has now, in the place of the one that it had", ch_buffer_text(&who),
           key->name);
    return CH_OK;
}

static ch_status reload(ch_session *self, const ch_reload_frame *reload, ch_error *err)
{
    const ch_reload_waiter waiter = {.context = self, .answer = ch_session_on_outcome};
    ch_autobuffer who = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, reload->version, CH_ROLE_OPERATOR, err));
    ch_session_name(self, &who);
    ch_log("%s asks for a reload", ch_buffer_text(&who));
    return ch_reload_begin(self->operators->context.reload, &waiter, err);
}

ch_status ch_session_on_reload(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_reload_frame request;
    CH_TRY(ch_reload_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, reload(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_nonce_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_nonce_list_frame request;
    CH_TRY(ch_nonce_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, list_nonces(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_nonce_set(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_nonce_set_frame request;
    CH_TRY(ch_nonce_set_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, set_nonce(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_clock_confirm(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_clock_confirm_frame request;
    CH_TRY(ch_clock_confirm_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, confirm_clock(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_key_confirm(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_key_confirm_frame request;
    CH_TRY(ch_key_confirm_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, confirm_key(self, &request, &why), &why);
    return CH_OK;
}

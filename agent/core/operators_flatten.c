/* `chancery flatten`: signs what policy has prepared for a key, whatever the key's trading state is, for whoever asked;
 * sends nothing to an exchange. It does as much as it can: a request that fails does not stop the others.
 *
 * It takes no code. It is for the moment in which everything must stop, and can do nothing but what a reviewed policy
 * has prepared, which only cancels or reduces. */
#include "agent/core/operators_impl.h"

#include "base/buffer.h"
#include "exchange/recipe.h"
#include "policy/policy.h"
#include "policy/prepared.h"

#include <string.h>

#define NS_A_MS 1000000

/* ---- answers ---- */

static void put_request(const ch_finished *request, ch_flattened_frame *out, ch_buffer *records)
{
    out->method = request->method;
    out->url = request->url;
    out->body = request->body;
    for (size_t i = 0; i < request->header_count; i++) {
        const ch_header_record header = {.name = request->headers[i].name, .value = request->headers[i].value};
        ch_header_record_put(&out->headers, records, &header);
    }
}

static const ch_key *key_of(const ch_session *self)
{
    return ch_policy_find_key(self->operators->context.policy, ch_buffer_slice(&self->asked));
}

static bool is_of_now(const ch_session *self)
{
    const ch_policy *policy = self->operators->context.policy;
    return memcmp(policy->hash, self->flattening.policy, sizeof policy->hash) == 0;
}

static ch_status tell(ch_session *self, const ch_person_answer *answer, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    const ch_flattening *flattening = &self->flattening;
    ch_flattened_frame frame = {.index = (uint16_t)(flattening->next - 1),
                                .count = (uint16_t)flattening->count,
                                .asked = ch_buffer_slice(&flattening->asked),
                                .key_id = ch_slice_of(answer->key_id),
                                .meaning = answer->meaning,
                                .valid_ms = answer->valid_ns / NS_A_MS,
                                .why = *answer->why};
    if (answer->request != NULL)
        put_request(answer->request, &frame, &records);
    CH_TRY(ch_flattened_frame_put(ch_channel_out(&self->channel), 0, &frame, err));
    return ch_channel_flush(&self->channel, err);
}

static void note_failure(ch_flattening *flattening, const ch_error *why)
{
    if (flattening->failed++ == 0)
        flattening->first = *why;
}

static void on_answer(void *context, const ch_person_answer *answer)
{
    ch_session *self = context;
    ch_error err = CH_ERROR_INIT;
    const ch_error *why = answer->why;
    if (tell(self, answer, &err) != CH_OK && why->status == CH_OK)
        why = &err;
    if (why->status != CH_OK)
        note_failure(&self->flattening, why);
}

/* ---- one after the other ---- */

static void go_on(ch_session *self);

static void on_ended(void *context)
{
    ch_session *self = context;
    self->flattening.is_asked = false;
    go_on(self);
}

static void ask_next(ch_session *self)
{
    ch_flattening *flattening = &self->flattening;
    const ch_key *key = key_of(self);
    ch_person_asker asker = {.context = self, .peer = self->peer, .answer = on_answer, .ended = on_ended};
    memcpy(asker.policy, flattening->policy, sizeof asker.policy);
    const ch_prepared *next = &key->flatten[flattening->next++];
    flattening->is_asked = true;
    ch_buffer_clear(&flattening->asked);
    ch_prepared_print(next, &flattening->asked);
    ch_requests_begin_prepared(self->operators->context.requests, &asker, key, next);
}

static void finish(ch_session *self)
{
    ch_flattening *flattening = &self->flattening;
    ch_error outcome = flattening->first;
    if (flattening->failed > 0)
        ch_ignore(ch_error_wrap(&outcome, "%zu of %zu requests were not signed; the first of them", flattening->failed,
                                flattening->count));
    ch_session_on_outcome(self, &outcome);
}

/* A request that is answered at once ends within ask_next: then the loop goes on, and not on_ended. */
static void go_on(ch_session *self)
{
    ch_error why = CH_ERROR_INIT;
    ch_flattening *flattening = &self->flattening;
    if (flattening->is_going)
        return;
    flattening->is_going = true;
    while (!flattening->is_asked && flattening->next < flattening->count && is_of_now(self))
        ask_next(self);
    flattening->is_going = false;
    if (flattening->is_asked)
        return;
    if (flattening->next < flattening->count) {
        ch_error_set(&why, CH_CONFLICT, "",
                     "the policy is another now, and may have prepared something else; ask again");
        flattening->failed += flattening->count - flattening->next - 1;
        note_failure(flattening, &why);
    }
    finish(self);
}

static ch_status flatten(ch_session *self, const ch_flatten_frame *request, ch_error *err)
{
    const ch_policy *policy = self->operators->context.policy;
    ch_autobuffer who = CH_BUFFER_INIT;
    CH_TRY(ch_session_check(self, request->version, CH_ROLE_OPERATOR | CH_ROLE_ADMIN, err));
    const ch_key *key = ch_policy_find_key(policy, request->key);
    if (key == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s' in the policy", CH_SLICE_ARGS(request->key));
    if (key->flatten_count == 0)
        return ch_fail(
            err, CH_NOT_FOUND,
            "the policy has prepared nothing to flatten key '%s' by; cancel at the exchange, and give the key "
            "'flatten' for the next time",
            key->name);
    ch_session_name(self, &who);
    ch_log("%s flattens key '%s'", ch_buffer_text(&who), key->name);
    self->flattening = (ch_flattening){.count = key->flatten_count};
    memcpy(self->flattening.policy, policy->hash, sizeof policy->hash);
    ch_buffer_add_slice(&self->asked, request->key);
    go_on(self);
    return CH_OK;
}

ch_status ch_session_on_flatten(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_flatten_frame request;
    CH_TRY(ch_flatten_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, flatten(self, &request, &why), &why);
    return CH_OK;
}

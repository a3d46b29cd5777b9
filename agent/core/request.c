/* The heart: `ch_steps` says what happens to a request, in this order. Nothing is taken before policy has agreed, and
 * nothing goes to the token that policy has not judged in the very bytes that are signed. What must be fresh (time,
 * nonce, prices) is drawn or looked at after the wait for the token's turn, and from there to the token nothing waits
 * but the record, on the disk: the place at the token and the nonce are kept before. */
#include "agent/core/request_impl.h"

#include "agent/core/form_wire.h"
#include "agent/core/forms.h"
#include "agent/core/jobs.h"
#include "agent/core/versions.h"
#include "base/clock.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "exchange/profile.h"
#include "exchange/recipe.h"
#include "policy/decide.h"
#include "policy/key_dates.h"
#include "state/nonces.h"
#include "wire/frames.h"

#include <stdlib.h>

/* ---- the steps ---- */

static ch_status find_caller(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_peer *peer = ch_connections_peer(requests->context.connections, job->asker.intake, job->connection);
    if (ch_job_is_of_person(job))
        return ch_request_find_person(requests, job, err);
    if (peer == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    job->caller = *peer;
    job->ticket.caller = peer->uid;
    job->policy = requests->context.policy;
    job->callers = *ch_callers_find(requests->context.callers, job->policy, peer);
    job->stoppable = job->callers;
    return ch_request_find_relayed(job, err);
}

static ch_versions versions_of(const ch_requests *requests)
{
    ch_moment now;
    return (ch_versions){.links = requests->context.links,
                         .states = ch_ledger_states(requests->context.ledger),
                         .now_ns = ch_moment_now(&now) ? now.wall_ns : 0};
}

/* Only whom policy lets see the key learns anything of its versions. */
static ch_status find_key(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_versions versions = versions_of(requests);
    const ch_version_wish wish = {.key_id = job->key_id,
                                  .text = job->form == CH_FORM_STRING ? job->text : CH_LITERAL(""),
                                  .is_fixed = !ch_form_is_built(job->form)};
    job->key = ch_policy_find_key(job->policy, job->key_name);
    if (job->key == NULL)
        return ch_policy_refuse_key(job->key_name, err); /* as if it were somebody else's */
    if (!ch_job_is_of_person(job))
        CH_TRY(ch_policy_admit(job->policy, job->key, &job->callers, err));
    CH_TRY(ch_versions_choose(&versions, job->key, &wish, &job->key, err));
    job->link = requests->context.links->links[job->key->token];
    job->ticket.key = job->key->token_key;
    return CH_OK;
}

/* All that was asked besides the Idempotency-Key, what the key is, how it signs and for which host: after a reload its
 * name can mean another. It is the same whichever of its versions signs. */
static void add_asked(const ch_job *job, ch_buffer *out)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_typed typed;
    ch_form_typed(job, &records, &typed);
    const ch_environment *environment = job->key->traits.environment;
    const ch_key *key = job->key->of != NULL ? job->key->of : job->key;
    const ch_slice parts[] = {typed.method,
                              typed.host,
                              typed.path,
                              job->text,
                              typed.values.records,
                              ch_slice_of(ch_profile_name(job->key->profile)),
                              ch_slice_of(ch_environment_name(environment)),
                              ch_slice_of(ch_scheme_name(job->key->scheme)),
                              job->endpoint == NULL ? CH_LITERAL("") : ch_environment_host(environment, job->endpoint),
                              job->key_id,
                              ch_slice_of(key->key_id),
                              ch_slice_of(key->object_uri)};
    ch_put_u8(out, (uint8_t)job->form);
    ch_put_u16(out, (uint16_t)typed.values.count);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ch_put_bytes(out, parts[i]);
}

/* Policy has judged by a moment of before. */
static ch_status read_clock(ch_requests *requests, ch_job *job, ch_error *err)
{
    CH_TRY(ch_clockwatch_read(requests->context.clock, &job->now, err));
    return ch_key_check_expiry(job->key, job->now.wall_ns, err);
}

/* Sends again what was signed, unless the key could not sign now, or the clock is in doubt. */
static ch_status answer_again(ch_requests *requests, ch_job *job, ch_slice answer, ch_error *err)
{
    ch_frame frame;
    ch_signed_frame finished;
    ch_signature_only_frame signature;
    CH_TRY(ch_token_link_check_key(job->link, job->ticket.key, err));
    CH_TRY(read_clock(requests, job, err));
    CH_TRY(ch_request_check_halt(requests, job, err));
    ch_buffer *out = ch_asker_out(job->asker);
    job->is_answered = true;
    if (out == NULL)
        return CH_OK;
    if (!ch_frame_next(&answer, &frame))
        return ch_fail(err, CH_INTERNAL, "an answer that was kept is not a frame");
    if (frame.type == CH_FRAME_SIGNED) {
        CH_TRY(ch_signed_frame_get(&frame, &finished, err));
        return ch_signed_frame_put(out, job->asker.request, &finished, err);
    }
    CH_TRY(ch_signature_only_frame_get(&frame, &signature, err));
    return ch_signature_only_frame_put(out, job->asker.request, &signature, err);
}

/* A front that was taken over must not pass for a fetch. */
static ch_status check_repeat_key(const ch_job *job, ch_error *err)
{
    if (job->repeat_key.size > CH_REPEAT_KEY_MAX)
        return ch_fail(err, CH_INTERNAL, "the front sent an Idempotency-Key that is too long");
    if (job->approval == 0 && ch_slice_begins(job->repeat_key, CH_LITERAL(CH_FETCHED_REPEAT_KEY)))
        return ch_fail(err, CH_INTERNAL, "the front sent an Idempotency-Key that no bot can send");
    return CH_OK;
}

/* A request with an Idempotency-Key is the first of it, or is answered as the first one was, or waits for that. */
static ch_status find_repeat(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_slice answer;
    ch_autobuffer asked = CH_BUFFER_INIT;
    if (job->repeat_key.size == 0 || ch_job_is_relayed(job))
        return CH_OK;
    CH_TRY(check_repeat_key(job, err));
    add_asked(job, &asked);
    const ch_repeat_name name = {.caller = job->caller.uid,
                                 .key = job->key_name,
                                 .text = job->repeat_key,
                                 .asked = ch_buffer_slice(&asked),
                                 .is_urgent = job->ticket.is_urgent};
    CH_TRY(ch_repeats_enter(requests->repeats, &name, ch_clock_ms(), &job->repeat, &answer, err));
    job->is_held = job->repeat.place == CH_REPEAT_WAITING;
    if (job->repeat.place == CH_REPEAT_FIRST)
        return ch_request_check_approval(requests, job, err); /* what was signed is not kept any more */
    return job->repeat.place == CH_REPEAT_OUT ? answer_again(requests, job, answer, err) : CH_OK;
}

static void leave_repeats(ch_requests *requests, ch_job *job)
{
    ch_repeats_leave(requests->repeats, &job->repeat);
}

static ch_status read_form(ch_requests *requests, ch_job *job, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(requests->context.clock);
    uint64_t started_ns = ch_request_started_ns(requests, now_ns); /* first: it changes what was signed before */
    const ch_form_clock clock = {
        .now_ns = now_ns, .started_ns = started_ns, .signed_ns = ch_request_signed_ns(requests, job)};
    if (job->form == CH_FORM_WIRE)
        CH_TRY(ch_request_answer_public(job, &clock, err));
    return job->is_answered ? CH_OK : ch_form_read(job, requests->context.scratch, &clock, err);
}

static ch_status find_endpoint(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)requests;
    CH_TRY(ch_environment_match(job->key->traits.environment, &job->request, &job->endpoint, err));
    job->ticket.is_urgent = ch_endpoint_class(job->endpoint) == CH_CLASS_CANCEL || ch_job_is_of_person(job);
    return CH_OK;
}

static ch_status check_parameters(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)requests;
    ch_form_add_window(job);
    CH_TRY(ch_endpoint_check(job->endpoint, job->key->scheme, &job->request, err));
    return ch_form_find_window(job, err);
}

static ch_status take_place(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)requests;
    CH_TRY(ch_token_link_check_key(job->link, job->ticket.key, err));
    return ch_token_link_admit(job->link, &job->ticket, err);
}

/* Nonces are reserved on disk before one is drawn; the disk is waited for here, and nowhere later. */
static ch_status claim_nonce(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_request_context *context = &requests->context;
    ch_moment now;
    if (job->claim.place == CH_CLAIM_HELD || !ch_form_needs_nonce(job))
        return CH_OK;
    CH_TRY(ch_clockwatch_read(context->clock, &now, err));
    CH_TRY(ch_nonces_claim(context->nonces, job->key->nonce_counter, &job->claim, &now, err));
    job->is_held = job->claim.place == CH_CLAIM_WAITING;
    if (job->is_held)
        job->held_ms = ch_clock_ms();
    return CH_OK;
}

static void leave_nonces(ch_requests *requests, ch_job *job)
{
    ch_nonces_leave(requests->context.nonces, &job->claim);
}

static ch_status wait_for_turn(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)requests;
    if (job->ticket.place == CH_TICKET_CALLED)
        return CH_OK;
    CH_TRY(ch_token_link_check_key(job->link, job->ticket.key, err));
    CH_TRY(ch_token_link_queue(job->link, &job->ticket, err));
    job->is_held = true;
    return CH_OK;
}

static void leave_token(ch_requests *requests, ch_job *job)
{
    (void)requests;
    ch_token_link_leave(job->link, &job->ticket);
}

static ch_status check_caller(const ch_requests *requests, const ch_job *job, ch_error *err)
{
    if (ch_request_is_forsaken(requests, job))
        return ch_fail(err, CH_UNAVAILABLE, "the caller has left");
    return CH_OK;
}

/* What may have changed while it waited. */
static ch_status recheck(ch_requests *requests, ch_job *job, ch_error *err)
{
    const ch_versions versions = versions_of(requests);
    CH_TRY(check_caller(requests, job, err));
    CH_TRY(ch_request_check_approval(requests, job, err));
    CH_TRY(ch_version_check(&versions, job->key, err));
    CH_TRY(ch_token_link_check_key(job->link, job->ticket.key, err));
    return ch_request_judge_again(requests, job, err);
}

static ch_status build(ch_requests *requests, ch_job *job, ch_error *err)
{
    return ch_form_build(job, requests->context.nonces, &job->now, err);
}

static ch_status sign(ch_requests *requests, ch_job *job, ch_error *err)
{
    if (job->signatures != NULL)
        return CH_OK;
    CH_TRY(check_caller(requests, job, err));
    CH_TRY(ch_request_check_halt(requests, job, err)); /* the disk was waited for */
    job->is_handed_over = true;
    CH_TRY(ch_token_link_sign(job->link, &job->ticket, job->payloads.items, job->payloads.count, err));
    job->is_held = true;
    return CH_OK;
}

static ch_status finish(ch_requests *requests, ch_job *job, ch_error *err)
{
    CH_TRY(ch_request_check_halt(requests, job, err));
    if (ch_form_is_built(job->form))
        return ch_recipe_finish(job->draft, job->signatures, &job->finished, err);
    ch_scheme_add_signature(job->key->scheme, job->signatures->items[0], &job->signature);
    return CH_OK;
}

/* By which a bot may release what was taken; 0: nothing was. */
static uint64_t reservation_of(const ch_job *job)
{
    return job->reservation != NULL && job->reservation->count > 0 ? job->row : 0;
}

static ch_status put_signature(ch_buffer *out, uint64_t request, const ch_job *job, ch_error *err)
{
    ch_signature_only_frame answer = {.signature = ch_buffer_slice(&job->signature),
                                      .key = ch_slice_of(job->key->name),
                                      .reservation = reservation_of(job)};
    return ch_signature_only_frame_put(out, request, &answer, err);
}

static ch_status put_answer(ch_buffer *out, uint64_t request, const ch_job *job, ch_error *err)
{
    if (!ch_form_is_built(job->form))
        return put_signature(out, request, job, err);
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_autobuffer shapes = CH_BUFFER_INIT;
    ch_signed_frame answer = {.reservation = reservation_of(job),
                              .method = job->finished.method,
                              .url = job->finished.url,
                              .body = job->finished.body,
                              .key = ch_slice_of(job->key->name)};
    ch_request_add_relay_answer(job, &answer, &shapes);
    for (size_t i = 0; i < job->finished.header_count; i++) {
        ch_header_record header = {.name = job->finished.headers[i].name, .value = job->finished.headers[i].value};
        ch_header_record_put(&answer.headers, &records, &header);
    }
    return ch_signed_frame_put(out, request, &answer, err);
}

static ch_status keep_answer(ch_requests *requests, ch_job *job, ch_error *err)
{
    ch_autobuffer answer = CH_BUFFER_INIT;
    uint64_t valid_ms = ch_form_is_built(job->form) ? ch_draft_window_ms(job->draft) : 0;
    if (valid_ms < CH_REPEAT_VALID_MS)
        valid_ms = CH_REPEAT_VALID_MS;
    CH_TRY(put_answer(&answer, 0, job, err));
    ch_repeats_answer(requests->repeats, &job->repeat, ch_buffer_slice(&answer), ch_clock_ms() + valid_ms);
    return CH_OK;
}

/* A front that has ended is not answered, but what was signed is kept for the caller, who may ask again. */
static ch_status reply(ch_requests *requests, ch_job *job, ch_error *err)
{
    if (ch_job_is_of_person(job))
        return ch_request_answer_person(requests, job, err);
    ch_buffer *out = ch_asker_out(job->asker);
    if (job->repeat.place == CH_REPEAT_FIRST)
        CH_TRY(keep_answer(requests, job, err));
    if (out != NULL)
        CH_TRY(put_answer(out, job->asker.request, job, err));
    ch_request_keep_sent(job);
    return CH_OK;
}

/* It counts, and nothing gives it back but a release. */
static ch_status settle(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)err;
    ch_request_settle(requests, job);
    return CH_OK;
}

/* clang-format off */
const ch_step ch_steps[] = {
    /* name          run                      undo                  may wait  for raw */
    { "caller",      find_caller,             NULL,                 false,    true },
    { "key",         find_key,                NULL,                 false,    true },
    { "sent",        ch_request_look_for_sent, NULL,                false,    false },
    { "read",        read_form,               NULL,                 false,    true },
    { "endpoint",    find_endpoint,           NULL,                 false,    false },
    { "parameters",  check_parameters,        NULL,                 false,    false },
    { "enter",       ch_request_enter_sent,   ch_request_leave_sent, false,   false },
    { "intent",      ch_request_read_intent,  NULL,                 false,    true },
    { "policy",      ch_request_judge,        NULL,                 false,    true },
    { "approval",    ch_request_seek_approval, ch_request_unrecord, true,     false },
    { "repeat",      find_repeat,             leave_repeats,        true,     true },
    { "reserve",     ch_request_reserve,      ch_request_unreserve, false,    true },
    { "queue",       take_place,              leave_token,          false,    true },
    { "nonce",       claim_nonce,             leave_nonces,         true,     false },
    { "turn",        wait_for_turn,           NULL,                 true,     true },
    { "recheck",     recheck,                 NULL,                 false,    true },
    { "clock",       read_clock,              NULL,                 false,    true },
    { "build",       build,                   NULL,                 false,    true },
    { "record",      ch_request_record,       ch_request_unrecord,  true,     true },
    { "sign",        sign,                    NULL,                 true,     true },
    { "finish",      finish,                  NULL,                 false,    true },
    { "reply",       reply,                   NULL,                 false,    true },
    { "outcome",     settle,                  NULL,                 false,    true },
};
/* clang-format on */
const size_t ch_step_count = sizeof ch_steps / sizeof *ch_steps;

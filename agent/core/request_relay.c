/* Requests that a relay brings. It speaks for the callers that policy names, and the request is judged, limited and
 * counted as theirs. What it gets signed it sends once, as it was judged; so the same request is never signed twice,
 * and none is answered with what another one was.
 *
 * A request is looked up before it is read or judged: what was sent must never look as if it had been refused, because
 * its time is over, a limit is used up, or policy is another. */
#include "agent/core/request_impl.h"

#include "agent/core/relay_answer.h"
#include "base/bits.h"
#include "base/clock.h"
#include "exchange/profile.h"
#include "policy/decide.h"
#include "wire/frames.h"

#include <string.h>

#define EFFECTS_KEPT_MS 600000U /* at least, and as long as the exchange takes it */
#define CANCELS_KEPT_MS 60000U  /* a cancel that is not sent is worse than one that is sent twice */
#define READS_KEPT_MS 60000U    /* their ids */
#define NS_A_MS 1000000U
#define RETURNED_MAX (CH_PACKET_MAX / 2) /* bytes of an answer; the rest is for ids */

/* ---- for whom ---- */

/* `relay`: of the policy's callers, or none of them. */
static ch_status refuse_speaker(const ch_job *job, size_t relay, ch_error *err)
{
    ch_autobuffer user = CH_BUFFER_INIT;
    if (relay < job->policy->caller_count)
        ch_buffer_add_text(&user, job->policy->callers[relay].name);
    else
        ch_policy_name_user(job->policy, &job->caller, &user);
    return ch_fail_rule(err, CH_REFUSED, "relay",
                        "%s does not speak for caller '%.*s': only a caller with the role relay may, for those that "
                        "its 'for' names",
                        ch_buffer_text(&user), ch_slice_is_text(job->relay_for) ? (int)job->relay_for.size : 0,
                        (const char *)job->relay_for.data);
}

/* From here on the caller is the one that the relay speaks for. */
static void become(ch_job *job, size_t whom, size_t relay)
{
    const ch_caller *caller = &job->policy->callers[whom];
    job->relay = &job->policy->callers[relay];
    job->callers = (ch_caller_set){0};
    ch_set_add(job->callers.bits, whom);
    job->stoppable = job->callers;
    ch_set_add(job->stoppable.bits, relay);
    job->caller = (ch_peer){.uid = caller->ids.uid, .gid = caller->ids.gid};
    job->ticket.caller = caller->ids.uid;
}

ch_status ch_request_find_relayed(ch_job *job, ch_error *err)
{
    uint8_t id[CH_SENT_ID_SIZE];
    const ch_policy *policy = job->policy;
    size_t relay = ch_policy_relay(policy, &job->callers);
    if (!ch_job_is_relayed(job) && relay < policy->caller_count)
        return ch_fail_rule(err, CH_REFUSED, "relay", "'%s' is a relay, which asks for others and never for itself",
                            policy->callers[relay].name);
    if (!ch_job_is_relayed(job))
        return CH_OK;
    if (!ch_sent_read_id(job->relay_id, id) || job->form != CH_FORM_WIRE)
        return ch_fail(err, CH_INTERNAL, "a relay's request came without an id, or in a form that no relay uses");
    size_t whom = ch_policy_caller(policy, job->relay_for);
    if (!ch_policy_speaks_for(policy, relay, whom))
        return refuse_speaker(job, relay, err);
    become(job, whom, relay);
    return CH_OK;
}

/* ---- once ---- */

/* A read may be repeated, byte for byte; what changes something may not. */
static bool has_effects(const ch_job *job)
{
    return ch_endpoint_class(job->endpoint) != CH_CLASS_READ;
}

/* Those that may be repeated are not found. */
ch_status ch_request_look_for_sent(ch_requests *requests, ch_job *job, ch_error *err)
{
    if (!ch_job_is_relayed(job) || job->is_check)
        return CH_OK;
    return ch_sent_look(requests->sent, job->digest, ch_clock_ms(), job->first_id, err);
}

ch_status ch_request_enter_sent(ch_requests *requests, ch_job *job, ch_error *err)
{
    uint8_t id[CH_SENT_ID_SIZE];
    if (!ch_job_is_relayed(job) || job->is_check)
        return CH_OK;
    if (!ch_sent_read_id(job->relay_id, id))
        return ch_fail(err, CH_INTERNAL, "a relay's request came without an id");
    const ch_sent_name name = {.caller = job->caller.uid,
                               .digest = has_effects(job) ? job->digest : NULL,
                               .id = id,
                               .is_urgent = job->ticket.is_urgent};
    return ch_sent_enter(requests->sent, &name, ch_clock_ms(), &job->sent, job->first_id, err);
}

void ch_request_leave_sent(ch_requests *requests, ch_job *job)
{
    if (job->sent != NULL)
        ch_sent_leave(requests->sent, job->sent);
    job->sent = NULL;
}

uint64_t ch_request_started_ns(ch_requests *requests, uint64_t now_ns)
{
    if (now_ns < requests->started_ns) {
        requests->started_ns = now_ns;
        ch_ledger_begin_own_times_anew(requests->context.ledger);
    }
    return requests->started_ns;
}

uint64_t ch_request_signed_ns(const ch_requests *requests, const ch_job *job)
{
    const ch_own_times *times = ch_ledger_own_times(requests->context.ledger);
    return ch_job_is_relayed(job) ? ch_own_times_before(times, job->relay_for, job->key_name) : 0;
}

/* A time that is past is known as old by the next start. */
void ch_request_note_own_time(ch_requests *requests, ch_job *job)
{
    if (ch_job_is_relayed(job) && has_effects(job) && job->own_ns > job->now.wall_ns)
        ch_ledger_note_own_time(requests->context.ledger, job->reservation, job->relay_for, job->key_name, job->own_ns);
}

static uint64_t kept_ms(const ch_job *job)
{
    uint64_t least_ms = !has_effects(job) ? READS_KEPT_MS : job->ticket.is_urgent ? CANCELS_KEPT_MS : EFFECTS_KEPT_MS;
    uint64_t valid_ms = job->validity_ns / NS_A_MS + 1;
    return valid_ms > least_ms ? valid_ms : least_ms;
}

void ch_request_keep_sent(ch_job *job)
{
    ch_autobuffer callers = CH_BUFFER_INIT;
    if (job->sent == NULL)
        return;
    ch_callers_print(job->policy, &job->callers, &callers);
    const ch_sent_facts facts = {.relay = ch_slice_of(job->relay->name),
                                 .callers = ch_buffer_slice(&callers),
                                 .key = job->key_name,
                                 .method = ch_slice_of(ch_endpoint_method(job->endpoint)),
                                 .path = ch_slice_of(ch_endpoint_path(job->endpoint)),
                                 .uid = job->caller.uid,
                                 .row = job->row,
                                 .has_effects = has_effects(job)};
    ch_sent_keep(job->sent, &facts, ch_clock_ms() + kept_ms(job));
    job->sent = NULL;
}

/* ---- answers ---- */

void ch_request_add_relay_answer(const ch_job *job, ch_signed_frame *out, ch_buffer *records)
{
    if (!ch_job_is_relayed(job))
        return;
    out->has_effects = has_effects(job);
    out->is_serial = job->key->nonce != NULL;
    out->errors_tag = job->errors_tag;
    if (job->errors_tag != 0)
        ch_relay_errors_add(job->key->profile, &out->errors, records);
}

/* Who may not see the key learns nothing of its exchange. */
void ch_request_add_exchange_error(const ch_job *job, ch_status status, ch_slice message, ch_slice id, ch_records *list,
                                   ch_buffer *records)
{
    bool is_seen = job->key != NULL && job->relay != NULL && ch_policy_may_see(job->policy, job->key, &job->callers);
    if (ch_job_is_relayed(job) && is_seen)
        ch_exchange_error_add(job->key->profile, status, message, id, list, records);
}

/* ---- outcomes ---- */

typedef struct taken {
    ch_outcomes_taken_frame frame;
    ch_buffer returned;
    ch_buffer unknown;
} taken;

/* With many limits more comes back than an answer holds; what was taken must not look as if it had not been. */
static void take_line(void *context, ch_slice line)
{
    taken *to = context;
    ch_text_record text = {.bytes = line};
    if (to->returned.size + sizeof(uint32_t) + line.size <= RETURNED_MAX)
        ch_text_record_put(&to->frame.returned, &to->returned, &text);
}

static ch_status find_relay(ch_requests *requests, ch_asker asker, uint64_t connection, ch_slice *name, ch_error *err)
{
    const ch_request_context *context = &requests->context;
    const ch_peer *peer = ch_connections_peer(context->connections, asker.intake, connection);
    if (peer == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    size_t relay = ch_policy_relay(context->policy, ch_callers_find(context->callers, context->policy, peer));
    if (relay == context->policy->caller_count) {
        ch_autobuffer user = CH_BUFFER_INIT;
        ch_policy_name_user(context->policy, peer, &user);
        return ch_fail_rule(err, CH_REFUSED, "relay",
                            "%s is no relay: only callers of that role may report how requests ended",
                            ch_buffer_text(&user));
    }
    *name = ch_slice_of(context->policy->callers[relay].name);
    return CH_OK;
}

/* The endpoint by the policy of now; NULL: the key is gone, or another exchange's. */
static const ch_endpoint *find_endpoint(const ch_policy *policy, const ch_sent_facts *facts)
{
    const ch_endpoint *endpoint;
    const ch_key *key = ch_policy_find_key(policy, facts->key);
    for (size_t i = 0; key != NULL && (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        if (ch_slice_is(facts->method, ch_endpoint_method(endpoint)) &&
            ch_slice_is(facts->path, ch_endpoint_path(endpoint)))
            return endpoint;
    }
    return NULL;
}

static bool is_rejection(const ch_requests *requests, const ch_sent_facts *facts, const ch_ended_record *end)
{
    const ch_endpoint *endpoint = find_endpoint(requests->context.policy, facts);
    return end->is_sent && endpoint != NULL && ch_relay_is_rejection(endpoint, end->status, end->body);
}

static void report_end(ch_requests *requests, ch_slice relay, const ch_sent_facts *facts, const ch_ended_record *end,
                       taken *to)
{
    const ch_released tell = {.context = to, .take = take_line};
    bool is_rejected = is_rejection(requests, facts, end);
    const ch_relay_report report = {.row = facts->row,
                                    .uid = facts->uid,
                                    .callers = facts->callers,
                                    .relay = relay,
                                    .event = !end->is_sent ? CH_LITERAL("not sent")
                                             : is_rejected ? CH_LITERAL("rejected")
                                                           : CH_LITERAL("answered"),
                                    .status = end->is_sent ? end->status : 0,
                                    .is_undone = !end->is_sent || is_rejected};
    if (facts->has_effects)
        ch_ledger_report(requests->context.ledger, &report, ch_clockwatch_time_ns(requests->context.clock), &tell);
}

/* Nothing that was signed for this relay under the id may wait for its outcome: it was told, or is too old, or older
 * than the agent's last start. What it took stays counted. */
static void take_end(ch_requests *requests, ch_slice relay, const ch_ended_record *end, taken *to)
{
    uint8_t id[CH_SENT_ID_SIZE];
    ch_sent_entry *entry = NULL;
    if (ch_sent_read_id(end->relay_id, id))
        entry = ch_sent_find(requests->sent, id, relay, ch_clock_ms());
    if (entry == NULL) {
        ch_text_record_put(&to->frame.unknown, &to->unknown, &(ch_text_record){.bytes = end->relay_id});
        return;
    }
    const ch_sent_facts facts = ch_sent_facts_of(entry);
    report_end(requests, relay, &facts, end, to);
    ch_sent_tell(requests->sent, entry, !end->is_sent);
}

static ch_status take_ends(ch_requests *requests, ch_asker asker, const ch_outcomes_frame *outcomes, taken *to,
                           ch_error *err)
{
    ch_slice relay;
    ch_records ends = outcomes->ends;
    CH_TRY(find_relay(requests, asker, outcomes->connection, &relay, err));
    for (ch_ended_record end; ch_ended_record_next(&ends, &end);)
        take_end(requests, relay, &end, to);
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_outcomes_taken_frame_put(out, asker.request, &to->frame, err);
}

void ch_requests_take_outcomes(ch_requests *requests, ch_asker asker, const ch_outcomes_frame *outcomes)
{
    ch_error err = CH_ERROR_INIT;
    taken to = {.returned = CH_BUFFER_INIT, .unknown = CH_BUFFER_INIT};
    if (take_ends(requests, asker, outcomes, &to, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.returned);
    ch_buffer_free(&to.unknown);
}

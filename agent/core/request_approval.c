/* Requests that people must approve. If policy refuses a request only because people must approve it, the ledger keeps
 * it (agent/core/ledger.h), and the answer is its number. A fetch makes a job of what was kept, which goes through all
 * steps like any other, and is judged by the policy of now; what people gave is one of its facts. So an approval lets
 * nothing pass that is refused today.
 *
 * People approve a digest of who asks, of the key and its account, of the exchange and environment, and of the call
 * with its parameters. It does not cover what the agent fills in, nor what the bot calls its orders: SDKs draw that
 * anew each time they ask. It is computed anew at the fetch, because after a reload the key's name may mean another
 * key. */
#include "agent/core/request_impl.h"

#include "agent/core/approval_answer.h"
#include "agent/core/form_wire.h"
#include "base/share.h"
#include "exchange/param_list.h"
#include "exchange/profile.h"
#include "policy/words.h"
#include "wire/frame.h"
#include "wire/frames.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_VERSION 1

static const ch_share asking = {CH_ASKING_MAX, CH_ASKING_SHARE, CH_ASKING_RESERVE, CH_ASKING_FIRST};

/* ---- what is kept of a request ---- */

static void keep(const ch_job *job, ch_buffer *out)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_typed typed;
    ch_form_typed(job, &records, &typed);
    ch_put_u8(out, KEPT_VERSION);
    ch_put_bytes(out, typed.method);
    ch_put_bytes(out, typed.host);
    ch_put_bytes(out, typed.path);
    ch_put_bytes(out, job->key_id);
    ch_put_u16(out, (uint16_t)typed.values.count);
    ch_put_bytes(out, typed.values.records);
}

/* `out` holds views into what was kept. */
static ch_status take_kept(const ch_approval *approval, ch_sign_frame *out, ch_error *err)
{
    ch_slice kept = ch_buffer_slice(&approval->request);
    ch_frame from = {.at = kept.data, .end = kept.data + kept.size};
    uint8_t version = ch_get_u8(&from);
    *out = (ch_sign_frame){.key = ch_slice_of(approval->key), .form = CH_FORM_TYPED};
    out->method = ch_get_bytes(&from);
    out->host = ch_get_bytes(&from);
    out->path = ch_get_bytes(&from);
    out->key_id = ch_get_bytes(&from);
    out->values.count = ch_get_u16(&from);
    out->values.records = ch_get_bytes(&from);
    if (version == KEPT_VERSION && ch_frame_is_read(&from))
        return CH_OK;
    return ch_fail(err, CH_CONFLICT, "request %" PRIu64 " was kept by another version of the agent; ask anew",
                   approval->id);
}

/* ---- the digest ---- */

typedef struct span {
    const ch_param *params;
    size_t count;
} span;

/* Counts a parameter with all that it holds. */
static size_t size_of(const ch_param *params, size_t left)
{
    size_t depth = 0;
    size_t size = 0;
    do {
        depth += params[size].kind == CH_PARAM_LIST || params[size].kind == CH_PARAM_OBJECT;
        depth -= params[size].kind == CH_PARAM_END;
        size++;
    } while (depth > 0 && size < left);
    return size;
}

static int compare_spans(const void *a, const void *b)
{
    const span *first = a;
    const span *second = b;
    int order = ch_slice_compare(first->params->name, second->params->name);
    return order != 0 ? order : first->params < second->params ? -1 : 1;
}

static void add_span(const span *of, ch_buffer *out)
{
    for (size_t i = 0; i < of->count; i++) {
        if (of->params[i].def != NULL && ch_param_is_label(of->params[i].def))
            continue;
        ch_put_u8(out, (uint8_t)of->params[i].kind);
        ch_put_bytes(out, of->params[i].name);
        ch_put_bytes(out, of->params[i].value);
    }
}

/* Appends the parameters sorted by name, since their order does not matter. Leaves out what the agent has added. */
static void add_params(const ch_job *job, ch_buffer *out)
{
    static span spans[CH_PARAMS_MAX + 1];
    size_t left = job->request.param_count - job->is_window_added;
    const ch_param *at = job->request.params;
    size_t count = 0;
    while (left > 0) {
        const span next = {.params = at, .count = size_of(at, left)};
        if (at->def == NULL || !ch_param_is_label(at->def))
            spans[count++] = next;
        at += next.count;
        left -= next.count;
    }
    qsort(spans, count, sizeof *spans, compare_spans);
    ch_put_u16(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        add_span(&spans[i], out);
}

static void digest_of(const ch_job *job, ch_slice callers, uint8_t digest[static CH_APPROVAL_DIGEST_SIZE])
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    const ch_environment *environment = job->key->traits.environment;
    const ch_slice parts[] = {CH_LITERAL("chancery approval 2"),
                              callers,
                              job->key_name,
                              job->key_id,
                              ch_slice_of(job->policy->accounts[job->key->account].name),
                              ch_slice_of(ch_profile_name(job->key->profile)),
                              ch_slice_of(ch_environment_name(environment)),
                              ch_environment_host(environment, job->endpoint),
                              job->request.method,
                              job->request.path};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ch_put_bytes(&bytes, parts[i]);
    ch_put_u64(&bytes, job->caller.uid);
    add_params(job, &bytes);
    SHA256(bytes.data, bytes.size, digest);
}

/* ---- asking ---- */

static size_t count_asking(const ch_requests *requests, const uid_t *uid)
{
    size_t count = 0;
    for (const ch_job *at = requests->first_recording; at != NULL; at = at->recording_next)
        count += at->needs_people && (uid == NULL || at->caller.uid == *uid);
    return count;
}

static ch_status wait_for_row(ch_requests *requests, ch_job *job, uint64_t row, ch_error *err)
{
    if (!ch_share_admits(&asking, count_asking(requests, NULL), count_asking(requests, &job->caller.uid)))
        return ch_fail(err, CH_BUSY, "too many requests that people must approve come at once; try again in a moment");
    ch_request_await_row(requests, job, row);
    return CH_OK;
}

static ch_status add(ch_requests *requests, ch_job *job, ch_approval_asked *asked, const ch_approval **out,
                     ch_error *err)
{
    ch_autobuffer words = CH_BUFFER_INIT;
    ch_autobuffer request = CH_BUFFER_INIT;
    ch_ledger *ledger = requests->context.ledger;
    const ch_levels *levels = ch_ledger_levels(ledger);
    ch_judging *judging = &requests->judging;
    CH_TRY(ch_ledger_check(ledger, err));
    CH_TRY(ch_judgement_try(&judging->judgement, &judging->question, levels, err));
    const ch_worded of = {.question = &judging->question,
                          .judgement = &judging->judgement,
                          .levels = levels,
                          .uid = job->caller.uid,
                          .version = job->key_id};
    CH_TRY(ch_words_write(&of, &words, err));
    keep(job, &request);
    asked->words = ch_buffer_slice(&words);
    asked->request = ch_buffer_slice(&request);
    return ch_ledger_add_approval(ledger, asked, &judging->judgement, &judging->question, out, err);
}

static ch_status answer(ch_requests *requests, ch_job *job, const ch_approval *approval, ch_error *err)
{
    ch_autobuffer message = CH_BUFFER_INIT;
    ch_autobuffer shapes = CH_BUFFER_INIT;
    ch_records exchange_error = {.count = 0};
    char id[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, approval->id);
    ch_buffer_add_format(&message, "request %s waits until people approve it; send it again when they have", id);
    ch_request_add_exchange_error(job, CH_REFUSED, ch_buffer_slice(&message), ch_slice_of(id), &exchange_error,
                                  &shapes);
    ch_request_leave_sent(requests, job);
    job->is_answered = true;
    return ch_approval_answer(job->asker, approval, ch_clockwatch_time_ns(requests->context.clock), exchange_error,
                              err);
}

/* ---- the fetch ---- */

static ch_status find_fetched(const ch_requests *requests, const ch_job *job, const ch_approval **out, ch_error *err)
{
    *out = ch_approvals_find(ch_ledger_approvals(requests->context.ledger), job->approval);
    return *out != NULL ? CH_OK : ch_fail(err, CH_CONFLICT, "request %" PRIu64 " is gone; ask anew", job->approval);
}

ch_status ch_request_check_approval(const ch_requests *requests, const ch_job *job, ch_error *err)
{
    const ch_approval *approval;
    if (job->approval == 0)
        return CH_OK;
    CH_TRY(find_fetched(requests, job, &approval, err));
    return ch_approval_check_open(approval, ch_clockwatch_time_ns(requests->context.clock), err);
}

/* A fetch of what was signed goes on to the step `repeat`, which answers it with the same bytes. */
static ch_status check_fetched(ch_requests *requests, ch_job *job, const uint8_t *digest, ch_error *err)
{
    const ch_approval *approval;
    CH_TRY(find_fetched(requests, job, &approval, err));
    if (memcmp(approval->digest, digest, sizeof approval->digest) != 0)
        return ch_fail_rule(err, CH_CONFLICT, "digest",
                            "since request %" PRIu64 " was asked for, policy has changed what key '%s' is, so it is "
                            "not what people saw; ask anew",
                            job->approval, job->key->name);
    if (approval->end == CH_APPROVAL_SIGNED && !job->needs_people)
        return CH_OK;
    CH_TRY(ch_request_check_approval(requests, job, err));
    ch_ledger_renew_approval(requests->context.ledger, job->approval, &requests->judging.judgement,
                             requests->judging.question.now_ns);
    CH_TRY(ch_request_check_approval(requests, job, err)); /* by the times of now */
    if (!job->needs_people)
        return CH_OK;
    return answer(requests, job, approval, err);
}

/* ---- asking, or asking again ---- */

/* Whoever asks through a relay cannot fetch, so asking again is the fetch. It is judged again, with what people gave. A
 * job that waited for the row of the asking may be met by then, if the disk took longer than the delay; that row is not
 * its decision's. */
static ch_status fetch_instead(ch_requests *requests, ch_job *job, uint64_t approval, const uint8_t *digest,
                               ch_error *err)
{
    job->approval = approval;
    job->needs_people = false;
    job->is_recorded = false;
    CH_TRY(ch_request_read_intent(requests, job, err));
    CH_TRY(ch_request_judge(requests, job, err));
    return check_fetched(requests, job, digest, err);
}

/* The job enters this again when the row is on the disk. */
static ch_status ask(ch_requests *requests, ch_job *job, ch_slice callers, const uint8_t *digest, ch_error *err)
{
    uint64_t now_ns = ch_clockwatch_time_ns(requests->context.clock);
    ch_approval_asked asked = {.uid = job->caller.uid,
                               .callers = callers,
                               .key = job->key_name,
                               .digest = digest,
                               .repeat_key = job->repeat_key};
    const ch_approval *found = ch_approvals_find_same(ch_ledger_approvals(requests->context.ledger), &asked, now_ns);
    if (found == NULL && job->is_recorded)
        return ch_fail(err, CH_UNAVAILABLE, "what was asked for has ended already; ask anew");
    if (found == NULL)
        CH_TRY(add(requests, job, &asked, &found, err));
    if (found->row != 0)
        return wait_for_row(requests, job, found->row, err);
    return ch_job_is_relayed(job) ? fetch_instead(requests, job, found->id, digest, err)
                                  : answer(requests, job, found, err);
}

ch_status ch_request_seek_approval(ch_requests *requests, ch_job *job, ch_error *err)
{
    uint8_t digest[CH_APPROVAL_DIGEST_SIZE];
    ch_autobuffer callers = CH_BUFFER_INIT;
    if (job->approval == 0 && !job->needs_people)
        return CH_OK;
    ch_callers_print(job->policy, &job->callers, &callers);
    digest_of(job, ch_buffer_slice(&callers), digest);
    return job->approval != 0 ? check_fetched(requests, job, digest, err)
                              : ask(requests, job, ch_buffer_slice(&callers), digest, err);
}

static ch_status find_own(ch_requests *requests, ch_asker asker, const ch_fetch_frame *fetch, const ch_approval **out,
                          ch_error *err)
{
    const ch_request_context *context = &requests->context;
    const ch_peer *peer = ch_connections_peer(context->connections, asker.intake, fetch->connection);
    ch_autobuffer callers = CH_BUFFER_INIT;
    if (peer == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    ch_callers_print(context->policy, ch_callers_find(context->callers, context->policy, peer), &callers);
    return ch_approvals_find_own(ch_ledger_approvals(context->ledger), fetch->request, peer->uid,
                                 ch_buffer_slice(&callers), out, err);
}

static ch_status begin_fetch(ch_requests *requests, ch_asker asker, const ch_fetch_frame *fetch, ch_error *err)
{
    const ch_approval *approval;
    ch_sign_frame sign;
    char repeat_key[CH_REPEAT_KEY_MAX];
    CH_TRY(find_own(requests, asker, fetch, &approval, err));
    if (approval->end != CH_APPROVAL_SIGNED)
        CH_TRY(ch_approval_check_open(approval, ch_clockwatch_time_ns(requests->context.clock), err));
    CH_TRY(take_kept(approval, &sign, err));
    snprintf(repeat_key, sizeof repeat_key, CH_FETCHED_REPEAT_KEY " %" PRIu64, fetch->request);
    sign.connection = fetch->connection;
    sign.repeat_key = ch_slice_of(repeat_key);
    ch_request_begin(requests, asker, &sign, fetch->request);
    return CH_OK;
}

void ch_requests_fetch(ch_requests *requests, ch_asker asker, const ch_fetch_frame *fetch)
{
    ch_error err = CH_ERROR_INIT;
    if (begin_fetch(requests, asker, fetch, &err) != CH_OK)
        ch_asker_failed(asker, ch_steps[0].name, &err);
}

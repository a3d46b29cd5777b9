/* A key is ready if it could sign now: its token is unlocked, it was found there as it should be, and its nonces can be
 * reserved. */
#include "agent/core/status.h"

#include "agent/core/tolerance.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "exchange/profile.h"
#include "policy/decide.h"
#include "policy/states.h"
#include "state/nonces.h"
#include "state/writer.h"
#include "wire/frames.h"

#include <inttypes.h>
#include <stdio.h>

#define PAGE_BYTES_MAX 49152     /* a key more fits the frame besides */
#define PROBLEMS_MAX 100         /* that are listed; the counts tell of the others */
#define TOLERATED_BYTES_MAX 4096 /* of notices on what is tolerated; the last one counts the other keys */

/* Why the key gets no nonces for now; NULL: it does, or needs none from the disk. */
static const ch_error *find_nonce_trouble(const ch_status_context *context, const ch_key *key)
{
    bool is_reserved = key->nonce != NULL && !key->nonce->may_repeat;
    return is_reserved ? ch_nonces_trouble(context->timekeeper->nonces) : NULL;
}

static bool is_ready(const ch_status_context *context, const ch_key *key)
{
    return find_nonce_trouble(context, key) == NULL &&
           ch_token_link_is_ready(context->links->links[key->token], key->token_key);
}

/* Why a key is not ready. */
static ch_error find_problem(const ch_status_context *context, const ch_key *key)
{
    ch_error why = CH_ERROR_INIT;
    const ch_token_link *link = context->links->links[key->token];
    const ch_error *trouble = find_nonce_trouble(context, key);
    if (ch_token_link_check_key(link, key->token_key, &why) != CH_OK)
        return why;
    if (trouble != NULL)
        ch_error_set(&why, CH_UNAVAILABLE, "", CH_STATE_TROUBLE, trouble->message);
    else
        ch_error_set(&why, CH_UNAVAILABLE, "", "token '%s' is coming back", ch_token_link_name(link));
    return why;
}

static void add_key(const ch_status_context *context, const ch_key *key, ch_records *keys, ch_buffer *records)
{
    const ch_token_link *link = context->links->links[key->token];
    bool ready = is_ready(context, key);
    ch_error why = ready ? (ch_error)CH_ERROR_INIT : find_problem(context, key);
    ch_listed_key_record record = {.name = ch_slice_of(key->name),
                                   .profile = ch_slice_of(ch_profile_name(key->profile)),
                                   .scheme = ch_slice_of(ch_scheme_name(key->scheme)),
                                   .environment = ch_slice_of(ch_environment_name(key->traits.environment)),
                                   .key_id = ch_slice_of(key->key_id),
                                   .token = ch_slice_of(ch_token_link_name(link)),
                                   .is_ready = ready,
                                   .problem = ch_slice_of(why.message)};
    ch_listed_key_record_put(keys, records, &record);
}

static ch_status find_caller(const ch_status_context *context, ch_asker asker, uint64_t connection, const ch_peer **out,
                             ch_error *err)
{
    *out = ch_connections_peer(context->connections, asker.front, connection);
    return *out != NULL ? CH_OK : ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
}

/* The keys are sorted by name. Nobody need have the key `name`, and it may be gone. */
static size_t find_first_after(const ch_policy *policy, ch_slice name)
{
    size_t low = 0;
    size_t high = policy->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ch_slice_compare(ch_slice_of(policy->keys[middle].name), name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return name.size == 0 ? 0 : low;
}

/* A page ends at its limit, or earlier, before it would be too large for a frame. */
static ch_status list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list,
                           ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_key_list_frame answer = {0};
    const ch_peer *caller = NULL;
    const ch_key *last = NULL;
    CH_TRY(find_caller(context, asker, list->connection, &caller, err));
    if (list->limit == 0)
        return ch_fail(err, CH_INTERNAL, "the front asked for a page without keys");
    size_t at = find_first_after(context->policy, list->after);
    for (; at < context->policy->key_count; at++) {
        const ch_key *key = &context->policy->keys[at];
        if (!ch_policy_may_see(context->policy, key, ch_callers_find(context->callers, context->policy, caller)))
            continue;
        if (answer.keys.count == list->limit || records.size > PAGE_BYTES_MAX) {
            answer.next = ch_slice_of(last->name);
            break;
        }
        add_key(context, key, &answer.keys, &records);
        last = key;
    }
    ch_buffer *out = ch_front_link_out(asker);
    return out == NULL ? CH_OK : ch_key_list_frame_put(out, asker.request, &answer, err);
}

void ch_status_list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list)
{
    ch_error err = CH_ERROR_INIT;
    if (list_keys(context, asker, list, &err) != CH_OK)
        ch_front_link_failed(asker, "", &err);
}

/* ---- the report ---- */

typedef struct report {
    const ch_peer *caller;
    bool is_operator;   /* the caller is */
    const ch_key *only; /* the key that the caller asks about; NULL: all */
    ch_status_is_frame frame;
    ch_buffer tokens;
    ch_buffer problems;
    ch_buffer notices;
    ch_buffer confinement;
    ch_buffer callers;
    ch_error doubt; /* about the clock */
} report;

static bool may_see(const ch_status_context *context, const report *to, const ch_key *key)
{
    return to->is_operator ||
           ch_policy_may_see(context->policy, key, ch_callers_find(context->callers, context->policy, to->caller));
}

static void add_token(report *to, const ch_token_link *link)
{
    ch_autobuffer detail = CH_BUFFER_INIT;
    uint64_t overdue_s = ch_token_link_overdue_s(link, ch_clock_ms());
    ch_buffer_add_text(&detail, ch_token_link_detail(link));
    if (overdue_s > 0)
        ch_buffer_add_format(&detail, "%sa signature has taken %" PRIu64 " s so far: does the device wait for a touch?",
                             detail.size == 0 ? "" : "; ", overdue_s);
    const ch_link_counts counts = ch_token_link_counts(link);
    ch_listed_token_record record = {.name = ch_slice_of(ch_token_link_name(link)),
                                     .state = ch_slice_of(ch_token_link_state_name(link)),
                                     .link_state = (uint8_t)ch_token_link_state(link),
                                     .detail = ch_buffer_slice(&detail),
                                     .signatures = counts.signatures,
                                     .failures = counts.failures,
                                     .process_starts = counts.starts,
                                     .logins = counts.logins};
    ch_listed_token_record_put(&to->frame.tokens, &to->tokens, &record);
}

static void add_problem(const ch_status_context *context, report *to, const ch_key *key)
{
    if (to->frame.problems.count == PROBLEMS_MAX)
        return;
    ch_error why = find_problem(context, key);
    ch_key_problem_record record = {.key = ch_slice_of(key->name), .problem = ch_slice_of(why.message)};
    ch_key_problem_record_put(&to->frame.problems, &to->problems, &record);
}

static void look_at_key(const ch_status_context *context, report *to, const ch_key *key)
{
    bool ready = is_ready(context, key);
    bool is_asked = to->only == NULL || to->only == key;
    to->frame.is_ready = to->frame.is_ready && (ready || !is_asked);
    if (!may_see(context, to, key))
        return;
    to->frame.key_count++;
    to->frame.ready_count += ready;
    if (!ready)
        add_problem(context, to, key);
}

static void add_notice(report *to, ch_slice text)
{
    ch_text_record notice = {.bytes = text};
    ch_text_record_put(&to->frame.notices, &to->notices, &notice);
}

static void add_reload(report *to, const char *trouble)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (trouble[0] == '\0')
        return;
    ch_buffer_add_format(&text, "the last reload has not succeeded, so the agent goes by what it read before: %s",
                         trouble);
    add_notice(to, ch_buffer_slice(&text));
}

static void add_state(report *to, const ch_error *trouble)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (trouble == NULL)
        return;
    ch_buffer_add_format(&text, CH_STATE_TROUBLE, trouble->message);
    add_notice(to, ch_buffer_slice(&text));
}

/* What keeps decisions from being recorded. */
static void add_ledger(report *to, const ch_ledger *ledger)
{
    ch_error why = CH_ERROR_INIT;
    if (ch_ledger_check(ledger, &why) != CH_OK)
        add_notice(to, ch_slice_of(why.message));
}

/* What is frozen by name is in the limits of each key, and in the operators' list. */
static void add_freeze(report *to, const ch_ledger *ledger)
{
    ch_moment now;
    ch_state_row row;
    ch_autobuffer text = CH_BUFFER_INIT;
    uint64_t now_ns = ch_moment_now(&now) ? now.wall_ns : 0;
    if (!ch_states_get(ch_ledger_states(ledger), CH_STATE_OF_ALL, CH_LITERAL(""), now_ns, &row))
        return;
    ch_buffer_add_format(&text, "all trading is %s: %.*s; an admin ends it with: chancery thaw --all",
                         ch_trading_name(row.state), CH_SLICE_ARGS(row.why));
    add_notice(to, ch_buffer_slice(&text));
}

static void add_tolerance(const ch_status_context *context, report *to, const ch_key *key)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    const ch_token_link *link = context->links->links[key->token];
    if (ch_token_link_is_ready(link, key->token_key))
        ch_tolerance_find(key->name, key->tolerated, ch_token_link_lapses(link, key->token_key), &text);
    else
        ch_tolerance_promise(key->name, key->tolerated, &text);
    add_notice(to, ch_buffer_slice(&text));
}

static void add_tolerances(const ch_status_context *context, report *to)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    size_t left_out = 0;
    for (size_t i = 0; i < context->policy->key_count; i++) {
        const ch_key *key = &context->policy->keys[i];
        if (key->tolerated == 0 || !may_see(context, to, key))
            continue;
        if (to->notices.size < TOLERATED_BYTES_MAX)
            add_tolerance(context, to, key);
        else
            left_out++;
    }
    if (left_out == 0)
        return;
    ch_buffer_add_format(&text, "policy tolerates something of %zu more keys; chancery-agent --check lists them all",
                         left_out);
    add_notice(to, ch_buffer_slice(&text));
}

static void tell_more(const ch_status_context *context, report *to)
{
    ch_request_counts counts = ch_requests_counts(context->requests);
    to->frame.is_known = true;
    to->frame.uptime_s = (ch_clock_ms() - context->started_ms) / 1000;
    to->frame.signed_count = counts.signed_count;
    to->frame.refused_count = counts.refused_count;
    to->frame.failed_count = counts.failed_count;
    to->frame.clock_detail = ch_slice_of(to->doubt.message);
    ch_confinement_list(context->confinement, &to->frame.confinement, &to->confinement);
    for (size_t i = 0; i < context->links->count; i++)
        add_token(to, context->links->links[i]);
    add_freeze(to, context->ledger);
    for (size_t i = 0; i < ch_notices_count(context->notices); i++)
        add_notice(to, ch_slice_of(ch_notices_at(context->notices, i)));
    add_tolerances(context, to);
    add_reload(to, ch_reload_trouble(context->reload));
    add_state(to, ch_nonces_trouble(context->timekeeper->nonces));
    add_ledger(to, context->ledger);
}

/* Who has done something in the last whole second. */
static void add_callers(const ch_status_context *context, report *to)
{
    ch_meter_rate rate;
    for (size_t i = 0; ch_meter_rate_at(context->meter, i, &rate); i++) {
        char user[16] = "strangers";
        if (rate.caller != CH_STRANGERS)
            snprintf(user, sizeof user, "%u", (unsigned)rate.caller);
        ch_caller_rate_record record = {
            .user = ch_slice_of(user), .requests_per_second = rate.requests, .work_permille = rate.work_permille};
        if (rate.requests > 0 || rate.work_permille > 0)
            ch_caller_rate_record_put(&to->frame.callers, &to->callers, &record);
    }
}

static ch_status find_only(const ch_status_context *context, report *to, ch_slice name, ch_error *err)
{
    if (name.size == 0)
        return CH_OK;
    to->only = ch_policy_find_key(context->policy, name);
    return to->only != NULL && may_see(context, to, to->only) ? CH_OK : ch_policy_refuse_key(name, err);
}

static ch_status send_report(const ch_status_context *context, report *to, ch_asker asker,
                             const ch_get_status_frame *get, ch_error *err)
{
    CH_TRY(find_caller(context, asker, get->connection, &to->caller, err));
    to->is_operator = (ch_policy_roles(context->policy, to->caller) & CH_ROLE_OPERATOR) != 0;
    CH_TRY(find_only(context, to, get->key, err));
    to->frame = (ch_status_is_frame){.version = ch_slice_of(CH_VERSION),
                                     .clock = ch_slice_of(ch_timekeeper_clock(context->timekeeper, &to->doubt))};
    to->frame.is_ready = to->doubt.status == CH_OK;
    for (size_t i = 0; i < context->policy->key_count; i++)
        look_at_key(context, to, &context->policy->keys[i]);
    if (ch_policy_knows(context->policy, to->caller))
        tell_more(context, to);
    if (to->is_operator)
        add_callers(context, to);
    ch_buffer *out = ch_front_link_out(asker);
    return out == NULL ? CH_OK : ch_status_is_frame_put(out, asker.request, &to->frame, err);
}

void ch_status_report(const ch_status_context *context, ch_asker asker, const ch_get_status_frame *get)
{
    ch_error err = CH_ERROR_INIT;
    report to = {.tokens = CH_BUFFER_INIT,
                 .problems = CH_BUFFER_INIT,
                 .notices = CH_BUFFER_INIT,
                 .confinement = CH_BUFFER_INIT,
                 .callers = CH_BUFFER_INIT};
    if (send_report(context, &to, asker, get, &err) != CH_OK)
        ch_front_link_failed(asker, "", &err);
    ch_buffer_free(&to.tokens);
    ch_buffer_free(&to.problems);
    ch_buffer_free(&to.notices);
    ch_buffer_free(&to.confinement);
    ch_buffer_free(&to.callers);
}

/* A key is ready if it could sign now: its token is unlocked, it was found there as it should be, its decisions can be
 * recorded, and its nonces reserved. */
#include "agent/core/status_impl.h"

#include "agent/core/tolerance.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "policy/decide.h"
#include "policy/key_dates.h"
#include "policy/states.h"
#include "state/nonces.h"
#include "state/writer.h"
#include "wire/frames.h"

#include <inttypes.h>
#include <stdio.h>

#define SECOND_NS 1000000000ULL
#define DATES_MAX 100            /* the next ones */
#define DATES_BYTES_MAX 8192     /* of notices on dates; the list of dates has more */
#define PROBLEMS_MAX 100         /* that are listed, and unlocks of keys; the counts tell of the others */
#define TOLERATED_BYTES_MAX 4096 /* of notices on what is tolerated; the last one counts the other keys */

/* ---- the report ---- */

typedef struct report {
    const ch_peer *caller;
    bool is_operator;   /* the caller is */
    const ch_key *only; /* the key that the caller asks about; NULL: all */
    ch_status_is_frame frame;
    ch_buffer tokens;
    ch_buffer problems;
    ch_buffer unlocks;
    ch_buffer notices;
    ch_buffer confinement;
    ch_buffer callers;
    ch_buffer key_dates;
    ch_buffer trading;
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
    const ch_link_unlock unlock = ch_token_link_unlock_end(link);
    ch_listed_token_record record = {.name = ch_slice_of(ch_token_link_name(link)),
                                     .state = ch_slice_of(ch_token_link_state_name(link)),
                                     .link_state = (uint8_t)ch_token_link_state(link),
                                     .detail = ch_buffer_slice(&detail),
                                     .signatures = counts.signatures,
                                     .failures = counts.failures,
                                     .process_starts = counts.starts,
                                     .logins = counts.logins,
                                     .until_ms = ch_status_wall_ms(unlock.end_ns),
                                     .ends_by = ch_slice_of(ch_unlock_end_name(unlock.by)),
                                     .is_unattended = unlock.is_unattended};
    ch_listed_token_record_put(&to->frame.tokens, &to->tokens, &record);
}

static void add_problem(const ch_status_context *context, report *to, const ch_key *used)
{
    if (to->frame.problems.count == PROBLEMS_MAX)
        return;
    ch_error why = ch_status_problem(context, used);
    ch_key_problem_record record = {.key = ch_slice_of(used->name), .problem = ch_slice_of(why.message)};
    ch_key_problem_record_put(&to->frame.problems, &to->problems, &record);
}

/* Those that are locked before their token is. */
static void add_unlock(const ch_status_context *context, report *to, const ch_key *used)
{
    const ch_token_link *link = context->links->links[used->token];
    const ch_link_unlock own = ch_token_link_key_end(link, used->token_key);
    if (own.end_ns >= ch_token_link_unlock_end(link).end_ns || to->frame.unlocks.count == PROBLEMS_MAX)
        return;
    ch_key_unlock_record record = {.key = ch_slice_of(used->name),
                                   .until_ms = ch_status_wall_ms(own.end_ns),
                                   .ends_by = ch_slice_of(ch_unlock_end_name(own.by))};
    ch_key_unlock_record_put(&to->frame.unlocks, &to->unlocks, &record);
}

static void look_at_key(const ch_status_context *context, report *to, const ch_key *key)
{
    const ch_key *used = ch_status_version_in_use(context, key);
    bool ready = ch_status_is_ready(context, used);
    bool is_asked = to->only == NULL || to->only == key;
    to->frame.is_ready = to->frame.is_ready && (ready || !is_asked);
    if (!may_see(context, to, key))
        return;
    to->frame.key_count++;
    to->frame.ready_count += ready;
    if (ready)
        add_unlock(context, to, used);
    else
        add_problem(context, to, used);
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
static void add_freeze(report *to, const ch_status_context *context)
{
    ch_state_row row;
    ch_autobuffer text = CH_BUFFER_INIT;
    uint64_t now_ns = ch_clockwatch_time_ns(context->timekeeper->clock);
    if (!ch_states_get(ch_ledger_states(context->ledger), CH_STATE_OF_ALL, CH_LITERAL(""), now_ns, &row))
        return;
    ch_buffer_add_format(&text, "all trading is %s: %.*s; an admin ends it with: chancery thaw --all",
                         ch_trading_name(row.state), CH_SLICE_ARGS(row.why));
    add_notice(to, ch_buffer_slice(&text));
}

/* Returns true if the row is of all, or of a key or a caller that whoever asks may see. */
static bool may_see_state(const ch_status_context *context, const report *to, const ch_state_row *row)
{
    const ch_policy *policy = context->policy;
    if (to->is_operator || row->of == CH_STATE_OF_ALL)
        return true;
    if (row->of == CH_STATE_OF_KEY) {
        const ch_key *key = ch_policy_find_key(policy, row->name);
        return key != NULL && may_see(context, to, key);
    }
    const ch_caller_set *own = ch_callers_find(context->callers, policy, to->caller);
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (ch_caller_set_has(own, i) && ch_slice_is(row->name, policy->callers[i].name))
            return true;
    }
    return false;
}

/* Leaves out the states of a key's versions, which nobody can end. */
static void add_trading(const ch_status_context *context, report *to)
{
    uint32_t counts[CH_STATE_OF_VERSION + 1][CH_TRADING_HALTED + 1] = {0};
    ch_state_row row;
    const ch_states *states = ch_ledger_states(context->ledger);
    uint64_t now_ns = ch_clockwatch_time_ns(context->timekeeper->clock);
    for (size_t i = 0; ch_states_at(states, i, &row); i++) {
        ch_state_row now;
        if (ch_states_get(states, row.of, row.name, now_ns, &now) && may_see_state(context, to, &now))
            counts[now.of][now.state]++;
    }
    for (unsigned of = CH_STATE_OF_CALLER; of <= CH_STATE_OF_ALL; of++) {
        for (unsigned state = CH_TRADING_REDUCING; state <= CH_TRADING_HALTED; state++) {
            const ch_trading_count_record record = {
                .of = (uint8_t)of, .state = (uint8_t)state, .count = counts[of][state]};
            ch_trading_count_record_put(&to->frame.trading, &to->trading, &record);
        }
    }
}

static void add_tolerance(const ch_status_context *context, report *to, const ch_key *named)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    const ch_key *key = ch_status_version_in_use(context, named);
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

static uint64_t next_date(const ch_key *key)
{
    bool is_expiry = key->rotate_by_ns == 0 || (key->expires_ns != 0 && key->expires_ns < key->rotate_by_ns);
    return is_expiry ? key->expires_ns : key->rotate_by_ns;
}

/* Puts it among the keys with the next dates, the first of them first. */
static void keep_first(const ch_key **firsts, size_t *count, const ch_key *key)
{
    size_t at = *count;
    if (at == DATES_MAX && next_date(firsts[at - 1]) <= next_date(key))
        return;
    at -= at == DATES_MAX;
    *count = at + 1;
    for (; at > 0 && next_date(firsts[at - 1]) > next_date(key); at--)
        firsts[at] = firsts[at - 1];
    firsts[at] = key;
}

static void add_date(report *to, const ch_key *key)
{
    ch_moment now;
    ch_autobuffer text = CH_BUFFER_INIT;
    const ch_key_date_record date = {.key = ch_slice_of(key->name),
                                     .key_id = ch_slice_of(key->key_id),
                                     .expires_s = key->expires_ns / SECOND_NS,
                                     .rotate_by_s = key->rotate_by_ns / SECOND_NS};
    ch_key_date_record_put(&to->frame.key_dates, &to->key_dates, &date);
    if (ch_moment_now(&now) && to->notices.size < DATES_BYTES_MAX)
        ch_key_due_say(key, now.wall_ns, &text);
    if (text.size > 0)
        add_notice(to, ch_buffer_slice(&text));
}

static void add_dates(const ch_status_context *context, report *to)
{
    const ch_key *firsts[DATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < context->policy->key_count; i++) {
        const ch_key *key = &context->policy->keys[i];
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(key, v)) != NULL; v++) {
            if (next_date(version) != 0 && may_see(context, to, key))
                keep_first(firsts, &count, version);
        }
    }
    for (size_t i = 0; i < count; i++)
        add_date(to, firsts[i]);
}

static uint32_t count_waiting(const ch_status_context *context)
{
    uint64_t now_ns = ch_clockwatch_time_ns(context->timekeeper->clock);
    return (uint32_t)ch_approvals_open(ch_ledger_approvals(context->ledger), now_ns);
}

static void tell_more(const ch_status_context *context, report *to)
{
    ch_request_counts counts = ch_requests_counts(context->requests);
    to->frame.is_known = true;
    to->frame.uptime_s = (ch_clock_ms() - context->started_ms) / 1000;
    to->frame.signed_count = counts.signed_count;
    to->frame.refused_count = counts.refused_count;
    to->frame.failed_count = counts.failed_count;
    to->frame.waiting_count = count_waiting(context);
    to->frame.clock_detail = ch_slice_of(to->doubt.message);
    ch_confinement_list(context->confinement, &to->frame.confinement, &to->confinement);
    for (size_t i = 0; i < context->links->count; i++)
        add_token(to, context->links->links[i]);
    add_freeze(to, context);
    add_trading(context, to);
    for (size_t i = 0; i < ch_notices_count(context->notices); i++)
        add_notice(to, ch_slice_of(ch_notices_at(context->notices, i)));
    add_tolerances(context, to);
    add_dates(context, to);
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
    CH_TRY(ch_status_find_caller(context, asker.intake, get->connection, &to->caller, err));
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
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_status_is_frame_put(out, asker.request, &to->frame, err);
}

void ch_status_report(const ch_status_context *context, ch_asker asker, const ch_get_status_frame *get)
{
    ch_error err = CH_ERROR_INIT;
    report to = {.tokens = CH_BUFFER_INIT,
                 .problems = CH_BUFFER_INIT,
                 .unlocks = CH_BUFFER_INIT,
                 .notices = CH_BUFFER_INIT,
                 .confinement = CH_BUFFER_INIT,
                 .callers = CH_BUFFER_INIT,
                 .key_dates = CH_BUFFER_INIT,
                 .trading = CH_BUFFER_INIT};
    if (send_report(context, &to, asker, get, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.tokens);
    ch_buffer_free(&to.problems);
    ch_buffer_free(&to.unlocks);
    ch_buffer_free(&to.notices);
    ch_buffer_free(&to.confinement);
    ch_buffer_free(&to.callers);
    ch_buffer_free(&to.key_dates);
    ch_buffer_free(&to.trading);
}

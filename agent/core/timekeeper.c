#include "agent/core/timekeeper.h"

#include "base/log.h"
#include "base/utc.h"
#include "exchange/profile.h"

#include <stdio.h>

#define KEYS_A_PAGE 64
#define REASON_MAX 200 /* bytes */

/* ---- the list ---- */

static void add_row(const ch_timekeeper *keeper, const ch_key *key, ch_records *rows, ch_buffer *records)
{
    ch_listed_nonce_record row = {.key = ch_slice_of(key->name),
                                  .profile = ch_slice_of(ch_profile_name(key->profile)),
                                  .key_id = ch_slice_of(key->key_id),
                                  .unit_ns = key->nonce->unit_ns,
                                  .next = ch_nonces_next(keeper->nonces, key->nonce_counter),
                                  .follows_clock = key->nonce->ahead_s > 0};
    ch_listed_nonce_record_put(rows, records, &row);
}

static void add_orphans(const ch_timekeeper *keeper, ch_records *rows, ch_buffer *records)
{
    ch_listed_nonce_record row = {0};
    const char *name;
    for (size_t i = 0; (name = ch_nonces_orphan(keeper->nonces, i, &row.next)) != NULL; i++) {
        row.key = ch_slice_of(name);
        if (rows->count < 2 * KEYS_A_PAGE)
            ch_listed_nonce_record_put(rows, records, &row);
    }
}

/* True if `name` stands after `after` in the order of names. */
static bool is_after(const char *name, ch_slice after)
{
    return ch_slice_compare(ch_slice_of(name), after) > 0;
}

ch_status ch_timekeeper_list(const ch_timekeeper *keeper, const ch_nonce_list_frame *ask, ch_buffer *out, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_nonces_are_frame answer = {.is_last = true};
    for (size_t i = 0; i < keeper->policy->key_count; i++) {
        const ch_key *key = &keeper->policy->keys[i];
        if (key->nonce == NULL || !is_after(key->name, ask->after))
            continue;
        answer.is_last = answer.rows.count < KEYS_A_PAGE;
        if (!answer.is_last)
            break;
        const ch_key *version;
        for (size_t v = 0; (version = ch_key_version(key, v)) != NULL; v++)
            add_row(keeper, version, &answer.rows, &records);
    }
    if (answer.is_last)
        add_orphans(keeper, &answer.rows, &records);
    return ch_nonces_are_frame_put(out, 0, &answer, err);
}

/* ---- changes ---- */

static ch_status find_key(const ch_timekeeper *keeper, ch_slice name, const ch_key **out, ch_error *err)
{
    *out = ch_policy_find_version(keeper->policy, name);
    if (*out == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no key '%.*s' in the policy", CH_SLICE_ARGS(name));
    if ((*out)->nonce == NULL)
        return ch_fail(err, CH_BAD_INPUT, "profile '%s' of key '%s' has no nonces", ch_profile_name((*out)->profile),
                       (*out)->name);
    return CH_OK;
}

static ch_status check_reason(const ch_nonce_set_frame *set, ch_error *err)
{
    if (set->is_reset && (set->reason.size == 0 || set->reason.size > REASON_MAX || !ch_slice_is_text(set->reason)))
        return ch_fail(err, CH_BAD_INPUT, "a reset needs a reason, of at most %d bytes of plain text", REASON_MAX);
    return CH_OK;
}

static void on_outcome(void *context, const ch_error *outcome)
{
    const ch_time_change *change = context;
    const ch_time_waiter *waiter = &change->waiter;
    if (outcome->status == CH_OK)
        ch_log("%s %ss %s", waiter->name, change->verb, change->text);
    else
        ch_log("%s could not %s %s; %s", waiter->name, change->verb, change->text, outcome->message);
    if (waiter->context != NULL)
        waiter->answer(waiter->context, outcome);
}

static ch_time_change describe_set(const ch_timekeeper *keeper, const ch_key *key, const ch_nonce_set_frame *set,
                                   const ch_time_waiter *waiter)
{
    ch_time_change change = {.waiter = *waiter, .verb = set->is_reset ? "reset" : "raise"};
    snprintf(change.text, sizeof change.text, "the nonces of key '%s' (%s at %s) from %llu to %llu%s%.*s", key->name,
             key->key_id, ch_profile_name(key->profile),
             (unsigned long long)ch_nonces_next(keeper->nonces, key->nonce_counter), (unsigned long long)set->value,
             set->is_reset ? ": " : "", CH_SLICE_ARGS(set->reason));
    return change;
}

ch_status ch_timekeeper_set(ch_timekeeper *keeper, const ch_nonce_set_frame *set, const ch_time_waiter *waiter,
                            ch_error *err)
{
    const ch_key *key = NULL;
    CH_TRY(find_key(keeper, set->key, &key, err));
    CH_TRY(check_reason(set, err));
    const ch_nonce_change change = {.counter = key->nonce_counter,
                                    .value = set->value,
                                    .is_reset = set->is_reset,
                                    .context = &keeper->setting,
                                    .answer = on_outcome};
    const ch_time_change before = keeper->setting;
    keeper->setting = describe_set(keeper, key, set, waiter);
    ch_status st = ch_nonces_change(keeper->nonces, &change, err);
    if (st != CH_OK)
        keeper->setting = before;
    return st;
}

ch_status ch_timekeeper_confirm(ch_timekeeper *keeper, const ch_time_waiter *waiter, ch_error *err)
{
    ch_moment now;
    ch_time_change *change = &keeper->confirming;
    bool is_sound = ch_moment_now(&now);
    CH_TRY(ch_clockwatch_confirm(keeper->clock, is_sound ? &now : NULL, change, on_outcome, err));
    char shown[CH_UTC_TEXT_SIZE];
    ch_utc_text(now.wall_ns / 1000000000, shown);
    *change = (ch_time_change){.waiter = *waiter, .verb = "confirm"};
    snprintf(change->text, sizeof change->text, "that the clock is right: %s", shown);
    return CH_OK;
}

void ch_timekeeper_forget(ch_timekeeper *keeper, const void *context)
{
    if (keeper->setting.waiter.context == context)
        keeper->setting.waiter.context = NULL;
    if (keeper->confirming.waiter.context == context)
        keeper->confirming.waiter.context = NULL;
}

/* ---- the time ---- */

const char *ch_timekeeper_clock(const ch_timekeeper *keeper, ch_error *why)
{
    ch_moment now;
    return ch_clockwatch_read(keeper->clock, &now, why) == CH_OK ? "trusted" : "doubted";
}

static ch_status tell(const ch_timekeeper *keeper, ch_asker asker, ch_error *err)
{
    ch_moment now;
    ch_error doubt = CH_ERROR_INIT;
    ch_buffer *out = ch_asker_out(asker);
    ch_time_is_frame answer = {.clock = ch_slice_of(ch_timekeeper_clock(keeper, &doubt))};
    if (!ch_moment_now(&now))
        return ch_fail_rule(err, CH_UNAVAILABLE, doubt.rule, "%s", doubt.message);
    answer.now_ns = now.wall_ns;
    return out == NULL ? CH_OK : ch_time_is_frame_put(out, asker.request, &answer, err);
}

void ch_timekeeper_tell(const ch_timekeeper *keeper, ch_asker asker)
{
    ch_error err = CH_ERROR_INIT;
    if (tell(keeper, asker, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
}

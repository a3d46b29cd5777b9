/* The format (prometheus.io/docs/instrumenting/exposition_formats): all lines of a metric stand together, after a HELP
 * and a TYPE line. Names end in _total if they only rise, and in a base unit if they have one. Names and labels are
 * what others write alerts with, so they stay. */
#include "agent/front/metrics.h"

#include "wire/link_state.h"

/* ---- lines ---- */

static void add_family(ch_buffer *out, const char *name, const char *type, const char *help)
{
    ch_buffer_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_escaped(ch_buffer *out, ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '\\' || byte == '"' || byte == '\n')
            ch_buffer_add_byte(out, '\\');
        ch_buffer_add_byte(out, byte == '\n' ? 'n' : byte);
    }
}

/* `lead` is the label's name, after a comma if it is not the first label. */
static void add_label(ch_buffer *out, const char *lead, ch_slice value)
{
    ch_buffer_add_text(out, lead);
    ch_buffer_add_text(out, "=\"");
    add_escaped(out, value);
    ch_buffer_add_byte(out, '"');
}

static void add_metric_label(ch_buffer *out, const char *metric, const char *label, ch_slice value)
{
    ch_buffer_add_format(out, "%s{", metric);
    add_label(out, label, value);
}

/* `lead` is what stands before the value: the metric's name, or the end of its labels. */
static void add_value(ch_buffer *out, const char *lead, uint64_t value)
{
    ch_buffer_add_format(out, "%s %llu\n", lead, (unsigned long long)value);
}

/* ---- single values ---- */

static uint64_t read_ready(const ch_status_is_frame *frame)
{
    return frame->is_ready;
}

static uint64_t read_uptime(const ch_status_is_frame *frame)
{
    return frame->uptime_s;
}

static uint64_t read_keys(const ch_status_is_frame *frame)
{
    return frame->key_count;
}

static uint64_t read_keys_ready(const ch_status_is_frame *frame)
{
    return frame->ready_count;
}

static uint64_t read_trust(const ch_status_is_frame *frame)
{
    return ch_slice_is(frame->clock, "trusted");
}

static uint64_t read_gaps(const ch_status_is_frame *frame)
{
    return frame->confinement.count;
}

static uint64_t read_notices(const ch_status_is_frame *frame)
{
    return frame->notices.count;
}

static uint64_t read_waiting(const ch_status_is_frame *frame)
{
    return frame->waiting_count;
}

/* clang-format off */
static const struct {
    const char *name;
    uint64_t (*read)(const ch_status_is_frame *frame);
    bool is_for_strangers;
    const char *help;
} gauges[] = {
    /* name                        read by          strangers  help */
    { "chancery_ready",             read_ready,      true,      "1 if every key of the policy can sign and the clock is trusted." },
    { "chancery_uptime_seconds",    read_uptime,     false,     "Time since the agent started." },
    { "chancery_keys",              read_keys,       false,     "Keys that the caller may use; all keys, if it is an operator." },
    { "chancery_keys_ready",        read_keys_ready, false,     "Those of chancery_keys that can sign now." },
    { "chancery_clock_trusted",     read_trust,      false,     "1 if the clock is trusted; otherwise nothing is signed." },
    { "chancery_confinement_gaps",  read_gaps,       false,     "What the agent's processes could not give up." },
    { "chancery_notices",           read_notices,    false,     "Notices of chancery status." },
    { "chancery_approvals_waiting", read_waiting,    false,     "Requests that wait for people's approval, or to be fetched." },
};
/* clang-format on */

static void add_gauges(ch_buffer *out, const ch_status_is_frame *frame)
{
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        if (!frame->is_known && !gauges[i].is_for_strangers)
            continue;
        add_family(out, gauges[i].name, "gauge", gauges[i].help);
        add_value(out, gauges[i].name, gauges[i].read(frame));
    }
}

/* ---- the agent ---- */

static void add_build(ch_buffer *out, ch_slice version)
{
    static const char name[] = "chancery_build_info";
    add_family(out, name, "gauge", "Always 1; the label is the agent's version.");
    add_metric_label(out, name, "version", version);
    add_value(out, "}", 1);
}

static void add_requests(ch_buffer *out, const ch_status_is_frame *frame)
{
    static const char name[] = "chancery_requests_total";
    add_family(out, name, "counter", "Requests for a signature, by what came of them.");
    add_value(out, "chancery_requests_total{outcome=\"signed\"}", frame->signed_count);
    add_value(out, "chancery_requests_total{outcome=\"refused\"}", frame->refused_count);
    add_value(out, "chancery_requests_total{outcome=\"failed\"}", frame->failed_count);
}

static void add_problems(ch_buffer *out, ch_records problems)
{
    static const char name[] = "chancery_key_problem";
    ch_key_problem_record problem;
    add_family(out, name, "gauge", "1 for a key that cannot sign now, 100 keys at most.");
    while (ch_key_problem_record_next(&problems, &problem)) {
        add_metric_label(out, name, "key", problem.key);
        add_value(out, "}", 1);
    }
}

static uint64_t read_expiry(const ch_key_date_record *date)
{
    return date->expires_s;
}

static uint64_t read_rotation(const ch_key_date_record *date)
{
    return date->rotate_by_s;
}

/* clang-format off */
static const struct {
    const char *name;
    uint64_t (*read)(const ch_key_date_record *date);
    const char *help;
} dates[] = {
    /* name                                     read by        help */
    { "chancery_key_expires_timestamp_seconds",   read_expiry,   "When a key expires, of the 100 keys with the next dates." },
    { "chancery_key_rotate_by_timestamp_seconds", read_rotation, "Until when a key is to be rotated, likewise." },
};
/* clang-format on */

static void add_dates(ch_buffer *out, ch_records key_dates)
{
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        ch_records rest = key_dates;
        ch_key_date_record date;
        add_family(out, dates[i].name, "gauge", dates[i].help);
        while (ch_key_date_record_next(&rest, &date)) {
            if (dates[i].read(&date) == 0)
                continue;
            add_metric_label(out, dates[i].name, "key", date.key);
            add_label(out, ",key_id", date.key_id);
            add_value(out, "}", dates[i].read(&date));
        }
    }
}

/* ---- tokens ---- */

static void add_states(ch_buffer *out, ch_records tokens)
{
    static const char name[] = "chancery_token_state";
    ch_listed_token_record token;
    add_family(out, name, "gauge", "1 for the state that the token is in, 0 for the others.");
    while (ch_listed_token_record_next(&tokens, &token)) {
        for (unsigned i = 0; i < CH_LINK_STATE_COUNT; i++) {
            add_metric_label(out, name, "token", token.name);
            add_label(out, ",state", ch_slice_of(ch_link_state_name(i)));
            add_value(out, "}", token.link_state == i);
        }
    }
}

/* In the order of ch_state_of and ch_trading, which the front does not know. */
static void add_trading(ch_buffer *out, ch_records trading)
{
    static const char name[] = "chancery_frozen";
    static const char *const kinds[] = {"caller", "key", "all"};
    static const char *const states[] = {"active", "reducing", "halted"};
    ch_trading_count_record count;
    add_family(out, name, "gauge", "Callers and keys that are reducing or halted; of all trading, 1 if it is.");
    while (ch_trading_count_record_next(&trading, &count)) {
        if (count.of >= sizeof kinds / sizeof *kinds || count.state >= sizeof states / sizeof *states)
            continue;
        add_metric_label(out, name, "of", ch_slice_of(kinds[count.of]));
        add_label(out, ",state", ch_slice_of(states[count.state]));
        add_value(out, "}", count.count);
    }
}

/* A token that is locked, or whose unlock has no end, has no line. */
static void add_unlocks(ch_buffer *out, ch_records tokens)
{
    static const char name[] = "chancery_token_unlocked_until_timestamp_seconds";
    ch_listed_token_record token;
    add_family(out, name, "gauge", "When the unlock of a token ends if nothing more is signed, if it does.");
    while (ch_listed_token_record_next(&tokens, &token)) {
        if (token.until_ms == 0)
            continue;
        add_metric_label(out, name, "token", token.name);
        add_value(out, "}", token.until_ms / 1000);
    }
}

static uint64_t read_signatures(const ch_listed_token_record *token)
{
    return token->signatures;
}

static uint64_t read_failures(const ch_listed_token_record *token)
{
    return token->failures;
}

static uint64_t read_starts(const ch_listed_token_record *token)
{
    return token->process_starts;
}

static uint64_t read_logins(const ch_listed_token_record *token)
{
    return token->logins;
}

/* clang-format off */
static const struct {
    const char *name;
    uint64_t (*read)(const ch_listed_token_record *token);
    const char *help;
} counters[] = {
    /* name                                 read by          help */
    { "chancery_token_signatures_total",     read_signatures, "Signatures that the token has made for requests." },
    { "chancery_token_failures_total",       read_failures,   "Jobs that failed at the token or were lost with its process." },
    { "chancery_token_process_starts_total", read_starts,     "Starts of the token process." },
    { "chancery_token_logins_total",         read_logins,     "Logins that were tried, whatever came of them." },
};
/* clang-format on */

static void add_counters(ch_buffer *out, ch_records tokens)
{
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        ch_records rest = tokens;
        ch_listed_token_record token;
        add_family(out, counters[i].name, "counter", counters[i].help);
        while (ch_listed_token_record_next(&rest, &token)) {
            add_metric_label(out, counters[i].name, "token", token.name);
            add_value(out, "}", counters[i].read(&token));
        }
    }
}

/* ---- callers ---- */

static void add_rates(ch_buffer *out, ch_records callers)
{
    static const char name[] = "chancery_caller_requests_per_second";
    ch_caller_rate_record caller;
    add_family(out, name, "gauge", "Requests that policy allowed in the last whole second; only for operators.");
    while (ch_caller_rate_record_next(&callers, &caller)) {
        add_metric_label(out, name, "user", caller.user);
        add_value(out, "}", caller.requests_per_second);
    }
}

static void add_work(ch_buffer *out, ch_records callers)
{
    static const char name[] = "chancery_caller_work_ratio";
    ch_caller_rate_record caller;
    add_family(out, name, "gauge", "Time of core and the tokens in that second, 1 for a whole processor.");
    while (ch_caller_rate_record_next(&callers, &caller)) {
        add_metric_label(out, name, "user", caller.user);
        ch_buffer_add_format(out, "} %u.%03u\n", caller.work_permille / 1000, caller.work_permille % 1000);
    }
}

void ch_metrics_add(ch_buffer *out, const ch_status_is_frame *frame)
{
    add_gauges(out, frame);
    if (!frame->is_known)
        return;
    add_build(out, frame->version);
    add_requests(out, frame);
    add_problems(out, frame->problems);
    add_dates(out, frame->key_dates);
    add_trading(out, frame->trading);
    add_states(out, frame->tokens);
    add_unlocks(out, frame->tokens);
    add_counters(out, frame->tokens);
    add_rates(out, frame->callers);
    add_work(out, frame->callers);
}

#include "agent/front/reply.h"

#include "base/encode.h"
#include "base/utc.h"
#include "wire/documents.h"
#include "wire/json.h"

/* Text, because a JavaScript number does not hold every id. 0: the request has none. */
static void add_reservation(ch_buffer *out, uint64_t id)
{
    if (id != 0)
        ch_buffer_add_format(out, ",\"reservation\":\"%llu\"", (unsigned long long)id);
}

void ch_reply_add_signed(ch_buffer *out, const ch_signed_frame *frame)
{
    ch_records headers = frame->headers;
    ch_header_record header;
    ch_json_add_text(out, "{\"method\":", frame->method);
    ch_json_add_text(out, ",\"url\":", frame->url);
    ch_buffer_add_text(out, ",\"headers\":{");
    for (const char *lead = ""; ch_header_record_next(&headers, &header); lead = ",") {
        ch_json_add_text(out, lead, header.name);
        ch_json_add_text(out, ":", header.value);
    }
    ch_json_add_text(out, "},\"body\":", frame->body);
    ch_json_add_text(out, ",\"key\":", frame->key);
    add_reservation(out, frame->reservation);
    if (frame->is_public)
        ch_buffer_add_text(out, ",\"public\":true");
    ch_buffer_add_text(out, "}\n");
}

void ch_reply_add_signature_only(ch_buffer *out, const ch_signature_only_frame *frame)
{
    ch_json_add_text(out, "{\"signature\":", frame->signature);
    ch_json_add_text(out, ",\"key\":", frame->key);
    add_reservation(out, frame->reservation);
    ch_buffer_add_text(out, "}\n");
}

/* Why it would be refused, as the answer to a request for the signature would say it. */
static void add_refusal(ch_buffer *out, const ch_checked_frame *frame)
{
    const ch_problem_facts facts = {.control = frame->control,
                                    .limit = frame->limit,
                                    .asked = frame->asked,
                                    .left = frame->left,
                                    .fact = frame->fact,
                                    .approvals = frame->approvals,
                                    .needs_code = frame->needs_code,
                                    .delay_s = frame->delay_s};
    ch_buffer_add_text(out, ",\"problem\":");
    ch_problem_add(out, &frame->why, (unsigned)ch_status_http(frame->why.status), &facts);
}

void ch_reply_add_checked(ch_buffer *out, const ch_checked_frame *frame)
{
    ch_records lines = frame->lines;
    ch_trace_line_record line;
    ch_json_add_boolean(out, "{\"allowed\":", frame->is_allowed);
    ch_json_add_text(out, ",\"meaning\":", frame->meaning);
    ch_buffer_add_text(out, ",\"lines\":[");
    for (const char *lead = "{\"verb\":"; ch_trace_line_record_next(&lines, &line); lead = ",{\"verb\":") {
        ch_json_add_text(out, lead, line.verb);
        ch_json_add_text(out, ",\"entry\":", line.entry);
        ch_json_add_text(out, ",\"verdict\":", line.verdict);
        ch_json_add_text(out, ",\"text\":", line.text);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
    if (!frame->is_allowed)
        add_refusal(out, frame);
    ch_buffer_add_text(out, "}\n");
}

void ch_reply_add_limits_are(ch_buffer *out, const ch_limits_are_frame *frame)
{
    ch_records levels = frame->levels;
    ch_limit_level_record level;
    ch_json_add_text(out, "{\"state\":", frame->state);
    ch_json_add_text(out, ",\"state_why\":", frame->state_why);
    ch_buffer_add_text(out, ",\"limits\":[");
    for (const char *lead = "{\"limit\":"; ch_limit_level_record_next(&levels, &level); lead = ",{\"limit\":") {
        ch_json_add_text(out, lead, level.limit);
        ch_json_add_text(out, ",\"control\":", level.control);
        ch_json_add_text(out, ",\"scope\":", level.scope);
        ch_json_add_text(out, ",\"most\":", level.most);
        ch_json_add_text(out, ",\"used\":", level.used);
        ch_json_add_text(out, ",\"left\":", level.left);
        ch_json_add_text(out, ",\"asset\":", level.asset);
        ch_json_add_text(out, ",\"per\":", level.per);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_text(out, "]}\n");
}

void ch_reply_add_prices_taken(ch_buffer *out, const ch_prices_taken_frame *frame)
{
    ch_json_add_number(out, "{\"taken\":", frame->taken);
    ch_json_add_number(out, ",\"older\":", frame->older);
    ch_json_add_texts(out, ",\"held\":", frame->held);
    ch_buffer_add_text(out, "}\n");
}

/* `next` is core's own, and may have any bytes; in base64url it is a part of a query as it stands. */
void ch_reply_add_prices_are(ch_buffer *out, const ch_prices_are_frame *frame)
{
    ch_records prices = frame->prices;
    ch_listed_price_record price;
    ch_buffer_add_text(out, "{\"prices\":[");
    for (const char *lead = "{\"source\":"; ch_listed_price_record_next(&prices, &price); lead = ",{\"source\":") {
        ch_json_add_text(out, lead, price.source);
        ch_json_add_text(out, ",\"pair\":", price.pair);
        ch_json_add_text(out, ",\"price\":", price.price);
        ch_json_add_number(out, ",\"time_ms\":", price.quoted_ms);
        ch_json_add_boolean(out, ",\"held\":", price.is_held);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
    if (frame->next.size > 0) {
        ch_buffer_add_text(out, ",\"next\":\"");
        ch_encode(out, CH_ENCODE_BASE64URL, frame->next);
        ch_buffer_add_byte(out, '"');
    }
    ch_buffer_add_text(out, "}\n");
}

void ch_reply_add_released(ch_buffer *out, const ch_released_frame *frame)
{
    ch_json_add_texts(out, "{\"returned\":", frame->returned);
    ch_buffer_add_text(out, "}\n");
}

/* An unlock without an end has null for it. */
static void add_end(ch_buffer *out, uint64_t until_ms, ch_slice by)
{
    if (until_ms == 0)
        ch_buffer_add_text(out, ",\"unlocked_until_ms\":null");
    else
        ch_json_add_number(out, ",\"unlocked_until_ms\":", until_ms);
    ch_json_add_text(out, ",\"unlock_ends_by\":", by);
}

/* Leaves out a date that policy does not set, which is 0. */
static void add_date(ch_buffer *out, const char *lead, uint64_t seconds)
{
    char text[CH_UTC_TEXT_SIZE];
    ch_utc_text(seconds, text);
    if (seconds != 0)
        ch_json_add_text(out, lead, ch_slice_of(text));
}

/* Writes the versions of `key`, and takes them off `rest`, which has them in the order of the keys. */
static void add_versions(ch_buffer *out, ch_slice key, ch_records *rest)
{
    ch_key_version_record version;
    ch_records next = *rest;
    bool is_first = true;
    for (; ch_key_version_record_next(&next, &version) && ch_slice_equal(version.key, key); *rest = next) {
        ch_json_add_text(out, is_first ? ",\"versions\":[{\"key_id\":" : ",{\"key_id\":", version.key_id);
        add_date(out, ",\"from\":", version.from_s);
        add_date(out, ",\"expires\":", version.expires_s);
        ch_json_add_boolean(out, ",\"ready\":", version.is_ready);
        ch_json_add_boolean(out, ",\"used\":", version.is_used);
        ch_json_add_text(out, ",\"problem\":", version.problem);
        ch_buffer_add_byte(out, '}');
        is_first = false;
    }
    if (!is_first)
        ch_buffer_add_byte(out, ']');
}

void ch_reply_add_key_list(ch_buffer *out, const ch_key_list_frame *frame)
{
    ch_records keys = frame->keys;
    ch_records versions = frame->versions;
    ch_listed_key_record key;
    ch_buffer_add_text(out, "{\"keys\":[");
    for (const char *lead = "{\"name\":"; ch_listed_key_record_next(&keys, &key); lead = ",{\"name\":") {
        ch_json_add_text(out, lead, key.name);
        ch_json_add_text(out, ",\"profile\":", key.profile);
        ch_json_add_text(out, ",\"scheme\":", key.scheme);
        ch_json_add_text(out, ",\"environment\":", key.environment);
        ch_json_add_text(out, ",\"key_id\":", key.key_id);
        ch_json_add_text(out, ",\"token\":", key.token);
        ch_json_add_boolean(out, ",\"ready\":", key.is_ready);
        ch_json_add_text(out, ",\"problem\":", key.problem);
        add_end(out, key.until_ms, key.ends_by);
        add_date(out, ",\"expires\":", key.expires_s);
        add_date(out, ",\"rotate_by\":", key.rotate_by_s);
        add_versions(out, key.name, &versions);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
    if (frame->next.size > 0)
        ch_json_add_text(out, ",\"next\":", frame->next);
    ch_buffer_add_text(out, "}\n");
}

static void add_problems(ch_buffer *out, ch_records problems)
{
    ch_key_problem_record problem;
    ch_buffer_add_text(out, ",\"problems\":[");
    for (const char *lead = "{\"key\":"; ch_key_problem_record_next(&problems, &problem); lead = ",{\"key\":") {
        ch_json_add_text(out, lead, problem.key);
        ch_json_add_text(out, ",\"problem\":", problem.problem);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

static void add_unlocks(ch_buffer *out, ch_records unlocks)
{
    ch_key_unlock_record unlock;
    ch_buffer_add_text(out, ",\"key_unlocks\":[");
    for (const char *lead = "{\"key\":"; ch_key_unlock_record_next(&unlocks, &unlock); lead = ",{\"key\":") {
        ch_json_add_text(out, lead, unlock.key);
        add_end(out, unlock.until_ms, unlock.ends_by);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

static void add_key_dates(ch_buffer *out, ch_records dates)
{
    ch_key_date_record date;
    ch_buffer_add_text(out, ",\"key_dates\":[");
    for (const char *lead = "{\"key\":"; ch_key_date_record_next(&dates, &date); lead = ",{\"key\":") {
        ch_json_add_text(out, lead, date.key);
        ch_json_add_text(out, ",\"key_id\":", date.key_id);
        add_date(out, ",\"expires\":", date.expires_s);
        add_date(out, ",\"rotate_by\":", date.rotate_by_s);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

static void add_callers(ch_buffer *out, ch_records callers)
{
    ch_caller_rate_record caller;
    ch_buffer_add_text(out, ",\"callers\":[");
    for (const char *lead = "{\"user\":"; ch_caller_rate_record_next(&callers, &caller); lead = ",{\"user\":") {
        ch_json_add_text(out, lead, caller.user);
        ch_json_add_number(out, ",\"requests_per_second\":", caller.requests_per_second);
        ch_json_add_number(out, ",\"work_permille\":", caller.work_permille);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

void ch_reply_add_status_is(ch_buffer *out, const ch_status_is_frame *frame)
{
    ch_records tokens = frame->tokens;
    ch_listed_token_record token;
    ch_json_add_text(out, "{\"version\":", frame->version);
    ch_json_add_number(out, ",\"uptime_s\":", frame->uptime_s);
    ch_json_add_boolean(out, ",\"ready\":", frame->is_ready);
    ch_json_add_number(out, ",\"signed\":", frame->signed_count);
    ch_json_add_number(out, ",\"refused\":", frame->refused_count);
    ch_json_add_number(out, ",\"failed\":", frame->failed_count);
    ch_json_add_number(out, ",\"approvals_waiting\":", frame->waiting_count);
    ch_buffer_add_text(out, ",\"tokens\":[");
    for (const char *lead = "{\"name\":"; ch_listed_token_record_next(&tokens, &token); lead = ",{\"name\":") {
        ch_json_add_text(out, lead, token.name);
        ch_json_add_text(out, ",\"state\":", token.state);
        ch_json_add_text(out, ",\"detail\":", token.detail);
        ch_json_add_number(out, ",\"signatures\":", token.signatures);
        ch_json_add_number(out, ",\"failures\":", token.failures);
        ch_json_add_number(out, ",\"process_starts\":", token.process_starts);
        ch_json_add_number(out, ",\"logins\":", token.logins);
        add_end(out, token.until_ms, token.ends_by);
        ch_json_add_boolean(out, ",\"unattended\":", token.is_unattended);
        ch_buffer_add_byte(out, '}');
    }
    ch_json_add_number(out, "],\"keys\":", frame->key_count);
    ch_json_add_number(out, ",\"keys_ready\":", frame->ready_count);
    add_problems(out, frame->problems);
    add_unlocks(out, frame->unlocks);
    ch_json_add_texts(out, ",\"notices\":", frame->notices);
    ch_json_add_texts(out, ",\"confinement\":", frame->confinement);
    add_callers(out, frame->callers);
    add_key_dates(out, frame->key_dates);
    ch_json_add_text(out, ",\"clock\":{\"state\":", frame->clock);
    ch_json_add_text(out, ",\"detail\":", frame->clock_detail);
    ch_buffer_add_text(out, "}}\n");
}

/* The nanoseconds are text, because they have more digits than a JavaScript number holds. */
void ch_reply_add_time_is(ch_buffer *out, const ch_time_is_frame *frame)
{
    ch_json_add_number(out, "{\"time_ms\":", frame->now_ns / 1000000);
    ch_json_add_number(out, ",\"time_ns\":\"", frame->now_ns);
    ch_json_add_text(out, "\",\"clock\":", frame->clock);
    ch_buffer_add_text(out, "}\n");
}

#include "agent/front/reply.h"

#include "base/encode.h"

/* `lead` is a comma, brace and quoted name, as they are. */
static void add_text(ch_buffer *out, const char *lead, ch_slice text)
{
    ch_buffer_add_text(out, lead);
    ch_encode_json(out, text);
}

static void add_boolean(ch_buffer *out, const char *lead, bool is_true)
{
    ch_buffer_add_text(out, lead);
    ch_buffer_add_text(out, is_true ? "true" : "false");
}

static void add_number(ch_buffer *out, const char *lead, uint64_t number)
{
    ch_buffer_add_format(out, "%s%llu", lead, (unsigned long long)number);
}

void ch_reply_add_signed(ch_buffer *out, const ch_signed_frame *frame)
{
    ch_records headers = frame->headers;
    ch_header_record header;
    add_text(out, "{\"method\":", frame->method);
    add_text(out, ",\"url\":", frame->url);
    ch_buffer_add_text(out, ",\"headers\":{");
    for (const char *lead = ""; ch_header_record_next(&headers, &header); lead = ",") {
        add_text(out, lead, header.name);
        add_text(out, ":", header.value);
    }
    add_text(out, "},\"body\":", frame->body);
    add_text(out, ",\"key\":", frame->key);
    ch_buffer_add_text(out, "}\n");
}

void ch_reply_add_signature(ch_buffer *out, const ch_signature_only_frame *frame)
{
    add_text(out, "{\"signature\":", frame->signature);
    add_text(out, ",\"key\":", frame->key);
    ch_buffer_add_text(out, "}\n");
}

void ch_reply_add_key_list(ch_buffer *out, const ch_key_list_frame *frame)
{
    ch_records keys = frame->keys;
    ch_listed_key_record key;
    ch_buffer_add_text(out, "{\"keys\":[");
    for (const char *lead = "{\"name\":"; ch_listed_key_record_next(&keys, &key); lead = ",{\"name\":") {
        add_text(out, lead, key.name);
        add_text(out, ",\"profile\":", key.profile);
        add_text(out, ",\"scheme\":", key.scheme);
        add_text(out, ",\"environment\":", key.environment);
        add_text(out, ",\"key_id\":", key.key_id);
        add_text(out, ",\"token\":", key.token);
        add_boolean(out, ",\"ready\":", key.is_ready);
        add_text(out, ",\"problem\":", key.problem);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
    if (frame->next.size > 0)
        add_text(out, ",\"next\":", frame->next);
    ch_buffer_add_text(out, "}\n");
}

static void add_problems(ch_buffer *out, ch_records problems)
{
    ch_key_problem_record problem;
    ch_buffer_add_text(out, ",\"problems\":[");
    for (const char *lead = "{\"key\":"; ch_key_problem_record_next(&problems, &problem); lead = ",{\"key\":") {
        add_text(out, lead, problem.key);
        add_text(out, ",\"problem\":", problem.problem);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

/* `lead` is the member's name up to the bracket that opens its list. */
static void add_texts(ch_buffer *out, const char *lead, ch_records texts)
{
    ch_text_record text;
    ch_buffer_add_text(out, lead);
    for (const char *comma = ""; ch_text_record_next(&texts, &text); comma = ",")
        add_text(out, comma, text.bytes);
    ch_buffer_add_byte(out, ']');
}

static void add_callers(ch_buffer *out, ch_records callers)
{
    ch_caller_rate_record caller;
    ch_buffer_add_text(out, ",\"callers\":[");
    for (const char *lead = "{\"user\":"; ch_caller_rate_record_next(&callers, &caller); lead = ",{\"user\":") {
        add_text(out, lead, caller.user);
        add_number(out, ",\"requests_per_second\":", caller.requests_per_second);
        add_number(out, ",\"work_permille\":", caller.work_permille);
        ch_buffer_add_byte(out, '}');
    }
    ch_buffer_add_byte(out, ']');
}

void ch_reply_add_status(ch_buffer *out, const ch_status_is_frame *frame)
{
    ch_records tokens = frame->tokens;
    ch_listed_token_record token;
    add_text(out, "{\"version\":", frame->version);
    add_number(out, ",\"uptime_s\":", frame->uptime_s);
    add_boolean(out, ",\"ready\":", frame->is_ready);
    add_number(out, ",\"signed\":", frame->signed_count);
    add_number(out, ",\"refused\":", frame->refused_count);
    add_number(out, ",\"failed\":", frame->failed_count);
    ch_buffer_add_text(out, ",\"tokens\":[");
    for (const char *lead = "{\"name\":"; ch_listed_token_record_next(&tokens, &token); lead = ",{\"name\":") {
        add_text(out, lead, token.name);
        add_text(out, ",\"state\":", token.state);
        add_text(out, ",\"detail\":", token.detail);
        add_number(out, ",\"signatures\":", token.signatures);
        add_number(out, ",\"failures\":", token.failures);
        add_number(out, ",\"process_starts\":", token.process_starts);
        add_number(out, ",\"logins\":", token.logins);
        ch_buffer_add_byte(out, '}');
    }
    add_number(out, "],\"keys\":", frame->key_count);
    add_number(out, ",\"keys_ready\":", frame->ready_count);
    add_problems(out, frame->problems);
    add_texts(out, ",\"notices\":[", frame->notices);
    add_texts(out, ",\"confinement\":[", frame->confinement);
    add_callers(out, frame->callers);
    add_text(out, ",\"clock\":{\"state\":", frame->clock);
    add_text(out, ",\"detail\":", frame->clock_detail);
    ch_buffer_add_text(out, "}}\n");
}

/* The nanoseconds are text, because they have more digits than a JavaScript number holds. */
void ch_reply_add_time(ch_buffer *out, const ch_time_is_frame *frame)
{
    add_number(out, "{\"time_ms\":", frame->now_ns / 1000000);
    add_number(out, ",\"time_ns\":\"", frame->now_ns);
    add_text(out, "\",\"clock\":", frame->clock);
    ch_buffer_add_text(out, "}\n");
}

#include "agent/front/problem.h"

#include "base/encode.h"

static void add_member(ch_buffer *out, const char *lead, ch_slice text)
{
    if (text.size == 0)
        return;
    ch_buffer_add_text(out, lead);
    ch_encode_json(out, text);
}

/* What must happen before the request is signed. */
static void add_needs(ch_buffer *out, const ch_problem_facts *facts)
{
    if (facts->approvals == 0 && !facts->needs_code && facts->delay_s == 0)
        return;
    ch_buffer_add_format(out, ",\"needs\":{\"approvals\":%u,\"code\":%s,\"delay_s\":%llu}", facts->approvals,
                         facts->needs_code ? "true" : "false", (unsigned long long)facts->delay_s);
}

void ch_problem_add(ch_buffer *out, const ch_error *problem, unsigned http_status, const ch_problem_facts *facts)
{
    ch_buffer_add_format(out, "{\"type\":\"urn:chancery:problem:%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
                         ch_status_name(problem->status), ch_status_title(problem->status), http_status);
    ch_encode_json(out, ch_slice_of(problem->message));
    add_member(out, ",\"rule\":", ch_slice_of(problem->rule));
    add_member(out, ",\"step\":", facts->step);
    add_member(out, ",\"control\":", facts->control);
    add_member(out, ",\"limit\":", facts->limit);
    add_member(out, ",\"asked\":", facts->asked);
    add_member(out, ",\"left\":", facts->left);
    add_member(out, ",\"fact\":", facts->fact);
    add_needs(out, facts);
    add_member(out, ",\"relay_id\":", facts->relay_id);
    if (facts->exchange_error.size > 0) {
        ch_buffer_add_text(out, ",\"exchange_error\":");
        ch_buffer_add_slice(out, facts->exchange_error);
    }
    ch_buffer_add_byte(out, '}');
}

#include "wire/documents.h"

#include "base/encode.h"
#include "wire/json.h"

#include <stdio.h>

/* ---- problems ---- */

static void add_member(ch_buffer *out, const char *lead, ch_slice text)
{
    if (text.size > 0)
        ch_json_add_text(out, lead, text);
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
    ch_buffer_add_byte(out, '}');
}

ch_problem_facts ch_problem_facts_of(const ch_failed_frame *failed)
{
    return (ch_problem_facts){.step = failed->step,
                              .control = failed->control,
                              .limit = failed->limit,
                              .asked = failed->asked,
                              .left = failed->left,
                              .fact = failed->fact,
                              .approvals = failed->approvals,
                              .needs_code = failed->needs_code,
                              .delay_s = failed->delay_s};
}

/* ---- requests that people must approve ---- */

/* Leaves out a moment that is not known or no longer matters, which is 0. */
static void add_moment(ch_buffer *out, const char *lead, uint64_t ms)
{
    if (ms != 0)
        ch_json_add_number(out, lead, ms);
}

void ch_request_document_add(ch_buffer *out, const ch_request_is_frame *request, unsigned http_status)
{
    char url[CH_REQUEST_URL_SIZE];
    ch_request_url(request->request, url);
    ch_json_add_number(out, "{\"id\":", request->request);
    ch_json_add_text(out, ",\"state\":", request->state);
    ch_json_add_text(out, ",\"key\":", request->key);
    ch_json_add_number(out, ",\"needs\":{\"approvals\":", request->approvals);
    ch_json_add_boolean(out, ",\"code\":", request->needs_code);
    ch_json_add_number(out, ",\"delay_s\":", request->delay_s);
    ch_json_add_texts(out, ",\"of\":", request->of);
    ch_json_add_texts(out, ",\"rules\":", request->rules);
    ch_json_add_number(out, "},\"given\":", request->given);
    add_moment(out, ",\"asked_ms\":", request->asked_ms);
    add_moment(out, ",\"ready_ms\":", request->ready_ms);
    add_moment(out, ",\"expires_ms\":", request->expires_ms);
    add_moment(out, ",\"ended_ms\":", request->ended_ms);
    add_member(out, ",\"why\":", request->why);
    ch_json_add_text(out, ",\"url\":", ch_slice_of(url));
    if (http_status != 0)
        ch_json_add_number(out, ",\"status\":", http_status);
    ch_buffer_add_byte(out, '}');
}

void ch_request_url(uint64_t request, char out[static CH_REQUEST_URL_SIZE])
{
    snprintf(out, CH_REQUEST_URL_SIZE, "/v1/requests/%llu", (unsigned long long)request);
}

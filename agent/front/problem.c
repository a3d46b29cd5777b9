#include "agent/front/problem.h"

#include "base/encode.h"

static void add_member(ch_buffer *out, const char *lead, ch_slice text)
{
    if (text.size == 0)
        return;
    ch_buffer_add_text(out, lead);
    ch_encode_json(out, text);
}

void ch_problem_add(ch_buffer *out, const ch_error *problem, unsigned http_status, ch_slice step)
{
    ch_buffer_add_format(out, "{\"type\":\"urn:chancery:problem:%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
                         ch_status_name(problem->status), ch_status_title(problem->status), http_status);
    ch_encode_json(out, ch_slice_of(problem->message));
    add_member(out, ",\"rule\":", ch_slice_of(problem->rule));
    add_member(out, ",\"step\":", step);
    ch_buffer_add_text(out, "}\n");
}

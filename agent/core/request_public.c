/* Whoever may see the key may make its exchange's public calls: they are anybody's, and say at most whose the key is.
 */
#include "agent/core/request_impl.h"

#include "exchange/wire_public.h"
#include "wire/frames.h"

static ch_status put_request(ch_buffer *out, const ch_job *job, const ch_wire_public *request, ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_signed_frame answer = {.method = request->method,
                              .url = request->url,
                              .body = request->body,
                              .key = ch_slice_of(job->key->name),
                              .is_public = true};
    for (size_t i = 0; i < request->header_count; i++) {
        const ch_header_record header = {.name = request->headers[i].name, .value = request->headers[i].value};
        ch_header_record_put(&answer.headers, &records, &header);
    }
    return ch_signed_frame_put(out, job->asker.request, &answer, err);
}

static ch_status put_checked(ch_buffer *out, const ch_job *job, ch_error *err)
{
    const ch_checked_frame checked = {.is_allowed = true,
                                      .meaning = CH_LITERAL("a public call, which goes on without credentials")};
    return ch_checked_frame_put(out, job->asker.request, &checked, err);
}

ch_status ch_request_answer_public(ch_job *job, const ch_form_clock *clock, ch_error *err)
{
    ch_wire_public request = {.text = CH_BUFFER_INIT};
    ch_status st = CH_OK;
    if (!ch_form_wire_find_public(job, clock, &request, &st, err)) {
        *err = (ch_error)CH_ERROR_INIT;
        return CH_OK;
    }
    ch_buffer *out = ch_asker_out(job->asker);
    if (st == CH_OK && out != NULL)
        st = job->is_check ? put_checked(out, job, err) : put_request(out, job, &request, err);
    job->is_answered = st == CH_OK;
    ch_buffer_free(&request.text);
    return st;
}

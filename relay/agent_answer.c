#include "relay/agent_answer.h"

#include "relay/headers.h"
#include "wire/documents.h"
#include "wire/frames.h"

#include <string.h>

#define WAITS_STATUS 202 /* people must approve */

/* ---- shapes ---- */

/* Takes the first line off `lines`, without its end, and returns its name; empty if it is not a header. */
static ch_slice take_line(ch_slice *lines, ch_slice *line)
{
    const uint8_t *end = ch_slice_find(*lines, '\r');
    *line = (ch_slice){lines->data, end == NULL ? lines->size : (size_t)(end - lines->data)};
    const uint8_t *colon = ch_slice_find(*line, ':');
    ch_slice name = {line->data, colon == NULL ? 0 : (size_t)(colon - line->data)};
    bool is_whole = lines->size >= line->size + 2 && line->data[line->size + 1] == '\n';
    *lines = ch_slice_after(*lines, is_whole ? line->size + 2 : lines->size);
    bool is_header = is_whole && ch_is_http_word(name) && line->size > name.size + 1 &&
                     line->data[name.size + 1] == ' ' && ch_slice_is_text(ch_slice_after(*line, name.size));
    return is_header ? name : CH_LITERAL("");
}

/* Some exchanges write their errors with status 200. */
static bool is_shape(const ch_shape_record *shape)
{
    ch_slice lines = shape->lines;
    ch_slice line;
    bool is_good = shape->status >= 200 && shape->status <= 599;
    while (is_good && lines.size > 0)
        is_good = take_line(&lines, &line).size > 0;
    return is_good;
}

static bool are_shapes(ch_records shapes)
{
    bool is_good = true;
    for (ch_shape_record shape; is_good && ch_shape_record_next(&shapes, &shape);)
        is_good = is_shape(&shape);
    return is_good;
}

bool ch_shape_read(ch_records shapes, size_t index, ch_shape *out)
{
    ch_shape_record shape;
    ch_slice line;
    *out = (ch_shape){.lines = CH_BUFFER_INIT};
    for (size_t i = 0; i <= index; i++) {
        if (!ch_shape_record_next(&shapes, &shape))
            return false;
    }
    out->status = shape.status;
    out->body = shape.body;
    while (shape.lines.size > 0) {
        if (ch_is_hop_header(take_line(&shape.lines, &line)))
            continue;
        ch_buffer_add_slice(&out->lines, line);
        ch_buffer_add_text(&out->lines, "\r\n");
    }
    return true;
}

/* ---- answers ---- */

static bool are_headers(ch_records headers)
{
    bool is_good = true;
    for (ch_header_record header; is_good && ch_header_record_next(&headers, &header);)
        is_good = ch_is_http_word(header.name) && ch_slice_is_text(header.value);
    return is_good;
}

static ch_status read_signed(ch_frame frame, ch_agent_answer *out, ch_error *err)
{
    ch_signed_frame is;
    CH_TRY(ch_signed_frame_get(&frame, &is, err));
    bool is_good = ch_is_http_word(is.method) && is.url.size > 0 && ch_slice_is_text(is.url) &&
                   are_headers(is.headers) && (is.errors.count == 0 || is.errors.count == CH_SHAPES) &&
                   are_shapes(is.errors);
    if (!is_good)
        return CH_OK;
    *out = (ch_agent_answer){.says = is.is_public ? CH_AGENT_PUBLIC : CH_AGENT_SIGNED,
                             .method = is.method,
                             .url = is.url,
                             .body = is.body,
                             .headers = is.headers,
                             .has_effects = is.has_effects && !is.is_public,
                             .is_serial = is.is_serial,
                             .errors_tag = is.errors_tag,
                             .shapes = is.errors};
    return CH_OK;
}

static bool is_id(ch_slice text)
{
    size_t i = 0;
    while (i < text.size &&
           ((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
        i++;
    return i == text.size && i == CH_DRAWN_SIZE;
}

/* A shape that cannot be passed on is left out; the refusal stands without it. */
static void read_refusal(const ch_frame *frame, ch_records shapes, ch_agent_answer *out)
{
    out->says = CH_AGENT_REFUSES;
    out->refusal = *frame;
    if (shapes.count == 1 && are_shapes(shapes))
        out->shapes = shapes;
}

static ch_status read_failed(const ch_frame *frame, ch_agent_answer *out, ch_error *err)
{
    ch_frame rest = *frame;
    ch_failed_frame failed;
    CH_TRY(ch_failed_frame_get(&rest, &failed, err));
    if (failed.why.status == CH_OK)
        return CH_OK;
    read_refusal(frame, failed.exchange_error, out);
    out->http_status = (unsigned)ch_status_http(failed.why.status);
    out->retry_after_s = failed.retry_after_s;
    if (failed.why.status != CH_ALREADY_SENT)
        return CH_OK;
    out->says = CH_AGENT_ALREADY_SENT; /* also without an id: it must not pass for refused */
    if (is_id(failed.relay_id))
        out->sent_id = failed.relay_id;
    return CH_OK;
}

static ch_status read_waiting(const ch_frame *frame, ch_agent_answer *out, ch_error *err)
{
    ch_frame rest = *frame;
    ch_request_is_frame request;
    CH_TRY(ch_request_is_frame_get(&rest, &request, err));
    read_refusal(frame, request.exchange_error, out);
    out->http_status = WAITS_STATUS;
    return CH_OK;
}

ch_status ch_agent_answer_read(const ch_frame *frame, ch_agent_answer *out, ch_error *err)
{
    *out = (ch_agent_answer){.says = CH_AGENT_SILENT};
    switch (frame->type) {
    case CH_FRAME_SIGNED:
        return read_signed(*frame, out, err);
    case CH_FRAME_FAILED:
        return read_failed(frame, out, err);
    case CH_FRAME_REQUEST_IS:
        return read_waiting(frame, out, err);
    default:
        return ch_fail(err, CH_INTERNAL, "frame %s does not answer a request", ch_frame_name(frame->type));
    }
}

/* ---- documents ---- */

static void add_problem(ch_frame frame, unsigned http_status, ch_buffer *out)
{
    ch_error err = CH_ERROR_INIT;
    ch_failed_frame failed;
    ch_ignore(ch_failed_frame_get(&frame, &failed, &err)); /* it was read before */
    const ch_problem_facts facts = ch_problem_facts_of(&failed);
    ch_problem_add(out, &failed.why, http_status, &facts);
}

/* By itself it has no status: that is an answer's. */
static void add_request(ch_frame frame, unsigned http_status, ch_buffer *out)
{
    ch_error err = CH_ERROR_INIT;
    ch_request_is_frame request;
    ch_ignore(ch_request_is_frame_get(&frame, &request, &err));
    ch_request_document_add(out, &request, http_status);
}

void ch_agent_answer_add_document(const ch_agent_answer *answer, unsigned http_status, ch_buffer *out)
{
    if (answer->refusal.type == CH_FRAME_FAILED)
        add_problem(answer->refusal, http_status != 0 ? http_status : answer->http_status, out);
    else
        add_request(answer->refusal, http_status, out);
}

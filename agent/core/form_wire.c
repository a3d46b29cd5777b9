/* The reading is shared by all jobs, for it is large and core has one thread. */
#include "agent/core/form_wire.h"

#include "exchange/wire.h"
#include "wire/frames.h"

_Static_assert(CH_WIRE_HEADERS == CH_WIRE_HEADERS_MAX, "the frames carry what is read");

static ch_wire_reading reading;

static ch_status take_headers(const ch_job *job, ch_wire_request *out, ch_error *err)
{
    ch_records headers = job->headers;
    ch_header_record header;
    if (headers.count > CH_WIRE_HEADERS_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a request has at most %d headers", CH_WIRE_HEADERS_MAX);
    while (ch_header_record_next(&headers, &header))
        out->headers[out->header_count++] = (ch_header){header.name, header.value};
    return CH_OK;
}

/* What lies in `from` lies in its copy `to` from now on; what lies elsewhere is the frame's or the profile's. */
static ch_slice moved(ch_slice slice, const ch_buffer *from, const ch_buffer *to)
{
    bool is_inside = from->size > 0 && slice.data >= from->data && slice.data < from->data + from->size;
    return is_inside ? (ch_slice){to->data + (slice.data - from->data), slice.size} : slice;
}

/* The job has a copy of parameters and of their text, for the reading's own buffer has room for the largest request. */
static void keep_reading(ch_job *job)
{
    size_t count = reading.request.param_count;
    ch_buffer_clear(&job->decoded);
    ch_buffer_add_slice(&job->decoded, ch_buffer_slice(&reading.text));
    ch_job_reserve_params(job, count + 1); /* for what ch_form_add_window adds */
    for (size_t i = 0; i < count; i++) {
        job->params[i] = reading.params[i];
        job->params[i].name = moved(job->params[i].name, &reading.text, &job->decoded);
        job->params[i].value = moved(job->params[i].value, &reading.text, &job->decoded);
    }
    job->request.params = job->params;
    job->request.param_count = count;
    job->until_ns = reading.until_ns;
    job->own_ns = reading.own_ns;
}

static ch_wire_request request_of(const ch_job *job)
{
    return (ch_wire_request){.method = job->asked.method, .url = job->url, .origin = job->origin, .body = job->body};
}

static ch_wire_input input_of(const ch_job *job, const ch_form_clock *clock)
{
    return (ch_wire_input){.profile = job->key->profile,
                           .environment = job->key->traits.environment,
                           .now_ns = clock->now_ns,
                           .started_ns = clock->started_ns,
                           .signed_ns = clock->signed_ns,
                           .draft = job->draft};
}

bool ch_form_wire_find_public(const ch_job *job, const ch_form_clock *clock, ch_wire_public *out, ch_status *status,
                              ch_error *err)
{
    ch_wire_request request = request_of(job);
    const ch_wire_input input = input_of(job, clock);
    if (take_headers(job, &request, err) != CH_OK)
        return false;
    return ch_wire_public_read(&input, &request, ch_slice_of(job->key->key_id), &reading, out, status, err);
}

ch_status ch_form_wire_read(ch_job *job, const ch_form_clock *clock, ch_error *err)
{
    ch_wire_request request = request_of(job);
    const ch_wire_input input = input_of(job, clock);
    CH_TRY(take_headers(job, &request, err));
    reading.request = (ch_request){0};
    ch_status st = ch_wire_read(&input, &request, &reading, err);
    job->request.host = reading.request.host;
    job->request.path = reading.request.path;
    if (st == CH_OK)
        keep_reading(job);
    return st;
}

ch_status ch_form_wire_check_age(const ch_job *job, uint64_t now_ns, ch_error *err)
{
    if (job->until_ns == 0 || now_ns <= job->until_ns)
        return CH_OK;
    return ch_fail(err, CH_UNAVAILABLE,
                   "the request has become too old while it waited for its turn; have the SDK make it anew");
}

void ch_form_typed(const ch_job *job, ch_buffer *records, ch_typed *out)
{
    *out = (ch_typed){job->asked.method, job->asked.host, job->asked.path, job->values};
    if (job->form != CH_FORM_WIRE)
        return;
    *out = (ch_typed){.method = job->request.method, .host = job->request.host, .path = job->request.path};
    for (size_t i = 0; i < job->request.param_count - job->is_window_added; i++) {
        const ch_param *param = &job->request.params[i];
        const ch_value_record value = {.kind = (uint8_t)param->kind, .name = param->name, .value = param->value};
        ch_value_record_put(&out->values, records, &value);
    }
}

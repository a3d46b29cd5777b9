/* Requests as they are sent, read as if an SDK had made them: what the agent itself writes must be undone to what it
 * was made of, by every recipe of every profile. */
#include "tests/property/property.h"

#include "exchange/check.h"
#include "exchange/wire.h"

#define FAKE_SIGNATURE_SIZE 64

bool wire_of(rig *r, const sample *s, ch_wire_request *out)
{
    static const uint8_t bytes[FAKE_SIGNATURE_SIZE] = {0xfb, 0xff, 0xbf, 0xfb, 0xef, 0xbe, 0x00, 0x01};
    ch_payloads signatures = {.count = s->endpoint->recipes[r->scheme->index]->payload_count};
    ch_finished finished;
    for (size_t i = 0; i < signatures.count; i++)
        signatures.items[i] = (ch_slice){bytes, sizeof bytes};
    if (ch_slice_is(s->request.method, "WS") || ch_recipe_finish(r->draft, &signatures, &finished, &r->err) != CH_OK)
        return false;
    *out = (ch_wire_request){.method = keep_slice(r, finished.method),
                             .url = keep_slice(r, finished.url),
                             .body = keep_slice(r, finished.body),
                             .header_count = finished.header_count};
    for (size_t i = 0; i < finished.header_count; i++)
        out->headers[i] =
            (ch_header){keep_slice(r, finished.headers[i].name), keep_slice(r, finished.headers[i].value)};
    return true;
}

reading_result read_wire(rig *r, const ch_wire_request *wire, sample *out)
{
    static ch_wire_reading reading; /* large */
    const ch_wire_input input = {
        .profile = r->profile, .environment = r->environment, .now_ns = r->now_ns, .draft = r->draft};
    if (ch_wire_read(&input, wire, &reading, &r->err) != CH_OK)
        return READ_REFUSED;
    out->endpoint = reading.endpoint;
    out->is_full = false;
    out->request = reading.request;
    out->request.params = out->params;
    for (size_t i = 0; i < out->request.param_count; i++) {
        out->params[i] = reading.params[i];
        out->params[i].name = keep_slice(r, reading.params[i].name);
        out->params[i].value = keep_slice(r, reading.params[i].value);
    }
    return ch_endpoint_check(out->endpoint, r->scheme, &out->request, &r->err) == CH_OK ? READ_SAME : READ_REFUSED;
}

const char *check_undone(rig *r, const sample *s, sample *spare, ch_buffer *shown)
{
    ch_wire_request wire;
    if (!wire_of(r, s, &wire))
        return NULL;
    ch_buffer_add_format(shown, "%.*s\n    body: %.*s\n    ", CH_SLICE_ARGS(wire.url), CH_SLICE_ARGS(wire.body));
    if (read_wire(r, &wire, spare) != READ_SAME) {
        ch_buffer_add_text(shown, r->err.message);
        return "the request as it is sent can't be undone";
    }
    sample_show(spare, shown);
    if (spare->endpoint != s->endpoint)
        return "it is undone to another call";
    return same_meaning(s, spare) ? NULL : "it is undone to another request";
}

/* Most answers are read, written as JSON and sent, all in the same way: ANSWER makes that of a frame's name. What a
 * frame means otherwise stands in a function of its own. */
#include "agent/front/from_core.h"

#include "agent/front/metrics.h"
#include "agent/front/reply.h"
#include "agent/front/routes.h"
#include "wire/documents.h"

#include <stdio.h>

#define REPLY_SIZE_HINT 1024

static ch_status send_body(ch_http *http, uint64_t request, unsigned http_status, const char *type, ch_buffer *body)
{
    ch_http_reply reply = {.status = http_status, .content_type = type, .body = *body};
    ch_http_send(http, request, &reply);
    return CH_OK;
}

#define ANSWER(name)                                                                                                   \
    static ch_status take_##name(ch_http *http, ch_frame *frame, ch_error *err)                                        \
    {                                                                                                                  \
        ch_##name##_frame answer;                                                                                      \
        ch_buffer body = CH_BUFFER_INIT;                                                                               \
        CH_TRY(ch_##name##_frame_get(frame, &answer, err));                                                            \
        ch_buffer_reserve(&body, REPLY_SIZE_HINT);                                                                     \
        ch_reply_add_##name(&body, &answer);                                                                           \
        return send_body(http, frame->id, 200, "application/json", &body);                                             \
    }

ANSWER(signed)
ANSWER(signature_only)
ANSWER(checked)
ANSWER(limits_are)
ANSWER(prices_taken)
ANSWER(prices_are)
ANSWER(released)
ANSWER(key_list)
ANSWER(time_is)

/* What a request has asked; of one that is no more, any answer is dropped. */
static ch_question question_of(ch_http *http, uint64_t id)
{
    const ch_http_request *request = ch_http_find(http, id);
    const ch_route *route = request == NULL ? NULL : request->purpose;
    return route == NULL ? CH_ASK_STATUS : route->question;
}

/* One frame answers three questions. */
static ch_status take_status_is(ch_http *http, ch_frame *frame, ch_error *err)
{
    ch_status_is_frame status;
    ch_buffer body = CH_BUFFER_INIT;
    CH_TRY(ch_status_is_frame_get(frame, &status, err));
    switch (question_of(http, frame->id)) {
    case CH_ASK_READY:
        ch_buffer_add_format(&body, "{\"status\":\"%s\"}\n", status.is_ready ? "ready" : "not ready");
        return send_body(http, frame->id, status.is_ready ? 200 : 503, "application/json", &body);
    case CH_ASK_METRICS:
        ch_metrics_add(&body, &status);
        return send_body(http, frame->id, 200, CH_METRICS_CONTENT_TYPE, &body);
    default:
        ch_reply_add_status_is(&body, &status);
        return send_body(http, frame->id, 200, "application/json", &body);
    }
}

/* Who asked for a signature gets 202, and where to look; who asked how the request stands gets 200. */
static ch_status take_request_is(ch_http *http, ch_frame *frame, ch_error *err)
{
    ch_request_is_frame answer;
    char url[CH_REQUEST_URL_SIZE];
    ch_question question = question_of(http, frame->id);
    CH_TRY(ch_request_is_frame_get(frame, &answer, err));
    bool is_asked = question == CH_ASK_SIGN || question == CH_ASK_FETCH;
    ch_http_reply reply = {.status = is_asked ? 202 : 200, .content_type = "application/json"};
    ch_request_url(answer.request, url);
    ch_request_document_add(&reply.body, &answer, 0);
    ch_buffer_add_byte(&reply.body, '\n');
    if (is_asked) {
        reply.header = "Location";
        reply.header_value = url;
    }
    ch_http_send(http, frame->id, &reply);
    return CH_OK;
}

static ch_status take_failed(ch_http *http, ch_frame *frame, ch_error *err)
{
    ch_failed_frame answer;
    char seconds[16];
    CH_TRY(ch_failed_frame_get(frame, &answer, err));
    const ch_problem_facts facts = ch_problem_facts_of(&answer);
    ch_http_reply reply = ch_http_problem(&answer.why, 0, &facts);
    snprintf(seconds, sizeof seconds, "%u", answer.retry_after_s);
    if (answer.retry_after_s > 0) {
        reply.header = "Retry-After";
        reply.header_value = seconds;
    }
    ch_http_send(http, frame->id, &reply);
    return CH_OK;
}

/* clang-format off */
static const struct {
    uint16_t type;
    ch_status (*take)(ch_http *http, ch_frame *frame, ch_error *err);
} answers[] = {
    /* frame                    taken by */
    { CH_FRAME_SIGNED,          take_signed },
    { CH_FRAME_SIGNATURE_ONLY,  take_signature_only },
    { CH_FRAME_FAILED,          take_failed },
    { CH_FRAME_CHECKED,         take_checked },
    { CH_FRAME_LIMITS_ARE,      take_limits_are },
    { CH_FRAME_PRICES_TAKEN,    take_prices_taken },
    { CH_FRAME_PRICES_ARE,      take_prices_are },
    { CH_FRAME_RELEASED,        take_released },
    { CH_FRAME_REQUEST_IS,      take_request_is },
    { CH_FRAME_KEY_LIST,        take_key_list },
    { CH_FRAME_STATUS_IS,       take_status_is },
    { CH_FRAME_TIME_IS,         take_time_is },
};
/* clang-format on */

ch_status ch_from_core_take(ch_http *http, ch_frame *frame, ch_error *err)
{
    size_t i = 0;
    while (i < sizeof answers / sizeof *answers && answers[i].type != frame->type)
        i++;
    if (i == sizeof answers / sizeof *answers)
        return ch_fail(err, CH_INTERNAL, "frame %u answers no request", (unsigned)frame->type);
    return answers[i].take(http, frame, err);
}

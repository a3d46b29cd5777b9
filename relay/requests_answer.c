/* An answer of the relay's own is begun, added and ended in one go; none is made once the exchange's has begun. */
#include "relay/requests_impl.h"

#include "relay/agent_answer.h"
#include "relay/refusal.h"
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>

#define RECORDED "Chancery-Recorded: yes\r\n"
#define NO_ID "00000000000000000000000000000000" /* where the agent's shapes have a request's id */

static void answer(ch_way *way, unsigned status, ch_slice lines, ch_slice body)
{
    ch_bot *bot = way->bot;
    way->bot = NULL;
    if (bot == NULL)
        return;
    ch_bot_begin(bot, status, lines, (int64_t)body.size);
    ch_bot_add(bot, body);
    ch_bot_end(bot);
}

void ch_way_answer_problem(ch_way *way, const ch_error *problem, unsigned http_status)
{
    ch_autorefusal refusal = ch_refusal_of(problem, http_status);
    answer(way, refusal.status, ch_buffer_slice(&refusal.lines), ch_buffer_slice(&refusal.body));
}

/* ---- in the exchange's shape ---- */

static ch_records shapes_of(const ch_way *way)
{
    return way->said.says == CH_AGENT_SIGNED && way->said.shapes.count > 0
               ? way->said.shapes
               : ch_turns_errors(way->requests->turns, way->wire.key, way->caller).shapes;
}

/* The shapes are of the key; the id in them stands for that of any request. */
static void fill_in_id(ch_slice body, const char *id, ch_buffer *out)
{
    ch_buffer_add_slice(out, body);
    (void)ch_buffer_text(out);
    for (char *at = (char *)out->data; (at = strstr(at, NO_ID)) != NULL; at += CH_DRAWN_SIZE)
        memcpy(at, id, strlen(id));
}

void ch_way_answer_error(ch_way *way, ch_way_error which, const ch_error *why)
{
    /* clang-format off */
    static const struct {
        size_t shape;
        unsigned http_status;
    } errors[] = {
        [CH_ERROR_NOT_SENT] = { CH_SHAPE_NOT_SENT, 503 },
        [CH_ERROR_UNKNOWN]  = { CH_SHAPE_UNKNOWN,  504 },
    };
    /* clang-format on */
    ch_shape shape;
    ch_autobuffer body = CH_BUFFER_INIT;
    if (way->bot == NULL)
        return;
    ch_autorefusal refusal = ch_refusal_of(why, errors[which].http_status);
    if (ch_shape_read(shapes_of(way), errors[which].shape, &shape)) {
        ch_buffer_add_slice(&shape.lines, ch_slice_after(ch_buffer_slice(&refusal.lines), refusal.problem_at));
        fill_in_id(shape.body, way->id, &body);
        answer(way, shape.status, ch_buffer_slice(&shape.lines), ch_buffer_slice(&body));
    } else {
        answer(way, refusal.status, ch_buffer_slice(&refusal.lines), ch_buffer_slice(&refusal.body));
    }
    ch_buffer_free(&shape.lines);
}

/* ---- the agent's refusals ---- */

/* Clients take 2xx and 423 for success, and 403 for a fault that passes; so a refusal is 422, whatever it is for. What
 * may be asked again soon stays what it is. */
static unsigned plain_status(unsigned status)
{
    return status == 429 || status >= 500 ? 503 : 422;
}

static void answer_plainly(ch_way *way, ch_buffer *lines)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    unsigned status = plain_status(way->said.http_status);
    ch_buffer_add_text(lines, "Content-Type: application/problem+json\r\n");
    ch_agent_answer_add_document(&way->said, status, &document);
    answer(way, status, ch_buffer_slice(lines), ch_buffer_slice(&document));
}

void ch_way_answer_refusal(ch_way *way)
{
    ch_autobuffer document = CH_BUFFER_INIT;
    ch_shape shape;
    if (way->bot == NULL)
        return;
    bool has_shape = ch_shape_read(way->said.shapes, 0, &shape);
    ch_agent_answer_add_document(&way->said, 0, &document);
    ch_problem_header_add(&shape.lines, ch_buffer_slice(&document));
    if (way->said.retry_after_s > 0)
        ch_buffer_add_format(&shape.lines, "Retry-After: %u\r\n", way->said.retry_after_s);
    if (has_shape)
        answer(way, shape.status, ch_buffer_slice(&shape.lines), shape.body);
    else
        answer_plainly(way, &shape.lines);
    ch_buffer_free(&shape.lines);
}

/* ---- again ---- */

void ch_way_answer_recorded(ch_way *way, const ch_outcome *outcome)
{
    ch_autobuffer lines = CH_BUFFER_INIT;
    ch_error why = CH_ERROR_INIT;
    if (outcome->state == CH_OUTCOME_ANSWERED && outcome->is_whole) {
        ch_buffer_add_slice(&lines, ch_buffer_slice(&outcome->lines));
        ch_buffer_add_text(&lines, RECORDED);
        answer(way, outcome->status, ch_buffer_slice(&lines), ch_buffer_slice(&outcome->body));
    } else if (outcome->state == CH_OUTCOME_NOT_SENT) {
        (void)ch_fail(&why, CH_UNAVAILABLE, "the same request came a moment ago, and was not sent; it may come again");
        ch_way_answer_error(way, CH_ERROR_NOT_SENT, &why);
    } else {
        (void)ch_fail(&why, CH_CONFLICT,
                      "the same request was sent before, and its answer is not known here; it was not sent again: look "
                      "at the exchange");
        ch_way_answer_error(way, CH_ERROR_UNKNOWN, &why);
    }
}

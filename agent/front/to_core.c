/* A row for each question: the function that reads the request and writes the frame. */
#include "agent/front/to_core.h"

#include "base/encode.h"
#include "wire/frames.h"

/* A request, and where its frame goes. */
typedef struct asked {
    const ch_http_request *request;
    ch_question question;
    const ch_route_what *what;
    ch_buffer *out;
} asked;

/* As it is sent. */
static ch_status check_repeat_key(const ch_http_request *request, ch_error *err)
{
    ch_slice key = request->repeat_key;
    if (!request->has_repeat_key || (key.size > 0 && key.size <= CH_REPEAT_KEY_MAX && ch_slice_is_visible(key)))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "Idempotency-Key must be 1 to %d visible ASCII characters", CH_REPEAT_KEY_MAX);
}

/* A check leaves nothing behind that could be repeated. */
static ch_status ask_sign(ch_to_core *self, const asked *of, ch_error *err)
{
    const ch_http_request *request = of->request;
    CH_TRY(check_repeat_key(request, err));
    CH_TRY(ch_ask_read(&self->ask, request->body, err));
    ch_sign_frame *sign = &self->ask.sign;
    sign->is_check = of->question == CH_ASK_CHECK;
    if (!sign->is_check)
        sign->repeat_key = request->repeat_key;
    sign->connection = request->connection;
    sign->key = of->what->name;
    return ch_sign_frame_put(of->out, request->id, sign, err);
}

static ch_status ask_limits(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_get_limits_frame get = {.connection = of->request->connection, .key = of->what->name};
    return ch_get_limits_frame_put(of->out, of->request->id, &get, err);
}

static ch_status ask_keys(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_query page;
    CH_TRY(ch_query_read(of->request->query, of->question, &page, err));
    ch_list_keys_frame list = {.connection = of->request->connection, .limit = page.limit, .after = page.after};
    return ch_list_keys_frame_put(of->out, of->request->id, &list, err);
}

static ch_status ask_report(ch_to_core *self, const asked *of, ch_error *err)
{
    CH_TRY(ch_report_read_prices(&self->report, of->request->body, err));
    self->report.prices.connection = of->request->connection;
    return ch_put_prices_frame_put(of->out, of->request->id, &self->report.prices, err);
}

static ch_status ask_prices(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_query page;
    ch_autobuffer after = CH_BUFFER_INIT;
    CH_TRY(ch_query_read(of->request->query, of->question, &page, err));
    if (ch_decode(&after, CH_ENCODE_BASE64URL, page.after, err) != CH_OK)
        return ch_fail(err, CH_BAD_INPUT, "after must be what \"next\" was, to the byte");
    ch_list_prices_frame list = {
        .connection = of->request->connection, .limit = page.limit, .after = ch_buffer_slice(&after)};
    return ch_list_prices_frame_put(of->out, of->request->id, &list, err);
}

static ch_status ask_release(ch_to_core *self, const asked *of, ch_error *err)
{
    CH_TRY(ch_report_read_outcome(&self->report, of->request->body, err));
    ch_release_frame release = {
        .connection = of->request->connection, .reservation = of->what->id, .is_closed = self->report.is_closed};
    return ch_release_frame_put(of->out, of->request->id, &release, err);
}

static ch_status ask_request(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_query query;
    CH_TRY(ch_query_read(of->request->query, of->question, &query, err));
    ch_get_request_frame get = {.connection = of->request->connection, .request = of->what->id, .wait_s = query.wait_s};
    return ch_get_request_frame_put(of->out, of->request->id, &get, err);
}

/* The path says it all: core keeps the request as it was asked for. */
static ch_status ask_fetch(ch_to_core *self, const asked *of, ch_error *err)
{
    ch_fetch_frame fetch = {.connection = of->request->connection, .request = of->what->id};
    if (of->request->body.size > 0)
        CH_TRY(ch_report_read_nothing(&self->report, of->request->body, err));
    return ch_fetch_frame_put(of->out, of->request->id, &fetch, err);
}

static ch_status ask_withdraw(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_withdraw_frame withdraw = {.connection = of->request->connection, .request = of->what->id};
    return ch_withdraw_frame_put(of->out, of->request->id, &withdraw, err);
}

static ch_status ask_status(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    ch_query query;
    CH_TRY(ch_query_read(of->request->query, of->question, &query, err));
    ch_get_status_frame get = {.connection = of->request->connection, .key = query.key};
    return ch_get_status_frame_put(of->out, of->request->id, &get, err);
}

static ch_status ask_time(ch_to_core *self, const asked *of, ch_error *err)
{
    (void)self;
    return ch_get_time_frame_put(of->out, of->request->id, &(ch_get_time_frame){}, err);
}

/* clang-format off */
static ch_status (*const askers[CH_ASK_COUNT])(ch_to_core *self, const asked *of, ch_error *err) = {
    /* question            asked by */
    [CH_ASK_SIGN]       = ask_sign,
    [CH_ASK_CHECK]      = ask_sign,
    [CH_ASK_LIMITS]     = ask_limits,
    [CH_ASK_KEYS]       = ask_keys,
    [CH_ASK_PUT_PRICES] = ask_report,
    [CH_ASK_PRICES]     = ask_prices,
    [CH_ASK_RELEASE]    = ask_release,
    [CH_ASK_REQUEST]    = ask_request,
    [CH_ASK_FETCH]      = ask_fetch,
    [CH_ASK_WITHDRAW]   = ask_withdraw,
    [CH_ASK_STATUS]     = ask_status,
    [CH_ASK_METRICS]    = ask_status,
    [CH_ASK_TIME]       = ask_time,
    [CH_ASK_READY]      = ask_status,
};
/* clang-format on */

ch_status ch_to_core_put(ch_to_core *self, const ch_http_request *request, const ch_route *route,
                         const ch_route_what *what, ch_buffer *out, ch_error *err)
{
    const asked of = {.request = request, .question = route->question, .what = what, .out = out};
    if (askers[route->question] == NULL)
        return ch_fail(err, CH_INTERNAL, "the table of questions lacks a row");
    return askers[route->question](self, &of, err);
}

void ch_to_core_free(ch_to_core *self)
{
    ch_ask_free(&self->ask);
    ch_report_free(&self->report);
}

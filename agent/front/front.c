/* One turn of the loop: sleep, take every packet of core, run HTTP once (which sends those replies and reads new
 * requests), send the new frames. Waking up is what costs, so everything that is ready is done in a turn; but of many
 * requests the first few go to core at once, so that it and the token are at work while the rest is read. */
#include "agent/front/front.h"

#include "agent/front/ask.h"
#include "agent/front/http.h"
#include "agent/front/metrics.h"
#include "agent/front/reply.h"
#include "agent/front/routes.h"
#include "agent/pace.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/channel.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define REPLY_SIZE_HINT 1024
#define REPEAT_KEY_MAX 128 /* core takes no longer ones */
#define BURST_NS 2000000
#define ASKED_TOGETHER 8 /* requests that go to core in one packet */

typedef struct front {
    ch_channel core;
    ch_http *http;
    ch_ask ask;
    ch_receiving state;
    size_t asked;     /* requests so far */
    ch_pace pace;     /* of our own work, in ns; a_second is 0 unless core set a pace */
    uint64_t rest_ns; /* until then HTTP does not run; 0: no rest */
    const ch_gaps *gaps;
} front;

/* ---- requests ---- */

static void answer_with(front *self, uint64_t request, unsigned http_status, const char *content_type, ch_buffer *body)
{
    ch_http_reply reply = {.status = http_status, .content_type = content_type, .body = *body};
    ch_http_send(self->http, request, &reply);
}

static void answer_json(front *self, uint64_t request, unsigned http_status, ch_buffer *body)
{
    answer_with(self, request, http_status, "application/json", body);
}

static void answer_probe(front *self, uint64_t request, bool is_well, const char *text)
{
    ch_buffer body = CH_BUFFER_INIT;
    ch_buffer_add_format(&body, "{\"status\":\"%s\"}\n", text);
    answer_json(self, request, is_well ? 200 : 503, &body);
}

/* Visible ASCII, as it is sent. */
static ch_status check_repeat_key(const ch_http_request *request, ch_error *err)
{
    ch_slice text = request->repeat_key;
    size_t i = 0;
    while (i < text.size && text.data[i] > 0x20 && text.data[i] < 0x7f)
        i++;
    if (!request->has_repeat_key || (i == text.size && i > 0 && i <= REPEAT_KEY_MAX))
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT, "Idempotency-Key must be 1 to %d visible ASCII characters", REPEAT_KEY_MAX);
}

static ch_status ask_sign(front *self, const ch_http_request *request, ch_slice key, ch_error *err)
{
    CH_TRY(check_repeat_key(request, err));
    CH_TRY(ch_ask_read(&self->ask, request->body, err));
    self->ask.sign.repeat_key = request->repeat_key;
    self->ask.sign.connection = request->connection;
    self->ask.sign.key = key;
    return ch_sign_frame_put(ch_channel_out(&self->core), request->id, &self->ask.sign, err);
}

static ch_status ask_keys(front *self, const ch_http_request *request, ch_error *err)
{
    ch_query page;
    CH_TRY(ch_query_read(request->query, CH_ASK_KEYS, &page, err));
    ch_list_keys_frame list = {.connection = request->connection, .limit = page.limit, .after = page.after};
    return ch_list_keys_frame_put(ch_channel_out(&self->core), request->id, &list, err);
}

static ch_status ask_status(front *self, const ch_http_request *request, ch_question question, ch_error *err)
{
    ch_query query;
    CH_TRY(ch_query_read(request->query, question, &query, err));
    ch_get_status_frame get = {.connection = request->connection, .key = query.key};
    return ch_get_status_frame_put(ch_channel_out(&self->core), request->id, &get, err);
}

/* Sends a frame to core, or an answer at once. */
static ch_status ask(front *self, const ch_http_request *request, const ch_route *route, ch_slice key, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&self->core);
    switch (route->question) {
    case CH_ASK_SIGN:
        return ask_sign(self, request, key, err);
    case CH_ASK_KEYS:
        return ask_keys(self, request, err);
    case CH_ASK_STATUS:
    case CH_ASK_METRICS:
    case CH_ASK_READY:
        return ask_status(self, request, route->question, err);
    case CH_ASK_TIME:
        return ch_get_time_frame_put(out, request->id, &(ch_get_time_frame){}, err);
    case CH_ASK_HEALTH:
        answer_probe(self, request->id, true, "ok");
        return CH_OK;
    }
    return ch_fail(err, CH_INTERNAL, "the table of routes has a row without a meaning");
}

static void refuse(front *self, uint64_t request, const ch_error *problem, const ch_route *route)
{
    ch_http_reply reply = ch_http_problem(problem, 0, CH_LITERAL(""));
    if (problem->status == CH_BAD_METHOD && route != NULL) {
        reply.header = "Allow";
        reply.header_value = route->method;
    }
    ch_http_send(self->http, request, &reply);
}

static void on_request(void *context, ch_http_request *request)
{
    front *self = context;
    ch_error err = CH_ERROR_INIT;
    ch_slice key;
    const ch_route *route = NULL;
    ch_status st = ch_route_find(request->method, request->path, &route, &key, &err);
    request->purpose = route;
    if (st == CH_OK)
        st = ask(self, request, route, key, &err);
    if (st != CH_OK)
        refuse(self, request->id, &err, route);
    if (++self->asked % ASKED_TOGETHER == 0)
        ch_ignore(ch_channel_flush(&self->core, &err)); /* if it fails, so does the loop's own */
}

static bool takes_query(void *context, ch_slice path)
{
    (void)context;
    return ch_route_takes_query(path);
}

static void on_closed(void *context, uint64_t connection)
{
    front *self = context;
    ch_error err = CH_ERROR_INIT;
    if (ch_closed_frame_put(ch_channel_out(&self->core), connection, &(ch_closed_frame){}, &err) != CH_OK)
        ch_log("%s", err.message);
}

/* ---- frames of core ---- */

static ch_status take_start(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    ch_front_start_frame start;
    CH_TRY(ch_front_start_frame_get(frame, &start, err));
    if (start.version != CH_FRAMES_VERSION)
        return ch_fail(err, CH_INTERNAL,
                       "core speaks version %u of the frames, this process version %d; both must be of one build",
                       start.version, CH_FRAMES_VERSION);
    self->state = CH_WHILE_SERVING;
    return ch_front_ready_frame_put(ch_channel_out(&self->core), 0, &(ch_front_ready_frame){.gaps = self->gaps->list},
                                    err);
}

/* A connection that cannot be served is closed and reported as such; the process goes on. */
static ch_status take_connection(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    front *self = context;
    ch_connection_frame connection;
    ch_error why = CH_ERROR_INIT;
    CH_TRY(ch_connection_frame_get(frame, &connection, err));
    int adopted = *fd;
    *fd = -1;
    ch_status st = adopted < 0 ? ch_fail(&why, CH_BUSY, "no descriptor was left for a connection")
                               : ch_http_adopt(self->http, adopted, frame->id, &why);
    if (st == CH_OK)
        return CH_OK;
    ch_log("%s", why.message);
    on_closed(self, frame->id);
    return CH_OK;
}

/* Core needs the room, and has forgotten the connection already. */
static ch_status take_close(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    ch_close_frame order;
    CH_TRY(ch_close_frame_get(frame, &order, err));
    ch_http_close(self->http, frame->id);
    return CH_OK;
}

static ch_status take_ping(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    ch_ping_frame ping;
    CH_TRY(ch_ping_frame_get(frame, &ping, err));
    return ch_pong_frame_put(ch_channel_out(&self->core), 0, &(ch_pong_frame){}, err);
}

static ch_status take_pace(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    ch_pace_frame order;
    CH_TRY(ch_pace_frame_get(frame, &order, err));
    self->pace = (ch_pace){.a_second = (uint64_t)order.permille * 1000000, .burst = BURST_NS};
    return CH_OK;
}

static ch_status take_signed(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_signed_frame answer;
    ch_buffer body = CH_BUFFER_INIT;
    CH_TRY(ch_signed_frame_get(frame, &answer, err));
    ch_buffer_reserve(&body, REPLY_SIZE_HINT);
    ch_reply_add_signed(&body, &answer);
    answer_json(context, frame->id, 200, &body);
    return CH_OK;
}

static ch_status take_signature(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_signature_only_frame answer;
    ch_buffer body = CH_BUFFER_INIT;
    CH_TRY(ch_signature_only_frame_get(frame, &answer, err));
    ch_reply_add_signature(&body, &answer);
    answer_json(context, frame->id, 200, &body);
    return CH_OK;
}

static ch_status take_key_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_key_list_frame answer;
    ch_buffer body = CH_BUFFER_INIT;
    CH_TRY(ch_key_list_frame_get(frame, &answer, err));
    ch_reply_add_key_list(&body, &answer);
    answer_json(context, frame->id, 200, &body);
    return CH_OK;
}

/* What a request has asked; of one that is no more, any answer is dropped. */
static ch_question question_of(front *self, uint64_t id)
{
    const ch_http_request *request = ch_http_find(self->http, id);
    const ch_route *route = request == NULL ? NULL : request->purpose;
    return route == NULL ? CH_ASK_STATUS : route->question;
}

/* One frame answers three questions. */
static void answer_status(front *self, uint64_t request, const ch_status_is_frame *status)
{
    ch_buffer body = CH_BUFFER_INIT;
    switch (question_of(self, request)) {
    case CH_ASK_READY:
        answer_probe(self, request, status->is_ready, status->is_ready ? "ready" : "not ready");
        return;
    case CH_ASK_METRICS:
        ch_metrics_add(&body, status);
        answer_with(self, request, 200, CH_METRICS_CONTENT_TYPE, &body);
        return;
    default:
        ch_reply_add_status(&body, status);
        answer_json(self, request, 200, &body);
    }
}

static ch_status take_status(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_status_is_frame status;
    CH_TRY(ch_status_is_frame_get(frame, &status, err));
    answer_status(context, frame->id, &status);
    return CH_OK;
}

static ch_status take_time(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_time_is_frame answer;
    ch_buffer body = CH_BUFFER_INIT;
    CH_TRY(ch_time_is_frame_get(frame, &answer, err));
    ch_reply_add_time(&body, &answer);
    answer_json(context, frame->id, 200, &body);
    return CH_OK;
}

static ch_status take_failed(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    ch_failed_frame answer;
    char seconds[16];
    CH_TRY(ch_failed_frame_get(frame, &answer, err));
    ch_http_reply reply = ch_http_problem(&answer.why, 0, answer.step);
    snprintf(seconds, sizeof seconds, "%u", answer.retry_after_s);
    if (answer.retry_after_s > 0) {
        reply.header = "Retry-After";
        reply.header_value = seconds;
    }
    ch_http_send(self->http, frame->id, &reply);
    return CH_OK;
}

static unsigned state_of(const void *context)
{
    const front *self = context;
    return self->state;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                    taken by */
    { CH_FRAME_SIGNED,          take_signed },
    { CH_FRAME_SIGNATURE_ONLY,  take_signature },
    { CH_FRAME_FAILED,          take_failed },
    { CH_FRAME_CONNECTION,      take_connection },
    { CH_FRAME_CLOSE,           take_close },
    { CH_FRAME_PING,            take_ping },
    { CH_FRAME_PACE,            take_pace },
    { CH_FRAME_KEY_LIST,        take_key_list },
    { CH_FRAME_STATUS_IS,       take_status },
    { CH_FRAME_TIME_IS,         take_time },
    { CH_FRAME_FRONT_START,     take_start },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_CORE_TO_FRONT,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* As many as are there; after the answer to the last request it does not look for more, because none is likely. */
static ch_status take_packets(front *self, ch_error *err)
{
    bool is_last = false;
    while (!is_last) {
        ch_packet packet;
        size_t waiting = ch_http_waiting(self->http);
        CH_TRY(ch_channel_receive(&self->core, &packet, err));
        if (packet.bytes.size == 0)
            return CH_OK;
        CH_TRY(ch_packet_take(&packet, &receiver, self, err));
        is_last = waiting > 0 && ch_http_waiting(self->http) == 0;
    }
    return CH_OK;
}

/* ---- the loop ---- */

/* What this process has done. Waiting awake is no work. */
static uint64_t work_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* Rests after work that began when `begun_ns` had been done, if it was too much. 0: the pace was not set yet. */
static void keep_pace(front *self, uint64_t begun_ns)
{
    uint64_t now_ns = ch_clock_ns();
    if (self->pace.a_second == 0 || begun_ns == 0)
        return;
    ch_pace_spend(&self->pace, now_ns, work_ns() - begun_ns);
    uint64_t wait_ns = ch_pace_wait_ns(&self->pace, now_ns);
    self->rest_ns = wait_ns == 0 ? 0 : now_ns + wait_ns;
}

/* In milliseconds, rounded up; 0 if there is no rest, or it is over. */
static int rest_left_ms(const front *self)
{
    uint64_t now_ns = self->rest_ns == 0 ? 0 : ch_clock_ns();
    return self->rest_ns <= now_ns ? 0 : (int)((self->rest_ns - now_ns) / 1000000) + 1;
}

/* Sleeps until core or a client has something; the one place that decides how long. Returns whether core has. It never
 * waits awake: core and the token do so for a lone request, and a third would be in their way on two processors. */
static bool wait_for_core(const front *self)
{
    struct pollfd fds[] = {
        {.fd = self->core.fd,          .events = POLLIN},
        {.fd = ch_http_fd(self->http), .events = POLLIN},
    };
    if (ch_channel_pending(&self->core) > 0)
        fds[0].events |= POLLOUT;
    bool is_resting = self->rest_ns != 0;
    int ready = is_resting ? poll(fds, 1, rest_left_ms(self)) : poll(fds, 2, ch_http_timeout_ms(self->http));
    return ready > 0 && (fds[0].revents & ~POLLOUT) != 0;
}

/* A core that went away is the orderly end, whichever call sees it first. */
static ch_status flush_core(front *self, ch_error *err)
{
    ch_status st = ch_channel_flush(&self->core, err);
    if (st != CH_IO)
        return st;
    ch_error last = CH_ERROR_INIT;
    return take_packets(self, &last) == CH_UNAVAILABLE ? CH_UNAVAILABLE : st;
}

static ch_status serve_turn(front *self, bool has_packets, ch_error *err)
{
    if (has_packets)
        CH_TRY(take_packets(self, err));
    if (rest_left_ms(self) == 0) {
        self->rest_ns = 0; /* only here: replies that came during the rest are sent by this run, and wake nobody */
        ch_http_run(self->http);
    }
    return flush_core(self, err);
}

static ch_status serve(front *self, ch_error *err)
{
    for (;;) {
        bool has_packets = wait_for_core(self);
        uint64_t begun_ns = self->pace.a_second == 0 ? 0 : work_ns();
        CH_TRY(serve_turn(self, has_packets, err));
        keep_pace(self, begun_ns);
    }
}

static ch_status start(front *self, ch_error *err)
{
    ch_http_owner owner = {
        .context = self, .on_request = on_request, .on_closed = on_closed, .takes_query = takes_query};
    CH_TRY(ch_ask_init(err));
    CH_TRY(ch_http_new(&owner, &self->http, err));
    return serve(self, err);
}

int ch_front_run(int core_fd, const ch_gaps *gaps)
{
    front self = {.state = CH_WHILE_STARTING, .gaps = gaps};
    ch_error err = CH_ERROR_INIT;
    signal(SIGPIPE, SIG_IGN);
    ch_channel_open(&self.core, core_fd);
    ch_status st = start(&self, &err);
    ch_http_free(self.http);
    ch_ask_free(&self.ask);
    ch_channel_close(&self.core);
    if (st == CH_UNAVAILABLE)
        return 0;
    ch_log("%s", err.message);
    return 1;
}

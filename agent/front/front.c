/* One turn of the loop: sleep, take every packet of core, run HTTP once (which sends those replies and reads new
 * requests), send the new frames. Waking up is what costs, so everything that is ready is done in a turn; but of many
 * requests the first few go to core at once, so that it and the token are at work while the rest is read. */
#include "agent/front/front.h"

#include "agent/front/body.h"
#include "agent/front/from_core.h"
#include "agent/front/http.h"
#include "agent/front/routes.h"
#include "agent/front/to_core.h"
#include "agent/pace.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/channel.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#define BURST_NS 2000000
#define ASKED_TOGETHER 8 /* requests that go to core in one packet */

typedef struct front {
    ch_channel core;
    ch_http *http;
    ch_to_core to_core;
    ch_receiving state;
    size_t asked;     /* requests so far */
    ch_pace pace;     /* of our own work, in ns; a_second is 0 unless core set a pace */
    uint64_t rest_ns; /* until then HTTP does not run; 0: no rest */
    const ch_gaps *gaps;
} front;

/* ---- requests ---- */

static void answer_health(front *self, uint64_t request)
{
    ch_http_reply reply = {.status = 200, .content_type = "application/json"};
    ch_buffer_add_text(&reply.body, "{\"status\":\"ok\"}\n");
    ch_http_send(self->http, request, &reply);
}

/* Sends a frame to core, or an answer at once. */
static ch_status ask(front *self, ch_http_request *request, ch_error *err)
{
    const ch_route *route;
    ch_route_what what;
    CH_TRY(ch_route_find(request->method, request->path, &route, &what, err));
    request->purpose = route;
    if (route->question != CH_ASK_HEALTH)
        return ch_to_core_put(&self->to_core, request, route, &what, ch_channel_out(&self->core), err);
    answer_health(self, request->id);
    return CH_OK;
}

static void refuse(front *self, const ch_http_request *request, const ch_error *problem)
{
    ch_autobuffer methods = CH_BUFFER_INIT;
    ch_http_reply reply = ch_http_problem(problem, 0, NULL);
    if (problem->status == CH_BAD_METHOD) {
        ch_route_add_methods(request->path, &methods);
        reply.header = "Allow";
        reply.header_value = ch_buffer_text(&methods);
    }
    ch_http_send(self->http, request->id, &reply);
}

static void on_request(void *context, ch_http_request *request)
{
    front *self = context;
    ch_error err = CH_ERROR_INIT;
    if (ask(self, request, &err) != CH_OK)
        refuse(self, request, &err);
    if (++self->asked % ASKED_TOGETHER == 0)
        ch_ignore(ch_channel_flush(&self->core, &err)); /* if it fails, so does the loop's own */
}

static bool takes_query(void *context, ch_slice method, ch_slice path)
{
    (void)context;
    return ch_route_takes_query(method, path);
}

static bool needs_no_body(void *context, ch_slice method, ch_slice path)
{
    (void)context;
    return ch_route_needs_no_body(method, path);
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

static ch_status take_answer(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    front *self = context;
    return ch_from_core_take(self->http, frame, err);
}

static unsigned state_of(const void *context)
{
    const front *self = context;
    return self->state;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                    taken by */
    { CH_FRAME_SIGNED,          take_answer },
    { CH_FRAME_SIGNATURE_ONLY,  take_answer },
    { CH_FRAME_FAILED,          take_answer },
    { CH_FRAME_CHECKED,         take_answer },
    { CH_FRAME_LIMITS_ARE,      take_answer },
    { CH_FRAME_PRICES_TAKEN,    take_answer },
    { CH_FRAME_PRICES_ARE,      take_answer },
    { CH_FRAME_RELEASED,        take_answer },
    { CH_FRAME_REQUEST_IS,      take_answer },
    { CH_FRAME_KEY_LIST,        take_answer },
    { CH_FRAME_STATUS_IS,       take_answer },
    { CH_FRAME_TIME_IS,         take_answer },
    { CH_FRAME_CONNECTION,      take_connection },
    { CH_FRAME_CLOSE,           take_close },
    { CH_FRAME_PING,            take_ping },
    { CH_FRAME_PACE,            take_pace },
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
    ch_http_owner owner = {.context = self,
                           .on_request = on_request,
                           .on_closed = on_closed,
                           .takes_query = takes_query,
                           .needs_no_body = needs_no_body};
    CH_TRY(ch_body_init(err));
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
    ch_to_core_free(&self.to_core);
    ch_channel_close(&self.core);
    if (st == CH_UNAVAILABLE)
        return 0;
    ch_log("%s", err.message);
    return 1;
}

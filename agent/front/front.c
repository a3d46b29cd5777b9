/* One turn of the loop: sleep, take every packet of core, run HTTP once (which sends those replies and reads new
 * requests), send the new frames. Waking up is what costs, so everything that is ready is done in a turn; but of many
 * requests the first few go to core at once, so that it and the token are at work while the rest is read.
 *
 * States. STARTING takes CH_FRAME_FRONT_START and nothing else; SERVING takes what the table `handlers` lists. A frame
 * that the state does not take, or that is malformed, ends the process: core starts another. */
#include "agent/front/front.h"

#include "wire/frame.h"
#include "agent/front/http.h"
#include "agent/front/json.h"
#include "base/clock.h"
#include "base/names.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REPLY_SIZE_HINT 1024
#define AWAKE_NS 100000
#define ASKED_TOGETHER 4 /* requests that go to core in one packet */

typedef struct ch_front {
    ch_channel core;
    ch_http *http;
    bool is_serving;
    size_t asked; /* requests so far */
} ch_front;

/* ---- requests ---- */

typedef struct ch_route {
    const char *method;
    const char *path;
    const char *suffix; /* NULL: `path` is all; else a key name stands between the two */
    /* Sends a frame to core, or an answer at once. */
    ch_status (*ask)(ch_front *front, const ch_http_request *request, ch_slice key, ch_error *err);
    bool is_probe; /* the answer is in the HTTP status */
} ch_route;

static ch_status answer_health(ch_front *front, const ch_http_request *request, ch_slice key, ch_error *err)
{
    (void)key;
    (void)err;
    ch_http_reply reply = {.status = 200, .content_type = "application/json", .body = CH_BUFFER_INIT};
    ch_buffer_add_text(&reply.body, "{\"status\":\"ok\"}\n");
    ch_http_send(front->http, request->id, &reply);
    return CH_OK;
}

static ch_status ask_plain(ch_front *front, ch_frame_type type, const ch_http_request *request, ch_error *err)
{
    ch_buffer *out = ch_channel_out(&front->core);
    size_t begin = ch_frame_begin(out, type, request->id);
    ch_frame_u64(out, request->connection);
    return ch_frame_end(out, begin, err);
}

static ch_status ask_status(ch_front *front, const ch_http_request *request, ch_slice key, ch_error *err)
{
    (void)key;
    return ask_plain(front, CH_FRAME_GET_STATUS, request, err);
}

static ch_status ask_keys(ch_front *front, const ch_http_request *request, ch_slice key, ch_error *err)
{
    (void)key;
    return ask_plain(front, CH_FRAME_LIST_KEYS, request, err);
}

static ch_status ask_sign(ch_front *front, const ch_http_request *request, ch_slice key, ch_error *err)
{
    return ch_json_to_sign(ch_channel_out(&front->core), request->id, request->connection, key, request->body, err);
}

static const ch_route routes[] = {
    {"POST", "/v1/keys/",  "/sign", ask_sign,      false},
    {"GET",  "/v1/keys",   NULL,    ask_keys,      false},
    {"GET",  "/v1/status", NULL,    ask_status,    false},
    {"GET",  "/readyz",    NULL,    ask_status,    true },
    {"GET",  "/healthz",   NULL,    answer_health, true },
};
#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

static bool route_fits(const ch_route *route, ch_slice path, ch_slice *key)
{
    *key = CH_LITERAL("");
    if (route->suffix == NULL)
        return ch_slice_is(path, route->path);
    size_t before = strlen(route->path);
    size_t after = strlen(route->suffix);
    if (path.size < before + after || memcmp(path.data, route->path, before) != 0 ||
        memcmp(path.data + path.size - after, route->suffix, after) != 0)
        return false;
    *key = (ch_slice){path.data + before, path.size - before - after};
    return ch_is_name(*key);
}

static const ch_route *find_route(ch_slice path, ch_slice *key)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (route_fits(&routes[i], path, key))
            return &routes[i];
    }
    return NULL;
}

static void refuse(ch_front *front, uint64_t request, const ch_error *problem, const ch_route *route)
{
    ch_http_reply reply = ch_http_problem(problem, 0);
    if (problem->status == CH_BAD_METHOD && route != NULL) {
        reply.header = "Allow";
        reply.header_value = route->method;
    }
    ch_http_send(front->http, request, &reply);
}

static void on_request(void *context, ch_http_request *request)
{
    ch_front *front = context;
    ch_error err = CH_ERROR_INIT;
    ch_slice key;
    const ch_route *route = find_route(request->path, &key);
    request->purpose = route;
    ch_status st;
    if (route == NULL)
        st = ch_fail(&err, CH_NOT_FOUND,
                     "there is nothing at this path; docs/openapi.yaml lists those that are, and a "
                     "key's name is of a-z, 0-9, '.', '_' and '-'");
    else if (!ch_slice_is(request->method, route->method))
        st = ch_fail(&err, CH_BAD_METHOD, "this path takes %s only", route->method);
    else
        st = route->ask(front, request, key, &err);
    if (st != CH_OK)
        refuse(front, request->id, &err, route);
    if (++front->asked % ASKED_TOGETHER == 0)
        (void)!ch_channel_flush(&front->core, &err); /* if it fails, so does the loop's own */
}

static void on_closed(void *context, uint64_t connection)
{
    ch_front *front = context;
    ch_buffer *out = ch_channel_out(&front->core);
    ch_error err = CH_ERROR_INIT;
    size_t begin = ch_frame_begin(out, CH_FRAME_CLOSED, connection);
    if (ch_frame_end(out, begin, &err) != CH_OK)
        (void)fprintf(stderr, "chancery-agent: front: %s\n", err.message);
}

/* ---- frames of core ---- */

static ch_status fail_frame(const ch_frame *frame, ch_error *err)
{
    return ch_fail(err, CH_INTERNAL, "core sent a malformed frame of type %u", (unsigned)frame->type);
}

static ch_status take_start(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    uint32_t version = ch_frame_read_u32(frame);
    if (!ch_frame_done(frame))
        return fail_frame(frame, err);
    if (version != CH_FRAME_VERSION)
        return ch_fail(err, CH_INTERNAL,
                       "core speaks version %u of the frames, this process version %d: both have to be "
                       "of one build",
                       version, CH_FRAME_VERSION);
    front->is_serving = true;
    ch_buffer *out = ch_channel_out(&front->core);
    return ch_frame_end(out, ch_frame_begin(out, CH_FRAME_FRONT_READY, 0), err);
}

/* A connection that can't be served is closed and reported as such; the process goes on. */
static ch_status take_connection(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    if (!ch_frame_done(frame) || *fd < 0)
        return fail_frame(frame, err);
    int adopted = *fd;
    *fd = -1;
    ch_error why = CH_ERROR_INIT;
    if (ch_http_adopt(front->http, adopted, frame->id, &why) != CH_OK) {
        (void)fprintf(stderr, "chancery-agent: front: %s\n", why.message);
        on_closed(front, frame->id);
    }
    return CH_OK;
}

static ch_status send_json(ch_front *front, const ch_frame *frame, unsigned http_status, ch_buffer *body, ch_error *err)
{
    if (!ch_frame_done(frame)) {
        ch_buffer_free(body);
        return fail_frame(frame, err);
    }
    ch_http_reply reply = {.status = http_status, .content_type = "application/json", .body = *body};
    ch_http_send(front->http, frame->id, &reply);
    return CH_OK;
}

static ch_status take_signed(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_buffer body = CH_BUFFER_INIT;
    (void)ch_buffer_reserve(&body, REPLY_SIZE_HINT);
    ch_json_add_signed(&body, frame);
    return send_json(front, frame, 200, &body, err);
}

static ch_status take_signature(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_buffer body = CH_BUFFER_INIT;
    ch_json_add_signature(&body, frame);
    return send_json(front, frame, 200, &body, err);
}

static ch_status take_key_list(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_buffer body = CH_BUFFER_INIT;
    ch_json_add_key_list(&body, frame);
    return send_json(front, frame, 200, &body, err);
}

static ch_status take_status(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_buffer body = CH_BUFFER_INIT;
    bool is_ready = false;
    ch_json_add_status(&body, frame, &is_ready);
    const ch_http_request *request = ch_http_find(front->http, frame->id);
    const ch_route *route = request == NULL ? NULL : request->purpose;
    unsigned http_status = 200;
    if (route != NULL && route->is_probe) {
        ch_buffer_clear(&body);
        ch_buffer_add_text(&body, is_ready ? "{\"status\":\"ready\"}\n" : "{\"status\":\"not ready\"}\n");
        http_status = is_ready ? 200 : 503;
    }
    return send_json(front, frame, http_status, &body, err);
}

static ch_status take_failed(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_error problem = CH_ERROR_INIT;
    ch_status st = ch_frame_read_error(frame, &problem);
    uint32_t retry_after_s = ch_frame_read_u32(frame);
    if (st == CH_OK || !ch_frame_done(frame))
        return fail_frame(frame, err);
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    ch_http_reply reply = ch_http_problem(&problem, 0);
    if (retry_after_s > 0) {
        reply.header = "Retry-After";
        reply.header_value = seconds;
    }
    ch_http_send(front->http, frame->id, &reply);
    return CH_OK;
}

static const struct {
    ch_frame_type type;
    bool while_serving; /* else while starting */
    ch_status (*take)(ch_front *front, ch_frame *frame, int *fd, ch_error *err);
} handlers[] = {
    {CH_FRAME_SIGNED,         true,  take_signed    },
    {CH_FRAME_SIGNATURE_ONLY, true,  take_signature },
    {CH_FRAME_FAILED,         true,  take_failed    },
    {CH_FRAME_CONNECTION,     true,  take_connection},
    {CH_FRAME_KEY_LIST,       true,  take_key_list  },
    {CH_FRAME_STATUS_IS,      true,  take_status    },
    {CH_FRAME_FRONT_START,    false, take_start     },
};

static ch_status take_frame(ch_front *front, ch_frame *frame, int *fd, ch_error *err)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].type == frame->type && handlers[i].while_serving == front->is_serving)
            return handlers[i].take(front, frame, fd, err);
    }
    return ch_fail(err, CH_INTERNAL, "core sent a frame of type %u, which is not taken while %s", (unsigned)frame->type,
                   front->is_serving ? "serving" : "starting");
}

static ch_status take_packet(ch_front *front, ch_slice packet, int *fd, ch_error *err)
{
    ch_frame frame;
    while (ch_frame_next(&packet, &frame)) {
        ch_status st = take_frame(front, &frame, fd, err);
        if (st != CH_OK)
            return st;
    }
    if (packet.size != 0 || *fd >= 0)
        return ch_fail(err, CH_INTERNAL, "core sent a packet with something that belongs to no frame");
    return CH_OK;
}

static ch_status take_packets(ch_front *front, ch_error *err)
{
    for (;;) {
        ch_slice packet;
        int fd;
        ch_status st = ch_channel_receive(&front->core, &packet, &fd, err);
        if (st != CH_OK || packet.size == 0)
            return st;
        st = take_packet(front, packet, &fd, err);
        if (fd >= 0)
            (void)close(fd);
        if (st != CH_OK)
            return st;
    }
}

/* ---- the loop ---- */

/* A lone client asks again, and core answers it, sooner than a sleeping process is woken: both are looked for between
 * yields for a moment first, as core does for the token. */
static int wait_awake(const ch_front *front, struct pollfd *fds, nfds_t count)
{
    int ready = 0;
    uint64_t end_ns = ch_clock_ns() + AWAKE_NS;
    while (ch_http_waiting(front->http) <= 1 && ready == 0 && ch_clock_ns() < end_ns) {
        (void)sched_yield();
        ready = poll(fds, count, 0);
    }
    return ready;
}

/* Sleeps until core or a client has something; the one place that decides how long. */
static bool wait_for_core(const ch_front *front)
{
    struct pollfd fds[] = {
        {.fd = front->core.fd,          .events = POLLIN},
        {.fd = ch_http_fd(front->http), .events = POLLIN},
    };
    if (ch_channel_is_blocked(&front->core))
        fds[0].events |= POLLOUT;
    int ready = wait_awake(front, fds, 2);
    if (ready == 0)
        ready = poll(fds, 2, ch_http_timeout_ms(front->http));
    return ready > 0 && (fds[0].revents & ~POLLOUT) != 0;
}

/* A core that went away is the orderly end, whichever call sees it first. */
static ch_status flush_core(ch_front *front, ch_error *err)
{
    ch_status st = ch_channel_flush(&front->core, err);
    if (st != CH_IO)
        return st;
    ch_error last = CH_ERROR_INIT;
    return take_packets(front, &last) == CH_UNAVAILABLE ? CH_UNAVAILABLE : st;
}

static ch_status serve(ch_front *front, ch_error *err)
{
    for (;;) {
        ch_status st = wait_for_core(front) ? take_packets(front, err) : CH_OK;
        if (st != CH_OK)
            return st;
        ch_http_run(front->http);
        st = flush_core(front, err);
        if (st != CH_OK)
            return st;
    }
}

int ch_front_main(int core_fd)
{
    (void)signal(SIGPIPE, SIG_IGN);
    ch_front front = {.is_serving = false};
    ch_channel_open(&front.core, core_fd);
    ch_http_owner owner = {.context = &front, .on_request = on_request, .on_closed = on_closed};
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_json_init(&err);
    if (st == CH_OK)
        st = ch_http_new(&owner, &front.http, &err);
    if (st == CH_OK) {
        st = serve(&front, &err);
        ch_http_free(front.http);
    }
    ch_channel_close(&front.core);
    if (st == CH_UNAVAILABLE)
        return 0;
    (void)fprintf(stderr, "chancery-agent: front: %s\n", err.message);
    return 1;
}

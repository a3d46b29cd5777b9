/* A client's bytes on a socket, in pieces, to the real HTTP server. The first byte of an input says how large the
 * pieces are and how the owner answers: at once, with the next piece, or never; the rest are the bytes.
 *
 * Requests that reach the owner have passed every check of agent/front/http.h; each answer is HTTP; a connection that
 * ended is reported once, and nothing of it is left. */
#include "tests/fuzz/fuzz.h"

#include "agent/front/body.h"
#include "agent/front/http.h"
#include "agent/front/routes.h"
#include "agent/front/to_core.h"
#include "wire/frame.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUNS_MAX 200

typedef enum answer { ANSWER_NOW, ANSWER_LATER, ANSWER_NEVER, ANSWER_COUNT } answer;

static ch_http *http;
static uint64_t connection;
static answer how;
static uint64_t waiting; /* the request that is not answered yet, or 0 */
static unsigned closed;

static void answer_request(uint64_t id)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_REFUSED, "fuzz", "nothing is signed here");
    ch_http_reply reply = ch_http_problem(&problem, 0, NULL);
    reply.header = "Retry-After";
    reply.header_value = "1";
    ch_http_send(http, id, &reply);
}

/* The request becomes one frame, or none and a problem. */
static void ask_core(const ch_http_request *request)
{
    ch_error err = CH_ERROR_INIT;
    ch_to_core to_core = {.ask = {.tree = NULL}};
    ch_autobuffer packet = CH_BUFFER_INIT;
    const ch_route *route;
    ch_route_what what;
    ch_status st = ch_route_find(request->method, request->path, &route, &what, &err);
    if (st == CH_OK && route->question != CH_ASK_HEALTH)
        st = ch_to_core_put(&to_core, request, route, &what, &packet, &err);
    fuzz_check_error(st, &err);
    ch_frame frame;
    ch_slice rest = ch_buffer_slice(&packet);
    FUZZ_CHECK(packet.size == 0 || (st == CH_OK && ch_frame_next(&rest, &frame) && rest.size == 0));
    ch_to_core_free(&to_core);
}

static bool takes_query(void *context, ch_slice method, ch_slice path)
{
    (void)context;
    return ch_route_takes_query(method, path);
}

static void on_request(void *context, ch_http_request *request)
{
    (void)context;
    FUZZ_CHECK(waiting == 0 && request->connection == connection);
    FUZZ_CHECK(request->body.size <= CH_HTTP_BODY_MAX);
    FUZZ_CHECK(ch_slice_find(request->path, '?') == NULL && ch_slice_find(request->path, ' ') == NULL);
    FUZZ_CHECK(ch_http_find(http, request->id) == request);
    ask_core(request);
    if (how == ANSWER_NOW)
        answer_request(request->id);
    else
        waiting = request->id;
}

static void on_closed(void *context, uint64_t id)
{
    (void)context;
    FUZZ_CHECK(id == connection);
    closed++;
}

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    ch_http_owner owner = {.on_request = on_request, .on_closed = on_closed, .takes_query = takes_query};
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(ch_body_init(&err) == CH_OK && ch_http_new(&owner, &http, &err) == CH_OK);
    return 0;
}

/* ---- the client ---- */

typedef struct client {
    int fd;
    size_t received;
} client;

/* Reads what has come; answers start like HTTP. */
static void receive(client *at)
{
    static const char start[] = "HTTP/1.1 ";
    char bytes[4096];
    ssize_t got;
    while ((got = recv(at->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        size_t compared = (size_t)got < sizeof start - 1 ? (size_t)got : sizeof start - 1;
        FUZZ_CHECK(at->received > 0 || memcmp(bytes, start, compared) == 0);
        at->received += (size_t)got;
    }
}

static void run(client *at)
{
    ch_http_run(http);
    if (how == ANSWER_LATER && waiting != 0) {
        uint64_t id = waiting;
        waiting = 0;
        answer_request(id);
    } else if (waiting != 0 && ch_http_find(http, waiting) == NULL) {
        waiting = 0;
    }
    ch_http_run(http);
    receive(at);
}

static void send_in_pieces(client *at, ch_slice bytes, size_t piece)
{
    while (bytes.size > 0 && closed == 0) {
        size_t size = bytes.size < piece ? bytes.size : piece;
        if (send(at->fd, bytes.data, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
            break; /* its request waits, and nothing more is read from it */
        bytes = (ch_slice){bytes.data + size, bytes.size - size};
        run(at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    ch_error err = CH_ERROR_INIT;
    ch_slice input = {data, size};
    uint8_t mode = fuzz_take_byte(&input);
    size_t pieces = 1 + (mode >> 4);
    how = (answer)(mode & 0xf) % ANSWER_COUNT;
    waiting = 0;
    closed = 0;
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    FUZZ_CHECK(ch_http_adopt(http, ends[0], ++connection, &err) == CH_OK);
    client at = {.fd = ends[1]};
    send_in_pieces(&at, input, input.size / pieces + 1);
    run(&at);
    close(at.fd);
    for (unsigned i = 0; closed == 0; i++) {
        FUZZ_CHECK(i < RUNS_MAX);
        ch_http_run(http);
    }
    FUZZ_CHECK(closed == 1 && ch_http_waiting(http) == 0);
    return 0;
}

/* A client's bytes on a socket, in pieces, to the real HTTP server. The first byte of an input says how large the
 * pieces are and how the owner answers: at once, with the next piece, or never; the rest are the bytes.
 *
 * Requests that reach the owner have passed every check of agent/front/http.h; each answer is HTTP; a connection that
 * ended is reported once, and nothing of it is left. */
#include "tests/fuzz/fuzz.h"

#include "agent/front/ask.h"
#include "agent/front/http.h"

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
    ch_http_reply reply = ch_http_problem(&problem, 0, CH_LITERAL(""));
    reply.header = "Retry-After";
    reply.header_value = "1";
    ch_http_send(http, id, &reply);
}

static void on_request(void *context, ch_http_request *request)
{
    (void)context;
    FUZZ_CHECK(waiting == 0 && request->connection == connection);
    FUZZ_CHECK(request->body.size <= CH_HTTP_BODY_MAX);
    FUZZ_CHECK(ch_slice_find(request->path, '?') == NULL && ch_slice_find(request->path, ' ') == NULL);
    FUZZ_CHECK(ch_http_find(http, request->id) == request);
    if (ch_slice_is(request->method, "POST")) {
        ch_error err = CH_ERROR_INIT;
        ch_ask ask = {0};
        fuzz_check_error(ch_ask_read(&ask, request->body, &err), &err);
        ch_ask_free(&ask);
    }
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
    ch_http_owner owner = {.on_request = on_request, .on_closed = on_closed};
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(ch_ask_init(&err) == CH_OK && ch_http_new(&owner, &http, &err) == CH_OK);
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

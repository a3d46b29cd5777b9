/* How a request waits for core. libmicrohttpd's own way is to suspend the connection, which costs two epoll_ctl calls
 * and one wake-up a request and makes it deaf to a client that goes away. Instead the access handler returns without
 * a response: the library keeps the connection at hand and calls the handler again on each run (a few instructions:
 * see PHASE_ASKED) until ch_http_send queues the response from outside, which it allows in that state. The price is
 * that MHD_get_timeout says "now" as long as any request waits, so ch_http_timeout_ms does not ask it then.
 *
 * Connections are adopted: core accepts them and reads the peer's credentials. */
#include "agent/front/http.h"

#include "base/memory.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_TIMEOUT_S 120
#define CONNECTION_MEMORY (16 * 1024)
#define BODY_KEPT 4096    /* a connection keeps a body buffer up to this size from request to request */
#define WAITING_POLL_MS 5 /* while requests wait: the longest that bytes already read from a socket may lie unseen */
#define SLOT_BITS 16

typedef enum phase {
    PHASE_IDLE,  /* between requests */
    PHASE_HEAD,  /* the request line was read */
    PHASE_BODY,  /* the head passed the checks */
    PHASE_ASKED, /* handed to the owner */
    PHASE_REPLIED,
} phase;

typedef struct slot {
    struct MHD_Connection *connection; /* NULL: free */
    phase phase;
    bool has_query;
    ch_buffer query;
    ch_buffer body;
    ch_http_request request; /* id is 0 unless PHASE_ASKED */
} slot;

struct ch_http {
    struct MHD_Daemon *daemon;
    int epoll_fd;
    ch_http_owner owner;
    uint64_t last_request;
    size_t waiting;   /* requests in PHASE_ASKED */
    bool has_replies; /* queued since the last run */
    slot *adopting;   /* set while MHD_add_connection runs */
    slot slots[CH_HTTP_CONNECTIONS_MAX];
};

_Static_assert(CH_HTTP_CONNECTIONS_MAX <= 1 << SLOT_BITS, "a request's id names its slot");

/* ---- replies ---- */

ch_http_reply ch_http_problem(const ch_error *problem, unsigned http_status, const ch_problem_facts *facts)
{
    ch_http_reply reply = {.status = http_status != 0 ? http_status : (unsigned)ch_status_http(problem->status),
                           .content_type = "application/problem+json",
                           .body = CH_BUFFER_INIT};
    ch_problem_add(&reply.body, problem, reply.status, facts != NULL ? facts : &(ch_problem_facts){.approvals = 0});
    ch_buffer_add_byte(&reply.body, '\n');
    return reply;
}

/* Memory ran out, or the library no longer takes a response: the connection is of no use. Its other half sees EOF. */
static void give_up(slot *at)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(at->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
}

static void queue_reply(slot *at, ch_http_reply *reply)
{
    at->phase = PHASE_REPLIED;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.size, reply->body.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        ch_buffer_free(&reply->body);
        give_up(at);
        return;
    }
    reply->body = (ch_buffer)CH_BUFFER_INIT;
    bool is_queued = MHD_add_response_header(response, "Content-Type", reply->content_type) == MHD_YES;
    if (reply->header != NULL)
        is_queued = is_queued && MHD_add_response_header(response, reply->header, reply->header_value) == MHD_YES;
    is_queued = is_queued && MHD_queue_response(at->connection, reply->status, response) == MHD_YES;
    MHD_destroy_response(response);
    if (!is_queued)
        give_up(at);
}

static slot *find_slot(ch_http *http, uint64_t id)
{
    size_t index = id & ((1u << SLOT_BITS) - 1);
    if (id == 0 || index >= CH_HTTP_CONNECTIONS_MAX || http->slots[index].request.id != id)
        return NULL;
    return &http->slots[index];
}

ch_http_request *ch_http_find(ch_http *http, uint64_t id)
{
    slot *at = find_slot(http, id);
    return at == NULL ? NULL : &at->request;
}

/* A request stops waiting: it is answered, or its connection is gone. */
static void forget_request(ch_http *http, slot *at)
{
    if (at->phase == PHASE_ASKED)
        http->waiting--;
    at->request = (ch_http_request){.connection = at->request.connection};
    ch_buffer_free(&at->query);
    if (at->body.capacity > BODY_KEPT)
        ch_buffer_free(&at->body);
}

void ch_http_send(ch_http *http, uint64_t id, ch_http_reply *reply)
{
    slot *at = find_slot(http, id);
    if (at == NULL) {
        ch_buffer_free(&reply->body);
        return;
    }
    forget_request(http, at);
    http->has_replies = true;
    queue_reply(at, reply);
}

/* ---- the checks ---- */

/* The headers that matter here: how often each stands, and its last value. */
typedef struct ch_head {
    struct {
        unsigned count;
        const char *value;
    } host, content_length, content_type, transfer_encoding, repeat_key;
} ch_head;

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    ch_head *found = context;
#define NOTE(text, field)                                                                                              \
    if (strcasecmp(name, text) == 0) {                                                                                 \
        found->field.count++;                                                                                          \
        found->field.value = value;                                                                                    \
    }
    NOTE("Host", host)
    NOTE("Content-Length", content_length)
    NOTE("Content-Type", content_type)
    NOTE("Transfer-Encoding", transfer_encoding)
    NOTE("Idempotency-Key", repeat_key)
#undef NOTE
    return MHD_YES;
}

static bool is_json_type(const char *value)
{
    static const char json[] = "application/json";
    if (value == NULL || strncasecmp(value, json, sizeof json - 1) != 0)
        return false;
    const char *rest = value + sizeof json - 1 + strspn(value + sizeof json - 1, " \t");
    return *rest == '\0' || *rest == ';';
}

/* Returns 0 if the head is fine, else the HTTP status of what is wrong with it. */
static unsigned check_head(const slot *at, const ch_head *head, bool has_body, bool takes_query, ch_error *err)
{
    if (head->host.count > 1 || head->content_length.count > 1 || head->content_type.count > 1 ||
        head->repeat_key.count > 1) {
        (void)ch_fail(err, CH_BAD_INPUT,
                      "a header that may stand once (Host, Content-Length, Content-Type, Idempotency-Key) is repeated");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (head->transfer_encoding.count > 0 && head->content_length.count > 0) {
        (void)ch_fail(err, CH_BAD_INPUT,
                      "Transfer-Encoding and Content-Length contradict each other; send only the latter");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (at->has_query && !takes_query) {
        (void)ch_fail(err, CH_BAD_INPUT, "query strings are not taken here; put the parameters in the body");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (head->transfer_encoding.count > 0 || (has_body && head->content_length.count == 0)) {
        (void)ch_fail(err, CH_BAD_INPUT, "the body's length is not announced; send it with Content-Length");
        return MHD_HTTP_LENGTH_REQUIRED;
    }
    if (head->content_length.count > 0 && strtoull(head->content_length.value, NULL, 10) > CH_HTTP_BODY_MAX) {
        (void)ch_fail(err, CH_TOO_LARGE, "the body is over the limit of %d bytes", CH_HTTP_BODY_MAX);
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    if (has_body && !is_json_type(head->content_type.value)) {
        (void)ch_fail(err, CH_BAD_INPUT, "a body must come with Content-Type: application/json");
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    return 0;
}

/* ---- what the library calls ---- */

/* First sight of a request. What is returned here is what on_call gets as its request context. */
static void *on_request_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    slot *at = info->socket_context;
    at->phase = PHASE_HEAD;
    const char *mark = strchr(uri, '?');
    at->has_query = mark != NULL;
    ch_buffer_clear(&at->query);
    if (mark != NULL)
        ch_buffer_add_text(&at->query, mark + 1);
    ch_buffer_clear(&at->body);
    return at;
}

static void refuse_head(slot *at, const ch_error *problem, unsigned http_status)
{
    ch_http_reply reply = ch_http_problem(problem, http_status, NULL);
    queue_reply(at, &reply);
}

/* The library cuts a path at a NUL byte and skips a second space; only without either is the version one byte after
 * the path and its query. */
static bool is_request_line_exact(const slot *at, const char *path, const char *version)
{
    size_t query = at->has_query ? at->query.size + 1 : 0;
    return path + strlen(path) + 1 + query == version;
}

static void read_head(const ch_http *http, slot *at, const char *method, const char *path, const char *version)
{
    ch_head found = {0};
    (void)MHD_get_connection_values(at->connection, MHD_HEADER_KIND, note_header, &found);
    ch_error err = CH_ERROR_INIT;
    bool has_body = (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) &&
                    (http->owner.needs_no_body == NULL ||
                     !http->owner.needs_no_body(http->owner.context, ch_slice_of(method), ch_slice_of(path)));
    bool takes_query = http->owner.takes_query != NULL &&
                       http->owner.takes_query(http->owner.context, ch_slice_of(method), ch_slice_of(path));
    unsigned http_status = check_head(at, &found, has_body, takes_query, &err);
    if (http_status == 0 && !is_request_line_exact(at, path, version)) {
        (void)ch_fail(&err, CH_BAD_INPUT, "the request line holds a NUL byte, or a needless space after the path");
        http_status = MHD_HTTP_BAD_REQUEST;
    }
    at->phase = PHASE_BODY;
    if (http_status != 0)
        refuse_head(at, &err, http_status);
}

static void hand_over(ch_http *http, slot *at, const char *method, const char *path)
{
    at->phase = PHASE_ASKED;
    http->waiting++;
    at->request.id = ++http->last_request << SLOT_BITS | (uint64_t)(at - http->slots);
    at->request.method = ch_slice_of(method);
    at->request.path = ch_slice_of(path);
    at->request.query = ch_buffer_slice(&at->query);
    at->request.body = ch_buffer_slice(&at->body);
    const char *repeat_key = MHD_lookup_connection_value(at->connection, MHD_HEADER_KIND, "Idempotency-Key");
    at->request.has_repeat_key = repeat_key != NULL;
    at->request.repeat_key = ch_slice_of(repeat_key == NULL ? "" : repeat_key);
    http->owner.on_request(http->owner.context, &at->request);
}

static enum MHD_Result on_call(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **request_context)
{
    (void)connection;
    slot *at = *request_context;
    switch (at->phase) {
    case PHASE_HEAD:
        read_head(context, at, method, path, version);
        return MHD_YES;
    case PHASE_BODY:
        if (at->body.size + *upload_size > CH_HTTP_BODY_MAX)
            return MHD_NO;
        ch_buffer_add(&at->body, upload, *upload_size);
        if (*upload_size == 0)
            hand_over(context, at, method, path);
        *upload_size = 0;
        return MHD_YES;
    case PHASE_IDLE:
    case PHASE_ASKED:
    case PHASE_REPLIED:
        break;
    }
    *upload_size = 0;
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode why)
{
    (void)connection;
    (void)why;
    slot *at = *request_context;
    if (at == NULL)
        return;
    forget_request(context, at);
    at->phase = PHASE_IDLE;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    ch_http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http->adopting->connection = connection;
        *socket_context = http->adopting;
        return;
    }
    slot *at = *socket_context;
    uint64_t closed = at->request.connection;
    forget_request(http, at);
    ch_buffer_free(&at->body);
    ch_buffer_free(&at->query);
    *at = (slot){.connection = NULL};
    http->owner.on_closed(http->owner.context, closed);
}

/* The library would turn %41 into A; a path is matched as it was sent, and none of ours has an escape. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- life ---- */

ch_status ch_http_new(const ch_http_owner *owner, ch_http **out, ch_error *err)
{
    ch_http *http = ch_alloc(sizeof *http);
    http->owner = *owner;
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL,
                                    NULL, on_call, http, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
                                    (unsigned)CH_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                    (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
                                    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
                                    on_completed, http, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, http,
                                    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        http->daemon == NULL ? NULL : MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        ch_http_free(http);
        return ch_fail(err, CH_IO, "the HTTP library did not start; is the limit of open files too low?");
    }
    http->epoll_fd = info->epoll_fd;
    *out = http;
    return CH_OK;
}

void ch_http_free(ch_http *http)
{
    if (http == NULL)
        return;
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    free(http);
}

ch_status ch_http_adopt(ch_http *http, int fd, uint64_t connection, ch_error *err)
{
    slot *at = http->slots;
    while (at < http->slots + CH_HTTP_CONNECTIONS_MAX && at->connection != NULL)
        at++;
    if (at == http->slots + CH_HTTP_CONNECTIONS_MAX) {
        (void)close(fd);
        return ch_fail(err, CH_BUSY, "%d connections are open, which is the limit", CH_HTTP_CONNECTIONS_MAX);
    }
    at->request.connection = connection;
    http->adopting = at;
    enum MHD_Result added = MHD_add_connection(http->daemon, fd, NULL, 0);
    http->adopting = NULL;
    return added == MHD_YES ? CH_OK : ch_fail(err, CH_IO, "the HTTP library did not take a connection");
}

void ch_http_close(ch_http *http, uint64_t connection)
{
    for (size_t i = 0; i < CH_HTTP_CONNECTIONS_MAX; i++) {
        if (http->slots[i].connection != NULL && http->slots[i].request.connection == connection)
            give_up(&http->slots[i]);
    }
}

int ch_http_fd(const ch_http *http)
{
    return http->epoll_fd;
}

size_t ch_http_waiting(const ch_http *http)
{
    return http->waiting;
}

int ch_http_timeout_ms(const ch_http *http)
{
    if (http->waiting > 0)
        return WAITING_POLL_MS;
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(http->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms > IDLE_TIMEOUT_S * 1000 ? IDLE_TIMEOUT_S * 1000 : (int)timeout_ms;
}

/* That a reply has left whole is noticed only by the run after the one that sent it, and until then the connection is
 * not read from: the second run saves the next request a wait. */
void ch_http_run(ch_http *http)
{
    bool has_replies = http->has_replies;
    (void)MHD_run(http->daemon);
    if (has_replies)
        (void)MHD_run(http->daemon);
    http->has_replies = false;
}

/* HTTP/1.1 on connections that core accepted: the one room that knows libmicrohttpd.
 *
 * A connection has one request in flight. A request that passes the checks below is handed to the owner's
 * `on_request`, which answers with ch_http_reply, at once or later; what the client sends meanwhile waits. A request
 * dies with its connection, and a reply to it is then dropped.
 *
 * Checked here, before the owner sees a request: at most 48 KiB of body (413), whose length is announced (411); a body
 * is application/json (415), unless the owner needs none; Host, Content-Length and Content-Type stand once at most, and
 * Content-Length never beside Transfer-Encoding (400); no query string, unless the owner takes one (400). The path is
 * what the client sent, to the byte: nothing is unescaped. What is not HTTP at all, or has too long a header (431), is
 * answered by the library itself. Not thread-safe. */
#ifndef CH_AGENT_FRONT_HTTP_H
#define CH_AGENT_FRONT_HTTP_H

#include "base/buffer.h"
#include "wire/documents.h"

#define CH_HTTP_CONNECTIONS_MAX 1024
#define CH_HTTP_BODY_MAX (48 * 1024)

typedef struct ch_http ch_http;

typedef struct ch_http_request {
    uint64_t id; /* never used twice */
    uint64_t connection;
    ch_slice method; /* views, valid in on_request only */
    ch_slice path;
    ch_slice query;      /* without the '?'; as it was sent */
    ch_slice repeat_key; /* of the header Idempotency-Key */
    bool has_repeat_key;
    ch_slice body;
    const void *purpose; /* the owner's, for when the answer comes */
} ch_http_request;

typedef struct ch_http_reply {
    unsigned status;
    const char *content_type;
    const char *header; /* one header more: "Allow", "Location" or "Retry-After"; NULL for none */
    const char *header_value;
    ch_buffer body; /* taken over by ch_http_send */
} ch_http_reply;

typedef struct ch_http_owner {
    void *context;
    void (*on_request)(void *context, ch_http_request *request);
    void (*on_closed)(void *context, uint64_t connection);
    /* May the path have a query, with that method? NULL: no path may. */
    bool (*takes_query)(void *context, ch_slice method, ch_slice path);
    /* May a POST or PUT to the path come without a body? NULL: none may. */
    bool (*needs_no_body)(void *context, ch_slice method, ch_slice path);
} ch_http_owner;

CH_CHECKED ch_status ch_http_new(const ch_http_owner *owner, ch_http **out, ch_error *err);
void ch_http_free(ch_http *http);

/* Serves the connected socket `fd` from now on, and closes it in the end, also when this fails. */
CH_CHECKED ch_status ch_http_adopt(ch_http *http, int fd, uint64_t connection, ch_error *err);

/* Ends a connection, whatever it is doing; the owner's on_closed is called as always. Harmless if there is none. */
void ch_http_close(ch_http *http, uint64_t connection);

/* NULL when the request is no more. */
ch_http_request *ch_http_find(ch_http *http, uint64_t id);

/* Answers the request `id`, or drops the reply when the request is no more. It leaves with the next ch_http_run. */
void ch_http_send(ch_http *http, uint64_t id, ch_http_reply *reply);

/* A problem document for `problem`, with the HTTP status that belongs to it or, if not 0, `http_status`. No facts:
 * NULL.
 */
ch_http_reply ch_http_problem(const ch_error *problem, unsigned http_status, const ch_problem_facts *facts);

/* Readable when ch_http_run has something to do; it is also due after ch_http_timeout_ms (-1: not by time). */
int ch_http_fd(const ch_http *http);
int ch_http_timeout_ms(const ch_http *http);
/* Requests handed to the owner and not answered yet. */
size_t ch_http_waiting(const ch_http *http);
void ch_http_run(ch_http *http);

#endif

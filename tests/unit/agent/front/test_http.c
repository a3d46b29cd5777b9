/* Connections are socket pairs; the test is the client, and the owner of the requests. */
#include "agent/front/http.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUNS 30 /* more than any exchange here needs */

static ch_error err;
static ch_http *http;

/* What the owner saw of the last request, and how many there were. */
static struct {
    size_t requests;
    uint64_t id;
    uint64_t connection;
    char method[16];
    char path[128];
    size_t body_size;
    char body[64];
    size_t closed;
    uint64_t last_closed;
} owner;

static void on_request(void *context, ch_http_request *request)
{
    (void)context;
    owner.requests++;
    owner.id = request->id;
    owner.connection = request->connection;
    snprintf(owner.method, sizeof owner.method, "%.*s", CH_SLICE_ARGS(request->method));
    snprintf(owner.path, sizeof owner.path, "%.*s", CH_SLICE_ARGS(request->path));
    owner.body_size = request->body.size;
    snprintf(owner.body, sizeof owner.body, "%.*s", CH_SLICE_ARGS(request->body));
}

static void on_closed(void *context, uint64_t connection)
{
    (void)context;
    owner.closed++;
    owner.last_closed = connection;
}

static void set_up(void)
{
    memset(&owner, 0, sizeof owner);
    const ch_http_owner http_owner = {.on_request = on_request, .on_closed = on_closed};
    ck_assert_msg(ch_http_new(&http_owner, &http, &err) == CH_OK, "%s", err.message);
}

static void tear_down(void)
{
    ch_http_free(http);
}

static void run(void)
{
    for (size_t i = 0; i < RUNS; i++)
        ch_http_run(http);
}

/* ---- the client ---- */

static int connect_as(uint64_t connection)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ck_assert_msg(ch_http_adopt(http, ends[0], connection, &err) == CH_OK, "%s", err.message);
    return ends[1];
}

static void write_all(int fd, const char *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t put = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        ck_assert(put > 0);
        sent += (size_t)put;
        ch_http_run(http);
    }
    run();
}

static void say(int fd, const char *text)
{
    write_all(fd, text, strlen(text));
}

/* What has come; valid until the next call. */
static const char *hear(int fd)
{
    static char text[8192];
    ssize_t got = read(fd, text, sizeof text - 1);
    text[got < 0 ? 0 : got] = '\0';
    return text;
}

/* 0: closed without an answer. */
static void check_status(const char *reply, unsigned status)
{
    unsigned got = 0;
    if (status == 0) {
        ck_assert_str_eq(reply, "");
        ck_assert_uint_eq(owner.closed, 1);
        return;
    }
    ck_assert_msg(sscanf(reply, "HTTP/1.1 %u ", &got) == 1, "%s", reply);
    ck_assert_msg(got == status, "%s", reply);
}

static void answer(uint64_t id, const char *body, const char *header, const char *header_value)
{
    ch_http_reply reply = {
        .status = 200, .content_type = "application/json", .header = header, .header_value = header_value};
    ch_buffer_add_text(&reply.body, body);
    ch_http_send(http, id, &reply);
    ck_assert_ptr_null(reply.body.data);
    run();
}

#define POST "POST /v1/keys/k/sign HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
#define GOOD POST "Content-Length: 2\r\n\r\n{}"

/* ---- requests ---- */

START_TEST(test_a_request_is_handed_over_whole_and_answered_later)
{
    int fd = connect_as(77);
    say(fd, POST "Content-Length: 10\r\n\r\n{\"a\"");
    ck_assert_uint_eq(owner.requests, 0);
    say(fd, ":\"b\"}\n");
    ck_assert_uint_eq(owner.requests, 1);
    ck_assert_uint_eq(owner.connection, 77);
    ck_assert_str_eq(owner.method, "POST");
    ck_assert_str_eq(owner.path, "/v1/keys/k/sign");
    ck_assert_str_eq(owner.body, "{\"a\":\"b\"}\n");
    ck_assert_uint_eq(ch_http_waiting(http), 1);
    ck_assert_ptr_nonnull(ch_http_find(http, owner.id));
    ck_assert_str_eq(hear(fd), "");
    answer(owner.id, "{\"c\":1}", "Retry-After", "1");
    const char *reply = hear(fd);
    check_status(reply, 200);
    ck_assert_msg(strstr(reply, "\r\nContent-Type: application/json\r\n") != NULL, "%s", reply);
    ck_assert_msg(strstr(reply, "\r\nRetry-After: 1\r\n") != NULL, "%s", reply);
    ck_assert_msg(strstr(reply, "\r\n\r\n{\"c\":1}") != NULL, "%s", reply);
    ck_assert_uint_eq(ch_http_waiting(http), 0);
    ck_assert_ptr_null(ch_http_find(http, owner.id));
}
END_TEST

START_TEST(test_a_connection_takes_one_request_after_the_other)
{
    int fd = connect_as(1);
    say(fd, GOOD GOOD);
    uint64_t first = owner.id;
    ck_assert_uint_eq(owner.requests, 1);
    answer(first, "{}", NULL, NULL);
    ck_assert_uint_eq(owner.requests, 2);
    ck_assert_uint_ne(owner.id, first);
    answer(first, "{\"late\":1}", NULL, NULL); /* dropped: it has been answered */
    answer(owner.id, "{\"second\":1}", NULL, NULL);
    const char *reply = hear(fd);
    ck_assert_msg(strstr(reply, "late") == NULL && strstr(reply, "second") != NULL, "%s", reply);
    ck_assert_uint_eq(owner.closed, 0);
}
END_TEST

START_TEST(test_a_path_is_seen_as_it_was_sent)
{
    int fd = connect_as(1);
    say(fd, "GET /v1/%41/../+%2f HTTP/1.1\r\nHost: h\r\n\r\n");
    ck_assert_str_eq(owner.path, "/v1/%41/../+%2f");
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    const char *text;
    unsigned status;
    const char *says;
} refused[] = {
    /* name                         request                                                                                 status  says */
    { "no length",                  POST "\r\n{}",                                                                           411,   "send it with Content-Length" },
    { "chunks",                     POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",                            411,   "send it with Content-Length" },
    { "chunks and a length",        POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",                        400,   "" },
    { "two lengths",                POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",                                 400,   "" },
    { "the same length twice",      POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",                                 400,   "is repeated" },
    { "two hosts",                  POST "Host: other\r\nContent-Length: 2\r\n\r\n{}",                                       400,   "is repeated" },
    { "two types",                  POST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",                          400,   "is repeated" },
    { "another type",               "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415,   "Content-Type: application/json" },
    { "a type that begins alike",   "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}", 415, "Content-Type: application/json" },
    { "no length of what is put",   "PUT / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\r\n",                  411,   "send it with Content-Length" },
    { "no type of what is put",     "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",                              415,   "Content-Type: application/json" },
    { "no type",                    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",                             415,   "Content-Type: application/json" },
    { "a query string",             "GET /v1/keys?a=b HTTP/1.1\r\nHost: h\r\n\r\n",                                          400,   "query strings" },
    { "an empty query string",      "GET /v1/keys? HTTP/1.1\r\nHost: h\r\n\r\n",                                             400,   "query strings" },
    { "two spaces after the path",  "GET /v1/keys  HTTP/1.1\r\nHost: h\r\n\r\n",                                             0,     "" },
    { "too large",                  POST "Content-Length: 49153\r\n\r\n",                                                    413,   "over the limit of 49152 bytes" },
    { "far too large",              POST "Content-Length: 18446744073709551615\r\n\r\n",                                     413,   "" },
    { "no host",                    "GET /v1/keys HTTP/1.1\r\n\r\n",                                                         400,   "" },
    { "a length that is not one",   POST "Content-Length: x\r\n\r\n",                                                        400,   "" },
};
/* clang-format on */

START_TEST(test_a_bad_head_is_refused_and_never_handed_over)
{
    int fd = connect_as(1);
    say(fd, refused[_i].text);
    const char *reply = hear(fd);
    check_status(reply, refused[_i].status);
    ck_assert_msg(strstr(reply, refused[_i].says) != NULL, "%s: %s", refused[_i].name, reply);
    ck_assert_msg(owner.requests == 0, "%s", refused[_i].name);
    ck_assert_uint_eq(ch_http_waiting(http), 0);
}
END_TEST

START_TEST(test_a_nul_byte_in_the_path_is_refused)
{
    static const char text[] = "GET /v1/keys\0/k HTTP/1.1\r\nHost: h\r\n\r\n";
    int fd = connect_as(1);
    write_all(fd, text, sizeof text - 1);
    check_status(hear(fd), 400);
    ck_assert_uint_eq(owner.requests, 0);
}
END_TEST

START_TEST(test_a_type_may_have_parameters)
{
    int fd = connect_as(1);
    say(fd,
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: Application/JSON ; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}");
    ck_assert_uint_eq(owner.requests, 1);
}
END_TEST

START_TEST(test_a_body_may_be_as_large_as_the_limit)
{
    int fd = connect_as(1);
    ch_autofree char *body = ch_alloc(CH_HTTP_BODY_MAX);
    memset(body, ' ', CH_HTTP_BODY_MAX);
    say(fd, POST "Content-Length: 49152\r\n\r\n");
    write_all(fd, body, CH_HTTP_BODY_MAX);
    ck_assert_uint_eq(owner.requests, 1);
    ck_assert_uint_eq(owner.body_size, CH_HTTP_BODY_MAX);
    answer(owner.id, "{}", NULL, NULL);
    check_status(hear(fd), 200);
}
END_TEST

START_TEST(test_too_long_a_head_is_refused)
{
    int fd = connect_as(1);
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, "GET /v1/keys HTTP/1.1\r\nHost: h\r\nX: ");
    for (size_t i = 0; i < 40000; i++)
        ch_buffer_add_byte(&text, 'x');
    ch_buffer_add_text(&text, "\r\n\r\n");
    for (size_t i = 0; i < text.size && send(fd, text.data + i, 1000, MSG_NOSIGNAL) > 0; i += 1000)
        run();
    check_status(hear(fd), 431);
    ck_assert_uint_eq(owner.requests, 0);
}
END_TEST

/* ---- connections that end ---- */

START_TEST(test_a_client_that_leaves_takes_its_request_with_it)
{
    int fd = connect_as(5);
    say(fd, GOOD);
    uint64_t id = owner.id;
    close(fd);
    run();
    ck_assert_uint_eq(owner.closed, 1);
    ck_assert_uint_eq(owner.last_closed, 5);
    ck_assert_uint_eq(ch_http_waiting(http), 0);
    ck_assert_ptr_null(ch_http_find(http, id));
    fd = connect_as(6); /* in the same place */
    say(fd, GOOD);
    ck_assert_ptr_null(ch_http_find(http, id));
    answer(id, "{}", NULL, NULL);
    ck_assert_str_eq(hear(fd), "");
}
END_TEST

START_TEST(test_a_connection_can_be_closed_whatever_it_does)
{
    int idle = connect_as(5);
    int waiting = connect_as(6);
    say(waiting, GOOD);
    ch_http_close(http, 7);
    run();
    ck_assert_uint_eq(owner.closed, 0);
    ch_http_close(http, 5);
    ch_http_close(http, 6);
    run();
    ck_assert_uint_eq(owner.closed, 2);
    ck_assert_uint_eq(ch_http_waiting(http), 0);
    char byte;
    ck_assert_int_eq((int)read(idle, &byte, 1), 0);
    ck_assert_int_eq((int)read(waiting, &byte, 1), 0);
    answer(owner.id, "{}", NULL, NULL);
}
END_TEST

START_TEST(test_a_client_that_wants_to_close_is_answered_first)
{
    int fd = connect_as(5);
    say(fd, "GET /v1/keys HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    ck_assert_uint_eq(owner.closed, 0);
    answer(owner.id, "{}", NULL, NULL);
    check_status(hear(fd), 200);
    run();
    ck_assert_uint_eq(owner.closed, 1);
}
END_TEST

START_TEST(test_while_requests_wait_the_loop_looks_again_soon)
{
    int fd = connect_as(5);
    say(fd, GOOD);
    ck_assert_int_eq(ch_http_timeout_ms(http), 5);
    struct pollfd idle = {.fd = ch_http_fd(http), .events = POLLIN};
    answer(owner.id, "{}", NULL, NULL);
    ck_assert_int_ne(ch_http_timeout_ms(http), 5);
    hear(fd);
    say(fd, "");
    ck_assert_int_eq(poll(&idle, 1, 0), 0);
    ck_assert_int_eq((int)write(fd, "G", 1), 1);
    ck_assert_int_eq(poll(&idle, 1, 1000), 1);
}
END_TEST

CH_TESTS_WITH("http", set_up, tear_down, CH_TEST(test_a_request_is_handed_over_whole_and_answered_later),
              CH_TEST(test_a_connection_takes_one_request_after_the_other), CH_TEST(test_a_path_is_seen_as_it_was_sent),
              CH_TEST_ROWS(test_a_bad_head_is_refused_and_never_handed_over, refused),
              CH_TEST(test_a_nul_byte_in_the_path_is_refused), CH_TEST(test_a_type_may_have_parameters),
              CH_TEST(test_a_body_may_be_as_large_as_the_limit), CH_TEST(test_too_long_a_head_is_refused),
              CH_TEST(test_a_client_that_leaves_takes_its_request_with_it),
              CH_TEST(test_a_connection_can_be_closed_whatever_it_does),
              CH_TEST(test_a_client_that_wants_to_close_is_answered_first),
              CH_TEST(test_while_requests_wait_the_loop_looks_again_soon))

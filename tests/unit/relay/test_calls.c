#include "relay/calls.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WHOLE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

/* The agent's end is served between turns of the loop, by the test itself. */
static ch_loop *loop;
static ch_calls *calls;
static char *path;
static int listener = -1;

typedef struct one {
    ch_call call;
    ch_call_end end;
    unsigned status;
    unsigned retry_after_s;
    char body[64];
    bool has_ended;
} one;

static void listen_at_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    ck_assert_int_eq(listen(listener, 16), 0);
}

static void set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    path = ch_test_path("agent");
    ck_assert_int_eq(ch_loop_new(&loop, &err), CH_OK);
    calls = ch_calls_new(loop, path, 2);
}

static void tear_down(void)
{
    ch_calls_free(calls);
    ch_loop_free(loop);
    if (listener >= 0)
        close(listener);
    listener = -1;
    free(path);
}

static void on_end(void *context, const ch_call_answer *answer)
{
    one *self = context;
    ck_assert(!self->has_ended);
    self->has_ended = true;
    self->end = answer->end;
    self->status = answer->status;
    self->retry_after_s = answer->retry_after_s;
    ck_assert_uint_lt(answer->body.size, sizeof self->body);
    if (answer->body.size > 0)
        memcpy(self->body, answer->body.data, answer->body.size);
    ck_assert((answer->why == NULL) == (answer->end == CH_CALL_ANSWERED));
    ch_buffer_free(&self->call.request);
}

static void start(one *self, uint64_t wait_ms)
{
    *self = (one){
        .call = {.request = CH_BUFFER_INIT, .wait_ms = wait_ms, .on_end = on_end, .context = self}
    };
    ch_call_write("/v1/outcomes", (ch_slice){NULL, 0}, CH_LITERAL("{}"), &self->call.request);
    ch_calls_start(calls, &self->call);
}

static void await(const one *self)
{
    while (!self->has_ended)
        ch_loop_turn(loop, 0);
}

static int accept_one(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void hear(int fd)
{
    char text[512];
    ssize_t size = recv(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(size, 0);
    text[size] = '\0';
    ck_assert_str_eq(text, "POST /v1/outcomes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           "Content-Length: 2\r\n\r\n{}");
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* clang-format off */
static const struct {
    const char *name;
    const char *says;
    unsigned status; /* 0: it is no answer */
    unsigned retry_after_s;
    const char *body;
} answers[] = {
    /* name                   says                                                                          status, wait, body */
    { "whole",                WHOLE,                                                                        200, 0, "{}" },
    { "without a reason",     "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",                                200, 0, "{}" },
    { "no body",              "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",           503, 7, "" },
    { "names in any case",    "HTTP/1.1 409 X\r\ncontent-LENGTH:1\r\n\r\n1",                              409, 0, "1" },
    { "no length",            "HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}",                                       0, 0, "" },
    { "two lengths",          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",       0, 0, "" },
    { "a length of words",    "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",                        0, 0, "" },
    { "an endless length",    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",       0, 0, "" },
    { "too long",             "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n{}",                     0, 0, "" },
    { "more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",                          0, 0, "" },
    { "chunks",               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 0, 0, "" },
    { "an interim answer",    "HTTP/1.1 100 Continue\r\n\r\n" WHOLE,                                     0, 0, "" },
    { "another version",      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",                          0, 0, "" },
    { "no status",            "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\n{}",                              0, 0, "" },
    { "no header",            "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n{}",                             0, 0, "" },
    { "no HTTP",              "{\"returned\":[]}\r\n\r\n",                                              0, 0, "" },
};
/* clang-format on */

START_TEST(test_answers_are_read_strictly)
{
    one call;
    listen_at_path();
    start(&call, 60000);
    int fd = accept_one();
    hear(fd);
    say(fd, answers[_i].says);
    await(&call);
    ck_assert_msg(call.end == (answers[_i].status == 0 ? CH_CALL_SILENT : CH_CALL_ANSWERED), "%s", answers[_i].name);
    ck_assert_uint_eq(call.status, answers[_i].status);
    ck_assert_uint_eq(call.retry_after_s, answers[_i].retry_after_s);
    ck_assert_str_eq(call.body, answers[_i].body);
    close(fd);
}
END_TEST

START_TEST(test_an_answer_may_come_byte_by_byte)
{
    one call;
    listen_at_path();
    start(&call, 60000);
    int fd = accept_one();
    hear(fd);
    for (const char *at = WHOLE; *at != '\0'; at++) {
        ck_assert(!call.has_ended);
        ck_assert_int_eq(send(fd, at, 1, MSG_NOSIGNAL), 1);
        ch_loop_turn(loop, 0);
    }
    await(&call);
    ck_assert_str_eq(call.body, "{}");
    close(fd);
}
END_TEST

START_TEST(test_a_head_without_end_is_no_answer)
{
    one call;
    char text[1025];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    listen_at_path();
    start(&call, 60000);
    int fd = accept_one();
    for (int i = 0; i < 16; i++)
        say(fd, text);
    ch_loop_turn(loop, 0);
    ck_assert(!call.has_ended);
    say(fd, text);
    await(&call);
    ck_assert_int_eq(call.end, CH_CALL_SILENT);
    close(fd);
}
END_TEST

START_TEST(test_a_connection_is_kept)
{
    one call;
    listen_at_path();
    start(&call, 60000);
    int fd = accept_one();
    for (int i = 0; i < 3; i++) {
        hear(fd);
        say(fd, WHOLE);
        await(&call);
        ck_assert_int_eq(call.end, CH_CALL_ANSWERED);
        start(&call, 60000);
    }
    ch_calls_stop(&call.call);
    ch_buffer_free(&call.call.request);
    close(fd);
}
END_TEST

START_TEST(test_a_connection_that_the_agent_closes_is_not_used_again)
{
    static const char *const lasts[] = {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", WHOLE};
    one call;
    listen_at_path();
    for (size_t i = 0; i < 4; i++) {
        start(&call, 60000);
        int fd = accept_one();
        hear(fd);
        say(fd, lasts[i % 2]);
        await(&call);
        ck_assert_int_eq(call.end, CH_CALL_ANSWERED);
        close(fd);
        if (i == 1)
            ch_loop_turn(loop, 0); /* it is seen in the loop; after the last, only the next call sees it */
    }
    start(&call, 60000);
    ck_assert_int_eq(accept_one() >= 0, 1);
    ch_calls_stop(&call.call);
    ch_buffer_free(&call.call.request);
}
END_TEST

START_TEST(test_nobody_is_asked_where_nobody_listens)
{
    one call;
    start(&call, 60000);
    ck_assert(!call.has_ended);
    await(&call);
    ck_assert_int_eq(call.end, CH_CALL_UNASKED);
}
END_TEST

START_TEST(test_an_end_without_answer_is_silence)
{
    one call;
    listen_at_path();
    start(&call, 60000);
    int fd = accept_one();
    hear(fd);
    close(fd);
    await(&call);
    ck_assert_int_eq(call.end, CH_CALL_SILENT);
}
END_TEST

START_TEST(test_waiting_ends)
{
    one call;
    listen_at_path();
    start(&call, 1);
    await(&call);
    ck_assert_int_eq(call.end, CH_CALL_SILENT);
}
END_TEST

START_TEST(test_calls_wait_for_a_connection)
{
    one calls_made[4];
    int fds[2];
    listen_at_path();
    for (size_t i = 0; i < 3; i++)
        start(&calls_made[i], 60000);
    start(&calls_made[3], 1);
    await(&calls_made[3]);
    ck_assert_int_eq(calls_made[3].end, CH_CALL_UNASKED); /* its turn did not come in time */
    fds[0] = accept_one();
    fds[1] = accept_one();
    ck_assert_int_eq(accept4(listener, NULL, NULL, 0), -1);
    hear(fds[1]);
    say(fds[1], WHOLE);
    await(&calls_made[1]);
    hear(fds[1]); /* the third */
    ck_assert(!calls_made[0].has_ended && !calls_made[2].has_ended);
    ch_calls_stop(&calls_made[0].call); /* its connection is closed */
    char byte;
    hear(fds[0]);
    ck_assert_int_eq(recv(fds[0], &byte, 1, 0), 0);
    say(fds[1], WHOLE);
    await(&calls_made[2]);
    ch_buffer_free(&calls_made[0].call.request);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(test_a_call_that_waits_is_stopped)
{
    one calls_made[4];
    listen_at_path();
    for (size_t i = 0; i < 4; i++)
        start(&calls_made[i], 60000);
    for (size_t i = 4; i-- > 2;) {
        ch_calls_stop(&calls_made[i].call);
        ch_calls_stop(&calls_made[i].call);
        ch_buffer_free(&calls_made[i].call.request);
    }
    start(&calls_made[3], 60000);
    for (size_t i = 0; i < 2; i++)
        ch_calls_stop(&calls_made[i].call);
    close(accept_one());
    close(accept_one());
    int fd = accept_one(); /* the last one's turn has come */
    hear(fd);
    say(fd, WHOLE);
    await(&calls_made[3]);
    ck_assert_int_eq(calls_made[3].end, CH_CALL_ANSWERED);
    for (size_t i = 0; i < 2; i++)
        ch_buffer_free(&calls_made[i].call.request);
    close(fd);
}
END_TEST

CH_TESTS_WITH("calls", set_up, tear_down, CH_TEST_ROWS(test_answers_are_read_strictly, answers),
              CH_TEST(test_an_answer_may_come_byte_by_byte), CH_TEST(test_a_head_without_end_is_no_answer),
              CH_TEST(test_a_connection_is_kept), CH_TEST(test_a_connection_that_the_agent_closes_is_not_used_again),
              CH_TEST(test_nobody_is_asked_where_nobody_listens), CH_TEST(test_an_end_without_answer_is_silence),
              CH_TEST(test_waiting_ends), CH_TEST(test_calls_wait_for_a_connection),
              CH_TEST(test_a_call_that_waits_is_stopped))

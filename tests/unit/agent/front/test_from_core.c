/* The test is core, which answers, and the client, which reads the reply. */
#include "agent/front/from_core.h"

#include "agent/front/routes.h"
#include "tests/support/suite.h"
#include "wire/frames.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RUNS 30 /* more than any exchange here needs */

static ch_error err;
static ch_http *http;
static int client;
static uint64_t asked;

static void on_request(void *context, ch_http_request *request)
{
    (void)context;
    const ch_route *route;
    ch_route_what what;
    ck_assert_int_eq(ch_route_find(request->method, request->path, &route, &what, &err), CH_OK);
    request->purpose = route;
    asked = request->id;
}

static void on_closed(void *context, uint64_t connection)
{
    (void)context;
    (void)connection;
}

static void set_up(void)
{
    int ends[2];
    const ch_http_owner owner = {.on_request = on_request, .on_closed = on_closed};
    ck_assert_int_eq(ch_http_new(&owner, &http, &err), CH_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ck_assert_int_eq(ch_http_adopt(http, ends[0], 1, &err), CH_OK);
    client = ends[1];
}

static void tear_down(void)
{
    ch_http_free(http);
    close(client);
}

static void ask(const char *method, const char *path, const char *body)
{
    char text[512];
    int size = snprintf(text, sizeof text,
                        "%s %s HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, path, strlen(body), body);
    asked = 0;
    ck_assert_int_eq((int)send(client, text, (size_t)size, MSG_NOSIGNAL), size);
    for (size_t i = 0; i < RUNS; i++)
        ch_http_run(http);
    ck_assert_uint_ne(asked, 0);
}

static void get(const char *path)
{
    ask("GET", path, "");
}

/* What the client reads after core's answer `packet`; valid until the next call. */
static const char *reply_to(ch_buffer *packet)
{
    static char text[8192];
    ch_frame frame;
    ch_slice rest = ch_buffer_slice(packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_msg(ch_from_core_take(http, &frame, &err) == CH_OK, "%s", err.message);
    ch_buffer_clear(packet);
    for (size_t i = 0; i < RUNS; i++)
        ch_http_run(http);
    ssize_t size = read(client, text, sizeof text - 1);
    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static void check_has(const char *reply, const char *part)
{
    ck_assert_msg(strstr(reply, part) != NULL, "'%s' is not in %s", part, reply);
}

START_TEST(test_a_failure_becomes_a_problem_with_all_that_core_says)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_failed_frame failed = {.step = CH_LITERAL("policy"),
                              .retry_after_s = 40,
                              .control = CH_LITERAL("value-window"),
                              .limit = CH_LITERAL("10 USDT"),
                              .asked = CH_LITERAL("3 USDT"),
                              .left = CH_LITERAL("2 USDT"),
                              .fact = CH_LITERAL("price"),
                              .approvals = 2,
                              .needs_code = true,
                              .delay_s = 60};
    ch_error_set(&failed.why, CH_REFUSED, "day", "no");
    get("/v1/keys");
    ck_assert_int_eq(ch_failed_frame_put(&packet, asked, &failed, &err), CH_OK);
    const char *reply = reply_to(&packet);
    check_has(reply, "HTTP/1.1 403 ");
    check_has(reply, "\r\nRetry-After: 40\r\n");
    check_has(reply, "\r\nContent-Type: application/problem+json\r\n");
    check_has(reply,
              "\"rule\":\"day\",\"step\":\"policy\",\"control\":\"value-window\",\"limit\":\"10 USDT\",\"asked\":"
              "\"3 USDT\",\"left\":\"2 USDT\",\"fact\":\"price\",\"needs\":{\"approvals\":2,\"code\":true,"
              "\"delay_s\":60}}\n");
}
END_TEST

START_TEST(test_a_failure_that_time_does_not_heal_has_no_retry_after)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_failed_frame failed = {.why = CH_ERROR_INIT};
    ch_error_set(&failed.why, CH_REFUSED, "size", "no");
    get("/v1/keys");
    ck_assert_int_eq(ch_failed_frame_put(&packet, asked, &failed, &err), CH_OK);
    const char *reply = reply_to(&packet);
    ck_assert_msg(strstr(reply, "Retry-After") == NULL && strstr(reply, "needs") == NULL, "%s", reply);
}
END_TEST

START_TEST(test_status_answers_what_was_asked)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_status_is_frame status = {.version = CH_LITERAL("1"), .clock = CH_LITERAL("trusted")};
    get("/readyz");
    ck_assert_int_eq(ch_status_is_frame_put(&packet, asked, &status, &err), CH_OK);
    check_has(reply_to(&packet), "HTTP/1.1 503 ");
    get("/metrics");
    ck_assert_int_eq(ch_status_is_frame_put(&packet, asked, &status, &err), CH_OK);
    check_has(reply_to(&packet), "\r\nContent-Type: text/plain");
    get("/v1/status");
    status.is_ready = true;
    ck_assert_int_eq(ch_status_is_frame_put(&packet, asked, &status, &err), CH_OK);
    check_has(reply_to(&packet), "{\"version\":\"1\",");
    get("/readyz");
    ck_assert_int_eq(ch_status_is_frame_put(&packet, asked, &status, &err), CH_OK);
    check_has(reply_to(&packet), "\r\n\r\n{\"status\":\"ready\"}\n");
}
END_TEST

/* Every answer that has nothing in it but what it must have. */
START_TEST(test_every_answer_is_taken)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
#define CHECK(name, part)                                                                                              \
    get("/v1/keys");                                                                                                   \
    ck_assert_int_eq(ch_##name##_frame_put(&packet, asked, &(ch_##name##_frame){0}, &err), CH_OK);                     \
    check_has(reply_to(&packet), "\r\n\r\n{\"" part "\":");
    CHECK(signed, "method")
    CHECK(signature_only, "signature")
    CHECK(checked, "allowed")
    CHECK(limits_are, "state")
    CHECK(prices_taken, "taken")
    CHECK(prices_are, "prices")
    CHECK(released, "returned")
    CHECK(request_is, "id")
    CHECK(key_list, "keys")
    CHECK(time_is, "time_ms")
#undef CHECK
}
END_TEST

/* Only who asks for a signature is told that there is none yet. */
START_TEST(test_who_asks_to_sign_is_answered_with_202_and_where_to_look)
{
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        bool is_asked;
    } rows[] = {
        {"POST",   "/v1/keys/k/sign",     "{\"method\":\"GET\",\"path\":\"/x\"}", true },
        {"POST",   "/v1/requests/7/sign", "{}",                                   true },
        {"GET",    "/v1/requests/7",      "",                                     false},
        {"DELETE", "/v1/requests/7",      "",                                     false},
    };
    for (size_t i = 0; i < CH_ROWS(rows); i++) {
        ch_autobuffer packet = CH_BUFFER_INIT;
        ask(rows[i].method, rows[i].path, rows[i].body);
        const ch_request_is_frame answer = {.request = 7, .state = CH_LITERAL("waiting")};
        ck_assert_int_eq(ch_request_is_frame_put(&packet, asked, &answer, &err), CH_OK);
        const char *reply = reply_to(&packet);
        ck_assert_msg((strstr(reply, "HTTP/1.1 202") != NULL) == rows[i].is_asked, "%s", reply);
        ck_assert_msg((strstr(reply, "Location: /v1/requests/7\r\n") != NULL) == rows[i].is_asked, "%s", reply);
    }
}
END_TEST

START_TEST(test_an_answer_to_nobody_is_dropped)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    get("/v1/keys");
    ck_assert_int_eq(ch_released_frame_put(&packet, asked + 65536, &(ch_released_frame){0}, &err), CH_OK);
    ck_assert_str_eq(reply_to(&packet), "");
}
END_TEST

START_TEST(test_a_frame_that_answers_nothing_is_a_defect_of_core)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame;
    ck_assert_int_eq(ch_ping_frame_put(&packet, 0, &(ch_ping_frame){}, &err), CH_OK);
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_from_core_take(http, &frame, &err), CH_INTERNAL);
}
END_TEST

START_TEST(test_an_answer_that_is_cut_short_is_a_defect_of_core)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    get("/v1/keys");
    size_t begin = ch_frame_begin(&packet, CH_FRAME_LIMITS_ARE, asked);
    ch_put_u16(&packet, 3);
    ck_assert_int_eq(ch_frame_end(&packet, begin, &err), CH_OK);
    ch_frame frame;
    ch_slice rest = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_int_eq(ch_from_core_take(http, &frame, &err), CH_INTERNAL);
}
END_TEST

CH_TESTS_WITH("from_core", set_up, tear_down, CH_TEST(test_a_failure_becomes_a_problem_with_all_that_core_says),
              CH_TEST(test_a_failure_that_time_does_not_heal_has_no_retry_after),
              CH_TEST(test_status_answers_what_was_asked), CH_TEST(test_every_answer_is_taken),
              CH_TEST(test_who_asks_to_sign_is_answered_with_202_and_where_to_look),
              CH_TEST(test_an_answer_to_nobody_is_dropped),
              CH_TEST(test_a_frame_that_answers_nothing_is_a_defect_of_core),
              CH_TEST(test_an_answer_that_is_cut_short_is_a_defect_of_core))

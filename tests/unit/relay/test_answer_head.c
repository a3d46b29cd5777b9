#include "relay/answer_head.h"

#include "tests/support/suite.h"

#include <string.h>

static ch_answer_head head;

static void tear_down(void)
{
    ch_answer_head_free(&head);
}

static bool add(const char *line)
{
    return ch_answer_head_add(&head, ch_slice_of(line));
}

static void expect(const char *lines)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_answer_head_pass(&head, &out);
    ck_assert_str_eq(ch_buffer_text(&out), lines);
}

START_TEST(test_interim_answers_are_forgotten)
{
    add("HTTP/1.1 103 Early Hints\r\n");
    add("Link: x\r\n");
    add("\r\n");
    ck_assert(!head.is_whole);
    add("HTTP/2 200 \r\n");
    add("date: d\r\n");
    add("\r\n");
    ck_assert(head.is_whole);
    add("Trailer-Field: t\r\n");
    expect("date: d\r\n");
}
END_TEST

START_TEST(test_header_is_no_status_line)
{
    add("HTTP/1.1 200 OK\r\n");
    add("date: d\r\n");
    add("HTTP/1.1 100: b\r\n");
    add("\r\n");
    ck_assert(head.is_whole);
    expect("date: d\r\n");
}
END_TEST

/* clang-format off */
static const char *const kept_back[] = {
    "Set-Cookie: a\r\n", "strict-transport-security: x\r\n", "ALT-SVC: h3\r\n", "Access-Control-Allow-Origin: *\r\n",
    "access-control-x: y\r\n", "Connection: X-Own\r\n", "X-Own: 1\r\n", "Keep-Alive: 5\r\n", "Transfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\n", "Upgrade: h2c\r\n", "Proxy-Authenticate: x\r\n", "Chancery-Problem: {}\r\n", "no colon\r\n",
    " folded: x\r\n", ": x\r\n", "A: b\rC: d\r\n", "A: \x01\r\n", "A B: c\r\n", "A: \xff\r\n",
};
/* clang-format on */

START_TEST(test_line_is_kept_back)
{
    add("HTTP/1.1 200 OK\r\n");
    add("Connection: close, x-own\r\n");
    add(kept_back[_i]);
    add("Retry-After:  9 \r\n");
    add("\r\n");
    expect("Retry-After: 9\r\n");
}
END_TEST

START_TEST(test_long_heads_are_noticed)
{
    static char line[CH_ANSWER_HEAD_MAX / 2];
    memset(line, 'x', sizeof line - 1);
    ck_assert(add(line));
    ck_assert(add(line));
    ck_assert(!add("x: y\r\n"));
}
END_TEST

CH_TESTS_WITH("answer_head", NULL, tear_down, CH_TEST(test_interim_answers_are_forgotten),
              CH_TEST(test_header_is_no_status_line), CH_TEST_ROWS(test_line_is_kept_back, kept_back),
              CH_TEST(test_long_heads_are_noticed))

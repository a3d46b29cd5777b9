#include "relay/bot_head.h"

#include "tests/support/suite.h"

#include <string.h>

static ch_bot_head head;
static unsigned http_status;
static ch_error err = CH_ERROR_INIT;

static ch_status read_whole(const char *text)
{
    size_t scanned = 0;
    size_t size = 0;
    http_status = 0;
    ch_status st = ch_bot_head_end(ch_slice_of(text), &scanned, &size, &http_status, &err);
    if (st != CH_OK)
        return st;
    ck_assert_uint_eq(size, strlen(text));
    return ch_bot_head_read(ch_slice_of(text), &head, &http_status, &err);
}

#define LINE "POST /t/k/api HTTP/1.1\r\n"
#define HOST "Host: h\r\n"

START_TEST(test_head_is_read)
{
    ck_assert_int_eq(
        read_whole(LINE "Host: h:1\r\nContent-Length: 12\r\nX-a:\t v w \r\nEmpty:\r\nCONNECTION: x, Close\r\n\r\n"),
        CH_OK);
    ck_assert(ch_slice_is(head.method, "POST"));
    ck_assert(ch_slice_is(head.target, "/t/k/api"));
    ck_assert_uint_eq(head.body_size, 12);
    ck_assert(head.wants_close && !head.expects_continue);
    ck_assert(ch_slice_is(*ch_bot_head_find(&head, "x-A"), "v w"));
    ck_assert(ch_slice_is(*ch_bot_head_find(&head, "empty"), ""));
    ck_assert_ptr_null(ch_bot_head_find(&head, "x"));
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    unsigned http_status;
} refused[] = {
    { "POST /x HTTP/1.1\nHost: h\r\n\r\n",                                    400 },
    { LINE "Host: h\n\n",                                                     400 },
    { LINE "Host: h\r\r\n\r\n",                                               400 },
    { "\r\n" LINE HOST "\r\n",                                                400 },
    { LINE "\r\n",                                                            400 },
    { LINE HOST HOST "\r\n",                                                  400 },
    { LINE HOST "A: 1\r\na: 1\r\n\r\n",                                       400 },
    { LINE HOST " A: 1\r\n\r\n",                                              400 },
    { LINE HOST "A : 1\r\n\r\n",                                              400 },
    { LINE HOST ": 1\r\n\r\n",                                                400 },
    { LINE HOST "A\r\n\r\n",                                                  400 },
    { LINE HOST "A(: 1\r\n\r\n",                                              400 },
    { LINE HOST "A: \x01\r\n\r\n",                                            400 },
    { LINE HOST "A: \x7f\r\n\r\n",                                            400 },
    { LINE HOST "A: \xc0\x80\r\n\r\n",                                        400 },
    { LINE HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",    400 },
    { LINE HOST "Transfer-Encoding: identity\r\n\r\n",                        411 },
    { LINE HOST "Content-Length:\r\n\r\n",                                    400 },
    { LINE HOST "Content-Length: 1 2\r\n\r\n",                                400 },
    { LINE HOST "Content-Length: 00000000001\r\n\r\n",                        400 },
    { LINE HOST "Upgrade: x\r\n\r\n",                                         501 },
    { LINE HOST "Connection: keep-alive,upgrade\r\n\r\n",                     501 },
    { LINE HOST "Expect: x\r\n\r\n",                                          417 },
    { "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n",                                 405 },
    { "TRACE / HTTP/1.1\r\n" HOST "\r\n",                                     501 },
    { "GET http://h/ HTTP/1.1\r\n" HOST "\r\n",                               400 },
    { "GET x HTTP/1.1\r\n" HOST "\r\n",                                       400 },
    { "GET / HTTP/1.0\r\n" HOST "\r\n",                                       505 },
    { "GET / http/1.1\r\n" HOST "\r\n",                                       400 },
    { "GET /\x80 HTTP/1.1\r\n" HOST "\r\n",                                   400 },
    { "GET\t/ HTTP/1.1\r\n" HOST "\r\n",                                      400 },
};
/* clang-format on */

START_TEST(test_head_is_refused)
{
    ck_assert_int_eq(read_whole(refused[_i].text), CH_BAD_INPUT);
    ck_assert_uint_eq(http_status, refused[_i].http_status);
}
END_TEST

START_TEST(test_end_is_found_byte_by_byte)
{
    static const char text[] = LINE HOST "\r\nrest";
    size_t scanned = 0;
    size_t size = 0;
    size_t whole = strlen(text) - strlen("rest");
    for (size_t i = 0; i < whole; i++) {
        ck_assert_int_eq(ch_bot_head_end((ch_slice){(const uint8_t *)text, i}, &scanned, &size, &http_status, &err),
                         CH_OK);
        ck_assert_uint_eq(size, 0);
    }
    ck_assert_int_eq(ch_bot_head_end(ch_slice_of(text), &scanned, &size, &http_status, &err), CH_OK);
    ck_assert_uint_eq(size, whole);
}
END_TEST

START_TEST(test_long_head_is_refused)
{
    static uint8_t bytes[CH_BOT_HEAD_MAX];
    size_t scanned = 0;
    size_t size = 0;
    memset(bytes, 'x', sizeof bytes);
    ck_assert_int_eq(ch_bot_head_end((ch_slice){bytes, sizeof bytes}, &scanned, &size, &http_status, &err),
                     CH_BAD_INPUT);
    ck_assert_uint_eq(http_status, 431);
}
END_TEST

CH_TESTS("bot_head", CH_TEST(test_head_is_read), CH_TEST_ROWS(test_head_is_refused, refused),
         CH_TEST(test_end_is_found_byte_by_byte), CH_TEST(test_long_head_is_refused))

#include "relay/question.h"

#include "tests/support/suite.h"
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"
#define VISIBLE_128                                                                                                    \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                                                 \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static ch_bot_head head;
static ch_wire wire;
static ch_buffer packet;

static void set_up(void)
{
    head = (ch_bot_head){.method = CH_LITERAL("POST")};
    wire = (ch_wire){.caller = "bot",
                     .key = CH_LITERAL("main"),
                     .origin = CH_LITERAL("spot"),
                     .url = CH_LITERAL("/api?a=b"),
                     .head = &head,
                     .body = CH_LITERAL("{\r\n\t\"a\":\"\xc3\xa9\"\n}")};
    packet = (ch_buffer)CH_BUFFER_INIT;
}

static void tear_down(void)
{
    ch_buffer_free(&packet);
}

static void add_header(const char *name, const char *value)
{
    head.headers[head.count++] = (ch_header){ch_slice_of(name), ch_slice_of(value)};
}

static ch_status put(ch_error *err)
{
    return ch_question_put(&packet, 5, &wire, ID, 9, err);
}

START_TEST(test_what_is_asked)
{
    ch_error err = CH_ERROR_INIT;
    ch_frame frame;
    ch_sign_frame sign;
    ch_header_record header;
    add_header("Host", "localhost");
    add_header("X-Key", "k");
    add_header("idempotency-key", VISIBLE_128);
    add_header("Content-Length", "5");
    add_header("Accept", "");
    ck_assert_int_eq(put(&err), CH_OK);
    ch_slice bytes = ch_buffer_slice(&packet);
    ck_assert(ch_frame_next(&bytes, &frame) && bytes.size == 0);
    ck_assert(frame.type == CH_FRAME_SIGN && frame.id == 5);
    ck_assert_int_eq(ch_sign_frame_get(&frame, &sign, &err), CH_OK);
    ck_assert(sign.connection == 0 && sign.form == CH_FORM_WIRE && !sign.is_check && sign.errors_tag == 9);
    ck_assert(ch_slice_is(sign.key, "main") && ch_slice_is(sign.relay_id, ID) && ch_slice_is(sign.relay_for, "bot"));
    ck_assert(ch_slice_is(sign.method, "POST") && ch_slice_is(sign.url, "/api?a=b") &&
              ch_slice_is(sign.origin, "spot"));
    ck_assert(ch_slice_equal(sign.body, wire.body) && ch_slice_is(sign.repeat_key, VISIBLE_128));
    ck_assert(sign.host.size + sign.path.size + sign.text.size + sign.key_id.size + sign.values.count == 0);
    ck_assert_uint_eq(sign.headers.count, 2);
    ck_assert(ch_header_record_next(&sign.headers, &header) && ch_slice_is(header.name, "X-Key"));
    ck_assert(ch_header_record_next(&sign.headers, &header) && ch_slice_is(header.name, "Accept"));
    ck_assert_uint_eq(header.value.size, 0);
}
END_TEST

/* clang-format off */
static const struct {
    const char *key;
    const char *origin;
    const char *url;
    const char *name;
    const char *value;
    const char *body;
} bad[] = {
    /* key      origin      url         header                          body */
    { "",       "",         "/",        "A", "b",                       "" },
    { "../x",   "",         "/",        "A", "b",                       "" },
    { "main",   "a b",      "/",        "A", "b",                       "" },
    { "main",   "",         "",         "A", "b",                       "" },
    { "main",   "",         "/\n",      "A", "b",                       "" },
    { "main",   "",         "/\xff",    "A", "b",                       "" },
    { "main",   "",         "/",        "A b", "b",                     "" },
    { "main",   "",         "/",        "A", "b\rc",                    "" },
    { "main",   "",         "/",        "A", "\xff",                    "" },
    { "main",   "",         "/",        "A", "b",                       "\x01" },
    { "main",   "",         "/",        "A", "b",                       "a\xc3" },
    { "main",   "",         "/",        "Idempotency-Key", "",          "" },
    { "main",   "",         "/",        "Idempotency-Key", "a b",       "" },
    { "main",   "",         "/",        "Idempotency-Key", "\xc3\xa9",  "" },
    { "main",   "",         "/",        "Idempotency-Key", VISIBLE_128 "0", "" },
};
/* clang-format on */

START_TEST(test_what_no_frame_may_hold)
{
    ch_error err = CH_ERROR_INIT;
    wire.key = ch_slice_of(bad[_i].key);
    wire.origin = ch_slice_of(bad[_i].origin);
    wire.url = ch_slice_of(bad[_i].url);
    wire.body = ch_slice_of(bad[_i].body);
    add_header(bad[_i].name, bad[_i].value);
    ck_assert_int_eq(put(&err), CH_BAD_INPUT);
    ck_assert_uint_eq(packet.size, 0);
}
END_TEST

START_TEST(test_how_large_a_question_may_be)
{
    ch_error err = CH_ERROR_INIT;
    char *body = malloc(CH_QUESTION_MAX + 1);
    memset(body, 'x', CH_QUESTION_MAX + 1);
    wire.body = (ch_slice){(const uint8_t *)body, 0};
    ck_assert_int_eq(put(&err), CH_OK);
    size_t rest = packet.size;
    wire.body.size = CH_QUESTION_MAX - rest;
    ch_buffer_clear(&packet);
    ck_assert_int_eq(put(&err), CH_OK);
    ck_assert_uint_eq(packet.size, CH_QUESTION_MAX);
    wire.body.size++;
    ck_assert_int_eq(put(&err), CH_TOO_LARGE);
    ck_assert_uint_eq(packet.size, CH_QUESTION_MAX); /* the one before */
    wire.body.size = CH_QUESTION_MAX + 1;
    ck_assert_int_eq(put(&err), CH_TOO_LARGE);
    free(body);
}
END_TEST

START_TEST(test_prints_tell_requests_apart)
{
    uint8_t one[CH_PRINT_SIZE];
    uint8_t other[CH_PRINT_SIZE];
    add_header("A", "b");
    add_header("Host", "x");
    ch_wire_print(&wire, one);
    head.headers[1].value = CH_LITERAL("y");
    ch_wire_print(&wire, other);
    ck_assert_mem_eq(one, other, CH_PRINT_SIZE); /* it is of the connection */
    head.headers[0] = (ch_header){CH_LITERAL("Ab"), CH_LITERAL("")};
    ch_wire_print(&wire, other);
    ck_assert_mem_ne(one, other, CH_PRINT_SIZE);
}
END_TEST

CH_TESTS_WITH("question", set_up, tear_down, CH_TEST(test_what_is_asked),
              CH_TEST_ROWS(test_what_no_frame_may_hold, bad), CH_TEST(test_how_large_a_question_may_be),
              CH_TEST(test_prints_tell_requests_apart))

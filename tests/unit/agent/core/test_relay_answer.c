/* The plain profile has no `answers`, so that its errors have the plain form. Run from the repository's root. */
#include "agent/core/relay_answer.h"

#include "exchange/load.h"
#include "tests/support/suite.h"
#include "wire/frames.h"

#include <string.h>

#define ID "7d5c0bd3a1f94e0f8a5d0c2b9e6f1a34"

static ch_error err;
static ch_profile *profile;
static ch_records shapes;
static ch_buffer records = CH_BUFFER_INIT;

static void load(const char *path)
{
    ck_assert_msg(ch_profile_load(path, &profile, &err) == CH_OK, "%s", err.message);
}

static ch_shape_record next_shape(void)
{
    ch_shape_record shape;
    ck_assert(ch_shape_record_next(&shapes, &shape));
    return shape;
}

START_TEST(test_errors_are_not_sent_and_unknown_with_a_place_for_the_id)
{
    load("tests/profiles/plain.yaml");
    ch_relay_errors_add(profile, &shapes, &records);
    ck_assert_uint_eq(shapes.count, 2);
    const ch_shape_record not_sent = next_shape();
    ck_assert_uint_eq(not_sent.status, 503);
    ck_assert(ch_slice_is(not_sent.body,
                          "{\"message\":\"chancery: request " CH_RELAY_NO_ID
                          " did not reach the exchange; it may be sent again\",\"id\":\"" CH_RELAY_NO_ID "\"}"));
    const ch_shape_record unknown = next_shape();
    ck_assert_uint_eq(unknown.status, 504);
    ck_assert(ch_slice_begins(unknown.body,
                              CH_LITERAL("{\"message\":\"chancery: request " CH_RELAY_NO_ID " was sent, and nobody")));
}
END_TEST

START_TEST(test_lines_are_whole_header_lines)
{
    load("profiles/binance.yaml");
    ch_relay_errors_add(profile, &shapes, &records);
    while (shapes.count > 0) {
        const ch_shape_record shape = next_shape();
        ck_assert(ch_slice_begins(shape.lines, CH_LITERAL("Content-Type: ")));
        ck_assert_uint_gt(shape.lines.size, 2);
        ck_assert_int_eq(memcmp(shape.lines.data + shape.lines.size - 2, "\r\n", 2), 0);
    }
}
END_TEST

/* clang-format off */
static const struct {
    ch_status status;
    uint16_t http_status;
} kinds[] = {
    /* the agent's failure   the exchange's */
    { CH_REFUSED,            422 },
    { CH_BAD_INPUT,          422 },
    { CH_NOT_FOUND,          422 },
    { CH_TOO_LARGE,          422 },
    { CH_LOCKED,             422 },
    { CH_BUSY,               503 },
    { CH_TOO_OFTEN,          503 },
    { CH_UNAVAILABLE,        503 },
    { CH_TOKEN,              503 },
    { CH_IO,                 503 },
    { CH_INTERNAL,           503 },
    { CH_ALREADY_SENT,       504 }, /* the only one in which something was sent */
};
/* clang-format on */

START_TEST(test_a_failure_is_said_as_the_exchange_would)
{
    load("tests/profiles/plain.yaml");
    ch_exchange_error_add(profile, kinds[_i].status, CH_LITERAL("because"), CH_LITERAL(ID), &shapes, &records);
    ck_assert_uint_eq(shapes.count, 1);
    const ch_shape_record shape = next_shape();
    ck_assert_uint_eq(shape.status, kinds[_i].http_status);
    ck_assert(ch_slice_is(shape.body, "{\"message\":\"chancery: because\",\"id\":\"" ID "\"}"));
}
END_TEST

/* clang-format off */
static const struct {
    unsigned status;
    const char *body;
    bool is_rejection;
} answers[] = {
    { 400, "{\"code\":-1013,\"msg\":\"Filter failure: LOT_SIZE\"}", true },
    { 500, "{\"code\":-1013,\"msg\":\"Filter failure: LOT_SIZE\"}", false },
    { 504, "{\"code\":-1013,\"msg\":\"Filter failure: LOT_SIZE\"}", false },
    { 400, "{\"code\":-1013,\"msg\":\"Filter fa",         false },
    { 400, "",                                             false },
    { 400, "\xff\xfe",                                     false }, /* no text */
    { 200, "{}",                                           false },
};
/* clang-format on */

START_TEST(test_only_what_the_exchange_rejects_is_undone)
{
    const ch_endpoint *endpoint = NULL;
    load("profiles/binance.yaml");
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (strcmp(ch_endpoint_method(endpoint), "POST") == 0 &&
            strcmp(ch_endpoint_path(endpoint), "/api/v3/order") == 0)
            break;
    }
    ck_assert_ptr_nonnull(endpoint);
    ck_assert_int_eq(ch_relay_is_rejection(endpoint, answers[_i].status, ch_slice_of(answers[_i].body)),
                     answers[_i].is_rejection);
}
END_TEST

CH_TESTS("relay_answer", CH_TEST(test_errors_are_not_sent_and_unknown_with_a_place_for_the_id),
         CH_TEST(test_lines_are_whole_header_lines), CH_TEST_ROWS(test_a_failure_is_said_as_the_exchange_would, kinds),
         CH_TEST_ROWS(test_only_what_the_exchange_rejects_is_undone, answers))

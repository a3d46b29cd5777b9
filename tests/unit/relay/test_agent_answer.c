#include "relay/agent_answer.h"

#include "tests/support/suite.h"
#include "wire/frames.h"

#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"

static ch_buffer packet;
static ch_buffer records;
static ch_buffer shape_records;

static void set_up(void)
{
    packet = records = shape_records = (ch_buffer)CH_BUFFER_INIT;
}

static void tear_down(void)
{
    ch_buffer_free(&packet);
    ch_buffer_free(&records);
    ch_buffer_free(&shape_records);
}

static ch_frame written(void)
{
    ch_slice bytes = ch_buffer_slice(&packet);
    ch_frame frame;
    ck_assert(ch_frame_next(&bytes, &frame) && bytes.size == 0);
    return frame;
}

static ch_agent_answer read_written(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_frame frame = written();
    ch_agent_answer answer;
    ck_assert_int_eq(ch_agent_answer_read(&frame, &answer, &err), CH_OK);
    return answer;
}

static ch_records shapes_of(size_t count, unsigned status, const char *lines)
{
    ch_records list = {0};
    for (size_t i = 0; i < count; i++) {
        const ch_shape_record shape = {
            .status = (uint16_t)(status + i), .lines = ch_slice_of(lines), .body = CH_LITERAL("sorry")};
        ch_shape_record_put(&list, &shape_records, &shape);
    }
    return list;
}

/* ---- what is signed, or public ---- */

/* clang-format off */
static const struct {
    const char *method;
    const char *url;
    const char *name;
    const char *value;
    bool is_public;
    ch_agent_says says;
} requests[] = {
    { "POST",                   "https://h/",       "A",    "b",            false,  CH_AGENT_SIGNED },
    { "GET",                    "https://h/\xc3\xa9", "A",  "",             false,  CH_AGENT_SIGNED },
    { "GET",                    "https://h/",       "A",    "b",            true,   CH_AGENT_PUBLIC },
    { "",                       "https://h/",       "A",    "b",            false,  CH_AGENT_SILENT },
    { "GET / HTTP/1.1\r\nA:",   "https://h/",       "A",    "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "",                 "A",    "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/\n",     "A",    "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/\xff",   "A",    "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/",       "A:",   "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/",       "",     "b",            false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/",       "A",    "b\r\nC: d",    false,  CH_AGENT_SILENT },
    { "GET",                    "https://h/",       "A",    "b\r\nC: d",    true,   CH_AGENT_SILENT },
};

static const struct {
    size_t count;
    unsigned status;
    const char *lines;
    bool is_good;
} shapes[] = {
    { 0,    0,      "",                     true },
    { 1,    400,    "A: b\r\n",             false },
    { 3,    400,    "A: b\r\n",             false },
    { 2,    400,    "A: b\r\n",             true },
    { 2,    200,    "",                     true },
    { 2,    400,    "A: b\r\nC: \r\n",      true },
    { 2,    598,    "",                     true },
    { 2,    199,    "",                     false },
    { 2,    599,    "",                     false }, /* the second is 600 */
    { 2,    400,    "A: b",                 false },
    { 2,    400,    "A: b\n",               false },
    { 2,    400,    "A: b\r",               false },
    { 2,    400,    "A:b\r\n",              false },
    { 2,    400,    "A:\r\n",               false },
    { 2,    400,    "\r\n",                 false },
    { 2,    400,    "A: b\r\n\r\n",         false },
    { 2,    400,    "A: b\nC: d\r\n",       false },
    { 2,    400,    "A : b\r\n",            false },
    { 2,    400,    " A: b\r\n",            false },
    { 2,    400,    "A: \xff\r\n",          false },
};
/* clang-format on */

START_TEST(test_request)
{
    ch_error err = CH_ERROR_INIT;
    ch_signed_frame is = {.method = ch_slice_of(requests[_i].method),
                          .url = ch_slice_of(requests[_i].url),
                          .body = CH_LITERAL("x"),
                          .is_public = requests[_i].is_public,
                          .has_effects = true,
                          .is_serial = true};
    const ch_header_record header = {ch_slice_of(requests[_i].name), ch_slice_of(requests[_i].value)};
    ch_header_record_put(&is.headers, &records, &header);
    ck_assert_int_eq(ch_signed_frame_put(&packet, 1, &is, &err), CH_OK);
    ch_agent_answer answer = read_written();
    ck_assert_int_eq(answer.says, requests[_i].says);
    if (answer.says == CH_AGENT_SILENT)
        return;
    ck_assert(ch_slice_is(answer.method, requests[_i].method) && ch_slice_is(answer.url, requests[_i].url));
    ck_assert(ch_slice_is(answer.body, "x") && answer.headers.count == 1);
    ck_assert(answer.has_effects == !requests[_i].is_public && answer.is_serial);
}
END_TEST

START_TEST(test_shapes_of_errors)
{
    ch_error err = CH_ERROR_INIT;
    const ch_signed_frame is = {.method = CH_LITERAL("GET"),
                                .url = CH_LITERAL("https://h/"),
                                .errors_tag = 9,
                                .errors = shapes_of(shapes[_i].count, shapes[_i].status, shapes[_i].lines)};
    ck_assert_int_eq(ch_signed_frame_put(&packet, 1, &is, &err), CH_OK);
    ch_agent_answer answer = read_written();
    ck_assert_int_eq(answer.says, shapes[_i].is_good ? CH_AGENT_SIGNED : CH_AGENT_SILENT);
    ck_assert_uint_eq(answer.shapes.count, shapes[_i].is_good ? shapes[_i].count : 0);
    ck_assert_uint_eq(answer.errors_tag, shapes[_i].is_good ? 9 : 0);
}
END_TEST

START_TEST(test_a_shape_is_read_without_lines_of_a_connection)
{
    ch_records list = shapes_of(2, 400, "A: b\r\ncontent-length: 9\r\nConnection: close\r\nC: d\r\n");
    ch_shape shape;
    ck_assert(ch_shape_read(list, CH_SHAPE_UNKNOWN, &shape));
    ck_assert_uint_eq(shape.status, 401);
    ck_assert_str_eq(ch_buffer_text(&shape.lines), "A: b\r\nC: d\r\n");
    ck_assert(ch_slice_is(shape.body, "sorry"));
    ch_buffer_free(&shape.lines);
    ck_assert(!ch_shape_read(list, CH_SHAPES, &shape));
    ch_buffer_free(&shape.lines);
    ck_assert(!ch_shape_read((ch_records){0}, CH_SHAPE_NOT_SENT, &shape));
    ch_buffer_free(&shape.lines);
}
END_TEST

/* ---- refusals ---- */

/* clang-format off */
static const struct {
    ch_status status;
    const char *sent_id;
    size_t shapes;
    unsigned shape_status;
    ch_agent_says says;
    size_t shapes_read;
} refusals[] = {
    { CH_REFUSED,       "",                                     0,  0,      CH_AGENT_REFUSES,       0 },
    { CH_REFUSED,       ID,                                     1,  400,    CH_AGENT_REFUSES,       1 },
    { CH_REFUSED,       "",                                     1,  100,    CH_AGENT_REFUSES,       0 },
    { CH_REFUSED,       "",                                     2,  400,    CH_AGENT_REFUSES,       0 },
    { CH_ALREADY_SENT,  ID,                                     1,  400,    CH_AGENT_ALREADY_SENT,  1 },
    { CH_ALREADY_SENT,  "",                                     0,  0,      CH_AGENT_ALREADY_SENT,  0 },
    { CH_ALREADY_SENT,  "0123456789ABCDEF0123456789abcdef",     0,  0,      CH_AGENT_ALREADY_SENT,  0 },
    { CH_ALREADY_SENT,  ID "0",                                 0,  0,      CH_AGENT_ALREADY_SENT,  0 },
    { CH_OK,            "",                                     0,  0,      CH_AGENT_SILENT,        0 },
};
/* clang-format on */

START_TEST(test_refusal)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer document = CH_BUFFER_INIT;
    ch_failed_frame failed = {.step = CH_LITERAL("judge"),
                              .retry_after_s = 3,
                              .relay_id = ch_slice_of(refusals[_i].sent_id),
                              .exchange_error = shapes_of(refusals[_i].shapes, refusals[_i].shape_status, "A: b\r\n")};
    if (refusals[_i].status != CH_OK)
        (void)ch_fail_rule(&failed.why, refusals[_i].status, "limits.day", "too \"much\"");
    ck_assert_int_eq(ch_failed_frame_put(&packet, 1, &failed, &err), CH_OK);
    ch_agent_answer answer = read_written();
    ck_assert_int_eq(answer.says, refusals[_i].says);
    ck_assert_uint_eq(answer.shapes.count, refusals[_i].shapes_read);
    ck_assert(ch_slice_is(answer.sent_id, answer.says == CH_AGENT_ALREADY_SENT && _i == 4 ? ID : ""));
    if (answer.says != CH_AGENT_REFUSES)
        return;
    ck_assert_uint_eq(answer.http_status, (unsigned)ch_status_http(refusals[_i].status));
    ck_assert_uint_eq(answer.retry_after_s, 3);
    ch_agent_answer_add_document(&answer, 422, &document);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&document), "\"status\":422,\"detail\":\"too \\\"much\\\"\","
                                                            "\"rule\":\"limits.day\",\"step\":\"judge\"}"));
}
END_TEST

START_TEST(test_a_document_says_the_status_of_the_agent_or_of_the_answer)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer own = CH_BUFFER_INIT;
    ch_failed_frame failed = {.retry_after_s = 0};
    (void)ch_fail(&failed.why, CH_REFUSED, "no");
    ck_assert_int_eq(ch_failed_frame_put(&packet, 1, &failed, &err), CH_OK);
    ch_agent_answer answer = read_written();
    ch_agent_answer_add_document(&answer, 0, &own);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&own), "\"status\":403,"));
}
END_TEST

START_TEST(test_people_must_approve)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer own = CH_BUFFER_INIT;
    ch_autobuffer plain = CH_BUFFER_INIT;
    const ch_request_is_frame request = {
        .request = 7, .state = CH_LITERAL("waiting"), .exchange_error = shapes_of(1, 400, "A: b\r\n")};
    ck_assert_int_eq(ch_request_is_frame_put(&packet, 1, &request, &err), CH_OK);
    ch_agent_answer answer = read_written();
    ck_assert_int_eq(answer.says, CH_AGENT_REFUSES);
    ck_assert_uint_eq(answer.http_status, 202);
    ck_assert_uint_eq(answer.shapes.count, 1);
    ch_agent_answer_add_document(&answer, 0, &own);
    ch_agent_answer_add_document(&answer, 422, &plain);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&own), ",\"url\":\"/v1/requests/7\"}"));
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&plain), ",\"url\":\"/v1/requests/7\",\"status\":422}"));
}
END_TEST

/* ---- what is none ---- */

START_TEST(test_malformed_frames)
{
    ch_error err = CH_ERROR_INIT;
    ch_agent_answer answer;
    const ch_signed_frame is = {.method = CH_LITERAL("GET"), .url = CH_LITERAL("https://h/")};
    ck_assert_int_eq(ch_signed_frame_put(&packet, 1, &is, &err), CH_OK);
    ch_frame frame = written();
    frame.end--;
    ck_assert_int_eq(ch_agent_answer_read(&frame, &answer, &err), CH_INTERNAL);
    frame = written();
    frame.type = CH_FRAME_OUTCOMES_TAKEN;
    ck_assert_int_eq(ch_agent_answer_read(&frame, &answer, &err), CH_INTERNAL);
    frame.type = CH_FRAME_FAILED;
    ck_assert_int_eq(ch_agent_answer_read(&frame, &answer, &err), CH_INTERNAL);
}
END_TEST

CH_TESTS_WITH("agent_answer", set_up, tear_down, CH_TEST_ROWS(test_request, requests),
              CH_TEST_ROWS(test_shapes_of_errors, shapes), CH_TEST(test_a_shape_is_read_without_lines_of_a_connection),
              CH_TEST_ROWS(test_refusal, refusals),
              CH_TEST(test_a_document_says_the_status_of_the_agent_or_of_the_answer), CH_TEST(test_people_must_approve),
              CH_TEST(test_malformed_frames))

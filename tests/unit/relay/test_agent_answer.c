#include "relay/agent_answer.h"

#include "tests/support/suite.h"

#define REQUEST "\"method\":\"POST\",\"url\":\"https://h/\",\"headers\":{\"A\":\"b\"},\"body\":\"x\""
#define RELAY "\"relay\":{\"effects\":true,\"serial\":true,\"errors\":{}}"

/* clang-format off */
static const struct {
    unsigned status;
    const char *text;
    ch_agent_says says;
} cases[] = {
    { 200, "{" REQUEST "," RELAY "}",                                                       CH_AGENT_SIGNED },
    { 200, "{" REQUEST ",\"public\":true}",                                                 CH_AGENT_PUBLIC },
    { 200, "{" REQUEST "}",                                                                 CH_AGENT_SILENT },
    { 200, "{" REQUEST ",\"public\":\"true\"}",                                             CH_AGENT_SILENT },
    { 200, "{" REQUEST ",\"relay\":{\"effects\":1}}",                                       CH_AGENT_SILENT },
    { 200, "{" RELAY "}",                                                                   CH_AGENT_SILENT },
    { 200, "[]",                                                                            CH_AGENT_SILENT },
    { 200, "",                                                                              CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET\",\"url\":\"u\",\"headers\":{\"A\":1}," RELAY "}",            CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET\",\"url\":\"u\",\"headers\":{\"A\":\"b\\r\\nC: d\"}," RELAY "}", CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET\",\"url\":\"u\",\"headers\":{\"A:\":\"b\"}," RELAY "}",       CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET\",\"url\":\"u\",\"headers\":{},\"body\":5," RELAY "}",        CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET / HTTP/1.1\\r\\nA:\",\"url\":\"u\",\"headers\":{}," RELAY "}", CH_AGENT_SILENT },
    { 200, "{\"method\":\"\",\"url\":\"u\",\"headers\":{}," RELAY "}",                      CH_AGENT_SILENT },
    { 200, "{\"method\":\"GET\",\"url\":\"u\",\"headers\":{}," RELAY "}",                   CH_AGENT_SIGNED },
    { 202, "{" REQUEST "," RELAY "}",                                                       CH_AGENT_REFUSES },
    { 403, "{\"type\":\"urn:chancery:problem:refused\"}",                                   CH_AGENT_REFUSES },
    { 409, "{\"type\":\"urn:chancery:problem:already-sent\",\"relay_id\":\"x\"}",           CH_AGENT_ALREADY_SENT },
    { 409, "{\"type\":\"urn:chancery:problem:already-sent\"}",                              CH_AGENT_REFUSES },
    { 409, "{\"type\":\"urn:chancery:problem:conflict\",\"relay_id\":\"x\"}",               CH_AGENT_REFUSES },
    { 403, "{\"type\":\"urn:chancery:problem:already-sent\",\"relay_id\":\"x\"}",           CH_AGENT_REFUSES },
    { 500, "oops",                                                                          CH_AGENT_REFUSES },
};

static const struct {
    const char *text;
    bool is_good;
} shapes[] = {
    { "{\"status\":400,\"headers\":{\"A\":\"b\"},\"body\":\"x\"}",      true },
    { "{\"status\":200,\"body\":\"\"}",                                 true },
    { "{\"status\":100,\"body\":\"\"}",                                 false },
    { "{\"status\":600,\"body\":\"\"}",                                 false },
    { "{\"status\":\"400\",\"body\":\"\"}",                             false },
    { "{\"status\":400}",                                               false },
    { "{\"status\":400,\"headers\":{\"A\":\"b\\n\"},\"body\":\"\"}",    false },
    { "{\"status\":400,\"headers\":[],\"body\":\"\"}",                  false },
    { "[]",                                                             false },
};
/* clang-format on */

START_TEST(test_answer)
{
    json_t *document = json_loads(cases[_i].text, 0, NULL);
    ch_agent_answer answer = {.status = cases[_i].status};
    ch_agent_answer_read(document, &answer);
    ck_assert_int_eq(answer.says, cases[_i].says);
    json_decref(document);
}
END_TEST

START_TEST(test_shape)
{
    json_t *document = json_loads(shapes[_i].text, 0, NULL);
    ch_shape shape;
    ck_assert_int_eq(ch_shape_read(document, &shape), shapes[_i].is_good);
    ch_buffer_free(&shape.lines);
    json_decref(document);
}
END_TEST

CH_TESTS("agent_answer", CH_TEST_ROWS(test_answer, cases), CH_TEST_ROWS(test_shape, shapes))

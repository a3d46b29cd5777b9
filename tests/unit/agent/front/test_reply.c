#include "agent/front/reply.h"

#include "agent/front/problem.h"
#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

static void add_header(ch_signed_frame *answer, ch_buffer *records, const char *name, const char *value)
{
    ch_header_record header = {.name = ch_slice_of(name), .value = ch_slice_of(value)};
    ch_header_record_put(&answer->headers, records, &header);
}

START_TEST(test_signed_reply_is_escaped)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_signed_frame answer = {.method = CH_LITERAL("POST"),
                              .url = CH_LITERAL("https://x/?a=\"b\""),
                              .body = CH_LITERAL("{\"a\":\"\\\"}\x01\n\xc3\xa9"),
                              .key = CH_LITERAL("k")};
    add_header(&answer, &records, "A", "1");
    add_header(&answer, &records, "B", "");
    ch_reply_add_signed(&out, &answer);
    ck_assert_str_eq(ch_buffer_text(&out), "{\"method\":\"POST\",\"url\":\"https://x/?a=\\\"b\\\"\",\"headers\":{\"A\":"
                                           "\"1\",\"B\":\"\"},\"body\":\"{\\\"a\\\":\\\"\\\\\\\"}\\u0001\\u000a"
                                           "\xc3\xa9\",\"key\":\"k\"}\n");
}
END_TEST

START_TEST(test_status_has_what_each_token_has_done)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_status_is_frame answer = {.clock = CH_LITERAL("trusted")};
    ch_listed_token_record token = {.name = CH_LITERAL("main"),
                                    .state = CH_LITERAL("unlocked"),
                                    .signatures = 1,
                                    .failures = 2,
                                    .process_starts = 3,
                                    .logins = 4};
    ch_listed_token_record_put(&answer.tokens, &records, &token);
    ch_reply_add_status(&out, &answer);
    const char *text = ch_buffer_text(&out);
    ck_assert_msg(strstr(text, "\"tokens\":[{\"name\":\"main\",\"state\":\"unlocked\",\"detail\":\"\",\"signatures\":1,"
                               "\"failures\":2,\"process_starts\":3,\"logins\":4}]") != NULL,
                  "%s", text);
}
END_TEST

START_TEST(test_problem_names_status_rule_and_step)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_REFUSED, "keys.a.allow", "no \"grant\"");
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_problem_add(&out, &problem, 403, CH_LITERAL("policy"));
    ck_assert_str_eq(
        ch_buffer_text(&out),
        "{\"type\":\"urn:chancery:problem:refused\",\"title\":\"Policy refuses the request\",\"status\":403,"
        "\"detail\":\"no \\\"grant\\\"\",\"rule\":\"keys.a.allow\",\"step\":\"policy\"}\n");
}
END_TEST

START_TEST(test_problem_without_rule_and_step_leaves_them_out)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_BUSY, "", "try again");
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_problem_add(&out, &problem, 503, CH_LITERAL(""));
    ck_assert_str_eq(ch_buffer_text(&out),
                     "{\"type\":\"urn:chancery:problem:busy\",\"title\":\"Too many requests at once\","
                     "\"status\":503,\"detail\":\"try again\"}\n");
}
END_TEST

CH_TESTS("reply", CH_TEST(test_signed_reply_is_escaped), CH_TEST(test_status_has_what_each_token_has_done),
         CH_TEST(test_problem_names_status_rule_and_step), CH_TEST(test_problem_without_rule_and_step_leaves_them_out))

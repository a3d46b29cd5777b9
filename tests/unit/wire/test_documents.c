#include "wire/documents.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_buffer out = CH_BUFFER_INIT;

START_TEST(test_a_request_that_waits_says_what_it_needs)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_records people = {0};
    ch_text_record_put(&people, &records, &(ch_text_record){.bytes = CH_LITERAL("alice")});
    ch_request_is_frame answer = {.request = 1042,
                                  .state = CH_LITERAL("waiting"),
                                  .key = CH_LITERAL("k"),
                                  .approvals = 2,
                                  .needs_code = true,
                                  .delay_s = 60,
                                  .of = people,
                                  .given = 1,
                                  .asked_ms = 5,
                                  .expires_ms = 6};
    ch_request_document_add(&out, &answer, 0);
    ck_assert_str_eq(ch_buffer_text(&out),
                     "{\"id\":1042,\"state\":\"waiting\",\"key\":\"k\",\"needs\":{\"approvals\":2,\"code\":true,"
                     "\"delay_s\":60,\"of\":[\"alice\"],\"rules\":[]},\"given\":1,\"asked_ms\":5,\"expires_ms\":6,"
                     "\"url\":\"/v1/requests/1042\"}");
    ch_buffer_clear(&out);
    answer = (ch_request_is_frame){.request = 1, .state = CH_LITERAL("denied"), .ended_ms = 7, .why = CH_LITERAL("no")};
    ch_request_document_add(&out, &answer, 0);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&out), ",\"ended_ms\":7,\"why\":\"no\",\"url\""));
    ch_buffer_clear(&out);
    ch_request_document_add(&out, &answer, 422);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&out), "\"url\":\"/v1/requests/1\",\"status\":422}"));
}
END_TEST

START_TEST(test_problem_names_status_rule_and_step)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_REFUSED, "keys.a.allow", "no \"grant\"");
    ch_problem_add(&out, &problem, 403, &(ch_problem_facts){.step = CH_LITERAL("policy")});
    ck_assert_str_eq(
        ch_buffer_text(&out),
        "{\"type\":\"urn:chancery:problem:refused\",\"title\":\"Policy refuses the request\",\"status\":403,"
        "\"detail\":\"no \\\"grant\\\"\",\"rule\":\"keys.a.allow\",\"step\":\"policy\"}");
}
END_TEST

START_TEST(test_problem_has_the_figures_of_the_limit)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_REFUSED, "size", "too much");
    ch_problem_add(&out, &problem, 403,
                   &(ch_problem_facts){.step = CH_LITERAL("policy"),
                                       .control = CH_LITERAL("maximum-order-value"),
                                       .limit = CH_LITERAL("5000 USDT"),
                                       .asked = CH_LITERAL("6000 USDT"),
                                       .left = CH_LITERAL("\"0\""),
                                       .fact = CH_LITERAL("price")});
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&out),
                                 ",\"step\":\"policy\",\"control\":\"maximum-order-value\",\"limit\":\"5000 USDT\","
                                 "\"asked\":\"6000 USDT\",\"left\":\"\\\"0\\\"\",\"fact\":\"price\"}"));
}
END_TEST

/* clang-format off */
static const struct {
    ch_problem_facts facts;
    const char *says;
} needs[] = {
    { { .approvals = 2 },                                        "\"needs\":{\"approvals\":2,\"code\":false,\"delay_s\":0}" },
    { { .needs_code = true },                                    "\"needs\":{\"approvals\":0,\"code\":true,\"delay_s\":0}" },
    { { .delay_s = UINT64_MAX },                                 "\"needs\":{\"approvals\":0,\"code\":false,\"delay_s\":18446744073709551615}" },
    { { .approvals = 1, .needs_code = true, .delay_s = 21600 },  "\"needs\":{\"approvals\":1,\"code\":true,\"delay_s\":21600}" },
};
/* clang-format on */

START_TEST(test_problem_has_what_the_request_needs)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_REFUSED, "two", "approve it");
    ch_problem_add(&out, &problem, 403, &needs[_i].facts);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&out), needs[_i].says));
}
END_TEST

START_TEST(test_problem_without_rule_and_facts_leaves_them_out)
{
    ch_error problem = CH_ERROR_INIT;
    ch_error_set(&problem, CH_BUSY, "", "try again");
    ch_problem_add(&out, &problem, 503, &(ch_problem_facts){.approvals = 0});
    ck_assert_str_eq(ch_buffer_text(&out),
                     "{\"type\":\"urn:chancery:problem:busy\",\"title\":\"Too many requests at once\","
                     "\"status\":503,\"detail\":\"try again\"}");
}
END_TEST

CH_TESTS("documents", CH_TEST(test_a_request_that_waits_says_what_it_needs),
         CH_TEST(test_problem_names_status_rule_and_step), CH_TEST(test_problem_has_the_figures_of_the_limit),
         CH_TEST_ROWS(test_problem_has_what_the_request_needs, needs),
         CH_TEST(test_problem_without_rule_and_facts_leaves_them_out))

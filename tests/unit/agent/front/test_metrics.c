#include "agent/front/metrics.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "wire/link_state.h"

#include <string.h>

static ch_buffer tokens;
static ch_buffer problems;
static ch_buffer notices;
static ch_buffer callers;
static ch_buffer out;

static ch_status_is_frame make(void)
{
    return (ch_status_is_frame){.version = CH_LITERAL("1.2"),
                                .uptime_s = 77,
                                .is_known = true,
                                .is_ready = true,
                                .signed_count = 18446744073709551615U,
                                .refused_count = 2,
                                .waiting_count = 6,
                                .failed_count = 3,
                                .key_count = 5,
                                .ready_count = 4,
                                .clock = CH_LITERAL("trusted")};
}

static void add_token(ch_status_is_frame *frame, const char *name, ch_link_state state)
{
    ch_listed_token_record token = {.name = ch_slice_of(name),
                                    .link_state = (uint8_t)state,
                                    .signatures = 10,
                                    .failures = 11,
                                    .process_starts = 12,
                                    .logins = 13};
    ch_listed_token_record_put(&frame->tokens, &tokens, &token);
}

static void add_problem(ch_status_is_frame *frame, const char *key)
{
    ch_key_problem_record problem = {.key = ch_slice_of(key), .problem = CH_LITERAL("it is away")};
    ch_key_problem_record_put(&frame->problems, &problems, &problem);
}

static void add_caller(ch_status_is_frame *frame, const char *user, uint32_t requests, uint32_t work_permille)
{
    ch_caller_rate_record caller = {ch_slice_of(user), requests, work_permille};
    ch_caller_rate_record_put(&frame->callers, &callers, &caller);
}

static const char *render(const ch_status_is_frame *frame)
{
    ch_buffer_clear(&out);
    ch_metrics_add(&out, frame);
    return ch_buffer_text(&out);
}

/* `line` stands there as a whole. */
static void check_line(const char *text, const char *line)
{
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_buffer_add_format(&whole, "\n%s\n", line);
    ck_assert_msg(strstr(text, ch_buffer_text(&whole)) != NULL, "no line '%s' in:\n%s", line, text);
}

START_TEST(test_a_stranger_sees_whether_the_agent_is_ready_and_no_more)
{
    ch_status_is_frame frame = make();
    frame.is_known = false;
    add_token(&frame, "main", CH_LINK_SERVING);
    ck_assert_str_eq(render(&frame),
                     "# HELP chancery_ready 1 if every key of the policy can sign and the clock is trusted.\n"
                     "# TYPE chancery_ready gauge\n"
                     "chancery_ready 1\n");
}
END_TEST

START_TEST(test_values_are_those_of_the_frame)
{
    static const char *const lines[] = {
        "chancery_ready 1",
        "chancery_uptime_seconds 77",
        "chancery_build_info{version=\"1.2\"} 1",
        "chancery_requests_total{outcome=\"signed\"} 18446744073709551615",
        "chancery_requests_total{outcome=\"refused\"} 2",
        "chancery_requests_total{outcome=\"failed\"} 3",
        "chancery_keys 5",
        "chancery_keys_ready 4",
        "chancery_clock_trusted 1",
        "chancery_confinement_gaps 0",
        "chancery_notices 2",
        "chancery_approvals_waiting 6",
        "chancery_key_problem{key=\"a\"} 1",
        "chancery_token_signatures_total{token=\"main\"} 10",
        "chancery_token_failures_total{token=\"main\"} 11",
        "chancery_token_process_starts_total{token=\"main\"} 12",
        "chancery_token_logins_total{token=\"main\"} 13",
        "chancery_caller_requests_per_second{user=\"1000\"} 7",
        "chancery_caller_work_ratio{user=\"1000\"} 1.002",
        "chancery_caller_work_ratio{user=\"strangers\"} 0.050",
    };
    ch_status_is_frame frame = make();
    add_token(&frame, "main", CH_LINK_SERVING);
    add_problem(&frame, "a");
    ch_text_record_put(&frame.notices, &notices, &(ch_text_record){CH_LITERAL("one")});
    ch_text_record_put(&frame.notices, &notices, &(ch_text_record){CH_LITERAL("two")});
    add_caller(&frame, "1000", 7, 1002);
    add_caller(&frame, "strangers", 0, 50);
    const char *text = render(&frame);
    for (size_t i = 0; i < CH_ROWS(lines); i++)
        check_line(text, lines[i]);
}
END_TEST

START_TEST(test_a_date_that_a_key_does_not_have_is_no_series)
{
    static ch_buffer dates = CH_BUFFER_INIT;
    ch_status_is_frame frame = make();
    const ch_key_date_record both = {CH_LITERAL("a"), CH_LITERAL("i"), 1801353600, 1801353500};
    const ch_key_date_record one = {CH_LITERAL("b"), CH_LITERAL("i"), 0, 1801353400};
    ch_key_date_record_put(&frame.key_dates, &dates, &both);
    ch_key_date_record_put(&frame.key_dates, &dates, &one);
    const char *text = render(&frame);
    check_line(text, "chancery_key_expires_timestamp_seconds{key=\"a\",key_id=\"i\"} 1801353600");
    check_line(text, "chancery_key_rotate_by_timestamp_seconds{key=\"a\",key_id=\"i\"} 1801353500");
    check_line(text, "chancery_key_rotate_by_timestamp_seconds{key=\"b\",key_id=\"i\"} 1801353400");
    ck_assert_ptr_null(strstr(text, "expires_timestamp_seconds{key=\"b\",key_id=\"i\"}"));
}
END_TEST

START_TEST(test_no_is_zero)
{
    ch_status_is_frame frame = make();
    frame.is_ready = false;
    frame.clock = CH_LITERAL("doubted");
    check_line(render(&frame), "chancery_ready 0");
    check_line(render(&frame), "chancery_clock_trusted 0");
}
END_TEST

START_TEST(test_each_token_has_a_series_for_each_state_and_one_of_them_is_1)
{
    ch_status_is_frame frame = make();
    add_token(&frame, "main", CH_LINK_LOGGING_IN);
    add_token(&frame, "spare", CH_LINK_ABSENT);
    const char *text = render(&frame);
    for (unsigned i = 0; i < CH_LINK_STATE_COUNT; i++) {
        ch_autobuffer line = CH_BUFFER_INIT;
        ch_buffer_add_format(&line, "chancery_token_state{token=\"main\",state=\"%s\"} %d", ch_link_state_name(i),
                             i == CH_LINK_LOGGING_IN);
        check_line(text, ch_buffer_text(&line));
    }
    check_line(text, "chancery_token_state{token=\"spare\",state=\"absent\"} 1");
    check_line(text, "chancery_token_state{token=\"spare\",state=\"logging in\"} 0");
}
END_TEST

START_TEST(test_a_state_that_has_no_name_is_none_of_them)
{
    ch_status_is_frame frame = make();
    add_token(&frame, "main", CH_LINK_STATE_COUNT);
    ck_assert_ptr_null(strstr(render(&frame), "\"} 1\nchancery_token_state"));
    check_line(render(&frame), "chancery_token_state{token=\"main\",state=\"serving\"} 0");
}
END_TEST

START_TEST(test_label_values_are_escaped)
{
    ch_status_is_frame frame = make();
    frame.version = CH_LITERAL("a\\b\"c\nd\xc3\xa9{}");
    add_token(&frame, "\"\\\n", CH_LINK_SERVING);
    add_problem(&frame, "\\n");
    add_caller(&frame, "\"", 1, 1);
    const char *text = render(&frame);
    check_line(text, "chancery_build_info{version=\"a\\\\b\\\"c\\nd\xc3\xa9{}\"} 1");
    check_line(text, "chancery_token_logins_total{token=\"\\\"\\\\\\n\"} 13");
    check_line(text, "chancery_token_state{token=\"\\\"\\\\\\n\",state=\"serving\"} 1");
    check_line(text, "chancery_key_problem{key=\"\\\\n\"} 1");
    check_line(text, "chancery_caller_requests_per_second{user=\"\\\"\"} 1");
}
END_TEST

CH_TESTS("metrics", CH_TEST(test_a_stranger_sees_whether_the_agent_is_ready_and_no_more),
         CH_TEST(test_values_are_those_of_the_frame), CH_TEST(test_no_is_zero),
         CH_TEST(test_each_token_has_a_series_for_each_state_and_one_of_them_is_1),
         CH_TEST(test_a_state_that_has_no_name_is_none_of_them),
         CH_TEST(test_a_date_that_a_key_does_not_have_is_no_series), CH_TEST(test_label_values_are_escaped))

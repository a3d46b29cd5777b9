#include "agent/front/reply.h"

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
                                    .logins = 4,
                                    .until_ms = 5,
                                    .ends_by = CH_LITERAL("idle"),
                                    .is_unattended = true};
    ch_key_unlock_record unlock = {.key = CH_LITERAL("k"), .until_ms = 6, .ends_by = CH_LITERAL("for")};
    ch_autobuffer unlocks = CH_BUFFER_INIT;
    ch_key_unlock_record_put(&answer.unlocks, &unlocks, &unlock);
    ch_listed_token_record_put(&answer.tokens, &records, &token);
    ch_reply_add_status_is(&out, &answer);
    const char *text = ch_buffer_text(&out);
    ck_assert_msg(strstr(text, "\"tokens\":[{\"name\":\"main\",\"state\":\"unlocked\",\"detail\":\"\",\"signatures\":1,"
                               "\"failures\":2,\"process_starts\":3,\"logins\":4,\"unlocked_until_ms\":5,"
                               "\"unlock_ends_by\":\"idle\",\"unattended\":true}]") != NULL,
                  "%s", text);
    ck_assert_msg(strstr(text, "\"key_unlocks\":[{\"key\":\"k\",\"unlocked_until_ms\":6,"
                               "\"unlock_ends_by\":\"for\"}]") != NULL,
                  "%s", text);
}
END_TEST

static ch_buffer out = CH_BUFFER_INIT;

START_TEST(test_keys_have_the_dates_that_policy_says)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_key_list_frame list = {0};
    ch_status_is_frame status = {.clock = CH_LITERAL("trusted")};
    const ch_listed_key_record key = {.name = CH_LITERAL("k"), .expires_s = 1801353600};
    const ch_key_date_record date = {.key = CH_LITERAL("k"), .rotate_by_s = 1801353600};
    ch_listed_key_record_put(&list.keys, &records, &key);
    ch_reply_add_key_list(&out, &list);
    ck_assert_ptr_nonnull(strstr(ch_buffer_text(&out), ",\"expires\":\"2027-01-31T00:00:00Z\"}"));
    ch_buffer_clear(&out);
    ch_buffer_clear(&records);
    ch_key_date_record_put(&status.key_dates, &records, &date);
    ch_reply_add_status_is(&out, &status);
    ck_assert_ptr_nonnull(
        strstr(ch_buffer_text(&out),
               "\"key_dates\":[{\"key\":\"k\",\"key_id\":\"\",\"rotate_by\":\"2027-01-31T00:00:00Z\"}]"));
    ch_buffer_clear(&out);
}
END_TEST

START_TEST(test_reservation_is_text_and_left_out_if_there_is_none)
{
    ch_reply_add_signature_only(
        &out,
        &(ch_signature_only_frame){.signature = CH_LITERAL("s"), .key = CH_LITERAL("k"), .reservation = UINT64_MAX});
    ck_assert_str_eq(ch_buffer_text(&out),
                     "{\"signature\":\"s\",\"key\":\"k\",\"reservation\":\"18446744073709551615\"}\n");
    ch_buffer_clear(&out);
    ch_reply_add_signed(&out, &(ch_signed_frame){.key = CH_LITERAL("k"), .reservation = 1});
    ck_assert_str_eq(ch_buffer_text(&out), "{\"method\":\"\",\"url\":\"\",\"headers\":{},\"body\":\"\",\"key\":\"k\","
                                           "\"reservation\":\"1\"}\n");
    ch_buffer_clear(&out);
    ch_reply_add_signed(&out, &(ch_signed_frame){.key = CH_LITERAL("k")});
    ck_assert_ptr_null(strstr(ch_buffer_text(&out), "reservation"));
}
END_TEST

START_TEST(test_check_has_each_line_and_no_problem_if_it_is_allowed)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_checked_frame answer = {.is_allowed = true, .meaning = CH_LITERAL("buy \"1\" BTC"), .why = CH_ERROR_INIT};
    ch_trace_line_record line = {.verb = CH_LITERAL("limit"),
                                 .entry = CH_LITERAL("size"),
                                 .verdict = CH_LITERAL("holds"),
                                 .text = CH_LITERAL("1 of 2 USDT")};
    ch_reply_add_checked(&out, &answer);
    ck_assert_str_eq(ch_buffer_text(&out), "{\"allowed\":true,\"meaning\":\"buy \\\"1\\\" BTC\",\"lines\":[]}\n");
    ch_trace_line_record_put(&answer.lines, &records, &line);
    ch_trace_line_record_put(&answer.lines, &records, &(ch_trace_line_record){.verb = CH_LITERAL("deny")});
    ch_buffer_clear(&out);
    ch_reply_add_checked(&out, &answer);
    ck_assert_str_eq(
        ch_buffer_text(&out),
        "{\"allowed\":true,\"meaning\":\"buy \\\"1\\\" BTC\",\"lines\":[{\"verb\":\"limit\",\"entry\":\"size\","
        "\"verdict\":\"holds\",\"text\":\"1 of 2 USDT\"},{\"verb\":\"deny\",\"entry\":\"\",\"verdict\":\"\","
        "\"text\":\"\"}]}\n");
}
END_TEST

START_TEST(test_check_that_is_refused_has_the_problem)
{
    ch_checked_frame answer = {.control = CH_LITERAL("value-window"), .left = CH_LITERAL("1 USDT")};
    ch_error_set(&answer.why, CH_REFUSED, "day", "used up");
    ch_reply_add_checked(&out, &answer);
    ck_assert_str_eq(
        ch_buffer_text(&out),
        "{\"allowed\":false,\"meaning\":\"\",\"lines\":[],\"problem\":{\"type\":\"urn:chancery:problem:refused\","
        "\"title\":\"Policy refuses the request\",\"status\":403,\"detail\":\"used up\",\"rule\":\"day\",\"control\":"
        "\"value-window\",\"left\":\"1 USDT\"}}\n");
}
END_TEST

START_TEST(test_limits_say_what_is_left)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_limits_are_frame answer = {.state = CH_LITERAL("reducing"), .state_why = CH_LITERAL("day is used up")};
    ch_reply_add_limits_are(&out, &answer);
    ck_assert_str_eq(ch_buffer_text(&out), "{\"state\":\"reducing\",\"state_why\":\"day is used up\",\"limits\":[]}\n");
    ch_limit_level_record level = {.limit = CH_LITERAL("day"),
                                   .control = CH_LITERAL("value-window"),
                                   .scope = CH_LITERAL("account desk"),
                                   .most = CH_LITERAL("10"),
                                   .used = CH_LITERAL("9.5"),
                                   .left = CH_LITERAL("0.5"),
                                   .asset = CH_LITERAL("USDT"),
                                   .per = CH_LITERAL("24h")};
    ch_limit_level_record_put(&answer.levels, &records, &level);
    ch_limit_level_record_put(&answer.levels, &records, &level);
    ch_buffer_clear(&out);
    ch_reply_add_limits_are(&out, &answer);
    const char *row = "{\"limit\":\"day\",\"control\":\"value-window\",\"scope\":\"account desk\",\"most\":\"10\","
                      "\"used\":\"9.5\",\"left\":\"0.5\",\"asset\":\"USDT\",\"per\":\"24h\"}";
    ch_autobuffer expected = CH_BUFFER_INIT;
    ch_buffer_add_format(&expected, "{\"state\":\"reducing\",\"state_why\":\"day is used up\",\"limits\":[%s,%s]}\n",
                         row, row);
    ck_assert_str_eq(ch_buffer_text(&out), ch_buffer_text(&expected));
}
END_TEST

START_TEST(test_page_of_prices_ends_with_where_the_next_begins)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_prices_are_frame answer = {.next = CH_LITERAL("BTC/USDT\xff kraken?")};
    ch_listed_price_record price = {.source = CH_LITERAL("kraken"),
                                    .pair = CH_LITERAL("BTC/USDT"),
                                    .price = CH_LITERAL("29880.5"),
                                    .quoted_ms = 1764000000000,
                                    .is_held = true};
    ch_listed_price_record_put(&answer.prices, &records, &price);
    ch_reply_add_prices_are(&out, &answer);
    ck_assert_str_eq(ch_buffer_text(&out),
                     "{\"prices\":[{\"source\":\"kraken\",\"pair\":\"BTC/USDT\",\"price\":\"29880.5\",\"time_ms\":"
                     "1764000000000,\"held\":true}],\"next\":\"QlRDL1VTRFT_IGtyYWtlbj8\"}\n");
    ch_buffer_clear(&out);
    ch_reply_add_prices_are(&out, &(ch_prices_are_frame){0});
    ck_assert_str_eq(ch_buffer_text(&out), "{\"prices\":[]}\n");
}
END_TEST

START_TEST(test_reports_are_answered_with_what_came_of_them)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_records texts = {0};
    ch_text_record_put(&texts, &records, &(ch_text_record){CH_LITERAL("BTC/USDT")});
    ch_text_record_put(&texts, &records, &(ch_text_record){CH_LITERAL("ETH/USDT")});
    ch_reply_add_prices_taken(&out, &(ch_prices_taken_frame){.taken = 3, .older = 1, .held = texts});
    ck_assert_str_eq(ch_buffer_text(&out), "{\"taken\":3,\"older\":1,\"held\":[\"BTC/USDT\",\"ETH/USDT\"]}\n");
    ch_buffer_clear(&out);
    ch_reply_add_released(&out, &(ch_released_frame){.returned = texts});
    ck_assert_str_eq(ch_buffer_text(&out), "{\"returned\":[\"BTC/USDT\",\"ETH/USDT\"]}\n");
    ch_buffer_clear(&out);
    ch_reply_add_released(&out, &(ch_released_frame){.returned = {0}});
    ck_assert_str_eq(ch_buffer_text(&out), "{\"returned\":[]}\n");
}
END_TEST

CH_TESTS("reply", CH_TEST(test_signed_reply_is_escaped), CH_TEST(test_status_has_what_each_token_has_done),
         CH_TEST(test_keys_have_the_dates_that_policy_says),
         CH_TEST(test_reservation_is_text_and_left_out_if_there_is_none),
         CH_TEST(test_check_has_each_line_and_no_problem_if_it_is_allowed),
         CH_TEST(test_check_that_is_refused_has_the_problem), CH_TEST(test_limits_say_what_is_left),
         CH_TEST(test_page_of_prices_ends_with_where_the_next_begins),
         CH_TEST(test_reports_are_answered_with_what_came_of_them))

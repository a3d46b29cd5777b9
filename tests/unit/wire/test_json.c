#include "wire/json.h"

#include "tests/support/suite.h"
#include "wire/frames.h"

static ch_buffer out = CH_BUFFER_INIT;

START_TEST(test_members_follow_what_stands_before_them)
{
    ch_json_add_text(&out, "{\"text\":", CH_LITERAL("a \"b\"\n\x01\xc3\xa9"));
    ch_json_add_boolean(&out, ",\"yes\":", true);
    ch_json_add_boolean(&out, ",\"no\":", false);
    ch_json_add_number(&out, ",\"none\":", 0);
    ch_json_add_number(&out, ",\"most\":", UINT64_MAX);
    ck_assert_str_eq(ch_buffer_text(&out), "{\"text\":\"a \\\"b\\\"\\u000a\\u0001\xc3\xa9\",\"yes\":true,\"no\":false,"
                                           "\"none\":0,\"most\":18446744073709551615");
}
END_TEST

START_TEST(test_a_list_of_texts_is_an_array)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_records texts = {0};
    ch_json_add_texts(&out, "\"of\":", texts);
    ck_assert_str_eq(ch_buffer_text(&out), "\"of\":[]");
    ch_buffer_clear(&out);
    ch_text_record_put(&texts, &records, &(ch_text_record){.bytes = CH_LITERAL("one")});
    ch_text_record_put(&texts, &records, &(ch_text_record){.bytes = CH_LITERAL("")});
    ch_text_record_put(&texts, &records, &(ch_text_record){.bytes = CH_LITERAL("\\")});
    ch_json_add_texts(&out, "\"of\":", texts);
    ck_assert_str_eq(ch_buffer_text(&out), "\"of\":[\"one\",\"\",\"\\\\\"]");
    ck_assert_uint_eq(texts.count, 3); /* the caller's list is as it was */
}
END_TEST

CH_TESTS("json", CH_TEST(test_members_follow_what_stands_before_them), CH_TEST(test_a_list_of_texts_is_an_array))

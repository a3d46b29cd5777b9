/* The JSON door: what gets in becomes exactly one CH_FRAME_SIGN, and what is odd in any way stays out. */
#include "agent/front/json.h"
#include "base/buffer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define KEY CH_LITERAL("binance-main")

/* `size` 0: the text is NUL-terminated. `says` has to stand in the message. */
static const struct {
    const char *name;
    const char *body;
    size_t size;
    const char *says;
} refused[] = {
    {"empty body",                            "",                                                                            0,  "JSON"                         },
    {"broken JSON",                           "{\"method\":\"GET\"",                                                         0,  "JSON"                         },
    {"bytes after the object",                "{\"method\":\"GET\",\"path\":\"/\"} {}",                                      0,  "JSON"                         },
    {"array at the top",                      "[]",                                                                          0,  "object"                       },
    {"string at the top",                     "\"GET\"",                                                                     0,  "JSON"                         },
    {"duplicate field",                       "{\"method\":\"GET\",\"method\":\"POST\",\"path\":\"/\"}",                     0,  "duplicate"                    },
    {"duplicate field, escaped spelling",     "{\"method\":\"GET\",\"m\\u0065thod\":\"POST\",\"path\":\"/\"}",               0,
     "duplicate"                                                                                                                                                },
    {"duplicate parameter",                   "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"1\",\"a\":\"2\"}}",    0,  "duplicate"                    },
    {"duplicate parameter, escaped spelling", "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":1,\"\\u0061\":2}}",
     0,                                                                                                                          "duplicate"                    },
    {"unknown field",                         "{\"method\":\"GET\",\"path\":\"/\",\"url\":\"x\"}",                           0,  "'url'"                        },
    {"method missing",                        "{\"path\":\"/\"}",                                                            0,  "\"method\" is missing"        },
    {"path missing",                          "{\"method\":\"GET\"}",                                                        0,  "\"path\" is missing"          },
    {"method of another type",                "{\"method\":1,\"path\":\"/\"}",                                               0,  "\"method\" is of another type"},
    {"path of another type",                  "{\"method\":\"GET\",\"path\":null}",                                          0,  "\"path\" is of another type"  },
    {"params of another type",                "{\"method\":\"GET\",\"path\":\"/\",\"params\":7}",                            0,  "\"params\""                   },
    {"params null",                           "{\"method\":\"GET\",\"path\":\"/\",\"params\":null}",                         0,  "\"params\""                   },
    {"real",                                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"price\":0.1}}",              0,  "'price'"                      },
    {"exponent",                              "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"price\":1e3}}",              0,  "write it as a string"         },
    {"integer past 64 bits",                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":99999999999999999999}}", 0,
     "write it as a string"                                                                                                                                     },
    {"real in a list",                        "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"ids\":[1.5]}}",              0,  "write it as a string"         },
    {"lists too deep",                        "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":[[[[[1]]]]]}}",          0,  "4 deep"                       },
    {"duplicate member",                      "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"o\":{\"a\":1,\"a\":2}}}",    0,  "duplicate"                    },
    {"control character in a member",         "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"o\":{\"a\\n\":1}}}",         0,
     "control"                                                                                                                                                  },
    {"host of another type",                  "{\"method\":\"GET\",\"path\":\"/\",\"host\":1}",                              0,  "\"host\" is of another type"  },
    {"string of another type",                "{\"string\":[]}",                                                             0,  "\"string\""                   },
    {"string beside params",                  "{\"string\":\"a\",\"params\":{}}",                                            0,  "form"                         },
    {"string beside raw",                     "{\"string\":\"a\",\"raw\":\"YQ==\"}",                                         0,  "form"                         },
    {"raw beside a path",                     "{\"raw\":\"YQ==\",\"path\":\"/\"}",                                           0,  "form"                         },
    {"raw of another type",                   "{\"raw\":1}",                                                                 0,  "\"raw\" is of another type"   },
    {"raw that is no base64",                 "{\"raw\":\"YQ=\"}",                                                           0,  "not base64"                   },
    {"raw with a needless bit",               "{\"raw\":\"YR==\"}",                                                          0,  "not base64"                   },
    {"raw with a space",                      "{\"raw\":\"YWFh \"}",                                                         0,  "not base64"                   },
    {"empty raw",                             "{\"raw\":\"\"}",                                                              0,  "not base64"                   },
    {"control character in a value",          "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"x\\n\"}}",             0,  "control"                      },
    {"control character in a name",           "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\\t\":\"x\"}}",             0,  "control"                      },
    {"control character in the path",         "{\"method\":\"GET\",\"path\":\"/\\r\\n\"}",                                   0,  "control"                      },
    {"C1 control character",                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"\\u0085\"}}",          0,  "control"                      },
    {"escaped NUL",                           "{\"method\":\"GET\",\"path\":\"/\\u0000\"}",                                  0,  "JSON"                         },
    {"escaped NUL in a name",                 "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\\u0000b\":1}}",            0,  "JSON"                         },
    {"raw NUL",                               "{\"method\":\"GET\0\",\"path\":\"/\"}",                                       28, "NUL"                          },
    {"NUL after the object",                  "{\"method\":\"GET\",\"path\":\"/\"}\0",                                       28, "NUL"                          },
    {"invalid UTF-8",                         "{\"method\":\"GET\",\"path\":\"/\xff\"}",                                     0,  "JSON"                         },
    {"overlong UTF-8",                        "{\"method\":\"GET\",\"path\":\"/\xc0\xaf\"}",                                 0,  "JSON"                         },
    {"lone surrogate",                        "{\"method\":\"GET\",\"path\":\"/\\ud800\"}",                                  0,  "JSON"                         },
};

START_TEST(test_odd_request_is_refused_and_leaves_no_frame)
{
    size_t size = refused[_i].size != 0 ? refused[_i].size : strlen(refused[_i].body);
    ch_slice body = {(const uint8_t *)refused[_i].body, size};
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_buffer_add_text(&packet, "before");
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_json_to_sign(&packet, 1, 2, KEY, body, &err);
    ck_assert_msg(st == CH_BAD_INPUT, "%s: status %d", refused[_i].name, (int)st);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s: %s", refused[_i].name, err.message);
    ck_assert(ch_slice_is(ch_buffer_slice(&packet), "before"));
}
END_TEST

static void check_param(ch_frame *frame, ch_value_kind kind, const char *name, const char *value)
{
    ck_assert_int_eq(ch_frame_read_u8(frame), kind);
    ch_slice got = ch_frame_read_bytes(frame);
    ck_assert_msg(ch_slice_is(got, name), "wanted '%s', got '%.*s'", name, CH_SLICE_ARGS(got));
    got = ch_frame_read_bytes(frame);
    ck_assert_msg(ch_slice_is(got, value), "wanted '%s', got '%.*s'", value, CH_SLICE_ARGS(got));
}

static ch_frame read_sign(ch_buffer *packet, const char *body)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_json_to_sign(packet, 7, 9, KEY, ch_slice_of(body), &err);
    ck_assert_msg(st == CH_OK, "%s", err.message);
    ch_slice rest = ch_buffer_slice(packet);
    ch_frame frame;
    ck_assert(ch_frame_next(&rest, &frame));
    ck_assert_uint_eq(rest.size, 0);
    ck_assert_uint_eq(frame.type, CH_FRAME_SIGN);
    ck_assert_uint_eq(frame.id, 7);
    ck_assert_uint_eq(ch_frame_read_u64(&frame), 9);
    ck_assert(ch_slice_is(ch_frame_read_bytes(&frame), "binance-main"));
    return frame;
}

static void check_head(ch_frame *frame, ch_sign_form form, const char *method, const char *host, const char *path,
                       const char *string)
{
    ck_assert_uint_eq(ch_frame_read_u8(frame), form);
    ck_assert(ch_slice_is(ch_frame_read_bytes(frame), method));
    ck_assert(ch_slice_is(ch_frame_read_bytes(frame), host));
    ck_assert(ch_slice_is(ch_frame_read_bytes(frame), path));
    ck_assert(ch_slice_is(ch_frame_read_bytes(frame), string));
}

START_TEST(test_parameters_keep_the_order_of_the_text)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame = read_sign(&packet, "{\"params\":{\"z\":\"1\",\"a\":-5,\"m\":true,\"b\":null,\"y\":false,"
                                        "\"c\":\"\xc3\xa9\\\"\",\"k\":9223372036854775807},\"path\":\"/p\","
                                        "\"method\":\"POST\"}");
    check_head(&frame, CH_SIGN_TYPED, "POST", "", "/p", "");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 7);
    check_param(&frame, CH_VALUE_TEXT, "z", "1");
    check_param(&frame, CH_VALUE_INTEGER, "a", "-5");
    check_param(&frame, CH_VALUE_BOOLEAN, "m", "true");
    check_param(&frame, CH_VALUE_PLACEHOLDER, "b", "");
    check_param(&frame, CH_VALUE_BOOLEAN, "y", "false");
    check_param(&frame, CH_VALUE_TEXT, "c", "\xc3\xa9\"");
    check_param(&frame, CH_VALUE_INTEGER, "k", "9223372036854775807");
    ck_assert(ch_frame_done(&frame));
}
END_TEST

START_TEST(test_params_may_be_left_out)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame = read_sign(&packet, "{\"method\":\"GET\",\"path\":\"/p\"}");
    check_head(&frame, CH_SIGN_TYPED, "GET", "", "/p", "");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 0);
    ck_assert(ch_frame_done(&frame));
}
END_TEST

START_TEST(test_lists_and_objects_are_written_out_entry_by_entry)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame = read_sign(&packet, "{\"method\":\"POST\",\"host\":\"h\",\"path\":\"/p\",\"params\":"
                                        "{\"o\":{\"b\":[1,\"x\"],\"a\":true},\"e\":[]}}");
    check_head(&frame, CH_SIGN_TYPED, "POST", "h", "/p", "");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 9);
    check_param(&frame, CH_VALUE_OBJECT, "o", "");
    check_param(&frame, CH_VALUE_LIST, "b", "");
    check_param(&frame, CH_VALUE_INTEGER, "", "1");
    check_param(&frame, CH_VALUE_TEXT, "", "x");
    check_param(&frame, CH_VALUE_END, "", "");
    check_param(&frame, CH_VALUE_BOOLEAN, "a", "true");
    check_param(&frame, CH_VALUE_END, "", "");
    check_param(&frame, CH_VALUE_LIST, "e", "");
    check_param(&frame, CH_VALUE_END, "", "");
    ck_assert(ch_frame_done(&frame));
}
END_TEST

START_TEST(test_params_may_be_a_list)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame = read_sign(&packet, "{\"method\":\"POST\",\"path\":\"/p\",\"params\":[\"a\"]}");
    check_head(&frame, CH_SIGN_TYPED, "POST", "", "/p", "");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 3);
    check_param(&frame, CH_VALUE_LIST, "", "");
    check_param(&frame, CH_VALUE_TEXT, "", "a");
    check_param(&frame, CH_VALUE_END, "", "");
    ck_assert(ch_frame_done(&frame));
}
END_TEST

START_TEST(test_the_other_forms_bring_a_text)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_frame frame = read_sign(&packet, "{\"string\":\"a=1\\nb\"}");
    check_head(&frame, CH_SIGN_STRING, "", "", "", "a=1\nb");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 0);
    ch_buffer_clear(&packet);
    frame = read_sign(&packet, "{\"raw\":\"/+8=\"}");
    check_head(&frame, CH_SIGN_RAW, "", "", "", "\xff\xef");
    ck_assert_uint_eq(ch_frame_read_u16(&frame), 0);
    ck_assert(ch_frame_done(&frame));
}
END_TEST

static void add_many(ch_buffer *body, int count)
{
    ch_buffer_add_text(body, "{\"method\":\"GET\",\"path\":\"/\",\"params\":{");
    for (int i = 0; i < count; i++)
        ch_buffer_add_format(body, "%s\"p%d\":%d", i == 0 ? "" : ",", i, i);
    ch_buffer_add_text(body, "}}");
}

START_TEST(test_number_of_parameters_is_bounded)
{
    ch_autobuffer body = CH_BUFFER_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    add_many(&body, CH_VALUES_MAX);
    ck_assert_int_eq(ch_json_to_sign(&packet, 1, 2, KEY, ch_buffer_slice(&body), &err), CH_OK);
    ch_buffer_clear(&body);
    add_many(&body, CH_VALUES_MAX + 1);
    ck_assert_int_eq(ch_json_to_sign(&packet, 1, 2, KEY, ch_buffer_slice(&body), &err), CH_BAD_INPUT);
}
END_TEST

START_TEST(test_deep_nesting_is_refused)
{
    ch_autobuffer body = CH_BUFFER_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    for (int i = 0; i < 40000; i++)
        ch_buffer_add_byte(&body, '[');
    ck_assert_int_eq(ch_json_to_sign(&packet, 1, 2, KEY, ch_buffer_slice(&body), &err), CH_BAD_INPUT);
}
END_TEST

START_TEST(test_signed_reply_is_escaped)
{
    ch_autobuffer fields = CH_BUFFER_INIT;
    ch_frame_text(&fields, "POST");
    ch_frame_text(&fields, "https://x/?a=\"b\"");
    ch_frame_text(&fields, "{\"a\":\"\\\"}\x01\n\xc3\xa9");
    ch_frame_u16(&fields, 2);
    ch_frame_text(&fields, "A");
    ch_frame_text(&fields, "1");
    ch_frame_text(&fields, "B");
    ch_frame_text(&fields, "");
    ch_frame_text(&fields, "k");
    ch_frame frame = {.at = fields.data, .end = fields.data + fields.size};
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_json_add_signed(&out, &frame);
    ck_assert(ch_frame_done(&frame));
    ck_assert_str_eq(ch_buffer_text(&out), "{\"method\":\"POST\",\"url\":\"https://x/?a=\\\"b\\\"\",\"headers\":{\"A\":"
                                           "\"1\",\"B\":\"\"},\"body\":\"{\\\"a\\\":\\\"\\\\\\\"}\\u0001\\u000a"
                                           "\xc3\xa9\",\"key\":\"k\"}\n");
}
END_TEST

START_TEST(test_short_frame_is_noticed)
{
    ch_autobuffer fields = CH_BUFFER_INIT;
    ch_frame_u16(&fields, 60000);
    ch_frame frame = {.at = fields.data, .end = fields.data + fields.size};
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_json_add_key_list(&out, &frame);
    ck_assert(!ch_frame_done(&frame));
}
END_TEST

START_TEST(test_problem_names_status_and_rule)
{
    ch_error problem = CH_ERROR_INIT;
    (void)ch_fail_rule(&problem, CH_REFUSED, "keys.a.allow", "no \"grant\"");
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_json_add_problem(&out, &problem, 403);
    ck_assert_str_eq(
        ch_buffer_text(&out),
        "{\"type\":\"urn:chancery:problem:refused\",\"title\":\"Policy refuses the request\",\"status\":403,"
        "\"detail\":\"no \\\"grant\\\"\",\"rule\":\"keys.a.allow\"}\n");
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("json");
    tcase_add_loop_test(cases, test_odd_request_is_refused_and_leaves_no_frame, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(cases, test_parameters_keep_the_order_of_the_text);
    tcase_add_test(cases, test_params_may_be_left_out);
    tcase_add_test(cases, test_lists_and_objects_are_written_out_entry_by_entry);
    tcase_add_test(cases, test_params_may_be_a_list);
    tcase_add_test(cases, test_the_other_forms_bring_a_text);
    tcase_add_test(cases, test_number_of_parameters_is_bounded);
    tcase_add_test(cases, test_deep_nesting_is_refused);
    tcase_add_test(cases, test_signed_reply_is_escaped);
    tcase_add_test(cases, test_short_frame_is_noticed);
    tcase_add_test(cases, test_problem_names_status_and_rule);
    Suite *suite = suite_create("json");
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

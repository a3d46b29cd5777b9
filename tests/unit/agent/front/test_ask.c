/* The JSON door: what gets in becomes exactly one SIGN frame, and what is odd in any way stays out. */
#include "agent/front/ask.h"

#include "base/buffer.h"
#include "tests/support/suite.h"

#include <string.h>

/* `size` 0: the text is NUL-terminated. `says` has to stand in the message. */
static const struct {
    const char *name;
    const char *body;
    size_t size;
    const char *says;
} refused[] = {
    {"empty body",                            "",                                                                                  0,  "JSON"                         },
    {"broken JSON",                           "{\"method\":\"GET\"",                                                               0,  "JSON"                         },
    {"bytes after the object",                "{\"method\":\"GET\",\"path\":\"/\"} {}",                                            0,  "JSON"                         },
    {"array at the top",                      "[]",                                                                                0,  "object"                       },
    {"string at the top",                     "\"GET\"",                                                                           0,  "JSON"                         },
    {"duplicate field",                       "{\"method\":\"GET\",\"method\":\"POST\",\"path\":\"/\"}",                           0,  "duplicate"                    },
    {"duplicate field, escaped spelling",     "{\"method\":\"GET\",\"m\\u0065thod\":\"POST\",\"path\":\"/\"}",                     0,
     "duplicate"                                                                                                                                                      },
    {"duplicate parameter",                   "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"1\",\"a\":\"2\"}}",          0,  "duplicate"                    },
    {"duplicate parameter, escaped spelling", "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":1,\"\\u0061\":2}}",
     0,                                                                                                                                "duplicate"                    },
    {"unknown field",                         "{\"method\":\"GET\",\"path\":\"/\",\"url\":\"x\"}",                                 0,  "'url'"                        },
    {"method missing",                        "{\"path\":\"/\"}",                                                                  0,  "\"method\" is missing"        },
    {"path missing",                          "{\"method\":\"GET\"}",                                                              0,  "\"path\" is missing"          },
    {"method of another type",                "{\"method\":1,\"path\":\"/\"}",                                                     0,  "\"method\" is of another type"},
    {"path of another type",                  "{\"method\":\"GET\",\"path\":null}",                                                0,  "\"path\" is of another type"  },
    {"params of another type",                "{\"method\":\"GET\",\"path\":\"/\",\"params\":7}",                                  0,  "\"params\""                   },
    {"params null",                           "{\"method\":\"GET\",\"path\":\"/\",\"params\":null}",                               0,  "\"params\""                   },
    {"real",                                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"price\":0.1}}",                    0,  "'price'"                      },
    {"exponent",                              "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"price\":1e3}}",                    0,  "write it as a string"         },
    {"integer past 64 bits",                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":99999999999999999999}}",       0,
     "write it as a string"                                                                                                                                           },
    {"real in a list",                        "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"ids\":[1.5]}}",                    0,  "write it as a string"         },
    {"lists too deep",                        "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":[[[[[1]]]]]}}",                0,  "4 deep"                       },
    {"duplicate member",                      "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"o\":{\"a\":1,\"a\":2}}}",          0,  "duplicate"                    },
    {"control character in a member",         "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"o\":{\"a\\n\":1}}}",               0,
     "control"                                                                                                                                                        },
    {"host of another type",                  "{\"method\":\"GET\",\"path\":\"/\",\"host\":1}",                                    0,  "\"host\" is of another type"  },
    {"string of another type",                "{\"string\":[]}",                                                                   0,  "\"string\""                   },
    {"string beside params",                  "{\"string\":\"a\",\"params\":{}}",                                                  0,  "form"                         },
    {"string beside raw",                     "{\"string\":\"a\",\"raw\":\"YQ==\"}",                                               0,  "form"                         },
    {"raw beside a path",                     "{\"raw\":\"YQ==\",\"path\":\"/\"}",                                                 0,  "form"                         },
    {"raw of another type",                   "{\"raw\":1}",                                                                       0,  "\"raw\" is of another type"   },
    {"raw that is no base64",                 "{\"raw\":\"YQ=\"}",                                                                 0,  "not base64"                   },
    {"raw with a needless bit",               "{\"raw\":\"YR==\"}",                                                                0,  "not base64"                   },
    {"raw with a space",                      "{\"raw\":\"YWFh \"}",                                                               0,  "not base64"                   },
    {"empty raw",                             "{\"raw\":\"\"}",                                                                    0,  "not base64"                   },
    {"wire beside params",                    "{\"wire\":{},\"params\":{}}",                                                       0,  "form"                         },
    {"wire beside string",                    "{\"wire\":{},\"string\":\"a\"}",                                                    0,  "form"                         },
    {"wire beside raw",                       "{\"wire\":{},\"raw\":\"YQ==\"}",                                                    0,  "form"                         },
    {"wire beside a method",                  "{\"wire\":{},\"method\":\"GET\"}",                                                  0,  "form"                         },
    {"wire of another type",                  "{\"wire\":\"GET /\"}",                                                              0,  "\"wire\" must be an object"   },
    {"wire without a URL",                    "{\"wire\":{\"method\":\"GET\"}}",                                                   0,  "\"url\" is missing"           },
    {"wire with an unknown field",            "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"x\":1}}",                             0,  "unknown field 'x'"            },
    {"wire with a list of headers",           "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"headers\":[]}}",                      0,  "\"headers\""                  },
    {"wire with a number as header",          "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"headers\":{\"A\":1}}}",               0,
     "header 'A'"                                                                                                                                                     },
    {"wire with a line feed in a header",     "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"headers\":{\"A\":\"\\n\"}}}",
     0,                                                                                                                                "header 'A'"                   },
    {"wire with a header twice",              "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"headers\":{\"A\":\"\",\"A\":\"\"}}}", 0,
     "duplicate"                                                                                                                                                      },
    {"wire with an object as body",           "{\"wire\":{\"method\":\"GET\",\"url\":\"/\",\"body\":{}}}",                         0,
     "\"body\" must be a string"                                                                                                                                      },
    {"control character in a value",          "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"x\\n\"}}",                   0,  "control"                      },
    {"control character in a name",           "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\\t\":\"x\"}}",                   0,  "control"                      },
    {"control character in the path",         "{\"method\":\"GET\",\"path\":\"/\\r\\n\"}",                                         0,  "control"                      },
    {"C1 control character",                  "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\":\"\\u0085\"}}",                0,  "control"                      },
    {"escaped NUL",                           "{\"method\":\"GET\",\"path\":\"/\\u0000\"}",                                        0,  "JSON"                         },
    {"escaped NUL in a name",                 "{\"method\":\"GET\",\"path\":\"/\",\"params\":{\"a\\u0000b\":1}}",                  0,  "JSON"                         },
    {"raw NUL",                               "{\"method\":\"GET\0\",\"path\":\"/\"}",                                             28, "NUL"                          },
    {"NUL after the object",                  "{\"method\":\"GET\",\"path\":\"/\"}\0",                                             28, "NUL"                          },
    {"invalid UTF-8",                         "{\"method\":\"GET\",\"path\":\"/\xff\"}",                                           0,  "JSON"                         },
    {"overlong UTF-8",                        "{\"method\":\"GET\",\"path\":\"/\xc0\xaf\"}",                                       0,  "JSON"                         },
    {"lone surrogate",                        "{\"method\":\"GET\",\"path\":\"/\\ud800\"}",                                        0,  "JSON"                         },
};

START_TEST(test_odd_request_is_refused)
{
    size_t size = refused[_i].size != 0 ? refused[_i].size : strlen(refused[_i].body);
    ch_slice body = {(const uint8_t *)refused[_i].body, size};
    ch_ask ask = {0};
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_ask_read(&ask, body, &err);
    ck_assert_msg(st == CH_BAD_INPUT, "%s: status %d", refused[_i].name, (int)st);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s: %s", refused[_i].name, err.message);
    ch_ask_free(&ask);
}
END_TEST

static ch_ask ask;

static void read_body(const char *body)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_msg(ch_ask_read(&ask, ch_slice_of(body), &err) == CH_OK, "%s", err.message);
}

static void check_value(ch_value_kind kind, const char *name, const char *value)
{
    ch_value_record got;
    ck_assert(ch_value_record_next(&ask.sign.values, &got));
    ck_assert_int_eq(got.kind, kind);
    ck_assert_msg(ch_slice_is(got.name, name), "wanted '%s', got '%.*s'", name, CH_SLICE_ARGS(got.name));
    ck_assert_msg(ch_slice_is(got.value, value), "wanted '%s', got '%.*s'", value, CH_SLICE_ARGS(got.value));
}

static void check_head(ch_form form, const char *method, const char *host, const char *path, const char *text)
{
    ck_assert_uint_eq(ask.sign.form, form);
    ck_assert(ch_slice_is(ask.sign.method, method));
    ck_assert(ch_slice_is(ask.sign.host, host));
    ck_assert(ch_slice_is(ask.sign.path, path));
    ck_assert(ch_slice_is(ask.sign.text, text));
}

static void check_end(void)
{
    ch_value_record got;
    ck_assert(!ch_value_record_next(&ask.sign.values, &got));
    ch_ask_free(&ask);
}

START_TEST(test_parameters_keep_the_order_of_the_text)
{
    read_body("{\"params\":{\"z\":\"1\",\"a\":-5,\"m\":true,\"b\":null,\"y\":false,"
              "\"c\":\"\xc3\xa9\\\"\",\"k\":9223372036854775807},\"path\":\"/p\","
              "\"method\":\"POST\"}");
    check_head(CH_FORM_TYPED, "POST", "", "/p", "");
    ck_assert_uint_eq(ask.sign.values.count, 7);
    check_value(CH_VALUE_TEXT, "z", "1");
    check_value(CH_VALUE_INTEGER, "a", "-5");
    check_value(CH_VALUE_BOOLEAN, "m", "true");
    check_value(CH_VALUE_NULL, "b", "");
    check_value(CH_VALUE_BOOLEAN, "y", "false");
    check_value(CH_VALUE_TEXT, "c", "\xc3\xa9\"");
    check_value(CH_VALUE_INTEGER, "k", "9223372036854775807");
    check_end();
}
END_TEST

START_TEST(test_params_may_be_left_out)
{
    read_body("{\"method\":\"GET\",\"path\":\"/p\"}");
    check_head(CH_FORM_TYPED, "GET", "", "/p", "");
    ck_assert_uint_eq(ask.sign.values.count, 0);
    check_end();
}
END_TEST

START_TEST(test_lists_and_objects_are_written_out_entry_by_entry)
{
    read_body("{\"method\":\"POST\",\"host\":\"h\",\"path\":\"/p\",\"params\":"
              "{\"o\":{\"b\":[1,\"x\"],\"a\":true},\"e\":[]}}");
    check_head(CH_FORM_TYPED, "POST", "h", "/p", "");
    ck_assert_uint_eq(ask.sign.values.count, 9);
    check_value(CH_VALUE_OBJECT, "o", "");
    check_value(CH_VALUE_LIST, "b", "");
    check_value(CH_VALUE_INTEGER, "", "1");
    check_value(CH_VALUE_TEXT, "", "x");
    check_value(CH_VALUE_END, "", "");
    check_value(CH_VALUE_BOOLEAN, "a", "true");
    check_value(CH_VALUE_END, "", "");
    check_value(CH_VALUE_LIST, "e", "");
    check_value(CH_VALUE_END, "", "");
    check_end();
}
END_TEST

START_TEST(test_params_may_be_a_list)
{
    read_body("{\"method\":\"POST\",\"path\":\"/p\",\"params\":[\"a\"]}");
    check_head(CH_FORM_TYPED, "POST", "", "/p", "");
    ck_assert_uint_eq(ask.sign.values.count, 3);
    check_value(CH_VALUE_LIST, "", "");
    check_value(CH_VALUE_TEXT, "", "a");
    check_value(CH_VALUE_END, "", "");
    check_end();
}
END_TEST

START_TEST(test_the_other_forms_bring_a_text)
{
    read_body("{\"string\":\"a=1\\nb\"}");
    check_head(CH_FORM_STRING, "", "", "", "a=1\nb");
    ck_assert_uint_eq(ask.sign.values.count, 0);
    read_body("{\"raw\":\"/+8=\"}");
    check_head(CH_FORM_RAW, "", "", "", "\xff\xef");
    ck_assert_uint_eq(ask.sign.values.count, 0);
    check_end();
}
END_TEST

START_TEST(test_an_sdks_request_is_passed_on_as_it_is)
{
    ch_header_record header;
    read_body("{\"wire\":{\"method\":\"POST\",\"url\":\"https://h/p?a=%20\",\"headers\":{\"B\":\"2\",\"A\":\"\"},"
              "\"body\":\"{\\n}\",\"origin\":\"o\"},\"key_id\":\"k\"}");
    check_head(CH_FORM_WIRE, "POST", "", "", "");
    ck_assert(ch_slice_is(ask.sign.url, "https://h/p?a=%20") && ch_slice_is(ask.sign.body, "{\n}"));
    ck_assert(ch_slice_is(ask.sign.origin, "o") && ch_slice_is(ask.sign.key_id, "k"));
    ck_assert(ch_header_record_next(&ask.sign.headers, &header) && ch_slice_is(header.name, "B"));
    ck_assert(ch_header_record_next(&ask.sign.headers, &header) && ch_slice_is(header.value, ""));
    ck_assert(!ch_header_record_next(&ask.sign.headers, &header));
    check_end();
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
    ch_error err = CH_ERROR_INIT;
    add_many(&body, CH_VALUES_MAX);
    ck_assert_int_eq(ch_ask_read(&ask, ch_buffer_slice(&body), &err), CH_OK);
    ch_buffer_clear(&body);
    add_many(&body, CH_VALUES_MAX + 1);
    ck_assert_int_eq(ch_ask_read(&ask, ch_buffer_slice(&body), &err), CH_BAD_INPUT);
}
END_TEST

START_TEST(test_deep_nesting_is_refused)
{
    ch_autobuffer body = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    for (int i = 0; i < 40000; i++)
        ch_buffer_add_byte(&body, '[');
    ck_assert_int_eq(ch_ask_read(&ask, ch_buffer_slice(&body), &err), CH_BAD_INPUT);
}
END_TEST

CH_TESTS("ask", CH_TEST_ROWS(test_odd_request_is_refused, refused), CH_TEST(test_parameters_keep_the_order_of_the_text),
         CH_TEST(test_params_may_be_left_out), CH_TEST(test_lists_and_objects_are_written_out_entry_by_entry),
         CH_TEST(test_params_may_be_a_list), CH_TEST(test_the_other_forms_bring_a_text),
         CH_TEST(test_an_sdks_request_is_passed_on_as_it_is), CH_TEST(test_number_of_parameters_is_bounded),
         CH_TEST(test_deep_nesting_is_refused))

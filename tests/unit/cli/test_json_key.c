#include "cli/json_key.h"

#include "tests/support/suite.h"

#include <string.h>

#define PEM "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n"
#define PEM_READ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

static ch_error err;

/* clang-format off */
static const struct {
    const char *json;
    const char *key; /* NULL: refused */
    const char *says; /* the key's id; or the reason */
} cases[] = {
    /* json                                                     key        id, or reason */
    { "{\"name\":\"organizations/a\",\"privateKey\":\"" PEM "\"}", PEM_READ, "organizations/a" },
    { "{\"id\":\"c0ffee\",\"privateKey\":\"AAAA\"}",             "AAAA",   "c0ffee" },
    { " { \"privateKey\" : \"AAAA\" , \"id\" : \"x\" } \r\n",    "AAAA",   "x" },
    { "{\"privateKey\":\"AAAA\"}",                               "AAAA",   "" },
    { "{\"privateKey\":\"\\u0041\\/\\\"\\\\\\t\"}",              "A/\"\\\t", "" },
    { "{\"private_key\":\"" PEM "\",\"n\":-1.5e3,\"b\":true,\"z\":null}", PEM_READ, "" },
    { "{\"privateKey\":\"AAAA\",\"ips\":[\"a\",1,null],\"no\":[]}", "AAAA", "" },
    { "{\"name\":\"\\u00e9\",\"privateKey\":\"AAAA\"}",          NULL,     "not understood" },
    { "{\"id\":\"c0\",\"name\":\"o/a/c0\",\"privateKey\":\"AAAA\"}", "AAAA", "o/a/c0 (its full name, not the id alone)" },
    { "{\"name\":\"o/a/c0\",\"privateKey\":\"AAAA\",\"id\":\"c0\"}", "AAAA", "o/a/c0 (its full name, not the id alone)" },
    { "{\"name\":\"c0\",\"privateKey\":\"AAAA\",\"id\":\"c0\"}", "AAAA", "c0" },
    { "{\"name\":\"my key\",\"privateKey\":\"AAAA\",\"id\":\"c0\"}", NULL, "name or id for the key, and they differ" },
    { "{\"id\":\"c0\",\"name\":\"o/a/bc0\",\"privateKey\":\"AAAA\"}", NULL, "they differ" },
    { "{\"id\":\"c0\",\"id\":\"c1\",\"privateKey\":\"AAAA\"}", NULL, "they differ" },
    { "[]",                                                      NULL,     "not understood" },
    { "{}",                                                      NULL,     "not understood" },
    { "{\"name\":\"x\"}",                                        NULL,     "not understood" },
    { "{\"secret\":\"AAAA\"}",                                   NULL,     "not understood" },
    { "{\"privateKey\":1}",                                      NULL,     "not understood" },
    { "{\"privateKey\":null}",                                   NULL,     "not understood" },
    { "{\"privateKey\":[\"AAAA\"]}",                             NULL,     "not understood" },
    { "{\"privateKey\":{\"d\":\"AAAA\"}}",                       NULL,     "not understood" },
    { "{\"a\":{\"privateKey\":\"AAAA\"}}",                       NULL,     "not understood" },
    { "{\"privateKey\":\"\"}",                                   NULL,     "is empty" },
    { "{\"privateKey\":\"AAAA\"",                                NULL,     "not understood" },
    { "{\"privateKey\":\"AAAA",                                  NULL,     "not understood" },
    { "{\"privateKey\":\"AAAA\\",                                NULL,     "not understood" },
    { "{\"privateKey\":\"AA\\x41\"}",                            NULL,     "not understood" },
    { "{\"privateKey\":\"AA\\u00\"}",                            NULL,     "not understood" },
    { "{\"privateKey\":\"AA\\u0000\"}",                          NULL,     "not understood" },
    { "{\"privateKey\":\"AA\nAA\"}",                             NULL,     "not understood" },
    { "{\"privateKey\":\"AAAA\",}",                              NULL,     "not understood" },
    { "{\"privateKey\" \"AAAA\"}",                               NULL,     "not understood" },
    { "{privateKey:\"AAAA\"}",                                   NULL,     "not understood" },
    { "{'privateKey':'AAAA'}",                                   NULL,     "not understood" },
    { "{\"privateKey\":\"AAAA\"}{}",                             NULL,     "something follows" },
    { "{\"privateKey\":\"AAAA\"} x",                             NULL,     "something follows" },
    { "{\"privateKey\":\"AAAA\",\"privateKey\":\"BBBB\"}",       NULL,     "more than one private key" },
    { "{\"privateKey\":\"AAAA\",\"old\":\"" PEM "\"}",           NULL,     "more than one private key" },
    { "{\"a\":\"" PEM "\",\"b\":\"" PEM "\"}",                   NULL,     "more than one private key" },
};
/* clang-format on */

START_TEST(test_a_key_is_taken_out_of_a_flat_object)
{
    ch_autosecret json = CH_SECRET_INIT;
    ch_autosecret key = CH_SECRET_INIT;
    ch_autobuffer key_id = CH_BUFFER_INIT;
    size_t size = strlen(cases[_i].json);
    ck_assert_int_eq(ch_secret_alloc(&json, size, &err), CH_OK);
    memcpy(json.data, cases[_i].json, size);
    ch_status st = ch_json_key_read(&json, &key, &key_id, &err);
    ck_assert_msg((st == CH_OK) == (cases[_i].key != NULL), "%s: %s", cases[_i].json, err.message);
    if (st != CH_OK) {
        ck_assert_msg(strstr(err.message, cases[_i].says) != NULL, "%s: %s", cases[_i].json, err.message);
        ck_assert_ptr_null(strstr(err.message, "AAAA"));
        return;
    }
    ck_assert_uint_eq(key.size, strlen(cases[_i].key));
    ck_assert_mem_eq(key.data, cases[_i].key, key.size);
    ck_assert_str_eq(ch_buffer_text(&key_id), cases[_i].says);
}
END_TEST

CH_TESTS("json_key", CH_TEST_ROWS(test_a_key_is_taken_out_of_a_flat_object, cases))

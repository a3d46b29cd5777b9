/* A profile whose header held "Ö" was taken. Every request by it was signed by the token, and only then failed, because
 * no header can hold that (found by the fuzz target profile). */
#include "base/memory.h"
#include "exchange/load.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char before_header[] = "name: t\n"
                                    "title: T\n"
                                    "origins: {main: https://a.example}\n"
                                    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"
                                    "recipe: r\n"
                                    "recipes:\n"
                                    "  r:\n"
                                    "    covers: [path]\n"
                                    "    message: \"{path}\"\n"
                                    "    url: \"{origin}{path}\"\n"
                                    "    headers:\n";
static const char after_header[] = "params: {}\n"
                                   "endpoints: [{call: GET /x, class: read}]\n";

static const struct {
    const char *header;
    bool is_taken;
} headers[] = {
    {"      Sign: \"{signature}\"\n",                   true },
    {"      Sign: \"\xc3\x96 {signature}\"\n",          false},
    {"      Sign: \"{{\xc3\x96{key_id}{signature}\"\n", false},
};

START_TEST(test_such_a_profile_is_refused_with_its_line)
{
    char source[1024];
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    snprintf(source, sizeof source, "%s%s%s", before_header, headers[_i].header, after_header);
    ch_autofree char *path = ch_test_file("t.yaml", source, strlen(source));
    ch_status st = ch_profile_load(path, &profile, &err);
    ch_profile_free(profile);
    ck_assert_msg((st == CH_OK) == headers[_i].is_taken, "%s", err.message);
    ck_assert(headers[_i].is_taken || (st == CH_CONFIG && strstr(err.message, ":12: ") != NULL));
}
END_TEST

CH_TESTS("a header that is not ASCII", CH_TEST_ROWS(test_such_a_profile_is_refused_with_its_line, headers))

#include "tests/support/suite.h"
#include "tests/unit/exchange/answered.h"
#include "tests/unit/exchange/samples.h"

/* clang-format off */
static const struct {
    const char *from; /* in ERRORS and one rule */
    const char *to;
    const char *reason;
} wrong[] = {
    /* from                              to                                          reason */
    { "status: 422, json: '{{\"m\":{message|json}}}'", "json: '{{\"m\":{message|json}}}'",  "'status'" },
    { "status: 422",                     "status: 200, x: 1",                        "no field 'x'" },
    { "refused: {status: 422",           "refused: {status: 201",                    "no SDK would take status 201" },
    { "refused: {status: 422",           "refused: {status: 423",                    "no SDK would take status 423" },
    { "refused: {status: 422",           "refused: {status: 429",                    "no SDK would take status 429" },
    { "refused: {status: 422",           "refused: {status: 503",                    "no SDK would take status 503" },
    { "not-sent: {status: 503",          "not-sent: {status: 200",                   "no SDK would take status 200" },
    { "not-sent: {status: 503",          "not-sent: {status: 408",                   "no SDK would take status 408" },
    { "refused: {status: 422",           "refused: {status: 408",                    "no SDK would take status 408" },
    { "not-sent: {status: 503",          "not-sent: {status: 422",                   "no SDK would take status 422" },
    { "unknown: {status: 504",           "unknown: {status: 200",                    "no SDK would take status 200" },
    { "unknown: {status: 504",           "unknown: {status: 600",                    "599" },
    { "    unknown:",                    "    unknow:",                              "'unknown'" },
    { "    unknown:",                    "    more: {status: 422, text: 'x {message}'}\n    unknown:", "'more'" },
    { "json: '[{message|json}]'",        "json: '[1]'",                              "must hold the message" },
    { "json: '[{message|json}]'",        "json: '[{id|json}]'",                      "must hold the message" },
    { "json: '[{message|json}]'",        "json: '[{message}]'",                      "write values as {message|json}" },
    { "json: '[{message|json}]'",        "json: '[{message|json},{id}]'",            "write values as {message|json}" },
    { "json: '[{message|json}]'",        "json: '[{message|hex}]'",                  "write values as {message|json}" },
    { "json: '[{message|json}]'",        "json: '[{message|json|hex}]'",             "write values as {message|json}" },
    { "json: '[{message|json}]'",        "json: '[{message|json}'",                  "not sound JSON" },
    { "json: '[{message|json}]'",        "json: '[\"{message|json}\"]'",             "not sound JSON" },
    { "json: '[{message|json}]'",        "json: '{{\"a\":1,\"a\":{message|json}}}'", "not sound JSON" },
    { "json: '[{message|json}]'",        "json: '[{reason|json}]'",                  "no value 'reason'" },
    { "json: '[{message|json}]'",        "json: '[{message|json}]', text: 'a {message}'", "either 'json' or 'text'" },
    { ", json: '[{message|json}]'",      "",                                         "'json' or 'text' is missing" },
    { "text: 'Away: {message}'",         "text: 'Away: {message|json}'",             "write values as {message}" },
    { "text: 'Away: {message}'",         "text: '{{ {message}'",                     "must begin with a word" },
    { "text: 'Away: {message}'",         "text: '{message}'",                        "must begin with a word" },
    { "Retry-After: \"1\"",              "Content-Type: a/b",                        "can't be a header here" },
    { "Retry-After: \"1\"",              "\"a b\": x",                               "can't be a header here" },
    { "Retry-After: \"1\"",              "A: \"{message}\"",                         "can't be a template" },
    { "where: {/c: [1]}",                "where: {}",                                "at least 1" },
    { "where: {/c: [1]}",                "status: 429",                              "'where'" },
    { "where: {/c: [1]}",                "where: {/c: []}",                          "at least 1 value" },
    { "where: {/c: [1]}",                "where: {/c: 1}",                           "list" },
    { "where: {/c: [1]}",                "where: {c: [1]}",                          "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/: [1]}",                          "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/c/: [1]}",                        "no place in an answer" },
    { "where: {/c: [1]}",                "where: {//c: [1]}",                        "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/c*: [1]}",                        "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/*c: [1]}",                        "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/*/c/*: [1]}",                     "no place in an answer" },
    { "where: {/c: [1]}",                "where: {/c: [\"*\"]}",                     "no value" },
    { "where: {/c: [1]}",                "where: {/c: [\"\"]}",                      "no value" },
    { "where: {/c: [1]}",                "where: {/c: [\"a*b\"]}",                   "no value" },
    { "where: {/c: [1]}",                "where: {/a: [1], /b: [1], /c: [1], /d: [1], /e: [1]}", "4" },
    { "where: {/c: [1]}",                "status: 408, where: {/c: [1]}",            "status 408 never means" },
    { "where: {/c: [1]}",                "status: 302, where: {/c: [1]}",            "status 302 never means" },
    { "where: {/c: [1]}",                "status: 500, where: {/c: [1]}",            "499" },
    { "where: {/c: [1]}",                "under: [/z], where: {/c: [1]}",            "no endpoint's path begins with '/z'" },
    { "where: {/c: [1]}",                "under: [\"\"], where: {/c: [1]}",          "no endpoint's path begins with ''" },
    { "where: {/c: [1]}",                "class: trade, where: {/c: [1]}",           "no field 'class'" },
    { "rejected:",                       "misread: []\n  rejected:",                 "at least 1 text" },
    { "rejected:",                       "misread: [1a]\n  rejected:",               "must begin with a letter" },
    { "rejected:",                       "misread: [\"\"]\n  rejected:",             "must begin with a letter" },
    { "rejected:",                       "rejects:",                                 "no field 'rejects'" },
};
/* clang-format on */

START_TEST(test_wrong_answers_do_not_load)
{
    static const char sound[] = PLAIN ERRORS "  rejected: [{where: {/c: [1]}}]\n";
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_autobuffer source = CH_BUFFER_INIT;
    const char *at = strstr(sound, wrong[_i].from);
    ck_assert_ptr_nonnull(at);
    ch_buffer_add(&source, sound, (size_t)(at - sound));
    ch_buffer_add_text(&source, wrong[_i].to);
    ch_buffer_add_text(&source, at + strlen(wrong[_i].from));
    ck_assert_msg(load_text(ch_buffer_text(&source), &profile, &err) == CH_CONFIG, "'%s' was taken", wrong[_i].to);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "'%s': %s", wrong[_i].to, err.message);
}
END_TEST

START_TEST(test_sound_answers_load)
{
    ch_error err = CH_ERROR_INIT;
    ch_autoprofile *profile = NULL;
    ch_status st = load_text(PLAIN ERRORS "  misread: [a b]\n  rejected: [{where: {/c: [1]}}]\n", &profile, &err);
    ck_assert_msg(st == CH_OK, "%s", err.message);
}
END_TEST

CH_TESTS("load_answers", CH_TEST(test_sound_answers_load), CH_TEST_ROWS(test_wrong_answers_do_not_load, wrong))

/* What a profile says for a doctor is read as it says, and what could ask for more than reading is refused. */
#include "exchange/doctor.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#define CHECK "check: [{call: GET /x}]"
#define ERRORS "errors: [{means: rate, status: 429}]"
#define WITH(more) "{" CHECK ", " ERRORS ", " more "}"
#define FACT(fact) WITH("permissions: {call: GET /x, facts: [" fact "]}")

/* clang-format off */
static const struct {
    const char *doctor;
    const char *reason; /* NULL: it is taken */
} cases[] = {
    /* doctor                                                                      refused since */
    { "{" CHECK ", " ERRORS "}",                                                   NULL },
    { "[]",                                                                        "this must be a map" },
    { "{" ERRORS "}",                                                              "'check' is missing" },
    { "{" CHECK "}",                                                               "'errors' is missing" },
    { WITH("cure: 1"),                                                             "no field 'cure'" },
    /* calls */
    { "{check: [], " ERRORS "}",                                                   "at least 1 call" },
    { "{check: [{call: GET /y}], " ERRORS "}",                                     "there is no endpoint 'GET /y'" },
    { "{check: [{call: POST /x}], " ERRORS "}",                                    "there is no endpoint 'POST /x'" },
    { "{check: [{call: DELETE /x}], " ERRORS "}",                                  "as GET or POST and a path" },
    { "{check: [{call: GET}], " ERRORS "}",                                        "as GET or POST and a path" },
    { "{check: [{call: POST /do}], " ERRORS "}",                                   "is of class trade; a doctor only reads" },
    { "{check: [{call: GET /x, params: {q: 1}}], " ERRORS "}",                     "GET /x takes no 'q'" },
    { "{check: [{call: GET /x, params: {p: 1}}], " ERRORS "}",                     NULL },
    { "{check: [{call: GET /x, params: {p: {get: /x, at: /z}}}], " ERRORS "}",     NULL },
    { "{check: [{call: GET /x, params: {p: {get: /y, at: /z}}}], " ERRORS "}",     "there is no endpoint 'GET /y'" },
    { "{check: [{call: GET /x, params: {p: {get: y, at: /z}}}], " ERRORS "}",      "is not the path of a call" },
    { "{check: [{call: GET /x, params: {p: {get: /y}}}], " ERRORS "}",             "'at' is missing" },
    { "{check: [{call: GET /x, params: {}}], " ERRORS "}",                         "at least 1 parameter" },
    { "{check: [{call: GET /need}], " ERRORS "}",                                  "GET /need requires 'p'" },
    { "{check: [{call: POST /need, params: {p: 1}}], " ERRORS "}",                 "only calls by GET take parameters" },
    { "{check: [{call: GET /x, origin: main}], " ERRORS "}",                       NULL },
    { "{check: [{call: GET /x, origin: moon}], " ERRORS "}",                       "there is no origin 'moon'" },
    /* the time */
    { WITH("time: {call: GET /any, at: /t, unit: ms}"),                            NULL },
    { WITH("time: {call: GET /any, at: /t}"),                                      "'unit' is missing" },
    { WITH("time: {call: GET /any, at: /t, unit: h}"),                             "unknown unit of time 'h'" },
    { WITH("time: {call: GET /any, at: /t, unit: days}"),                          "has no unit 'days'" },
    { WITH("time: {call: GET /any, at: t, unit: ms}"),                             "'t' is no place" },
    /* places */
    { "{check: [{call: GET /x, works: {/a/0/*/b: [c]}}], " ERRORS "}",             NULL },
    { "{check: [{call: GET /x, works: {\"/[a=b]/c\": [d]}}], " ERRORS "}",         NULL },
    { "{check: [{call: GET /x, works: {\"/[a=]/c\": [d]}}], " ERRORS "}",          "is no place" },
    { "{check: [{call: GET /x, works: {\"/[=b]/c\": [d]}}], " ERRORS "}",          "is no place" },
    { "{check: [{call: GET /x, works: {\"/[ab]/c\": [d]}}], " ERRORS "}",          "is no place" },
    { "{check: [{call: GET /x, works: {\"/[a=b\": [d]}}], " ERRORS "}",            "is no place" },
    { "{check: [{call: GET /x, works: {/a*/b: [c]}}], " ERRORS "}",                "is no place" },
    { "{check: [{call: GET /x, works: {/a//b: [c]}}], " ERRORS "}",                "is no place" },
    { "{check: [{call: GET /x, works: {/a/: [c]}}], " ERRORS "}",                  "is no place" },
    { "{check: [{call: GET /x, works: {/a: []}}], " ERRORS "}",                    "at least 1 value" },
    { "{check: [{call: GET /x, works: {}}], " ERRORS "}",                          "at least 1 member" },
    /* facts */
    { FACT("{at: /a, means: trades}"),                                             NULL },
    { FACT("{at: /a, means: flies}"),                                              "unknown fact about a key 'flies'" },
    { FACT("{at: /a, means: trades, any_of: [1], none_of: [2]}"),                  "either 'any_of' or 'none_of'" },
    { FACT("{at: /a, means: trades, unit: s}"),                                    "no field 'unit'" },
    { FACT("{at: /a, means: trades, split: \"\"}"),                                "'split' is empty" },
    { FACT("{at: /a, means: expires}"),                                            "needs a 'unit'" },
    { FACT("{at: /a, means: expires, unit: s, any_of: [1]}"),                      "and no 'any_of'" },
    { FACT("{at: /a, means: expires, unit: days, none_of: [-1]}"),                 NULL },
    { FACT(""),                                                                    "at least 1 fact" },
    { WITH("permissions: {call: POST /do, facts: [{at: /a, means: trades}]}"),     "a doctor only reads" },
    /* errors */
    { "{" CHECK ", errors: []}",                                                   "at least 1 error" },
    { "{" CHECK ", errors: [{means: time}]}",                                      "give 'status' or 'where'" },
    { "{" CHECK ", errors: [{means: mood, status: 400}]}",                         "unknown trouble 'mood'" },
    { "{" CHECK ", errors: [{means: time, status: 100}]}",                         "from 200 to 599" },
    { "{" CHECK ", errors: [{means: time, where: {/code: [1]}}]}",                 NULL },
};
/* clang-format on */

static const char sound[] = SOUND_PROFILE "  - {call: POST /do, class: trade, optional: [p]}\n"
                                          "  - {call: GET /need, class: read, required: [p]}\n"
                                          "  - {call: POST /need, class: read, required: [p]}\n";

START_TEST(test_what_a_doctor_asks_is_checked)
{
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_buffer_add_format(&source, "%sdoctor: %s\n", sound, cases[_i].doctor);
    ch_status st = load_text(ch_buffer_text(&source), &profile, &err);
    if (cases[_i].reason == NULL) {
        ck_assert_msg(st == CH_OK, "%s: %s", cases[_i].doctor, err.message);
        ck_assert_ptr_nonnull(ch_profile_doctor(profile));
        ch_profile_free(profile);
        return;
    }
    ck_assert_msg(st == CH_CONFIG, "'%s' was taken", cases[_i].doctor);
    ck_assert_msg(strstr(err.message, cases[_i].reason) != NULL, "'%s': %s", cases[_i].doctor, err.message);
}
END_TEST

START_TEST(test_a_doctor_is_read_as_it_says)
{
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_doctor *doctor = ch_profile_doctor(profile);
    ck_assert_str_eq(doctor->time.call.path, "/api/v1/clock");
    ck_assert_str_eq(doctor->time.call.origin, "vault");
    ck_assert_str_eq(doctor->time.at, "/now/0/iso");
    ck_assert_int_eq(doctor->time.unit, CH_DOCTOR_ISO);
    ck_assert_uint_eq(doctor->check_count, 2);
    ck_assert_uint_eq(doctor->checks[0].works_count, 2);
    ck_assert_str_eq(doctor->permissions.params[0].value, CH_DOCTOR_KEY_ID);
    ck_assert_ptr_null(doctor->permissions.params[1].value);
    ck_assert_str_eq(doctor->permissions.params[1].path, "/api/v1/things");
    ck_assert_uint_eq(doctor->fact_count, 5);
    ck_assert_int_eq(doctor->facts[4].unit, CH_DOCTOR_DAYS);
    ck_assert_uint_eq(doctor->errors[0].where_count, 2);
    ck_assert_uint_eq(doctor->errors[1].status, 429);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_profile_need_not_have_one)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(sound, &profile, &err) == CH_OK, "%s", err.message);
    ck_assert_ptr_null(ch_profile_doctor(profile));
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(ch_doctor_means_name(CH_DOCTOR_IS_BOUND), "is-bound");
    for (ch_doctor_trouble trouble = 0; trouble < CH_DOCTOR_TROUBLE_COUNT; trouble++)
        ck_assert_ptr_nonnull(ch_doctor_trouble_name(trouble));
    ck_assert_str_eq(ch_doctor_trouble_name(CH_DOCTOR_KEY_OR_SIGNATURE), "key-or-signature");
}
END_TEST

CH_TESTS("load_doctor", CH_TEST(test_a_doctor_is_read_as_it_says), CH_TEST(test_a_profile_need_not_have_one),
         CH_TEST(test_names), CH_TEST_ROWS(test_what_a_doctor_asks_is_checked, cases))

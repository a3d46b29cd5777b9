/* An SDK's string to sign is read back to what it is made of, or refused; and what is read builds the same string
 * again. Run from the repository's root. */
#include "exchange/read_back.h"

#include "base/buffer.h"
#include "exchange/check.h"
#include "exchange/load.h"
#include "exchange/match.h"
#include "tests/support/suite.h"

#include <string.h>

typedef struct rig {
    ch_profile *profile;
    ch_scratch *scratch;
    ch_draft *draft;
    ch_recipe_input input;
    ch_request request;
    ch_reading reading;
    ch_error err;
} rig;

static void set_up(rig *r, const char *path, const char *method, const char *call)
{
    *r = (rig){.err = CH_ERROR_INIT};
    ck_assert_msg(ch_profile_load(path, &r->profile, &r->err) == CH_OK, "%s", r->err.message);
    r->scratch = ch_scratch_new();
    r->draft = ch_draft_new(r->scratch);
    r->request = (ch_request){.method = ch_slice_of(method), .path = ch_slice_of(call)};
    r->input = (ch_recipe_input){.profile = r->profile,
                                 .scheme = ch_profile_scheme_at(r->profile, 0),
                                 .environment = ch_profile_live(r->profile),
                                 .request = &r->request,
                                 .key_id = CH_LITERAL("the-key"),
                                 .now_ns = 1};
    ck_assert_msg(ch_environment_match(r->input.environment, &r->request, &r->input.endpoint, &r->err) == CH_OK, "%s",
                  r->err.message);
}

static void tear_down(rig *r)
{
    ch_buffer_free(&r->reading.text);
    ch_draft_free(r->draft);
    ch_scratch_free(r->scratch);
    ch_profile_free(r->profile);
}

static ch_status read_text(rig *r, const char *text)
{
    ch_status st = ch_recipe_read(&r->input, r->scratch, ch_slice_of(text), &r->reading, &r->err);
    r->request.params = r->reading.params;
    r->request.param_count = r->reading.param_count;
    return st;
}

static void assert_builds_again(rig *r, const char *text)
{
    ch_payloads built;
    ck_assert_msg(ch_endpoint_check(r->input.endpoint, r->input.scheme, &r->request, &r->err) == CH_OK, "%s: %s", text,
                  r->err.message);
    r->input.now_ns = r->reading.now_ns;
    ck_assert_msg(ch_recipe_build(&r->input, r->draft, &built, &r->err) == CH_OK, "%s: %s", text, r->err.message);
    ck_assert_msg(ch_slice_is(built.items[0], text), "wanted %s\nbuilt  %.*s", text, CH_SLICE_ARGS(built.items[0]));
}

static const char things[] = "GET\napi.oddball.example\n/v1/things\n";

/* Path, method, call, string, the time in it. */
static const struct {
    const char *profile;
    const char *method;
    const char *call;
    const char *text;
    uint64_t now_ms;
} taken[] = {
    {"tests/profiles/bench.yaml",   "POST", "/api/v3/order",
     "symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123",           1764000000123},
    {"tests/profiles/bench.yaml",   "POST", "/api/v3/order",
     "timestamp=1764000000123&symbol=A&side=BUY&type=LIMIT&quantity=1",           1764000000123},
    {"tests/profiles/bench.yaml",   "POST", "/api/v3/order",
     "symbol=XBT%2FUSD&side=BUY&timestamp=1764000000123&type=LIMIT&quantity=0.5", 1764000000123},
    {"tests/profiles/oddball.yaml", "GET",  "/api/v1/lists",
     "note=a "
     "b=c&orders=[{\"symbol\":\"A\",\"lot\":1},{\"symbol\":\"B\",\"lot\":2,\"exact\":0.50,\"tags\":[\"x\\\"\\\\\"]}]"
     "&ts=1764000000123",                                                         1764000000123},
};

START_TEST(test_a_string_is_read_and_built_again)
{
    rig r;
    set_up(&r, taken[_i].profile, taken[_i].method, taken[_i].call);
    ck_assert_msg(read_text(&r, taken[_i].text) == CH_OK, "%s: %s", taken[_i].text, r.err.message);
    ck_assert_uint_eq(r.reading.now_ns, taken[_i].now_ms * 1000000);
    assert_builds_again(&r, taken[_i].text);
    tear_down(&r);
}
END_TEST

START_TEST(test_method_host_path_and_date_are_read)
{
    rig r;
    ch_autobuffer text = CH_BUFFER_INIT;
    set_up(&r, "tests/profiles/oddball.yaml", "GET", "/api/v1/things");
    ch_buffer_add_format(&text, "%sAccessKey=the-key&note=x&stamp=2025-11-24T16:00:00.123Z&symbol=a/b", things);
    ck_assert_msg(read_text(&r, ch_buffer_text(&text)) == CH_OK, "%s", r.err.message);
    ck_assert_uint_eq(r.reading.now_ns, 1764000000123000000);
    assert_builds_again(&r, ch_buffer_text(&text));
    ck_assert(!ch_recipe_is_anonymous(r.input.endpoint, r.input.scheme));
    tear_down(&r);
}
END_TEST

/* 584 years before 2025: as nanoseconds in 64 bits, both are the same time. */
START_TEST(test_a_date_before_1970_is_no_time)
{
    rig r;
    ch_autobuffer text = CH_BUFFER_INIT;
    set_up(&r, "tests/profiles/oddball.yaml", "GET", "/api/v1/things");
    ch_buffer_add_format(&text, "%sAccessKey=the-key&note=x&stamp=1441-05-06T16:25:26.290Z&symbol=a/b", things);
    ck_assert_msg(read_text(&r, ch_buffer_text(&text)) == CH_OK, "%s", r.err.message);
    ck_assert_uint_eq(r.reading.now_ns, 0);
    tear_down(&r);
}
END_TEST

/* What is not the agent's own spelling may be read, but does not build the same. */
static const struct {
    const char *name;
    const char *text;
} spelled_otherwise[] = {
    {"lower-case hex",       "symbol=XBT%2fUSD&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                },
    {"needless escape",      "symbol=%41&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                      },
    {"unescaped",            "symbol=XBT/USD&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                  },
    {"plus for a space",     "symbol=A+B&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                      },
    {"cut escape",           "symbol=A%2&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                      },
    {"time with a fraction", "symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123.5"                      },
    {"no time",              "symbol=A&side=BUY&type=LIMIT&quantity=1"                                                },
    {"short time",           "symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=176400000"                            },
    {"two times",            "timestamp=1764000000123&symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000124"},
    {"the time twice",       "timestamp=1764000000123&symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"},
    {"parameter twice",      "symbol=A&symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"               },
    {"unknown parameter",    "symbol=A&side=BUY&type=LIMIT&quantity=1&evil=1&timestamp=1764000000123"                 },
    {"missing parameter",    "symbol=A&side=BUY&type=LIMIT&timestamp=1764000000123"                                   },
    {"wrong value",          "symbol=A&side=buy&type=LIMIT&quantity=1&timestamp=1764000000123"                        },
    {"respelled number",     "symbol=A&side=BUY&type=LIMIT&quantity=01&timestamp=1764000000123"                       },
    {"empty pair",           "symbol=A&&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                       },
    {"pair at the end",      "symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123&"                       },
    {"no value",             "symbol&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                          },
    {"leading ?",            "?symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123"                       },
    {"another line",         "symbol=A&side=BUY&type=LIMIT&quantity=1&timestamp=1764000000123\nx=1"                   },
    {"control character",    "symbol=A&side=BUY&type=LIMIT&quantity=1%00&timestamp=1764000000123"                     },
    {"nothing",              ""                                                                                       },
    {"JSON",                 "{\"symbol\":\"A\"}"                                                                     },
};

START_TEST(test_another_spelling_does_not_build_the_same)
{
    rig r;
    ch_payloads built;
    set_up(&r, "tests/profiles/bench.yaml", "POST", "/api/v3/order");
    ch_status st = read_text(&r, spelled_otherwise[_i].text);
    if (st == CH_OK)
        st = ch_endpoint_check(r.input.endpoint, r.input.scheme, &r.request, &r.err);
    if (r.reading.now_ns != 0)
        r.input.now_ns = r.reading.now_ns;
    if (st == CH_OK)
        st = ch_recipe_build(&r.input, r.draft, &built, &r.err);
    ck_assert_msg(st != CH_OK || !ch_slice_is(built.items[0], spelled_otherwise[_i].text), "%s was taken",
                  spelled_otherwise[_i].name);
    tear_down(&r);
}
END_TEST

static const char *const bad_json[] = {
    "[]x",
    "[",
    "[{]",
    "[{\"symbol\":\"A\",}]",
    "[{\"symbol\" :\"A\"}]",
    "[ {\"symbol\":\"A\"}]",
    "[{symbol:\"A\"}]",
    "[{\"symbol\":\"A\"},]",
    "[,]",
    "[{\"symbol\":}]",
    "[\"a]",
    "[[[[[[1]]]]]]",
    "{\"a\":1}x",
    "[\"a\\\"]",
    "[1 ,2]",
};

START_TEST(test_json_of_another_spelling_is_not_read_as_the_same)
{
    rig r;
    ch_payloads built;
    ch_autobuffer text = CH_BUFFER_INIT;
    set_up(&r, "tests/profiles/oddball.yaml", "GET", "/api/v1/lists");
    ch_buffer_add_format(&text, "orders=%s&ts=1764000000123", bad_json[_i]);
    ch_status st = read_text(&r, ch_buffer_text(&text));
    if (st == CH_OK)
        st = ch_endpoint_check(r.input.endpoint, r.input.scheme, &r.request, &r.err);
    if (st == CH_OK)
        st = ch_recipe_build(&r.input, r.draft, &built, &r.err);
    ck_assert_int_ne(st, CH_OK);
    tear_down(&r);
}
END_TEST

START_TEST(test_a_digest_can_not_be_read)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "POST", "/api/v1/things");
    ck_assert_int_eq(read_text(&r, "1764000000:abcdef"), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(r.err.message, "digest"));
    tear_down(&r);
}
END_TEST

START_TEST(test_another_key_is_noticed)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "GET", "/api/v1/things");
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, "%sAccessKey=other&stamp=2025-11-24T16:00:00.123Z", things);
    ch_payloads built;
    ck_assert_int_eq(read_text(&r, ch_buffer_text(&text)), CH_OK); /* a field is the agent's: it is built, not read */
    r.input.now_ns = r.reading.now_ns;
    ck_assert_int_eq(ch_endpoint_check(r.input.endpoint, r.input.scheme, &r.request, &r.err), CH_OK);
    ck_assert_int_eq(ch_recipe_build(&r.input, r.draft, &built, &r.err), CH_OK);
    ck_assert(!ch_slice_equal(built.items[0], ch_buffer_slice(&text)));
    tear_down(&r);
}
END_TEST

CH_TESTS("read_back", CH_TEST_ROWS(test_a_string_is_read_and_built_again, taken),
         CH_TEST(test_method_host_path_and_date_are_read), CH_TEST(test_a_date_before_1970_is_no_time),
         CH_TEST_ROWS(test_another_spelling_does_not_build_the_same, spelled_otherwise),
         CH_TEST_ROWS(test_json_of_another_spelling_is_not_read_as_the_same, bad_json),
         CH_TEST(test_a_digest_can_not_be_read), CH_TEST(test_another_key_is_noticed))

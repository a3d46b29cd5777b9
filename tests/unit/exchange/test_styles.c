/* A list is written as its style says, or refused if its text could be read as another list. */
#include "tests/support/suite.h"
#include "tests/unit/exchange/rig.h"
#include "tests/unit/exchange/samples.h"

static void put(rig *r, const char *path, ch_param *params, size_t count)
{
    r->input.key_id = CH_LITERAL("id");
    r->input.passphrase = CH_LITERAL("open sesame");
    r->input.now_ns = 1764000000123456789;
    r->input.nonce = 77;
    ck_assert_msg(build(r, "PUT", path, params, count) == CH_OK, "%s", r->err.message);
}

static const char *const ambiguous[] = {"a&symbol=B", "a=b", "a b", "a+b", "a%20b", "a#b", "a?b", "\xc3\xa9"};

START_TEST(test_raw_form_refuses_what_it_could_not_tell_apart)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {text("note", ambiguous[_i])};
    ck_assert_int_eq(build(&r, "GET", "/api/v1/things", params, 1), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(r.err.message, "'note'"));
    tear_down(&r);
}
END_TEST

START_TEST(test_lists_are_spelled_as_the_profile_says)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {LIST("comma"),
                         ITEM("a b"),
                         ITEM("c"),
                         END,
                         LIST("repeat"),
                         ITEM("a"),
                         ITEM("b"),
                         END,
                         LIST("brackets"),
                         ITEM("a"),
                         ITEM("b"),
                         END,
                         LIST("index"),
                         ITEM("a"),
                         ITEM("b"),
                         END,
                         LIST("orders"),
                         OBJECT,
                         MEMBER("symbol", CH_PARAM_TEXT, "A"),
                         MEMBER("lot", CH_PARAM_INTEGER, "1"),
                         END,
                         END};
    r.input.now_ns = 5000000;
    ck_assert_msg(build(&r, "GET", "/api/v1/lists", params, 22) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "comma=a b,c&repeat=a&repeat=b&brackets[]=a&brackets[]=b&index[0]=a&index[1]=b"
                            "&orders=[{\"symbol\":\"A\",\"lot\":1}]&ts=5");
    ck_assert_int_eq(finish(&r, CH_LITERAL("abc")), CH_OK);
    assert_slice(r.finished.url, "https://api.oddball.example/api/v1/lists?comma=a%20b%2Cc&repeat=a&repeat=b"
                                 "&brackets%5B%5D=a&brackets%5B%5D=b&index%5B0%5D=a&index%5B1%5D=b"
                                 "&orders=%5B%7B%22symbol%22%3A%22A%22%2C%22lot%22%3A1%7D%5D&ts=5&sig=YWJj");
    tear_down(&r);
}
END_TEST

START_TEST(test_an_item_may_not_hold_what_separates_items)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {LIST("comma"), ITEM("a,b"), END};
    ck_assert_int_eq(build(&r, "GET", "/api/v1/lists", params, 3), CH_BAD_INPUT);
    tear_down(&r);
}
END_TEST

START_TEST(test_decoded_form_refuses_what_it_could_not_tell_apart)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {text("note", "a&ts=1")};
    ck_assert_int_eq(build(&r, "GET", "/api/v1/lists", params, 1), CH_BAD_INPUT);
    params[0] = text("note", "a=b c%20\xc3\xa9");
    ck_assert_int_eq(build(&r, "GET", "/api/v1/lists", params, 1), CH_OK);
    tear_down(&r);
}
END_TEST

START_TEST(test_joined_parameters_are_sorted_inside_and_out)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    r.input.key_id = CH_LITERAL("id");
    r.input.nonce = 77;
    ch_param params[] = {text("symbol", "A"),
                         LIST("orders"),
                         OBJECT,
                         MEMBER("symbol", CH_PARAM_TEXT, "B"),
                         MEMBER("lot", CH_PARAM_INTEGER, "1"),
                         END,
                         END,
                         text("note", "x")};
    ck_assert_msg(build(&r, "POST", "/api/v1/joined", params, 8) == CH_OK, "%s", r.err.message);
    assert_slice(r.payload, "/api/v1/joinedidnotexorderslot1symbolBsymbolA77");
    tear_down(&r);
}
END_TEST

START_TEST(test_a_list_is_the_whole_body)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {LIST(""),
                         OBJECT,
                         MEMBER("symbol", CH_PARAM_TEXT, "A"),
                         MEMBER("lot", CH_PARAM_INTEGER, "2"),
                         END,
                         OBJECT,
                         MEMBER("lot", CH_PARAM_TEXT, "3"),
                         MEMBER("symbol", CH_PARAM_TEXT, "B"),
                         LIST("tags"),
                         ITEM("x"),
                         ITEM("y\"z"),
                         END,
                         END,
                         END};
    put(&r, "/api/v1/batch", params, 14);
    assert_slice(r.payload, "1764000060put/api/v1/batch[{\"symbol\":\"A\",\"lot\":2},"
                            "{\"lot\":\"3\",\"symbol\":\"B\",\"tags\":[\"x\",\"y\\\"z\"]}]");
    tear_down(&r);
}
END_TEST

CH_TESTS("styles", CH_TEST_ROWS(test_raw_form_refuses_what_it_could_not_tell_apart, ambiguous),
         CH_TEST(test_lists_are_spelled_as_the_profile_says), CH_TEST(test_an_item_may_not_hold_what_separates_items),
         CH_TEST(test_decoded_form_refuses_what_it_could_not_tell_apart),
         CH_TEST(test_joined_parameters_are_sorted_inside_and_out), CH_TEST(test_a_list_is_the_whole_body))

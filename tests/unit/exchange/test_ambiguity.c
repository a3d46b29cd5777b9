/* A request whose names and values are joined without separators is refused if it could be another. */
#include "tests/support/suite.h"
#include "tests/unit/exchange/rig.h"
#include "tests/unit/exchange/samples.h"

START_TEST(test_a_joined_value_may_not_hold_a_name)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {text("note", "xsize5")};
    ck_assert_int_eq(build(&r, "POST", "/api/v1/joined", params, 1), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(r.err.message, "holds 'size'"));
    tear_down(&r);
}
END_TEST

START_TEST(test_joined_items_must_not_run_together)
{
    rig r;
    set_up(&r, "tests/profiles/oddball.yaml", "hmac");
    ch_param params[] = {LIST("orders"),
                         OBJECT,
                         MEMBER("symbol", CH_PARAM_TEXT, "A"),
                         MEMBER("lot", CH_PARAM_INTEGER, "1"),
                         LIST("tags"),
                         ITEM("x"),
                         ITEM("y"),
                         END,
                         END,
                         END};
    ck_assert_int_eq(build(&r, "POST", "/api/v1/joined", params, 10), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(r.err.message, "where the items of 'tags' end"));
    tear_down(&r);
}
END_TEST

CH_TESTS("ambiguity", CH_TEST(test_a_joined_value_may_not_hold_a_name),
         CH_TEST(test_joined_items_must_not_run_together))

/* What the log says of the dates of keys. */
#include "agent/core/key_watch.h"

#include "base/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/stage.h"

#include <string.h>

#define DAY UINT64_C(86400000000000)

static char names[3][2] = {"a", "b", "c"};
static ch_key keys[3];
static ch_policy policy = {.keys = keys, .key_count = 3};

START_TEST(test_each_date_is_said_once_for_each_policy)
{
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    for (size_t i = 0; i < 3; i++)
        keys[i].name = names[i];
    keys[0].expires_ns = now.wall_ns - 1;
    keys[1].rotate_by_ns = now.wall_ns + DAY;
    ch_key_watch *watch = ch_key_watch_new(stage_set_up(), &policy);
    stage_record_log();
    ch_key_watch_follow(watch);
    const char *text = stage_logged();
    ck_assert_ptr_nonnull(strstr(text, "key 'a' expired at"));
    ck_assert_ptr_nonnull(strstr(text, "key 'b' is to be rotated by"));
    ck_assert_ptr_null(strstr(text, "key 'c'"));
    stage_record_log();
    ch_key_watch_look(watch);
    ck_assert_str_eq(stage_logged(), "");
    keys[2].expires_ns = now.wall_ns + DAY;
    stage_record_log();
    ch_key_watch_look(watch);
    ck_assert_ptr_nonnull(strstr(stage_logged(), "key 'c' expires at"));
    stage_record_log();
    ch_key_watch_follow(watch);
    ck_assert_ptr_nonnull(strstr(stage_logged(), "key 'a' expired at"));
    ch_key_watch_free(watch);
}
END_TEST

CH_TESTS("key_watch", CH_TEST(test_each_date_is_said_once_for_each_policy))

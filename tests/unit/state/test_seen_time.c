#include "state/seen_time.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

static ch_store *store;
static ch_error err;

static void set_up(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
}

static void tear_down(void)
{
    ch_store_close(store);
}

START_TEST(test_nothing_was_seen_before_something_was_kept)
{
    ch_seen_time seen = {.newest_ns = 5, .boot_id = "x", .offset_ns = 7};
    ck_assert_int_eq(ch_seen_time_load(store, &seen, &err), CH_OK);
    ck_assert_uint_eq(seen.newest_ns, 0);
    ck_assert_str_eq(seen.boot_id, "");
    ck_assert_int_eq(seen.offset_ns, 0);
}
END_TEST

START_TEST(test_what_was_kept_last_is_read)
{
    const ch_seen_time first = {.newest_ns = 1764000000000000000, .boot_id = "", .offset_ns = 0};
    const ch_seen_time second = {
        .newest_ns = 1764000060000000000, .boot_id = "a48ff1d3-7114-4988-a42c-37702017420b", .offset_ns = -1764};
    ch_seen_time seen;
    ck_assert_int_eq(ch_seen_time_save(store, &first, &err), CH_OK);
    ck_assert_int_eq(ch_seen_time_save(store, &second, &err), CH_OK);
    ck_assert_int_eq(ch_seen_time_load(store, &seen, &err), CH_OK);
    ck_assert_uint_eq(seen.newest_ns, second.newest_ns);
    ck_assert_str_eq(seen.boot_id, second.boot_id);
    ck_assert_int_eq(seen.offset_ns, second.offset_ns);
}
END_TEST

CH_TESTS_WITH("seen_time", set_up, tear_down, CH_TEST(test_nothing_was_seen_before_something_was_kept),
              CH_TEST(test_what_was_kept_last_is_read))

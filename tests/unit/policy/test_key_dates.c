#include "policy/key_dates.h"

#include "tests/support/suite.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define DATE (UINT64_C(1801353600) * SECOND) /* 2027-01-31T00:00:00Z */

/* clang-format off */
static const struct {
    uint64_t expires_ns;
    uint64_t rotate_by_ns;
    uint64_t now_ns;
    const char *said;
} cases[] = {
    { 0,    0,          DATE,                   "" },
    { DATE, 0,          DATE - 14 * DAY - 1,    "" },
    { DATE, 0,          DATE - 14 * DAY,        "key 'k' expires at 2027-01-31T00:00:00Z, in 14 days" },
    { DATE, 0,          DATE - 2 * DAY + 1,     "key 'k' expires at 2027-01-31T00:00:00Z, in 1 day" },
    { DATE, 0,          DATE - 1,               "key 'k' expires at 2027-01-31T00:00:00Z, within a day" },
    { DATE, 0,          DATE,                   "key 'k' expired at 2027-01-31T00:00:00Z and signs nothing any more" },
    { DATE, 0,          DATE + 999 * DAY,       "key 'k' expired at 2027-01-31T00:00:00Z and signs nothing any more" },
    { 0,    DATE,       DATE - 14 * DAY - 1,    "" },
    { 0,    DATE,       DATE - 7 * DAY,         "key 'k' is to be rotated by 2027-01-31T00:00:00Z, in 7 days" },
    { 0,    DATE,       DATE,                   "key 'k' was to be rotated by 2027-01-31T00:00:00Z; it signs all the same" },
    { DATE, DATE - DAY, DATE - DAY,             "key 'k' expires at 2027-01-31T00:00:00Z, in 1 day" },
    { DATE + 99 * DAY, DATE, DATE,              "key 'k' was to be rotated by 2027-01-31T00:00:00Z; it signs all the same" },
};
/* clang-format on */

START_TEST(test_a_date_is_said_in_time)
{
    char name[] = "k";
    const ch_key key = {.name = name, .expires_ns = cases[_i].expires_ns, .rotate_by_ns = cases[_i].rotate_by_ns};
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_key_due_say(&key, cases[_i].now_ns, &text);
    ck_assert_str_eq(ch_buffer_text(&text), cases[_i].said);
    ck_assert_int_eq(ch_key_due_at(&key, cases[_i].now_ns) == CH_KEY_NOT_DUE, cases[_i].said[0] == '\0');
}
END_TEST

START_TEST(test_a_key_signs_until_it_expires)
{
    char name[] = "k";
    ch_error err = CH_ERROR_INIT;
    ch_key key = {.name = name, .expires_ns = DATE, .rotate_by_ns = 1};
    ck_assert_int_eq(ch_key_check_expiry(&key, DATE - 1, &err), CH_OK);
    ck_assert_int_eq(ch_key_check_expiry(&key, DATE, &err), CH_REFUSED);
    ck_assert_str_eq(err.rule, "expires");
    ck_assert_str_eq(err.message, "key 'k' expired at 2027-01-31T00:00:00Z, as its policy says; rotate it, or have the "
                                  "policy say another date");
    key.expires_ns = 0;
    ck_assert_int_eq(ch_key_check_expiry(&key, UINT64_MAX, &err), CH_OK);
}
END_TEST

START_TEST(test_the_newest_version_that_has_begun_and_not_expired)
{
    ch_key after[] = {
        {.from_ns = 10, .expires_ns = 30},
        {.from_ns = 40            }
    };
    const ch_key key = {.expires_ns = 20, .versions = after, .version_count = 2};
    const ch_key alone = {.expires_ns = 20};
    ck_assert_ptr_eq(ch_key_version_by_date(&key, 9), &key);
    ck_assert_ptr_eq(ch_key_version_by_date(&key, 10), &after[0]);
    ck_assert_ptr_eq(ch_key_version_by_date(&key, 29), &after[0]);
    ck_assert_ptr_eq(ch_key_version_by_date(&key, 30), &key); /* none signs then */
    ck_assert_ptr_eq(ch_key_version_by_date(&key, 40), &after[1]);
    ck_assert_ptr_eq(ch_key_version_by_date(&alone, 99), &alone);
}
END_TEST

CH_TESTS("key_dates", CH_TEST_ROWS(test_a_date_is_said_in_time, cases), CH_TEST(test_a_key_signs_until_it_expires),
         CH_TEST(test_the_newest_version_that_has_begun_and_not_expired))

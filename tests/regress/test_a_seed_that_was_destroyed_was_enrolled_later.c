/* The disk of the state hung while an enrolment was being written. The admin was told that nobody could know of the
 * try, and 'totp enroll' destroyed the seed; but when the disk answered, that seed was enrolled. The same words were
 * said of a revocation, which was in effect. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/codes_stage.h"

#include <string.h>

static codes_stage it;

/* As far as its last write. */
static void go_on(void)
{
    codes_stage_let_disk_answer(&it); /* the try */
    codes_stage_say_right(&it, 120);
    codes_stage_let_disk_answer(&it); /* the step */
}

START_TEST(test_what_was_enrolled_too_late_is_not)
{
    codes_heard alice = {0};
    codes_stage_begin(&it);
    ch_secret typed = codes_stage_type(CH_LITERAL("PIN\000414141\000424242"));
    const ch_codes_waiter waiter = codes_stage_waiter(&alice);
    ch_codes_enroll(it.codes, &codes_stage_persons[ALICE], ch_slice_of("bob"), &typed, &waiter);
    go_on();
    codes_stage_say_right(&it, 120); /* of bob's */
    codes_stage_await(&alice, 1);
    ck_assert_int_eq(alice.outcome.status, CH_IO);
    ck_assert_ptr_nonnull(strstr(alice.outcome.message, "the seed is not enrolled"));
    codes_stage_let_disk_answer(&it);
    ck_assert(!ch_codes_is_enrolled(it.codes, &codes_stage_persons[BOB]));
    codes_stage_let_disk_answer(&it); /* it is taken back there, too */
    ck_assert(!ch_codes_is_enrolled(it.codes, &codes_stage_persons[BOB]));
}
END_TEST

START_TEST(test_what_was_revoked_is_and_that_is_said)
{
    codes_heard alice = {0};
    codes_stage_begin(&it);
    codes_stage_pin(&it, BOB);
    ch_secret typed = codes_stage_type(CH_LITERAL("424242"));
    const ch_codes_waiter waiter = codes_stage_waiter(&alice);
    ch_codes_revoke(it.codes, &codes_stage_persons[ALICE], ch_slice_of("bob"), &typed, &waiter);
    go_on();
    codes_stage_await(&alice, 1);
    ck_assert_int_eq(alice.outcome.status, CH_IO);
    ck_assert_ptr_nonnull(strstr(alice.outcome.message, "the seed is revoked, but that is not kept yet"));
    ck_assert(!ch_codes_is_enrolled(it.codes, &codes_stage_persons[BOB]));
    codes_stage_let_disk_answer(&it);
    ck_assert(!ch_codes_is_enrolled(it.codes, &codes_stage_persons[BOB]));
}
END_TEST

static void tear_down(void)
{
    codes_stage_end(&it);
}

CH_TESTS_WITH("a seed that was destroyed was enrolled later", NULL, tear_down,
              CH_TEST(test_what_was_enrolled_too_late_is_not), CH_TEST(test_what_was_revoked_is_and_that_is_said))

/* While an admin's enrolment of somebody was being written, that very person tried a code. What is kept of a person has
 * one waiter, so the try took the admin's place: the admin was told that the disk does not answer, and could use no
 * code any more, for an unlock or a thaw, until the agent was restarted. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/codes_stage.h"

#include <string.h>

static codes_stage it;

static void try_code(int who, codes_heard *hears)
{
    ch_secret typed = codes_stage_type(CH_LITERAL("424242"));
    const ch_codes_waiter waiter = codes_stage_waiter(hears);
    ch_codes_verify(it.codes, &codes_stage_persons[who], &typed, &waiter);
    stage_settle();
}

START_TEST(test_both_are_answered_and_can_try_again)
{
    codes_heard alice = {0};
    codes_heard bob = {0};
    codes_stage_begin(&it);
    ch_secret typed = codes_stage_type(CH_LITERAL("PIN\000414141\000424242"));
    const ch_codes_waiter waiter = codes_stage_waiter(&alice);
    ch_codes_enroll(it.codes, &codes_stage_persons[ALICE], ch_slice_of("bob"), &typed, &waiter);
    codes_stage_let_disk_answer(&it); /* the try */
    codes_stage_say_right(&it, 120);
    codes_stage_let_disk_answer(&it); /* the step */
    codes_stage_say_right(&it, 120);  /* of bob's; his row is being written now */
    ck_assert_int_eq(alice.answers, 0);
    try_code(BOB, &bob);
    ck_assert_int_eq(bob.answers, 1);
    ck_assert_int_eq(bob.outcome.status, CH_BUSY);
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(alice.answers, 1);
    ck_assert_msg(alice.outcome.status == CH_OK, "%s", alice.outcome.message);

    try_code(BOB, &bob);
    codes_stage_let_disk_answer(&it);
    codes_stage_say_right(&it, 121);
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(bob.answers, 2);
    ck_assert_msg(bob.outcome.status == CH_OK, "%s", bob.outcome.message);
    try_code(ALICE, &alice);
    codes_stage_let_disk_answer(&it);
    codes_stage_say_right(&it, 121);
    codes_stage_let_disk_answer(&it);
    ck_assert_int_eq(alice.answers, 2);
    ck_assert_msg(alice.outcome.status == CH_OK, "%s", alice.outcome.message);
}
END_TEST

static void tear_down(void)
{
    codes_stage_end(&it);
}

CH_TESTS_WITH("a try took the place of who waited for the disk", NULL, tear_down,
              CH_TEST(test_both_are_answered_and_can_try_again))

/* A timer that was cancelled, or was called, stayed in the loop's list. The next turn looked at it, though its owner (a
 * token link, say) had been freed. */
#include "base/loop.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

typedef struct owner {
    ch_timer timer;
    int *calls;
} owner;

static void on_due(void *context)
{
    const owner *one = context;
    (*one->calls)++;
}

static owner *new_owner(ch_loop *loop, int *calls)
{
    owner *one = ch_alloc(sizeof *one);
    *one = (owner){
        .timer = {.on_due = on_due, .context = one},
          .calls = calls
    };
    ch_loop_set_timer(loop, &one->timer, 1);
    return one;
}

static void free_owner(owner *one)
{
    memset(one, 0xff, sizeof *one);
    free(one);
}

START_TEST(test_a_timer_out_of_the_loop_can_be_freed)
{
    ch_error err = CH_ERROR_INIT;
    ch_loop *loop = NULL;
    int calls = 0;
    ck_assert_int_eq(ch_loop_new(&loop, &err), CH_OK);
    owner *called = new_owner(loop, &calls);
    ch_loop_turn(loop, 0);
    owner *cancelled = new_owner(loop, &calls);
    ch_loop_cancel_timer(loop, &cancelled->timer);
    free_owner(called);
    free_owner(cancelled);
    owner *last = new_owner(loop, &calls);
    ch_loop_turn(loop, 0);
    ck_assert_int_eq(calls, 2);
    free_owner(last);
    ch_loop_free(loop);
}
END_TEST

CH_TESTS("a cancelled timer stayed in the loop", CH_TEST(test_a_timer_out_of_the_loop_can_be_freed))

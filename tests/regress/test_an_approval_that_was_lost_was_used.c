/* A fetch was judged by an approval whose row was still on its way to the disk, and then waited for the token. The disk
 * did not take the row, so the approver was told that the approval does not count; then it took rows again. The fetch
 * had been judged a moment ago, and no trading state or price had changed, so it was not judged again: it was signed.
 */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene_people.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

static ch_error err;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static void let_files_grow(bool may_grow)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = may_grow ? limit.rlim_max : 0;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk takes nothing, and then rows again. */
static void lose_rows(scene *it)
{
    struct pollfd ready = {.fd = ch_writer_fd(it->writer), .events = POLLIN};
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    let_files_grow(false);
    ch_ledger_turn(it->ledger, scene_now_ns());
    while (ch_ledger_trouble(it->ledger) == NULL) {
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it->writer);
    }
    let_files_grow(true);
    ch_ledger_try_again(it->ledger);
    while (ch_ledger_trouble(it->ledger) != NULL) {
        ch_ledger_turn(it->ledger, scene_now_ns());
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it->writer);
    }
}

START_TEST(test_a_lost_approval_signs_nothing)
{
    static scene it;
    uint64_t request = scene_begin_asked(&it);
    const ch_fetch_frame fetch = {.connection = it.bot, .request = request};
    MUST(scene_give(&it, request, "alice", SCENE_ALICE, &err));
    MUST(scene_give(&it, request, "bob", SCENE_BOB, &err));
    MUST(ch_fetch_frame_put(ch_channel_out(&it.front_actor.channel), 2, &fetch, &err));
    stage_send(&it.front_actor);
    lose_rows(&it);
    ch_failed_frame failed = scene_hear_failure(&it, 2);
    ck_assert_int_eq(failed.why.status, CH_REFUSED);
    ck_assert_str_eq(failed.why.rule, "two");
    ck_assert(stage_is_silent(&it.token.actor));
    scene_check_approval(&it, request, CH_APPROVAL_WAITING);
}
END_TEST

CH_TESTS("an approval that was lost was used", CH_TEST(test_a_lost_approval_signs_nothing))

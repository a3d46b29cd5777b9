/* A token process that could not open its token said why, and ended. If core saw its death first, the reason was lost,
 * and bots and operators were shown "the token process is being restarted". So was a failed logout's reason, always. */
#include "agent/spawn.h"
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

#include <string.h>

static const ch_link_owner nobody;
static play_token token;
static ch_error err;

static void begin(void)
{
    play_configure(&token);
    play_begin(&token, stage_set_up(), &nobody);
}

START_TEST(test_the_reason_counts_though_the_death_is_seen_first)
{
    int wait_status;
    ch_token_started_frame started = {
        .outcome = {CH_NOT_FOUND, "", "there is no token 'main'"}
    };
    begin();
    ck_assert_int_eq(ch_token_started_frame_put(ch_channel_out(&token.actor.channel), 0, &started, &err), CH_OK);
    ck_assert_int_eq(ch_channel_flush(&token.actor.channel, &err), CH_OK);
    stage_kill(&token.actor);
    ck_assert(ch_token_link_died(token.link, ch_spawn_reap(&wait_status)));
    ck_assert_str_eq(ch_token_link_detail(token.link), "there is no token 'main'");
}
END_TEST

START_TEST(test_the_reason_of_a_failed_logout_is_logged)
{
    const ch_error broken = {CH_TOKEN, "CKR_GENERAL_ERROR", "the module has a bad day"};
    play_waiter waiter = {0};
    begin();
    play_bring_to(&token, &waiter, PLAY_LOCKING);
    stage_record_log();
    play_logout_done(&token, &broken);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "the logout failed: the module has a bad day") != NULL, "%s", log);
}
END_TEST

CH_TESTS("last words of a process were lost", CH_TEST(test_the_reason_counts_though_the_death_is_seen_first),
         CH_TEST(test_the_reason_of_a_failed_logout_is_logged))

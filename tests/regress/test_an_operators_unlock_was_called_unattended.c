/* While an operator's try was being counted on disk, the token was still locked, and the unattended unlock was asked
 * for as well. It was refused, but the operator's unlock was then shown as the unattended one. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

START_TEST(test_an_unlock_that_is_refused_leaves_no_mark_on_the_one_under_way)
{
    static play_token token;
    static const ch_link_owner nobody;
    play_waiter operator= {0};
    play_waiter unattended = {0};
    play_configure(&token);
    play_begin(&token, stage_set_up(), &nobody);
    play_ask_unlock(&token, &operator); /* waits for the process to start, as another waits for the disk */
    play_ask_unattended(&token, &unattended);
    play_check_waiter(&unattended, CH_CONFLICT, "token 'main' is being unlocked already; try again");
    play_started(&token, NULL);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    play_check_waiter(&operator, CH_OK, "");
    ck_assert(!ch_token_link_unlock_end(token.link).is_unattended);
}
END_TEST

CH_TESTS("an operator's unlock was called unattended",
         CH_TEST(test_an_unlock_that_is_refused_leaves_no_mark_on_the_one_under_way))

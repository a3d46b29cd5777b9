/* A kept PIN was refused (it had been changed), and an operator unlocked the token with the new one. The status then
 * still said "the token refused the PIN" of a token that was unlocked. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/play.h"

START_TEST(test_an_unlocked_token_has_no_trouble)
{
    static play_token token;
    static const ch_link_owner nobody;
    const ch_error wrong_pin = {CH_WRONG_PIN, "CKR_PIN_INCORRECT", "the token refused the PIN"};
    play_waiter waiter = {0};
    play_configure(&token);
    play_begin(&token, stage_set_up(), &nobody);
    play_unlock(&token);
    play_restart(&token);
    play_hear_login(&token);
    play_login_done(&token, &wrong_pin);
    ck_assert_str_eq(ch_token_link_detail(token.link), "the token refused the PIN");
    play_ask_unlock(&token, &waiter);
    play_hear_login(&token);
    play_login_done(&token, NULL);
    ck_assert_str_eq(ch_token_link_state_name(token.link), "unlocked");
    ck_assert_str_eq(ch_token_link_detail(token.link), "");
}
END_TEST

CH_TESTS("an unlocked token kept its trouble", CH_TEST(test_an_unlocked_token_has_no_trouble))

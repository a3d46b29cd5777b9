/* What people are shown of a request: all of it, and what is unusual. */
#include "policy/words.h"
#include "tests/support/suite.h"
#include "tests/unit/policy/decide_rig.h"

#include <string.h>

static const char entries[] =
    "allow:\n"
    "  - {name: trades, caller: maker, key: any, classes: [trade], markets: any, types: [limit, market], limits: "
    "[day]}\n"
    "  - {name: moves, caller: maker, key: any, classes: [withdraw, transfer], to: any, unlimited: true}\n"
    "  - {name: keys, caller: maker, key: any, classes: [keys, cancel, account]}\n"
    "limit:\n"
    "  - {name: day, value: \"10000 USDT\", per: 24h}\n"
    "  - {name: coins, amount: \"2 BTC\", per: 24h}\n"
    "require:\n"
    "  - {name: both, classes: [withdraw], approvals: 2, of: [alice, bob], within: 1h}\n"
    "  - {name: large, classes: [withdraw], above: \"0.5 BTC\", delay: 6h}\n";

static decide_rig rig;

static void set_up(void)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_text(&text, decide_head);
    ch_buffer_add_text(&text, entries);
    decide_set_up(&rig, ch_buffer_text(&text), NULL);
    decide_set_price(&rig, "BTC/USDT", "30000", 4);
}

static void tear_down(void)
{
    decide_tear_down(&rig);
}

static ch_status write_words(const char *request, ch_buffer *out)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(decide_ask(&rig, request, true)); /* what is required refuses here */
    const ch_worded of = {.question = &rig.question, .judgement = &rig.judgement, .levels = rig.levels, .uid = 1000};
    ch_status st = ch_words_write(&of, out, &err);
    ck_assert_int_eq(st, err.status);
    return st;
}

static const char withdrawal[] = "POST /withdraw coin=BTC net=BTC addr=bc1qcold amount=0.7";

/* clang-format off */
static const struct {
    const char *name;
    const char *request;
    const char *says; /* a line, or the begin of one */
} cases[] = {
    /* name                          request     says */
    { "what it does",                withdrawal, "what      withdraw 0.7 BTC to bc1qcold, network BTC\n" },
    { "the name of the address",     withdrawal, "to        cold\n" },
    { "who asks",                    withdrawal, "who       maker (user 1000)\n" },
    { "the key and the exchange",    withdrawal, "with      key k, account desk; t, live\n" },
    { "the call",                    withdrawal, "call      POST /withdraw" },
    { "every parameter",             withdrawal, "params    coin \"BTC\"\n          net \"BTC\"\n          addr \"bc1qcold\"\n"
                                                 "          amount \"0.7\"\n" },
    { "approvals",                   withdrawal, "needs     2 approvals of alice, bob (both)\n" },
    { "a delay, and why",            withdrawal, "          a delay of 6h: above 0.5 BTC (large)\n" },
    { "an address without a name",   "POST /withdraw coin=BTC net=BTC addr=other amount=0.7",
                                     "mind      the policy has no name for where this goes\n" },
    { "a transfer's name",           "POST /transfer coin=USDT from=spot to=funding amount=5", "to        funding\n" },
    { "the value",                   "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30300",
                                     "value     3030 USDT\n" },
    { "a price above",               "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30300",
                                     "price     1 % above the reference of 30000 USDT\n" },
    { "a price below",               "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=29999",
                                     "price     0.1 % below the reference of 30000 USDT\n" },
    { "a price that is the reference", "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000",
                                     "price     the reference, 30000 USDT\n" },
    { "a price that is far off",     "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=33000",
                                     "mind      its price is far off: 10 % above the reference of 30000 USDT\n" },
    { "no reference",                "POST /order symbol=ETHUSDT side=BUY type=limit qty=0.1 price=2000",
                                     "mind      there is nothing to compare its price with: the reference price of ETH/USDT" },
    { "the share of a limit",        "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000",
                                     "takes     3000 USDT of 10000 USDT per 1d: 30 % (day)\n" },
    { "a limit that is used up",     "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.3 price=30000",
                                     "mind      little or nothing is left of limit day afterwards\n" },
    { "lists and objects",           "POST /batch many=[ { symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000 } "
                                     "{ symbol=BTCUSDT side=SELL type=limit qty=0.1 price=30000 } ]",
                                     "params    many [{symbol \"BTCUSDT\", side \"BUY\", type \"limit\", qty \"0.1\", price \"30000\"}, "
                                     "{symbol \"BTCUSDT\", side \"SELL\", type \"limit\", qty \"0.1\", price \"30000\"}]\n" },
    { "what the signature opens",    "POST /open/spot symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000 clientId=a",
                                     "mind      the signature also opens POST /open/linear (trade): buy 0.1 BTC at 30000" },
    { "what moves text",             "POST /withdraw coin=BTC net=BTC addr=bc1\xe2\x80\x8f" "dloc amount=0.7",
                                     "what      withdraw 0.7 BTC to bc1???dloc, network BTC\n" },
    { "that something is not shown", "POST /withdraw coin=BTC net=BTC addr=bc1\xe2\x80\x8f" "dloc amount=0.7",
                                     "mind      some characters cannot be shown, and stand as '?' above\n" },
};
/* clang-format on */

START_TEST(test_words_say)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_int_eq(write_words(cases[_i].request, &out), CH_OK);
    const char *text = ch_buffer_text(&out);
    const char *found = strstr(text, cases[_i].says);
    ck_assert_msg(found != NULL && (found == text || found[-1] == '\n'), "%s: no %s in\n%s", cases[_i].name,
                  cases[_i].says, text);
}
END_TEST

START_TEST(test_what_is_usual_is_not_minded)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_int_eq(write_words(withdrawal, &out), CH_OK);
    ck_assert_ptr_null(strstr(ch_buffer_text(&out), "mind"));
}
END_TEST

START_TEST(test_what_was_used_before_counts_for_the_share)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    const char *order = "POST /order symbol=BTCUSDT side=BUY type=limit qty=0.1 price=30000";
    ck_assert_int_eq(decide_ask(&rig, order, false), CH_OK);
    ck_assert_int_eq(write_words(order, &out), CH_OK);
    const char *says = "takes     3000 USDT of 10000 USDT per 1d, and 3000 USDT before: 60 % (day)\n";
    ck_assert_msg(strstr(ch_buffer_text(&out), says) != NULL, "%s", ch_buffer_text(&out));
}
END_TEST

/* So nothing that a bot sends begins a line of its own. */
START_TEST(test_a_text_cannot_look_like_a_line)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    char request[] = "POST /withdraw coin=BTC net=BTC addr=x_to________cold amount=0.7";
    for (char *at = strchr(request, '_'); at != NULL; at = strchr(at, '_'))
        *at = at[-1] == 'x' ? '\n' : '\t';
    decide_read(&rig, "POST /withdraw coin=BTC net=BTC addr=x amount=0.7");
    ck_assert_ptr_nonnull(strchr(request, '\n'));
    rig.params[2].value = ch_slice_of(strstr(request, "x\n"));
    rig.params[2].value.size = strlen("x\nto\t\t\t\t\t\t\t\tcold");
    const ch_worded of = {.question = &rig.question, .judgement = &rig.judgement, .levels = rig.levels, .uid = 1000};
    ck_assert_int_eq(ch_words_write(&of, &out, &rig.err), CH_OK);
    ck_assert_ptr_null(strstr(ch_buffer_text(&out), "\nto"));
}
END_TEST

START_TEST(test_parameters_that_may_be_secret_are_not_shown)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ck_assert_int_eq(write_words("POST /keys", &out), CH_REFUSED);
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(test_what_is_too_long_to_read_is_refused)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    static char address[CH_WORDS_MAX / 2];
    memset(address, 'a', sizeof address);
    decide_read(&rig, "POST /withdraw coin=BTC net=BTC addr=x amount=0.7");
    rig.params[2].value = (ch_slice){(const uint8_t *)address, sizeof address};
    ch_intent *intent = (ch_intent *)(uintptr_t)rig.question.readings[0].intent;
    ch_intent_read(intent, rig.question.readings[0].endpoint, &rig.request);
    const ch_worded of = {.question = &rig.question, .judgement = &rig.judgement, .levels = rig.levels, .uid = 1000};
    ck_assert_int_eq(ch_words_write(&of, &out, &err), CH_TOO_LARGE);
}
END_TEST

CH_TESTS_WITH("words", set_up, tear_down, CH_TEST_ROWS(test_words_say, cases),
              CH_TEST(test_what_is_usual_is_not_minded), CH_TEST(test_what_was_used_before_counts_for_the_share),
              CH_TEST(test_a_text_cannot_look_like_a_line), CH_TEST(test_parameters_that_may_be_secret_are_not_shown),
              CH_TEST(test_what_is_too_long_to_read_is_refused))

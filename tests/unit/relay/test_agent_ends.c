#include "tests/unit/relay/link_end.h"

#include "tests/support/suite.h"

#include <string.h>
#include <unistd.h>

START_TEST(test_nobody_is_asked_where_nobody_listens)
{
    link_bot all[2] = {{0}};
    bot_ask(&all[0]);
    bot_ask(&all[1]);
    bot_await(&all[0]);
    bot_await(&all[1]);
    ck_assert(all[0].says == CH_AGENT_AWAY && all[1].says == CH_AGENT_AWAY);
    bots_forget(all, 2);
}
END_TEST

START_TEST(test_an_ended_asking_is_freed_before_it_is_called)
{
    link_bot all[3] = {{0}};
    for (size_t i = 0; i < 3; i++)
        bot_ask(&all[i]);
    ch_asking_free(all[2].asking);
    ch_asking_free(all[0].asking);
    bot_await(&all[1]);
    ck_assert(all[0].calls == 0 && all[2].calls == 0);
    bots_forget(&all[1], 1);
}
END_TEST

START_TEST(test_an_end_without_answer_is_silence)
{
    link_bot all[3] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    bot_ask(&all[1]);
    link_accept();
    link_write_signed(link_end.numbers[1], "PUT"); /* before its end */
    link_send();
    ch_channel_close(&link_end.core);
    bot_await(&all[0]);
    bot_await(&all[1]);
    ck_assert_int_eq(all[0].says, CH_AGENT_SILENT);
    ck_assert_int_eq(all[1].says, CH_AGENT_SIGNED);
    bot_ask(&all[2]);
    link_accept();
    ck_assert_uint_eq(link_end.number_count, 1);
    bots_forget(all, 3);
}
END_TEST

START_TEST(test_what_cannot_be_begun_on_a_dead_connection_is_begun_on_another)
{
    link_bot all[3] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    bot_ask(&all[1]);
    link_accept();
    link_write_signed(link_end.numbers[1], "PUT");
    link_send();
    ch_channel_close(&link_end.core);
    bot_ask(&all[2]); /* before the loop sees the end */
    link_accept();
    ck_assert_uint_eq(link_end.number_count, 1);
    link_write_signed(link_end.numbers[0], "GET");
    link_send();
    bot_await(&all[2]);
    bot_await(&all[0]);
    bot_await(&all[1]);
    ck_assert_int_eq(all[0].says, CH_AGENT_SILENT);
    ck_assert_str_eq(all[1].method, "PUT"); /* it had come */
    ck_assert_str_eq(all[2].method, "GET");
    bots_forget(all, 3);
}
END_TEST

START_TEST(test_a_dead_connection_and_nobody_who_listens)
{
    link_bot all[2] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    link_accept();
    ch_channel_close(&link_end.core);
    close(link_end.listener);
    link_end.listener = -1;
    bot_ask(&all[1]);
    bot_await(&all[1]);
    bot_await(&all[0]);
    ck_assert_int_eq(all[0].says, CH_AGENT_SILENT);
    ck_assert_int_eq(all[1].says, CH_AGENT_AWAY);
    bots_forget(all, 2);
}
END_TEST

/* More than a socket takes at once: the rest follows when there is room, or was never asked. */
#define MANY 64
static link_bot many[MANY];

static void ask_many(void)
{
    static uint8_t body[40000];
    ch_error err = CH_ERROR_INIT;
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(bot_ask_with(&many[i], (ch_slice){body, sizeof body}, &err), CH_OK);
}

static void hear(size_t count)
{
    while (link_end.number_count < count) {
        ch_loop_turn(link_end.loop, 0);
        link_hear();
    }
}

START_TEST(test_what_the_socket_does_not_take_follows)
{
    link_listen();
    ask_many();
    link_accept();
    ck_assert_uint_lt(link_end.number_count, MANY);
    hear(MANY);
    for (size_t i = 0; i < MANY; i++)
        link_write_signed(link_end.numbers[i], "PUT");
    link_send();
    for (size_t i = 0; i < MANY; i++)
        bot_await(&many[i]);
    bots_forget(many, MANY);
}
END_TEST

START_TEST(test_what_has_not_begun_to_leave_was_not_asked)
{
    size_t silent = 0;
    link_listen();
    ask_many();
    link_accept();
    ch_channel_close(&link_end.core);
    for (size_t i = 0; i < MANY; i++) {
        bot_await(&many[i]);
        silent += many[i].says == CH_AGENT_SILENT;
        ck_assert(many[i].says == CH_AGENT_SILENT || many[i].says == CH_AGENT_AWAY);
        ck_assert(i == 0 || many[i].says != CH_AGENT_SILENT || many[i - 1].says == CH_AGENT_SILENT);
    }
    ck_assert(silent >= link_end.number_count && silent < MANY);
    bots_forget(many, MANY);
}
END_TEST

START_TEST(test_what_is_forgotten_before_it_could_leave_is_not_asked)
{
    link_bot last = {0};
    size_t asked;
    link_listen();
    ask_many();
    bots_forget(many, MANY);
    bot_ask(&last);
    link_accept();
    for (asked = 0; last.calls == 0;) {
        ch_loop_turn(link_end.loop, 0);
        link_hear();
        for (; asked < link_end.number_count; asked++)
            link_write_signed(link_end.numbers[asked], "PUT");
        link_send();
    }
    ck_assert_int_eq(last.says, CH_AGENT_SIGNED);
    ck_assert_uint_lt(asked, MANY / 2);
    bots_forget(&last, 1);
}
END_TEST

START_TEST(test_callers_take_turns_with_what_waits)
{
    link_bot others[2] = {{.caller = "other"}, {.caller = "third"}};
    link_listen();
    ask_many();
    bot_ask(&others[0]);
    bot_ask(&others[1]);
    link_accept();
    hear(MANY + 2);
    for (size_t i = 0; i < MANY / 2; i++)
        link_write_signed(link_end.numbers[i], "PUT");
    link_send();
    bot_await(&others[0]);
    bot_await(&others[1]);
    bots_forget(others, 2);
    bots_forget(many, MANY);
}
END_TEST

START_TEST(test_what_waits_is_not_answered)
{
    link_bot last = {0};
    link_listen();
    ask_many();
    bot_ask(&last);
    link_accept();
    link_write_signed(((uint64_t)1 << 16) + MANY, "GET"); /* its number, which is not known yet */
    link_send();
    hear(MANY + 1);
    ck_assert_uint_eq(last.calls, 0);
    link_write_signed(link_end.numbers[MANY], "PUT");
    link_send();
    bot_await(&last);
    ck_assert_str_eq(last.method, "PUT");
    bots_forget(many, MANY);
    bots_forget(&last, 1);
}
END_TEST

CH_TESTS_WITH("agent_ends", link_set_up, link_tear_down, CH_TEST(test_nobody_is_asked_where_nobody_listens),
              CH_TEST(test_an_ended_asking_is_freed_before_it_is_called),
              CH_TEST(test_an_end_without_answer_is_silence),
              CH_TEST(test_what_cannot_be_begun_on_a_dead_connection_is_begun_on_another),
              CH_TEST(test_a_dead_connection_and_nobody_who_listens),
              CH_TEST(test_what_the_socket_does_not_take_follows),
              CH_TEST(test_what_has_not_begun_to_leave_was_not_asked),
              CH_TEST(test_what_is_forgotten_before_it_could_leave_is_not_asked),
              CH_TEST(test_callers_take_turns_with_what_waits), CH_TEST(test_what_waits_is_not_answered))

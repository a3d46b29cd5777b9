#include "tests/unit/relay/link_end.h"

#include "tests/support/suite.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void await_outcomes(void)
{
    while (link_end.number_count == 0) {
        ch_loop_turn(link_end.loop, 0);
        link_hear();
    }
}

static void await_told(size_t left)
{
    while (ch_agent_telling(link_end.agent) > left)
        ch_loop_turn(link_end.loop, 0);
    ck_assert_uint_eq(ch_agent_telling(link_end.agent), left);
}

START_TEST(test_outcomes_are_gathered)
{
    link_bot first = {0};
    link_listen();
    bot_ask(&first); /* so that there is a connection */
    link_accept();
    link_end.number_count = 0;
    ch_agent_tell(link_end.agent, LINK_ID, 0, CH_LITERAL("dropped"));
    ch_agent_tell(link_end.agent, LINK_ID, 400, CH_LITERAL("{\n\"a\":1}"));
    ch_agent_tell(link_end.agent, LINK_ID, 200, CH_LITERAL("\x01"));
    ck_assert_uint_eq(ch_agent_telling(link_end.agent), 3);
    await_outcomes();
    ck_assert_uint_eq(ch_agent_telling(link_end.agent), 1);
    ck_assert_uint_eq(link_end.ended_count, 3);
    ck_assert(!link_end.ended[0].is_sent && link_end.ended[0].status == 0 && link_end.ended[0].body.size == 0);
    ck_assert(link_end.ended[1].is_sent && link_end.ended[1].status == 400 &&
              ch_slice_is(link_end.ended[1].body, "{\n\"a\":1}"));
    ck_assert(link_end.ended[2].is_sent && link_end.ended[2].status == 200 && link_end.ended[2].body.size == 0);
    if (_i == 0)
        link_write_taken(link_end.numbers[0]);
    else
        link_write_failed(link_end.numbers[0], CH_REFUSED);
    link_send();
    await_told(0);
    ck_assert_uint_eq(first.calls, 0);
    bots_forget(&first, 1);
}
END_TEST

START_TEST(test_many_outcomes_go_in_several_frames)
{
    static uint8_t body[CH_OUTCOME_BODY_MAX];
    memset(body, 'x', sizeof body);
    link_listen();
    for (size_t i = 0; i <= CH_OUTCOMES_MAX; i++)
        ch_agent_tell(link_end.agent, LINK_ID, 0, (ch_slice){NULL, 0});
    ck_assert_uint_eq(ch_agent_telling(link_end.agent), 2); /* one is on its way, and one outcome waits */
    link_accept();
    ck_assert_uint_eq(link_end.ended_count, CH_OUTCOMES_MAX);
    for (size_t i = 0; i < 4; i++)
        ch_agent_tell(link_end.agent, LINK_ID, 200, (ch_slice){body, sizeof body});
    link_hear();
    ck_assert_uint_eq(link_end.number_count, 2); /* a frame holds three of these, and the one that waited */
    ck_assert_uint_eq(link_end.ended_count, 4);
    ck_assert_uint_eq(link_end.ended[3].body.size, CH_OUTCOME_BODY_MAX);
    link_write_taken(link_end.numbers[0]);
    link_write_taken(link_end.numbers[1]);
    link_send();
    await_told(1);
}
END_TEST

START_TEST(test_outcomes_are_lost_with_the_connection)
{
    link_listen();
    ch_agent_tell(link_end.agent, LINK_ID, 0, (ch_slice){NULL, 0});
    while (ch_agent_telling(link_end.agent) > 0) {
        int fd = accept4(link_end.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        ch_loop_turn(link_end.loop, 0);
    }
    close(link_end.listener);
    link_end.listener = -1;
    ch_agent_tell(link_end.agent, LINK_ID, 0, (ch_slice){NULL, 0});
    await_told(0);
}
END_TEST

START_TEST(test_outcomes_are_not_answered_as_requests_are)
{
    link_listen();
    for (size_t i = 0; i <= CH_OUTCOMES_MAX; i++)
        ch_agent_tell(link_end.agent, LINK_ID, 0, (ch_slice){NULL, 0});
    link_accept();
    link_write_signed(link_end.numbers[0], "PUT");
    link_send();
    ch_loop_turn(link_end.loop, 0);
    char byte;
    ck_assert_int_eq(recv(link_end.core.fd, &byte, 1, MSG_DONTWAIT), 0); /* it ends */
}
END_TEST

CH_TESTS_WITH("agent_tell", link_set_up, link_tear_down, {test_outcomes_are_gathered, 2},
              CH_TEST(test_many_outcomes_go_in_several_frames), CH_TEST(test_outcomes_are_lost_with_the_connection),
              CH_TEST(test_outcomes_are_not_answered_as_requests_are))

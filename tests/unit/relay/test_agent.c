#include "tests/unit/relay/link_end.h"

#include "tests/support/suite.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- asking ---- */

START_TEST(test_questions_share_a_connection)
{
    link_bot all[4] = {{0}};
    link_listen();
    for (size_t i = 0; i < 3; i++)
        bot_ask(&all[i]);
    link_accept();
    ck_assert_uint_eq(link_end.number_count, 3);
    ck_assert(link_end.numbers[0] != 0 && link_end.numbers[0] != link_end.numbers[1] &&
              link_end.numbers[1] != link_end.numbers[2]);
    link_write_signed(link_end.numbers[2], "PUT");
    link_write_failed(link_end.numbers[0], CH_ALREADY_SENT);
    link_send();
    bot_await(&all[2]);
    bot_await(&all[0]);
    ck_assert(all[2].says == CH_AGENT_SIGNED && strcmp(all[2].method, "PUT") == 0);
    ck_assert(all[0].says == CH_AGENT_ALREADY_SENT && all[1].calls == 0);
    bot_ask(&all[3]);
    link_hear();
    ck_assert_uint_eq(link_end.number_count, 4);
    link_write_signed(link_end.numbers[3], "GET");
    link_write_signed(link_end.numbers[1], "POST");
    link_send();
    bot_await(&all[1]);
    bot_await(&all[3]);
    ck_assert_str_eq(all[1].method, "POST");
    ck_assert_int_eq(accept4(link_end.listener, NULL, NULL, 0), -1);
    bots_forget(all, 4);
}
END_TEST

START_TEST(test_an_answer_may_come_byte_by_byte)
{
    link_bot all[1] = {{0}};
    link_listen();
    bot_ask(all);
    link_accept();
    link_write_signed(link_end.numbers[0], "PUT");
    const ch_buffer *out = ch_channel_out(&link_end.core);
    for (size_t i = 0; i < out->size; i++) {
        ck_assert_uint_eq(all[0].calls, 0);
        ck_assert_int_eq(send(link_end.core.fd, out->data + i, 1, MSG_NOSIGNAL), 1);
        ch_loop_turn(link_end.loop, 0);
    }
    bot_await(all);
    ck_assert_str_eq(all[0].method, "PUT");
    bots_forget(all, 1);
}
END_TEST

START_TEST(test_who_is_called_may_free_and_ask)
{
    link_bot all[3] = {{0}};
    link_listen();
    all[0] = (link_bot){.frees = true, .next = &all[2]};
    all[1] = (link_bot){.frees = true};
    bot_ask(&all[0]);
    bot_ask(&all[1]);
    link_accept();
    link_write_signed(link_end.numbers[0], "PUT");
    link_write_signed(link_end.numbers[1], "PUT");
    link_send();
    bot_await(&all[1]);
    link_hear();
    ck_assert_uint_eq(link_end.number_count, 3);
    link_write_signed(link_end.numbers[2], "GET");
    link_send();
    bot_await(&all[2]);
    bots_forget(all, 3);
}
END_TEST

START_TEST(test_an_answer_that_nobody_waits_for_is_dropped)
{
    link_bot all[2] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    link_accept();
    bots_forget(all, 1);
    bot_ask(&all[1]);
    link_hear();
    link_write_signed(link_end.numbers[0], "PUT");
    link_write_failed(link_end.numbers[0], CH_REFUSED);
    link_write_signed(link_end.numbers[1], "GET");
    link_send();
    bot_await(&all[1]);
    ck_assert_str_eq(all[1].method, "GET");
    ck_assert_uint_eq(all[0].calls, 0);
    bots_forget(&all[1], 1);
}
END_TEST

START_TEST(test_waiting_ends_and_the_connection_is_kept)
{
    link_bot all[2] = {{0}};
    link_listen();
    ch_agent_free(link_end.agent);
    link_end.agent = ch_agent_new(link_end.loop, link_end.path, 0);
    bot_ask(&all[0]);
    bot_await(&all[0]);
    ck_assert_int_eq(all[0].says, CH_AGENT_SILENT);
    bot_ask(&all[1]);
    link_accept();
    ck_assert_uint_eq(link_end.number_count, 2);
    bot_await(&all[1]);
    bots_forget(all, 2);
    link_write_failed(link_end.numbers[0], CH_REFUSED);
    link_write_signed(link_end.numbers[1], "PUT"); /* too late */
    link_write_signed(link_end.numbers[1], "PUT");
    link_send();
    ch_loop_turn(link_end.loop, 0);
    ck_assert_uint_eq(ch_agent_telling(link_end.agent), 1); /* the agent learns that it is not sent */
}
END_TEST

START_TEST(test_a_bad_question_is_not_asked)
{
    ch_error err = CH_ERROR_INIT;
    link_bot all[2] = {{0}};
    link_listen();
    ck_assert_int_eq(bot_ask_with(&all[0], CH_LITERAL("\x01"), &err), CH_BAD_INPUT);
    ck_assert_ptr_null(all[0].asking);
    ck_assert_int_eq(accept4(link_end.listener, NULL, NULL, 0), -1);
    bot_ask(&all[1]);
    link_accept();
    ck_assert_uint_eq(link_end.number_count, 1);
    bots_forget(&all[1], 1);
}
END_TEST

/* ---- what breaks the protocol ---- */

/* Bytes, or a frame for the question's number. */
static void break_protocol(int how)
{
    ch_error err = CH_ERROR_INIT;
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    int pipe_ends[2] = {-1, -1};
    switch (how) {
    case 0:
        ck_assert_int_eq(send(link_end.core.fd, http, sizeof http - 1, MSG_NOSIGNAL), (ssize_t)sizeof http - 1);
        return;
    case 1:
        link_write_taken(link_end.numbers[0]);
        break;
    case 2:
        ck_assert_int_eq(ch_ping_frame_put(ch_channel_out(&link_end.core), 0, &(ch_ping_frame){}, &err), CH_OK);
        break;
    case 3:
        ck_assert_int_eq(
            ch_closed_frame_put(ch_channel_out(&link_end.core), link_end.numbers[0], &(ch_closed_frame){}, &err),
            CH_OK);
        break;
    case 4:
        link_write_failed(0, CH_REFUSED);
        break;
    default:
        link_write_signed(link_end.numbers[0], "PUT");
        ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
        link_end.core.is_stream = false; /* so that a descriptor goes along */
        ch_channel_attach(&link_end.core, pipe_ends[0]);
        link_write_signed(link_end.numbers[0], "PUT");
        close(pipe_ends[1]);
        link_end.core.attachments[0].at = 0;
        break;
    }
    link_send();
}

START_TEST(test_the_protocol_is_kept)
{
    link_bot all[2] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    link_accept();
    break_protocol(_i);
    bot_await(&all[0]);
    ck_assert_int_eq(all[0].says, CH_AGENT_SILENT);
    bot_ask(&all[1]);
    link_accept(); /* another connection */
    link_write_signed(link_end.numbers[0], "PUT");
    link_send();
    bot_await(&all[1]);
    ck_assert_int_eq(all[1].says, CH_AGENT_SIGNED);
    bots_forget(all, 2);
}
END_TEST

START_TEST(test_an_answer_that_cannot_be_passed_on_ends_only_its_question)
{
    link_bot all[2] = {{0}};
    link_listen();
    bot_ask(&all[0]);
    bot_ask(&all[1]);
    link_accept();
    link_write_signed(link_end.numbers[0], "A B");
    link_write_signed(link_end.numbers[1], "PUT");
    link_send();
    bot_await(&all[0]);
    bot_await(&all[1]);
    ck_assert(all[0].says == CH_AGENT_SILENT && all[1].says == CH_AGENT_SIGNED);
    bots_forget(all, 2);
}
END_TEST

CH_TESTS_WITH("agent", link_set_up, link_tear_down, CH_TEST(test_questions_share_a_connection),
              CH_TEST(test_an_answer_may_come_byte_by_byte), CH_TEST(test_who_is_called_may_free_and_ask),
              CH_TEST(test_an_answer_that_nobody_waits_for_is_dropped),
              CH_TEST(test_waiting_ends_and_the_connection_is_kept), CH_TEST(test_a_bad_question_is_not_asked),
              {test_the_protocol_is_kept, 6}, CH_TEST(test_an_answer_that_cannot_be_passed_on_ends_only_its_question))

#include "tests/unit/agent/core/visit.h"

#include <check.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

static ch_error err;

void visit_begin(visit *one, scene *it)
{
    scene_begin(it);
    const ch_operator_context context = {
        .policy = &it->policy, .links = &it->links, .keeper = &it->timekeeper, .ledger = it->ledger};
    one->it = it;
    one->operators = ch_operators_new(it->loop, stage_listen("operator.sock", SOCK_SEQPACKET), &context);
    MUST(ch_operators_start(one->operators, &err));
}

ch_buffer *visit_come(visit *one)
{
    one->left = (ch_slice){NULL, 0};
    ch_channel_open(&one->channel, stage_connect("operator.sock", SOCK_SEQPACKET));
    stage_settle();
    return ch_channel_out(&one->channel);
}

void visit_ask(visit *one)
{
    MUST(ch_channel_flush(&one->channel, &err));
    stage_settle();
}

ch_frame visit_hear(visit *one, ch_frame_type type)
{
    ch_packet packet;
    ch_frame frame;
    if (one->left.size > 0) {
        ck_assert(ch_frame_next(&one->left, &frame));
        ck_assert_int_eq(frame.type, type);
        return frame;
    }
    visit_ask(one);
    scene_end_turn(one->it);
    struct pollfd ready[] = {
        {.fd = one->channel.fd,               .events = POLLIN},
        {.fd = ch_writer_fd(one->it->writer), .events = POLLIN}
    };
    while (ready[0].revents == 0) {
        ck_assert_int_ge(poll(ready, 2, 20), 0); /* what core accepts has its share of the time, and may come later */
        ch_writer_collect(one->it->writer);
        stage_settle();
        scene_end_turn(one->it);
    }
    MUST(ch_channel_receive(&one->channel, &packet, &err));
    ck_assert(ch_frame_next(&packet.bytes, &frame));
    ck_assert_int_eq(frame.type, type);
    one->left = packet.bytes;
    return frame;
}

void visit_check_done(visit *one, ch_status status, const char *says)
{
    ch_operator_done_frame done;
    ch_frame frame = visit_hear(one, CH_FRAME_OPERATOR_DONE);
    MUST(ch_operator_done_frame_get(&frame, &done, &err));
    ck_assert_msg(done.outcome.status == status, "%s", done.outcome.message);
    ck_assert_msg(strstr(done.outcome.message, says) != NULL, "%s", done.outcome.message);
    ch_channel_close(&one->channel);
}

#include "tests/unit/relay/link_end.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LONG_S 60

struct link_end link_end = {.listener = -1, .core = CH_CHANNEL_CLOSED};

/* ---- the agent's end ---- */

void link_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_uint_lt(strlen(link_end.path), sizeof address.sun_path);
    memcpy(address.sun_path, link_end.path, strlen(link_end.path));
    link_end.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert(link_end.listener >= 0 && bind(link_end.listener, (struct sockaddr *)&address, sizeof address) == 0);
    ck_assert_int_eq(listen(link_end.listener, 16), 0);
}

static ch_status take_start(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)self;
    (void)fd;
    ch_relay_start_frame start;
    CH_TRY(ch_relay_start_frame_get(frame, &start, err));
    ck_assert_uint_eq(start.version, CH_FRAMES_VERSION);
    link_end.starts++;
    return CH_OK;
}

static ch_status take_sign(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)self;
    (void)fd;
    ch_sign_frame sign;
    CH_TRY(ch_sign_frame_get(frame, &sign, err));
    ck_assert(link_end.starts == 1 && ch_slice_is(sign.relay_id, LINK_ID));
    link_end.numbers[link_end.number_count++] = frame->id;
    return CH_OK;
}

static ch_status take_outcomes(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)self;
    (void)fd;
    ch_outcomes_frame outcomes;
    CH_TRY(ch_outcomes_frame_get(frame, &outcomes, err));
    ck_assert(link_end.starts == 1 && outcomes.ends.count <= CH_OUTCOMES_MAX);
    link_end.numbers[link_end.number_count++] = frame->id;
    for (link_end.ended_count = 0; ch_ended_record_next(&outcomes.ends, &link_end.ended[link_end.ended_count]);)
        link_end.ended_count++;
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    (void)self;
    return link_end.starts == 0 ? CH_WHILE_STARTING : CH_WHILE_SERVING;
}

void link_hear(void)
{
    static const ch_handler handlers[] = {
        {CH_FRAME_RELAY_START, take_start   },
        {CH_FRAME_SIGN,        take_sign    },
        {CH_FRAME_OUTCOMES,    take_outcomes},
    };
    static const ch_receiver receiver = {
        .direction = CH_FRONT_TO_CORE, .handlers = handlers, .handler_count = CH_ROWS(handlers), .state = state_of};
    ch_error err = CH_ERROR_INIT;
    ch_packet packet;
    do {
        ck_assert_int_eq(ch_channel_receive(&link_end.core, &packet, &err), CH_OK);
        size_t size = packet.bytes.size;
        ck_assert_msg(ch_packet_take(&packet, &receiver, NULL, &err) == CH_OK, "%s", err.message);
        if (size == 0)
            return;
    } while (true);
}

/* Takes the next connection, and what has come on it. */
void link_accept(void)
{
    int fd = accept4(link_end.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    ch_channel_close(&link_end.core);
    ch_channel_open_stream(&link_end.core, fd);
    link_end.starts = 0;
    link_end.number_count = 0;
    link_hear();
}

void link_send(void)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(ch_channel_flush(&link_end.core, &err), CH_OK);
}

void link_write_signed(uint64_t number, const char *method)
{
    ch_error err = CH_ERROR_INIT;
    const ch_signed_frame is = {
        .method = ch_slice_of(method), .url = CH_LITERAL("https://h/"), .body = CH_LITERAL("x"), .has_effects = true};
    ck_assert_int_eq(ch_signed_frame_put(ch_channel_out(&link_end.core), number, &is, &err), CH_OK);
}

void link_write_failed(uint64_t number, ch_status status)
{
    ch_error err = CH_ERROR_INIT;
    ch_failed_frame failed = {.relay_id = CH_LITERAL(LINK_ID)};
    (void)ch_fail(&failed.why, status, "no");
    ck_assert_int_eq(ch_failed_frame_put(ch_channel_out(&link_end.core), number, &failed, &err), CH_OK);
}

void link_write_taken(uint64_t number)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(
        ch_outcomes_taken_frame_put(ch_channel_out(&link_end.core), number, &(ch_outcomes_taken_frame){}, &err), CH_OK);
}

/* ---- the relay's end ---- */

void link_set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    link_end = (struct link_end){.listener = -1, .core = CH_CHANNEL_CLOSED};
    link_end.path = ch_test_path("agent");
    ck_assert_int_eq(ch_loop_new(&link_end.loop, &err), CH_OK);
    link_end.agent = ch_agent_new(link_end.loop, link_end.path, LONG_S);
}

void link_tear_down(void)
{
    ch_agent_free(link_end.agent);
    ch_loop_free(link_end.loop);
    ch_channel_close(&link_end.core);
    if (link_end.listener >= 0)
        close(link_end.listener);
    free(link_end.path);
}

static void on_answer(void *context, const ch_agent_answer *answer);

ch_status bot_ask_with(link_bot *self, ch_slice body, ch_error *err)
{
    const ch_bot_head head = {.method = CH_LITERAL("POST")};
    const char *caller = self->caller != NULL ? self->caller : "bot";
    const ch_wire wire = {
        .caller = caller, .key = CH_LITERAL("main"), .url = CH_LITERAL("/api"), .head = &head, .body = body};
    *self = (link_bot){.caller = self->caller, .frees = self->frees, .next = self->next};
    return ch_agent_ask(link_end.agent, &wire, LINK_ID, 0, on_answer, self, &self->asking, err);
}

void bot_ask(link_bot *self)
{
    ch_error err = CH_ERROR_INIT;
    ck_assert_int_eq(bot_ask_with(self, CH_LITERAL("{}"), &err), CH_OK);
    ck_assert_uint_eq(self->calls, 0); /* never from within */
}

static void on_answer(void *context, const ch_agent_answer *answer)
{
    link_bot *self = context;
    self->calls++;
    self->says = answer->says;
    snprintf(self->method, sizeof self->method, "%.*s", CH_SLICE_ARGS(answer->method));
    if (self->frees) {
        ch_asking_free(self->asking);
        self->asking = NULL;
    }
    if (self->next != NULL)
        bot_ask(self->next);
}

void bot_await(const link_bot *self)
{
    while (self->calls == 0)
        ch_loop_turn(link_end.loop, 0);
    ck_assert_uint_eq(self->calls, 1);
}

void bots_forget(link_bot *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ch_asking_free(all[i].asking);
}

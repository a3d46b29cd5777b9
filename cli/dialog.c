/* Core sends the outcome last and hangs up. */
#include "cli/dialog.h"

#include "cli/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#define HANDLERS_MAX 2

typedef struct answer {
    const ch_dialog_part *part;
    ch_error outcome;
    size_t count; /* of outcomes that came */
    bool is_told; /* why nothing comes */
} answer;

ch_status ch_dialog_open(const ch_arguments *arguments, ch_channel *channel, ch_error *err)
{
    int fd = -1;
    CH_TRY(ch_connect_operator(arguments, &fd, err));
    ch_channel_open(channel, fd);
    return CH_OK;
}

static ch_status take_outcome(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    answer *self = context;
    ch_operator_done_frame done;
    CH_TRY(ch_operator_done_frame_get(frame, &done, err));
    self->outcome = done.outcome;
    return self->count++ == 0 ? CH_OK : ch_fail(err, CH_INTERNAL, "two answers came to one request");
}

static ch_status take_part(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    const answer *self = context;
    return self->part->take(self->part->context, frame, err);
}

static unsigned state_of(const void *self)
{
    (void)self;
    return CH_WHILE_WAITING;
}

static ch_status read_packet(answer *self, ch_packet *packet, ch_error *err)
{
    ch_handler handlers[HANDLERS_MAX] = {
        {CH_FRAME_OPERATOR_DONE, take_outcome}
    };
    ch_receiver receiver = {
        .direction = CH_CORE_TO_OPERATOR, .handlers = handlers, .handler_count = 1, .state = state_of};
    if (self->part != NULL)
        handlers[receiver.handler_count++] = (ch_handler){self->part->type, take_part};
    if (ch_packet_take(packet, &receiver, self, err) != CH_OK)
        return ch_error_wrap(err, "the agent's answer cannot be read; are chancery-agent and chancery of the same "
                                  "version?");
    return CH_OK;
}

/* Returns 0 if nothing is there to be received by then. */
static int wait_for(const ch_channel *channel, int seconds)
{
    struct pollfd wait = {.fd = channel->fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, seconds * 1000);
    while (ready < 0 && errno == EINTR);
    return ready;
}

static void say_once(answer *self)
{
    if (self->part != NULL && self->part->when_quiet != NULL && !self->is_told)
        fprintf(stderr, "%s\n", self->part->when_quiet);
    self->is_told = true;
}

/* Returns when something is there to be received. */
static ch_status wait_for_packet(const ch_channel *channel, answer *self, ch_error *err)
{
    int ready = wait_for(channel, CH_DIALOG_QUIET_S);
    if (ready == 0) {
        say_once(self);
        ready = wait_for(channel, CH_DIALOG_WAIT_S - CH_DIALOG_QUIET_S);
    }
    if (ready < 0)
        return ch_fail_errno(err, "waiting for the agent");
    if (ready == 0)
        return ch_fail(err, CH_UNAVAILABLE,
                       "the agent did not answer within %d seconds; 'chancery status' shows whether it was done",
                       CH_DIALOG_WAIT_S);
    return CH_OK;
}

/* Two tries, because core answers and closes at once if it turns somebody away. If that crosses with our request, the
 * kernel reports a reset first and returns the answer only at the next receive. */
static ch_status wait_for_outcome(ch_channel *channel, answer *self, ch_error *err)
{
    for (int failures = 0; self->count == 0;) {
        ch_packet packet;
        CH_TRY(wait_for_packet(channel, self, err));
        ch_status st = ch_channel_receive(channel, &packet, err);
        if (st == CH_OK && packet.bytes.size > 0)
            CH_TRY(read_packet(self, &packet, err));
        if (st != CH_OK && ++failures == 2)
            return ch_error_wrap(err, "the agent hung up without an answer");
    }
    return CH_OK;
}

ch_status ch_dialog_ask(ch_channel *channel, const ch_dialog_part *part, ch_error *err)
{
    answer self = {.part = part, .outcome = CH_ERROR_INIT};
    ch_error unsent = CH_ERROR_INIT;
    ch_status sent = ch_channel_flush(channel, &unsent);
    ch_status st = wait_for_outcome(channel, &self, err);
    /* Core may answer before it reads, to say why it turns somebody away; but it does nothing that it has not read. */
    if (sent != CH_OK && (st == CH_UNAVAILABLE || (st == CH_OK && self.outcome.status == CH_OK)))
        return ch_fail(err, CH_UNAVAILABLE,
                       "the agent closed the connection before it took the command; its log says why");
    if (st == CH_OK)
        *err = self.outcome; /* a success may carry a note */
    return st == CH_OK ? self.outcome.status : st;
}

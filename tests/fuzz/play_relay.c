/* The relay. What the input has it say goes to core as a stream, so an event may end within a frame. */
#include "tests/fuzz/play.h"

#include "base/buffer.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/play_impl.h"
#include "tests/fuzz/told.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define PENDING_MAX 512

static struct {
    ch_channel channel;            /* closed: no relay is there, or core has ended it */
    ch_buffer said;                /* of the frame that is not whole yet */
    uint64_t pending[PENDING_MAX]; /* ids of questions without an answer */
    size_t pending_count;
    bool has_lost_count; /* there were more */
    bool may_be_refused; /* it did not begin as it should */
    bool is_reading;
} relay = {.channel = CH_CHANNEL_CLOSED};

static void leave(void)
{
    ch_channel_close(&relay.channel);
    ch_buffer_clear(&relay.said);
    relay.pending_count = 0;
    relay.has_lost_count = false;
}

void fuzz_relay_begin(void)
{
    leave();
    relay.is_reading = true;
}

void fuzz_relay_end(void)
{
    leave();
}

void fuzz_relay_read_on(bool is_reading)
{
    relay.is_reading = is_reading;
}

/* ---- what it says ---- */

static void note_question(uint64_t id)
{
    if (relay.pending_count == PENDING_MAX)
        relay.has_lost_count = true;
    else
        relay.pending[relay.pending_count++] = id;
}

static void note_said(ch_slice bytes)
{
    ch_buffer_add_slice(&relay.said, bytes);
    ch_slice rest = ch_buffer_slice(&relay.said);
    for (ch_frame frame; ch_frame_next(&rest, &frame);) {
        if (fuzz_is_question(frame.type))
            note_question(frame.id);
    }
    if (rest.size > 0)
        memmove(relay.said.data, rest.data, rest.size);
    relay.said.size = rest.size;
}

bool fuzz_relay_send(ch_slice bytes)
{
    if (relay.channel.fd < 0)
        return false;
    ssize_t sent = send(relay.channel.fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        note_said((ch_slice){bytes.data, (size_t)sent});
    return sent == (ssize_t)bytes.size;
}

void fuzz_relay_connect(bool is_starting)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer packet = CH_BUFFER_INIT;
    leave();
    ch_channel_open_stream(&relay.channel, fuzz_core_connect_relay());
    relay.may_be_refused = !is_starting;
    FUZZ_CHECK(ch_relay_start_frame_put(&packet, 0, &(ch_relay_start_frame){.version = CH_FRAMES_VERSION}, &err) ==
               CH_OK);
    if (is_starting)
        (void)fuzz_relay_send(ch_buffer_slice(&packet));
}

bool fuzz_relay_is_there(void)
{
    return relay.channel.fd >= 0;
}

/* ---- what it hears ---- */

static void note_answer(uint64_t id)
{
    size_t at = 0;
    while (at < relay.pending_count && relay.pending[at] != id)
        at++;
    if (at < relay.pending_count)
        relay.pending[at] = relay.pending[--relay.pending_count];
    else
        FUZZ_CHECK(relay.has_lost_count);
}

/* A relay hears answers and nothing else, and each answers a question that it asked. */
static void see_frame(const ch_frame *frame)
{
    bool is_refusal = relay.may_be_refused && frame->type == CH_FRAME_FAILED && frame->id == 0;
    FUZZ_CHECK(frame->type == CH_FRAME_SIGNED || frame->type == CH_FRAME_FAILED || frame->type == CH_FRAME_REQUEST_IS ||
               frame->type == CH_FRAME_OUTCOMES_TAKEN);
    if (is_refusal)
        relay.may_be_refused = false;
    else
        note_answer(frame->id);
}

void fuzz_relay_read(void)
{
    ch_packet packet = {.fd = -1};
    while (relay.is_reading && relay.channel.fd >= 0) {
        ch_error err = CH_ERROR_INIT;
        ch_status st = ch_channel_receive(&relay.channel, &packet, &err);
        FUZZ_CHECK(st == CH_OK || st == CH_UNAVAILABLE);
        if (st == CH_UNAVAILABLE)
            leave();
        if (st == CH_UNAVAILABLE || packet.bytes.size == 0)
            return;
        fuzz_check_packet(packet.bytes, CH_CORE_TO_FRONT, (ch_receiving)0xff);
        for (ch_frame frame; ch_frame_next(&packet.bytes, &frame);)
            see_frame(&frame);
    }
}

/* Core has not taken all that was said. */
bool fuzz_relay_is_unread(void)
{
    int size = 0;
    return relay.channel.fd >= 0 && ioctl(relay.channel.fd, SIOCOUTQ, &size) == 0 && size > 0;
}

void fuzz_relay_check(void)
{
    FUZZ_CHECK(relay.channel.fd < 0 || relay.has_lost_count || relay.pending_count == 0);
}

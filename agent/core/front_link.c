/* What the front does not read is bounded: above REPLIES_MAX core reads no more requests from it, and above UNREAD_MAX
 * it is passed no more connections. The table does not bound those, since the front may say that they are closed. Nor
 * does core read from it while the front's caller must wait because of what it cost. */
#include "agent/core/front_link.h"

#include "agent/core/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

#define REPLIES_MAX (1U << 20) /* bytes */
#define UNREAD_MAX 128         /* connections that are on their way; each is a descriptor */
#define NOBODY ((uid_t)-2)
#define CHECK_EVERY_MS 2000
#define DEADLINE_MS 6000 /* to become ready, or to answer a ping */

struct ch_front_link {
    ch_loop *loop;
    ch_front_owner owner;
    ch_front_watcher watcher;
    ch_connections *connections;
    ch_child child;
    ch_intake intake;
    ch_receiving state;
    uid_t caller;  /* NOBODY: not metered */
    uint32_t pace; /* the last one that was sent to the front */
    ch_timer check;
    uint64_t waiting_since_ms; /* for the front to be ready, or for a PONG; 0: for nothing */
};

/* ---- frames of the front ---- */

static ch_status on_ready(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_front_ready_frame ready;
    CH_TRY(ch_front_ready_frame_get(frame, &ready, err));
    CH_TRY(ch_confinement_report(front->owner.confinement, "the front", ready.gaps, err));
    front->state = CH_WHILE_SERVING;
    front->waiting_since_ms = 0;
    front->watcher.on_change(front->watcher.context, front);
    return CH_OK;
}

static ch_status on_closed(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_closed_frame closed;
    CH_TRY(ch_closed_frame_get(frame, &closed, err));
    ch_connections_remove(front->connections, &front->intake, frame->id);
    return CH_OK;
}

static ch_status on_sign(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_sign_frame sign;
    CH_TRY(ch_sign_frame_get(frame, &sign, err));
    if (sign.relay_id.size > 0)
        return ch_fail(err, CH_INTERNAL, "it brought a relay's request");
    front->owner.on_sign(front->owner.context, ch_asker_of(&front->intake, frame->id), &sign);
    return CH_OK;
}

static ch_status on_get_time(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_get_time_frame get;
    CH_TRY(ch_get_time_frame_get(frame, &get, err));
    front->owner.on_get_time(front->owner.context, ch_asker_of(&front->intake, frame->id));
    return CH_OK;
}

/* HAND_UP makes the taker of a frame that the owner gets as it came. */
#define HAND_UP(name)                                                                                                  \
    static ch_status on_##name(void *self, ch_frame *frame, int *fd, ch_error *err)                                    \
    {                                                                                                                  \
        (void)fd;                                                                                                      \
        ch_front_link *front = self;                                                                                   \
        ch_##name##_frame asked;                                                                                       \
        CH_TRY(ch_##name##_frame_get(frame, &asked, err));                                                             \
        front->owner.on_##name(front->owner.context, ch_asker_of(&front->intake, frame->id), &asked);                  \
        return CH_OK;                                                                                                  \
    }

HAND_UP(list_keys)
HAND_UP(get_status)
HAND_UP(get_limits)
HAND_UP(put_prices)
HAND_UP(list_prices)
HAND_UP(release)
HAND_UP(get_request)
HAND_UP(fetch)
HAND_UP(withdraw)

static ch_status on_pong(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_front_link *front = self;
    ch_pong_frame pong;
    CH_TRY(ch_pong_frame_get(frame, &pong, err));
    if (front->waiting_since_ms == 0)
        return ch_fail(err, CH_INTERNAL, "it answered a ping that it was not sent");
    front->waiting_since_ms = 0;
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    const ch_front_link *front = self;
    return ch_child_is_up(&front->child) ? front->state : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                 taken by */
    { CH_FRAME_SIGN,         on_sign },
    { CH_FRAME_CLOSED,       on_closed },
    { CH_FRAME_LIST_KEYS,    on_list_keys },
    { CH_FRAME_GET_STATUS,   on_get_status },
    { CH_FRAME_GET_TIME,     on_get_time },
    { CH_FRAME_GET_LIMITS,   on_get_limits },
    { CH_FRAME_PUT_PRICES,   on_put_prices },
    { CH_FRAME_LIST_PRICES,  on_list_prices },
    { CH_FRAME_RELEASE,      on_release },
    { CH_FRAME_GET_REQUEST,  on_get_request },
    { CH_FRAME_FETCH,        on_fetch },
    { CH_FRAME_WITHDRAW,     on_withdraw },
    { CH_FRAME_FRONT_READY,  on_ready },
    { CH_FRAME_PONG,         on_pong },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_FRONT_TO_CORE,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* ---- connections ---- */

ch_intake *ch_front_link_intake(ch_front_link *front)
{
    return &front->intake;
}

bool ch_front_link_is_ready(const ch_front_link *front)
{
    return front->state == CH_WHILE_SERVING;
}

bool ch_front_link_has_room(const ch_front_link *front)
{
    return ch_channel_attached(&front->child.channel) < UNREAD_MAX;
}

/* A frame without fields is never too large. */
void ch_front_link_pass(ch_front_link *front, int fd, uint64_t connection)
{
    ch_error ignored = CH_ERROR_INIT;
    ch_buffer *out = ch_channel_out(&front->child.channel);
    assert(ch_front_link_is_ready(front));
    ch_channel_attach(&front->child.channel, fd);
    ch_ignore(ch_connection_frame_put(out, connection, &(ch_connection_frame){}, &ignored));
}

/* Has the front close a connection that is no longer in the table. */
static void close_connection(void *self, uint64_t connection)
{
    ch_front_link *front = self;
    ch_error err = CH_ERROR_INIT;
    if (ch_front_link_is_ready(front) &&
        ch_close_frame_put(ch_channel_out(&front->child.channel), connection, &(ch_close_frame){}, &err) != CH_OK)
        ch_log("%s", err.message);
}

/* ---- life ---- */

static void ping(ch_front_link *front, uint64_t now_ms)
{
    ch_error err = CH_ERROR_INIT;
    front->waiting_since_ms = now_ms;
    if (ch_ping_frame_put(ch_channel_out(&front->child.channel), 0, &(ch_ping_frame){}, &err) != CH_OK)
        ch_child_end(&front->child, err.message);
    else
        ch_child_flush(&front->child);
}

/* A front that is stopped or stuck keeps its callers waiting for ever; another one serves them. */
static void on_check(void *context)
{
    ch_front_link *front = context;
    uint64_t now_ms = ch_clock_ms();
    ch_loop_set_timer(front->loop, &front->check, now_ms + CHECK_EVERY_MS);
    if (!ch_child_is_up(&front->child))
        return;
    if (front->waiting_since_ms != 0 && now_ms - front->waiting_since_ms > DEADLINE_MS)
        ch_child_end(&front->child, front->state == CH_WHILE_SERVING ? "it did not answer" : "it did not become ready");
    else if (front->waiting_since_ms == 0)
        ping(front, now_ms);
}

static ch_status on_up(void *self, ch_error *err)
{
    ch_front_link *front = self;
    front->state = CH_WHILE_STARTING;
    front->pace = 0;
    front->waiting_since_ms = ch_clock_ms();
    ch_front_start_frame start = {.version = CH_FRAMES_VERSION};
    return ch_front_start_frame_put(ch_channel_out(&front->child.channel), 0, &start, err);
}

static void on_down(void *self, const char *why)
{
    (void)why;
    ch_front_link *front = self;
    front->state = CH_WHILE_STARTING;
    front->intake.life++;
    ch_connections_remove_all(front->connections, &front->intake);
    front->watcher.on_change(front->watcher.context, front);
}

static ch_meter *meter_of(const ch_front_link *front)
{
    return front->caller == NOBODY ? NULL : front->owner.meter;
}

static bool may_read(void *self)
{
    const ch_front_link *front = self;
    return !ch_meter_must_wait(meter_of(front), front->caller) &&
           ch_channel_pending(&front->child.channel) < REPLIES_MAX;
}

static void on_taken(void *self, uint64_t begun_ns)
{
    const ch_front_link *front = self;
    ch_meter_spend_since(meter_of(front), front->caller, begun_ns);
}

ch_front_link *ch_front_link_new(ch_loop *loop, const char *name, ch_connections *connections,
                                 const ch_front_owner *owner, ch_front_watcher watcher)
{
    ch_front_link *front = ch_alloc(sizeof *front);
    front->loop = loop;
    front->owner = *owner;
    front->watcher = watcher;
    front->check = (ch_timer){.on_due = on_check, .context = front};
    front->connections = connections;
    front->intake = (ch_intake){.channel = &front->child.channel, .self = front, .close = close_connection};
    front->caller = NOBODY;
    front->state = CH_WHILE_STARTING;
    ch_child_owner child_owner = {.receiver = &receiver,
                                  .self = front,
                                  .packets_a_turn = 4,
                                  .on_up = on_up,
                                  .on_down = on_down,
                                  .may_read = may_read,
                                  .on_taken = on_taken};
    ch_child_init(&front->child, loop, "front", name, &child_owner);
    return front;
}

void ch_front_link_free(ch_front_link *front)
{
    if (front == NULL)
        return;
    ch_child_stop(&front->child);
    ch_loop_cancel_timer(front->loop, &front->check);
    free(front);
}

void ch_front_link_set_caller(ch_front_link *front, uid_t caller)
{
    front->caller = caller;
}

void ch_front_link_renew(ch_front_link *front)
{
    ch_child_end(&front->child, "its caller has left, and another has come");
}

void ch_front_link_start(ch_front_link *front)
{
    ch_loop_set_timer(front->loop, &front->check, ch_clock_ms() + CHECK_EVERY_MS);
    ch_child_start(&front->child);
}

bool ch_front_link_died(ch_front_link *front, pid_t pid)
{
    return ch_child_died(&front->child, pid);
}

/* ---- the end of a turn ---- */

/* Beside others, a front may not take all of a processor: they need one, too. */
static void tell_pace(ch_front_link *front)
{
    ch_error err = CH_ERROR_INIT;
    ch_pace_frame pace = {.permille = ch_meter_process_share(meter_of(front), front->caller)};
    if (pace.permille == front->pace || !ch_front_link_is_ready(front))
        return;
    front->pace = pace.permille;
    if (ch_pace_frame_put(ch_channel_out(&front->child.channel), 0, &pace, &err) != CH_OK)
        ch_child_end(&front->child, err.message);
}

void ch_front_link_flush(ch_front_link *front)
{
    tell_pace(front);
    ch_child_flush(&front->child);
}

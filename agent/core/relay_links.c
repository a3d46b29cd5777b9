/* What a relay does not read is bounded as with fronts: above REPLIES_MAX core reads no more requests from it, nor
 * while its user must wait because of what it cost. */
#include "agent/core/relay_links.h"

#include "agent/pace.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "wire/channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define REPLIES_MAX (1U << 20) /* bytes */
#define NS_A_TURN 200000       /* a packet may hold hundreds of frames */

static const ch_pace connects = {.a_second = 100, .burst = 64};

typedef struct relay_link {
    ch_relay_links *links;
    ch_intake intake;
    ch_channel channel; /* closed: the place is free */
    ch_source source;
    ch_packet packet; /* what is left of it is taken next */
    ch_timer more;    /* to take it */
    ch_receiving state;
    ch_peer peer;
    uint64_t connection;
    uint64_t number; /* in the order in which they came */
} relay_link;

/* How often one user connects by one socket. */
typedef struct connector {
    uid_t uid;
    char socket[CH_PEER_SOCKET_MAX + 1];
    ch_pace pace; /* a_second 0: the place is free */
} connector;

struct ch_relay_links {
    ch_loop *loop;
    ch_relay_owner owner;
    connector connectors[CH_RELAY_LINKS_MAX];
    size_t next_connector; /* the place that is used anew when all are taken */
    uint64_t count;        /* that ever came */
    ch_log_limit ended;
    relay_link list[CH_RELAY_LINKS_MAX];
};

static bool is_open(const relay_link *link)
{
    return link->channel.fd >= 0;
}

static void close_link(relay_link *link)
{
    if (!is_open(link))
        return;
    ch_loop_forget(link->links->loop, &link->source);
    ch_loop_cancel_timer(link->links->loop, &link->more);
    ch_packet_close(&link->packet);
    link->packet.bytes.size = 0;
    ch_channel_close(&link->channel);
    ch_connections_remove(link->links->owner.connections, &link->intake, link->connection);
    link->intake.life++;
}

static void make_room(void *self, uint64_t connection)
{
    (void)connection; /* it has only one */
    close_link(self);
}

static void end(relay_link *link, const char *why)
{
    if (!is_open(link))
        return;
    ch_log_limited(&link->links->ended, "the connection of the relay of user %u has ended: %s",
                   (unsigned)link->peer.uid, why);
    close_link(link);
}

/* ---- its frames ---- */

static ch_status on_start(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    relay_link *link = self;
    ch_relay_start_frame start;
    CH_TRY(ch_relay_start_frame_get(frame, &start, err));
    link->state = CH_WHILE_SERVING;
    if (start.version == CH_FRAMES_VERSION)
        return CH_OK;
    (void)ch_fail(err, CH_BAD_INPUT,
                  "the relay speaks version %u of the frames, and the agent version %d; both must be of one build",
                  start.version, CH_FRAMES_VERSION);
    ch_error ignored = CH_ERROR_INIT;
    ch_failed_frame failed = {.why = *err};
    if (ch_failed_frame_put(ch_channel_out(&link->channel), 0, &failed, &ignored) == CH_OK)
        ch_ignore(ch_channel_flush(&link->channel, &ignored));
    return CH_BAD_INPUT;
}

static bool is_of_relay(const ch_frame *frame, const ch_sign_frame *sign)
{
    bool has_more =
        sign->text.size + sign->host.size + sign->path.size + sign->key_id.size > 0 || sign->values.count > 0;
    return frame->id != 0 && sign->connection == 0 && sign->relay_id.size > 0 && sign->form == CH_FORM_WIRE &&
           !sign->is_check && !has_more && sign->repeat_key.size <= CH_REPEAT_KEY_MAX &&
           ch_slice_is_visible(sign->repeat_key);
}

static ch_status on_sign(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    relay_link *link = self;
    const ch_relay_owner *owner = &link->links->owner;
    ch_sign_frame sign;
    CH_TRY(ch_sign_frame_get(frame, &sign, err));
    if (!is_of_relay(frame, &sign))
        return ch_fail(err, CH_INTERNAL, "it asked for what no relay asks for");
    sign.connection = link->connection;
    owner->on_sign(owner->context, ch_asker_of(&link->intake, frame->id), &sign);
    return CH_OK;
}

/* What was not sent has no answer. */
static bool is_end(const ch_ended_record *end)
{
    bool has_answer = end->status != 0 || end->body.size > 0;
    return (end->is_sent || !has_answer) && end->body.size <= CH_OUTCOME_BODY_MAX && ch_slice_is_document(end->body);
}

static bool are_of_relay(const ch_frame *frame, const ch_outcomes_frame *outcomes)
{
    ch_records ends = outcomes->ends;
    bool are_good = frame->id != 0 && outcomes->connection == 0 && ends.count > 0 && ends.count <= CH_OUTCOMES_MAX;
    for (ch_ended_record end; are_good && ch_ended_record_next(&ends, &end);)
        are_good = is_end(&end);
    return are_good;
}

static ch_status on_outcomes(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    relay_link *link = self;
    const ch_relay_owner *owner = &link->links->owner;
    ch_outcomes_frame outcomes;
    CH_TRY(ch_outcomes_frame_get(frame, &outcomes, err));
    if (!are_of_relay(frame, &outcomes))
        return ch_fail(err, CH_INTERNAL, "it told of outcomes as no relay does");
    outcomes.connection = link->connection;
    owner->on_outcomes(owner->context, ch_asker_of(&link->intake, frame->id), &outcomes);
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    const relay_link *link = self;
    return is_open(link) ? link->state : 0;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                 taken by */
    { CH_FRAME_SIGN,         on_sign },
    { CH_FRAME_OUTCOMES,     on_outcomes },
    { CH_FRAME_RELAY_START,  on_start },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_FRONT_TO_CORE,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* ---- its bytes ---- */

static bool may_read(const relay_link *link)
{
    return !ch_meter_must_wait(link->links->owner.meter, link->peer.uid) &&
           ch_channel_pending(&link->channel) < REPLIES_MAX;
}

/* Returns false if nothing was there. */
static bool receive(relay_link *link)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_channel_receive(&link->channel, &link->packet, &err);
    if (st == CH_UNAVAILABLE)
        close_link(link); /* as relays do when they end */
    else if (st != CH_OK && link->state == CH_WHILE_STARTING)
        end(link, "it did not begin as chancery-relay does; a caller with the role relay cannot ask by HTTP");
    else if (st != CH_OK)
        end(link, err.message);
    return st == CH_OK && link->packet.bytes.size > 0;
}

/* No more than is there, and no more time than a share, so that no relay keeps others waiting. What is left of a packet
 * is taken in the next turn. */
static void take_some(void *context)
{
    relay_link *link = context;
    uint64_t begun_ns = ch_clock_ns();
    bool is_received = link->packet.bytes.size > 0;
    while (is_open(link) && may_read(link) && ch_clock_ns() - begun_ns < NS_A_TURN) {
        ch_error err = CH_ERROR_INIT;
        if (link->packet.bytes.size == 0 && (is_received || !receive(link)))
            break;
        is_received = true;
        if (ch_packet_take_frame(&link->packet, &receiver, link, &err) != CH_OK)
            end(link, err.message);
    }
    if (is_open(link) && link->packet.bytes.size > 0 && may_read(link))
        ch_loop_set_timer(link->links->loop, &link->more, ch_clock_ms());
    ch_meter_spend_since(link->links->owner.meter, link->peer.uid, begun_ns);
}

static void flush(relay_link *link)
{
    ch_error err = CH_ERROR_INIT;
    if (!is_open(link))
        return;
    if (ch_channel_flush(&link->channel, &err) != CH_OK) {
        close_link(link); /* it has hung up */
        return;
    }
    bool is_read = may_read(link);
    uint32_t events = (is_read ? EPOLLIN : 0U) | (ch_channel_pending(&link->channel) > 0 ? EPOLLOUT : 0U);
    if (ch_loop_watch(link->links->loop, &link->source, events, &err) != CH_OK)
        end(link, err.message);
    else if (is_read && link->packet.bytes.size > 0)
        ch_loop_set_timer(link->links->loop, &link->more, ch_clock_ms());
}

/* Who has hung up wants nothing any more, and would wake core again and again while nothing is read. */
static void on_ready(void *context)
{
    relay_link *link = context;
    if ((link->source.ready & (EPOLLHUP | EPOLLERR)) != 0 && !may_read(link)) {
        close_link(link);
        return;
    }
    if ((link->source.ready & EPOLLOUT) != 0)
        flush(link);
    take_some(link);
}

/* ---- connections ---- */

bool ch_relay_links_want(const ch_relay_links *links, const ch_peer *peer)
{
    const ch_relay_owner *owner = &links->owner;
    const ch_caller_set *callers = ch_callers_find(owner->callers, owner->policy, peer);
    return ch_policy_relay(owner->policy, callers) < owner->policy->caller_count;
}

static connector *find_connector(ch_relay_links *links, const ch_peer *peer)
{
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++) {
        connector *at = &links->connectors[i];
        if (at->pace.a_second != 0 && at->uid == peer->uid && strcmp(at->socket, peer->socket) == 0)
            return at;
    }
    connector *at = &links->connectors[links->next_connector++ % CH_RELAY_LINKS_MAX];
    *at = (connector){.uid = peer->uid, .pace = connects};
    memcpy(at->socket, peer->socket, sizeof at->socket);
    return at;
}

static ch_status keep_pace(ch_relay_links *links, const ch_peer *peer, ch_error *err)
{
    uint64_t now_ns = ch_clock_ns();
    connector *at = find_connector(links, peer);
    if (ch_pace_wait_ns(&at->pace, now_ns) > 0)
        return ch_fail(err, CH_BUSY, "the relay of user %u connects too often", (unsigned)peer->uid);
    ch_pace_spend(&at->pace, now_ns, 1);
    return CH_OK;
}

static bool is_of(const relay_link *link, const ch_peer *peer)
{
    return is_open(link) && link->peer.uid == peer->uid && strcmp(link->peer.socket, peer->socket) == 0;
}

static size_t count_of(const ch_relay_links *links, uid_t uid)
{
    size_t count = 0;
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++)
        count += is_open(&links->list[i]) && links->list[i].peer.uid == uid;
    return count;
}

/* Where all places are taken: the oldest connection of the user who has the most, if by several sockets it has more
 * than one share. NULL: nobody has. */
static relay_link *find_excess(ch_relay_links *links)
{
    relay_link *found = NULL;
    size_t most = CH_RELAY_LINKS_SHARE;
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++) {
        relay_link *link = &links->list[i];
        size_t count = is_open(link) ? count_of(links, link->peer.uid) : 0;
        if (count < most || count <= CH_RELAY_LINKS_SHARE || (count == most && link->number > found->number))
            continue;
        most = count;
        found = link;
    }
    return found;
}

/* A free place; the oldest of the peer's own makes room if it has its share, and that of a user with more than a share
 * for one with less. NULL: others have all. */
static relay_link *find_place(ch_relay_links *links, const ch_peer *peer)
{
    relay_link *free_place = NULL;
    relay_link *oldest = NULL;
    size_t own = 0;
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++) {
        relay_link *link = &links->list[i];
        free_place = is_open(link) ? free_place : link;
        if (!is_of(link, peer))
            continue;
        own++;
        if (oldest == NULL || link->number < oldest->number)
            oldest = link;
    }
    if (free_place == NULL && oldest == NULL && count_of(links, peer->uid) < CH_RELAY_LINKS_SHARE)
        oldest = find_excess(links);
    if (own < CH_RELAY_LINKS_SHARE && (free_place != NULL || oldest == NULL))
        return free_place;
    close_link(oldest);
    return oldest;
}

static ch_status enter(relay_link *link, const ch_peer *peer, int fd, ch_error *err)
{
    ch_connections *connections = link->links->owner.connections;
    CH_TRY(ch_connections_add(connections, peer, false, &link->intake, &link->connection, err));
    CH_TRY(ch_connections_keep(connections, link->connection, fd, err));
    ch_status st = ch_loop_watch(link->links->loop, &link->source, EPOLLIN, err);
    if (st != CH_OK)
        ch_connections_remove(connections, &link->intake, link->connection);
    return st;
}

ch_status ch_relay_links_take(ch_relay_links *links, int fd, const ch_peer *peer, ch_error *err)
{
    CH_TRY(keep_pace(links, peer, err));
    relay_link *link = find_place(links, peer);
    if (link == NULL)
        return ch_fail(err, CH_BUSY, "relays of other users have all %d connections", CH_RELAY_LINKS_MAX);
    link->source.fd = fd;
    CH_TRY(enter(link, peer, fd, err));
    ch_channel_open_stream(&link->channel, fd);
    link->state = CH_WHILE_STARTING;
    link->peer = *peer;
    link->number = ++links->count;
    return CH_OK;
}

/* ---- the room ---- */

ch_relay_links *ch_relay_links_new(ch_loop *loop, const ch_relay_owner *owner)
{
    ch_relay_links *links = ch_alloc(sizeof *links);
    links->loop = loop;
    links->owner = *owner;
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++) {
        relay_link *link = &links->list[i];
        *link = (relay_link){
            .links = links,
            .channel = CH_CHANNEL_CLOSED,
            .source = {.fd = -1,            .on_ready = on_ready, .context = link},
            .packet = {.fd = -1                  },
            .more = {.on_due = take_some, .context = link                               }
        };
        link->intake = (ch_intake){.channel = &link->channel, .self = link, .close = make_room};
    }
    return links;
}

void ch_relay_links_free(ch_relay_links *links)
{
    if (links == NULL)
        return;
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++)
        close_link(&links->list[i]);
    free(links);
}

void ch_relay_links_flush(ch_relay_links *links)
{
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++)
        flush(&links->list[i]);
}

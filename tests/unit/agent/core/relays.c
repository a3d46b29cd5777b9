#include "tests/unit/agent/core/relays.h"

#include "base/clock.h"
#include "base/memory.h"

#include <check.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 60000

struct relays_stage relays;

static ch_error err;

static ch_caller callers[] = {
    {.name = "bot",            .ids = {.uid = RELAYS_UID, .gid = CH_ANY_ID}},
    { .name = "relay", .ids = {.uid = RELAYS_UID, .gid = CH_ANY_ID},                      .socket = RELAYS_SOCKET, .role = CH_CALLER_RELAY},
};
static const ch_policy policy = {.callers = callers, .caller_count = 2};

/* ---- the owner ---- */

void relays_answer(size_t count)
{
    const ch_asker asker = relays.owner.asker;
    ch_autofree uint8_t *text = ch_alloc(ANSWER_SIZE);
    ch_signed_frame answer = {
        .body = {text, ANSWER_SIZE},
          .key = CH_LITERAL("k")
    };
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(ch_signed_frame_put(ch_asker_out(asker), asker.request, &answer, &err), CH_OK);
}

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    relays_owner *owner = context;
    ck_assert_ptr_nonnull(ch_connections_peer(relays.connections, asker.intake, sign->connection));
    if ((size_t)owner->signs < sizeof owner->requests / sizeof *owner->requests)
        owner->requests[owner->signs] = asker.request;
    owner->signs++;
    owner->asker = asker;
    owner->connection = sign->connection;
    relays_answer(owner->answers_each);
}

static void on_outcomes(void *context, ch_asker asker, const ch_outcomes_frame *outcomes)
{
    relays_owner *owner = context;
    ck_assert_ptr_nonnull(ch_connections_peer(relays.connections, asker.intake, outcomes->connection));
    owner->outcomes++;
    owner->ends = outcomes->ends.count;
    owner->asker = asker;
}

/* ---- the stage ---- */

void relays_begin_with(size_t descriptors)
{
    relays.loop = stage_set_up();
    relays.connections = ch_connections_new(descriptors);
    relays.callers = ch_callers_new();
    relays.meter = ch_meter_new(2);
    ch_meter_turn(relays.meter, ch_clock_ns());
    const ch_relay_owner owner = {.context = &relays.owner,
                                  .connections = relays.connections,
                                  .policy = &policy,
                                  .callers = relays.callers,
                                  .meter = relays.meter,
                                  .on_sign = on_sign,
                                  .on_outcomes = on_outcomes};
    relays.links = ch_relay_links_new(relays.loop, &owner);
}

void relays_begin(void)
{
    relays_begin_with(CH_CONNECTIONS_MAX);
}

void relays_begin_started(stage_actor *as)
{
    relays_begin();
    relays_come(as, RELAYS_UID);
    relays_write_start(as, CH_FRAMES_VERSION);
    stage_send(as);
}

void relays_turn(void)
{
    ch_relay_links_flush(relays.links);
    stage_settle();
}

ch_peer relays_peer(uid_t uid, const char *socket)
{
    ch_peer peer = {.uid = uid, .gid = uid};
    snprintf(peer.socket, sizeof peer.socket, "%s", socket);
    return peer;
}

ch_status relays_come_by(stage_actor *as, uid_t uid, const char *socket, ch_error *why)
{
    int ends[2];
    const ch_peer peer = relays_peer(uid, socket);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    *as = (stage_actor){.packet = {.fd = -1}};
    ch_channel_open_stream(&as->channel, ends[0]);
    ch_status st = ch_relay_links_take(relays.links, ends[1], &peer, why);
    if (st != CH_OK)
        close(ends[1]);
    return st;
}

void relays_come(stage_actor *as, uid_t uid)
{
    ck_assert_msg(relays_come_by(as, uid, RELAYS_SOCKET, &err) == CH_OK, "%s", err.message);
}

bool relays_is_closed(const stage_actor *as)
{
    char byte;
    return recv(as->channel.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* ---- what a relay says ---- */

void relays_write_start(stage_actor *as, uint32_t version)
{
    ch_relay_start_frame start = {.version = version};
    ck_assert_int_eq(ch_relay_start_frame_put(ch_channel_out(&as->channel), 0, &start, &err), CH_OK);
}

void relays_write_sign(stage_actor *as, uint64_t id)
{
    ch_sign_frame sign = {.key = CH_LITERAL("k"),
                          .form = CH_FORM_WIRE,
                          .method = CH_LITERAL("GET"),
                          .url = CH_LITERAL("/p"),
                          .relay_id = CH_LITERAL(RELAYS_ID),
                          .relay_for = CH_LITERAL("bot")};
    ck_assert_int_eq(ch_sign_frame_put(ch_channel_out(&as->channel), id, &sign, &err), CH_OK);
}

void relays_write_outcomes(stage_actor *as, uint64_t id, size_t count)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_outcomes_frame outcomes = {0};
    ch_ended_record end = {.relay_id = CH_LITERAL(RELAYS_ID), .is_sent = true, .status = 200};
    for (size_t i = 0; i < count; i++)
        ch_ended_record_put(&outcomes.ends, &records, &end);
    ck_assert_int_eq(ch_outcomes_frame_put(ch_channel_out(&as->channel), id, &outcomes, &err), CH_OK);
}

void relays_say_sign(stage_actor *as, uint64_t id)
{
    relays_write_sign(as, id);
    stage_send(as);
}

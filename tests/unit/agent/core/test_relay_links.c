/* Who is a relay, how it begins, what ends it, and how many there may be. */
#include "tests/support/suite.h"
#include "tests/unit/agent/core/relays.h"

#include <string.h>
#include <unistd.h>

#define OTHER_UID 5000

static ch_error err;
static stage_actor actor; /* the relay, or the last one that came */

/* ---- who is a relay, and how it begins ---- */

START_TEST(test_a_relay_is_who_policy_says)
{
    relays_begin();
    const ch_peer relay = relays_peer(RELAYS_UID, RELAYS_SOCKET);
    const ch_peer bot = relays_peer(RELAYS_UID, "");
    const ch_peer stranger = relays_peer(OTHER_UID, RELAYS_SOCKET);
    ck_assert(ch_relay_links_want(relays.links, &relay));
    ck_assert(!ch_relay_links_want(relays.links, &bot));
    ck_assert(!ch_relay_links_want(relays.links, &stranger));
}
END_TEST

START_TEST(test_a_relay_may_ask_with_its_first_bytes)
{
    relays_begin();
    relays_come(&actor, RELAYS_UID);
    relays_write_start(&actor, CH_FRAMES_VERSION);
    relays_write_sign(&actor, 7);
    relays_write_outcomes(&actor, 8, CH_OUTCOMES_MAX);
    stage_send(&actor);
    ck_assert_int_eq(relays.owner.signs, 1);
    ck_assert_uint_eq(relays.owner.requests[0], 7);
    ck_assert_int_eq(relays.owner.outcomes, 1);
    ck_assert_uint_eq(relays.owner.ends, CH_OUTCOMES_MAX);
    ck_assert_uint_eq(relays.owner.asker.request, 8);
    ck_assert_uint_eq(ch_connections_peer(relays.connections, relays.owner.asker.intake, relays.owner.connection)->uid,
                      RELAYS_UID);
    relays_turn();
    ck_assert(stage_is_silent(&actor));
}
END_TEST

/* clang-format off */
static const uint32_t other_versions[] = { 0, CH_FRAMES_VERSION - 1, CH_FRAMES_VERSION + 1, UINT32_MAX };
/* clang-format on */

START_TEST(test_a_relay_of_another_version_is_told)
{
    ch_failed_frame failed;
    relays_begin();
    relays_come(&actor, RELAYS_UID);
    relays_write_start(&actor, other_versions[_i]);
    relays_write_sign(&actor, 7);
    stage_record_log();
    stage_send(&actor);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "the relay of user 4000 has ended: the relay speaks version ") != NULL, "%s", log);
    ch_frame frame = stage_hear(&actor, CH_FRAME_FAILED);
    ck_assert_uint_eq(frame.id, 0);
    ck_assert_int_eq(ch_failed_frame_get(&frame, &failed, &err), CH_OK);
    ck_assert_int_eq(failed.why.status, CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(failed.why.message, "both must be of one build"));
    ck_assert(relays_is_closed(&actor));
    ck_assert_int_eq(relays.owner.signs, 0);
}
END_TEST

START_TEST(test_a_relay_that_speaks_http_is_closed_and_the_log_says_why)
{
    static const char request[] = "POST /v1/keys/k/sign HTTP/1.1\r\nHost: agent\r\n\r\n";
    relays_begin();
    relays_come(&actor, RELAYS_UID);
    stage_record_log();
    ck_assert_int_eq((int)write(actor.channel.fd, request, sizeof request - 1), (int)sizeof request - 1);
    relays_turn();
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, "cannot ask by HTTP") != NULL, "%s", log);
    ck_assert(relays_is_closed(&actor));
}
END_TEST

/* ---- frames that end it ---- */

static const ch_sign_frame no_relay_id = {.form = CH_FORM_WIRE};
static const ch_sign_frame as_typed = {.form = CH_FORM_TYPED, .relay_id = CH_LITERAL(RELAYS_ID)};
static const ch_sign_frame as_string = {.form = CH_FORM_STRING, .relay_id = CH_LITERAL(RELAYS_ID)};
static const ch_sign_frame as_raw = {.form = CH_FORM_RAW, .relay_id = CH_LITERAL(RELAYS_ID)};
static const ch_sign_frame as_nothing = {.form = 200, .relay_id = CH_LITERAL(RELAYS_ID)};
static const ch_sign_frame as_check = {.form = CH_FORM_WIRE, .relay_id = CH_LITERAL(RELAYS_ID), .is_check = true};

static ch_status put_frame(ch_buffer *out, ch_frame_type type)
{
    switch (type) {
#define EMPTY(NAME, name)                                                                                              \
    case CH_FRAME_##NAME:                                                                                              \
        return ch_##name##_frame_put(out, 1, &(ch_##name##_frame){0}, &err);
        EMPTY(LIST_KEYS, list_keys)
        EMPTY(GET_STATUS, get_status)
        EMPTY(GET_LIMITS, get_limits)
        EMPTY(PUT_PRICES, put_prices)
        EMPTY(LIST_PRICES, list_prices)
        EMPTY(RELEASE, release)
        EMPTY(GET_REQUEST, get_request)
        EMPTY(FETCH, fetch)
        EMPTY(WITHDRAW, withdraw)
        EMPTY(OUTCOMES, outcomes)
        EMPTY(SIGN, sign)
        EMPTY(FRONT_READY, front_ready)
        EMPTY(RELAY_START, relay_start)
        EMPTY(FRONT_START, front_start)
        EMPTY(SIGNED, signed)
#undef EMPTY
    case CH_FRAME_CLOSED:
        return ch_closed_frame_put(out, 1, &(ch_closed_frame){}, &err);
    case CH_FRAME_PONG:
        return ch_pong_frame_put(out, 1, &(ch_pong_frame){}, &err);
    case CH_FRAME_GET_TIME:
        return ch_get_time_frame_put(out, 1, &(ch_get_time_frame){}, &err);
    default:
        return CH_INTERNAL;
    }
}

/* clang-format off */
static const struct {
    bool is_started;
    ch_frame_type type;
    const ch_sign_frame *sign;
    const char *why;
} refused[] = {
    /* started  frame                  as             the connection is ended because */
    { false,    CH_FRAME_SIGN,         NULL,          "frame SIGN is not accepted while starting" },
    { false,    CH_FRAME_OUTCOMES,     NULL,          "frame OUTCOMES is not accepted while starting" },
    { false,    CH_FRAME_LIST_KEYS,    NULL,          "frame LIST_KEYS is not accepted while starting" },
    { false,    CH_FRAME_PONG,         NULL,          "frame PONG is not accepted while starting" },
    { false,    CH_FRAME_FRONT_READY,  NULL,          "frame FRONT_READY has no handler here" },
    { false,    CH_FRAME_FRONT_START,  NULL,          "FRONT_START" },
    { true,     CH_FRAME_RELAY_START,  NULL,          "frame RELAY_START is not accepted while serving" },
    { true,     CH_FRAME_FRONT_READY,  NULL,          "frame FRONT_READY is not accepted while serving" },
    { true,     CH_FRAME_LIST_KEYS,    NULL,          "frame LIST_KEYS has no handler here" },
    { true,     CH_FRAME_GET_STATUS,   NULL,          "frame GET_STATUS has no handler here" },
    { true,     CH_FRAME_GET_LIMITS,   NULL,          "frame GET_LIMITS has no handler here" },
    { true,     CH_FRAME_GET_TIME,     NULL,          "frame GET_TIME has no handler here" },
    { true,     CH_FRAME_PUT_PRICES,   NULL,          "frame PUT_PRICES has no handler here" },
    { true,     CH_FRAME_LIST_PRICES,  NULL,          "frame LIST_PRICES has no handler here" },
    { true,     CH_FRAME_RELEASE,      NULL,          "frame RELEASE has no handler here" },
    { true,     CH_FRAME_GET_REQUEST,  NULL,          "frame GET_REQUEST has no handler here" },
    { true,     CH_FRAME_FETCH,        NULL,          "frame FETCH has no handler here" },
    { true,     CH_FRAME_WITHDRAW,     NULL,          "frame WITHDRAW has no handler here" },
    { true,     CH_FRAME_CLOSED,       NULL,          "frame CLOSED has no handler here" },
    { true,     CH_FRAME_PONG,         NULL,          "frame PONG has no handler here" },
    { true,     CH_FRAME_SIGNED,       NULL,          "SIGNED" },
    { true,     CH_FRAME_SIGN,         NULL,          "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &no_relay_id,  "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &as_typed,     "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &as_string,    "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &as_raw,       "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &as_nothing,   "it asked for what no relay asks for" },
    { true,     CH_FRAME_SIGN,         &as_check,     "it asked for what no relay asks for" },
};
/* clang-format on */

static void check_ended(const char *why)
{
    stage_record_log();
    stage_send(&actor);
    const char *log = stage_logged();
    ck_assert_msg(strstr(log, why) != NULL, "%s", log);
    ck_assert(relays_is_closed(&actor));
    ck_assert_int_eq(relays.owner.signs, 0);
    ck_assert_int_eq(relays.owner.outcomes, 0);
}

START_TEST(test_a_frame_that_is_no_relays_ends_the_connection)
{
    if (refused[_i].is_started)
        relays_begin_started(&actor);
    else
        relays_begin();
    if (!refused[_i].is_started)
        relays_come(&actor, RELAYS_UID);
    ch_buffer *out = ch_channel_out(&actor.channel);
    ch_status st =
        refused[_i].sign == NULL ? put_frame(out, refused[_i].type) : ch_sign_frame_put(out, 1, refused[_i].sign, &err);
    ck_assert_int_eq(st, CH_OK);
    relays_write_sign(&actor, 2); /* nothing that follows is taken */
    check_ended(refused[_i].why);
}
END_TEST

START_TEST(test_too_many_outcomes_at_once_end_it)
{
    relays_begin_started(&actor);
    relays_write_outcomes(&actor, 7, CH_OUTCOMES_MAX + 1);
    check_ended("it told of outcomes as no relay does");
}
END_TEST

START_TEST(test_no_outcomes_end_it)
{
    relays_begin_started(&actor);
    relays_write_outcomes(&actor, 7, 0);
    check_ended("it told of outcomes as no relay does");
}
END_TEST

/* clang-format off */
static const struct {
    uint64_t connection;
    ch_ended_record end;
    size_t body_size; /* 0: as it is in `end` */
} bad_ends[] = {
    { 1, { .is_sent = true, .status = 200 },                                 0 },
    { 0, { .is_sent = false, .status = 200 },                                0 },
    { 0, { .is_sent = false, .body = CH_LITERAL("{}") },                     0 },
    { 0, { .is_sent = true, .status = 200, .body = CH_LITERAL("\xff") },     0 },
    { 0, { .is_sent = true, .status = 200, .body = CH_LITERAL("a\x01") },    0 },
    { 0, { .is_sent = true, .status = 200 },                                 CH_OUTCOME_BODY_MAX + 1 },
};
/* clang-format on */

START_TEST(test_an_outcome_that_cannot_be_ends_it)
{
    static uint8_t body[CH_OUTCOME_BODY_MAX + 1];
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_outcomes_frame outcomes = {.connection = bad_ends[_i].connection};
    ch_ended_record end = bad_ends[_i].end;
    end.relay_id = CH_LITERAL(RELAYS_ID);
    memset(body, ' ', sizeof body);
    if (bad_ends[_i].body_size > 0)
        end.body = (ch_slice){body, bad_ends[_i].body_size};
    relays_begin_started(&actor);
    ch_ended_record_put(&outcomes.ends, &records, &end);
    ck_assert_int_eq(ch_outcomes_frame_put(ch_channel_out(&actor.channel), 7, &outcomes, &err), CH_OK);
    check_ended("it told of outcomes as no relay does");
    ck_assert_int_eq(relays.owner.outcomes, 0);
}
END_TEST

START_TEST(test_a_question_without_a_number_ends_it)
{
    relays_begin_started(&actor);
    if (_i == 0)
        relays_write_sign(&actor, 0);
    else
        relays_write_outcomes(&actor, 0, 1);
    check_ended(_i == 0 ? "it asked for what no relay asks for" : "it told of outcomes as no relay does");
}
END_TEST

START_TEST(test_a_malformed_frame_ends_it)
{
    relays_begin_started(&actor);
    ch_buffer *out = ch_channel_out(&actor.channel);
    size_t begin_at = ch_frame_begin(out, CH_FRAME_SIGN, 1);
    ch_put_u64(out, 0);
    ch_put_u32(out, 1000); /* the length of a key that does not follow */
    ck_assert_int_eq(ch_frame_end(out, begin_at, &err), CH_OK);
    check_ended("a malformed SIGN frame came");
}
END_TEST

START_TEST(test_a_size_that_no_frame_has_ends_it)
{
    relays_begin_started(&actor);
    ch_put_u32(ch_channel_out(&actor.channel), CH_PACKET_MAX + 1);
    check_ended("what came are no frames");
}
END_TEST

/* ---- relays.connections ---- */

START_TEST(test_a_relay_that_hangs_up_leaves_the_table)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    ck_assert_uint_eq(ch_connections_of(relays.connections, relays.owner.asker.intake), 1);
    stage_hang_up(&actor);
    stage_settle();
    ck_assert_uint_eq(ch_connections_of(relays.connections, relays.owner.asker.intake), 0);
    ck_assert_ptr_null(ch_connections_peer(relays.connections, relays.owner.asker.intake, relays.owner.connection));
}
END_TEST

/* For a bot, whose connection goes to a front. */
START_TEST(test_a_connection_that_must_make_room_is_closed)
{
    ch_intake front = {0};
    uint64_t bot = 0;
    const ch_peer peer = relays_peer(OTHER_UID, "");
    relays_begin_with(0); /* one place */
    relays_come(&actor, RELAYS_UID);
    relays_write_start(&actor, CH_FRAMES_VERSION);
    relays_say_sign(&actor, 7);
    const ch_intake *intake = relays.owner.asker.intake;
    while (ch_connections_add(relays.connections, &peer, false, &front, &bot, &err) != CH_OK) {
        ck_assert_int_eq(err.status, CH_BUSY); /* it is not idle yet */
        ck_assert(!relays_is_closed(&actor));
    }
    ck_assert(relays_is_closed(&actor));
    ck_assert_ptr_null(ch_asker_out(relays.owner.asker));
    ck_assert_uint_eq(ch_connections_of(relays.connections, &front), 1);
    intake->close(intake->self, relays.owner.connection); /* it has none any more */
    ck_assert_uint_eq(ch_connections_of(relays.connections, &front), 1);
}
END_TEST

START_TEST(test_one_more_than_its_share_closes_a_relays_oldest)
{
    static stage_actor own[CH_RELAY_LINKS_SHARE + 2];
    static stage_actor others;
    relays_begin();
    relays_come(&others, OTHER_UID);
    for (size_t i = 0; i < CH_RELAY_LINKS_SHARE; i++)
        relays_come(&own[i], RELAYS_UID);
    for (size_t i = 0; i < CH_RELAY_LINKS_SHARE; i++)
        ck_assert(!relays_is_closed(&own[i]));
    relays_come(&own[CH_RELAY_LINKS_SHARE], RELAYS_UID); /* in the place of the first */
    ck_assert(relays_is_closed(&own[0]));
    ck_assert(!relays_is_closed(&own[1]));
    relays_come(&own[CH_RELAY_LINKS_SHARE + 1], RELAYS_UID);
    ck_assert(relays_is_closed(&own[1]));
    for (size_t i = 2; i < CH_RELAY_LINKS_SHARE + 2; i++)
        ck_assert(!relays_is_closed(&own[i]));
    ck_assert(!relays_is_closed(&others));
    relays_write_start(&own[CH_RELAY_LINKS_SHARE], CH_FRAMES_VERSION);
    relays_say_sign(&own[CH_RELAY_LINKS_SHARE], 7);
    ck_assert_int_eq(relays.owner.signs, 1);
}
END_TEST

START_TEST(test_a_share_is_of_one_user_by_one_socket)
{
    static stage_actor own[CH_RELAY_LINKS_SHARE];
    relays_begin();
    for (size_t i = 0; i < CH_RELAY_LINKS_SHARE; i++)
        relays_come(&own[i], RELAYS_UID);
    ck_assert_int_eq(relays_come_by(&actor, RELAYS_UID, "another", &err), CH_OK);
    ck_assert(!relays_is_closed(&own[0]));
}
END_TEST

/* Takes all places but the last for others. */
static void fill(stage_actor others[static CH_RELAY_LINKS_MAX - 1])
{
    for (unsigned i = 0; i < CH_RELAY_LINKS_MAX - 1; i++)
        relays_come(&others[i], OTHER_UID + i / CH_RELAY_LINKS_SHARE);
}

START_TEST(test_relays_of_others_keep_their_places)
{
    static stage_actor others[CH_RELAY_LINKS_MAX - 1];
    static stage_actor last;
    relays_begin();
    fill(others);
    relays_come(&last, OTHER_UID + CH_RELAY_LINKS_MAX);
    ck_assert_int_eq(relays_come_by(&actor, RELAYS_UID, RELAYS_SOCKET, &err), CH_BUSY);
    ck_assert(relays_is_closed(&actor));
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX - 1; i++)
        ck_assert(!relays_is_closed(&others[i]));
    stage_hang_up(&actor);
    stage_hang_up(&others[3]);
    stage_settle();
    relays_come(&actor, RELAYS_UID);
    ck_assert(!relays_is_closed(&actor) && !relays_is_closed(&last));
}
END_TEST

START_TEST(test_where_all_places_are_taken_a_relays_own_makes_room)
{
    static stage_actor others[CH_RELAY_LINKS_MAX - 1];
    relays_begin();
    fill(others);
    static stage_actor first;
    relays_come(&first, RELAYS_UID);
    relays_come(&actor, RELAYS_UID);
    ck_assert(relays_is_closed(&first) && !relays_is_closed(&actor));
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX - 1; i++)
        ck_assert(!relays_is_closed(&others[i]));
}
END_TEST

START_TEST(test_a_user_with_more_than_a_share_makes_room_for_others)
{
    static stage_actor own[CH_RELAY_LINKS_MAX];
    static stage_actor others[2];
    static const char *const sockets[] = {"a", "b", "c", "d"};
    relays_begin();
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++)
        ck_assert_int_eq(relays_come_by(&own[i], RELAYS_UID, sockets[i / CH_RELAY_LINKS_SHARE], &err), CH_OK);
    ck_assert_int_eq(relays_come_by(&actor, RELAYS_UID, "e", &err), CH_BUSY);
    ck_assert_int_eq(relays_come_by(&others[0], OTHER_UID, "a", &err), CH_OK);
    ck_assert_int_eq(relays_come_by(&others[1], OTHER_UID, "b", &err), CH_OK);
    ck_assert(!relays_is_closed(&others[0]) && !relays_is_closed(&others[1]));
    for (size_t i = 0; i < CH_RELAY_LINKS_MAX; i++)
        ck_assert(relays_is_closed(&own[i]) == (i < 2));
}
END_TEST

START_TEST(test_a_relay_that_connects_all_the_time_is_turned_away_alone)
{
    ch_status st = CH_OK;
    relays_begin();
    for (size_t i = 0; st == CH_OK && i < 10000; i++) {
        st = relays_come_by(&actor, RELAYS_UID, RELAYS_SOCKET, &err);
        if (st == CH_OK)
            stage_hang_up(&actor);
    }
    ck_assert_int_eq(st, CH_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "connects too often"));
    ck_assert(relays_is_closed(&actor));
    stage_hang_up(&actor);
    ck_assert_int_eq(relays_come_by(&actor, RELAYS_UID, "other", &err), CH_OK);
    stage_hang_up(&actor);
    ck_assert_int_eq(relays_come_by(&actor, RELAYS_UID + 1, RELAYS_SOCKET, &err), CH_OK);
    stage_hang_up(&actor);
}
END_TEST

START_TEST(test_connections_end_with_the_room)
{
    relays_begin_started(&actor);
    relays_say_sign(&actor, 7);
    ch_relay_links_free(relays.links);
    ck_assert(relays_is_closed(&actor));
    ck_assert_ptr_null(ch_connections_peer(relays.connections, relays.owner.asker.intake, relays.owner.connection));
    stage_settle();
    ch_relay_links_free(NULL);
}
END_TEST

CH_TESTS("relay_links", CH_TEST(test_a_relay_is_who_policy_says), CH_TEST(test_a_relay_may_ask_with_its_first_bytes),
         CH_TEST_ROWS(test_a_relay_of_another_version_is_told, other_versions),
         CH_TEST(test_a_relay_that_speaks_http_is_closed_and_the_log_says_why),
         CH_TEST_ROWS(test_a_frame_that_is_no_relays_ends_the_connection, refused),
         CH_TEST(test_too_many_outcomes_at_once_end_it), CH_TEST(test_no_outcomes_end_it),
         CH_TEST_ROWS(test_an_outcome_that_cannot_be_ends_it, bad_ends), {test_a_question_without_a_number_ends_it, 2},
         CH_TEST(test_a_malformed_frame_ends_it), CH_TEST(test_a_size_that_no_frame_has_ends_it),
         CH_TEST(test_a_relay_that_hangs_up_leaves_the_table), CH_TEST(test_a_connection_that_must_make_room_is_closed),
         CH_TEST(test_one_more_than_its_share_closes_a_relays_oldest),
         CH_TEST(test_a_share_is_of_one_user_by_one_socket), CH_TEST(test_relays_of_others_keep_their_places),
         CH_TEST(test_where_all_places_are_taken_a_relays_own_makes_room),
         CH_TEST(test_a_user_with_more_than_a_share_makes_room_for_others),
         CH_TEST(test_a_relay_that_connects_all_the_time_is_turned_away_alone),
         CH_TEST(test_connections_end_with_the_room))

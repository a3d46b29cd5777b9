/* What the tests of core's relay links stand on: the links, with the test as the owner of what relays ask, and relays,
 * which the test plays too. Every function ends the test if it cannot do what it says. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_RELAYS_H
#define CH_TESTS_UNIT_AGENT_CORE_RELAYS_H

#include "agent/core/relay_links.h"
#include "tests/unit/agent/core/stage.h"

#define RELAYS_UID 4000
#define RELAYS_SOCKET "relay"
#define RELAYS_ID "7d5c0bd3a1f94e0f8a5d0c2b9e6f1a34"
#define RELAYS_ANSWERS_MANY 25 /* together larger than what a relay may leave unread */

/* What the owner has been asked. */
typedef struct relays_owner {
    int signs;
    int outcomes;
    size_t ends;          /* of the last outcomes */
    ch_asker asker;       /* of the last question */
    uint64_t connection;  /* of the last SIGN */
    uint64_t requests[8]; /* ids of SIGN, in their order */
    size_t answers_each;  /* set by the test: with so many a SIGN is answered at once */
} relays_owner;

extern struct relays_stage {
    ch_loop *loop;
    ch_connections *connections;
    ch_callers *callers;
    ch_relay_links *links;
    ch_meter *meter; /* of two processors */
    relays_owner owner;
} relays;

/* First thing in a test. The user RELAYS_UID is a relay by the socket RELAYS_SOCKET, and a bot by the common one. */
void relays_begin(void);
/* With so few descriptors for connections. */
void relays_begin_with(size_t descriptors);
/* And a relay has come, and started. */
void relays_begin_started(stage_actor *as);
/* The end of a turn, and what follows it. */
void relays_turn(void);

ch_peer relays_peer(uid_t uid, const char *socket);
/* A relay's connection, taken or turned away as core says. */
CH_CHECKED ch_status relays_come_by(stage_actor *as, uid_t uid, const char *socket, ch_error *err);
/* By RELAYS_SOCKET; it must be taken. */
void relays_come(stage_actor *as, uid_t uid);
/* True if core has closed it, and nothing is left to read. */
bool relays_is_closed(const stage_actor *as);

/* What a relay says; stage_send sends it. */
void relays_write_start(stage_actor *as, uint32_t version);
void relays_write_sign(stage_actor *as, uint64_t id);
void relays_write_outcomes(stage_actor *as, uint64_t id, size_t count);
/* Writes a SIGN and sends it. */
void relays_say_sign(stage_actor *as, uint64_t id);

/* Answers the last question so many times, each with 60 KB. */
void relays_answer(size_t count);

#endif

/* Core's rooms around a request, as core.c puts them together: a real policy with shipped profiles, a real store, a
 * front and a token. The test plays the front's process and the token's.
 *
 * The keys are those of `policy` in scene.c; they are on the one token, and the test's user is their caller. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_SCENE_H
#define CH_TESTS_UNIT_AGENT_CORE_SCENE_H

#include "agent/core/approval_desk.h"
#include "agent/core/desk.h"
#include "agent/core/front_link.h"
#include "agent/core/request.h"
#include "agent/core/status.h"
#include "tests/unit/agent/core/play.h"

/* Whoever must approve what the key `watched` trades. */
enum { SCENE_ALICE = 4001, SCENE_BOB = 4002, SCENE_CAROL = 4003 };

#define SCENE_KEY_ID "key-id-of-the-exchange"

typedef struct scene {
    ch_loop *loop;
    ch_policy policy;
    ch_store *store;
    ch_nonces *nonces;
    ch_ledger *ledger;
    ch_callers *callers;
    ch_shadow *shadow;
    ch_desk desk;
    ch_approval_desk *approval_desk;
    ch_writer *writer;
    ch_clockwatch *clock;
    ch_timekeeper timekeeper;
    ch_scratch *scratch;
    ch_connections *connections;
    ch_front_link *front;
    stage_actor front_actor;
    ch_link_key *link_keys;
    play_token token;
    ch_links links;
    ch_requests *requests;
    ch_status_context status;
    uint64_t bot; /* the connection of the test's user */
} scene;

/* A value of a typed request. */
typedef struct scene_value {
    uint8_t kind; /* ch_value_kind */
    const char *name;
    const char *value;
} scene_value;

#define SCENE_VALUES_MAX 8

/* A request. Without a connection it is the bot's. */
typedef struct scene_ask {
    uint64_t connection;
    const char *key;
    uint8_t form; /* ch_form */
    const char *method;
    const char *host;
    const char *path;
    const char *text;
    const char *repeat_key;
    bool is_check;
    scene_value values[SCENE_VALUES_MAX]; /* up to the first without a name or value */
} scene_ask;

/* The wall clock. */
uint64_t scene_now_ns(void);
/* Loads the policy with its profiles into `out`. */
void scene_load_policy(ch_policy *out);
/* An order that every caller of class trade may place, and a cancel. */
extern const scene_ask scene_order;
extern const scene_ask scene_cancel;

/* The front is ready, the token's process has just been met. */
void scene_begin(scene *it);
/* The token is unlocked. */
void scene_begin_unlocked(scene *it);

/* The front sends a request, with that id, and core takes it. */
void scene_ask_for(scene *it, uint64_t id, const scene_ask *ask);
/* Lets the state's thread write until `count` requests have nonces and wait for the token. */
void scene_reserve(scene *it, size_t count);
/* The end of a turn: what is decided goes to the disk, jobs go to the token, answers to the front. */
void scene_end_turn(scene *it);
/* The agent ends, and another reads its ledger from the same state. */
void scene_restart_ledger(scene *it);
/* The front hears that request `id` has failed. */
ch_failed_frame scene_hear_failure(scene *it, uint64_t id);
/* Nothing waits for the token, nothing is there, and every place is free. */
void scene_check_token_is_idle(const scene *it);

#endif

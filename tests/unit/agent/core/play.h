/* A token link, the owner of its jobs, and the process at its other end, which the test plays. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_PLAY_H
#define CH_TESTS_UNIT_AGENT_CORE_PLAY_H

#include "agent/core/token_link.h"
#include "tests/unit/agent/core/stage.h"

#define PLAY_PIN "0123-pin"
#define PLAY_KEYS 2
#define PLAY_COST_NS 8000 /* what a job is said to take */

typedef struct play_token {
    ch_link_key two[PLAY_KEYS]; /* 'a' and 'b' */
    const ch_link_key *keys;    /* these, unless a test has others */
    size_t key_count;
    ch_link_config config; /* token 'main', 1 worker, relogin */
    ch_token_link *link;
    stage_actor actor;
} play_token;

/* Who waits for a login or lock. */
typedef struct play_waiter {
    int calls;
    ch_error outcome; /* of the last call */
} play_waiter;

/* Fills in the configuration, which may then be changed. */
void play_configure(play_token *token);
/* Makes the link and starts its process, which opens the token now. */
void play_begin(play_token *token, ch_loop *loop, const ch_link_owner *owner);

/* ---- what the process does ---- */

/* Waits for the process, and hears which token and keys it is for. */
void play_meet(play_token *token);
/* It has opened the token, or failed to. NULL is success, here and below. */
void play_started(play_token *token, const ch_error *outcome);
/* Hears a login with PLAY_PIN. */
void play_hear_login(play_token *token);
/* It has come further in looking for the keys. */
void play_progress(play_token *token, uint32_t done, uint32_t total);
/* It says that all keys are as they should be, if the login has succeeded, and how it went. */
void play_login_done(play_token *token, const ch_error *outcome);
void play_logout_done(play_token *token, const ch_error *outcome);
/* Has logged out, and ends; the next one finds the token locked. */
void play_locked(play_token *token);
/* Hears a job with that key, and returns its id. */
uint64_t play_hear_job(play_token *token, size_t key);
/* Signs a job that has `count` payloads; each signature is `text`. */
void play_write_signatures(play_token *token, uint64_t job, size_t count, const char *text);
void play_sign(play_token *token, uint64_t job, const char *text);
void play_write_failure(play_token *token, uint64_t job, ch_status status, const char *message);
/* Gives a job back, which it has not tried. */
void play_give_back(play_token *token, uint64_t job);

/* ---- what operators do ---- */

void play_ask_unlock(play_token *token, play_waiter *waiter);
/* The same, and nobody has typed the PIN. */
void play_ask_unattended(play_token *token, play_waiter *waiter);
void play_ask_lock(play_token *token, play_waiter *waiter);
/* From a process that has just been met to an unlocked token. */
void play_unlock(play_token *token);

/* ---- states to begin with ---- */

typedef enum play_state {
    PLAY_ABSENT, /* the process could not open the token, and has ended */
    PLAY_STARTING,
    PLAY_LOCKED,
    PLAY_LOGGING_IN,
    PLAY_SERVING,
    PLAY_LOCKING,
} play_state;

/* Brings a process that has just been met to that state. `waiter` is who waits for the login or lock that is then under
 * way. */
void play_bring_to(play_token *token, play_waiter *waiter, play_state state);
/* Waits for the end of the process, and plays the next one until it has opened the token. */
void play_next(play_token *token);
/* The same of a process that ends by itself. */
void play_restart(play_token *token);

/* ---- what it came to ---- */

/* The link is in that state, and gives that detail. */
void play_check_state(const play_token *token, const char *state, const char *detail);
/* The waiter was called once, with that status and a message that holds `says`. */
void play_check_waiter(const play_waiter *waiter, ch_status status, const char *says);

#endif

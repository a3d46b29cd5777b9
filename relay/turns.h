/* Whose turn it is with a key.
 *
 * A key with nonces has one request in flight, because the exchange takes nonces only in order; the agent signs when
 * the request's turn comes. Which keys have them the agent says with its first signature, and until then a key is taken
 * to have them. Cancels go first; after them whoever waits for another caller than was served last, so that none has
 * all turns. What the agent said of a key, also how its errors look, is remembered here. One thread. */
#ifndef CH_RELAY_TURNS_H
#define CH_RELAY_TURNS_H

#include "base/slice.h"
#include "wire/frame.h"

#include <stdbool.h>

typedef struct ch_turns ch_turns;
typedef struct ch_turn_key ch_turn_key;

/* Set the first four; the rest is this room's. Stays where it is from ch_turns_take to ch_turns_leave. */
typedef struct ch_turn {
    void (*on_turn)(void *context);
    void *context;
    bool is_cancel;
    size_t caller;
    ch_turn_key *key;
    struct ch_turn *next;
    bool is_waiting;
} ch_turn;

/* How a key's errors look. */
typedef struct ch_key_errors {
    uint64_t tag;
    ch_records shapes; /* CH_SHAPES of them (relay/agent_answer.h); none: they are not known */
} ch_key_errors;

ch_turns *ch_turns_new(void);
void ch_turns_free(ch_turns *turns);

/* Takes a turn with `key`. Returns true if it has come; else on_turn is called when it does. */
bool ch_turns_take(ch_turns *turns, ch_slice key, ch_turn *turn);
/* Ends the turn, or the wait for it, and calls whoever is next before it returns. Does nothing for one that has none.
 */
void ch_turns_leave(ch_turns *turns, ch_turn *turn);
/* Lets others go on, though the turn's request is not at its end. */
void ch_turns_pass(ch_turns *turns, ch_turn *turn);

/* Notes what the agent said of the turn's key: whether it has nonces, and the shapes of errors, which are copied. None
 * this time: those that are known are valid. */
void ch_turns_learn(ch_turns *turns, ch_turn *turn, bool is_serial, ch_key_errors errors);
/* Returns what errors look like. Nothing if the agent has signed nothing with the key for this caller yet: who may not
 * see a key learns nothing of its exchange. A view, until the next ch_turns_learn. */
ch_key_errors ch_turns_errors(const ch_turns *turns, ch_slice key, size_t caller);

/* Returns true of a call that was public, which needs no turn, whatever its query. ch_turns_note_public notes that it
 * was, or that it was not: then its path does not tell, and it waits for its turn from then on. */
bool ch_turns_is_public(const ch_turns *turns, ch_slice key, ch_slice method, ch_slice url);
void ch_turns_note_public(ch_turns *turns, ch_slice key, ch_slice method, ch_slice url, bool is_public);

/* True if a request looks as if it cancelled. A wrong guess changes only the order of requests with one key. */
bool ch_looks_like_cancel(ch_slice method, ch_slice url);

#endif

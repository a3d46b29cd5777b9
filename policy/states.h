/* Trading states: active, reducing (only what reduces risk), halted (only cancels), of callers and of keys, by name,
 * and of all of them at once, which covers those of a later policy too. Pure: the time is an argument. Core owns the
 * one struct, and state/ keeps it; not thread-safe. */
#ifndef CH_POLICY_STATES_H
#define CH_POLICY_STATES_H

#include "base/buffer.h"
#include "policy/policy.h"

typedef struct ch_states ch_states;

/* A version of a key is named by its profile and key id, "binance:abc": it stays revoked whatever policy calls it. */
typedef enum ch_state_of { CH_STATE_OF_CALLER, CH_STATE_OF_KEY, CH_STATE_OF_ALL, CH_STATE_OF_VERSION } ch_state_of;

typedef struct ch_state_row {
    ch_state_of of;
    ch_slice name; /* empty: of all */
    ch_trading state;
    uint64_t until_ns; /* wall clock; 0: until an admin thaws it */
    ch_slice why;      /* the rule, or the operator's reason */
} ch_state_row;

ch_states *ch_states_new(void);
void ch_states_free(ch_states *states);

/* Appends whose state it is: "caller 'maker'", "key 'kraken'", "all trading". */
void ch_state_row_whose(const ch_state_row *row, ch_buffer *out);

/* Sets the state of a caller or a key. ACTIVE forgets it. For what admins say, and for what was kept. */
void ch_states_set(ch_states *states, const ch_state_row *row);
/* For what limits do, and for a freeze, which never loosens: if another state counts at `now_ns`, the worse of the two
 * counts, until the later of their ends. Returns whether that changed anything. */
bool ch_states_tighten(ch_states *states, const ch_state_row *row, uint64_t now_ns);
/* The state that counts for these callers and that key: the worst, that of all among them. `*why` is the row behind it,
 * a view until the next change, and empty if the state is ACTIVE. */
ch_trading ch_states_find(const ch_states *states, const ch_policy *policy, const ch_caller_set *callers,
                          const ch_key *key, uint64_t now_ns, ch_state_row *why);
/* True if no key of the token at that index can be active, whoever asks: all trading is frozen, or each of them is. */
bool ch_states_cover_token(const ch_states *states, const ch_policy *policy, size_t token, uint64_t now_ns);
/* True if the version has been revoked, which is to be halted; `*why` is the row behind it. */
bool ch_states_is_revoked(const ch_states *states, const ch_key *version, ch_state_row *why);
/* Appends the name under which it is. */
void ch_states_name_version(const ch_key *version, ch_buffer *out);
/* The row of that name, if it counts at `now_ns`; else `*out` is ACTIVE, and false. */
bool ch_states_get(const ch_states *states, ch_state_of of, ch_slice name, uint64_t now_ns, ch_state_row *out);
/* Row by row; false past the end. */
bool ch_states_at(const ch_states *states, size_t index, ch_state_row *out);
/* Changes with each change. */
uint64_t ch_states_generation(const ch_states *states);

#endif

/* Wrong PINs, counted for each token until a login succeeds, across restarts and crashes.
 *
 * A token counts for itself, and locks itself; what counts here is what the agent has sent. A try is counted on disk
 * before the PIN is sent, so no crash and no restart gives anybody one more. Core's thread only. */
#ifndef CH_STATE_TRIES_H
#define CH_STATE_TRIES_H

#include "state/writer.h"

typedef struct ch_tries ch_tries;
typedef struct ch_token_tries ch_token_tries; /* of one token */

/* Who waits for a try to be counted; called once. CH_IO: it could not be written, and the PIN must not be sent. */
typedef struct ch_try_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome);
} ch_try_waiter;

/* Reads the counts in `store`, which must outlive `*out`. CH_IO if they cannot be read. Close with ch_tries_close. */
CH_CHECKED ch_status ch_tries_open(ch_store *store, ch_tries **out, ch_error *err);
/* From here on the store is the writer's. */
void ch_tries_start(ch_tries *tries, ch_writer *writer);
/* The writer must have been stopped. NULL is fine. */
void ch_tries_close(ch_tries *tries);
/* Writes again what could not be written; to be called now and then. */
void ch_tries_try_again(ch_tries *tries);

/* The token of that name; valid as long as `tries`. */
ch_token_tries *ch_tries_of(ch_tries *tries, const char *token);
/* Those that failed, or are under way, since the last login that succeeded. */
unsigned ch_tries_count(const ch_token_tries *token);
/* Counts one that is about to be made. One at a time for each token. */
void ch_tries_begin(ch_token_tries *token, ch_try_waiter waiter);
/* Nobody waits any more. */
void ch_tries_forget_waiter(ch_token_tries *token);
/* The last one was not made, or the token did not look at the PIN. */
void ch_tries_take_back(ch_token_tries *token);
/* One more, of which nobody knew before: a PIN that was kept was refused. */
void ch_tries_add(ch_token_tries *token);
/* A login has succeeded. */
void ch_tries_reset(ch_token_tries *token);

#endif

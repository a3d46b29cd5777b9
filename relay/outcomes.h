/* What became of the requests that were signed, by their ids, so that none is sent a second time.
 *
 * A request is found again by its id, by its print (a digest of caller, key, method, URL, headers and body) and by the
 * caller's Idempotency-Key. Whoever finds one that is on its way waits for its end. An answer is kept whole if its body
 * is at most CH_OUTCOME_BODY_MAX, else only that there was one. Records are kept for a time, and each caller has its
 * share of them; its oldest give way. What is forgotten the agent still knows as sent. One thread. */
#ifndef CH_RELAY_OUTCOMES_H
#define CH_RELAY_OUTCOMES_H

#include "base/buffer.h"
#include "wire/frames.h"

#include <stdbool.h>

#define CH_PRINT_SIZE 32

typedef struct ch_outcomes ch_outcomes;

typedef enum ch_outcome_state {
    CH_OUTCOME_PENDING,  /* on its way */
    CH_OUTCOME_NOT_SENT, /* it never left */
    CH_OUTCOME_UNKNOWN,  /* it left, and no whole answer came */
    CH_OUTCOME_ANSWERED,
} ch_outcome_state;

/* Somebody who waits for the end of another's request. Set the first two. */
typedef struct ch_outcome_wait {
    void (*on_end)(void *context); /* look it up again */
    void *context;
    struct ch_outcome *of;
    struct ch_outcome_wait *next;
} ch_outcome_wait;

typedef struct ch_outcome {
    ch_outcome_state state;
    char id[CH_DRAWN_SIZE + 1];
    size_t caller;
    uint8_t print[CH_PRINT_SIZE];
    uint8_t repeat[CH_PRINT_SIZE]; /* of the Idempotency-Key */
    bool has_print;
    bool has_repeat;
    unsigned status; /* of the answer */
    ch_buffer lines;
    ch_buffer body;
    bool is_whole; /* so is the body */
    uint64_t end_ms;
    ch_outcome_wait *waits;
    struct ch_outcome *next_of[3]; /* in the chains of id, print and repeat */
    struct ch_outcome *older;      /* of the same caller */
    struct ch_outcome *newer;
} ch_outcome;

ch_outcomes *ch_outcomes_new(size_t callers);
void ch_outcomes_free(ch_outcomes *outcomes);

/* Returns a record of a request on its way, with an id drawn at random. `repeat` is the print of its Idempotency-Key,
 * or NULL. */
ch_outcome *ch_outcome_begin(ch_outcomes *outcomes, size_t caller, const uint8_t *repeat);
/* Notes that it was signed and has effects, so that the very same request is not sent again. */
void ch_outcome_signed(ch_outcomes *outcomes, ch_outcome *outcome, const uint8_t *print);
/* Ends it in `state`, which is not CH_OUTCOME_PENDING, with what of the answer is in place, and calls whoever waits.
 * What was not sent is found by its id only, since the same request may come again. */
void ch_outcome_end(ch_outcomes *outcomes, ch_outcome *outcome, ch_outcome_state state);
/* Forgets what was not signed, and calls whoever waits, who finds nothing. */
void ch_outcome_drop(ch_outcomes *outcomes, ch_outcome *outcome);

/* Each returns a record of the caller's own, or NULL. */
ch_outcome *ch_outcome_of_id(const ch_outcomes *outcomes, size_t caller, const char *id);
ch_outcome *ch_outcome_of_print(const ch_outcomes *outcomes, size_t caller, const uint8_t *print);
ch_outcome *ch_outcome_of_repeat(const ch_outcomes *outcomes, size_t caller, const uint8_t *repeat);

void ch_outcome_await(ch_outcome *outcome, ch_outcome_wait *wait);
/* Does nothing if it does not wait. */
void ch_outcome_stop_waiting(ch_outcome_wait *wait);

/* Keeps a part of the answer's body, as far as there is room. */
void ch_outcome_add_body(ch_outcome *outcome, ch_slice part);

#endif

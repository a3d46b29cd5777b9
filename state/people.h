/* What is kept of people, across restarts and crashes: whose seed is which key object, the last step of a code that was
 * used, and failures, which make a person wait.
 *
 * A try is counted on disk as a failure before it is made, and taken back if it succeeds or was never made; so no crash
 * gives anybody one more. A step counts as used on disk before anything is done by its code. Times are of the wall
 * clock, so that they outlast a restart; if it was set back, a wait begins anew, once. Core's thread only. */
#ifndef CH_STATE_PEOPLE_H
#define CH_STATE_PEOPLE_H

#include "base/slice.h"
#include "state/prints.h"
#include "state/writer.h"

#define CH_WAIT_MAX_S                                                                                                  \
    900 /* after many failures in a row; one second after the first, and then twice as long each time */

typedef struct ch_people ch_people;
typedef struct ch_kept_person ch_kept_person;

/* Who waits for a change to be on disk; called once. CH_IO if it could not be written: then nothing may rely on it. */
typedef struct ch_person_waiter {
    void *context;
    void (*answer)(void *context, const ch_error *outcome);
} ch_person_waiter;

/* Reads what `store` has, which must outlive `*out`. CH_IO if it cannot be read. Close with ch_people_close. */
CH_CHECKED ch_status ch_people_open(ch_store *store, ch_people **out, ch_error *err);
/* From here on the store is the writer's. */
void ch_people_start(ch_people *people, ch_writer *writer);
/* The writer must have been stopped. NULL is fine. */
void ch_people_close(ch_people *people);
/* Writes again what could not be written; to be called now and then. */
void ch_people_try_again(ch_people *people);

/* The person of that name; valid as long as `people`. */
ch_kept_person *ch_people_of(ch_people *people, const char *name);

/* ---- seeds ---- */

/* Returns a view of the print of the seed that is pinned, which is empty if none is, or one of another object. */
ch_slice ch_person_seed(const ch_kept_person *person, const ch_print_name *object);
/* Returns the lowest step that was never used. */
uint64_t ch_person_lowest_step(const ch_kept_person *person);

/* The changes below have one waiter at a time for each person, who waits for the disk. */

/* `print` is of the seed from here on, and `step` the last one that was used. */
void ch_person_pin(ch_kept_person *person, const ch_print_name *object, ch_slice print, uint64_t step,
                   ch_person_waiter waiter);
void ch_person_unpin(ch_kept_person *person, ch_person_waiter waiter);

/* ---- tries ---- */

/* Returns how many seconds the person must still wait at `now_ns`, rounded up, or 0. Never more than the failures are
 * worth: what a clock that was ahead has left beyond that is forgotten. */
uint64_t ch_person_waits_s(ch_kept_person *person, uint64_t now_ns);
/* Returns how many of the person's unlocks of `token` have failed, or are under way, since anybody's last success. */
unsigned ch_person_tries(const ch_kept_person *person, const char *token);

/* Counts a try that is about to be made, to unlock `token`, or NULL if it unlocks nothing. */
void ch_person_begin(ch_kept_person *person, const char *token, uint64_t now_ns, ch_person_waiter waiter);
/* Takes back a try that was not made, or that nobody looked at. */
void ch_person_take_back(ch_kept_person *person, const char *token);
/* Marks the code of `step`, which was right, as used. The try stays counted, since the PIN may still be wrong. */
void ch_person_use(ch_kept_person *person, uint64_t step, ch_person_waiter waiter);
/* The try has succeeded with the code of `step`: forgets the person's failures, and everybody's tries at `token`. */
void ch_person_pass(ch_kept_person *person, const char *token, uint64_t step, ch_person_waiter waiter);

#endif

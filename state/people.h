/* What is kept of people, across restarts and crashes: whose seed is which key object, the last step of a code that was
 * used, and failures, which make a person wait.
 *
 * A try is counted on disk as a failure before it is made, and taken back if it succeeds or was never made; so no crash
 * gives anybody one more. A step counts as used on disk before anything is done by its code. Times are of the wall
 * clock: they outlast a restart, and whoever can set the clock back has a wait of at most CH_WAIT_MAX_S to gain. Core's
 * thread only. */
#ifndef CH_STATE_PEOPLE_H
#define CH_STATE_PEOPLE_H

#include "base/slice.h"
#include "state/prints.h"
#include "state/writer.h"

#define CH_WAIT_MAX_S                                                                                                  \
    900 /* after many failures in a row; one second after the first, and then twice as long each time */

typedef struct ch_people ch_people;
typedef struct ch_kept_person ch_kept_person;

/* Who waits for a change to be on disk; called once. CH_IO: it could not be written, and must not be gone by. */
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

/* The print of the seed that was pinned for that object, a view; empty: none was, or of another object. */
ch_slice ch_person_seed(const ch_kept_person *person, const ch_print_name *object);
/* The lowest step that was never used. */
uint64_t ch_person_lowest_step(const ch_kept_person *person);

/* The changes below have one waiter at a time for each person, who waits for the disk. */

/* `print` is of the seed from here on, and `step` the last one that was used. */
void ch_person_pin(ch_kept_person *person, const ch_print_name *object, ch_slice print, uint64_t step,
                   ch_person_waiter waiter);
void ch_person_unpin(ch_kept_person *person, ch_person_waiter waiter);

/* ---- tries ---- */

/* How long the person must wait at `now_ns`, in whole seconds; 0: not at all. */
uint64_t ch_person_waits_s(const ch_kept_person *person, uint64_t now_ns);
/* Unlocks of a token that failed, or are under way, since anybody's last that succeeded. */
unsigned ch_person_tries(const ch_kept_person *person, const char *token);

/* Counts a try that is about to be made; `token` is what is to be unlocked by it, NULL if nothing is. */
void ch_person_begin(ch_kept_person *person, const char *token, uint64_t now_ns, ch_person_waiter waiter);
/* It was not made, or nobody looked at it. */
void ch_person_take_back(ch_kept_person *person, const char *token);
/* A code of that step was right, and it is not known yet whether all else is: it is used, and the try stays counted. */
void ch_person_use(ch_kept_person *person, uint64_t step, ch_person_waiter waiter);
/* It has succeeded, by the code of `step`: nobody has failed at that token any more, as far as it counts. */
void ch_person_pass(ch_kept_person *person, const char *token, uint64_t step, ch_person_waiter waiter);

#endif

/* Inputs that are a sequence of events: what each side of core does, in which order. For the doors of core.
 *
 * An event is a byte that says what happens, a byte that says to whom or how, and bytes (u16 length, then so many). */
#ifndef CH_TESTS_FUZZ_EVENTS_H
#define CH_TESTS_FUZZ_EVENTS_H

#include "base/buffer.h"
#include "tests/support/dice.h"

typedef struct fuzz_event {
    uint8_t what;
    uint8_t how;
    ch_slice bytes;
} fuzz_event;

/* Takes the next event off `input`; false at its end. Bytes that are cut off are as many as there are. */
bool fuzz_next_event(ch_slice *input, fuzz_event *out);
void fuzz_add_event(ch_buffer *input, const fuzz_event *event);

/* What a door's mutations need to know. */
typedef struct fuzz_event_kinds {
    unsigned count;            /* `what` is below it */
    const uint8_t *with_bytes; /* the events whose bytes mean something */
    size_t with_bytes_count;
    void (*make_bytes)(dice *chance, uint8_t event, ch_buffer *out);
} fuzz_event_kinds;

/* For LLVMFuzzerCustomMutator: one in four inputs is libFuzzer's own; the others have an event more, less, twice, moved
 * or changed. Returns the new size. */
size_t fuzz_mutate_events(const fuzz_event_kinds *kinds, uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Called by libFuzzer. */
int LLVMFuzzerInitialize(int *count, char ***arguments);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif

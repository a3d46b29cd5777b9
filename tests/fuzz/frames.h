/* Every frame of wire/frames.def, made of random fields, and held to its reader and writer. */
#ifndef CH_TESTS_FUZZ_FRAMES_H
#define CH_TESTS_FUZZ_FRAMES_H

#include "tests/support/dice.h"
#include "wire/frames.h"

/* Appends a well-formed frame that goes in `direction`, most often with a small id. */
void fuzz_add_frame(dice *chance, ch_direction direction, ch_buffer *packet);
/* The same, of any direction. */
void fuzz_add_any_frame(dice *chance, ch_buffer *packet);

/* Reads `frame` by the reader of its type. What was read must hold together, and be written and read again as the same.
 * Returns the reader's status; CH_NOT_FOUND for an unknown type. */
ch_status fuzz_check_frame(const ch_frame *frame);

/* Holds each frame of a packet that core sent to that. */
void fuzz_check_packet(ch_slice packet, ch_direction direction, ch_receiving state);

#endif

/* SIGN frames that bots with good intentions send, for the profile of tests/fuzz/core.c's keys. */
#ifndef CH_TESTS_FUZZ_REQUESTS_H
#define CH_TESTS_FUZZ_REQUESTS_H

#include "base/buffer.h"
#include "tests/support/dice.h"

/* Once, before the first. */
void fuzz_requests_init(void);

/* Appends a SIGN frame in one of the three forms, most often one that core takes. */
void fuzz_add_request(dice *chance, ch_buffer *packet);

#endif

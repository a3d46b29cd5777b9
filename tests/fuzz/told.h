/* What frames of the bots' side say, and numbers of core's in the place of the fuzzer's. */
#ifndef CH_TESTS_FUZZ_TOLD_H
#define CH_TESTS_FUZZ_TOLD_H

#include "wire/frame.h"

#define FUZZ_IDS_MAX 64 /* a number that is smaller stands for one that core has told */

/* True if a front asks with it, and core answers once. */
bool fuzz_is_question(uint16_t type);
/* True if it answers a question of a front's. */
bool fuzz_is_answer(uint16_t type);
/* True if its first field is a connection. */
bool fuzz_names_connection(uint16_t type);
/* True if its second field is a request that waits for people. */
bool fuzz_names_request(uint16_t type);
/* The reservation that a signed answer tells; 0: none. */
uint64_t fuzz_reservation_of(const ch_frame *frame);
/* The request that waits for people, if the answer tells of one; 0: it does not. */
uint64_t fuzz_request_of(const ch_frame *frame);
/* Puts one of the `count` ids in the place of a small number at `at`. */
void fuzz_patch(uint8_t *at, const uint64_t *ids, size_t count);

#endif

/* What the files of the play share, and nobody else sees. */
#ifndef CH_TESTS_FUZZ_PLAY_IMPL_H
#define CH_TESTS_FUZZ_PLAY_IMPL_H

#include "wire/channel.h"

/* Receives a packet and holds it to the frames; false if nothing came. */
bool fuzz_receive(int fd, ch_direction direction, ch_packet *packet);

/* ---- play_relay.c ---- */

/* Nobody is connected. */
void fuzz_relay_begin(void);
void fuzz_relay_end(void);
/* Reads what it was sent, and checks that it is answers to its questions. */
void fuzz_relay_read(void);
/* True if core has not taken all that it said. */
bool fuzz_relay_is_unread(void);
/* Checks at the end that each of its questions was answered, if core has not closed its connection. */
void fuzz_relay_check(void);

/* ---- play_operators.c ---- */

/* Nobody is connected. */
void fuzz_operators_begin(void);
/* Reads what they were sent. */
void fuzz_operators_read(void);
/* Checks at the end that each of those who asked was answered or disconnected. */
void fuzz_operators_check(void);

#endif

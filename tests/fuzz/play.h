/* The parts that a door of core needs played: the front, the token process, bots, a relay and operators. What core
 * sends them is read after each turn, and held to wire/frames.def and to this: no job without a login that core asked
 * for, none for a key that no bot has a grant for, one answer for each request, one for each operator. */
#ifndef CH_TESTS_FUZZ_PLAY_H
#define CH_TESTS_FUZZ_PLAY_H

#include "base/error.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Core with the state of fuzz_disk_clear, and with children that have been started and have not said anything. */
void fuzz_play_begin(void);
/* Ends all, and holds core to its answers. */
void fuzz_play_end(void);
/* Started, unlocked, and with two bots. */
void fuzz_play_serving(void);

void fuzz_turn(void);
void fuzz_pass_ms(uint64_t time_ms);

/* ---- the front ---- */

/* Sends a packet as it is, save that small numbers become ids of connections, reservations and requests where such an
 * id stands. False if the front is dead or its socket is full. */
bool fuzz_front_send(ch_slice packet);
void fuzz_front_get_ready(void);
/* Writes to standard error. */
void fuzz_front_write(ch_slice bytes);
/* False: it leaves unread what core sends. */
void fuzz_front_read(bool is_reading);
void fuzz_bot_connect(void);

/* ---- the relay ---- */

/* Opens its connection anew. False: it does not say that it starts. */
void fuzz_relay_connect(bool is_starting);
/* False if it has none, or core has closed it as far as the relay has read. */
bool fuzz_relay_is_there(void);
/* Sends bytes as they are; they need not be whole frames. False if not all were sent. */
bool fuzz_relay_send(ch_slice bytes);
/* False: it leaves unread what core sends. */
void fuzz_relay_read_on(bool is_reading);

/* ---- the token process ---- */

/* Sends a packet as it is, save that small numbers become ids of jobs where such an id stands. */
bool fuzz_token_send(ch_slice packet);
/* Writes to standard error. */
void fuzz_token_write(ch_slice bytes);
void fuzz_token_say_started(ch_status outcome);
/* Says that it has started, if it is a new process. */
void fuzz_token_get_ready(void);
/* Answers a login, with every key found; or a logout. */
void fuzz_token_say_logged_in(ch_status outcome);
void fuzz_token_say_logged_out(ch_status outcome);
/* Answers whether a code is right. */
void fuzz_token_say_code(bool is_right);
/* Answers up to `count` jobs, with signatures or with a failure. */
void fuzz_token_answer(size_t count, ch_status outcome);
void fuzz_token_die(void);

/* ---- operators ---- */

#define FUZZ_OPERATORS_MAX 10

void fuzz_operator_connect(size_t session);
/* Sends a packet as it is, save that a version of old becomes this one, and a digest of zeros the one that this
 * operator or another was shown last. `fd` is passed along if it is not -1, twice if `is_doubled`, and stays the
 * caller's. */
bool fuzz_operator_send(size_t session, ch_slice packet, int fd, bool is_doubled);
void fuzz_operator_leave(size_t session);
/* Well-formed requests by session 0, made anew. */
void fuzz_operator_unlock(void);
void fuzz_operator_lock(void);
/* The read end of a pipe with this in it; the caller closes it. */
int fuzz_pipe_with(ch_slice bytes);

#endif

/* What the hostile programs share. Core starts them in place of chancery-front or chancery-token, with its end of a
 * channel, and they do what the programs that they stand in for never would.
 *
 * The environment says how: CHANCERY_HOSTILE_FRONT or CHANCERY_HOSTILE_TOKEN names a row of the program's table,
 * CHANCERY_HOSTILE_SEED begins what is left to chance, and CHANCERY_HOSTILE_RECORD is the file to which the program
 * appends what it saw, for the test to judge. They run until they are killed, or until core closes the channel. */
#ifndef CH_TESTS_HOSTILE_H
#define CH_TESTS_HOSTILE_H

#include "tests/support/dice.h"
#include "wire/channel.h"

typedef struct hostile {
    const char *attack;
    ch_channel channel;
    dice chance;
    int record_fd;
} hostile;

/* First thing in main. Ends the process if the environment lacks something, as the functions here do when the channel
 * has ended. */
void hostile_begin(hostile *self, const char *attack_variable);
/* Appends a line: the monotonic time in nanoseconds, the pid, and the text. */
void hostile_record(const hostile *self, const char *format, ...) CH_PRINTF(2, 3);

/* Sends all that was written, waiting as long as it takes. */
void hostile_send(hostile *self);
/* The same for at most `wait_ms`. Returns false if something is left. */
bool hostile_try_send(hostile *self, int wait_ms);
/* Sends any bytes as a packet, with `fd_count` copies of a descriptor beside them. */
void hostile_send_bytes(hostile *self, ch_slice bytes, size_t fd_count);
/* Receives a packet; none if nothing comes within `wait_ms`. */
bool hostile_hear(hostile *self, int wait_ms, ch_packet *packet);
void hostile_pause(int ms);

/* A text that no honest process would send, and that must not reach a terminal as it is. */
ch_slice hostile_text(hostile *self);
ch_error hostile_error(hostile *self);
/* Changes some bytes of what is pending, frame headers included. */
void hostile_spoil(hostile *self);
/* Appends well-formed frames of a direction, with anything in them. */
void hostile_add_any(hostile *self, ch_direction direction);
/* One of the things that need no state: packets that are cut, empty or too large, descriptors, frames of any
 * direction, noise on standard error. */
void hostile_be_rude(hostile *self);

#endif

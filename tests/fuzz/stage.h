/* What core believes to be around it: its children, whose ends of the channels are ours; a clock that stands still
 * until the target moves it; nonces that are counted. stage.c has these functions of base/clock.h, base/log.h,
 * agent/spawn.h and state/nonces.h, and so the library's own stay out of the program. */
#ifndef CH_TESTS_FUZZ_STAGE_H
#define CH_TESTS_FUZZ_STAGE_H

#include <stdint.h>
#include <sys/types.h>

#define FUZZ_TOKENS 2
#define FUZZ_START_MS 1000000U
#define FUZZ_WALL_MS 1764000000123U /* at FUZZ_START_MS */

/* A child's end of its channel, and of the pipe that is its standard error. */
typedef struct fuzz_end {
    int fd; /* -1: dead */
    int output_fd;
    pid_t pid;
} fuzz_end;

typedef struct fuzz_stage {
    uint64_t now_ms;
    uint64_t last_nonce;
    pid_t last_pid;
    fuzz_end front;
    fuzz_end tokens[FUZZ_TOKENS]; /* in the order in which they were started */
    void (*on_start)(const fuzz_end *child);
} fuzz_stage;

extern fuzz_stage fuzz_the_stage;

/* Nobody is there yet. */
void fuzz_stage_set(void (*on_start)(const fuzz_end *child));
void fuzz_end_close(fuzz_end *at);

#endif

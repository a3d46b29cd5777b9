/* How many slow jobs a token is given at once: as many as it gains from.
 *
 * A card or TPM does one after the other, whoever asks, so a second job there only makes a cancel wait for it; a
 * network HSM does several side by side. Which of the two it is shows in the rate of answers: the width goes up by one
 * on trial, and stays there if the rate follows. The pause between trials grows each time that it does not. No I/O; the
 * caller says what time it is. Not thread-safe. */
#ifndef CH_AGENT_CORE_WIDTH_H
#define CH_AGENT_CORE_WIDTH_H

#include <stdbool.h>
#include <stdint.h>

#define CH_SLOW_JOB_NS 20000000U         /* a job that takes longer is slow */
#define CH_WIDTH_TRIAL_MAX_NS 500000000U /* jobs that take longer are no trial: a cancel would wait too long */

typedef struct ch_width {
    unsigned most;
    unsigned base;         /* what is known to be gained from */
    bool is_trial;         /* the width is one more than that */
    unsigned pause_rounds; /* from one trial to the next */
    unsigned left_rounds;  /* until the next one */
    uint64_t answers;      /* of this round; 0: none has begun */
    uint64_t began_ns;
    uint64_t base_ns; /* from one answer to the next, without a trial; 0: not known */
} ch_width;

void ch_width_init(ch_width *width, unsigned most);
unsigned ch_width_now(const ch_width *width);
/* A slow job was answered, which took `cost_ns`. `is_pressed`: as many were at the token as may be, and more wait; only
 * then does the rate tell anything. */
void ch_width_note(ch_width *width, uint64_t now_ns, uint64_t cost_ns, bool is_pressed);
/* The token is another than it was, as far as that can be seen. */
void ch_width_reset(ch_width *width);

#endif

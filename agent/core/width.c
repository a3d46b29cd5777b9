#include "agent/core/width.h"

#define ROUND_ANSWERS 4 /* for each place */
#define PAUSE_MAX_ROUNDS 256

/* A trial has gained if the time between answers fell below this part of what it was. */
#define GAIN_PERCENT 80

void ch_width_init(ch_width *width, unsigned most)
{
    *width = (ch_width){.most = most};
    ch_width_reset(width);
}

void ch_width_reset(ch_width *width)
{
    *width = (ch_width){.most = width->most, .base = 1, .pause_rounds = 1, .left_rounds = 1};
}

unsigned ch_width_now(const ch_width *width)
{
    return width->base + width->is_trial;
}

static void end_trial(ch_width *width, uint64_t between_ns)
{
    bool has_gained = between_ns < width->base_ns / 100 * GAIN_PERCENT;
    width->is_trial = false;
    if (has_gained) {
        width->base++;
        width->base_ns = between_ns;
        width->pause_rounds = 1;
    } else if (width->pause_rounds < PAUSE_MAX_ROUNDS) {
        width->pause_rounds *= 2;
    }
    width->left_rounds = width->pause_rounds;
}

static void end_round(ch_width *width, uint64_t between_ns, uint64_t cost_ns)
{
    if (width->is_trial) {
        end_trial(width, between_ns);
        return;
    }
    width->base_ns = between_ns;
    if (width->left_rounds > 0)
        width->left_rounds--;
    width->is_trial = width->left_rounds == 0 && width->base < width->most && cost_ns < CH_WIDTH_TRIAL_MAX_NS;
}

/* The first answer begins a round, and the last one ends it. */
void ch_width_note(ch_width *width, uint64_t now_ns, uint64_t cost_ns, bool is_pressed)
{
    uint64_t answers = width->answers++;
    if (!is_pressed) {
        width->answers = 0;
        width->is_trial = false;
    } else if (answers == 0) {
        width->began_ns = now_ns;
    } else if (answers >= (uint64_t)ROUND_ANSWERS * ch_width_now(width)) {
        width->answers = 1;
        end_round(width, (now_ns - width->began_ns) / answers, cost_ns);
        width->began_ns = now_ns;
    }
}

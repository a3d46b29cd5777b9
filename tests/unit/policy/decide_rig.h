/* Requests judged by a policy, from text to verdict: load, check, read, judge, take. */
#ifndef CH_TESTS_UNIT_POLICY_DECIDE_RIG_H
#define CH_TESTS_UNIT_POLICY_DECIDE_RIG_H

#include "exchange/readings.h"
#include "policy/decide.h"

/* A policy with what a decision rests on. Whatever a test changes of `question` between two requests holds on. */
typedef struct decide_rig {
    ch_policy policy;
    ch_readings *read;
    ch_reading_at readings[CH_READINGS_MAX];
    ch_prices *prices;
    ch_states *states;
    ch_levels *levels;
    ch_caller_set callers;
    ch_question question;
    ch_judgement judgement;
    ch_taken taken[CH_CHARGES_MAX];
    char text[4096]; /* of the request */
    ch_param params[256];
    ch_request request;
    ch_error err;
} decide_rig;

#define DECIDE_NOW_NS (UINT64_C(1764000000) * 1000000000) /* Mon 2025-11-24 16:00:00 UTC */

/* Who there is, and a key "k" of a made-up exchange "t" whose signatures cover everything; entries are added to it. */
extern const char decide_head[];

/* Loads the policy, all profiles from `profiles` or, if NULL, "t"; ends the test if it does not load. */
void decide_set_up(decide_rig *rig, const char *policy, const char *profiles);
/* The same, if it loads; tear it down only then. */
ch_status decide_load(decide_rig *rig, const char *policy, const char *profiles);
void decide_tear_down(decide_rig *rig);

void decide_set_price(decide_rig *rig, const char *pair, const char *price, uint64_t age_s);
/* Who asks: names of callers with spaces between them; for which key. */
void decide_set_who(decide_rig *rig, const char *callers, const char *key);

/* Judges "POST /order symbol=BTCUSDT list=[ { a=1 } ]", and takes it; with `is_dry`, only asks. */
ch_status decide_ask(decide_rig *rig, const char *request, bool is_dry);
/* Reads the request alone: then the question has it. */
void decide_read(decide_rig *rig, const char *request);
ch_status decide_judge(decide_rig *rig, bool is_dry);

#endif

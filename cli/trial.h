/* A trial: requests judged by a policy where no agent runs, one after the other, with prices and a time that are given.
 * Limits count what was judged before, unless it was dry. */
#ifndef CH_CLI_TRIAL_H
#define CH_CLI_TRIAL_H

#include "policy/given.h"
#include "policy/judging.h"

#include <jansson.h>

typedef struct ch_trial {
    const ch_policy *policy;
    ch_prices *prices;
    ch_states *states;
    ch_levels *levels;
    ch_judging judging;
    ch_caller_set stoppable; /* of the last call: whose trading states count */
    uint64_t now_ns;
    ch_taken taken[CH_CHARGES_MAX];
    void (*trace)(void *context, const ch_trace *line); /* NULL: nobody asks */
    void *trace_context;
} ch_trial;

/* What is asked for. */
typedef struct ch_trial_call {
    ch_caller_set callers;
    const ch_key *key;
    const char *method;
    const char *path;
    const char *host;      /* "": not given */
    json_t *params;        /* an object, or a list as the whole body */
    const ch_given *given; /* what people gave to it; NULL: nothing */
    const char *relay;     /* that brings it; NULL: none does */
    bool is_raw;
} ch_trial_call;

/* The policy must outlive it. Free with ch_trial_free. */
void ch_trial_init(ch_trial *trial, const ch_policy *policy, uint64_t now_ns);
void ch_trial_free(ch_trial *trial);

/* A price of that age, as if enough sources had quoted it. CH_BAD_INPUT: the pair is malformed, or the policy has no
 * sources. */
CH_CHECKED ch_status ch_trial_set_price(ch_trial *trial, const char *pair, ch_decimal price, uint64_t age_ns,
                                        ch_error *err);
/* "BTC/USDT=29880,ETH/USDT=2000", each as of now. */
CH_CHECKED ch_status ch_trial_set_prices(ch_trial *trial, const char *list, ch_error *err);

/* Judges the call, and unless `is_dry` takes what it costs. CH_OK: it would be signed. Otherwise `err` and
 * trial->judging.judgement.refusal have what the agent would say. `use` sees the question, which is gone afterwards; it
 * may be NULL, and is not called if the call cannot be read. */
typedef struct ch_trial_reader {
    void *context;
    void (*use)(void *context, const ch_question *question);
} ch_trial_reader;
CH_CHECKED ch_status ch_trial_judge(ch_trial *trial, const ch_trial_call *call, bool is_dry,
                                    const ch_trial_reader *reader, ch_error *err);

#endif

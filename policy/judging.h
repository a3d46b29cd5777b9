/* From a request to the question that policy is asked: what its signature can be, how often it can be used, how long it
 * is valid. One of these serves one request after the other; not thread-safe. */
#ifndef CH_POLICY_JUDGING_H
#define CH_POLICY_JUDGING_H

#include "exchange/readings.h"
#include "policy/decide.h"

typedef struct ch_judging {
    ch_readings *readings;
    ch_question question;
    ch_judgement judgement;
} ch_judging;

/* A request that is to be judged. */
typedef struct ch_asked {
    const ch_policy *policy;
    const ch_key *key;
    const ch_caller_set *callers;
    const ch_endpoint *endpoint; /* NULL: raw bytes */
    const ch_request *request;   /* checked as one to `endpoint` */
    uint32_t window_ms;          /* its receive window; 0: none, or a parameter says it */
    uint64_t later_ns;           /* how much later than now the time is that it names */
    uint64_t now_ns;
    bool is_relayed; /* a relay sends it: once, only there, as it was judged */
} ch_asked;

void ch_judging_init(ch_judging *judging);
void ch_judging_free(ch_judging *judging);

/* Reads what the signature can be, and sets the question, save its prices, states, orders and trace. CH_REFUSED, rule
 * `confusion`: it can be too much; rule `receive_window`: it is valid longer than the key's policy lets it be. */
CH_CHECKED ch_status ch_judging_read(ch_judging *judging, const ch_asked *asked, ch_error *err);

#endif

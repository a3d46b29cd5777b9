/* Problem documents (RFC 9457). */
#ifndef CH_AGENT_FRONT_PROBLEM_H
#define CH_AGENT_FRONT_PROBLEM_H

#include "base/buffer.h"

/* What a problem document may say besides. What is empty or 0 is left out. */
typedef struct ch_problem_facts {
    ch_slice step;    /* of a request, that refused or failed */
    ch_slice control; /* which kind of limit refused, how much it allows, what was asked for, and what is left */
    ch_slice limit;
    ch_slice asked;
    ch_slice left;
    ch_slice fact;      /* that the rule needed, and the request does not say */
    uint32_t approvals; /* that the request needs */
    bool needs_code;
    uint64_t delay_s;        /* for which it must wait */
    ch_slice relay_id;       /* under which it was signed before */
    ch_slice exchange_error; /* what a relay answers to the bot; JSON */
} ch_problem_facts;

/* Appends a problem document. `http_status` is most often ch_status_http(problem->status). */
void ch_problem_add(ch_buffer *out, const ch_error *problem, unsigned http_status, const ch_problem_facts *facts);

#endif

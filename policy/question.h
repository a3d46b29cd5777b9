/* A question to policy: all that a decision rests on; and what a refusal says. policy/decide.h answers it.
 *
 * Plain structs that whoever asks fills in; nothing of them is owned here. */
#ifndef CH_POLICY_QUESTION_H
#define CH_POLICY_QUESTION_H

#include "exchange/intent.h"
#include "exchange/readings.h"
#include "exchange/request.h"
#include "policy/given.h"
#include "policy/policy.h"
#include "policy/prices.h"
#include "policy/states.h"

/* The agent's own record of an order, by its client id as it was sent; NULL: there is none. The facts `client_id` and
 * `order` must be as they were read, with the names of their parameters (policy/amend.h says why). */
typedef const ch_item *(*ch_order_look_up)(const void *context, const ch_key *key, ch_slice order);

typedef enum ch_verdict {
    CH_VERDICT_MATCHES,
    CH_VERDICT_NO_MATCH,
    CH_VERDICT_HOLDS,
    CH_VERDICT_REFUSES,
    CH_VERDICT_REQUIRED,
} ch_verdict;

typedef struct ch_trace {
    const ch_entry_rule *entry;
    ch_verdict verdict;
    const char *text; /* "6000 of 5000 USDT", or why not */
} ch_trace;

typedef struct ch_question {
    const ch_policy *policy;
    const ch_key *key;
    const ch_caller_set *callers;
    const ch_caller_set *stoppable; /* whose trading states count: `callers`, and the relay. NULL: `callers` */
    bool is_raw;
    bool is_relayed;               /* it is sent once, and only as it was judged */
    const char *missing_kind;      /* as ch_endpoint_kind says; NULL: none is missing */
    const ch_reading_at *readings; /* the request's own is the first */
    size_t reading_count;
    const ch_request *request; /* for messages: what policy could accept. NULL: they do not say */
    bool is_once;              /* the signature can be used once: a nonce, or an id that the exchange takes once */
    bool is_once_by_id;        /* of the two, the id: each endpoint may take it once */
    uint32_t window_uses;      /* if not once: how often while it is valid; 0: nobody knows */
    uint64_t validity_ns;      /* how long what is signed is valid; 0: nobody knows */
    uint64_t now_ns;           /* wall clock */
    const ch_prices *prices;   /* NULL: there are none */
    const ch_states *states;   /* NULL: all are active */
    ch_order_look_up look_up;  /* NULL: nothing is recorded */
    const void *look_up_context;
    const ch_given *given; /* what people have approved; NULL: nothing was asked of them */
    /* For `explain`: called for each entry that was looked at. With it, a decision looks at all entries, also after the
     * first that refuses. NULL: nobody asks. */
    void (*trace)(void *context, const ch_trace *line);
    void *trace_context;
} ch_question;

/* What a refusal says besides the sentence in the ch_error, whose `rule` is the entry's name. Texts may be empty. */
typedef struct ch_refusal {
    const char *control; /* "maximum-order-value"; static */
    char limit[64];
    char asked[64];
    char left[64];
    const char *fact;        /* that is unknown; static */
    uint64_t retry_after_ns; /* 0: time does not heal it */
    bool needs_people;       /* nothing else was found that refuses; windows were not looked at */
    uint32_t approvals;      /* needed; a code counts as one */
    bool needs_code;
    uint64_t delay_ns;
    const ch_entry_rule *entry; /* NULL: a built-in rule */
    bool is_used_up;            /* the window is used up: the request alone would have fitted */
} ch_refusal;

#endif

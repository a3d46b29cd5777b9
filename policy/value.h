/* What an item is worth: its base quantity, its value, what it may lose, its amount; each a decimal of an asset, or the
 * reason why nobody knows. Pure; docs/policy.md has the formulas. Quotients are rounded against the caller, and so
 * is what something comes to, to 18 digits; prices are exact. What does not fit a decimal is not known.
 *
 * r is the reference, p the order's limit price, s what policy adds to the reference for an order that has no price,
 * e the account's reference error, q the quantity.
 *
 *   worst price       the smaller of p and r; no p: of a sell r(1-s), of a buy r. What a quote quantity is divided by
 *   base quantity     q; of contracts q*size, if they are of the base asset; else the quote quantity over the worst
 * price value             q, if it is what a buy spends, or q*size of contracts of the quote asset; what a sell is to
 * yield without a price, q/(1-s); else base * the larger of p and r, or r(1+s) loss              buy: base*(p -
 * r/(1+e)), sell: base*(r/(1-e) - p), never below 0. Without a price, p is r(1+s) or r(1-s) if the account states
 * `market_slippage`; else a buy's quote quantity, or all that is sold on spot
 *
 * s is the account's `market_slippage`; for value and quantity else the widest collar that the allow names. That of a
 * limit that no allow names does not count, nor its age: else adding a limit could make known, and so allow, what was
 * refused. An option's price has no reference, so what it loses is not known. */
#ifndef CH_POLICY_VALUE_H
#define CH_POLICY_VALUE_H

#include "exchange/facts.h"
#include "policy/match.h"

#define CH_REFERENCE_AGE_NS (60 * UINT64_C(1000000000)) /* at most, where no collar says */

typedef enum ch_worth_state {
    CH_WORTH_KNOWN,
    CH_WORTH_FACT,      /* a fact is unknown */
    CH_WORTH_CONTRACT,  /* nobody says what a contract is worth */
    CH_WORTH_REFERENCE, /* there is no good reference price */
    CH_WORTH_NO_PRICES, /* the account has `prices: none` */
    CH_WORTH_SLIPPAGE,  /* no price, and policy does not say how bad it may be */
    CH_WORTH_ERROR,     /* the account states no reference_error */
    CH_WORTH_OPTION,
    CH_WORTH_CONVERSION,
    CH_WORTH_OVERFLOW,
} ch_worth_state;

typedef struct ch_worth {
    ch_worth_state state;
    ch_decimal amount;
    ch_slice asset;               /* of the amount, in upper case */
    ch_fact_name fact;            /* that is unknown */
    ch_reference_state reference; /* what is wrong with it */
    ch_slice pair[2];             /* whose reference or conversion it is */
} ch_worth;

/* What an item is valued by. */
typedef struct ch_pricing {
    ch_decimal collar;
    ch_reference reference;
    ch_worth value;
    const ch_subject *subject;
    const ch_account *account;
    const ch_prices *prices;
    uint64_t age_ns; /* of a reference, at most */
    uint64_t looked_up_age_ns;
    ch_reference_state reference_state;
    bool has_collar;
    bool is_looked_up; /* the reference, of that age */
    bool is_valued;    /* several limits ask for it */
} ch_pricing;

ch_pricing ch_pricing_of(const ch_question *question, const ch_subject *subject);
/* Counts a collar that the allow names. */
void ch_pricing_add_collar(ch_pricing *pricing, const ch_limit *collar);

ch_worth ch_worth_volume(ch_pricing *pricing);
ch_worth ch_worth_value(ch_pricing *pricing);
ch_worth ch_worth_loss(ch_pricing *pricing);
/* Of a transfer, a withdrawal or a borrow. */
ch_worth ch_worth_amount(ch_pricing *pricing);
/* The reference of an order, not older than `age_ns`. */
ch_worth ch_worth_reference(ch_pricing *pricing, uint64_t age_ns);
/* A fact that is a number; CH_WORTH_FACT also if the request has it not. */
ch_worth ch_worth_of_fact(const ch_subject *subject, ch_fact_name name);

/* The same in another asset, if a conversion says how. */
ch_worth ch_worth_in(ch_pricing *pricing, ch_worth worth, const char *asset);

/* Appends the reason why it is not known: "its price is unknown". */
void ch_worth_explain(const ch_worth *worth, ch_buffer *out);

#endif

/* Exposure: the worst that a bot, or a relay, can do whose user was taken over, in an hour and in a day. Pure.
 *
 * What a policy lets pass is taken apart into ways: an allow, for one caller and one key. A limit holds down the ways
 * that it is asked of whatever the request says; so many times as its windows and scopes fit into the time, with what
 * reports may give back and with every use of a signature. Of such limits enough are chosen to hold down all ways, and
 * added up: never netted, never converted. It is an upper bound, and not always the smallest: hours, denials of a part,
 * and what a limit does once it is used up do not make it smaller.
 *
 * A relay speaks for all its callers, and what they ask through it is judged as if it were sent once, as it is. A relay
 * that was taken over need not: it can use a signature as often as the exchange lets it, and what the signature leaves
 * open is without bound. It can also report what is not so, as far as `relay_release` lets. A bot behind a relay that
 * was not taken over can do none of that.
 *
 * Loss is by the formula of docs/policy.md: loss limits count it as it is; otherwise it is the value times
 * 1/((1-e)(1-c)) - 1, rounded up, of the reference's error e and the collar c. */
#ifndef CH_POLICY_EXPOSURE_H
#define CH_POLICY_EXPOSURE_H

#include "exchange/facts.h"
#include "policy/reach.h"

typedef enum ch_horizon { CH_HORIZON_HOUR, CH_HORIZON_DAY, CH_HORIZON_COUNT } ch_horizon;

typedef struct ch_money {
    const char *asset; /* of the policy */
    ch_decimal amount;
} ch_money;

/* At most so much, of each asset. */
typedef struct ch_bound {
    bool is_unbounded; /* by the ways that `open` names; then `sums` are for the others */
    ch_money *sums;
    size_t sum_count;
    ch_text_list open;   /* "allow 'x': no limit on value applies to all of it"; each once */
    ch_text_list limits; /* the names of those that hold it down */
} ch_bound;

typedef enum ch_exposed { CH_EXPOSED_VALUE, CH_EXPOSED_LOSS, CH_EXPOSED_FEES, CH_EXPOSED_COUNT } ch_exposed;

/* An allow, for one caller and one key. */
typedef struct ch_way {
    ch_reach reach;
    unsigned classes; /* of the calls that it lets pass */
    unsigned kinds;   /* of items; bit 1 << ch_item_kind */
    unsigned gated;   /* of them, those that always need people: what `require` asks for */
    const ch_entry_rule *gate[CH_ITEM_KIND_COUNT];
    uint32_t uses;        /* how often a signature for an order counts; 0: nobody knows, so limits refuse */
    uint32_t true_uses;   /* how often it can be used; 0: nobody knows */
    uint64_t valid_ns;    /* for which the two are; 0: nobody knows */
    bool is_by_relay;     /* by a relay that was taken over, and brings what it likes for the caller */
    unsigned stray;       /* classes of what such a relay can make of the signatures besides what was judged */
    unsigned stray_kinds; /* kinds of items that it lets pass so alone */
    bool has_collar;
    ch_decimal collar; /* the smallest that is asked of all its orders */
} ch_way;

static inline const ch_key *ch_way_key(const ch_way *way)
{
    return &way->reach.policy->keys[way->reach.key];
}
static inline const ch_account *ch_way_account(const ch_way *way)
{
    return &way->reach.policy->accounts[ch_way_key(way)->account];
}

typedef struct ch_exposure {
    ch_way *ways;
    size_t way_count;
    ch_bound orders[CH_EXPOSED_COUNT][CH_HORIZON_COUNT];
    ch_bound moved[CH_ITEM_KIND_COUNT][CH_HORIZON_COUNT]; /* transfers, withdrawals, borrows, without people */
    ch_bound gated[CH_ITEM_KIND_COUNT][CH_HORIZON_COUNT]; /* those with people besides */
    bool can_lever;                                       /* by orders or settings */
    bool has_leverage;                                    /* at most so much; else any */
    ch_decimal leverage;
} ch_exposure;

/* Of one caller; or of all, also those whom policy does not name, if `caller` is CH_ALL_CALLERS. `now_ns` is for what
 * has expired. Free with ch_exposure_free. */
#define CH_ALL_CALLERS (SIZE_MAX - 1)
/* The same, as they ask for themselves, and whether or not anybody brings it: for what looks at entries. */
#define CH_EACH_CALLER (SIZE_MAX - 2)
void ch_exposure_find(const ch_policy *policy, size_t caller, uint64_t now_ns, ch_exposure *out);
void ch_exposure_free(ch_exposure *exposure);

/* Why nothing holds down a way that has `stray` classes. */
extern const char ch_stray_why[];

/* How many windows of that period can begin to count within `horizon_ns`. */
uint64_t ch_windows_within(const ch_period *period, uint64_t horizon_ns);
/* What an order can lose of its value, at most: 1/((1-e)(1-c)) - 1, rounded up. False if it does not fit. */
CH_CHECKED bool ch_loss_ratio(ch_decimal error, ch_decimal collar, ch_decimal *out);

#endif

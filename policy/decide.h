/* What policy allows. Pure: everything that a decision rests on is an argument; no clock, no I/O, no database.
 *
 * A refusal is CH_REFUSED with the rule that decided; docs/policy.md lists the rules. What no grant allows is refused.
 * Thread-safe, because a policy does not change. */
#ifndef CH_POLICY_DECIDE_H
#define CH_POLICY_DECIDE_H

#include "base/peer.h"
#include "exchange/class.h"
#include "exchange/profile.h"
#include "exchange/request.h"
#include "policy/policy.h"

/* A request as policy sees it. */
typedef struct ch_facts {
    const ch_key *key;
    const ch_peer *caller;
    bool is_raw;                 /* bytes that nobody has read; they may be any request, so only key and caller count */
    const char *missing_kind;    /* the kind of keys that alone can make this call, if the key is not of that kind: see
                                    ch_endpoint_kind; else NULL */
    ch_class class_;             /* of the endpoint */
    unsigned needs;              /* bit 1 << ch_class: of the request's values, see exchange/needs.h */
    unsigned classes;            /* bit 1 << ch_class: of all endpoints that the signature opens, by confusion too */
    const ch_endpoint *endpoint; /* these two only explain a refusal; NULL: they are not known */
    const ch_request *request;
} ch_facts;

/* True if the caller is one of `callers`. */
bool ch_policy_includes(const ch_callers *callers, const ch_peer *caller);

/* Decides on the request by every rule. */
CH_CHECKED ch_status ch_policy_decide(const ch_facts *facts, ch_error *err);

/* Decides by the rule `grant` alone, which needs no request: has `caller` any grant for `key`? */
CH_CHECKED ch_status ch_policy_admit(const ch_key *key, const ch_peer *caller, ch_error *err);
/* Refuses a key as that rule does: a caller does not find out which keys others have. */
ch_status ch_policy_refuse_key(const ch_peer *caller, ch_slice key, ch_error *err);
/* The rule `grant` as an answer. A caller does not see other keys. */
bool ch_policy_may_see(const ch_key *key, const ch_peer *caller);

/* True if any grant or the operators' list names `caller`; otherwise it is a stranger. */
bool ch_policy_knows(const ch_policy *policy, const ch_peer *caller);

bool ch_policy_is_operator(const ch_policy *policy, const ch_peer *caller);

#endif

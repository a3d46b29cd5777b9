/* Reach: to which items an entry can apply, whatever a request says. For what looks at a policy without a request: the
 * loader's checks, exposure, differences, warnings. Pure and thread-safe.
 *
 * An item has the facts of its kind and no others, so everything here is asked of kinds: which of them a class can
 * have, and which have the fact that a selector is about. */
#ifndef CH_POLICY_REACH_H
#define CH_POLICY_REACH_H

#include "exchange/class.h"
#include "exchange/facts.h"
#include "policy/policy.h"

/* ---- classes and kinds ---- */

/* The classes of the requests that the entry can match; and those that an allow opens, with those of values. Sets, bit
 * 1 << ch_class. */
unsigned ch_classes_matched(const ch_selector *selector);
unsigned ch_classes_opened(const ch_selector *selector);
/* The kinds of items of that class that the entry is for by its `items`; and those to which all its selectors apply.
 * Sets, bit 1 << ch_item_kind. */
unsigned ch_kinds_named(const ch_entry_rule *entry, ch_class class_);
unsigned ch_kinds_selected(const ch_entry_rule *entry, ch_class class_);
/* The kinds of items that a control counts. */
unsigned ch_control_kinds(ch_control control);
/* The selectors by facts, one after the other: `*field` is NULL if it is not given, `*kinds` are those that have such a
 * fact. False past the end. */
bool ch_selector_aspect(const ch_selector *selector, size_t index, const char **field, unsigned *kinds);

/* ---- an allow, for one caller and one key ---- */

typedef struct ch_reach {
    const ch_policy *policy;
    const ch_entry_rule *allow;
    size_t caller; /* CH_NO_CALLER of policy/scope.h: who is none */
    size_t key;
} ch_reach;

bool ch_selector_has_caller(const ch_selector *selector, size_t caller);
bool ch_selector_has_key(const ch_selector *selector, size_t key);
/* True if the key can make the call, and the allow is about it. */
bool ch_reach_has_call(const ch_reach *reach, const ch_endpoint *endpoint);
/* The kinds of items of calls of that class that the allow lets pass. */
unsigned ch_reach_kinds(const ch_reach *reach, ch_class class_);
/* The classes of which it lets items of these kinds pass. */
unsigned ch_reach_classes(const ch_reach *reach, unsigned kinds);
/* Bits of the facts' words that it lets pass: what is not given is all, but of types. */
unsigned ch_allow_markets(const ch_entry_rule *allow);
unsigned ch_allow_types(const ch_entry_rule *allow);

/* True if what narrows is about that symbol or asset of an exchange, in whatever spelling it names it. */
bool ch_narrows_symbol(const ch_selector *selector, const ch_profile *profile, const char *symbol);
bool ch_narrows_asset(const ch_selector *selector, const ch_profile *profile, const char *asset);
/* True if `entry`, which narrows, applies to each item of that kind that the allow lets pass; or may to some. */
bool ch_reach_is_inside(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry);
bool ch_reach_meets(const ch_reach *reach, ch_item_kind kind, const ch_entry_rule *entry);
/* True if the limit is asked of what the allow lets pass: no allow names it, or this one does. */
bool ch_allow_asks(const ch_policy *policy, const ch_entry_rule *allow, const ch_entry_rule *limit);

#endif

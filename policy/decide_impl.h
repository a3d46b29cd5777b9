/* What the files of decide.h share: a request that is being judged. */
#ifndef CH_POLICY_DECIDE_IMPL_H
#define CH_POLICY_DECIDE_IMPL_H

#include "exchange/readings.h"
#include "policy/decide.h"
#include "policy/passing.h"
#include "policy/plan.h"
#include "policy/verdict.h"

/* What a requirement's `above` is compared to. */
typedef struct ch_above {
    ch_decimal before; /* the largest of the readings before */
    ch_decimal now;
    bool is_unknown; /* so it counts as above */
} ch_above;

typedef struct ch_judge {
    const ch_question *question;
    const ch_policy *policy;
    ch_passing passing;
    /* The entries that may be for this caller and this key: by verb, and then by name. */
    const ch_entry_rule **entries;
    size_t entry_count;
    size_t entry_capacity;
    size_t first[CH_VERB_COUNT + 1];
    const ch_entry_rule **covering; /* the allows that cover the item */
    size_t covering_count;
    ch_above *aboves; /* by requirement among those */
    bool *is_required;
    uint64_t *set; /* words of the policy's sets of entries */
    size_t set_words;
    ch_plan *plan;
    ch_subject subject; /* the item that is looked at */
    /* Where a refusal goes: the first to who asked, the others nowhere. */
    ch_objection to;
    ch_status status;
    ch_error option_err; /* the first that was said of the item's options */
    ch_refusal option_refusal;
    ch_error spare_err;
    ch_refusal spare_refusal;
} ch_judge;

/* Notes what a check said. False: it refused, and nobody asks what else would. */
bool ch_judge_goes_on(ch_judge *judge, ch_status said);

static inline size_t ch_judge_count(const ch_judge *judge, ch_verb verb)
{
    return judge->first[verb + 1] - judge->first[verb];
}
static inline const ch_entry_rule *ch_judge_entry(const ch_judge *judge, ch_verb verb, size_t index)
{
    return judge->entries[judge->first[verb] + index];
}

/* Fills in the entries, in order (decide_entries.c). */
void ch_judge_find_entries(ch_judge *judge);

/* Some allow must be for calls of the reading's class, or for its endpoint, and for each class that it needs besides
 * (decide_allow.c). */
CH_CHECKED ch_status ch_judge_classes(ch_judge *judge, const ch_reading_at *reading);
/* Of the item in `subject` (decide_items.c): allow, deny, limits, and which requirements it meets. */
CH_CHECKED bool ch_judge_item(ch_judge *judge, const ch_reading_at *reading);
/* Refuses, because no allow covers the item, and names the one that comes nearest (decide_allow.c). */
ch_status ch_judge_refuse_item(ch_judge *judge, const ch_reading_at *reading);

/* Raw bytes: nothing is known of them (decide_raw.c). */
CH_CHECKED ch_status ch_judge_raw(ch_judge *judge);

/* Requirements (decide_require.c): of the item in `subject`, at the end of a reading, and of all. */
void ch_judge_require_item(ch_judge *judge);
void ch_judge_end_reading(ch_judge *judge);
CH_CHECKED ch_status ch_judge_requirements(ch_judge *judge);

#endif

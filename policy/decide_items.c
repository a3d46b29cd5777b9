/* One item of one reading: what allows it, what denies it, and what its limits say. A limit that an allow names is
 * asked only for the option of that allow. */
#include "exchange/facts.h"
#include "policy/decide_impl.h"

static bool names_limit(const ch_judge *judge, const ch_entry_rule *allow, const ch_entry_rule *limit)
{
    for (size_t i = 0; i < allow->limit_count; i++) {
        if (&judge->policy->entries[allow->limits[i]] == limit)
            return true;
    }
    return false;
}

static bool applies(const ch_judge *judge, const ch_entry_rule *allow, const ch_entry_rule *limit)
{
    return (!limit->limit.is_named || names_limit(judge, allow, limit)) && ch_entry_narrows(limit, &judge->subject);
}

/* By the collars that the allow names, as far as they are for this caller, this key and this item. */
static ch_pricing pricing_of(const ch_judge *judge, const ch_entry_rule *allow)
{
    ch_pricing pricing = ch_pricing_of(judge->question, &judge->subject);
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_LIMIT); i++) {
        const ch_entry_rule *limit = ch_judge_entry(judge, CH_VERB_LIMIT, i);
        if (limit->limit.control == CH_CONTROL_COLLAR && names_limit(judge, allow, limit) &&
            ch_entry_narrows(limit, &judge->subject))
            ch_pricing_add_collar(&pricing, &limit->limit);
    }
    return pricing;
}

/* ---- options ---- */

/* The answers that an option's limits gave. */
typedef struct answers {
    bool is_refused;
    const ch_entry_rule *other_asset; /* a limit that the allow names, and that counts another asset */
    bool is_counted;                  /* the item's own asset is counted by one that it names */
} answers;

static void ask(ch_judge *judge, const ch_entry_rule *allow, const ch_entry_rule *limit, ch_pricing *pricing,
                const ch_objection *to, answers *out)
{
    ch_cost cost = {0};
    ch_limit_answer answer = ch_limit_ask(judge->question, limit, pricing, &cost, to);
    bool is_refused = answer == CH_LIMIT_REFUSES;
    if (answer == CH_LIMIT_CHARGES)
        is_refused = !ch_plan_charge(judge->plan, judge->question, limit, &cost, &judge->subject, to);
    if (is_refused)
        ch_trace_say(judge->question, limit, CH_VERDICT_REFUSES, "%s", to->err->message);
    out->is_refused |= is_refused;
    if (limit->limit.control != CH_CONTROL_AMOUNT || answer == CH_LIMIT_SKIPS || !names_limit(judge, allow, limit))
        return;
    out->is_counted |= answer != CH_LIMIT_OTHER_ASSET;
    if (answer == CH_LIMIT_OTHER_ASSET && out->other_asset == NULL)
        out->other_asset = limit;
}

/* An allow whose limits on amounts all count other assets would let any amount of this one pass. */
static void object_to_asset(const ch_judge *judge, const ch_entry_rule *allow, const ch_entry_rule *limit,
                            const ch_objection *to)
{
    (void)ch_object(to, CH_REFUSED, NULL, limit, "no limit that '%s' names counts %.*s; name one that does",
                    allow->name, CH_SLICE_ARGS(judge->subject.asset));
    to->refusal->control = ch_limit_control_name(limit);
    ch_trace_say(judge->question, limit, CH_VERDICT_REFUSES, "%s", to->err->message);
}

/* False if a limit refuses the item by this allow. The option is there all the same, with what it was asked so far. */
static bool add_option(ch_judge *judge, const ch_entry_rule *allow, const ch_objection *to)
{
    answers found = {0};
    ch_pricing pricing = pricing_of(judge, allow);
    ch_objection spare = {&judge->spare_err, &judge->spare_refusal};
    ch_plan_add_option(judge->plan, allow);
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_LIMIT); i++) {
        const ch_entry_rule *limit = ch_judge_entry(judge, CH_VERB_LIMIT, i);
        if (!applies(judge, allow, limit))
            continue;
        ask(judge, allow, limit, &pricing, found.is_refused ? &spare : to, &found);
        if (found.is_refused && judge->question->trace == NULL)
            break;
    }
    if (!found.is_refused && found.other_asset != NULL && !found.is_counted) {
        found.is_refused = true;
        object_to_asset(judge, allow, found.other_asset, to);
    }
    return !found.is_refused;
}

/* ---- the item ---- */

static void trace_allow(const ch_judge *judge, const ch_entry_rule *allow)
{
    unsigned misses = ch_allow_misses(allow, &judge->subject);
    if (misses == 0)
        ch_trace_say(judge->question, allow, CH_VERDICT_MATCHES, "matches this %s",
                     ch_item_kind_name(judge->subject.item->kind));
    else
        ch_trace_say(judge->question, allow, CH_VERDICT_NO_MATCH, "not by its %s",
                     ch_selector_name((unsigned)__builtin_ctz(misses)));
}

static void find_covering(ch_judge *judge)
{
    judge->covering_count = 0;
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_ALLOW); i++) {
        const ch_entry_rule *allow = ch_judge_entry(judge, CH_VERB_ALLOW, i);
        if (judge->question->trace != NULL)
            trace_allow(judge, allow);
        if (ch_allow_covers(allow, &judge->subject))
            judge->covering[judge->covering_count++] = allow;
    }
}

static ch_status deny(const ch_judge *judge)
{
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_DENY); i++) {
        const ch_entry_rule *entry = ch_judge_entry(judge, CH_VERB_DENY, i);
        bool is_denied = ch_entry_narrows(entry, &judge->subject);
        ch_trace_say(judge->question, entry, is_denied ? CH_VERDICT_REFUSES : CH_VERDICT_NO_MATCH, "%s",
                     is_denied ? "denies it" : "is not about it");
        if (is_denied)
            return ch_object(&judge->to, CH_REFUSED, NULL, entry, "policy denies this %s",
                             ch_item_kind_name(judge->subject.item->kind));
    }
    return CH_OK;
}

/* Adds the options of the item; if a limit refuses each, the first of them says why. An option that takes nothing of
 * any window always has room, so none after it is needed. For whoever asks why, the first refused one stays if there is
 * no other, so that its windows can be shown too. */
static ch_status add_options(ch_judge *judge)
{
    ch_objection spare = {&judge->spare_err, &judge->spare_refusal};
    ch_objection first = {&judge->option_err, &judge->option_refusal};
    bool is_first_shown = false;
    for (size_t i = 0; i < judge->covering_count; i++) {
        bool holds = add_option(judge, judge->covering[i], i == 0 ? &first : &spare);
        if (holds && ch_plan_charges(judge->plan) == 0)
            break;
        if (!holds && i == 0 && judge->question->trace != NULL)
            is_first_shown = true;
        else if (!holds)
            ch_plan_drop_option(judge->plan);
    }
    if (ch_plan_options(judge->plan) == (is_first_shown ? 1U : 0U))
        return ch_object_again(&judge->to, &first);
    if (is_first_shown)
        ch_plan_drop_first_option(judge->plan);
    return CH_OK;
}

bool ch_judge_item(ch_judge *judge, const ch_reading_at *reading)
{
    if (!ch_judge_goes_on(judge, ch_passing_item(judge->question, &judge->passing, &judge->subject, &judge->to)))
        return false;
    find_covering(judge);
    if (judge->covering_count == 0 && !ch_judge_goes_on(judge, ch_judge_refuse_item(judge, reading)))
        return false;
    if (!ch_judge_goes_on(judge, deny(judge)))
        return false;
    ch_plan_add_place(judge->plan, (size_t)(reading - judge->question->readings));
    if (judge->covering_count > 0 && !ch_judge_goes_on(judge, add_options(judge)))
        return false;
    ch_judge_require_item(judge);
    return true;
}

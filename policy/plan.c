/* Sums are kept for the choices made so far. A window's sum only grows with more places, so one that has no room is a
 * dead end at once. After a dead end the sums are made again: that is rare, and simpler than taking charges back. */
#include "policy/plan.h"

#include "base/memory.h"
#include "exchange/facts.h"
#include "policy/scope.h"

#include <stdlib.h>

/* A charge of one option. */
typedef struct planned {
    const ch_entry_rule *limit;
    size_t scope; /* where it begins among the texts */
    size_t scope_size;
    ch_cost cost;
} planned;

typedef struct option {
    const ch_entry_rule *allow;
    size_t first; /* of its charges */
    size_t count;
} option;

typedef struct place {
    size_t reading;
    size_t first; /* of its options */
    size_t count;
    size_t chosen;
} place;

/* What the choices so far take of one window. */
typedef struct sum {
    const planned *like; /* the first such charge */
    size_t reading;      /* that is being added */
    ch_decimal before;   /* of the readings before it */
    ch_decimal now;
} sum;

struct ch_plan {
    planned *charges;
    size_t charge_count;
    size_t charge_capacity;
    option *options;
    size_t option_count;
    size_t option_capacity;
    place *places;
    size_t place_count;
    size_t place_capacity;
    sum *sums;
    size_t sum_count;
    size_t sum_capacity;
    ch_buffer texts;
    ch_refusal refusal; /* the first objection of a search, which may find another way */
    ch_error err;
};

ch_plan *ch_plan_new(void)
{
    return ch_alloc(sizeof(ch_plan));
}

void ch_plan_free(ch_plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->charges);
    free(plan->options);
    free(plan->places);
    free(plan->sums);
    ch_buffer_free(&plan->texts);
    free(plan);
}

void ch_plan_clear(ch_plan *plan)
{
    plan->charge_count = 0;
    plan->option_count = 0;
    plan->place_count = 0;
    plan->sum_count = 0;
    ch_buffer_clear(&plan->texts);
}

/* Makes room for one more, doubling. */
static void *grow(void *array, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 16 : 2 * *capacity;
    return ch_realloc_array(array, *capacity, item_size);
}

/* ---- what is planned ---- */

void ch_plan_add_place(ch_plan *plan, size_t reading)
{
    plan->places = grow(plan->places, plan->place_count, &plan->place_capacity, sizeof *plan->places);
    plan->places[plan->place_count++] = (place){.reading = reading, .first = plan->option_count};
}

void ch_plan_add_option(ch_plan *plan, const ch_entry_rule *allow)
{
    plan->options = grow(plan->options, plan->option_count, &plan->option_capacity, sizeof *plan->options);
    plan->options[plan->option_count++] = (option){.allow = allow, .first = plan->charge_count};
    plan->places[plan->place_count - 1].count++;
}

void ch_plan_drop_option(ch_plan *plan)
{
    plan->charge_count = plan->options[--plan->option_count].first;
    plan->places[plan->place_count - 1].count--;
}

void ch_plan_drop_first_option(ch_plan *plan)
{
    plan->places[plan->place_count - 1].first++;
    plan->places[plan->place_count - 1].count--;
}

size_t ch_plan_options(const ch_plan *plan)
{
    return plan->places[plan->place_count - 1].count;
}

size_t ch_plan_charges(const ch_plan *plan)
{
    return plan->options[plan->option_count - 1].count;
}

static bool add_charge(ch_plan *plan, const ch_question *question, const ch_entry_rule *limit, const ch_cost *cost,
                       const ch_subject *subject, size_t caller, const ch_objection *to)
{
    ch_fact_name unknown = CH_FACT_SYMBOL;
    size_t start = plan->texts.size;
    if (!ch_scope_add(question, limit, caller, subject, &plan->texts, &unknown)) {
        (void)ch_object_unknown_fact(to, limit, unknown);
        return false;
    }
    if (plan->texts.size - start > CH_SCOPE_MAX) {
        (void)ch_object(to, CH_REFUSED, NULL, limit, "what %s counts by is longer than %d bytes", ch_limit_noun(limit),
                        CH_SCOPE_MAX);
        return false;
    }
    plan->charges = grow(plan->charges, plan->charge_count, &plan->charge_capacity, sizeof *plan->charges);
    plan->charges[plan->charge_count++] = (planned){limit, start, plan->texts.size - start, *cost};
    plan->options[plan->option_count - 1].count++;
    return true;
}

bool ch_plan_charge(ch_plan *plan, const ch_question *question, const ch_entry_rule *limit, const ch_cost *cost,
                    const ch_subject *subject, const ch_objection *to)
{
    size_t at = 0;
    size_t caller = 0;
    bool is_by_nobody = true;
    while (ch_scope_caller(question, limit, &at, &caller)) {
        is_by_nobody = false;
        if (!add_charge(plan, question, limit, cost, subject, caller, to))
            return false;
    }
    return !is_by_nobody || add_charge(plan, question, limit, cost, subject, CH_NO_CALLER, to);
}

/* ---- sums ---- */

/* A search for a choice. */
typedef struct search {
    ch_plan *plan;
    const ch_question *question;
    const ch_levels *levels;
    ch_objection to;
    bool adds_readings;
    bool has_objected;
    size_t tries;
} search;

static ch_slice scope_of(const ch_plan *plan, const planned *charge)
{
    return (ch_slice){plan->texts.data + charge->scope, charge->scope_size};
}

static bool is_same_window(const ch_plan *plan, const planned *one, const planned *other)
{
    return one->limit == other->limit && one->cost.is_closing == other->cost.is_closing &&
           ch_slice_equal(scope_of(plan, one), scope_of(plan, other));
}

static sum *find_sum(ch_plan *plan, const planned *charge)
{
    for (size_t i = 0; i < plan->sum_count; i++) {
        if (is_same_window(plan, plan->sums[i].like, charge))
            return &plan->sums[i];
    }
    plan->sums = grow(plan->sums, plan->sum_count, &plan->sum_capacity, sizeof *plan->sums);
    plan->sums[plan->sum_count] = (sum){.like = charge};
    return &plan->sums[plan->sum_count++];
}

/* Of all readings so far; false if it does not fit a decimal. */
static bool total_of(const search *in, const sum *of, ch_decimal *out)
{
    if (in->adds_readings && !of->like->cost.is_per_request)
        return ch_decimal_add(of->before, of->now, out);
    *out = ch_decimal_larger(of->before, of->now);
    return true;
}

static bool add_to_sum(const search *in, sum *to, const planned *charge, size_t reading)
{
    if (charge->cost.is_per_request) {
        to->now = charge->cost.amount;
        return true;
    }
    if (to->reading != reading) {
        ch_decimal before = CH_DECIMAL_ZERO;
        if (!total_of(in, to, &before))
            return false;
        to->before = before;
        to->now = CH_DECIMAL_ZERO;
        to->reading = reading;
    }
    return ch_decimal_add(to->now, charge->cost.amount, &to->now);
}

static ch_charge charge_of(const ch_plan *plan, const sum *of, ch_decimal amount)
{
    return (ch_charge){
        .entry = of->like->limit,
        .scope = scope_of(plan, of->like),
        .is_closing = of->like->cost.is_closing,
        .may_use_reserve = of->like->cost.may_use_reserve,
        .amount = amount,
    };
}

/* Only the first objection is kept: it is about what comes first in the order of names. */
static void object_to(search *in, const ch_charge *charge, ch_decimal used)
{
    const ch_question *question = in->question;
    bool is_per_use =
        charge->entry->limit.control != CH_CONTROL_MESSAGES && charge->entry->limit.control != CH_CONTROL_SAME_ORDER;
    if (in->has_objected)
        return;
    in->has_objected = true;
    (void)ch_object_window(&in->to, charge, used, ch_levels_wait(in->levels, charge, question->now_ns),
                           is_per_use ? ch_uses_of(question) : 1);
}

static void object_to_size(search *in, const planned *charge)
{
    if (in->has_objected)
        return;
    in->has_objected = true;
    (void)ch_object(&in->to, CH_REFUSED, NULL, charge->limit, "the sum for %s has more digits than can be counted",
                    ch_limit_noun(charge->limit));
    in->to.refusal->control = ch_limit_control_name(charge->limit);
}

/* ---- the search ---- */

/* A place without options is one that was refused, of a request that is only looked at. */
static const option *chosen_of(const ch_plan *plan, size_t at)
{
    static const option none;
    if (plan->places[at].count == 0)
        return &none;
    return &plan->options[plan->places[at].first + plan->places[at].chosen];
}

static void trace_charge(const search *in, const ch_charge *charge, ch_decimal used, bool fits)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (in->question->trace == NULL)
        return;
    ch_decimal_print(used, &text);
    ch_buffer_add_text(&text, " + ");
    ch_decimal_print(charge->amount, &text);
    ch_buffer_add_text(&text, " of ");
    ch_limit_text(charge->entry, ch_charge_most(charge), &text);
    ch_trace_say(in->question, charge->entry, fits ? CH_VERDICT_HOLDS : CH_VERDICT_REFUSES, "%s, %.*s",
                 ch_buffer_text(&text), CH_SLICE_ARGS(charge->scope));
}

/* What the whole request would take of the window that `charge`, of the place `at`, is for: also by the choices that
 * the search has not come to. Leaves the sum as it is if it gets too large. */
static ch_decimal whole_of(search *in, const planned *charge, size_t at)
{
    ch_plan *plan = in->plan;
    sum whole = *find_sum(plan, charge);
    ch_decimal total = CH_DECIMAL_ZERO;
    for (size_t i = at; i < plan->place_count; i++) {
        const option *chosen = chosen_of(plan, i);
        for (size_t k = 0; k < chosen->count; k++) {
            const planned *other = &plan->charges[chosen->first + k];
            if (!(i == at && other <= charge) && is_same_window(plan, other, charge))
                ch_ignore(add_to_sum(in, &whole, other, plan->places[i].reading));
        }
    }
    ch_ignore(total_of(in, &whole, &total));
    return total;
}

static bool try_charge(search *in, const planned *charge, size_t at)
{
    sum *to = find_sum(in->plan, charge);
    ch_decimal total = CH_DECIMAL_ZERO;
    ch_decimal used = CH_DECIMAL_ZERO;
    if (!add_to_sum(in, to, charge, in->plan->places[at].reading) || !total_of(in, to, &total)) {
        object_to_size(in, charge);
        return false;
    }
    ch_charge whole = charge_of(in->plan, to, total);
    bool fits = ch_levels_fits(in->levels, &whole, in->question->now_ns, &used);
    trace_charge(in, &whole, used, fits);
    if (!fits && !in->has_objected) {
        whole.amount = whole_of(in, charge, at);
        object_to(in, &whole, used);
    }
    return fits;
}

/* Whoever asks why sees all windows of an option. */
static bool try_place(search *in, size_t at)
{
    const option *chosen = chosen_of(in->plan, at);
    bool fits = true;
    for (size_t i = 0; i < chosen->count && (fits || in->question->trace != NULL); i++)
        fits &= try_charge(in, &in->plan->charges[chosen->first + i], at);
    return fits;
}

/* The sums of the choices before `end`, which all had room. */
static void sum_again(search *in, size_t end)
{
    in->plan->sum_count = 0;
    for (size_t i = 0; i < end; i++) {
        const option *chosen = chosen_of(in->plan, i);
        for (size_t k = 0; k < chosen->count; k++) {
            const planned *charge = &in->plan->charges[chosen->first + k];
            ch_ignore(add_to_sum(in, find_sum(in->plan, charge), charge, in->plan->places[i].reading));
        }
    }
}

/* The next choice after that at `*at` had no room. False if there is none. */
static bool step_back(search *in, size_t *at)
{
    place *places = in->plan->places;
    while (++places[*at].chosen >= places[*at].count) {
        places[*at].chosen = 0;
        if (*at == 0)
            return false;
        --*at;
    }
    sum_again(in, *at);
    return true;
}

static bool find_choice(search *in)
{
    size_t at = 0;
    while (at < in->plan->place_count) {
        if (try_place(in, at))
            at++;
        else if (++in->tries > CH_PLAN_TRIES || !step_back(in, &at))
            return false;
    }
    return true;
}

ch_status ch_plan_choose(ch_plan *plan, const ch_question *question, const ch_levels *levels, ch_charge *charges,
                         size_t room, size_t *count, const ch_entry_rule **allow, const ch_objection *to)
{
    search in = {
        .plan = plan, .question = question, .levels = levels, .to = {&plan->err, &plan->refusal}
    };
    in.adds_readings = ch_uses_add_up(question);
    plan->sum_count = 0;
    for (size_t i = 0; i < plan->place_count; i++)
        plan->places[i].chosen = 0;
    if (!find_choice(&in))
        return ch_object_again(to, &in.to);
    if (plan->sum_count > room)
        return ch_object(to, CH_REFUSED, NULL, plan->sums[room].like->limit,
                         "the request counts in more than %zu windows; split it", room);
    *count = plan->sum_count;
    *allow = plan->place_count == 0 ? NULL : chosen_of(plan, 0)->allow;
    for (size_t i = 0; i < plan->sum_count; i++) {
        ch_decimal total = CH_DECIMAL_ZERO;
        ch_ignore(total_of(&in, &plan->sums[i], &total));
        charges[i] = charge_of(plan, &plan->sums[i], total);
    }
    return CH_OK;
}

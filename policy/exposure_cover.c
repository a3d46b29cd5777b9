/* Any choice of holds that leaves no way out is an upper bound, so what is tried decides only how tight it is: all
 * choices while there are few holds, else those that are left when the largest are dropped as far as that goes. Sums of
 * different assets cannot be compared; a choice of fewer assets is taken to be better. */
#include "policy/exposure_impl.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define TRY_ALL_MAX 12

void ch_cover_init(ch_cover *cover, size_t way_count)
{
    *cover = (ch_cover){.way_count = way_count};
    cover->under = ch_alloc((way_count + 1) * sizeof *cover->under);
    cover->why = ch_alloc((way_count + 1) * sizeof *cover->why);
}

void ch_cover_free(ch_cover *cover)
{
    free(cover->under);
    free(cover->why);
}

bool ch_cover_add(ch_cover *cover, const ch_hold *hold)
{
    if (cover->hold_count == CH_HOLDS_MAX)
        return false;
    cover->holds[cover->hold_count++] = *hold;
    return true;
}

static bool holds_all(const ch_cover *cover, uint64_t chosen)
{
    for (size_t i = 0; i < cover->way_count; i++) {
        if (cover->why[i] != NULL && cover->under[i] != 0 && (cover->under[i] & chosen) == 0)
            return false;
    }
    return true;
}

/* ---- sums ---- */

static ch_money *find_sum(ch_bound *bound, const char *asset)
{
    for (size_t i = 0; i < bound->sum_count; i++) {
        if (strcmp(bound->sums[i].asset, asset) == 0)
            return &bound->sums[i];
    }
    bound->sums = ch_realloc_array(bound->sums, bound->sum_count + 1, sizeof *bound->sums);
    bound->sums[bound->sum_count] = (ch_money){.asset = asset};
    return &bound->sums[bound->sum_count++];
}

static bool add_up(const ch_cover *cover, uint64_t chosen, ch_horizon horizon, ch_bound *out)
{
    for (uint64_t left = chosen; left != 0; left &= left - 1) {
        const ch_hold *hold = &cover->holds[__builtin_ctzll(left)];
        ch_money *sum = find_sum(out, hold->asset);
        if (!ch_decimal_add(sum->amount, hold->most[horizon], &sum->amount))
            return false;
    }
    return true;
}

/* True if `one` is the smaller: of fewer assets, or of no larger sum. */
static bool is_better(const ch_bound *one, const ch_bound *other)
{
    if (one->sum_count != other->sum_count)
        return one->sum_count < other->sum_count;
    return one->sum_count == 1 && strcmp(one->sums[0].asset, other->sums[0].asset) == 0 &&
           ch_decimal_compare(one->sums[0].amount, other->sums[0].amount) < 0;
}

/* ---- choices ---- */

static uint64_t try_all(const ch_cover *cover, ch_horizon horizon)
{
    uint64_t end = (uint64_t)1 << cover->hold_count;
    uint64_t best = end - 1;
    for (uint64_t chosen = 0; chosen < end; chosen++) {
        ch_bound one = {0};
        ch_bound other = {0};
        bool fits = holds_all(cover, chosen) && add_up(cover, chosen, horizon, &one);
        if (fits && (!add_up(cover, best, horizon, &other) || is_better(&one, &other)))
            best = chosen;
        free(one.sums);
        free(other.sums);
    }
    return best;
}

static size_t largest(const ch_cover *cover, uint64_t among, ch_horizon horizon)
{
    size_t found = (size_t)__builtin_ctzll(among);
    for (uint64_t left = among; left != 0; left &= left - 1) {
        size_t at = (size_t)__builtin_ctzll(left);
        if (ch_decimal_compare(cover->holds[at].most[horizon], cover->holds[found].most[horizon]) > 0)
            found = at;
    }
    return found;
}

static uint64_t drop_largest(const ch_cover *cover, ch_horizon horizon)
{
    uint64_t chosen = UINT64_MAX >> (64 - cover->hold_count);
    for (uint64_t left = chosen; left != 0;) {
        size_t at = largest(cover, left, horizon);
        left &= ~((uint64_t)1 << at);
        if (holds_all(cover, chosen & ~((uint64_t)1 << at)))
            chosen &= ~((uint64_t)1 << at);
    }
    return chosen;
}

static void add_once(ch_text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return;
    }
    list->items = ch_realloc_array(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = ch_strdup(text);
}

static void add_open(const ch_cover *cover, const ch_exposure *exposure, ch_bound *out)
{
    for (size_t i = 0; i < cover->way_count; i++) {
        if (cover->why[i] == NULL || cover->under[i] != 0)
            continue;
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_buffer_add_format(&text, "allow '%s': %s", exposure->ways[i].reach.allow->name, cover->why[i]);
        add_once(&out->open, ch_buffer_text(&text));
        out->is_unbounded = true;
    }
}

void ch_cover_choose(const ch_cover *cover, const ch_exposure *exposure, ch_horizon horizon, ch_bound *out)
{
    uint64_t chosen = 0;
    if (cover->hold_count > 0)
        chosen = cover->hold_count <= TRY_ALL_MAX ? try_all(cover, horizon) : drop_largest(cover, horizon);
    if (!add_up(cover, chosen, horizon, out)) {
        out->is_unbounded = true;
        add_once(&out->open, "the sum has more digits than can be counted");
    }
    for (uint64_t left = chosen; left != 0; left &= left - 1) {
        const ch_hold *hold = &cover->holds[__builtin_ctzll(left)];
        for (size_t i = 0; i < 2 && hold->limits[i] != NULL; i++)
            add_once(&out->limits, hold->limits[i]->name);
    }
    add_open(cover, exposure, out);
}

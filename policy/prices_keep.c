/* Where prices lie, whose they are, and the rows that show them. */
#include "policy/prices_impl.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the struct ---- */

ch_prices *ch_prices_new(void)
{
    ch_prices *prices = ch_alloc(sizeof *prices);
    prices->at_least = 1;
    return prices;
}

static void free_known(ch_price_known *at)
{
    if (at != NULL)
        ch_extremes_free(&at->seen);
    free(at);
}

static void free_pair(ch_price_pair *at)
{
    for (size_t i = 0; i < CH_SOURCES_MAX; i++)
        free_known(at->by_source[i]);
    free(at);
}

void ch_prices_free(ch_prices *prices)
{
    if (prices == NULL)
        return;
    for (size_t i = 0; i < prices->pair_count; i++)
        free_pair(prices->pairs[i]);
    for (size_t i = 0; i < prices->source_count; i++)
        free(prices->sources[i]);
    free(prices->pairs);
    free(prices);
}

uint64_t ch_prices_generation(const ch_prices *prices)
{
    return prices->generation;
}

/* ---- finding ---- */

ch_slice ch_price_pair_name(const ch_price_pair *at)
{
    return (ch_slice){at->name, at->name_size};
}

/* The position of the first pair that is not before `name`. */
static size_t position_of(const ch_prices *prices, ch_slice name)
{
    size_t from = 0;
    size_t to = prices->pair_count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (ch_slice_compare(ch_price_pair_name(prices->pairs[middle]), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

ch_price_pair *ch_price_pair_find(const ch_prices *prices, ch_slice name)
{
    size_t position = position_of(prices, name);
    if (position == prices->pair_count || !ch_slice_equal(ch_price_pair_name(prices->pairs[position]), name))
        return NULL;
    return prices->pairs[position];
}

/* NULL if there are too many. */
static ch_price_pair *make_pair(ch_prices *prices, ch_slice name)
{
    ch_price_pair *made = ch_price_pair_find(prices, name);
    if (made != NULL || prices->pair_count == CH_PAIRS_MAX)
        return made;
    if (prices->pair_count == prices->pair_capacity) {
        prices->pair_capacity = prices->pair_capacity == 0 ? 64 : 2 * prices->pair_capacity;
        prices->pairs = ch_realloc_array(prices->pairs, prices->pair_capacity, sizeof(ch_price_pair *));
    }
    made = ch_alloc(sizeof *made);
    made->name_size = name.size;
    memcpy(made->name, name.data, name.size);
    size_t position = position_of(prices, name);
    ch_price_pair **at = &prices->pairs[position];
    memmove(at + 1, at, (prices->pair_count++ - position) * sizeof(ch_price_pair *));
    *at = made;
    return made;
}

/* `source_count` if there is none of that name. */
size_t ch_price_source_find(const ch_prices *prices, ch_slice name)
{
    size_t index = 0;
    while (index < prices->source_count && !ch_slice_is(name, prices->sources[index]))
        index++;
    return index;
}

ch_price_known *ch_price_known_find(const ch_prices *prices, ch_slice source, ch_slice name)
{
    size_t index = ch_price_source_find(prices, source);
    ch_price_pair *at = ch_price_pair_find(prices, name);
    return index == prices->source_count || at == NULL ? NULL : at->by_source[index];
}

/* NULL if there are too many pairs. */
ch_price_known *ch_price_known_make(ch_prices *prices, size_t source, ch_slice name)
{
    ch_price_pair *at = make_pair(prices, name);
    if (at != NULL && at->by_source[source] == NULL)
        at->by_source[source] = ch_alloc(sizeof(ch_price_known));
    return at == NULL ? NULL : at->by_source[source];
}

/* ---- rules ---- */

static bool is_listed(const ch_price_rules *rules, const char *source)
{
    for (size_t i = 0; i < rules->source_count; i++) {
        if (strcmp(rules->sources[i], source) == 0)
            return true;
    }
    return false;
}

/* The last source takes the place. */
static void forget_source(ch_prices *prices, size_t index)
{
    size_t last = --prices->source_count;
    free(prices->sources[index]);
    prices->sources[index] = prices->sources[last];
    for (size_t i = 0; i < prices->pair_count; i++) {
        ch_price_known **by_source = prices->pairs[i]->by_source;
        free_known(by_source[index]);
        by_source[index] = by_source[last];
        by_source[last] = NULL;
    }
}

static bool is_empty(const ch_price_pair *at)
{
    for (size_t i = 0; i < CH_SOURCES_MAX; i++) {
        if (at->by_source[i] != NULL)
            return false;
    }
    return true;
}

static void forget_empty_pairs(ch_prices *prices)
{
    size_t kept = 0;
    for (size_t i = 0; i < prices->pair_count; i++) {
        if (is_empty(prices->pairs[i]))
            free_pair(prices->pairs[i]);
        else
            prices->pairs[kept++] = prices->pairs[i];
    }
    prices->pair_count = kept;
}

static void set_sources(ch_prices *prices, const ch_price_rules *rules)
{
    assert(rules->source_count <= CH_SOURCES_MAX);
    for (size_t i = prices->source_count; i > 0; i--) {
        if (!is_listed(rules, prices->sources[i - 1]))
            forget_source(prices, i - 1);
    }
    forget_empty_pairs(prices);
    for (size_t i = 0; i < rules->source_count && prices->source_count < CH_SOURCES_MAX; i++) {
        if (ch_price_source_find(prices, ch_slice_of(rules->sources[i])) == prices->source_count)
            prices->sources[prices->source_count++] = ch_strdup(rules->sources[i]);
    }
}

void ch_prices_set_rules(ch_prices *prices, const ch_price_rules *rules)
{
    const ch_decimal one = ch_decimal_of(1);
    set_sources(prices, rules);
    prices->at_least = rules->at_least > 0 ? rules->at_least : 1;
    prices->has_max_move = rules->has_max_move;
    prices->window_ns = rules->move_window_ns;
    /* Of a ratio that does not fit, every move is too large. */
    prices->most_up = prices->most_down = one;
    ch_ignore(ch_decimal_add(one, rules->max_move, &prices->most_up));
    ch_ignore(ch_decimal_subtract(one, rules->max_move, &prices->most_down));
    prices->generation++;
}

/* ---- rows ---- */

/* Of the sources that have quoted a pair, the first by name after `source`; `source_count` if there is none. */
static size_t source_after(const ch_prices *prices, const ch_price_pair *of, ch_slice source)
{
    size_t first = prices->source_count;
    for (size_t i = 0; i < prices->source_count; i++) {
        ch_slice name = ch_slice_of(prices->sources[i]);
        if (of->by_source[i] != NULL && ch_slice_compare(name, source) > 0 &&
            (first == prices->source_count || strcmp(prices->sources[i], prices->sources[first]) < 0))
            first = i;
    }
    return first;
}

static ch_price_row row_of(const ch_prices *prices, const ch_price_pair *of, size_t source)
{
    const ch_price_known *at = of->by_source[source];
    ch_price_row row = {
        .source = ch_slice_of(prices->sources[source]),
        .pair = ch_price_pair_name(of),
        .price = at->is_held ? at->asked : at->price,
        .quoted_ns = at->is_held ? at->asked_ns : at->quoted_ns,
        .is_held = at->is_held,
    };
    if (!ch_extremes_get(&at->seen, &row.low, &row.high))
        row.low = row.high = at->is_believed ? at->price : row.price;
    return row;
}

bool ch_prices_next(const ch_prices *prices, ch_slice pair_name, ch_slice source, ch_price_row *out)
{
    for (size_t i = position_of(prices, pair_name); i < prices->pair_count; i++) {
        const ch_price_pair *of = prices->pairs[i];
        bool is_same = ch_slice_equal(ch_price_pair_name(of), pair_name);
        size_t next = source_after(prices, of, is_same ? source : CH_LITERAL(""));
        if (next == prices->source_count)
            continue;
        *out = row_of(prices, of, next);
        return true;
    }
    return false;
}

void ch_prices_restore(ch_prices *prices, const ch_price_row *row, uint64_t now_ns)
{
    size_t source = ch_price_source_find(prices, row->source);
    if (!ch_price_pair_is_good(row->pair) || !ch_price_is_good(row->price) || source == CH_SOURCES_MAX)
        return;
    if (source == prices->source_count)
        prices->sources[prices->source_count++] = ch_slice_strdup(row->source);
    ch_price_known *at = ch_price_known_make(prices, source, row->pair);
    if (at == NULL)
        return;
    *at = (ch_price_known){
        .is_believed = !row->is_held,
        .price = row->price,
        .quoted_ns = row->quoted_ns,
        .is_held = row->is_held,
        .asked = row->price,
        .asked_ns = row->quoted_ns,
        .seen = at->seen,
    };
    ch_extremes_clear(&at->seen);
    ch_extremes_add(&at->seen, row->low, now_ns, prices->window_ns);
    ch_extremes_add(&at->seen, row->high, now_ns, prices->window_ns);
    prices->generation++;
}

/* What feeds say, and how far it is believed. */
#include "policy/prices.h"

#include "policy/prices_impl.h"

#include <assert.h>
#include <string.h>

#define AHEAD_MAX_NS 2000000000U /* clocks differ by that much */

/* ---- what is believed ---- */

static void believe(const ch_prices *prices, ch_price_known *at, ch_decimal price, uint64_t quoted_ns, uint64_t now_ns)
{
    at->is_believed = true;
    at->price = price;
    at->quoted_ns = quoted_ns;
    if (prices->has_max_move)
        ch_extremes_add(&at->seen, price, now_ns, prices->window_ns);
    else
        ch_extremes_clear(&at->seen);
}

static bool is_within(const ch_prices *prices, ch_decimal price, ch_decimal low, ch_decimal high)
{
    ch_decimal top;
    ch_decimal bottom;
    return ch_decimal_multiply(low, prices->most_up, &top) && ch_decimal_multiply(high, prices->most_down, &bottom) &&
           ch_decimal_compare(price, top) <= 0 && ch_decimal_compare(price, bottom) >= 0;
}

/* Is that further than policy allows? What could not be computed is. */
static bool moves_too_far(const ch_prices *prices, ch_price_known *at, ch_decimal price, uint64_t now_ns)
{
    ch_decimal low;
    ch_decimal high;
    if (!prices->has_max_move)
        return false;
    if (at->is_believed) /* until now, whenever it was quoted */
        ch_extremes_add(&at->seen, at->price, now_ns, prices->window_ns);
    return ch_extremes_get(&at->seen, &low, &high) && !is_within(prices, price, low, high);
}

static void hold(ch_price_known *at, const ch_quote *quote)
{
    at->is_held = true;
    at->asked = quote->price;
    at->asked_ns = quote->quoted_ns;
}

/* ---- what feeds say ---- */

static bool is_from_future(uint64_t quoted_ns, uint64_t now_ns)
{
    return quoted_ns > now_ns && quoted_ns - now_ns > AHEAD_MAX_NS;
}

static bool is_asset(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (!ch_byte_is_alphanumeric(byte) || (byte >= 'a' && byte <= 'z'))
            return false;
    }
    return text.size > 0;
}

bool ch_price_pair_is_good(ch_slice text)
{
    const uint8_t *slash = ch_slice_find(text, '/');
    if (slash == NULL || text.size > CH_PAIR_MAX)
        return false;
    size_t base = (size_t)(slash - text.data);
    return is_asset((ch_slice){text.data, base}) && is_asset(ch_slice_after(text, base + 1));
}

bool ch_price_is_good(ch_decimal price)
{
    return !ch_decimal_is_zero(price) && price.scale <= CH_PRICE_DIGITS_MAX &&
           ch_decimal_compare(price, ch_decimal_of(1000000000000000000U)) < 0;
}

static ch_status check(const ch_prices *prices, const ch_quote *quote, ch_error *err)
{
    int shown = quote->pair.size > CH_PAIR_MAX ? CH_PAIR_MAX : (int)quote->pair.size;
    if (!ch_price_pair_is_good(quote->pair))
        return ch_fail(err, CH_BAD_INPUT,
                       "'%.*s' is not a pair; write BASE/QUOTE in upper case letters and digits, %d bytes at most",
                       ch_slice_is_text(quote->pair) ? shown : 0, (const char *)quote->pair.data, CH_PAIR_MAX);
    if (!ch_price_is_good(quote->price))
        return ch_fail(
            err, CH_BAD_INPUT,
            "the price of %.*s is zero or has too many digits; it may have %d before the point and %d after it",
            CH_SLICE_ARGS(quote->pair), CH_PRICE_DIGITS_MAX, CH_PRICE_DIGITS_MAX);
    if (ch_price_source_find(prices, quote->source) == prices->source_count)
        return ch_fail(err, CH_BAD_INPUT, "policy has no such source of prices; name it in `prices: sources:`");
    return CH_OK;
}

/* What is known may be from the future, if the clock was set back since. */
static bool is_older(const ch_price_known *at, const ch_quote *quote, uint64_t now_ns)
{
    if (at == NULL)
        return false;
    uint64_t last_ns = at->is_held ? at->asked_ns : at->quoted_ns;
    return quote->quoted_ns < last_ns && !is_from_future(last_ns, now_ns);
}

ch_status ch_prices_put(ch_prices *prices, const ch_quote *quote, uint64_t now_ns, ch_quote_outcome *outcome,
                        ch_error *err)
{
    CH_TRY(check(prices, quote, err));
    ch_price_known *at = ch_price_known_find(prices, quote->source, quote->pair);
    *outcome = CH_QUOTE_OLDER;
    if (is_from_future(quote->quoted_ns, now_ns) || is_older(at, quote, now_ns))
        return CH_OK;
    if (at == NULL)
        at = ch_price_known_make(prices, ch_price_source_find(prices, quote->source), quote->pair);
    if (at == NULL)
        return ch_fail(
            err, CH_TOO_LARGE,
            "feeds have quoted %d pairs, and no more are kept; quote only those that are traded. To forget what "
            "a source has quoted, take it out of `prices: sources:`, reload, and put it back",
            CH_PAIRS_MAX);
    prices->generation++;
    *outcome = CH_QUOTE_HELD;
    if (at->is_held || moves_too_far(prices, at, quote->price, now_ns)) {
        hold(at, quote);
        return CH_OK;
    }
    *outcome = CH_QUOTE_TAKEN;
    believe(prices, at, quote->price, quote->quoted_ns, now_ns);
    return CH_OK;
}

ch_status ch_prices_confirm(ch_prices *prices, ch_slice source, ch_slice pair_name, ch_decimal seen, uint64_t now_ns,
                            ch_error *err)
{
    char asked[CH_DECIMAL_TEXT_MAX];
    ch_price_known *at = ch_price_known_find(prices, source, pair_name);
    if (at == NULL)
        return ch_fail(err, CH_NOT_FOUND,
                       "that source has not quoted that pair; `chancery prices list` shows what is known");
    if (!at->is_held)
        return ch_fail(err, CH_CONFLICT, "that price is not held; it counts already");
    ch_decimal_text(at->asked, asked);
    if (ch_decimal_compare(seen, at->asked) != 0)
        return ch_fail(err, CH_CONFLICT, "the price that is held is another now: %s; look again before you confirm it",
                       asked);
    ch_extremes_clear(&at->seen);
    at->is_held = false;
    believe(prices, at, at->asked, at->asked_ns, now_ns);
    prices->generation++;
    return CH_OK;
}

/* ---- the reference ---- */

typedef struct median {
    ch_decimal prices[CH_SOURCES_MAX]; /* sorted */
    unsigned count;
    unsigned held; /* fresh, but held */
    uint64_t age_ns;
} median;

static uint64_t age_of(uint64_t quoted_ns, uint64_t now_ns)
{
    if (is_from_future(quoted_ns, now_ns))
        return UINT64_MAX;
    return quoted_ns > now_ns ? 0 : now_ns - quoted_ns;
}

static void insert(median *into, ch_decimal price, uint64_t age_ns)
{
    unsigned at = into->count++;
    for (; at > 0 && ch_decimal_compare(into->prices[at - 1], price) > 0; at--)
        into->prices[at] = into->prices[at - 1];
    into->prices[at] = price;
    if (age_ns > into->age_ns)
        into->age_ns = age_ns;
}

/* Puts what is fresh into the median, and the least old into `*out`. */
static void gather(const ch_price_pair *of, uint64_t now_ns, uint64_t max_age_ns, median *into, ch_reference *out)
{
    for (size_t i = 0; i < CH_SOURCES_MAX; i++) {
        const ch_price_known *at = of->by_source[i];
        if (at == NULL)
            continue;
        uint64_t age_ns = age_of(at->is_held ? at->asked_ns : at->quoted_ns, now_ns);
        bool is_fresh = age_ns != UINT64_MAX && age_ns <= max_age_ns;
        into->held += at->is_held && is_fresh;
        if (at->is_held)
            continue;
        if (is_fresh)
            insert(into, at->price, age_ns);
        if (ch_decimal_is_zero(out->price) || age_ns < out->age_ns)
            *out = (ch_reference){at->price, age_ns, 0};
    }
}

/* Prices have so few digits that this fits. */
static ch_decimal middle_of(const median *of)
{
    const ch_decimal half = {5, 1};
    ch_decimal middle = of->prices[of->count / 2];
    if (of->count % 2 == 0 && (!ch_decimal_add(middle, of->prices[of->count / 2 - 1], &middle) ||
                               !ch_decimal_multiply(middle, half, &middle)))
        assert(false);
    return middle;
}

ch_reference_state ch_prices_reference(const ch_prices *prices, ch_slice base, ch_slice quote, uint64_t now_ns,
                                       uint64_t max_age_ns, ch_reference *out)
{
    uint8_t name[CH_PAIR_MAX];
    *out = (ch_reference){0};
    if (base.size == 0 || quote.size == 0 || base.size >= sizeof name || quote.size >= sizeof name - base.size)
        return CH_REFERENCE_NONE;
    memcpy(name, base.data, base.size);
    name[base.size] = '/';
    memcpy(name + base.size + 1, quote.data, quote.size);
    const ch_price_pair *of = ch_price_pair_find(prices, (ch_slice){name, base.size + 1 + quote.size});
    if (of == NULL)
        return CH_REFERENCE_NONE;
    median fresh = {.count = 0};
    gather(of, now_ns, max_age_ns, &fresh, out);
    if (fresh.count >= prices->at_least) {
        *out = (ch_reference){middle_of(&fresh), fresh.age_ns, fresh.count};
        return CH_REFERENCE_GOOD;
    }
    return fresh.count + fresh.held >= prices->at_least ? CH_REFERENCE_HELD : CH_REFERENCE_STALE;
}

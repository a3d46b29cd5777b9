/* What holds ways down: a limit, as far as it is asked of all that they let pass. A limit on orders holds their value
 * down together with one on the value of each. */
#include "policy/exposure_impl.h"

#include "base/memory.h"
#include "exchange/symbols.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_NS 3600000000000ULL

static const uint64_t horizons[CH_HORIZON_COUNT] = {[CH_HORIZON_HOUR] = HOUR_NS, [CH_HORIZON_DAY] = 24 * HOUR_NS};

static ch_decimal one(void)
{
    return ch_decimal_of(1);
}

/* ---- time ---- */

/* An interval touches both of the days, weeks or months that meet in it. A day of less than 24 hours, as where clocks
 * are put forward, fits into a day between two others. */
uint64_t ch_windows_within(const ch_period *period, uint64_t horizon_ns)
{
    switch (period->kind) {
    case CH_PERIOD_SLIDING:
        return horizon_ns / period->ns + (horizon_ns % period->ns != 0);
    case CH_PERIOD_DAY:
        return period->zone != NULL && horizon_ns > 23 * HOUR_NS ? 3 : 2;
    case CH_PERIOD_WEEK:
    case CH_PERIOD_MONTH:
        return 2;
    default:
        return 1;
    }
}

/* ---- loss ---- */

bool ch_loss_ratio(ch_decimal error, ch_decimal collar, ch_decimal *out)
{
    ch_decimal narrow = CH_DECIMAL_ZERO;
    ch_decimal sure = CH_DECIMAL_ZERO;
    ch_decimal product = CH_DECIMAL_ZERO;
    ch_decimal whole = CH_DECIMAL_ZERO;
    return ch_decimal_subtract(one(), error, &sure) && ch_decimal_subtract(one(), collar, &narrow) &&
           ch_decimal_multiply(sure, narrow, &product) && ch_decimal_divide_up(one(), product, &whole) &&
           ch_decimal_subtract(whole, one(), out);
}

static bool has_priceless(const ch_entry_rule *allow)
{
    static const char *const priced[] = {"limit", "limit-maker", "stop-limit", "take-profit-limit", "trailing-limit"};
    unsigned types = ch_allow_types(allow);
    for (size_t i = 0; i < sizeof priced / sizeof *priced; i++) {
        ch_slice type = ch_slice_of(priced[i]);
        if (ch_order_type_has_price(type))
            types &= ~ch_fact_word_bit(CH_FACT_TYPE, type);
    }
    return types != 0;
}

/* Without a collar, a buy loses no more than it pays, and a sell no more than what it sells is worth, which is above
 * the reference by its error at most. Contracts that are worth an amount of the quote asset are more, the lower the
 * price. */
static bool ratio_without_collar(const ch_way *way, ch_decimal *out, const char **why)
{
    ch_decimal sure = CH_DECIMAL_ZERO;
    *why = "its prices are held by no collar";
    if ((ch_allow_markets(way->reach.allow) & ~(unsigned)(CH_MARKET_SPOT | CH_MARKET_MARGIN)) != 0)
        return false;
    return ch_decimal_subtract(one(), ch_way_account(way)->reference_error, &sure) &&
           ch_decimal_divide_up(one(), sure, out);
}

/* How much of an order's value it can lose. */
static bool find_ratio(const ch_way *way, ch_decimal *out, const char **why)
{
    const ch_account *account = ch_way_account(way);
    ch_decimal slipping = CH_DECIMAL_ZERO;
    bool slips = has_priceless(way->reach.allow);
    if (account->prices == CH_PRICES_NONE) {
        *out = one(); /* only buys with a price have a value then */
        return true;
    }
    *why = "its account states no reference_error";
    if (!account->has_reference_error)
        return false;
    *why = "it lets orders without a price pass, and its account states no market_slippage";
    if (slips && !account->has_slippage)
        return false;
    *why = "its loss has more digits than can be counted";
    if (slips && !ch_loss_ratio(account->reference_error, account->market_slippage, &slipping))
        return false;
    bool is_found = way->has_collar ? ch_loss_ratio(account->reference_error, way->collar, out)
                                    : ratio_without_collar(way, out, why);
    *out = ch_decimal_larger(*out, slipping);
    return is_found;
}

/* ---- uses ---- */

/* How many uses of a signature there are for each that counts. */
static bool find_factor(const ch_way *way, ch_decimal *out, const char **why)
{
    const ch_key *key = ch_way_key(way);
    uint32_t assumed = way->is_by_relay ? 1 : key->is_relay_only ? 0 : key->assume_uses;
    *why = way->is_by_relay ? "nobody knows how often a signature can be used, and what a relay brings counts once"
                            : "nobody knows how often a signature can be used, and its key counts assume_uses";
    *out = one();
    if (assumed == 0)
        return true; /* each counts, or the limit refuses */
    *out = ch_decimal_of(way->true_uses / assumed + (way->true_uses % assumed != 0));
    return way->true_uses != 0;
}

/* ---- scopes ---- */

static bool is_by(const ch_entry_rule *limit, unsigned what)
{
    return (limit->limit.by & what) != 0;
}

/* True if way `at` adds to what the limit counts by, among the ways before it that are held. */
static bool is_new(const ch_exposure *exposure, const bool *is_held, size_t at, unsigned what)
{
    const ch_way *way = &exposure->ways[at];
    for (size_t i = 0; i < at; i++) {
        const ch_way *other = &exposure->ways[i];
        bool is_same = what == CH_BY_CALLER ? other->reach.caller == way->reach.caller
                       : what == CH_BY_KEY  ? other->reach.key == way->reach.key
                                            : ch_way_account(other) == ch_way_account(way);
        if (is_held[i] && is_same)
            return false;
    }
    return true;
}

static uint64_t count_new(const ch_exposure *exposure, const bool *is_held, unsigned what)
{
    uint64_t count = 0;
    for (size_t i = 0; i < exposure->way_count; i++)
        count += is_held[i] && is_new(exposure, is_held, i, what);
    return count;
}

static uint64_t count_symbols(const ch_exposure *exposure, const bool *is_held)
{
    ch_text_list all = {0};
    for (size_t i = 0; i < exposure->way_count; i++) {
        const ch_text_list *symbols = &exposure->ways[i].reach.allow->selector.symbols;
        for (size_t k = 0; is_held[i] && k < symbols->count; k++) {
            size_t at = 0;
            while (at < all.count && strcmp(all.items[at], symbols->items[k]) != 0)
                at++;
            if (at < all.count)
                continue;
            all.items = ch_realloc_array(all.items, all.count + 1, sizeof *all.items);
            all.items[all.count++] = symbols->items[k];
        }
    }
    free(all.items);
    return all.count;
}

static uint64_t count_addresses(const ch_exposure *exposure, const bool *is_held)
{
    uint64_t count = 0;
    for (size_t a = 0; exposure->way_count > 0 && a < exposure->ways[0].reach.policy->address_count; a++) {
        size_t i = 0;
        while (i < exposure->way_count &&
               !(is_held[i] && (exposure->ways[i].reach.allow->selector.to[a / 64] >> (a % 64) & 1) != 0))
            i++;
        count += i < exposure->way_count;
    }
    return count;
}

/* How many counts of its own the limit has for the ways that are held. */
static uint64_t count_scopes(const ch_exposure *exposure, const ch_entry_rule *limit, const bool *is_held,
                             bool has_addresses)
{
    uint64_t count = 1;
    if (is_by(limit, CH_BY_CALLER))
        count *= count_new(exposure, is_held, CH_BY_CALLER);
    if (is_by(limit, CH_BY_KEY) || is_by(limit, CH_BY_ACCOUNT))
        count *= count_new(exposure, is_held, is_by(limit, CH_BY_KEY) ? CH_BY_KEY : CH_BY_ACCOUNT);
    if (is_by(limit, CH_BY_SYMBOL) && !has_addresses)
        count *= count_symbols(exposure, is_held);
    if (is_by(limit, CH_BY_ADDRESS) && has_addresses)
        count *= count_addresses(exposure, is_held);
    return count;
}

/* ---- one limit ---- */

/* What is asked about. */
typedef struct asked {
    const ch_exposure *exposure;
    ch_cover *cover;
    ch_exposed what; /* of orders */
    ch_item_kind kind;
    bool with_gated;
    bool *is_held;    /* by way */
    ch_decimal *each; /* by way, of a limit on orders: the value of one */
    const ch_entry_rule **each_by;
} asked;

static bool has_addresses(const asked *in)
{
    return in->kind == CH_ITEM_TRANSFER || in->kind == CH_ITEM_WITHDRAWAL;
}

static bool has_countable_scopes(const asked *in, const ch_way *way, const ch_entry_rule *limit)
{
    const ch_selector *allow = &way->reach.allow->selector;
    bool has_symbols = in->kind != CH_ITEM_ORDER || allow->symbols.count > 0;
    bool has_to = !has_addresses(in) || (allow->to != NULL && !allow->is_any_address);
    return (!is_by(limit, CH_BY_SYMBOL) || has_symbols) && (!is_by(limit, CH_BY_ADDRESS) || has_to);
}

static bool is_asked_of(const asked *in, const ch_way *way, const ch_entry_rule *limit)
{
    return ch_way_has(way, in->kind, in->with_gated) && (way->classes >> CH_CLASS_SESSION & 1) == 0 &&
           way->stray == 0 && ch_allow_asks(way->reach.policy, way->reach.allow, limit) &&
           ch_reach_is_inside(&way->reach, in->kind, limit) && has_countable_scopes(in, way, limit);
}

/* What of a value counts. */
static bool find_share(const asked *in, const ch_way *way, bool is_value, ch_decimal *out, const char **why)
{
    *out = one();
    if (is_value && in->what == CH_EXPOSED_LOSS)
        return find_ratio(way, out, why);
    if (in->what != CH_EXPOSED_FEES)
        return true;
    *out = ch_way_account(way)->fees;
    *why = "its account states no fees";
    return ch_way_account(way)->has_fees;
}

/* The largest of what multiplies the limit for the ways that it holds, which it marks. Zero: it holds none. */
static ch_decimal find_multiple(asked *in, const ch_entry_rule *limit, bool is_value, bool is_of_each)
{
    ch_decimal largest = CH_DECIMAL_ZERO;
    const char *why;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        ch_decimal factor = CH_DECIMAL_ZERO;
        ch_decimal share = CH_DECIMAL_ZERO;
        in->is_held[i] = is_asked_of(in, way, limit) && (!is_of_each || in->each_by[i] != NULL) &&
                         find_factor(way, &factor, &why) && find_share(in, way, is_value, &share, &why) &&
                         ch_decimal_multiply(factor, share, &factor) &&
                         (!is_of_each || ch_decimal_multiply(factor, in->each[i], &factor));
        if (in->is_held[i])
            largest = ch_decimal_larger(largest, factor);
    }
    return largest;
}

/* How much of a limit reports may give back: those of bots, and of relays that were taken over. */
static ch_decimal find_release(const asked *in, const ch_limit *limit)
{
    ch_decimal release = limit->release;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->is_held[i] && in->exposure->ways[i].is_by_relay)
            release = ch_decimal_larger(release, limit->relay_release);
    }
    return release;
}

static bool find_most(const asked *in, const ch_entry_rule *entry, ch_decimal multiple, ch_horizon horizon,
                      ch_decimal *out)
{
    const ch_limit *limit = &entry->limit;
    uint64_t times = count_scopes(in->exposure, entry, in->is_held, has_addresses(in));
    ch_decimal returned = CH_DECIMAL_ZERO;
    bool fits = !__builtin_mul_overflow(times, ch_windows_within(&limit->per, horizons[horizon]), &times);
    *out = limit->most;
    if (fits && limit->has_closing)
        fits = ch_decimal_add(*out, limit->closing, out);
    return fits && ch_decimal_multiply(*out, find_release(in, limit), &returned) &&
           ch_decimal_add(*out, returned, out) && ch_decimal_multiply(*out, ch_decimal_of(times), out) &&
           ch_decimal_multiply(*out, multiple, out);
}

static bool is_any_held(const asked *in)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->is_held[i])
            return true;
    }
    return false;
}

/* Adds what the limit holds; `by` is the other limit, if there is one. */
static void add_hold(asked *in, const ch_entry_rule *limit, const ch_entry_rule *by, const char *asset,
                     ch_decimal multiple)
{
    ch_hold hold = {
        .limits = {limit, by},
          .asset = asset
    };
    bool fits = is_any_held(in);
    for (ch_horizon h = 0; fits && h < CH_HORIZON_COUNT; h++)
        fits = find_most(in, limit, multiple, h, &hold.most[h]);
    if (!fits || !ch_cover_add(in->cover, &hold))
        return;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->is_held[i])
            in->cover->under[i] |= (uint64_t)1 << (in->cover->hold_count - 1);
    }
}

static void add_limit(asked *in, const ch_entry_rule *limit, bool is_value)
{
    ch_decimal multiple = find_multiple(in, limit, is_value, false);
    add_hold(in, limit, NULL, limit->limit.asset, multiple);
}

/* ---- orders and the value of each ---- */

/* The smallest value of one order that is asked of each way, in that asset. */
static void find_each(asked *in, const char *asset)
{
    const ch_policy *policy = in->exposure->ways[0].reach.policy;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        in->each_by[i] = NULL;
        for (size_t k = policy->first[CH_VERB_LIMIT]; k < policy->first[CH_VERB_LIMIT + 1]; k++) {
            const ch_entry_rule *limit = &policy->entries[k];
            if (limit->limit.control != CH_CONTROL_ORDER_VALUE || strcmp(limit->limit.asset, asset) != 0 ||
                !is_asked_of(in, &in->exposure->ways[i], limit))
                continue;
            if (in->each_by[i] == NULL || ch_decimal_compare(limit->limit.most, in->each[i]) < 0) {
                in->each[i] = limit->limit.most;
                in->each_by[i] = limit;
            }
        }
    }
}

static const ch_entry_rule *first_each(const asked *in)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (in->is_held[i])
            return in->each_by[i];
    }
    return NULL;
}

static bool is_first_of_asset(const ch_policy *policy, size_t index)
{
    const ch_limit *limit = &policy->entries[index].limit;
    if (limit->control != CH_CONTROL_ORDER_VALUE)
        return false;
    for (size_t i = policy->first[CH_VERB_LIMIT]; i < index; i++) {
        const ch_limit *other = &policy->entries[i].limit;
        if (other->control == CH_CONTROL_ORDER_VALUE && strcmp(other->asset, limit->asset) == 0)
            return false;
    }
    return true;
}

static void add_counts(asked *in, const ch_policy *policy)
{
    for (size_t k = policy->first[CH_VERB_LIMIT]; k < policy->first[CH_VERB_LIMIT + 1]; k++) {
        if (!is_first_of_asset(policy, k))
            continue;
        const char *asset = policy->entries[k].limit.asset;
        find_each(in, asset);
        for (size_t i = policy->first[CH_VERB_LIMIT]; i < policy->first[CH_VERB_LIMIT + 1]; i++) {
            if (policy->entries[i].limit.control != CH_CONTROL_ORDERS)
                continue;
            ch_decimal multiple = find_multiple(in, &policy->entries[i], true, true);
            add_hold(in, &policy->entries[i], first_each(in), asset, multiple);
        }
    }
}

/* ---- why nothing holds a way ---- */

static const char *why_open(const asked *in, const ch_way *way)
{
    ch_decimal ignored = CH_DECIMAL_ZERO;
    const char *why = NULL;
    if ((way->classes >> CH_CLASS_SESSION & 1) != 0)
        return "it opens sockets, on which no limit sees an order";
    if (way->stray != 0)
        return ch_stray_why;
    if (way->reach.allow->is_unlimited)
        return "it is unlimited";
    if (!find_factor(way, &ignored, &why) || !find_share(in, way, true, &ignored, &why))
        return why;
    return in->kind == CH_ITEM_ORDER ? "no limit on value is asked of all of it"
                                     : "no limit on amounts in a window is asked of all of it";
}

static void begin(asked *in, ch_cover *out)
{
    size_t count = in->exposure->way_count + 1;
    ch_cover_init(out, in->exposure->way_count);
    in->cover = out;
    in->is_held = ch_alloc(count * sizeof *in->is_held);
    in->each = ch_alloc(count * sizeof *in->each);
    in->each_by = ch_alloc(count * sizeof *in->each_by);
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        if (ch_way_has(&in->exposure->ways[i], in->kind, in->with_gated))
            out->why[i] = why_open(in, &in->exposure->ways[i]);
    }
}

static void end(asked *in)
{
    free(in->is_held);
    free(in->each);
    free(in->each_by);
}

/* ---- all limits ---- */

void ch_holds_of_orders(const ch_exposure *exposure, ch_exposed what, ch_cover *out)
{
    asked in = {.exposure = exposure, .what = what, .kind = CH_ITEM_ORDER};
    begin(&in, out);
    const ch_policy *policy = exposure->way_count > 0 ? exposure->ways[0].reach.policy : NULL;
    for (size_t i = 0; policy != NULL && i < policy->entry_count; i++) {
        const ch_entry_rule *entry = &policy->entries[i];
        bool is_loss = what == CH_EXPOSED_LOSS && entry->limit.control == CH_CONTROL_LOSS;
        if (entry->verb == CH_VERB_LIMIT && (is_loss || entry->limit.control == CH_CONTROL_VALUE))
            add_limit(&in, entry, !is_loss);
    }
    if (policy != NULL)
        add_counts(&in, policy);
    end(&in);
}

void ch_holds_of_amounts(const ch_exposure *exposure, ch_item_kind kind, bool with_gated, const char *asset,
                         ch_cover *out)
{
    asked in = {.exposure = exposure, .what = CH_EXPOSED_VALUE, .kind = kind, .with_gated = with_gated};
    begin(&in, out);
    for (size_t i = 0; i < exposure->way_count; i++) {
        if (!ch_way_moves(&exposure->ways[i], asset))
            out->why[i] = NULL;
    }
    const ch_policy *policy = exposure->way_count > 0 ? exposure->ways[0].reach.policy : NULL;
    for (size_t i = 0; policy != NULL && i < policy->entry_count; i++) {
        const ch_entry_rule *entry = &policy->entries[i];
        bool is_of_it = entry->verb == CH_VERB_LIMIT && entry->limit.control == CH_CONTROL_AMOUNT &&
                        entry->limit.per.kind != CH_PERIOD_NONE && strcmp(entry->limit.asset, asset) == 0;
        if (is_of_it)
            add_limit(&in, entry, true);
    }
    end(&in);
}
